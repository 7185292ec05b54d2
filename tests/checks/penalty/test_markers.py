"""Classical choices of the penalty, against published values and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import optimize
from tests.checks.penalty.ridge_problems import (
    Array,
    Codes,
    codes,
    column,
    contrasts,
    direct,
    indicator,
    phillips,
    table,
)

from poolwise.checks.penalty import Marker, Outcome, Ridge, classical_markers, dense, one_way


def by_name(ridge: Ridge) -> dict[str, Marker]:
    return {m.method: m for m in classical_markers(ridge)}


def close(value: float, printed: float) -> None:
    """Agree with a number printed to seven digits by an optimiser that stops near the optimum."""
    assert_allclose(value, printed, rtol=2e-5)


def radon(covariates: list[str]) -> Ridge:
    rows = table("tutorials/models/data/radon_mn.csv")
    x = np.column_stack([np.ones(len(rows)), *(column(rows, c) for c in covariates)])
    return one_way(column(rows, "log_radon"), x, codes(rows, "county_idx"))


@pytest.mark.parametrize(
    ("model", "covariates", "slopes"),
    [
        ("M0", [], []),
        ("M1", ["floor"], ["M1 floor"]),
        ("M2", ["floor", "log_uranium"], ["M2 floor", "M2 log_uranium"]),
    ],
)
def test_radon_agrees_with_lme4(expected, model, covariates, slopes) -> None:  # type: ignore[no-untyped-def]
    ridge = radon(covariates)
    found = by_name(ridge)["REML"]
    assert found.outcome is Outcome.FOUND
    close(found.scale, expected("radon_mn", f"{model} sd county"))
    close(found.noise, expected("radon_mn", f"{model} sd resid"))
    assert_allclose(found.penalty, (found.noise / found.scale) ** 2)
    for value, name in zip(ridge.population(1 / found.penalty)[1:], slopes, strict=True):
        close(value, expected("radon_mn", name))


def test_radon_effects_agree_with_lme4() -> None:
    ridge = radon(["floor"])
    theirs = table("tests/data/radon_mn_lme4_blup.csv")
    penalty = by_name(ridge)["REML"].penalty
    effects = ridge.population(1 / penalty)[0] + ridge.effect(1 / penalty)
    order = codes(theirs, "county_idx")
    assert_allclose(effects[order], column(theirs, "blup"), rtol=1e-5)
    pooled = penalty / (column(theirs, "n") + penalty)
    assert_allclose(pooled, column(theirs, "pooling"), rtol=1e-5)


def test_dyestuff_agrees_with_lme4_and_with_the_analysis_of_variance(expected) -> None:  # type: ignore[no-untyped-def]
    rows = table("tests/data/dyestuff.csv")
    y = column(rows, "Yield")
    found = by_name(one_way(y, np.ones((30, 1)), codes(rows, "Batch")))
    close(found["REML"].scale, expected("dyestuff", "sd batch REML"))
    close(found["REML"].noise, expected("dyestuff", "sd resid REML"))
    batches = y.reshape(6, 5)
    within = batches.var(1, ddof=1).mean()
    between = 5 * batches.mean(1).var(ddof=1)
    penalty = 5 * within / (between - within)
    assert_allclose(found["REML"].penalty, penalty, rtol=1e-6)
    # In a balanced layout GCV and leave-one-out have the same minimiser.
    assert_allclose(found["GCV"].penalty, penalty, rtol=1e-6)
    assert_allclose(found["leave-one-out"].penalty, penalty, rtol=1e-6)
    assert found["discrepancy"].outcome is Outcome.UNDEFINED


def test_sleepstudy_agrees_with_lme4(expected) -> None:  # type: ignore[no-untyped-def]
    """Given the shape of the covariance that lme4 estimated, REML finds its size and the noise."""
    rows = table("tests/data/sleepstudy.csv")
    days, subject = column(rows, "Days"), codes(rows, "Subject")
    x = np.column_stack([np.ones(180), days])
    sds = np.array([expected("sleepstudy", f"sd {k}") for k in ("intercept", "slope")])
    correlation = expected("sleepstudy", "corr")
    covariance = np.outer(sds, sds) * [[1, correlation], [correlation, 1]]
    root = np.linalg.cholesky(covariance)
    z = np.zeros((180, 36))
    for j in range(18):
        mine = subject == j
        z[np.ix_(mine, [2 * j, 2 * j + 1])] = x[mine] @ root
    ridge = dense(column(rows, "Reaction"), x, z)
    found = by_name(ridge)["REML"]
    close(found.noise, expected("sleepstudy", "sd residual"))
    close(found.scale, 1.0)
    ratio = 1 / found.penalty
    beta = ridge.population(ratio)
    close(beta[0], expected("sleepstudy", "intercept"))
    close(beta[1], expected("sleepstudy", "slope Days"))
    theirs = table("tests/data/sleepstudy_lme4_ranef.csv")
    effects = ridge.effect(ratio).reshape(18, 2) @ root.T
    assert_allclose(effects[:, 0], column(theirs, "ranef_int"), atol=1e-3)
    assert_allclose(effects[:, 1], column(theirs, "ranef_slope"), atol=1e-3)
    for k, name in enumerate(("intercepts", "slopes")):
        own = column(theirs, ("ols_int", "ols_slope")[k])
        shrunk = (beta + effects)[:, k].std() / own.std()
        close(shrunk, expected("sleepstudy", f"sd(BLUP {name})/sd(OLS {name})"))
    path = ridge.at(np.array([ratio]))
    free = 178
    criterion = path.restricted_log_determinant[0] + np.linalg.slogdet(x.T @ x)[1]
    criterion += free * (1 + np.log(2 * np.pi * path.criterion[0] / free))
    assert_allclose(criterion, expected("sleepstudy", "REML criterion"), atol=5e-4)


@pytest.mark.parametrize(("covariate", "name"), [(False, "REML"), (True, "REML + ablat")])
def test_vaccine_trials_agree_with_metafor(expected, covariate: bool, name: str) -> None:  # type: ignore[no-untyped-def]
    rows = table("tests/data/bcg.csv")
    a, b, c, d = (column(rows, k) for k in ("tpos", "tneg", "cpos", "cneg"))
    y = np.log(a / (a + b)) - np.log(c / (c + d))
    noise = np.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))
    x = np.column_stack([np.ones(13), *([column(rows, "ablat")] if covariate else [])])
    ridge = one_way(y, x, np.arange(13), noise=noise)
    found = by_name(ridge)
    # metafor's Fisher scoring stops when tau^2 changes by less than 1e-5.
    stop = 1e-5
    tau2 = expected("bcg logRR", f"{name}{':' if covariate else ''} tau2")
    assert_allclose(found["REML"].scale ** 2, tau2, atol=stop)
    beta = ridge.population(1 / found["REML"].penalty)
    if covariate:
        close(beta[1], expected("bcg logRR", "REML + ablat: slope"))
    else:
        close(beta[0], expected("bcg logRR", "REML mu"))
        assert_allclose(found["ML"].scale ** 2, expected("bcg logRR", "ML tau2"), atol=stop)


def test_eight_schools_are_on_the_boundary(expected) -> None:  # type: ignore[no-untyped-def]
    y = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
    noise = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
    ridge = one_way(y, np.ones((8, 1)), np.arange(8), noise=noise)
    found = by_name(ridge)
    for method in ("REML", "ML"):
        assert found[method].outcome is Outcome.POOLED
        assert found[method].scale ** 2 == expected("eight_schools", f"{method} tau2") == 0
        assert found[method].penalty == np.inf
        assert found[method].effective == 0
    close(ridge.population(0.0)[0], expected("eight_schools", "REML mu"))
    # All schools together miss their mean by less than the noise.
    assert found["discrepancy"].outcome is Outcome.POOLED


def brute_force(y: Array, x: Array, z: Array, noise: Array | None, restricted: bool) -> float:
    """Minimise -2 log likelihood over log sd's from several starts, by dense algebra."""
    basis = contrasts(x) if restricted else np.eye(y.size)

    def minus_twice(log_sds: Array) -> float:
        tau = np.exp(log_sds[0])
        own = noise if noise is not None else np.full(y.size, np.exp(log_sds[1]))
        v = np.diag(own**2) + tau**2 * z @ z.T
        mean = np.zeros(y.size)
        if not restricted:
            weighted = np.linalg.solve(v, x)
            mean = x @ np.linalg.solve(x.T @ weighted, weighted.T @ y)
        covariance, left = basis.T @ v @ basis, basis.T @ (y - mean)
        return float(np.linalg.slogdet(covariance)[1] + left @ np.linalg.solve(covariance, left))

    starts = [[t, s] for t in (-3.0, 0.0, 1.0) for s in (-0.5, 0.5)]
    if noise is not None:
        starts = [[t] for t in (-3.0, -1.0, 0.0, 1.0, 2.0)]
    best = min(
        (
            optimize.minimize(
                minus_twice,
                start,
                method="Nelder-Mead",
                options={"xatol": 1e-8, "fatol": 1e-10, "maxiter": 4000},
            )
            for start in starts
        ),
        key=lambda r: r.fun,
    )
    boundary = minus_twice(np.r_[-20.0, best.x[1:]])
    return 0.0 if boundary <= best.fun + 1e-8 else float(np.exp(best.x[0]))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.booleans(), st.sampled_from(["REML", "ML"]))
