"""Axes of one width and the few marks that every figure of a report is drawn with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...checks.draws import Array, interval_ends
from ..svg import COLOURS

#: Inches: text drawn at this width can still be read on a window of 400 pixels.
WIDTH = 5.2

#: Of a figure that shares its line with another: the same size of text on less paper.
HALF = 4.3

INK, MUTED, LINE, CARD = (COLOURS[name] for name in ("ink", "muted", "line", "card"))
C1, C2, C3 = (COLOURS[name] for name in ("c1", "c2", "c3"))

#: Text beside marks.
SMALL = 9.4


@dataclass(frozen=True, slots=True)
class Margins:
    """Inches around the axes."""

    left: float = 0.15
    right: float = 0.1
    bottom: float = 0.5
    top: float = 0.1


def canvas(
    height: float, margins: Margins | None = None, width: float = WIDTH
) -> tuple[Figure, Axes]:
    """Return a figure with one pair of axes; sizes in inches."""
    figure = Figure(figsize=(width, height))
    return figure, add_axes(figure, margins or Margins())


def add_axes(figure: Figure, margins: Margins) -> Axes:
    """Add axes with margins in inches."""
    width, height = figure.get_size_inches()
    return figure.add_axes(
        (
            margins.left / width,
            margins.bottom / height,
            (width - margins.left - margins.right) / width,
            (height - margins.bottom - margins.top) / height,
        )
    )


def label_margin(labels: Sequence[str], size: float = 10.4) -> float:
    """Return the inches that the widest label needs; capitals are wider than small letters."""
    widths = (len(label) + 0.2 * sum(c.isupper() for c in label) for label in labels)
    return 0.15 + 0.0083 * size * max(widths, default=0)


def short(label: str, length: int = 20) -> str:
    """Cut a long label; tables show it in full."""
    return label if len(label) <= length else label[: length - 1] + "…"


def vertical_grid(axes: Axes) -> None:
    """Draw light lines at the ticks of the horizontal axis."""
    axes.grid(axis="x", color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)


def horizontal_grid(axes: Axes) -> None:
    """Draw light lines at the ticks of the vertical axis."""
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)


def note(axes: Axes, x: float, y: float, text: str, **options: Any) -> None:
    """Write beside a mark, in data coordinates."""
    axes.text(x, y, text, **{"fontsize": SMALL, "color": MUTED, "clip_on": False, **options})


def quantiles(draws: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Return the 89% and 50% interval ends and the median over the first axis.

    Order: low 89, low 50, median, high 50, high 89.
    """
    low, high = interval_ends()
    found = np.nanquantile(draws, [low, 0.25, 0.5, 0.75, high], axis=0)
    return found[0], found[1], found[2], found[3], found[4]


def density(
    draws: Array, low: float, high: float, *, bound: float | None = None, points: int = 160
) -> tuple[Array, Array]:
    """Smooth the draws between two ends with a normal kernel; reflected at ``bound``.

    Returns
    -------
    grid, height : ndarray
        The area under the curve is the share of the draws between the ends.
    """
    grid = np.linspace(low, high, points)
    values = draws[np.isfinite(draws)]
    inside = values[(values >= low) & (values <= high)]
    if inside.size < 2 or np.ptp(inside) == 0:
        return grid, np.zeros(points)
    quartiles = np.subtract(*np.quantile(inside, [0.75, 0.25])) / 1.34
    spread = min(s for s in (float(inside.std()), float(quartiles)) if s > 0)
    width = 0.9 * spread * inside.size**-0.2
    near = values[(values >= low - 4 * width) & (values <= high + 4 * width)]
    if bound is not None:
        near = np.concatenate([near, 2 * bound - near])
    fine = np.linspace(low - 4 * width, high + 4 * width, 1200)
    counts, edges = np.histogram(near, bins=fine)
    centres = (edges[1:] + edges[:-1]) / 2
    kernel = np.exp(-0.5 * ((grid[:, None] - centres) / width) ** 2)
    return grid, kernel @ counts / (values.size * width * np.sqrt(2 * np.pi))
