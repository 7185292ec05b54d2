r"""Many alternative priors from one run under their mixture.

Draws under the mixture :math:`\sum_j \pi_j p_j` of all alternatives are weighted by
:math:`p_k / \sum_j \pi_j p_j` to be draws under alternative k. The weights are bounded by
:math:`1/\pi_k`, because the mixture has mass wherever an alternative has any: importance sampling
from the base fit alone has no draws in the tails of a wider prior, and cannot see that it has none.

References
----------
Veach and Guibas (1995), doi:10.1145/218380.218498 (balance heuristic); Vehtari et al. (2024),
JMLR 25(72) (Pareto smoothing and its diagnostic).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from ...checks.draws import SAMPLE, Array
from ...checks.lazy import array_stats
from .densities import LogDensity

#: Alternatives share the draws within this factor, whatever their marginal likelihoods.
_MOST_UNEVEN = 50.0


#: Weights with a heavier tail are not trusted, unless none is this many times their mean.
LARGEST_K, NEARLY_EQUAL = 0.5, 5.0


@dataclass(frozen=True, slots=True)
class Weights:
    """Importance weights of one alternative.

    Attributes
    ----------
    values : DataArray of shape (chain, draw)
        Pareto smoothed; they sum to 1.
    pareto_k : float
        Shape of the tail of the raw weights.
    largest : float
        Largest weight over the mean weight.
    """

    values: xr.DataArray
    pareto_k: float
    largest: float

    @property
    def trusted(self) -> bool:
        """Whether no few draws decide: a light tail, or weights that are nearly equal.

        The shape of a tail does not see its size: among weights that differ by a few percent it can
        be anything.
        """
        return self.pareto_k < LARGEST_K or self.largest < NEARLY_EQUAL


def log_ratios(
    draws: xr.Dataset,
    own: Mapping[str, LogDensity],
    alternatives: Sequence[Mapping[str, LogDensity]],
) -> Array:
    """Return how much more likely every draw is under each alternative than under the model.

    Parameters
    ----------
    draws : xarray.Dataset
        Every variable that an alternative changes, dims ``chain`` and ``draw`` first.
    own : mapping of str to LogDensity
        The model's own priors.
    alternatives : sequence of mapping
        The priors that each alternative changes.

    Returns
    -------
    ndarray of shape (alternatives, chain, draw)
        Log of the ratio of prior densities.
    """
    shape = (draws.sizes["chain"], draws.sizes["draw"])
    found = np.zeros((len(alternatives), *shape))
    for k, alternative in enumerate(alternatives):
        for name, density in alternative.items():
            values = np.asarray(draws[name].transpose(*SAMPLE, ...).values, dtype=float)
            ratio = density(values) - own[name](values)
            found[k] += ratio.reshape(*shape, -1).sum(-1)
    return found


def balanced(ratios: Array) -> Array:
    """Return mixture weights that give every alternative a like share of the draws.

    Parameters
    ----------
    ratios : ndarray of shape (alternatives, chain, draw)
        Log ratios on draws of the model's own posterior: their means estimate how much more
        marginal likelihood an alternative has, and so how many draws it would attract.

    Returns
    -------
    ndarray of shape (alternatives,)
        They sum to 1; none is more than fifty times another. An alternative that excludes every
        draw has the largest.
    """
    from scipy.special import logsumexp

    evidence = logsumexp(ratios.reshape(len(ratios), -1), axis=1)
    with np.errstate(invalid="ignore"):
        below = np.nan_to_num(evidence.max() - evidence, nan=0.0)
    weights = np.exp(np.minimum(below, np.log(_MOST_UNEVEN)))
    return np.asarray(weights / weights.sum())


def importance_weights(ratios: Array, mixture: Array) -> list[Weights]:
    """Return the weights that turn draws under a mixture into draws under each alternative.

    Parameters
    ----------
    ratios : ndarray of shape (alternatives, chain, draw)
        Log ratios on draws under the mixture.
    mixture : ndarray of shape (alternatives,)
    """
    shares = np.log(mixture)[:, None, None] + ratios
    largest = shares.max(axis=0)
    total = largest + np.log(np.exp(shares - largest).sum(axis=0))
    return [_weights(ratio - total) for ratio in ratios]


def _weights(log_weights: Array) -> Weights:
    if not np.isfinite(log_weights).any():
        equal = np.full(log_weights.shape, 1 / log_weights.size)
        return Weights(xr.DataArray(equal, dims=SAMPLE), float("inf"), float("inf"))
    smooth, pareto_k = _smoothed(log_weights)
    weights = np.exp(smooth - smooth.max())
    over_mean = float(weights.max() / weights.mean())
    return Weights(xr.DataArray(weights / weights.sum(), dims=SAMPLE), pareto_k, over_mean)


def _smoothed(log_weights: Array) -> tuple[Array, float]:
    """Return Pareto smoothed log weights and the shape of their tail."""
    try:
        # ArviZ takes minus the log weights.
        smooth, pareto_k = array_stats.psislw(-log_weights.ravel(), r_eff=1.0)
    except ValueError:
        # The largest weights are all the same: there is no tail to smooth, or to judge.
        return log_weights, float("inf")
    return np.asarray(smooth).reshape(log_weights.shape), float(pareto_k)
