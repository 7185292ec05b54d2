"""Pooling factor and explained variance of a level, as Gelman and Pardoe define them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from .draws import SAMPLE, mcse_of_mean
from .needs import needs


@dataclass(frozen=True, slots=True)
class PoolingFactor:
    """Gelman and Pardoe's summary of one level: pooling factor and explained variance."""

    factor: float
    mcse: float
    r_squared: float
    r_squared_mcse: float


def pooling_factor(level: xr.Dataset) -> PoolingFactor:
    r"""Pooling factor and R² of one level.

    :math:`\lambda = 1 - \mathrm{Var}_j(E[\epsilon_j|y]) / E[\mathrm{Var}_j(\epsilon_j)|y]` and
    :math:`R^2 = 1 - E[\mathrm{Var}_j(\epsilon_j)|y] / E[\mathrm{Var}_j(\theta_j)|y]` with
    :math:`\epsilon_j = \theta_j - \mu_j`.

    Parameters
    ----------
    level : xarray.Dataset
        ``effect`` (chain, draw, group) and ``location`` (chain, draw[, group]), in the unit of
        the effect.

    Returns
    -------
    PoolingFactor
        ``factor`` near 0: groups keep their own estimates; near 1: they are pooled. Monte Carlo
        errors by linearising the ratios; that of ``factor`` also counts its bias, as errors of the
        group means add to their variance: all there is where groups are pooled completely.

    Raises
    ------
    ValueError
        If the level has fewer than two groups, or no effect or location.

    References
    ----------
    Gelman and Pardoe (2006), doi:10.1198/004017005000000517.
    """
    needs(level, "effect", "location")
    if level.sizes["group"] < 2:
        raise ValueError("a pooling factor needs at least two groups")
    deviation = level["effect"] - level["location"]
    mean = deviation.mean(SAMPLE)
    between = float(mean.var("group", ddof=1))
    per_draw = deviation.var("group", ddof=1)
    expected = float(per_draw.mean())
    spread = mean - mean.mean()
    slope = 2 * (spread * (deviation - mean)).sum("group") / (mean.size - 1)
    linear = -slope / expected + between / expected**2 * (per_draw - expected)
    return PoolingFactor(
        1 - between / expected,
        float(np.hypot(mcse_of_mean(linear), _variance_of_errors(deviation) / expected)),
        *_explained(per_draw, level["effect"].var("group", ddof=1)),
    )


def _variance_of_errors(draws: xr.DataArray) -> float:
    """Return what Monte Carlo errors of group means add to their variance over groups.

    From the means of halves of chains, which share no draws.
    """
    half = draws.sizes["draw"] // 2
    if half == 0:
        return 0.0
    halves = [draws.isel(draw=at).mean("draw") for at in (slice(half), slice(half, 2 * half))]
    pieces = xr.concat(halves, "chain")
    apart = float(pieces.var("group", ddof=1).mean()) - float(
        pieces.mean("chain").var("group", ddof=1)
    )
    return max(apart, 0.0) / (pieces.sizes["chain"] - 1)


def data_level_factor(level: xr.Dataset) -> PoolingFactor:
    """Return the pooling factor and R² of the data level: rows around their fitted means.

    Parameters
    ----------
    level : xarray.Dataset
        ``residual_variance`` (chain, draw), the variance over rows of y minus its mean;
        ``mean_residual_variance``, the variance over rows of its posterior mean; and
        ``outcome_variance``, in the squared unit of the outcome.

    Returns
    -------
    PoolingFactor
        Near 0 when every draw leaves the same residuals; the Monte Carlo error of ``factor`` counts
        that of its denominator only.

    References
    ----------
    Gelman and Pardoe (2006), doi:10.1198/004017005000000517.
    """
    needs(level, "residual_variance", "mean_residual_variance", "outcome_variance")
    per_draw = level["residual_variance"]
    expected, between = float(per_draw.mean()), float(level["mean_residual_variance"])
    total = xr.full_like(per_draw, float(level["outcome_variance"]))
    return PoolingFactor(
        1 - between / expected,
        mcse_of_mean(per_draw) * between / expected**2,
        *_explained(per_draw, total),
    )


def _explained(left: xr.DataArray, total: xr.DataArray) -> tuple[float, float]:
    """Return 1 - E[left] / E[total] and its Monte Carlo error."""
    a, b = float(left.mean()), float(total.mean())
    if b == 0:
        return float("nan"), float("nan")
    linear = -(left - a) / b + a / b**2 * (total - b)
    return 1 - a / b, mcse_of_mean(linear)
