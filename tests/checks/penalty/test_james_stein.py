"""Baseball players (Efron and Morris 1975), and the ridge penalty that shrinks them alike."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests.checks.penalty.ridge_problems import Array, column, table

from poolwise.checks.penalty import Outcome, classical_markers, james_stein_weight, one_way

BASEBALL = "baseball_1970"


def players() -> tuple[Array, Array]:
    """Return the averages after 45 times at bat, and over the rest of the season."""
    rows = table("tests/data/efron_morris_pscl.csv")
    return column(rows, "y"), column(rows, "p")


def test_baseball_players_agree_with_the_published_table(expected) -> None:  # type: ignore[no-untyped-def]
    y, late = players()
    assert_allclose(y.mean(), expected(BASEBALL, "grand_mean | raw scale"), rtol=1e-12)
    variance = y.mean() * (1 - y.mean()) / 45
    weight = james_stein_weight(y, variance)
    assert_allclose(weight, expected(BASEBALL, "c | raw scale"), rtol=1e-10)
    # One row per player with known noise: the ridge penalty (1 - w) / w is the same estimator.
    ridge = one_way(y, np.ones((18, 1)), np.arange(18), noise=np.full(18, np.sqrt(variance)))
    ratio = weight / (1 - weight)
    shrunk = ridge.population(ratio)[0] + ridge.effect(ratio)
    assert_allclose(shrunk, expected(BASEBALL, "js | raw scale"), atol=6e-5)
    errors = [((e - late) ** 2).sum() for e in (y, shrunk)]
    assert_allclose(errors[0], expected(BASEBALL, "sse_mle | raw scale"), rtol=1e-10)
    assert_allclose(errors[1], expected(BASEBALL, "sse_js | raw scale"), rtol=1e-8)
    assert_allclose(errors[0] / errors[1], expected(BASEBALL, "ratio | raw scale"), rtol=1e-8)


def test_on_the_scale_of_equal_noise_the_error_ratio_is_the_published_one(expected) -> None:  # type: ignore[no-untyped-def]
    early, late = players()
    x, theta = (np.sqrt(45) * np.arcsin(2 * p - 1) for p in (early, late))
    assert_allclose(x.mean(), expected(BASEBALL, "mean_x | arcsin scale"), rtol=1e-10)
    weight = james_stein_weight(x, 1.0)
    assert_allclose(weight, expected(BASEBALL, "c | arcsin scale"), rtol=1e-10)
    ridge = one_way(x, np.ones((18, 1)), np.arange(18), noise=np.ones(18))
    ratio = weight / (1 - weight)
    shrunk = ridge.population(ratio)[0] + ridge.effect(ratio)
    own, js = ((e - theta) ** 2 for e in (x, shrunk))
    assert_allclose(own.sum() / js.sum(), expected(BASEBALL, "ratio | arcsin scale"), rtol=1e-8)
    assert (js < own).sum() == expected(BASEBALL, "n_improved | arcsin scale")
    # REML puts J - 1 where James and Stein put J - 3: unbiased for the variance, not the weight.
    reml = classical_markers(ridge)[0]
    assert reml.outcome is Outcome.FOUND
    assert_allclose(1 / (1 + reml.penalty), 1 - 17 / ((x - x.mean()) ** 2).sum(), rtol=1e-6)


def test_shrinkage_ends_at_the_mean() -> None:
    assert james_stein_weight(np.array([1.0, 1.1, 0.9, 1.0]), 5.0) == 0
    assert james_stein_weight(np.full(6, 2.0), 1.0) == 0
    with pytest.raises(ValueError, match="needs 4 groups"):
        james_stein_weight(np.arange(3.0), 1.0)
