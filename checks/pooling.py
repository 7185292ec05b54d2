"""How strongly each level pools, gathered from everything that is known of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from .draws import SAMPLE, Array, Summary, contraction, interval_ends, over_groups, summarise
from .evidence import Evidence, fact
from .own_data import mean_weight, own_data_weight, weight_label
from .pooling_factors import PoolingFactor, data_level_factor, pooling_factor
from .powers import PowerScaling
from .ridge_equivalent import effective_groups, equivalent_penalty, has_penalty


@dataclass(frozen=True, slots=True)
class LevelPooling:
    """How strongly one level pools.

    Attributes
    ----------
    groups : list of str
    rows : ndarray of shape (J,)
    factor : PoolingFactor or None
        None with fewer than two groups.
    data_level : PoolingFactor or None
        Of the rows around their fitted means.
    weight_mean, weight_low, weight_high : ndarray of shape (J,) or None
        Weight on own data: posterior mean and 89% interval. None where the information of a
        group's rows is not known; ``why_no_weights`` says why.
    mean_weight, effective_groups, penalty, prior_penalty, prior_weight : Summary or None
        Mean over groups of the weights; their sum (effective degrees of freedom); σ²/τ².
    scale, prior_scale : Summary
    contraction : float or None
        Of the log scale.
    weight_contraction : float or None
        Of the mean weight on own data.
    prior_pull, data_pull : float or None
        Power-scaling sensitivity of the mean weight to the top-level priors and the likelihood.
    why_no_weights : str
    negative : float
        Share of draws and groups at which the log-likelihood of a group's rows was not concave, so
        that they were taken to hold no information.
    """

    name: str
    groups: list[str]
    rows: Array
    factor: PoolingFactor | None
    data_level: PoolingFactor | None
    weight_mean: Array | None
    weight_low: Array | None
    weight_high: Array | None
    mean_weight: Summary | None
    effective_groups: Summary | None
    penalty: Summary | None
    prior_penalty: Summary | None
    prior_weight: Summary | None
    scale: Summary
    prior_scale: Summary | None
    contraction: float | None
    weight_contraction: float | None
    prior_pull: float | None
    data_pull: float | None
    why_no_weights: str
    negative: float = 0.0


@fact
def pooling(evidence: Evidence) -> dict[str, LevelPooling]:
    """Return the pooling of every level."""
    priors = evidence.get("prior_levels") if evidence.has("prior_levels") else {}
    pulls: dict[str, tuple[float, float]] = {}
    if evidence.has("power_scaling"):
        scaling: PowerScaling = evidence.get("power_scaling")
        pairs = zip(scaling.prior.sensitivity, scaling.likelihood.sensitivity, strict=True)
        found = zip(scaling.labels, ((float(p), float(d)) for p, d in pairs), strict=True)
        # What could not be computed is not known.
        pulls = {label: pair for label, pair in found if np.isfinite(pair).all()}
    return {
        name: _level_pooling(name, level, priors.get(name), pulls.get(weight_label(name)))
        for name, level in evidence.get("levels").items()
    }


def _level_pooling(
    name: str, level: xr.Dataset, prior: xr.Dataset | None, pulls: tuple[float, float] | None
) -> LevelPooling:
    groups = [str(g) for g in level["group"].values]
    weights = own_data_weight(level) if "information" in level else None
    before = None if prior is None or "information" not in prior else _finite(mean_weight(prior))
    ends = None if weights is None else weights.quantile(interval_ends(), SAMPLE).values
    return LevelPooling(
        name=name,
        groups=groups,
        rows=np.asarray(level["rows"].values) if "rows" in level else np.full(len(groups), np.nan),
        factor=pooling_factor(level) if len(groups) > 1 else None,
        data_level=data_level_factor(level) if "residual_variance" in level else None,
        weight_mean=None if weights is None else weights.mean(SAMPLE).values,
        weight_low=None if ends is None else ends[0],
        weight_high=None if ends is None else ends[1],
        mean_weight=None if weights is None else summarise(mean_weight(level)),
        effective_groups=summarise(effective_groups(level)) if has_penalty(level) else None,
        penalty=summarise(equivalent_penalty(level)) if has_penalty(level) else None,
        prior_penalty=_summary_of_prior(prior),
        prior_weight=None if before is None else summarise(before),
        scale=summarise(over_groups(level["scale"])),
        prior_scale=None if prior is None else summarise(over_groups(prior["scale"])),
        contraction=None
        if prior is None
        else contraction(_log(level["scale"]), _log(prior["scale"])),
        weight_contraction=None if before is None else contraction(mean_weight(level), before),
        prior_pull=None if pulls is None else pulls[0],
        data_pull=None if pulls is None else pulls[1],
        why_no_weights=str(level.attrs.get("why_no_information", "")),
        negative=float(level.attrs.get("negative_information", 0.0)),
    )


def _summary_of_prior(prior: xr.Dataset | None) -> Summary | None:
    if prior is None or not has_penalty(prior):
        return None
    found = _finite(equivalent_penalty(prior))
    return None if found is None else summarise(found)


def _finite(draws: xr.DataArray, share: float = 0.9) -> xr.DataArray | None:
    """Return the finite draws as one chain, or None if more than a tenth are not finite.

    Under a wide prior the density of counts or shares can be beyond floating point.
    """
    values = np.asarray(draws.values, dtype=float)
    kept = np.isfinite(values)
    if kept.all():
        return draws
    if kept.mean() < share:
        return None
    return xr.DataArray(values[kept][None], dims=SAMPLE)


def _log(scale: xr.DataArray) -> xr.DataArray:
    with np.errstate(divide="ignore"):
        logarithm: xr.DataArray = xr.apply_ufunc(np.log, over_groups(scale))
    return logarithm
