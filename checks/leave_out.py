"""Predicting what was left out: Pareto-smoothed importance sampling over rows or groups."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .draws import Array
from .lazy import array_stats

#: Weights of which none is this many times their mean need no smoothing.
_NEARLY_EQUAL = 2.0

#: A mean density, beside the largest one, under which no draw says anything of the other kind.
_NOTHING = 1e-100


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Log predictive densities of parts of the data, each from all others.

    Attributes
    ----------
    elpd : ndarray of shape (n,)
    pareto_k : ndarray of shape (n,)
        Shape of the tail of each part's importance weights; NaN where they are so nearly equal
        that there is no tail.
    influence : ndarray of shape (chains, draws, n)
        What every draw contributes to the error of ``elpd``: the mean over draws has expectation
        0, and over several parts contributions add.
    error : ndarray of shape (n,)
        Monte Carlo standard errors of parts that were predicted by draws of their own; 0 elsewhere.
    """

    elpd: Array
    pareto_k: Array
    influence: Array
    error: Array

    def mcse(self, parts: NDArray[np.int_] | list[int] | None = None) -> float:
        """Return the Monte Carlo standard error of the sum over some parts, or all of them.

        It counts the dependence between draws, and that parts are predicted by the same draws.
        """
        which = slice(None) if parts is None else parts
        return float(np.hypot(_mcse(self.influence[..., which].sum(-1)), norm(self.error[which])))

    @property
    def each(self) -> Array:
        """Monte Carlo standard errors of the parts one by one, shape (n,)."""
        return np.array([self.mcse([i]) for i in range(self.elpd.size)])


def norm(values: Array) -> float:
    """Return the root of the sum of squares."""
    return float(np.sqrt((values**2).sum()))


def _mcse(series: Array) -> float:
    return 0.0 if np.ptp(series) == 0 else float(array_stats.mcse(series, method="mean"))


def largest_k(draws: int) -> float:
    """Return the Pareto k up to which that many draws give a reliable mean.

    Source: Vehtari et al. (2024), Pareto smoothed importance sampling, JMLR 25(72), equation 13;
    never above 0.7.
    """
    return min(1 - 1 / math.log10(draws), 0.7)


def leave_out(log_density: Array, chains: int = 1) -> LeftOut:
    r"""Predict every part of the data from all others.

    Draws given all data are weighted by :math:`1/p(y_i|\varphi_s)`, Pareto smoothed. With effects
    of groups integrated out of :math:`p`, these are the integrated importance weights of Li et al.
    (2016), doi:10.1007/s11222-015-9577-2.

    Parameters
    ----------
    log_density : ndarray of shape (draws, n)
        Of each part at every draw, chains one after another; NaN where there is nothing to predict
        it from.
    chains : int, default 1

    References
    ----------
    Vehtari, Gelman and Gabry (2017), doi:10.1007/s11222-016-9696-4; Merkle, Furr and Rabe-Hesketh
    (2019), doi:10.1007/s11336-019-09679-0 (whole groups).
    """
    draws, parts = log_density.shape
    elpd, k = np.full(parts, np.nan), np.full(parts, np.nan)
    influence = np.zeros((draws, parts))
    for i in range(parts):
        column = log_density[:, i]
        if not np.isfinite(column).all():
            k[i] = np.nan if np.isnan(column).all() else np.inf
            continue
        weights, k[i] = _smoothed(column)
        density = np.exp(column - column.max())
        mean = float((weights * density).sum())
        if mean < _NOTHING:
            # Draws that predict the part and draws that do not know it have nothing in common.
            k[i] = np.inf
            continue
        elpd[i] = math.log(mean) + column.max()
        influence[:, i] = draws * weights * (density / mean - 1)
    return LeftOut(elpd, k, influence.reshape(chains, -1, parts), np.zeros(parts))


def bridged(of_all: Array, of_others: Array) -> tuple[float, float]:
    r"""Predict a part of the data with draws that saw it and draws that did not.

    The predictive density of the part is the ratio of the two normalising constants, and its
    density at a draw the ratio of the two posteriors, so that Meng and Wong's optimal bridge holds:
    :math:`r = \overline{p/(s_1 p + s_2 r)}_{others} / \overline{1/(s_1 p + s_2 r)}_{all}`. Unlike
    an average over either kind of draws, it needs no draws far out in their tails.

    Parameters
    ----------
    of_all, of_others : ndarray of shape (chains, draws)
        Log density of the part at draws given all data, and given all data but the part.

    Returns
    -------
    elpd, mcse : float
        NaN and infinity where the two have nothing in common.

    References
    ----------
    Meng and Wong (1996), Simulating ratios of normalizing constants via a simple identity,
    Statistica Sinica 6, 831-860, equation 4.1.
    """
    share = of_all.size / (of_all.size + of_others.size)
    shift = 0.5 * float(np.median(of_all) + np.median(of_others))
    seen, unseen = of_all - shift, of_others - shift
    log_r = 0.0
    for _ in range(1000):
        top, bottom = _bridge(seen, unseen, log_r, share)
        if min(top.mean(), bottom.mean()) < _NOTHING:
            return math.nan, math.inf
        new = math.log(top.mean()) - math.log(bottom.mean()) + log_r
        if abs(new - log_r) < 1e-10:
            break
        log_r = new
    top, bottom = _bridge(seen, unseen, log_r, share)
    error = np.hypot(_mcse(top / top.mean()), _mcse(bottom / bottom.mean()))
    return log_r + shift, float(error)


def _bridge(seen: Array, unseen: Array, log_r: float, share: float) -> tuple[Array, Array]:
    """Return the terms of both means, in units of r and of 1/r that cannot overflow."""
    with np.errstate(over="ignore"):
        top = 1 / (share + (1 - share) * np.exp(log_r - unseen))
        bottom = 1 / (share * np.exp(seen - log_r) + (1 - share))
    return top, bottom


def _smoothed(log_density: Array) -> tuple[Array, float]:
    """Return smoothed importance weights that sum to 1, and the shape of their tail."""
    weights = np.exp(log_density.min() - log_density)
    if _NEARLY_EQUAL * weights.mean() > 1:
        return weights / weights.sum(), float("nan")
    try:
        log_weights, k = array_stats.psislw(log_density, r_eff=1.0)
    except ValueError:
        # The largest weights are all the same: there is no tail to smooth.
        log_weights, k = -log_density, float("nan")
    log_weights = np.asarray(log_weights)
    weights = np.exp(log_weights - log_weights.max())
    return weights / weights.sum(), float(k)
