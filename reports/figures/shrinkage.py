"""How far does each group move from its own estimate towards the population?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ...checks.draws import SAMPLE, Array
from ...checks.pooling import LevelPooling
from ..numbers import fixed, num
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
    quantiles,
    short,
    vertical_grid,
)

#: Groups drawn one by one; of more, only those that move furthest.
MOST = 25
FURTHEST = 12


@dataclass(frozen=True, slots=True)
class Movement:
    """Where every group of a level starts and ends.

    Attributes
    ----------
    raw : ndarray of shape (J,)
        Estimate from the group's own rows; nan where it is not known.
    pooled : ndarray of shape (J,)
        Posterior mean.
    quantiles : tuple of ndarray
        Of the effect: low 89%, low 50%, median, high 50%, high 89%.
    location : ndarray of shape (J,), and its interval
        What the groups are pulled towards.
    same_location : bool
        Whether that is one value for all groups.
    information : ndarray of shape (J,) or None
    """

    groups: list[str]
    raw: Array
    pooled: Array
    quantiles: tuple[Array, Array, Array, Array, Array]
    location: Array
    location_low: Array
    location_high: Array
    same_location: bool
    information: Array | None

    @property
    def distance(self) -> Array:
        """How far each group moves."""
        return np.abs(self.raw - self.pooled)


def movement(level: xr.Dataset) -> Movement:
    """Collect where the groups of a level start and end."""
    effect = _draws(level["effect"])
    groups = [str(g) for g in level["group"].values]
    same = "group" not in level["location"].dims
    location = _draws(level["location"].broadcast_like(level["effect"]))
    low, _, _, _, high = quantiles(location)
    return Movement(
        groups=groups,
        raw=np.asarray(level["raw"].values, dtype=float)
        if "raw" in level
        else np.full(len(groups), np.nan),
        pooled=effect.mean(0),
        quantiles=quantiles(effect),
        location=location.mean(0),
        location_low=low,
        location_high=high,
        same_location=same,
        information=level["information"].mean(SAMPLE).values if "information" in level else None,
    )


def _draws(values: xr.DataArray) -> Array:
    stacked = values.transpose(*SAMPLE, "group").values
    return np.asarray(stacked, dtype=float).reshape(-1, stacked.shape[-1])


def shown(moved: Movement) -> NDArray[np.integer[Any]]:
    """Return the groups an arrow plot shows, from the top: largest start first.

    Of many groups those that move furthest; without raw estimates those furthest from the
    population.
    """
    start = np.where(np.isfinite(moved.raw), moved.raw, moved.pooled)
    order = np.argsort(-start, kind="stable")
    if len(order) <= MOST:
        return np.asarray(order)
    distance = moved.distance
    if not np.isfinite(distance).any():
        distance = np.abs(moved.pooled - moved.location)
    distance = np.nan_to_num(distance, nan=-1.0)
    furthest = set(np.argsort(-distance, kind="stable")[:FURTHEST].tolist())
    return np.array([j for j in order if j in furthest])


def draw(moved: Movement, pooling: LevelPooling, axis: str) -> Figure:
    """Draw arrows from raw to pooled estimates, with the population they are pulled towards."""
    order = shown(moved)
    labels = [short(moved.groups[j]) for j in order]
    weights = pooling.weight_mean
    margins = Margins(
        left=min(label_margin(labels), 1.9),
        right=0.7 if weights is not None else 0.15,
        bottom=0.55,
        top=0.42,
    )
    figure, axes = canvas(0.98 + 0.33 * len(order), margins)
    rows = np.arange(float(len(order)))[::-1]
    _population(axes, moved, order, rows)
    low, lower, _, upper, high = (q[order] for q in moved.quantiles)
    axes.hlines(rows, low, high, color=C1, linewidth=2, alpha=0.55)
    axes.hlines(rows, lower, upper, color=C1, linewidth=6, alpha=0.5)
    raw, pooled = moved.raw[order], moved.pooled[order]
    ends = np.concatenate([raw[np.isfinite(raw)], low, high, moved.location_low[order]])
    reach = float(np.ptp(ends)) or 1.0
    axes.set_xlim(float(ends.min()) - 0.04 * reach, float(ends.max()) + 0.04 * reach)
    for y, start, end in zip(rows, raw, pooled, strict=True):
        if np.isfinite(start) and abs(start - end) > 0.02 * reach:
            axes.annotate(
                "",
                xy=(end, y),
                xytext=(start, y),
                arrowprops={
                    "arrowstyle": "-|>,head_width=0.22,head_length=0.42",
                    "color": INK,
                    "linewidth": 1.1,
                    "shrinkA": 0,
                    "shrinkB": 4,
                },
                zorder=4,
            )
    sizes = _areas(moved.information, order)
    axes.scatter(raw, rows, s=sizes, facecolor=CARD, edgecolor=INK, linewidth=1.3, zorder=5)
    axes.scatter(pooled, rows, s=34, facecolor=C1, edgecolor=CARD, linewidth=1, zorder=6)
    _name_marks(axes, raw, pooled, rows, reach)
    if weights is not None:
        right = axes.get_xlim()[1]
        for y, j in zip(rows, order, strict=True):
            said = f"  {fixed(1 - weights[j])}"
            note(axes, right, y, said, va="center", color=INK, fontsize=10.2)
        note(axes, right, len(order) - 0.28, "  pooling", va="bottom")
    axes.set_yticks(rows, labels)
    axes.set_ylim(-0.7, len(order) - 0.4)
    axes.set_xlabel(axis)
    return figure


def _population(axes: Axes, moved: Movement, order: NDArray[np.integer[Any]], rows: Array) -> None:
    if moved.same_location:
        first = int(order[0])
        centre = moved.location[first]
        low, high = moved.location_low[first], moved.location_high[first]
        axes.axvspan(low, high, color=C2, alpha=0.14, linewidth=0)
        axes.axvline(centre, color=C2, linewidth=1.6)
        said = f"population mean {num(centre, 2)}"
    else:
        low, high = moved.location_low[order], moved.location_high[order]
        axes.barh(rows, high - low, left=low, height=0.74, color=C2, alpha=0.16, linewidth=0)
        axes.vlines(moved.location[order], rows - 0.37, rows + 0.37, color=C2, linewidth=1.6)
        centre, said = float(np.mean(moved.location[order])), "population mean of each"
    note(
        axes,
        centre,
        len(rows) - 0.28,
        said,
        color=C2,
        fontweight="bold",
        ha="center",
        va="bottom",
        fontsize=10.2,
    )


def _areas(
    information: Array | None,
    order: NDArray[np.integer[Any]],
    largest: float = 110.0,
    smallest: float = 8.0,
) -> Array | float:
    """Return areas of circles, in points², that grow with the information."""
    if information is None:
        return largest / 3
    here = information[order]
    most = float(np.max(here))
    return np.maximum(largest * here / most, smallest) if most > 0 else largest / 3


def _name_marks(axes: Axes, raw: Array, pooled: Array, rows: Array, reach: float) -> None:
    """Say once which mark is which, where there is room."""
    apart = np.abs(raw - pooled)
    if not np.isfinite(apart).any() or np.nanmax(apart) < 0.18 * reach:
        return
    i = int(np.nanargmax(apart))
    below = {"textcoords": "offset points", "xytext": (0, -8), "va": "top", "fontsize": SMALL}
    axes.annotate("raw", (raw[i], rows[i]), color=MUTED, ha="center", **below)  # type: ignore[arg-type]
    axes.annotate("pooled", (pooled[i], rows[i]), color=C1, ha="center", **below)  # type: ignore[arg-type]


def draw_all(moved: Movement, unit_label: str) -> Figure:
    """Draw every group as a line from its raw to its pooled estimate, for levels of many groups."""
    known = np.flatnonzero(np.isfinite(moved.raw))
    raw, pooled = moved.raw[known], moved.pooled[known]
    figure, axes = canvas(2.6, Margins(left=0.75, right=0.25, bottom=0.5, top=0.3))
    vertical_grid(axes)
    xs = np.stack([raw, pooled, np.full(raw.size, np.nan)], axis=1).ravel()
    ys = np.tile([1.0, 0.0, np.nan], raw.size)
    axes.plot(xs, ys, color=MUTED, linewidth=0.7, alpha=float(np.clip(45 / raw.size, 0.12, 0.45)))
    faint = 0.8 if raw.size <= 100 else 0.55
    for size, at in _by_size(_areas(moved.information, known, 42.0, 3.0), raw.size):
        axes.plot(raw[at], np.ones(at.size), "o", ms=size, mfc=CARD, mec=INK, mew=0.8, alpha=faint)
    axes.plot(
        pooled,
        np.zeros(raw.size),
        "o",
        ms=4.5,
        mfc=C1,
        mec=CARD,
        mew=0.4,
        alpha=faint,
        clip_on=False,
    )
    for j, ha in ((int(np.argmin(raw)), "left"), (int(np.argmax(raw)), "right")):
        name = short(moved.groups[known[j]], 22)
        note(axes, float(raw[j]), 1.14, name, ha=ha, va="bottom", color=INK)
    axes.set_yticks([1, 0], ["raw", "pooled"])
    axes.set_ylim(-0.22, 1.22)
    axes.set_xlabel(unit_label)
    axes.spines["bottom"].set_color(LINE)
    return figure


def _by_size(
    areas: Array | float, count: int, steps: int = 6
) -> list[tuple[float, NDArray[np.integer[Any]]]]:
    """Return a few diameters, in points, and which circles have about each: small to draw."""
    diameters = np.broadcast_to(np.sqrt(areas), count)
    if np.ptp(diameters) == 0:
        return [(float(diameters[0]), np.arange(count))]
    ends = np.linspace(diameters.min(), diameters.max(), steps + 1)
    step = np.digitize(diameters, ends[1:-1])
    middle = 0.5 * (ends[1:] + ends[:-1])
    return [(float(middle[k]), np.flatnonzero(step == k)) for k in np.unique(step)]
