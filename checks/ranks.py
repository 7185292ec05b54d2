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
from .mixing import ess_bulk, ess_tail


@dataclass(frozen=True, slots=True)
class Ranks:
    """Where true values lie among draws that are nearly independent; one of each per quantity.

    Attributes
    ----------
    below, ties, kept : ndarray of int
        Draws below the true value, equal to it, and in all.
    ess : ndarray of float
        Effective number of draws of the fit: the smaller one of bulk and tails.
    """

    below: np.ndarray
    ties: np.ndarray
    kept: np.ndarray
    ess: Array

    def pit(self, uniform: Array) -> Array:
        """Return the ranks as numbers between 0 and 1, uniform if the fit is right.

        Parameters
        ----------
        uniform : ndarray
            Uniform random numbers: each places a true value among those equal to it, and its rank
            in its step, so that the distribution is continuous for any number of draws.
        """
        return np.asarray((self.below + uniform * (self.ties + 1)) / (self.kept + 1))


def ranks(truths: Array, draws: Array) -> Ranks:
    """Rank true values among the draws of one fit, thinned to as many as are effective.

    Ranks among all of autocorrelated draws lie at the ends too often, which looks like a fit that
    is too narrow.

    Parameters
    ----------
    truths : ndarray of shape (quantity,)
    draws : ndarray of shape (quantity, chain, draw)
        Finite.

    Returns
    -------
    Ranks
    """
    ess = effective(draws)
    flat = draws.reshape(len(draws), -1)
    size = flat.shape[1]
    kept = np.clip(np.floor(ess), 1, size).astype(int)
    # Midpoints of equal parts: as far from each other as they can be.
    spaced = [
        v[((np.arange(k) + 0.5) * size / k).astype(int)] for v, k in zip(flat, kept, strict=True)
    ]
    below = [np.sum(v < truth) for v, truth in zip(spaced, truths, strict=True)]
    ties = [np.sum(v == truth) for v, truth in zip(spaced, truths, strict=True)]
    return Ranks(np.array(below, dtype=int), np.array(ties, dtype=int), kept, ess)


def effective(draws: Array) -> Array:
    """Return the effective number of draws: the smaller one of bulk and tails.

    Draws that are all the same carry one value, however many there are.

    Parameters
    ----------
    draws : ndarray of shape (quantity, chain, draw)

    Returns
    -------
    ndarray of shape (quantity,)
    """
    found = np.fmin(ess_bulk(draws), ess_tail(draws))
    moves = np.ptp(draws, axis=(1, 2)) > 0
    return np.where(moves & np.isfinite(found), found, 1.0)
