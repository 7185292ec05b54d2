"""Small summaries of Monte Carlo draws, each with its Monte Carlo error."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .lazy import array_stats

SAMPLE = ("chain", "draw")

#: Probability of the equal-tailed intervals that a review shows (ArviZ 1.x uses the same).
INTERVAL = 0.89

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Summary:
    """Posterior (or prior) summary of one scalar.

    Attributes
    ----------
    mean, mcse, sd, median, low, high : float
        Mean with its Monte Carlo standard error, standard deviation, median, and the ends of the
        equal-tailed interval of probability ``INTERVAL``.
    """

    mean: float
    mcse: float
    sd: float
    median: float
    low: float
    high: float


def chains_first(draws: xr.DataArray) -> Array:
    """Return draws as an array of shape (..., chain, draw)."""
    return np.asarray(draws.transpose(..., *SAMPLE).values, dtype=float)


def over_groups(values: xr.DataArray) -> xr.DataArray:
    """Average over the groups of a level; what is the same for all of them stays as it is."""
    return values.mean("group") if "group" in values.dims else values


def mcse_of_mean(draws: xr.DataArray) -> float:
    """Monte Carlo standard error of the mean of a scalar, from its effective sample size.

    A constant has no Monte Carlo error; draws that hold a non-finite value have no defined one.
    """
    values = chains_first(draws)
    if not np.isfinite(values).all():
        return float("nan")
    if np.ptp(values) == 0:
        return 0.0
    return float(array_stats.mcse(values, method="mean"))


def mcse_of_sd(draws: xr.DataArray) -> float:
    """Monte Carlo standard error of the standard deviation of a scalar."""
    values = chains_first(draws)
    return 0.0 if np.ptp(values) == 0 else float(array_stats.mcse(values, method="sd"))


def pareto_k(draws: Array, tail: str) -> float:
    """Return the Pareto shape k of a tail: moments of order below 1/k exist.

    Parameters
    ----------
    draws : ndarray of shape (chain, draw)
    tail : {"right", "left", "both"}
        Of both, the heavier.

    Returns
    -------
    float
        Negative infinity for a tail of one value; NaN for too few draws (under 25).

    References
    ----------
    Vehtari et al. (2024), Pareto smoothed importance sampling, JMLR 25(72).
    """
    if tail == "both":
        return max(pareto_k(draws, "left"), pareto_k(draws, "right"))
    try:
        return float(array_stats.pareto_khat(draws, tail=tail))
    except ValueError as error:
        return float("-inf") if "are the same" in str(error) else float("nan")


def interval_ends(probability: float = INTERVAL) -> tuple[float, float]:
    """Return the two tail probabilities of an equal-tailed interval."""
    tail = (1 - probability) / 2
    return tail, 1 - tail


def summarise(draws: xr.DataArray) -> Summary:
    """Summarise the draws of one scalar (dims ``chain`` and ``draw``)."""
    values = chains_first(draws)
    low, median, high = np.quantile(values, [interval_ends()[0], 0.5, interval_ends()[1]])
    return Summary(
        mean=float(values.mean()),
        mcse=mcse_of_mean(draws),
        sd=float(values.std(ddof=1)),
        median=float(median),
        low=float(low),
        high=float(high),
    )


def contraction(posterior: xr.DataArray, prior: xr.DataArray) -> float:
    """Return the share of a prior variance that the data removed: ``1 - Var(x | y) / Var(x)``.

    Near 1 the data decided, near 0 the prior did; negative when the posterior is wider than the
    prior, NaN when the quantity is fixed. It says nothing when the prior was absurdly wide: almost
    any posterior is narrow beside that.

    References
    ----------
    Betancourt (2018), arXiv:1803.08393; Schad et al. (2021), doi:10.1037/met0000275.
    """
    before = float(prior.var(ddof=1))
    if not before > 1e-20 * max(float(abs(prior).max()) ** 2, 1e-300):
        return float("nan")
    return 1 - float(posterior.var(ddof=1)) / before


def scalars(draws: xr.DataArray) -> list[tuple[str, xr.DataArray]]:
    """Split a variable into its scalar elements, labelled ``theta[A]`` as ArviZ labels them."""
    dims = [d for d in draws.dims if d not in SAMPLE]
    if not dims:
        return [(str(draws.name), draws)]
    stacked = draws.stack(element=dims, create_index=False)
    labels = element_labels(draws, dims)
    return [(f"{draws.name}[{label}]", stacked.isel(element=i)) for i, label in enumerate(labels)]


def element_labels(draws: xr.DataArray, dims: Sequence[Hashable]) -> list[str]:
    """Return a label per element along ``dims``, in the order of a flattened array."""
    axes = [
        [str(v) for v in draws[d].values] if d in draws.coords else [str(i) for i in range(n)]
        for d, n in ((d, draws.sizes[d]) for d in dims)
    ]
    grid = np.meshgrid(*[np.arange(len(a)) for a in axes], indexing="ij")
    return [
        ", ".join(axis[i] for axis, i in zip(axes, index, strict=True))
        for index in zip(*(g.ravel() for g in grid), strict=True)
    ]
