"""Variance and entropy of an outcome, split along a chain of new groups by numerical integration.

The linear predictor of a row is, given a draw of the parameters, normal around what is observed of
it: every new group adds an independent deviation. Whatever function of it the mean and variance of
the outcome are, their averages over these deviations are integrals over one normal variable, or two
where one part of the chain is held fixed. The trapezoidal rule converges exponentially for these
(Trefethen and Weideman 2014, doi:10.1137/130932132).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .draws import Array

#: Mean and variance of every row, and probabilities of its categories (or None), for some of the
#: draws, by their numbers, and a linear predictor of shape (draws, ...).
RowMoments = Callable[[np.ndarray, Array], tuple[Array, Array, Array | None]]

#: Spreads up to which draws share one rule.
_WIDTHS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, np.inf)
#: Beyond this spread the rule reaches so far that exponentials overflow, and say so.
_WIDEST = 40.0


@dataclass(frozen=True, slots=True)
class Split:
    """Parts of one target at every draw, averaged over rows.

    Attributes
    ----------
    noise : ndarray of shape (draws,)
        Variance within groups.
    spreads : list of ndarray of shape (draws,)
        Variance of the mean that each link of the chain adds, innermost first.
    mean : ndarray of shape (draws, rows)
        Of every row over all that is new: what varies with the parameters.
    noise_entropy, spread_entropies : the same in nats, or None
    probabilities : ndarray of shape (draws, rows, categories) or None
    """

    noise: Array
    spreads: list[Array]
    mean: Array
    noise_entropy: Array | None = None
    spread_entropies: list[Array] | None = None
    probabilities: Array | None = None


def normal_rule(spread: float) -> tuple[Array, Array]:
    """Return nodes and weights for the mean of a function of ``spread`` times a standard normal.

    Fine enough for logistic, probit and exponential functions of it and their squares to nine
    digits: the step against the poles of the logistic, the reach against the growth of the
    exponential.
    """
    return _trapezoidal(spread, step=1.0, reach=8.0)


def _coarse(spread: float) -> tuple[Array, Array]:
    """Return a rule for one of two integrals: five digits are enough beside Monte Carlo error."""
    return _trapezoidal(spread, step=1.4, reach=5.0)


def _trapezoidal(spread: float, *, step: float, reach: float) -> tuple[Array, Array]:
    spread = min(spread, _WIDEST)
    apart, furthest = step / np.sqrt(1 + 2 * spread**2), reach + 2 * spread
    count = int(np.ceil(furthest / apart))
    nodes = apart * np.arange(-count, count + 1)
    weights = np.exp(-0.5 * nodes**2)
    return nodes, weights / weights.sum()


def entropy(p: Array) -> Array:
    """Return the entropy of categories along the last axis, in nats."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return -over_categories(np.where(p > 0, p * np.log(p), 0.0))


def over_categories(values: Array) -> Array:
    """Return sums along the last axis: category by category, as NumPy is slow on short axes."""
    total = values[..., 0].copy()
    for k in range(1, values.shape[-1]):
        total += values[..., k]
    return total


