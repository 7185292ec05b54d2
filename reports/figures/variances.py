"""How much of the predictive uncertainty could more data remove?"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ...checks.decomposition import Decomposition
from ..numbers import num, percent
from .canvas import C1, C2, CARD, INK, SMALL, Margins, canvas, vertical_grid

#: How each source of variance is drawn: colour, opacity, hatching.
LOOKS: dict[str, tuple[str, float, str]] = {
    "location": (C1, 1.0, ""),
    "group effect": (C1, 0.55, ""),
    "spread between groups": (C2, 0.55, "////"),
    "noise within groups": (C2, 1.0, ""),
}

#: Names in the legend.
WORDS = {
    "location": "location (epistemic)",
    "group effect": "group effect (epistemic)",
    "spread between groups": "spread between groups (aleatory)",
    "noise within groups": "noise within groups (aleatory)",
}

_LINES = {
    "effect of an observed group": "effect of an\nobserved group",
    "new observation in an observed group": "new observation in\nan observed group",
    "effect of a new group": "effect of a\nnew group",
    "new observation in a new group": "new observation in\na new group",
}


#: How spreads of other levels than the one that is shown are drawn, one after the other.
_OTHERS = (("\\\\\\\\", 0.35), ("....", 0.35), ("xxxx", 0.35), ("----", 0.35))


def sources(targets: Sequence[Decomposition]) -> list[str]:
    """Return the sources of variance that occur, as they are stacked."""
    found = dict.fromkeys(p.name for d in targets for p in d.parts)
    first = [n for n in ("location", "group effect", "spread between groups") if n in found]
    last = [n for n in ("noise within groups",) if n in found]
    return [*first, *(n for n in found if n not in LOOKS), *last]


def looks(names: Sequence[str]) -> dict[str, tuple[str, float, str]]:
    """Return colour, opacity and hatching of every source."""
    found = {}
    others = 0
    for name in names:
        if name in LOOKS:
            found[name] = LOOKS[name]
        else:
            hatch, alpha = _OTHERS[others % len(_OTHERS)]
            found[name] = (C2, alpha, hatch)
            others += 1
    return found


def _lines(target: str) -> str:
    """Break the name of a target into lines of a tick label."""
    return _LINES.get(target) or "\n".join(wrap(target, 21))


def drawable(targets: Sequence[Decomposition]) -> list[Decomposition]:
    """Return the targets whose variance is a finite number above zero."""
    return [d for d in targets if np.isfinite(d.total) and d.total > 0]


def draw(targets: Sequence[Decomposition], axis: str) -> Figure | None:
    """Draw one stacked bar per target."""
    shown = drawable(targets)
    if not shown:
        return None
    names = sources(shown)
    how = looks(names)
    lines = [_lines(d.target) for d in shown]
    legend_rows = -(-len(names) // 2)
    figure, axes = canvas(
        0.75 + sum(max(0.6, 0.2 * (1 + line.count("\n"))) for line in lines) + 0.2 * legend_rows,
        Margins(left=1.42, right=0.1, bottom=0.52, top=0.2 + 0.2 * legend_rows),
    )
    vertical_grid(axes)
    rows = np.arange(len(shown))[::-1]
    widest = max(d.total for d in shown)
    for y, target in zip(rows, shown, strict=True):
        _bar(axes, float(y), target, widest, how)
    axes.set_yticks(rows, lines)
    axes.tick_params(axis="y", labelsize=9)
    axes.set_ylim(-0.5, len(shown) - 0.5)
    axes.set_xlim(0, widest * (1.8 if any(d.heavy_tailed for d in shown) else 1.5))
    axes.set_xlabel(axis)
    figure.legend(
        handles=[_patch(n, how[n]) for n in names],
        loc="upper left",
        ncols=2,
        bbox_to_anchor=(0.0, 1.0),
        borderpad=0.1,
        handlelength=1.1,
        handleheight=1.0,
        columnspacing=1.2,
        fontsize=SMALL,
    )
    return figure


def _bar(
    axes: Axes,
    y: float,
    target: Decomposition,
    widest: float,
    how: dict[str, tuple[str, float, str]],
) -> None:
    left = 0.0
    by_name = {p.name: p for p in target.parts}
    for part in (by_name[n] for n in how if n in by_name):
        colour, alpha, hatch = how[part.name]
        axes.barh(
            y,
            max(part.value, 0.0),  # a simulated part may fall below by its error
            left=left,
            height=0.52,
            color=colour,
            alpha=alpha,
            hatch=hatch,
            edgecolor=CARD,
            linewidth=1,
        )
        left += max(part.value, 0.0)
    if target.heavy_tailed:
        axes.barh(
            y, left, height=0.66, color="none", edgecolor=INK, linewidth=1.1, linestyle=(0, (3, 2))
        )
    said = f"sd {num(np.sqrt(target.total), 2)}\n{percent(target.epistemic_share)} epistemic"
    if target.heavy_tailed:
        said = said.replace("sd ", "sd about ").replace("\n", " (medians)\n")
    axes.text(left + 0.025 * widest, y, said, va="center", fontsize=9.8, linespacing=1.35)


def _patch(name: str, how: tuple[str, float, str]) -> Patch:
    colour, alpha, hatch = how
    label = WORDS.get(name, f"{name} (aleatory)")
    return Patch(facecolor=colour, alpha=alpha, hatch=hatch, edgecolor=CARD, label=label)
