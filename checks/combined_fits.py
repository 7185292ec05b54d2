r"""Draws of fits under several powers of one density, combined and weighted to each of them.

All fits target :math:`g(\theta)\,p(\theta)^{a_i}/Z_i`; only p differs between draws. Of the mixture
of all draws, :math:`\sum_i g\,p^{a_i}/Z_i`, every target holds an equal part, so that no weight is
more than the number of fits: there is no heavy tail that few draws could decide.

References
----------
Geyer (1994), Estimating normalizing constants and reweighting mixtures, Technical Report 568,
University of Minnesota; Shirts and Chodera (2008), doi:10.1063/1.2978177.
"""

from __future__ import annotations

import numpy as np

from .draws import Array

#: Newton steps; the function is convex, and two or three do.
_STEPS = 50


def combined_weights(log_density: Array, powers: Array) -> Array:
    """Return the weights that turn all draws together into draws under each power.

    Parameters
    ----------
    log_density : ndarray of shape (fits, draws)
        Log of the density that is scaled, on the draws of every fit.
    powers : ndarray of shape (fits,)
        Under which each fit was made.

    Returns
    -------
    ndarray of shape (fits, fits * draws)
        One row for each power, which sums to 1; all draws of the first fit come first.
    """
    fits, draws = log_density.shape
    energies = powers[:, None] * (log_density - log_density.mean()).ravel()
    shares = _shares(energies, _log_constants(energies, draws))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True)).reshape(fits, -1)


def _shares(energies: Array, constants: Array) -> Array:
    """Return the probability that each draw came from each fit, shape (fits, all draws)."""
    logits = energies - constants[:, None]
    shares = np.exp(logits - logits.max(axis=0))
    return np.asarray(shares / shares.sum(axis=0))


def _log_constants(energies: Array, draws: int) -> Array:
    """Return log normalising constants, of the first fit zero, that explain who drew what."""
    fits = len(energies)
    own = np.split(energies, fits, axis=1)
    constants = np.zeros(fits)
    for i in range(1, fits):
        # Between neighbours the constant is, nearly, the mean difference of energies under both.
        steps = [(e[i] - e[i - 1]).mean() for e in (own[i - 1], own[i])]
        constants[i] = constants[i - 1] + np.mean(steps)
    for _ in range(_STEPS):
        shares = _shares(energies, constants)[1:]
        residual = shares.sum(axis=1) - draws
        curvature = np.diag(shares.sum(axis=1)) - shares @ shares.T
        # Fits without a draw in common leave their constants open, and need none.
        step = np.linalg.lstsq(curvature, residual, rcond=1e-10)[0]
        constants[1:] += np.clip(step, -1, 1)
        if np.abs(residual).max() < 1e-8 * draws:
            break
    return constants
