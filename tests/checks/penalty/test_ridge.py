"""The ridge problem given its penalty, against the normal equations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from tests.checks.penalty.ridge_problems import Array, direct, indicator

from poolwise.checks.penalty import NotLinear, Ridge, dense, one_way

EXACT = 1e-8


@st.composite
def levels(draw: st.DrawFn) -> tuple[Array, Array, Array, Array, int, Array | None, float]:
    """Draw rows, population columns, groups, designs, known noise and a penalty."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    groups = draw(st.integers(1, 7))
    counts = draw(st.lists(st.integers(0, 6), min_size=groups, max_size=groups))
    group = np.repeat(np.arange(groups), counts)
    stray = draw(st.integers(0, 3))
    group = np.r_[group, np.full(stray, -1)].astype(int)
    n = group.size
    columns = draw(st.integers(0, 3))
    x = np.column_stack([np.ones(n), rng.normal(size=(n, 2))])[:, :columns]
    design = np.ones(n) if draw(st.booleans()) else rng.normal(size=n)
    noise = rng.uniform(0.3, 3, n) if draw(st.booleans()) else None
    y = 10 * rng.normal() + rng.normal(size=n)
    penalty = 10 ** draw(st.floats(-3, 3))
    return y, x, group, design, groups, noise, penalty


def solvable(y: Array, x: Array, group: Array) -> bool:
    return bool(y.size > x.shape[1] and (group >= 0).any())


def whitened(y: Array, x: Array, z: Array, noise: Array | None) -> tuple[Array, Array, Array]:
    if noise is None:
        return y, x, z
    inside = (z != 0).any(1)
    size = (z**2).sum(1)
    typical = size[inside].sum() / (size[inside] / noise[inside] ** 2).sum()
    scale = noise / np.sqrt(typical)
    return y / scale, x / scale[:, None], z / scale[:, None]


@settings(deadline=None, max_examples=150)
@given(levels())
def test_everything_agrees_with_the_normal_equations(level) -> None:  # type: ignore[no-untyped-def]
    y, x, group, design, groups, noise, penalty = level
    if not solvable(y, x, group):
        return
    ridge = one_way(y, x, group, design=design, noise=noise, groups=groups)
    y, x, z = whitened(y, x, indicator(group, design, groups), noise)
    beta, effect, hat = direct(y, x, z, penalty)
    ratio = 1 / penalty
    path = ridge.at(np.array([ratio]))
    left = y - x @ beta - z @ effect
    size = max(1.0, float(abs(y).max()))
    assert_allclose(ridge.effect(ratio), effect, atol=EXACT * size)
    assert_allclose(ridge.population(ratio), beta, atol=EXACT * size * 10)
    assert_allclose(path.effective[0] + ridge.columns, np.trace(hat), atol=EXACT)
    assert_allclose(path.residual[0], left @ left, rtol=EXACT, atol=EXACT)
    assert_allclose(path.size[0], effect @ effect, rtol=EXACT, atol=EXACT)
    penalised = left @ left + penalty * effect @ effect
    assert_allclose(path.criterion[0], penalised, rtol=EXACT, atol=EXACT)
    v = np.eye(y.size) + z @ z.T / penalty
    assert_allclose(path.log_determinant[0], np.linalg.slogdet(v)[1], atol=EXACT)
    if x.shape[1]:
        relative = np.linalg.slogdet(x.T @ np.linalg.solve(v, x))[1]
        relative -= np.linalg.slogdet(x.T @ x)[1]
        found = path.restricted_log_determinant[0] - path.log_determinant[0]
        assert_allclose(found, relative, atol=EXACT * 10)
    residual, diagonal = ridge.leave_one_out(ratio)
    assert_allclose(residual, left, atol=EXACT * size)
    assert_allclose(diagonal, 1 - np.diag(hat), atol=EXACT)


@settings(deadline=None, max_examples=60)
@given(levels())
def test_a_group_is_a_dense_column(level) -> None:  # type: ignore[no-untyped-def]
    y, x, group, design, groups, _, penalty = level
    if not solvable(y, x, group):
        return
    sparse = one_way(y, x, group, design=design, groups=groups)
    full = dense(y, x, indicator(group, design, groups))
    ratio = 1 / penalty
    assert_allclose(full.effect(ratio), sparse.effect(ratio), atol=EXACT * 10)
    for name in ("effective", "residual", "size", "criterion", "restricted_log_determinant"):
        ours, theirs = (getattr(r.at(np.array([0, ratio])), name) for r in (sparse, full))
        assert_allclose(ours, theirs, rtol=EXACT, atol=EXACT)
    assert_allclose(
        np.array(full.leave_one_out(ratio)), np.array(sparse.leave_one_out(ratio)), atol=EXACT
    )


