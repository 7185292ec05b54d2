"""Figures as inline SVG that follows the page: its colours, its font and its width."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Figures are drawn in these colours; each becomes the CSS variable of that name.
COLOURS = {
    "ink": "#18202c",
    "muted": "#566173",
    "line": "#dfe3e9",
    "card": "#fefefe",
    "c1": "#1d5fc4",
    "c2": "#b4520b",
    "c3": "#7a3fa0",
}

_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "poolwise",
    "text.parse_math": False,
    "font.size": 10.4,
    "axes.labelsize": 10.4,
    "xtick.labelsize": 10.4,
    "ytick.labelsize": 10.4,
    "axes.labelcolor": COLOURS["ink"],
    "text.color": COLOURS["ink"],
    "axes.edgecolor": COLOURS["muted"],
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "xtick.color": COLOURS["muted"],
    "ytick.color": COLOURS["muted"],
    "xtick.labelcolor": COLOURS["ink"],
    "ytick.labelcolor": COLOURS["ink"],
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "axes.unicode_minus": True,
    "axes.formatter.useoffset": False,
    "axes.formatter.use_mathtext": False,
    "hatch.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}


#: Marks drawn one after the other.
_RUN_OF_MARKS = re.compile(r"(?:<use [^>]*/>\s*){3,}")


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw every figure alike, whatever the user's matplotlib settings; they are restored after."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        for name, value in _STYLE.items():
            mpl.rcParams[name] = value  # type: ignore[index]
        yield


def inline_svg(figure: Figure, key: str, title: str, description: str) -> str:
    """Return a figure as an SVG element for an HTML page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn in ``COLOURS`` only.
    key : str
        Prefix of every id, unique in the page.
    title, description : str
        Read to those who do not see the figure.
    """
    buffer = io.StringIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    figure.savefig(buffer, format="svg", metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.S)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.S)
    text = re.sub(r"<style.*?</style>\s*", "", text, flags=re.S)
    text = re.sub(r"<[^>]*>", lambda tag: _for_page(tag.group(0), key), text)
    text = re.sub(r"\n\s*", "\n", text)
    text = _RUN_OF_MARKS.sub(_styled_once, text)
    opening = re.match(r"<svg[^>]*>", text)
    box = re.search(r'viewBox="([^"]+)"', text)
    if opening is None or box is None:
        raise ValueError("matplotlib wrote no SVG element with a viewBox")
    head = (
        f'<svg viewBox="{box.group(1)}" role="img" aria-labelledby="{key}-title {key}-desc">'
        f'<title id="{key}-title">{escape(title)}</title>'
        f'<desc id="{key}-desc">{escape(description)}</desc>'
    )
    return head + text[opening.end() :].strip()


def _for_page(tag: str, key: str) -> str:
    """Rewrite one tag; text between tags holds the user's own names and is left alone."""
    tag = re.sub(r"\bid=\"", f'id="{key}-', tag)
    tag = re.sub(r"url\(#", f"url(#{key}-", tag)
    tag = re.sub(r"(?:xlink:)?href=\"#", f'href="#{key}-', tag)
    tag = re.sub(r' (?:d|points|transform|x|y|width|height)="[^"]*"', _rounded, tag)
    tag = re.sub(r"\s*font-family:[^;\"]*;?", "", tag)
    tag = re.sub(r'fill="(#[0-9a-f]{6})"', r'style="fill: \1"', tag)
    for name, colour in COLOURS.items():
        tag = tag.replace(colour, f"var(--{name})")
    return tag


def _styled_once(run: re.Match[str]) -> str:
    """Write the style that all marks of a run share once, around them."""
    marks = run.group(0)
    styles = set(re.findall(r' style="([^"]*)"', marks))
    if len(styles) != 1 or marks.count(" style=") != marks.count("<use "):
        return marks
    if any(re.search(r"(?<!-)opacity:", style) for style in styles):
        return marks  # of a group it would count once where marks overlap
    bare = re.sub(r' style="[^"]*"', "", marks).rstrip()
    return f'<g style="{styles.pop()}">\n{bare}\n</g>\n'


def _rounded(found: re.Match[str]) -> str:
    """Round to a hundredth of a point."""
    return re.sub(r"(\.\d\d)\d+", r"\1", found.group(0))
