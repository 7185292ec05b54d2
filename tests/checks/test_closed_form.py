"""Pooling and uncertainty of normal models against their exact posterior, from model to number.

Every example is a normal model with random groups, rows, designs, covariates and scales. Its exact
posterior is a mixture of normals over a grid of (τ, σ), computed here by dense linear algebra;
independent draws of it go through the PyMC model as those of a sampler would. Each number must
then be within 4 of its Monte Carlo errors of the exact one: some 400 comparisons, of which none
exceeds 4 standard errors with probability 0.97; hypothesis draws the same examples every time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import optimize, stats
from tests.checks.normal_models import LOCATION, SIZE, Array, Mixture, Problem, level_of

from poolwise.checks import (
    contraction,
    decompose,
    effective_groups,
    equivalent_penalty,
    own_data_weight,
    pooling_factor,
    predict_new_group,
    what_to_collect,
)
from poolwise.checks.draws import SAMPLE, mcse_of_mean

ERRORS = 4.0


def close(value: float, exact: float, mcse: float, what: str) -> None:
    """Agree within Monte Carlo error; what no draw moves agrees to rounding."""
    # Draws of constant numbers differ in their last digits.
    bound = ERRORS * mcse + 1e-7 * abs(exact) + 1e-12
    assert abs(value - exact) <= bound, f"{what}: {value:.6g}, exact {exact:.6g} ± {mcse:.2g}"


def close_draws(draws: xr.DataArray, exact: float, what: str) -> None:
    close(float(draws.mean()), exact, mcse_of_mean(draws), what)


def check(problem: Problem) -> xr.Dataset:
    """Compare every number of the level, and return it."""
    level, exact = level_of(problem), problem.exact
    check_weights(problem, level)
    if problem.groups > 1:
        check_pooling_factor(problem, level)
    check_variances(problem, level)
    check_new_group(exact, level, problem)
    if not problem.covariates and not problem.slope:
        check_collecting(exact, level)
    return level


def check_weights(problem: Problem, level: xr.Dataset) -> None:
    exact = problem.exact
    squares = np.bincount(problem.group, problem.design**2)
    weights = exact.tau[:, None] ** 2 / (
        exact.tau[:, None] ** 2 + exact.sigma[:, None] ** 2 / squares
    )
    found = own_data_weight(level)
    for j in {0, problem.groups - 1}:
        close_draws(found.isel(group=j), exact.expected(weights[:, j]), f"weight {j}")
    effective = effective_groups(level)
    close_draws(effective, exact.expected(weights.sum(1)), "effective groups")
    penalty = equivalent_penalty(level)
    close_draws(penalty, exact.expected(exact.sigma**2 / exact.tau**2), "penalty")
    # At one draw, exactly: the ridge solution under that penalty, location and covariates given.
    z = problem.map[:, problem.covariates + 1 :]
    here = {"chain": 1, "draw": 2}
    ridge = np.linalg.inv(z.T @ z + float(penalty[here]) * np.eye(problem.groups))
    hat = z @ ridge @ z.T
    assert_allclose(effective[here], np.trace(hat), rtol=1e-8)
    left = problem.y - float(level["location"][here]) * problem.design
    own = np.bincount(problem.group, problem.design * left) / squares
    assert_allclose(found[here] * own, ridge @ z.T @ left, rtol=1e-8, atol=1e-12)


def check_pooling_factor(problem: Problem, level: xr.Dataset) -> None:
    exact, j = problem.exact, problem.groups
    deviation = np.hstack([np.zeros((j, problem.covariates + 1)), np.eye(j)])
    mean, covariance = exact.moments(deviation)
    between = float(mean.var(ddof=1))
    within = float(np.trace((np.eye(j) - 1 / j) @ covariance)) / (j - 1)
    found = pooling_factor(level)
    close(found.factor, within / (between + within), found.mcse, "pooling factor")
    # With one location for all groups, deviations and effects vary alike over groups.
    assert_allclose(found.r_squared, 0, atol=1e-6)


def check_variances(problem: Problem, level: xr.Dataset) -> None:
    exact, p, j = problem.exact, problem.covariates, problem.groups
    effects = np.hstack([np.zeros((j, p)), np.ones((j, 1)), np.eye(j)])
    elsewhere = problem.map.copy()
    elsewhere[:, p + 1 :] = 0
    noise, spread = exact.expected(exact.sigma**2), exact.expected(exact.tau**2)
    location = float(exact.moments(effects[:1] * (np.arange(p + 1 + j) <= p))[1][0, 0])

    def over_rows(values: Array) -> float:
        """Average over the rows of a group, then over groups."""
        return float(np.mean(np.bincount(problem.group, values) / np.array(problem.rows)))

    seen = over_rows(np.diag(exact.moments(problem.map)[1]))
    rest = over_rows(np.diag(exact.moments(elsewhere)[1]))
    spread_seen = spread * over_rows(problem.design**2)
    of_effects = float(np.mean(np.diag(exact.moments(effects)[1])))
    wanted = [
        {"group effect": of_effects},
        {"group effect": seen, "noise within groups": noise},
        {"location": location, "spread between groups": spread},
        {
            "location": rest,
            "spread between groups": spread_seen,
            "noise within groups": noise,
        },
    ]
    for found, parts in zip(decompose(level, "site"), wanted, strict=True):
        assert not found.heavy_tailed, found
        assert {part.name for part in found.parts} == set(parts)
        for part in found.parts:
            close(part.value, parts[part.name], part.mcse, f"{found.target}: {part.name}")
        assert_allclose(found.total, sum(part.value for part in found.parts), rtol=1e-12)
        assert_allclose(found.total, found.aleatory + found.epistemic, rtol=1e-12)


def check_new_group(exact: Mixture, level: xr.Dataset, problem: Problem) -> None:
    """The effect of a new group, and its observation, are mixtures of normals over the grid."""
    p = problem.covariates
    centre, variance = exact.mean[:, p], exact.covariance[:, p, p]
    laws = [(centre, variance + exact.tau**2)]
    if not p and not problem.slope:
        laws.append((centre, variance + exact.tau**2 + exact.sigma**2))
    for found, (means, variances) in zip(predict_new_group(level), laws, strict=False):
        close(found.mean, exact.expected(means), found.mcse, found.target)
        for q, value, mcse in (
            (0.055, found.low, found.low_mcse),
            (0.5, found.median, found.median_mcse),
            (0.945, found.high, found.high_mcse),
        ):
            close(value, quantile(exact.mass, means, variances, q), mcse, f"{found.target}, {q}")


def quantile(mass: Array, mean: Array, variance: Array, q: float) -> float:
    """Return a quantile of a mixture of normals."""
    sd = np.sqrt(variance)
    reach = 10 * sd.max()
    return float(
        optimize.brentq(
            lambda x: float(mass @ stats.norm.cdf(x, mean, sd)) - q,
            mean.min() - reach,
            mean.max() + reach,
            xtol=1e-12 * reach,
        )
    )


def check_collecting(exact: Mixture, level: xr.Dataset) -> None:
    """What is left given the scales, now; and the posterior variance that it is a part of."""
    effects = [np.diag(c)[1:] + c[0, 0] + 2 * c[0, 1:] for c in exact.covariance]
    location = exact.covariance[:, 0, 0]
    observed, _, new, _ = what_to_collect(level, location_sd=LOCATION)
    close(observed.now.mean, exact.expected(np.mean(effects, 1)), observed.now.mcse, "left, groups")
    close(new.now.mean, exact.expected(location), new.now.mcse, "left, location")
    total = exact.expected(location + (exact.mean[:, 0] - exact.mass @ exact.mean[:, 0]) ** 2)
    close(new.total, total, new.total_mcse, "variance of the location")


known = st.builds(
    Problem,
    rows=st.lists(st.integers(1, 9), min_size=1, max_size=14).map(tuple),
    covariates=st.integers(0, 2),
    slope=st.booleans(),
    tau=st.floats(-2, 2).map(lambda e: (10**e,)),
    sigma=st.floats(-0.5, 0.5).map(lambda e: (10**e,)),
    seed=st.integers(0, 2**20),
)
PROFILE: dict[str, Any] = {
    "deadline": None,
    "derandomize": True,
    "database": None,
    "suppress_health_check": list(HealthCheck),
}


@settings(max_examples=12, **PROFILE)
@given(known)
@example(Problem((3,), 0, False, (0.8,), (1.2,), 1))
@example(Problem((4,), 1, True, (0.8,), (1.2,), 2))
@example(Problem((1, 2, 5, 8), 1, False, (1e-6,), (1.0,), 3))
@example(Problem((2,) * 60, 0, False, (1e-6,), (1.0,), 4))
@example(Problem((1, 2, 5, 8), 1, False, (1e6,), (1.0,), 5))
@example(Problem((2,) * 60, 0, False, (1e6,), (1.0,), 6))
def test_known_scales(problem: Problem) -> None:
    check(problem)


def grid(low: float, high: float, nodes: int) -> tuple[float, ...]:
    return tuple(np.linspace(low, high, nodes))


unknown = st.builds(
    Problem,
    rows=st.lists(st.integers(1, 9), min_size=2, max_size=10).map(tuple),
    covariates=st.integers(0, 1),
    slope=st.booleans(),
    # A range in which a mean of τ² is no worse than the posterior of many groups.
    tau=st.floats(-1, 1).map(lambda e: grid(0.6 * 10**e, 1.6 * 10**e, 161)),
    sigma=st.floats(-0.3, 0.3).map(lambda e: grid(0.7 * 10**e, 1.4 * 10**e, 7)),
    seed=st.integers(0, 2**20),
)


@settings(max_examples=8, **PROFILE)
@given(unknown)
@example(Problem((3,), 0, False, grid(0.5, 1.4, 161), grid(0.8, 1.2, 7), 7))
def test_scales_with_a_prior_on_a_grid(problem: Problem) -> None:
    level, exact = check(problem), problem.exact
    rng = np.random.default_rng(problem.seed)
    prior = xr.DataArray(np.log(rng.choice(problem.tau, size=SIZE)), dims=SAMPLE)
    log_tau = np.log(exact.tau)
    middle = exact.expected(log_tau)
    after = exact.expected((log_tau - middle) ** 2)
    before = float(np.log(problem.tau).var())
    found = contraction(xr.apply_ufunc(np.log, level["scale"]), prior)
    fourth = exact.expected((log_tau - middle) ** 4)
    flat = np.log(problem.tau) - np.log(problem.tau).mean()
    errors = [fourth / after**2 - 1, float((flat**4).mean()) / before**2 - 1]
    mcse = after / before * np.sqrt(sum(errors) / np.prod(SIZE))
    close(found, 1 - after / before, float(mcse), "contraction")


@pytest.mark.parametrize(("tau", "weight", "factor"), [(1e-6, 0.0, 1.0), (1e6, 1.0, 0.0)])
def test_limits(tau: float, weight: float, factor: float) -> None:
    """Without spread every group is the population; with endless spread, its own rows."""
    problem = Problem((2, 3, 4, 9), 0, False, (tau,), (1.0,), 8)
    level = level_of(problem)
    assert_allclose(own_data_weight(level), weight, atol=1e-10)
    assert_allclose(effective_groups(level), 4 * weight, atol=1e-9)
    assert_allclose(equivalent_penalty(level), tau**-2.0, rtol=1e-12)
    found = pooling_factor(level)
    close(found.factor, factor, found.mcse, "limit of the pooling factor")
    own = np.bincount(problem.group, problem.y) / problem.rows
    effect = level["effect"].mean(SAMPLE).values
    if weight:
        error = 1 / np.sqrt(np.array(problem.rows) * np.prod(SIZE))
        assert (abs(effect - own) <= ERRORS * error).all()
    else:
        assert_allclose(effect, effect[0], atol=1e-4)