@settings(deadline=None, max_examples=60)
@given(levels())
def test_derivatives_of_the_size_are_those_of_differences(level) -> None:  # type: ignore[no-untyped-def]
    y, x, group, design, groups, _, penalty = level
    if not solvable(y, x, group):
        return
    ridge = one_way(y, x, group, design=design, groups=groups)
    step = 1e-3 * penalty
    around = ridge.at(1 / (penalty + step * np.arange(-2, 3)))
    first, second = (d[2] for d in around.size_slopes)
    size = around.size
    central = (size[0] - 8 * size[1] + 8 * size[3] - size[4]) / (12 * step)
    twice = (-size[0] + 16 * size[1] - 30 * size[2] + 16 * size[3] - size[4]) / (12 * step**2)
    # Differences of order h^4 with h = 1e-3 are exact to about 1e-9 of the value.
    scale = size[2] + 1e-12
    assert_allclose(first * penalty, central * penalty, atol=1e-8 * scale)
    assert_allclose(second * penalty**2, twice * penalty**2, atol=1e-5 * scale)


def test_leaving_one_out_is_refitting() -> None:
    rng = np.random.default_rng(3)
    group = np.repeat(np.arange(5), [1, 2, 3, 4, 6])
    x = np.column_stack([np.ones(16), rng.normal(size=16)])
    y, penalty = rng.normal(size=16), 1.7
    residual, diagonal = one_way(y, x, group).leave_one_out(1 / penalty)
    z = indicator(group, np.ones(16), 5)
    for i in range(16):
        kept = np.arange(16) != i
        beta, effect, _ = direct(y[kept], x[kept], z[kept], penalty)
        assert_allclose(residual[i] / diagonal[i], y[i] - x[i] @ beta - z[i] @ effect, atol=EXACT)


def test_columns_that_depend_on_each_other_count_once() -> None:
    rng = np.random.default_rng(4)
    group, y = np.repeat(np.arange(4), 5), rng.normal(size=20)
    ones = np.ones((20, 1))
    once, twice = one_way(y, ones, group), one_way(y, np.hstack([ones, 3 * ones]), group)
    assert once.columns == twice.columns == 1
    assert_allclose(once.effect(0.4), twice.effect(0.4), atol=EXACT)
    beta = twice.population(0.4)
    assert_allclose(beta[0] + 3 * beta[1], once.population(0.4)[0], atol=EXACT)


def test_a_large_mean_costs_no_digits() -> None:
    rng = np.random.default_rng(5)
    group, y = np.repeat(np.arange(30), 4), rng.normal(size=120)
    ones = np.ones((120, 1))
    near, far = one_way(y, ones, group), one_way(y + 1e6, ones, group)
    assert_allclose(far.effect(0.5), near.effect(0.5), atol=EXACT)
    assert_allclose(
        far.at(np.array([0.5])).criterion, near.at(np.array([0.5])).criterion, rtol=EXACT
    )


def build(**changes: object) -> Ridge:
    given: dict[str, object] = {
        "outcome": np.arange(4.0),
        "population": np.ones((4, 1)),
        "group": np.array([0, 0, 1, 1]),
    }
    return one_way(**(given | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"group": np.array([-1, -1, -1, -1])}, "no row depends"),
        ({"group": np.array([0, 0, 1])}, "3 groups"),
        ({"group": np.array([0, 0, 1, 5]), "groups": 2}, "from 0 to 1"),
        ({"outcome": np.array([1.0, np.nan, 2, 3])}, "not finite"),
        ({"noise": np.array([1.0, 0, 1, 1])}, "above 0"),
        ({"population": np.ones((3, 1))}, "shape"),
        ({"design": np.zeros(4)}, "no row depends"),
    ],
)
def test_what_is_no_linear_problem_says_so(changes: dict[str, object], said: str) -> None:
    with pytest.raises(NotLinear, match=said):
        build(**changes)
