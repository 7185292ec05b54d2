r"""Are values uniform? The empirical distribution function against a simultaneous band.

At points :math:`x_k` the number of n uniform values up to :math:`x_k` is binomial. The statistic is
the smallest of all its two-sided tail probabilities; the band holds every path whose smallest one
is above a level. ArviZ finds that level by simulation; here the chance that a path stays in its
band is computed exactly, because a correction for many quantities needs probabilities far out.

References
----------
Säilynoja, Bürkner and Vehtari (2022), doi:10.1007/s11222-022-10090-6 (the band); Noé (1972),
doi:10.1214/aoms/1177692719 (the recursion).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .draws import Array
from .lazy import stats

#: The distribution function is looked at in so many steps.
STEPS = 200

#: Data sets that the power is simulated with.
_SIMULATIONS = 400


@dataclass(frozen=True, slots=True)
class Band:
    """The differences from the uniform distribution that a calibrated quantity keeps within.

    Attributes
    ----------
    points, low, high : ndarray of shape (K,)
    level : float
        Paths whose smallest tail probability is not above it leave the band.
    """

    points: Array
    low: Array
    high: Array
    level: float


@lru_cache(maxsize=16)
def _tails(n: int) -> tuple[Array, Array, Array]:
    """Return the points, and both tail probabilities of every count, shape (K, n + 1)."""
    from scipy.special import bdtr

    steps = min(n, STEPS)
    points = np.arange(1, steps) / steps
    up_to = bdtr(np.arange(n + 1.0), n, points[:, None])
    from_it = 1 - np.concatenate([np.zeros((steps - 1, 1)), up_to[:, :-1]], axis=1)
    return points, up_to, from_it


def counts(values: Array) -> Array:
    """Return how many values lie up to every point.

    Parameters
    ----------
    values : ndarray of shape (..., n)
        Between 0 and 1.

    Returns
    -------
    ndarray of int, shape (..., K)
    """
    n = values.shape[-1]
    steps = min(n, STEPS)
    cell = np.clip(np.ceil(values * steps).astype(int) - 1, 0, steps - 1)
    rows = np.arange(cell.size // n)[:, None] * steps
    tally = np.bincount((cell.reshape(-1, n) + rows).ravel(), minlength=rows.size * steps)
    up_to = np.cumsum(tally.reshape(*values.shape[:-1], steps), axis=-1)
    return np.asarray(up_to[..., :-1])


def smallest_tail(values: Array) -> Array:
    """Return the smallest tail probability over all points, shape (...,)."""
    found = counts(values)
    _, up_to, from_it = _tails(values.shape[-1])
    at = np.arange(found.shape[-1])
    return np.asarray(np.minimum(up_to[at, found], from_it[at, found]).min(axis=-1))


def chance(level: float, n: int) -> float:
    """Return how likely n uniform values have a smallest tail probability of ``level`` or less.

    Given their total, counts in equal steps are those of a Poisson process: the number of paths
    inside the band is carried on from step to step.
    """
    _, up_to, from_it = _tails(n)
    inside = (up_to > level) & (from_it > level)
    steps = len(inside) + 1
    arrivals = np.asarray(stats.poisson.pmf(np.arange(n + 1), n / steps))
    arrivals = arrivals[: int(np.flatnonzero(arrivals > 0)[-1]) + 1]
    state = np.zeros(n + 1)
    state[0] = 1.0
    for allowed in inside:
        state = np.convolve(state, arrivals)[: n + 1] * allowed
    stays = np.convolve(state, arrivals)[n] / float(stats.poisson.pmf(n, n))
    return float(np.clip(1 - stays, 1e-14, 1.0))


@lru_cache(maxsize=64)
def band(n: int, probability: float) -> Band:
    """Return the band that n uniform values leave with a probability of at most ``probability``."""
    points, up_to, from_it = _tails(n)
    low, high = np.log(1e-18), np.log(0.5)
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if chance(np.exp(middle), n) <= probability else (low, middle)
    level = float(np.exp(low))
    inside = (up_to > level) & (from_it > level)
    fewest, most = inside.argmax(axis=1), n - inside[:, ::-1].argmax(axis=1)
    return Band(points, fewest / n - points, most / n - points, level)


def _smallest_seen(
    n: int, probability: float, power: float, faulty: Callable[[Array, float], Array], most: float
) -> float:
    """Return the smallest size of a fault that leaves the band with probability ``power``."""
    level = band(n, probability).level
    normal = np.random.default_rng(0).normal(size=(_SIMULATIONS, n))

    def seen(size: float) -> bool:
        values = np.asarray(stats.norm.cdf(faulty(normal, size)))
        return bool(np.mean(smallest_tail(values) <= level) >= power)

    low, high = 0.0, most
    if not seen(high):
        return float("inf")
    for _ in range(9):
        middle = (low + high) / 2
        low, high = (low, middle) if seen(middle) else (middle, high)
    return high


@lru_cache(maxsize=32)
def smallest_bias_seen(n: int, probability: float, power: float = 0.8) -> float:
    """Return the smallest bias, in posterior sd, that n ranks show with a given power.

    By simulation with a fixed seed: ranks of normal posteriors that are all off by that much.
    Infinite where even four standard deviations would not show.
    """
    return _smallest_seen(n, probability, power, lambda z, size: z - size, 4.0)


@lru_cache(maxsize=32)
def smallest_narrowing_seen(n: int, probability: float, power: float = 0.8) -> float:
    """Return the smallest factor by which posteriors may be too narrow and n ranks show it.

    By simulation with a fixed seed: ranks of normal posteriors whose standard deviations are too
    small by that factor. Infinite where even a factor of 16 would not show.
    """
    found = _smallest_seen(n, probability, power, lambda z, size: z * (1 + size), 15.0)
    return 1 + found


def words(values: Array) -> str:
    """Say how values differ most from uniform ones: in their centre or in their spread."""
    n = values.size
    centre = (float(values.mean()) - 0.5) * np.sqrt(12 * n)
    spread = (float(np.mean((values - 0.5) ** 2)) - 1 / 12) * np.sqrt(180 * n)
    if abs(centre) >= abs(spread):
        return "fits are too low" if centre > 0 else "fits are too high"
    return "fits are too narrow" if spread > 0 else "fits are too wide"
