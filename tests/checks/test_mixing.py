"""Diagnostics of many quantities at once are those that ArviZ computes of each."""

from __future__ import annotations

import numpy as np
import pytest
from arviz_stats.base import array_stats

from poolwise.checks.draws import Array
from poolwise.checks.mixing import TAILS, ess_bulk, ess_tail, rhat


def series(chains: int, draws: int) -> Array:
    """Fast and slow, alternating, ties, constant, two-valued, stuck, heavy-tailed."""
    rng = np.random.default_rng([chains, draws])
    noise = rng.normal(size=(12, chains, draws))
    for row, rho in ((1, 0.5), (2, 0.95), (3, 0.999), (4, -0.7)):
        for t in range(1, draws):
            noise[row, :, t] += rho * noise[row, :, t - 1]
    noise[5] = np.round(noise[5])
    noise[6] = 1.0
    noise[7] = noise[7] > 1.5
    noise[8, 0] += 3.0
    noise[9, :, draws // 2 :] = 0.0
    noise[10] = np.exp(5 * noise[10])
    noise[11, -1, -1] += 1e6
    return noise


@pytest.mark.parametrize(("chains", "draws"), [(1, 4), (2, 5), (1, 101), (2, 100), (4, 333)])
def test_they_are_those_of_arviz(chains: int, draws: int) -> None:
    values = series(chains, draws)
    with np.errstate(all="ignore"):
        cases = [
            (rhat(values), array_stats.rhat(values)),
            (ess_bulk(values), array_stats.ess(values, method="bulk")),
            (ess_tail(values), array_stats.ess(values, method="tail", prob=TAILS)),
        ]
    for ours, theirs in cases:
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_nan_and_too_few_draws_have_none() -> None:
    values = series(2, 50)
    values[3, 1, 7] = np.nan
    for function in (rhat, ess_bulk, ess_tail):
        assert np.isnan(function(values)[3])
        assert np.isfinite(function(values)[:3]).all()
        assert np.isnan(function(values[..., :3])).all()
    assert np.isnan(rhat(values[:, :1])).all()


def test_shapes_and_parts_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    values = series(2, 60)
    whole = ess_bulk(values)
    monkeypatch.setattr("poolwise.checks.mixing._AT_ONCE", 400)
    assert np.array_equal(ess_bulk(values), whole)
    assert np.array_equal(ess_bulk(values.reshape(3, 4, 2, 60)), whole.reshape(3, 4))
