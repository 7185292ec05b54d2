r"""Ranks of true values among posterior draws.

A true value that was drawn from the prior, and the draws of a fit to data simulated from it, are
draws from one distribution if the fit is right: the rank of the first among the others is uniform.

References
----------
Talts et al. (2018), arXiv:1804.06788; Modrák et al. (2023), doi:10.1214/23-BA1404 (ties, and
quantities that depend on the data).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .draws import Array
from .lazy import array_stats
from .sampling import TAILS


@dataclass(frozen=True, slots=True)
class Rank:
    """Where a true value lies among draws that are nearly independent.

    Attributes
    ----------
    below, ties, kept : int
        Draws below the true value, equal to it, and in all.
    ess : float
        Effective number of draws of the fit: the smaller one of bulk and tails.
    """

    below: int
    ties: int
    kept: int
    ess: float

    def pit(self, uniform: float) -> float:
        """Return the rank as a number between 0 and 1, uniform if the fit is right.

        Parameters
        ----------
        uniform : float
            A uniform random number: places the true value among those equal to it, and the rank in
            its step, so that the distribution is continuous for any number of draws.
        """
        return (self.below + uniform * (self.ties + 1)) / (self.kept + 1)


def rank(truth: float, draws: Array) -> Rank:
    """Rank a true value among the draws of one fit, thinned to as many as are effective.

    Ranks among all of autocorrelated draws lie at the ends too often, which looks like a fit that
    is too narrow.

    Parameters
    ----------
    truth : float
    draws : ndarray of shape (chain, draw)
        Finite.

    Returns
    -------
    Rank
    """
    ess = effective(draws)
    flat = draws.ravel()
    kept = int(np.clip(np.floor(ess), 1, flat.size))
    # Midpoints of equal parts: as far from each other as they can be.
    spaced = flat[((np.arange(kept) + 0.5) * flat.size / kept).astype(int)]
    return Rank(int(np.sum(spaced < truth)), int(np.sum(spaced == truth)), kept, ess)


def effective(draws: Array) -> float:
    """Return the effective number of draws: the smaller one of bulk and tails.

    Draws that are all the same carry one value, however many there are.
    """
    if np.ptp(draws) == 0:
        return 1.0
    bulk = float(array_stats.ess(draws, method="bulk"))
    tail = float(array_stats.ess(draws, method="tail", prob=TAILS))
    found = [e for e in (bulk, tail) if np.isfinite(e)]
    return min(found, default=1.0)
