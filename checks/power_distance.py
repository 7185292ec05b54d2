r"""How fast the distribution of a quantity changes with a power of a prior or a likelihood.

With :math:`F_a` the distribution under the power a, the sensitivity is the mean over two powers
next to 1 of :math:`d(F_1, F_a)/|\log_2 a|`, where

.. math:: d^2(F, G) = \frac{\int F\log_2\frac{2F}{F + G} + G\log_2\frac{2G}{F + G}}{\int F + G}

is the cumulative Jensen-Shannon distance; of this, and of the same for the distribution of minus
the quantity, the larger. Integrals run over the range of the draws.

References
----------
Kallioinen et al. (2023), doi:10.1007/s11222-023-10366-5, section 2.3; Nguyen and Vreeken (2015),
doi:10.1007/978-3-319-23525-7_11.
"""

from __future__ import annotations

import numpy as np

from .draws import Array

#: Powers at which the sensitivity is differentiated.
POWERS = (0.99, 1.01)

#: For Monte Carlo errors, distributions are looked at in so many places, and in every draw
#: among the outermost ones: the range, over which integrals run, is a part of the error.
_PLACES, _OUTERMOST = 200, 16


def sensitivities(values: Array, weights: Array, batches: np.ndarray, draws: int) -> Array:
    """Return power-scaling sensitivities with their Monte Carlo errors and floors.

    Parameters
    ----------
    values : ndarray of shape (quantities, draws)
    weights : ndarray of shape (scaled, 3, draws)
        Of what is scaled: under the lower power, under 1, and under the upper power.
    batches : ndarray of int, shape (batches,)
        First draw of each batch of consecutive draws.
    draws : int
        Of one fit: what is rarer than one of them is beyond the range.

    Returns
    -------
    ndarray of shape (3, scaled, quantities)
        Distance per doubling; its Monte Carlo error; and its floor, what it is by chance for a
        quantity that does not move, since no distance is negative: the square less that of the
        floor has no bias. The last two by the jackknife over batches, which counts the dependence
        between draws, and takes the weights as they are. NaN where a value is not finite.
    """
    shares = weights / weights.sum(axis=-1, keepdims=True)
    batch = np.searchsorted(batches, np.arange(values.shape[1]), side="right") - 1
    found = np.full((3, len(weights), len(values)), np.nan)
    for i, column in enumerate(values):
        if not np.isfinite(column).all():
            continue
        order = np.argsort(column, kind="stable")
        x, w = column[order], shares[..., order]
        cumulative = np.cumsum(w, axis=-1)[..., :-1]
        found[0, :, i] = _slope(np.diff(x), cumulative, draws)
        found[1:, :, i] = _jackknife(x, w, batch[order], draws)
    return found


def _jackknife(x: Array, shares: Array, batch: np.ndarray, draws: int) -> Array:
    """Return error and floor, shape (2, scaled), by leaving out every batch of sorted draws."""
    size, count = len(x), int(batch.max()) + 1
    outermost = min(_OUTERMOST, size // 2)
    places = np.unique(
        np.concatenate(
            [
                np.arange(outermost),
                np.linspace(outermost, size - 1 - outermost, _PLACES).astype(int),
                np.arange(size - outermost, size),
            ]
        )
    )
    cell = batch * len(places) + np.searchsorted(places, np.arange(size))
    totals = np.stack(
        [np.bincount(cell, w, count * len(places)) for w in shares.reshape(-1, size)]
    ).reshape(*shares.shape[:-1], count, len(places))
    whole = totals.sum(axis=-2, keepdims=True)
    cumulative = np.cumsum(np.concatenate([whole, whole - totals], axis=-2), axis=-1)
    cumulative /= cumulative[..., -1:]
    # Between two draws next to each other the distribution is what it is at the first.
    middle = np.diff(cumulative) / 2 * (np.diff(places) > 1)
    between = np.moveaxis(cumulative[..., :-1] + middle, 1, 2)
    found = _slope(np.diff(x[places]), between, draws)
    value, without = found[..., 0], found[..., 1:]
    spread = without.std(axis=-1) * np.sqrt(count - 1)
    lifted = ((without**2).mean(axis=-1) - value**2) * (count - 1)
    return np.stack([spread, np.sqrt(np.maximum(lifted, 0))])


def _slope(gaps: Array, cumulative: Array, draws: int) -> Array:
    """Return distance per doubling from distributions between draws, shape (..., 3, gaps)."""
    lower, base, upper = np.moveaxis(np.clip(cumulative, 0, 1), -2, 0)
    below, above = (
        _distance(gaps, base, other, draws) / abs(np.log2(power))
        for other, power in zip((lower, upper), POWERS, strict=True)
    )
    return np.asarray((below + above) / 2)


def _distance(gaps: Array, one: Array, other: Array, draws: int) -> Array:
    """Return the cumulative Jensen-Shannon distance, the larger of both directions."""
    # Half a draw: from the first draw of a fit to its last, also where draws have unequal weights.
    rare = 0.5 / draws
    inside = (np.maximum(one, other) >= rare) & (np.minimum(one, other) <= 1 - rare)
    width = gaps * inside
    return np.sqrt(np.maximum(_squared(width, one, other), _squared(width, 1 - one, 1 - other)))


def _squared(width: Array, one: Array, other: Array) -> Array:
    from scipy.special import rel_entr

    middle = (one + other) / 2
    total = (width * (one + other)).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        nats = (width * (rel_entr(one, middle) + rel_entr(other, middle))).sum(axis=-1)
        return np.asarray(np.maximum(nats, 0) / np.log(2) / total)
