"""Calibration of the calibration check, and of posterior predictive p-values."""

from __future__ import annotations

import numpy as np
from arviz_stats.base import array_stats
from numpy.testing import assert_allclose

from poolwise.checks.predictive import resolved_pit


def test_resolved_pit_is_uniform_where_draws_and_rows_are_exchangeable() -> None:
    """The false alarm rate is the nominal one; unresolved, every set of rows is rejected."""
    rng = np.random.default_rng(7)
    rows, draws, repetitions = 600, 500, 200
    raw, resolved = [], []
    for repetition in range(repetitions):
        pit = rng.integers(0, draws + 1, size=rows) / draws
        with np.errstate(all="ignore"):
            raw.append(float(array_stats.uniformity_test(pit)[0]))
        spread = resolved_pit(pit, draws, seed=repetition)
        resolved.append(float(array_stats.uniformity_test(spread)[0]))
    assert np.mean(np.array(raw) < 0.01) > 0.4
    # A rate of 1% over 200 repetitions exceeds 8 in 200 once in 2,000.
    assert np.sum(np.array(resolved) < 0.01) <= 8


def test_resolved_pit_moves_no_value_by_more_than_one_draw() -> None:
    pit = np.linspace(0, 1, 101)
    assert np.max(np.abs(resolved_pit(pit, 1000) - pit)) <= 1 / 1000
    assert_allclose(resolved_pit(pit, 1000), resolved_pit(pit, 1000))
