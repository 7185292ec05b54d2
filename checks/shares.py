r"""Numbers that belong to a whole posterior: pooling factor, R² and aleatory shares of a level.

They are no averages over draws, so under other weights they are computed anew. Each is a function
of weighted means, and its Monte Carlo error that of its influence: what a draw adds to it when its
weight grows (Hampel 1974, doi:10.1080/01621459.1974.10482962).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from .draws import SAMPLE, Array, over_groups
from .weighted import batches, mcse_of_total

#: What is kept of every number, along the dimension ``share``.
SHARE = ("value", "mcse")

#: Draws times groups that are looked at; of more, every second, third, ... draw is.
_MOST_VALUES = 4_000_000

#: Targets whose variance is in part the world's own, as :mod:`.decomposition` names them.
NEW_EFFECT = "effect of a new group"
OBSERVED_ROW = "new observation in an observed group"
NEW_ROW = "new observation in a new group"

ALEATORY, IN_MEDIANS = "aleatory share", " in medians"

#: A variance whose mean is so many times its median is described by its median.
HEAVY = 2.0


@dataclass(frozen=True, slots=True)
class Share:
    """One number of a posterior, with its Monte Carlo error."""

    value: float
    mcse: float


def shares_of(name: str, level: xr.Dataset, weights: Array) -> list[dict[str, Share]]:
    """Return the numbers of one level under each of several sets of weights.

    Parameters
    ----------
    name : str
        Of the level.
    level : xarray.Dataset
        As :mod:`.pooling` and :mod:`.decomposition` take it.
    weights : ndarray of shape (sets, chain, draw)

    Returns
    -------
    list of dict of str to Share
        By label, for each set of weights: the pooling factor and R² of Gelman and Pardoe (2006),
        and for each target the aleatory share of its predictive variance at the average row of
        each group: with the variance averaged over draws (NaN where that mean is far above the
        median) and with its median.
    """
    if level.sizes["group"] < 2:
        return [{} for _ in weights]
    thin = -(-level.sizes["group"] * weights[0].size // _MOST_VALUES)
    level = level.isel(draw=slice(None, None, thin))
    shares = weights[:, :, ::thin]
    starts = batches(*shares.shape[1:])
    flat = shares.reshape(len(shares), -1)
    flat = flat / flat.sum(axis=1, keepdims=True)
    parts = _Parts(level)
    return [dict(_of_one(name, parts, w, under, starts)) for w, under in parts.under(flat)]


class _Means:
    """Draws of the mean of every group, for variances under any weights."""

    def __init__(self, draws: xr.DataArray) -> None:
        values = _flat(draws)
        self.values = values - values.mean(axis=0)
        self.squares = (self.values**2).mean(axis=1)

    def squared_distances(self, weights: Array) -> Array:
        """Return each draw's squared distance from each weighted mean, averaged over groups.

        Parameters
        ----------
        weights : ndarray of shape (sets, draws)

        Returns
        -------
        ndarray of shape (sets, draws)
        """
        means = weights @ self.values
        cross = means @ self.values.T / means.shape[1]
        return np.asarray(self.squares - 2 * cross + (means**2).mean(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True)
class _Under:
    """What depends on one set of weights and takes a pass over draws and groups.

    Attributes
    ----------
    mean : ndarray of shape (groups,)
        Of the deviations from the location.
    slope : ndarray of shape (draws,)
        What each draw adds to the variance of that mean between groups.
    distances : list of ndarray of shape (draws,)
        By target, as :meth:`_Means.squared_distances` gives them.
    """

    mean: Array
    slope: Array
    distances: list[Array]


class _Parts:
    """Draws of one level as plain arrays, draws first."""

    def __init__(self, level: xr.Dataset) -> None:
        effect, location = _flat(level["effect"]), _flat(level["location"])
        #: With one location for all groups, R² is zero by definition.
        self.explains = "group" in level["location"].dims
        self.deviation = effect - location
        self.within = self.deviation.var(axis=1, ddof=1)
        self.total = effect.var(axis=1, ddof=1)
        # Target, draws of the variance that no data remove, draws of the means.
        spread = _flat(over_groups(level["scale"] ** 2))[:, 0]
        self.targets = [(NEW_EFFECT, spread, _Means(level["location"]))]
        if not {"noise_variance", "other", "design"} <= set(level.data_vars):
            return
        if "rows" in level:
            level = level.isel(group=np.asarray(level["rows"].values) > 0)
        design, other = level["design"], level["other"]
        squared = level["design_squared"] / level["rows"] if "rows" in level else design**2
        noise = _flat(over_groups(level["noise_variance"]))[:, 0]
        seen = _flat(over_groups(squared * level["scale"] ** 2))[:, 0]
        self.targets += [
            (OBSERVED_ROW, noise, _Means(level["effect"] * design + other)),
            (NEW_ROW, noise + seen, _Means(level["location"] * design + other)),
        ]

    def under(self, weights: Array) -> Iterator[tuple[Array, _Under]]:
        """Yield each set of weights, shape (draws,), with what depends on it.

        All at once are products of matrices, many times faster than one by one.
        """
        means = weights @ self.deviation
        centred = means - means.mean(axis=1, keepdims=True)
        slopes = centred @ self.deviation.T - (centred * means).sum(axis=1, keepdims=True)
        slopes *= 2 / (means.shape[1] - 1)
        distances = [of.squared_distances(weights) for _, _, of in self.targets]
        for k, w in enumerate(weights):
            yield w, _Under(means[k], slopes[k], [d[k] for d in distances])


def _flat(draws: xr.DataArray) -> Array:
    values = np.asarray(draws.transpose(*SAMPLE, ...).values, dtype=float)
    return values.reshape(values.shape[0] * values.shape[1], -1)


def _of_one(
    name: str, parts: _Parts, w: Array, under: _Under, starts: np.ndarray
) -> Iterator[tuple[str, Share]]:
    expected, whole = float(w @ parts.within), float(w @ parts.total)
    if expected > 0:
        between = float(under.mean.var(ddof=1))
        linear = -under.slope / expected + between / expected**2 * (parts.within - expected)
        yield f"{name}: pooling factor", _share(1 - between / expected, linear, w, starts)
    if expected > 0 and parts.explains:
        linear = expected / whole**2 * (parts.total - whole) - (parts.within - expected) / whole
        yield f"{name}: R²", _share(1 - expected / whole, linear, w, starts)
    for (target, variance, _), squares in zip(parts.targets, under.distances, strict=True):
        known = float(w @ squares)
        average, median = _mean(variance, w), _median(variance, w)
        for how, (typical, moved) in (("", average), (IN_MEDIANS, median)):
            label = f"{name}: {ALEATORY}{how}, {target}"
            total = typical + known
            if total == 0 or (not how and typical > HEAVY * median[0]):
                yield label, Share(float("nan"), float("nan"))
                continue
            linear = (known * moved - typical * (squares - known)) / total**2
            yield label, _share(typical / total, linear, w, starts)


def _mean(values: Array, w: Array) -> tuple[float, Array]:
    """Return a weighted mean and its influence."""
    mean = float(w @ values)
    return mean, values - mean


def _median(values: Array, w: Array) -> tuple[float, Array]:
    """Return a weighted median and its influence, with the density from quantiles around it."""
    if np.ptp(values) == 0:
        return float(values[0]), np.zeros_like(values)
    order = np.argsort(values)
    reached = np.cumsum(w[order]) - 0.5 * w[order]
    low, median, high = np.interp((0.45, 0.5, 0.55), reached, values[order])
    return float(median), (0.5 - (values < median)) * (high - low) / 0.1


def _share(value: float, influence: Array, w: Array, starts: np.ndarray) -> Share:
    return Share(value, float(mcse_of_total(w * influence, starts)))
