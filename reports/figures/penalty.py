"""How well do the data determine the penalty, and how much does each group pool?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from ...checks.draws import SAMPLE, Array
from ...checks.penalty import Ridge, ridge_of
from ...checks.pooling import LevelPooling
from ...checks.ridge_equivalent import equivalent_penalty, has_penalty, row_variance
from ..numbers import num
from .canvas import (
    C1,
    CARD,
    HALF,
    INK,
    LINE,
    MUTED,
    Margins,
    canvas,
    density,
    horizontal_grid,
    note,
    quantiles,
    short,
)
from .log_axis import apart, round_values, written

_WEIGHTS = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999)


@dataclass(frozen=True, slots=True)
class Pooling:
    """What a penalty means for the groups of a level: a weight on the population from 0 to 1.

    Attributes
    ----------
    label : str
        Of whom it is.
    rows : float
        Rows of a typical group.
    ridge : Ridge or None
        Of effects that share their rows: the weight is then the mean over effects,
        1 - (effective degrees of freedom)/(number of effects).
    """

    label: str
    rows: float = 1.0
    ridge: Ridge | None = None

    def at(self, penalty: float) -> float:
        """Return the weight at one penalty: 0 for none, 1 for an infinite one, else NaN."""
        if np.isinf(penalty):
            return 1.0
        if self.ridge is None or not penalty > 0:
            return penalty / (penalty + self.rows)
        effective = self.ridge.at(np.array([1 / penalty])).effective[0]
        return 1 - float(effective) / self.ridge.effects


def pooling_of(level: xr.Dataset) -> Pooling:
    """Return what a penalty means for the groups of a level."""
    if "row_effects" in level:
        return Pooling("pooling, mean over effects", ridge=ridge_of(level))
    counts = level["design_squared"] if "design_squared" in level else level["rows"]
    rows = float(np.median(counts.values))
    size = "1 row" if rows == 1 else f"{num(rows, 2)} rows"
    # Rows that share an effect of a level below say less than as many independent ones.
    worth = (level["information"] * row_variance(level)).median(SAMPLE)
    counted = float(np.median(worth.values))
    if counted < 0.9 * rows:
        return Pooling(f"pooling of a group, {size} counting as {num(counted, 2)}", counted)
    return Pooling(f"pooling of a group with {size}", rows)


def penalty_draws(level: xr.Dataset | None) -> Array | None:
    """Return the base-10 logarithm of λ at every draw where it is finite."""
    if level is None or not has_penalty(level):
        return None
    values = np.ravel(np.asarray(equivalent_penalty(level).values, dtype=float))
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log10(values)
    return np.asarray(logs[np.isfinite(logs)])


def draw(level: xr.Dataset, prior: xr.Dataset | None) -> Figure | None:
    """Draw posterior and prior of λ on a log axis, with the pooling weight on top."""
    posterior, before = penalty_draws(level), penalty_draws(prior)
    if posterior is None or posterior.size < 10 or np.ptp(posterior) == 0:
        return None
    figure, axes = canvas(3.1, Margins(left=0.18, right=0.18, bottom=0.55, top=0.62), HALF)
    low, high = window(posterior, before)
    draw_densities(axes, posterior, before, low, high)
    label_penalty(axes, low, high)
    pooling_axis(axes, pooling_of(level), low, high)
    return figure


def draw_densities(
    axes: Axes, posterior: Array, before: Array | None, low: float, high: float
) -> None:
    """Draw posterior and prior of the logarithm of λ between two ends, with their intervals."""
    grid, height = density(posterior, low, high)
    top = height.max()
    axes.fill_between(grid, height, color=C1, alpha=0.2, linewidth=0)
    axes.plot(grid, height, color=C1, linewidth=1.7)
    highest = top
    _interval(axes, posterior, -0.09 * top, C1)
    if before is not None and before.size > 10:
        _, prior_height = density(before, low, high)
        axes.plot(grid, prior_height, color=MUTED, linewidth=1.4, linestyle=(0, (4, 2.5)))
        _interval(axes, before, -0.2 * top, MUTED)
        highest = max(top, prior_height.max())
        _name_curves(axes, grid, height, prior_height)
    axes.set_xlim(low, high)
    axes.set_ylim(-0.3 * top, (1.12 if before is None else 1.2) * highest)
    axes.set_yticks([])


def label_penalty(axes: Axes, low: float, high: float) -> None:
    """Label the horizontal axis, a logarithm of λ, by λ."""
    values = round_values(10**low, 10**high)
    places, labels = [float(np.log10(v)) for v in values], [written(v) for v in values]
    kept = apart(places, labels, axes)
    axes.set_xticks([places[i] for i in kept], [labels[i] for i in kept])
    axes.set_xlabel("equivalent ridge penalty λ = σ²/τ²")


def window(posterior: Array, before: Array | None) -> tuple[float, float]:
    """Return the ends of the axis: most of posterior and prior, at most five decades each way."""
    low, high = np.quantile(posterior, [0.005, 0.995])
    if before is not None and before.size:
        prior_low, prior_high = np.quantile(before, [0.055, 0.945])
        low, high = min(low, prior_low), max(high, prior_high)
    centre = float(np.median(posterior))
    low, high = max(low, centre - 5), min(high, centre + 5)
    margin = 0.04 * (high - low)
    return float(low - margin), float(high + margin)


def _interval(axes: Axes, draws: Array, y: float, colour: str) -> None:
    low, lower, median, upper, high = (float(q) for q in quantiles(draws))
    axes.hlines(y, low, high, color=colour, linewidth=2)
    axes.hlines(y, lower, upper, color=colour, linewidth=5.5)
    axes.plot([median], [y], "o", ms=6.5, mfc=colour, mec=CARD, mew=1)


def _name_curves(axes: Axes, grid: Array, height: Array, prior: Array) -> None:
    gap = height - prior
    at = int(np.argmax(gap))
    right = at < grid.size * 0.6
    axes.annotate(
        "posterior",
        (grid[at], height[at]),
        xytext=(14 if right else -14, 2),
        textcoords="offset points",
        ha="left" if right else "right",
        color=C1,
        fontweight="bold",
        fontsize=10.2,
    )
    at = int(np.argmin(gap[5:-5])) + 5
    axes.annotate(
        "prior",
        (grid[at], prior[at]),
        xytext=(-3 if at < grid.size / 2 else 3, 5),
        textcoords="offset points",
        ha="center" if not 0.15 < at / grid.size < 0.85 else _outwards(at, grid.size),
        color=MUTED,
        fontweight="bold",
        fontsize=10.2,
    )


def _outwards(at: int, size: int) -> str:
    return "right" if at < size / 2 else "left"


def pooling_axis(axes: Axes, pooling: Pooling, low: float, high: float) -> None:
    """Add what the penalties between two ends (logarithms) mean for the groups, on top."""
    grid = np.linspace(low, high, 300)
    weight = np.maximum.accumulate([pooling.at(float(10**x)) for x in grid])
    ends = float(weight[0]), float(weight[-1])
    wanted: list[float] = [w for w in _WEIGHTS if ends[0] <= w <= ends[1]]
    if len(wanted) < 2:
        wanted = [float(w) for w in MaxNLocator(5).tick_values(*ends) if ends[0] <= w <= ends[1]]
    places = [float(x) for x in np.interp(_logit(wanted), _logit(weight), grid)]
    labels = [f"{w:g}" for w in wanted]
    kept = apart(places, labels, axes)
    top = axes.secondary_xaxis("top")
    top.set_xticks([places[i] for i in kept], [labels[i] for i in kept])
    top.xaxis.set_minor_locator(NullLocator())
    top.spines["top"].set_color(LINE)
    top.set_xlabel(pooling.label, color=MUTED)


def _logit(weight: Sequence[float] | Array) -> Array:
    inside = np.clip(np.asarray(weight, dtype=float), 1e-12, 1 - 1e-12)
    return np.asarray(np.log(inside / (1 - inside)))


def draw_weights(
    level: xr.Dataset,
    prior: xr.Dataset | None,
    pooling: LevelPooling,
    unit: str,
    width: float = HALF,
) -> Figure | None:
    """Draw the weight on own data against the standard error of own estimate."""
    if pooling.weight_mean is None or "information" not in level:
        return None
    information = level["information"].mean(SAMPLE).values
    known = information > 0
    if not known.any():
        return None
    error = 1 / np.sqrt(information[known])
    weights = pooling.weight_mean[known]
    figure, axes = canvas(3.1, Margins(left=0.55, right=0.12, bottom=0.55, top=0.12), width)
    horizontal_grid(axes)
    reach = float(np.ptp(error)) or float(error.max())
    low, high = max(0.0, error.min() - 0.12 * reach), float(error.max() + 0.12 * reach)
    grid = np.linspace(max(low, 1e-3 * high), high, 80)
    if "group" not in level["scale"].dims:
        curve = _curve(level["scale"], grid)
        ends = quantiles(curve)
        axes.fill_between(grid, ends[0], ends[4], color=C1, alpha=0.14, linewidth=0)
        axes.fill_between(grid, ends[1], ends[3], color=C1, alpha=0.2, linewidth=0)
        axes.plot(grid, curve.mean(0), color=C1, linewidth=1.5)
        if prior is not None:
            before = _curve(prior["scale"], grid).mean(0)
            axes.plot(grid, before, color=MUTED, linewidth=1.4, linestyle=(0, (4, 2.5)))
            _prior_label(axes, grid, before, curve.mean(0))
    many = weights.size > 25
    axes.plot(
        error,
        weights,
        "o",
        ms=4.5 if many else 7,
        mfc=C1,
        mec=CARD,
        mew=0.6 if many else 1,
        alpha=0.85 if many else 1,
    )
    _name_extremes(
        axes, [g for g, k in zip(pooling.groups, known, strict=True) if k], error, weights
    )
    axes.set_xlim(low, high)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel(f"standard error of own estimate{f' ({unit})' if unit else ''}")
    axes.set_ylabel("weight on own data")
    return figure


def _curve(scale: xr.DataArray, error: Array) -> Array:
    variance = np.ravel(np.asarray(scale.values, dtype=float))[:, None] ** 2
    return np.asarray(variance / (variance + error**2))


def _prior_label(axes: Axes, grid: Array, before: Array, after: Array) -> None:
    at = int(0.82 * grid.size)
    above = before[at] >= after[at]
    note(
        axes,
        grid[at],
        float(before[at]) + (0.025 if above else -0.03),
        "prior",
        fontweight="bold",
        ha="center",
        va="bottom" if above else "top",
        fontsize=10.2,
    )


def _name_extremes(axes: Axes, groups: Iterable[str], error: Array, weights: Array) -> None:
    names = list(groups)
    if np.ptp(error) <= 1e-6 * float(np.max(error)):
        return  # all alike
    for i, ha in ((int(np.argmin(error)), "left"), (int(np.argmax(error)), "right")):
        axes.annotate(
            short(names[i], 16),
            (error[i], weights[i]),
            xytext=(6, 7) if ha == "left" else (-2, 15),
            textcoords="offset points",
            ha=ha,
            color=INK,
            fontsize=9.8,
            bbox={"facecolor": CARD, "edgecolor": "none", "alpha": 0.75, "pad": 0.6},
        )
