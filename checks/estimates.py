"""What a review concludes, in numbers: every quantity it reports, each with its Monte Carlo error.

Two runs can be compared only through these: a difference means nothing without the error of both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from .decomposition import Decomposition
from .draws import SAMPLE, Array, chains_first, interval_ends, scalars
from .evidence import Evidence, fact
from .lazy import array_stats
from .own_data import mean_weight, own_data_weight, weight_label
from .pooling import LevelPooling
from .ridge_equivalent import equivalent_penalty

#: Groups of a level that are listed one by one; a larger level is described by its summaries.
MOST_GROUPS = 200

#: Pareto k up to which a mean of so many draws can be relied on (Vehtari et al. 2024).
RELIABLE_K = 0.7

_ROUNDING = 1e-10


#: Name, kind and draws of a scalar.
Named = tuple[str, str, xr.DataArray]


@dataclass(frozen=True, slots=True)
class Statistic:
    """One number computed from draws, and its Monte Carlo standard error."""

    value: float
    mcse: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """One reported quantity.

    Attributes
    ----------
    name : str
        Unique within a run: ``tau``, ``school: effect of A``.
    kind : str
        ``parameter``, ``quantity``, ``decision``, ``level``, ``effect``, ``weight`` or
        ``uncertainty``.
    statistics : dict of str to Statistic
        ``mean``, ``sd``, ``median``, and the ends ``low`` and ``high`` of the 89% interval; a
        probability has its ``mean`` only; a number that is no summary of draws is called
        ``value``. A statistic without a Monte Carlo error that describes it is left out: the mean
        of a distribution with too heavy a tail, the quantiles of a whole number.
    """

    name: str
    kind: str
    statistics: dict[str, Statistic]


@fact
def estimates(evidence: Evidence) -> list[Estimate]:
    """Return every quantity that a review reports, with Monte Carlo errors."""
    drawn = _drawn(evidence)
    found = [Estimate(name, kind, _statistics(draws)) for name, kind, draws in drawn]
    if evidence.has("pooling"):
        found += _factors(evidence.get("pooling"))
    if evidence.has("uncertainty"):
        found += _shares(evidence.get("uncertainty"))
    first: dict[str, Estimate] = {}
    for estimate in found:
        if estimate.statistics:
            first.setdefault(estimate.name, estimate)
    return list(first.values())


@fact
def unlisted_groups(evidence: Evidence) -> dict[str, int]:
    """Return levels with too many groups to list their estimates one by one, and how many."""
    if not evidence.has("levels"):
        return {}
    sizes = {name: level.sizes["group"] for name, level in evidence.get("levels").items()}
    return {name: size for name, size in sizes.items() if size > MOST_GROUPS}


def _drawn(evidence: Evidence) -> Iterator[Named]:
    """Yield name, kind and draws of every scalar that is reported."""
    for draws in _parameters(evidence):
        yield from ((n, "parameter", d) for n, d in scalars(draws))
    for group, kind in (("quantities", "quantity"), ("decisions", "decision")):
        if evidence.has(group):
            for variable in evidence.get(group).data_vars.values():
                yield from ((n, kind, d.astype(float)) for n, d in scalars(variable))
    if evidence.has("levels"):
        for name, level in evidence.get("levels").items():
            yield from _of_level(name, level, evidence)


def _parameters(evidence: Evidence) -> list[xr.DataArray]:
    """Return the draws of the top-level parameters; where these are not known, of all scalars."""
    if not evidence.has("posterior"):
        return []
    posterior: xr.Dataset = evidence.get("posterior")
    top = evidence.get("top_level_priors") if evidence.has("top_level_priors") else ()
    named = [posterior[name] for name in top if name in posterior]
    return named or [v for v in posterior.data_vars.values() if set(v.dims) == set(SAMPLE)]


def _of_level(name: str, level: xr.Dataset, evidence: Evidence) -> Iterator[Named]:
    if "group" not in level["scale"].dims and not _is_parameter(level["scale"], evidence):
        yield f"{name}: scale", "level", level["scale"]
    known = "information" in level
    if known:
        weight = own_data_weight(level)
        yield weight_label(name), "level", mean_weight(level)
        yield f"{name}: effective groups", "level", weight.sum("group")
        if "design_squared" in level:
            yield f"{name}: equivalent penalty", "level", equivalent_penalty(level)
    if level.sizes["group"] > MOST_GROUPS:
        return
    for i, group in enumerate(level["group"].values):
        yield f"{name}: effect of {group}", "effect", level["effect"].isel(group=i)
        if known:
            yield f"{name}: weight on own data of {group}", "weight", weight.isel(group=i)


def _is_parameter(scale: xr.DataArray, evidence: Evidence) -> bool:
    """Return whether a scale is a parameter that is listed by its own name."""
    return any(np.array_equal(scale.values, draws.values) for draws in _parameters(evidence))


def _statistics(draws: xr.DataArray) -> dict[str, Statistic]:
    values = chains_first(draws)
    if not np.isfinite(values).all():
        return {}
    if np.ptp(values) == 0:
        return {"mean": Statistic(float(values.flat[0]), 0.0)}
    if set(np.unique(values)) <= {0.0, 1.0}:
        return _with_error({"mean": (values.mean(), array_stats.mcse(values, method="mean"))})
    found: dict[str, tuple[float, float]] = {}
    k = _tail(values)
    if k < RELIABLE_K:
        found["mean"] = values.mean(), array_stats.mcse(values, method="mean")
    # The standard deviation is a mean of squares, whose tail index is twice that of the values.
    if 2 * k < RELIABLE_K:
        found["sd"] = values.std(ddof=1), array_stats.mcse(values, method="sd")
    if not (values == np.round(values)).all():
        low, high = interval_ends()
        for name, probability in (("median", 0.5), ("low", low), ("high", high)):
            error = array_stats.mcse(values, method="quantile", prob=probability)
            found[name] = np.quantile(values, probability), error
    return _with_error(found)


def _tail(values: Array) -> float:
    """Return the Pareto k of the heavier tail, infinite where it cannot be fitted."""
    try:
        k = float(array_stats.pareto_khat(values, tail="both"))
    except (ValueError, FloatingPointError):
        return float("inf")
    return k if np.isfinite(k) else float("inf")


def _with_error(found: dict[str, tuple[float, float]]) -> dict[str, Statistic]:
    return {
        name: Statistic(float(value), float(mcse))
        for name, (value, mcse) in found.items()
        if np.isfinite(mcse) and mcse > 0
    }


def _factors(pooling: dict[str, LevelPooling]) -> Iterator[Estimate]:
    for name, level in pooling.items():
        if level.factor is not None:
            for label, value, mcse in (
                ("pooling factor", level.factor.factor, level.factor.mcse),
                ("explained variance", level.factor.r_squared, level.factor.r_squared_mcse),
            ):
                yield Estimate(f"{name}: {label}", "level", _single(value, mcse))


def _shares(uncertainty: dict[str, list[Decomposition]]) -> Iterator[Estimate]:
    for name, targets in uncertainty.items():
        for found in targets:
            if not found.heavy_tailed:
                label = f"{name}: epistemic share, {found.target}"
                shares = _single(found.epistemic_share, found.share_mcse)
                yield Estimate(label, "uncertainty", shares)


def _single(value: float, mcse: float) -> dict[str, Statistic]:
    # Known exactly, up to rounding: there is nothing to compare.
    return {} if mcse < _ROUNDING else _with_error({"value": (value, mcse)})