def split(
    moments: RowMoments,
    centre: Array,
    spreads: Sequence[Array],
    weights: Array,
    *,
    chunk: int = 2_000_000,
) -> Split:
    r"""Split the variance of rows in new groups at every draw.

    With :math:`m` and :math:`v` mean and variance of a row and :math:`Z_1, \dots, Z_L` the
    deviations of new groups, innermost first: :math:`E[v]`, and for every link k
    :math:`E[E[m|Z_{\ge k}]^2] - E[E[m|Z_{>k}]^2]`.

    Parameters
    ----------
    moments : callable
    centre : ndarray of shape (draws, ...)
        Linear predictor where all deviations are 0.
    spreads : sequence of ndarray of shape (draws, ...)
        Standard deviation of the deviation of each link in the predictor, innermost first; empty
        for groups that were observed.
    weights : ndarray of shape (rows,)
        Of rows in averages; they sum to 1.
    chunk : int
        Numbers evaluated at once.
    """
    total = len(centre)
    size = max(centre[0].size, weights.size, 1)
    widest = np.sqrt(sum((s**2 for s in spreads), np.zeros_like(centre)))
    per_draw = widest.reshape(total, -1).max(1) if spreads else np.zeros(total)
    bins = np.searchsorted(_WIDTHS, per_draw)  # draws of similar spread share a rule
    step = max(1, chunk // size)
    alike = [np.flatnonzero(bins == b) for b in np.unique(bins)]
    some = [same[a : a + step] for same in alike for a in range(0, same.size, step)]
    pieces = [_split_some(moments, at, centre, spreads, weights, per_draw) for at in some]
    return _joined(pieces, np.argsort(np.concatenate(some)), len(spreads))


def _joined(pieces: Sequence[Split], order: np.ndarray, links: int) -> Split:
    with_entropy = pieces[0].noise_entropy is not None

    def join(values: Sequence[Array]) -> Array:
        return np.asarray(np.concatenate(values)[order])

    return Split(
        join([p.noise for p in pieces]),
        [join([p.spreads[k] for p in pieces]) for k in range(links)],
        join([p.mean for p in pieces]),
        join([_some(p.noise_entropy) for p in pieces]) if with_entropy else None,
        [join([_some(p.spread_entropies)[k] for p in pieces]) for k in range(links)]
        if with_entropy
        else None,
        join([_some(p.probabilities) for p in pieces]) if with_entropy else None,
    )


def _some[T](value: T | None) -> T:
    assert value is not None
    return value


def _split_some(
    moments: RowMoments,
    at: np.ndarray,
    centre: Array,
    spreads: Sequence[Array],
    weights: Array,
    per_draw: Array,
) -> Split:
    here, links = centre[at], [s[at] for s in spreads]
    spread = np.sqrt(sum((s**2 for s in links), np.zeros_like(here)))
    base, _, _ = moments(at, here)
    base = np.where(np.isfinite(base), base, 0.0)
    rule = normal_rule(float(per_draw[at].max())) if links else (np.zeros(1), np.ones(1))
    mean, square, noise = np.zeros_like(base), np.zeros_like(base), np.zeros_like(base)
    p_mean: Array | None = None
    within = np.zeros_like(base)
    with np.errstate(over="ignore", invalid="ignore"):
        for node, weight in zip(*rule, strict=True):
            m, v, p = moments(at, here + node * spread)
            # Deviations from the mean at the centre, so that large means cost no digits.
            mean += weight * (m - base)
            square += weight * (m - base) ** 2
            noise += weight * v
            if p is not None:
                p_mean = weight * p if p_mean is None else p_mean + weight * p
                within += weight * entropy(p)
        squares, entropies = [square], [within]
        for k in range(1, len(links)):
            held, held_entropy = _held(moments, at, here, links, k, base, p_mean is not None)
            squares.append(held)
            entropies.append(held_entropy)
        if links:
            squares.append(mean**2)
        if links and p_mean is not None:
            entropies.append(entropy(p_mean))
        gaps = [(a - b) @ weights for a, b in pairwise(squares)]
        noise_here = noise @ weights
    if p_mean is None:
        return Split(noise_here, gaps, base + mean)
    lost = [(b - a) @ weights for a, b in pairwise(entropies)]
    return Split(noise_here, gaps, base + mean, within @ weights, lost, p_mean)


def _held(
    moments: RowMoments,
    at: np.ndarray,
    here: Array,
    links: Sequence[Array],
    k: int,
    base: Array,
    with_entropy: bool,
) -> tuple[Array, Array]:
    """Average over outer links the squared mean (and its entropy) over the first k links."""
    zero = np.zeros_like(here)
    inner = np.sqrt(sum((s**2 for s in links[:k]), zero))
    outer = np.sqrt(sum((s**2 for s in links[k:]), zero))
    square, gained = np.zeros_like(base), np.zeros_like(base)
    inner_rule, outer_rule = (_coarse(float(s.max())) for s in (inner, outer))
    for node, weight in zip(*outer_rule, strict=True):
        mean = np.zeros_like(base)
        p_mean: Array | None = None
        for other, share in zip(*inner_rule, strict=True):
            m, _, p = moments(at, here + node * outer + other * inner)
            mean += share * (m - base)
            if p is not None and with_entropy:
                p_mean = share * p if p_mean is None else p_mean + share * p
        square += weight * mean**2
        if p_mean is not None:
            gained += weight * entropy(p_mean)
    return square, gained
