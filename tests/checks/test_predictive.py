"""Calibration of the calibration check, and of posterior predictive p-values."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from arviz_stats.base import array_stats
from numpy.testing import assert_allclose

from poolwise.checks import Evidence
from poolwise.checks.predictive import resolved_pit, rows_outside_intervals


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


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ([], ""),
        ([9], "; far out: row p9"),
        ([9, 21], "; far out: rows p9 and p21"),
        (range(7), "; far out: rows p0, p1, p2, p3, p4 and 2 more"),
    ],
)
def test_rows_far_out_are_named(wrong: list[int], said: str) -> None:
    rng = np.random.default_rng(1)
    simulated, seen = rng.normal(size=(4, 1000, 48)), 0.3 * rng.normal(size=48)
    seen[list(wrong)] += 20.0
    coords = {"place": [f"p{i}" for i in range(48)]}
    tree = xr.DataTree.from_dict(
        {
            "observed_data": xr.Dataset({"seen": ("place", seen)}, coords=coords),
            "posterior_predictive": xr.Dataset(
                {"seen": (("chain", "draw", "place"), simulated)}, coords=coords
            ),
        }
    )
    (finding,) = rows_outside_intervals.run(Evidence(tree))
    inside = finding.message.partition(";")[0]
    assert inside.endswith("of 48 rows of seen lie inside their 89% posterior predictive interval")
    assert finding.message == inside + said
