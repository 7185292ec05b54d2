"""How strongly is every level pooled? All levels on one axis, from no to complete pooling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...checks.draws import Array
from ...checks.pooling import LevelPooling
from ..numbers import num
from .canvas import (
    C1,
    C2,
    CARD,
    INK,
    LINE,
    MUTED,
    SMALL,
    Margins,
    canvas,
    label_margin,
    note,
    short,
    vertical_grid,
)

#: Groups whose weights are drawn one by one; of more, evenly spaced quantiles.
_MOST = 120

_ROW = 0.78


def draw(levels: Sequence[LevelPooling]) -> Figure:
    """Draw weight on the population, its prior and the pooling factor of every level.

    Parameters
    ----------
    levels : sequence of LevelPooling
        From the top: outermost first.
    """
    names = [short(level.name, 18) for level in levels]
    sizes = [f"{len(level.groups)} groups" for level in levels]
    margins = Margins(
        left=min(max(label_margin(names), label_margin(sizes, SMALL)), 1.75),
        right=1.0,
        bottom=0.92,
        top=0.3,
    )
    figure, axes = canvas(margins.bottom + margins.top + _ROW * len(levels), margins)
    vertical_grid(axes)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.5, len(levels) - 0.5)
    places = np.arange(float(len(levels)))[::-1]
    for y, level in zip(places, levels, strict=True):
        _level(axes, level, float(y))
    axes.set_yticks(places, [f"{n}\n{s}" for n, s in zip(names, sizes, strict=True)])
    for label in axes.get_yticklabels():
        label.set_linespacing(1.25)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
    axes.set_xlabel("pooling, from none (0) to complete (1)")
    axes.spines["bottom"].set_color(LINE)
    if any(level.effective_groups is not None for level in levels):
        note(axes, 1.02, len(levels) - 0.5, "  effective\n  groups", va="bottom")
    _key(figure, levels)
    return figure


def _level(axes: Axes, level: LevelPooling, y: float) -> None:
    if level.weight_mean is not None:
        weights = 1 - thinned(level.weight_mean[np.isfinite(level.weight_mean)])
        marks = {"marker": "|", "ms": 7, "mew": 0.8, "linestyle": "none"}
        axes.plot(weights, np.full(weights.size, y + 0.3), color=INK, alpha=0.45, **marks)  # type: ignore[arg-type]
    pooled = on_population(level)
    if pooled is not None:
        _interval(axes, pooled, y + 0.06, C1, 2.6)
    if level.prior_weight is not None:
        before = level.prior_weight
        ends = 1 - before.high, 1 - before.mean, 1 - before.low
        _interval(axes, ends, y - 0.14, MUTED, 1.6)
    if level.factor is not None and np.isfinite(level.factor.factor):
        at = float(np.clip(level.factor.factor, 0, 1))
        axes.plot([at], [y - 0.32], "D", ms=6.5, mfc=C2, mec=CARD, mew=0.9)
    if level.effective_groups is not None:
        said = f"  {num(level.effective_groups.mean, 2)} of {len(level.groups)}"
        note(axes, 1.02, y, said, va="center", color=INK, fontsize=10.2)


def thinned(values: Array) -> Array:
    """Return the values, or evenly spaced quantiles of many."""
    if values.size <= _MOST:
        return np.sort(values)
    return np.asarray(np.quantile(values, np.linspace(0, 1, _MOST)))


def on_population(level: LevelPooling) -> tuple[float, float, float] | None:
    """Return low end, mean and high end of the mean weight on the population.

    Of effects that share their rows: one minus their effective number over their number.
    """
    if level.mean_weight is not None:
        weight = level.mean_weight
        return 1 - weight.high, 1 - weight.mean, 1 - weight.low
    if level.effective_groups is None:
        return None
    effective, count = level.effective_groups, len(level.groups)
    return 1 - effective.high / count, 1 - effective.mean / count, 1 - effective.low / count


def _interval(
    axes: Axes, ends: tuple[float, float, float], y: float, colour: str, width: float
) -> None:
    low, mean, high = ends
    axes.hlines(y, low, high, color=colour, linewidth=width)
    axes.plot([mean], [y], "o", ms=6.5, mfc=colour, mec=CARD, mew=1)


def _key(figure: Figure, levels: Sequence[LevelPooling]) -> None:
    """Say below the axes which mark is which, for the marks that are there."""
    marks = []
    if any(level.weight_mean is not None for level in levels):
        marks.append(Line2D([], [], color=INK, marker="|", ms=7, linestyle="none", label="groups"))
    if any(on_population(level) is not None for level in levels):
        marks.append(_bar(C1, "weight on the population"))
    if any(level.prior_weight is not None for level in levels):
        marks.append(_bar(MUTED, "its prior"))
    if any(level.factor is not None for level in levels):
        marks.append(
            Line2D([], [], color=C2, marker="D", ms=6, linestyle="none", label="pooling factor")
        )
    figure.legend(
        handles=marks,
        loc="lower center",
        ncols=4,
        borderpad=0.1,
        handlelength=1.3,
        handletextpad=0.4,
        columnspacing=1.0,
        fontsize=SMALL,
        frameon=False,
    )


def _bar(colour: str, label: str) -> Line2D:
    return Line2D([], [], color=colour, marker="o", ms=6, linewidth=2.2, label=label)
