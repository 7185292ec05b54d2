"""Does the model produce data like ours, before and after fitting?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ...checks.draws import Array
from .canvas import (
    C1,
    C2,
    CARD,
    INK,
    LINE,
    MUTED,
    SMALL,
    Margins,
    add_axes,
    canvas,
    horizontal_grid,
    quantiles,
    short,
)

Mask = NDArray[np.bool_]

#: Rows drawn one by one.
MOST = 30


@dataclass(frozen=True, slots=True)
class Outcome:
    """One outcome: the observed rows, and data sets simulated before and after fitting.

    Attributes
    ----------
    before, after : ndarray of shape (draws, rows) or None
    """

    name: str
    labels: list[str]
    observed: Array
    before: Array | None
    after: Array | None

    @property
    def whole(self) -> bool:
        """Whether the outcome takes whole numbers only."""
        seen = self.observed[np.isfinite(self.observed)]
        simulated = next((s[:50] for s in (self.after, self.before) if s is not None), seen)
        simulated = simulated[np.isfinite(simulated)]
        return bool((seen == np.round(seen)).all() and (simulated == np.round(simulated)).all())


def draw_rows(outcome: Outcome, axis: str) -> Figure:
    """Draw one interval per row before fitting, one after, and the observed value."""
    n = outcome.observed.size
    crowded = _crowded(outcome.labels)
    figure, axes = canvas(
        3.1, Margins(left=0.58, right=0.1, bottom=0.65 if crowded else 0.3, top=0.32)
    )
    horizontal_grid(axes)
    at = np.arange(float(n))
    wide = max(1.5, min(8.0, 130 / n))
    seen = [outcome.observed]
    if outcome.before is not None:
        low, _, _, _, high = quantiles(outcome.before)
        axes.vlines(at, low, high, color=MUTED, alpha=0.35, linewidth=wide)
        seen += [low, high]
    if outcome.after is not None:
        low, lower, _, upper, high = quantiles(outcome.after)
        axes.vlines(at, low, high, color=C1, alpha=0.8, linewidth=max(1.0, wide / 4))
        axes.vlines(at, lower, upper, color=C1, linewidth=max(1.8, wide * 0.62))
        seen += [low, high]
    latest = outcome.after if outcome.after is not None else outcome.before
    _dots(axes, at, outcome.observed, outside(outcome.observed, latest), 6 if n <= 15 else 4.5)
    ends = np.concatenate(seen)
    ends = ends[np.isfinite(ends)]
    reach = float(np.ptp(ends)) or 1.0
    axes.set_ylim(float(ends.min()) - 0.05 * reach, float(ends.max()) + 0.05 * reach)
    axes.set_xlim(-0.7, n - 0.3)
    _row_ticks(axes, outcome.labels)
    axes.set_ylabel(axis)
    _key(axes, outcome.before is not None, outcome.after is not None)
    return figure


def outside(observed: Array, simulated: Array | None) -> Mask:
    """Return which rows lie outside their 89% interval."""
    if simulated is None:
        return np.zeros(observed.size, dtype=bool)
    low, _, _, _, high = quantiles(simulated)
    return np.asarray((observed < low) | (observed > high))


def _dots(axes: Axes, x: Array, observed: Array, out: Mask, size: float) -> None:
    """Draw what was observed: dots, and diamonds of another colour outside an interval."""
    axes.plot(x[~out], observed[~out], "o", ms=size, mfc=INK, mec=CARD, mew=0.9)
    axes.plot(x[out], observed[out], "D", ms=size, mfc=C2, mec=CARD, mew=0.9)


def _shown(labels: list[str]) -> tuple[list[int], list[str]]:
    step = max(1, -(-len(labels) // 15))
    at = list(range(0, len(labels), step))
    return at, [short(labels[i], 10) for i in at]


def _crowded(labels: list[str]) -> bool:
    _, shown = _shown(labels)
    return max(len(s) for s in shown) * len(shown) > 50


def _row_ticks(axes: Axes, labels: list[str]) -> None:
    at, shown = _shown(labels)
    crowded = _crowded(labels)
    axes.set_xticks(at, shown, rotation=45 if crowded else 0, ha="right" if crowded else "center")
    if crowded:
        axes.tick_params(axis="x", labelsize=8.5, pad=1)
    axes.spines["bottom"].set_color(LINE)


def _key(axes: Axes, before: bool, after: bool) -> None:
    words = [("prior predictive", MUTED)] * before + [("posterior predictive", C1)] * after
    left = 0.02
    for word, colour in [*words, ("● observed", INK)]:
        axes.text(
            left,
            1.03,
            word,
            transform=axes.transAxes,
            color=colour,
            fontweight="bold",
            fontsize=SMALL,
            va="bottom",
        )
        left += 0.035 + 0.0175 * len(word)


@dataclass(frozen=True, slots=True)
class Binned:
    """Shares of values per bin: observed, and simulated with an 89% interval over data sets.

    ``outside`` is the median share of a simulated data set that lies outside the bins.
    """

    edges: Array
    observed: Array
    low: Array
    median: Array
    high: Array
    outside: float


def bins(outcome: Outcome, most: int = 24) -> Array:
    """Return bin edges over the observed and most of the fitted values; whole ones if they are."""
    seen = outcome.observed[np.isfinite(outcome.observed)]
    low, high = float(seen.min()), float(seen.max())
    if outcome.after is not None:
        fitted = outcome.after[np.isfinite(outcome.after)]
        low = min(low, float(np.quantile(fitted, 0.005)))
        high = max(high, float(np.quantile(fitted, 0.995)))
    if outcome.whole:
        step = max(1, -(-int(high - low + 1) // most))
        return np.arange(np.floor(low) - 0.5, np.ceil(high) + 0.5 + step, step)
    if high == low:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, most + 1)


def binned(observed: Array, simulated: Array, edges: Array, most: int = 500) -> Binned:
    """Count values per bin, over at most ``most`` evenly spaced data sets."""
    chosen = simulated[np.linspace(0, len(simulated) - 1, min(most, len(simulated))).astype(int)]
    shares = np.stack([np.histogram(row[np.isfinite(row)], edges)[0] / row.size for row in chosen])
    low, _, median, _, high = quantiles(shares)
    return Binned(
        edges=edges,
        observed=np.histogram(observed, edges)[0] / observed.size,
        low=low,
        median=median,
        high=high,
        outside=float(np.median(1 - shares.sum(1))),
    )


def draw_bins(panels: list[tuple[str, Binned]], axis: str) -> Figure:
    """Draw observed shares against simulated ones, one panel before and one after fitting."""
    height = 1.55 * len(panels) + 0.47
    figure = Figure(figsize=(5.2, height))
    top = max(float(max(p.high.max(), p.observed.max())) for _, p in panels)
    for i, (title, panel) in enumerate(panels):
        above = 0.28 + i * 1.55
        below = height - above - 1.22
        axes = add_axes(figure, Margins(left=0.6, right=0.1, bottom=below, top=above))
        horizontal_grid(axes)
        colour = MUTED if title.startswith("before") else C1
        _steps(axes, panel, colour)
        axes.set_ylim(0, 1.08 * top)
        axes.set_ylabel("share of rows")
        axes.set_title(title, loc="left", fontsize=10.2, fontweight="bold", color=colour, pad=3)
        if i < len(panels) - 1:
            axes.set_xticklabels([])
        else:
            axes.set_xlabel(axis)
        if i == 0:
            axes.set_title("● observed", loc="right", fontsize=10.2, fontweight="bold", pad=3)
    return figure


def _steps(axes: Axes, panel: Binned, colour: str) -> None:
    centres = (panel.edges[1:] + panel.edges[:-1]) / 2
    width = np.diff(panel.edges)
    axes.bar(
        centres,
        panel.high - panel.low,
        width=width * 0.94,
        bottom=panel.low,
        color=colour,
        alpha=0.25,
        linewidth=0,
    )
    axes.hlines(panel.median, panel.edges[:-1], panel.edges[1:], color=colour, linewidth=1.6)
    outside = (panel.observed < panel.low) | (panel.observed > panel.high)
    _dots(axes, centres, panel.observed, outside, 4.8)
