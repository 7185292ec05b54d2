"""R-hat and effective numbers of draws, of many quantities at once.

What ArviZ computes one quantity at a time in Python, in arrays: the hundreds of fits of a
calibration, and the thousands of rows of a large model, spend most of their time there otherwise.

References
----------
Vehtari et al. (2021), doi:10.1214/20-BA1221; Geyer (1992), doi:10.1214/ss/1177011137 (where
autocorrelations are cut off).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .draws import Array

#: Tail probabilities whose effective sample size is taken (Vehtari et al. 2021, section 4.3).
TAILS = (0.05, 0.95)

#: Fewest draws of a chain, as in ArviZ.
_FEWEST = 4

#: Numbers that are worked on at once: bounds the memory for many quantities.
_AT_ONCE = 2_000_000


def rhat(draws: Array) -> Array:
    """Return the rank-normalised split R-hat: the larger one of bulk and tails.

    Parameters
    ----------
    draws : ndarray of shape (..., chain, draw)

    Returns
    -------
    ndarray of shape (...,)
        NaN for one chain, for fewer than four draws, and where a draw is NaN.
    """
    if draws.shape[-2] < 2:
        return np.full(draws.shape[:-2], np.nan)
    return _of_each(_rhat, draws)


def ess_bulk(draws: Array) -> Array:
    """Return the effective number of draws for the bulk of the distribution.

    Parameters
    ----------
    draws : ndarray of shape (..., chain, draw)

    Returns
    -------
    ndarray of shape (...,)
        NaN for fewer than four draws, and where a draw is NaN.
    """
    return _of_each(lambda some: _ess(_normalised(_split(some))), draws)


def ess_tail(draws: Array) -> Array:
    """Return the effective number of draws for the tails: the smaller one of both ``TAILS``.

    Parameters
    ----------
    draws : ndarray of shape (..., chain, draw)

    Returns
    -------
    ndarray of shape (...,)
        NaN for fewer than four draws, and where a draw is NaN.
    """
    return _of_each(_ess_tail, draws)


def _of_each(function: Callable[[Array], Array], draws: Array) -> Array:
    """Apply a function of shape (quantity, chain, draw) to valid quantities, some at a time."""
    chains, length = draws.shape[-2:]
    flat = draws.reshape(-1, chains, length)
    found = np.full(len(flat), np.nan)
    if length >= _FEWEST:
        step = max(1, _AT_ONCE // (chains * length))
        for start in range(0, len(flat), step):
            some = flat[start : start + step]
            valid = ~np.isnan(some).any(axis=(1, 2))
            if valid.any():
                found[start : start + step][valid] = function(some[valid])
    return found.reshape(draws.shape[:-2])


def _split(draws: Array) -> Array:
    """Return both halves of every chain as chains of their own, without a draw in the middle."""
    half = draws.shape[-1] // 2
    return np.concatenate([draws[..., :half], draws[..., -half:]], axis=-2)


def _normalised(draws: Array) -> Array:
    """Return normal scores of the ranks among all chains; Blom's offset of 3/8."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    flat = draws.reshape(len(draws), -1)
    ranks = rankdata(flat, method="average", axis=-1)
    return np.asarray(ndtri((ranks - 0.375) / (flat.shape[-1] + 0.25))).reshape(draws.shape)


def _rhat(draws: Array) -> Array:
    halves = _split(draws)
    folded = np.abs(halves - np.median(halves, axis=(1, 2), keepdims=True))
    return np.maximum(_plain_rhat(_normalised(halves)), _plain_rhat(_normalised(folded)))


def _plain_rhat(draws: Array) -> Array:
    length = draws.shape[-1]
    with np.errstate(all="ignore"):
        between = length * draws.mean(axis=-1).var(axis=-1, ddof=1)
        within = draws.var(axis=-1, ddof=1).mean(axis=-1)
        return np.asarray(np.sqrt((between / within + length - 1) / length))


def _ess_tail(draws: Array) -> Array:
    found = [
        _ess(_split((draws <= ends[:, None, None]).astype(float)))
        for ends in np.quantile(draws, TAILS, axis=(1, 2))
    ]
    return np.asarray(np.minimum(*found))


def _ess(draws: Array) -> Array:
    """Return the effective number of draws for the mean, from Geyer's monotone sequence.

    Parameters
    ----------
    draws : ndarray of shape (quantity, chain, draw)
        Of split chains.
    """
    count, chains, length = draws.shape
    total = chains * length
    covariance = _autocovariance(draws).mean(axis=1)
    within = covariance[:, 0] * length / (length - 1)
    with np.errstate(all="ignore"):
        spread = covariance[:, 0] + (draws.mean(-1).var(-1, ddof=1) if chains > 1 else 0.0)
        correlation = 1 - (within[:, None] - covariance) / spread[:, None]
    correlation[:, 0] = 1.0
    # Sums of neighbours are positive and fall; from the first that is not, they are noise.
    last = max(0, (length - 3) // 2)
    pairs = correlation[:, : 2 * last + 2].reshape(count, last + 1, 2).sum(-1)
    noise = np.concatenate([~(pairs[:, :last] > 0), np.ones((count, 1), dtype=bool)], axis=1)
    cut, each = noise.argmax(axis=1), np.arange(count)
    falling = np.cumsum(np.minimum.accumulate(pairs, axis=1), axis=1)
    even = correlation[each, 2 * cut]
    even = np.where((even > 0) | (pairs[each, cut] >= 0), even, 0.0)
    tau = -1 + 2 * np.where(cut > 0, falling[each, cut - 1], 0.0) + even
    found = total / np.maximum(tau, 1 / np.log10(total))
    found = np.where(np.isfinite(correlation).all(axis=1), found, np.nan)
    same = np.ptp(draws, axis=(1, 2)) < np.finfo(float).resolution
    return np.where(same, total, found)


def _autocovariance(draws: Array) -> Array:
    """Return the autocovariance at every lag, shape (..., draw)."""
    from scipy.fft import irfft, next_fast_len, rfft

    length = draws.shape[-1]
    size = next_fast_len(2 * length, real=True)
    transformed = rfft(draws - draws.mean(axis=-1, keepdims=True), n=size)
    power = transformed.real**2 + transformed.imag**2
    return np.asarray(irfft(power, n=size)[..., :length] / length)
