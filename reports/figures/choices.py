"""Where is the penalty, how certain is it, and what would a classical analyst have chosen?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from ...checks.draws import Array
from ...checks.penalty import METHODS, Marker, Outcome, Ridge, l_curve
from ..numbers import num
from .canvas import (
    C1,
    C2,
    CARD,
    HALF,
    INK,
    LINE,
    MUTED,
    SMALL,
    Margins,
    add_axes,
    horizontal_grid,
    quantiles,
    vertical_grid,
)
from .log_axis import round_values, written
from .penalty import Pooling, draw_densities, label_penalty, pooling_axis, window

#: Shape of every choice, the same in both figures.
SHAPES = dict(zip(METHODS, ("s", "D", "^", "v", "P", "X"), strict=True))

_HEIGHT = 4.1


def draw_posterior(
    posterior: Array, prior: Array | None, markers: Sequence[Marker], axis: Pooling | None
) -> Figure:
    """Draw the posterior of λ, and below it one line per classical choice.

    Parameters
    ----------
    posterior, prior : ndarray of shape (draws,)
        Base-10 logarithm of λ.
    markers : sequence of Marker
    axis : Pooling or None
        What stands on the top axis; None for no such axis.
    """
    figure = Figure(figsize=(HALF, _HEIGHT))
    above = 0.62 if axis is not None else 0.12
    upper = add_axes(figure, Margins(left=1.12, right=0.2, bottom=2.05, top=above))
    lower = add_axes(figure, Margins(left=1.12, right=0.2, bottom=0.55, top=_HEIGHT - 2.0))
    low, high = _ends(posterior, prior, markers)
    draw_densities(upper, posterior, prior, low, high)
    upper.set_xticks([])
    upper.spines["bottom"].set_visible(False)
    if axis is not None:
        pooling_axis(upper, axis, low, high)
    _lines(lower, markers, posterior, low, high)
    label_penalty(lower, low, high)
    return figure


def _ends(posterior: Array, prior: Array | None, markers: Sequence[Marker]) -> tuple[float, float]:
    low, high = window(posterior, prior)
    places = [_place(m) for m in markers if m.outcome is Outcome.FOUND]
    centre = float(np.median(posterior))
    places = [p for p in places if abs(p - centre) < 6]
    margin = 0.04 * (high - low)
    return min([low, *(p - margin for p in places)]), max([high, *(p + margin for p in places)])


def _place(marker: Marker) -> float:
    return float(np.log10(marker.penalty))


def _lines(
    axes: Axes, markers: Sequence[Marker], posterior: Array, low: float, high: float
) -> None:
    reach = quantiles(posterior)
    axes.axvspan(float(reach[0]), float(reach[4]), color=C1, alpha=0.12, linewidth=0)
    at = np.arange(len(markers))[::-1]
    for y, marker in zip(at, markers, strict=True):
        if marker.outcome is Outcome.FOUND and low <= _place(marker) <= high:
            _mark(axes, _place(marker), float(y), marker.method)
        else:
            _say(axes, marker, float(y), low, high)
    axes.set_yticks(at, [m.method for m in markers])
    axes.tick_params(axis="y", labelsize=SMALL)
    axes.set_xlim(low, high)
    axes.set_ylim(-0.6, len(markers) - 0.4)
    vertical_grid(axes)


def _mark(axes: Axes, x: float, y: float, method: str) -> None:
    axes.plot([x], [y], SHAPES[method], ms=7.5, mfc=C2, mec=CARD, mew=0.9, zorder=3)


def _say(axes: Axes, marker: Marker, y: float, low: float, high: float) -> None:
    """Write what has no place on the axis: to its right where λ is too large, to its left else."""
    right = marker.penalty > 10**high
    left = marker.penalty < 10**low
    words = str(marker.outcome)
    if marker.outcome is Outcome.FOUND:
        words = f"λ = {num(marker.penalty, 2)}"
    words = f"{words} →" if right else f"← {words}" if left else words
    x, ha = (high, "right") if right else (low, "left") if left else (0.5 * (low + high), "center")
    strong = INK if right or left else MUTED
    axes.text(x, y, words, ha=ha, va="center", fontsize=SMALL, color=strong)


def draw_curve(ridge: Ridge, markers: Sequence[Marker], posterior: Array) -> Figure:
    """Draw the L-curve, the stretch that the posterior holds likely, and the classical choices.

    Parameters
    ----------
    ridge : Ridge
    markers : sequence of Marker
    posterior : ndarray of shape (draws,)
        Base-10 logarithm of λ.
    """
    figure = Figure(figsize=(HALF, _HEIGHT))
    axes = add_axes(figure, Margins(left=0.72, right=0.2, bottom=1.12, top=0.12))
    horizontal_grid(axes)
    found = [m for m in markers if m.outcome is Outcome.FOUND]
    low, lower, median, upper, high = (float(q) for q in quantiles(posterior))
    ends = [low, high, *(_place(m) for m in found)]
    ends = [max(min(ends), median - 6) - 1.0, min(max(ends), median + 6) + 1.0]
    _stretch(axes, ridge, ends[0], ends[1], MUTED, 1.3)
    _stretch(axes, ridge, low, high, C1, 3.0)
    _stretch(axes, ridge, lower, upper, C1, 6.5)
    _points(axes, ridge, [median], "o", C1, "posterior median", 7.5)
    for marker in found:
        _points(axes, ridge, [_place(marker)], SHAPES[marker.method], C2, marker.method, 7.5)
    axes.set_xscale("log")
    axes.set_yscale("log")
    _ticks(axes)
    axes.set_xlabel("norm of the residuals")
    axes.set_ylabel("norm of the effects")
    figure.legend(
        loc="lower left",
        ncols=3,
        bbox_to_anchor=(0.0, 0.0),
        borderpad=0.1,
        handlelength=1.0,
        handletextpad=0.4,
        columnspacing=1.0,
        fontsize=SMALL,
    )
    return figure


def _stretch(axes: Axes, ridge: Ridge, low: float, high: float, colour: str, width: float) -> None:
    curve = l_curve(ridge, np.logspace(low, high, 160))
    axes.plot(
        curve.residual, curve.size, color=colour, linewidth=width, alpha=0.55, solid_capstyle="butt"
    )


def _points(
    axes: Axes, ridge: Ridge, logs: list[float], shape: str, colour: str, label: str, size: float
) -> None:
    curve = l_curve(ridge, 10 ** np.asarray(logs))
    axes.plot(
        curve.residual,
        curve.size,
        shape,
        ms=size,
        mfc=colour,
        mec=CARD,
        mew=0.9,
        label=label,
        zorder=3,
    )


def _ticks(axes: Axes) -> None:
    for axis, most in ((axes.xaxis, 5), (axes.yaxis, 6)):
        values = round_values(*axis.get_view_interval(), most=most)
        axis.set_ticks(values, [written(v) for v in values])
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())
    axes.spines["bottom"].set_color(LINE)