def test_likelihoods_agree_with_brute_force(
    seed: int, known: bool, sloped: bool, method: str
) -> None:
    rng = np.random.default_rng(seed)
    groups = int(rng.integers(3, 7))
    group = np.repeat(np.arange(groups), rng.integers(1, 6, groups))
    n = group.size
    assume(n > groups + 2)
    x = np.column_stack([np.ones(n), rng.normal(size=n)])
    design = rng.normal(size=n) if sloped else np.ones(n)
    noise = rng.uniform(0.5, 2, n) if known else None
    tau = rng.choice([0.2, 1.0, 4.0])
    z = indicator(group, design, groups)
    own = np.ones(n) if noise is None else noise
    y = x @ [1.0, 2.0] + z @ (tau * rng.normal(size=groups)) + own * rng.normal(size=n)
    found = by_name(one_way(y, x, group, design=design, noise=noise))[method]
    assume(found.outcome in (Outcome.FOUND, Outcome.POOLED))
    theirs = brute_force(y, x, z, noise, method == "REML")
    # Nelder-Mead stops where the deviance is flat to 1e-10: a relative 1e-4 of tau, or a tau so
    # small that it changes the deviance by no more.
    assert_allclose(found.scale, theirs, rtol=1e-3, atol=2e-3)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_cross_validation_is_the_best_on_a_grid(seed: int) -> None:
    """No penalty of a fine grid predicts left-out rows better, computed row by row."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(5), rng.integers(2, 6, 5))
    n = group.size
    x = np.ones((n, 1))
    z = indicator(group, np.ones(n), 5)
    y = rng.normal(size=5)[group] + rng.normal(size=n)
    found = by_name(one_way(y, x, group))

    def scores(penalty: float) -> tuple[float, float]:
        _, _, hat = direct(y, x, z, penalty)
        left = y - hat @ y
        generalised = n * (left @ left) / np.trace(np.eye(n) - hat) ** 2
        return generalised, float(np.mean((left / (1 - np.diag(hat))) ** 2))

    grid = np.array([scores(p) for p in np.logspace(-4, 7, 111)])
    for k, method in enumerate(("GCV", "leave-one-out")):
        marker = found[method]
        at = {Outcome.POOLED: 1e9, Outcome.UNPOOLED: 1e-6}.get(marker.outcome, marker.penalty)
        assert scores(at)[k] <= grid[:, k].min() * (1 + 1e-9)


def test_discrepancy_leaves_the_noise() -> None:
    matrix, solution = phillips()
    rng = np.random.default_rng(6)
    y = matrix @ solution + 0.05 * rng.normal(size=64)
    ridge = dense(y, np.zeros((64, 0)), matrix, noise=np.full(64, 0.05))
    found = by_name(ridge)["discrepancy"]
    assert found.outcome is Outcome.FOUND
    left = y - matrix @ direct(y, np.zeros((64, 0)), matrix, found.penalty)[1]
    assert_allclose(left @ left, 64 * 0.05**2, rtol=1e-7)
    overstated = dense(y, np.zeros((64, 0)), matrix, noise=np.full(64, 50.0))
    assert by_name(overstated)["discrepancy"].outcome is Outcome.POOLED
    group = np.repeat(np.arange(4), 5)
    understated = one_way(rng.normal(size=20), np.ones((20, 1)), group, noise=np.full(20, 0.01))
    assert by_name(understated)["discrepancy"].outcome is Outcome.UNDEFINED


def test_rows_without_replication_do_not_determine_a_penalty() -> None:
    """One row per group and unknown noise: spread and noise cannot be told apart."""
    y = np.random.default_rng(7).normal(size=12)
    found = by_name(one_way(y, np.ones((12, 1)), np.arange(12)))
    assert {found[m].outcome for m in ("REML", "ML", "GCV", "leave-one-out")} == {Outcome.UNDEFINED}
    assert "cannot be told apart" in found["REML"].why


@pytest.mark.parametrize(
    ("y", "group", "said"),
    [
        (np.arange(6.0), np.zeros(6, int), "take up all of the effects"),
        (np.full(6, 3.0), np.repeat([0, 1], 3), "fit every row exactly"),
        (np.array([1.0]), np.zeros(1, int), "1 rows do not determine"),
    ],
)
def test_what_has_no_answer_says_why(y: Array, group: Codes, said: str) -> None:
    for marker in classical_markers(one_way(y, np.ones((y.size, 1)), group)):
        assert marker.outcome is Outcome.UNDEFINED
        assert said in marker.why
        assert np.isnan(marker.penalty)


def test_rows_that_never_miss_their_group_are_not_pooled() -> None:
    """No noise at all within groups: every criterion falls to λ = 0."""
    group = np.repeat(np.arange(5), 3)
    y = np.array([1.0, 4.0, -2.0, 0.5, 3.0])[group]
    found = by_name(one_way(y, np.ones((15, 1)), group))
    for method in ("REML", "GCV", "leave-one-out"):
        assert found[method].outcome is Outcome.UNPOOLED
        assert found[method].penalty == 0
        assert_allclose(found[method].effective, 4, atol=1e-4)


def test_a_row_with_a_coefficient_of_its_own_cannot_be_left_out() -> None:
    rng = np.random.default_rng(8)
    group = np.repeat(np.arange(6), 4)
    x = np.column_stack([np.ones(24), np.arange(24) == 5]).astype(float)
    y = rng.normal(size=6)[group] + rng.normal(size=24)
    found = by_name(one_way(y, x, group))
    assert found["leave-one-out"].outcome is Outcome.UNDEFINED
    assert "one row alone" in found["leave-one-out"].why
    kept = np.arange(24) != 5
    without = by_name(one_way(y[kept], x[kept, :1], group[kept]))
    # For REML that row is not there at all.
    assert_allclose(found["REML"].penalty, without["REML"].penalty, rtol=1e-6)
