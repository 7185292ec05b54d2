"""The exact band, against simulation and against ArviZ's own."""

from __future__ import annotations

import numpy as np
import pytest
from arviz_stats.ecdf_utils import get_pointwise_confidence_band, simulate_confidence_bands
from scipy import stats

from poolwise.checks.uniformity import (
    band,
    chance,
    counts,
    smallest_bias_seen,
    smallest_tail,
    words,
)

SIMULATIONS = 20_000


@pytest.mark.parametrize("n", [20, 100, 333])
def test_the_chance_is_how_often_it_happens(n: int) -> None:
    tails = smallest_tail(np.random.default_rng(n).uniform(size=(SIMULATIONS, n)))
    for level in (3e-4, 3e-3, 3e-2):
        exact = chance(level, n)
        error = np.sqrt(exact * (1 - exact) / SIMULATIONS)
        assert abs(np.mean(tails <= level) - exact) < 4 * error


@pytest.mark.parametrize("n", [50, 100])
def test_the_band_is_that_of_arviz(n: int) -> None:
    points = np.arange(1, n) / n
    mine = band(n, 0.05)
    # ArviZ simulates the level; the exact chance of leaving its band is 5% to Monte Carlo error.
    theirs = simulate_confidence_bands(n, 1, points, 0.95, 4000, np.random.default_rng(1))
    error = 4 * np.sqrt(0.05 * 0.95 / 4000)
    # Counts are discrete: a level just below an attained one and one just above differ by a step.
    assert chance((1 - theirs) / 2 * 0.9999, n) < 0.05 + error
    assert chance((1 - theirs) / 2 * 1.0001, n) > 0.05 - error
    low, high = get_pointwise_confidence_band(1 - 2 * mine.level, n, points)
    np.testing.assert_allclose(mine.low, low - points, atol=1e-12)
    np.testing.assert_allclose(mine.high, high - points, atol=1e-12)


def test_counts_values_up_to_every_point() -> None:
    values = np.array([[0.1, 0.5, 0.5, 0.99], [0.0, 0.25, 0.74, 0.75]])
    assert counts(values).tolist() == [[1, 3, 3], [2, 2, 4]]


def test_the_smallest_bias_is_seen_as_often_as_stated() -> None:
    n, probability = 80, 0.005
    bias = smallest_bias_seen(n, probability)
    rng = np.random.default_rng(5)
    values = stats.norm.cdf(rng.normal(size=(4000, n)) - bias)
    seen = np.mean(smallest_tail(values) <= band(n, probability).level)
    # The bias itself was found with 400 simulations.
    assert abs(seen - 0.8) < 4 * np.sqrt(0.16 * (1 / 400 + 1 / 4000))


def test_says_how_ranks_are_uneven() -> None:
    even = (np.arange(200) + 0.5) / 200
    normal = stats.norm.ppf(even)
    assert words(stats.norm.cdf(normal + 1)) == "fits are too low"
    assert words(stats.norm.cdf(normal - 1)) == "fits are too high"
    assert words(stats.norm.cdf(normal * 2)) == "fits are too narrow"
    assert words(stats.norm.cdf(normal / 2)) == "fits are too wide"
