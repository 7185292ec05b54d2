"""Statistics against values from quadrature, R and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose

from poolwise.checks import (
    Evidence,
    contraction,
    data_level_factor,
    decompose,
    equivalent_penalty,
    examples,
    own_data_weight,
    pooling_factor,
)
from poolwise.checks.draws import SAMPLE, mcse_of_mean, mcse_of_sd
from poolwise.checks.powers import PowerScaling
from poolwise.checks.predictive import Loo

PRIOR = "half-Cauchy(5), mu~N(0,5)"
ERRORS = 4.0


@pytest.fixture(scope="module")
def schools() -> Evidence:
    return examples.eight_schools()


def level_of(evidence: Evidence) -> xr.Dataset:
    level: xr.Dataset = evidence.get("levels")["school"]
    return level


def close(value: float, reference: float, mcse: float) -> None:
    assert mcse > 0
    z = (value - reference) / mcse
    assert abs(z) <= ERRORS, f"{value:.5g} against {reference:.5g}: z = {z:.1f}"


def test_example_draws_agree_with_quadrature(schools: Evidence, expected) -> None:  # type: ignore[no-untyped-def]
    """The draws that every other test rests on."""
    posterior = schools.get("posterior")
    for name, draws in (
        ("tau", posterior["tau"]),
        ("mu", posterior["mu"]),
        ("theta[1]", posterior["theta"].sel(school="A")),
    ):
        mean = expected("eight_schools", f"{name} mean | {PRIOR}")
        sd = expected("eight_schools", f"{name} sd | {PRIOR}")
        close(float(draws.mean()), mean, mcse_of_mean(draws))
        close(float(draws.std(ddof=1)), sd, mcse_of_sd(draws))


def test_shrinkage_agrees_with_quadrature(schools: Evidence, expected) -> None:  # type: ignore[no-untyped-def]
    shrinkage = 1 - own_data_weight(level_of(schools)).isel(group=0)
    reference = expected("eight_schools", f"shrink[1] mean | {PRIOR}")
    close(float(shrinkage.mean()), reference, mcse_of_mean(shrinkage))
    sd = expected("eight_schools", f"shrink[1] sd | {PRIOR}")
    close(float(shrinkage.std(ddof=1)), sd, mcse_of_sd(shrinkage))


def test_weights_reproduce_the_posterior_means(schools: Evidence) -> None:
    """E[theta_j | y] = E[w_j y_j + (1 - w_j) mu | y], exactly for a normal likelihood."""
    level = level_of(schools)
    weight = own_data_weight(level)
    predicted = weight * level["raw"] + (1 - weight) * level["location"]
    difference = level["effect"] - predicted
    for j in range(level.sizes["group"]):
        one = difference.isel(group=j)
        close(float(one.mean()), 0.0, mcse_of_mean(one))


@pytest.mark.parametrize("quantity", ["mu", "tau", *(f"theta[{j}]" for j in range(1, 9))])
@pytest.mark.parametrize("component", ["prior: hyperpriors only", "likelihood"])
def test_power_scaling_agrees(schools: Evidence, expected, quantity: str, component: str) -> None:  # type: ignore[no-untyped-def]
    """Sensitivity on top-level priors only, against the mean over replicated sets of draws."""
    scaling: PowerScaling = schools.get("power_scaling")
    label = f"theta[{chr(64 + int(quantity[6]))}]" if "[" in quantity else quantity
    row = scaling.labels.index(label)
    part = scaling.prior if component.startswith("prior") else scaling.likelihood
    found = part.sensitivity[row]
    reference = expected("priorsense eight_schools", f"{quantity} sensitivity | {component}")
    assert scaling.scaled == ["mu", "tau"]
    # Over replications of 4,000 independent draws these vary with a sd of 0.004 to 0.009.
    assert abs(found - reference) <= ERRORS * 0.009
    assert part.pareto_k < scaling.largest_k


def test_loo_agrees_with_r(expected) -> None:  # type: ignore[no-untyped-def]
    """R's estimate, from as many draws or more, is one more replication of ours."""
    elpd, p = expected("eight_schools posteriordb draws", "R loo 2.5.1 elpd_loo, p_loo")
    found: list[Loo] = [examples.eight_schools(seed=seed).get("loo")["y"] for seed in range(20)]
    for ours, theirs in (([f.elpd for f in found], elpd), ([f.p for f in found], p)):
        spread = np.std(ours, ddof=1) * np.sqrt(1 + 1 / len(ours))
        close(float(np.mean(ours)), theirs, float(spread))


def test_pooling_factor_is_the_published_formula(schools: Evidence) -> None:
    level = level_of(schools)
    theta = level["effect"].values.reshape(-1, 8)
    mu = level["location"].values.reshape(-1)
    deviation = theta - mu[:, None]
    between = np.var([deviation[:, j].mean() for j in range(8)], ddof=1)
    within = np.mean([np.var(row, ddof=1) for row in deviation])
    spread = np.mean([np.var(row, ddof=1) for row in theta])
    found = pooling_factor(level)
    assert_allclose(found.factor, 1 - between / within, rtol=1e-12)
    assert_allclose(found.r_squared, 1 - within / spread, rtol=1e-10, atol=1e-12)


def test_pooling_factor_error_is_its_spread_over_replications() -> None:
    found = [pooling_factor(level_of(examples.eight_schools(seed=seed))) for seed in range(60)]
    spread = np.std([f.factor for f in found], ddof=1)
    stated = np.mean([f.mcse for f in found])
    # The sd of 60 values is known to within 1 / sqrt(2 * 59), 9%; allow four of those.
    assert abs(stated / spread - 1) < 4 * 0.092


@pytest.mark.parametrize(("tau", "limit"), [(1e-6, 1.0), (1e4, 0.0)])
def test_pooling_factor_limits(tau: float, limit: float) -> None:
    """No spread between groups: complete pooling; a very wide one: none."""
    rng = np.random.default_rng(1)
    y, s = np.array([3.0, 1.0, 4.0, 1.0, 5.0]), np.ones(5)
    weight = tau**2 / (tau**2 + s**2)
    theta = weight * y + np.sqrt(weight) * s * rng.normal(size=(4, 2000, 5))
    level = xr.Dataset(
        {
            "effect": ((*SAMPLE, "group"), theta),
            "location": (SAMPLE, np.zeros((4, 2000))),
            "scale": (SAMPLE, np.full((4, 2000), tau)),
            "information": ((*SAMPLE, "group"), np.ones((4, 2000, 5))),
        }
    )
    found = pooling_factor(level)
    # In the closed form Var_j(E eps) = w^2 Var(y), E Var_j(eps) = w^2 Var(y) + w.
    closed = 1 - weight[0] ** 2 * y.var(ddof=1) / (weight[0] ** 2 * y.var(ddof=1) + weight[0])
    close(found.factor, closed, max(found.mcse, 1e-4))
    assert_allclose(own_data_weight(level).mean(), 1 - limit, atol=1e-6)


def test_penalty_solves_the_ridge_problem() -> None:
    """The mode of the deviations under tau is the ridge solution under sigma^2 / tau^2."""
    rng = np.random.default_rng(2)
    group = np.repeat(np.arange(6), [1, 2, 3, 5, 8, 13])
    x = rng.normal(size=group.size)
    y, sigma, tau = rng.normal(size=group.size), 1.7, 0.6
    design = np.zeros((group.size, 6))
    design[np.arange(group.size), group] = x
    xx = np.bincount(group, x**2)
    level = xr.Dataset(
        {
            "scale": (SAMPLE, [[tau]]),
            "information": ((*SAMPLE, "group"), (xx / sigma**2)[None, None]),
            "design_squared": ("group", xx),
        }
    )
    penalty = float(equivalent_penalty(level).squeeze())
    assert_allclose(penalty, sigma**2 / tau**2, rtol=1e-12)
    ridge = np.linalg.solve(design.T @ design + penalty * np.eye(6), design.T @ y)
    weight = own_data_weight(level).values.ravel()
    own = np.bincount(group, x * y) / xx
    assert_allclose(weight * own, ridge, rtol=1e-8)
    hat = design @ np.linalg.solve(design.T @ design + penalty * np.eye(6), design.T)
    assert_allclose(weight.sum(), np.trace(hat), rtol=1e-8)


def test_contraction_is_known_for_normals() -> None:
    rng = np.random.default_rng(3)
    prior = xr.DataArray(2.0 * rng.normal(size=(4, 5000)), dims=SAMPLE)
    posterior = xr.DataArray(0.5 * rng.normal(size=(4, 5000)), dims=SAMPLE)
    # The ratio of two variances of n = 20,000 normals has a relative sd of sqrt(4 / n) = 1.4%.
    assert abs(contraction(posterior, prior) - (1 - 0.0625)) < 4 * 0.014 * 0.0625
    assert np.isnan(contraction(posterior, xr.full_like(prior, 3.0)))


def test_variances_agree_with_quadrature(schools: Evidence, expected) -> None:  # type: ignore[no-untyped-def]
    level = level_of(schools)
    effect, observed, _, _ = decompose(level.isel(group=[0]), "school")
    sd = expected("eight_schools", f"theta[1] sd | {PRIOR}")
    close(effect.total, sd**2, effect.parts[0].mcse)
    assert effect.epistemic_share == 1.0
    assert_allclose(observed.aleatory, 15.0**2)
    close(observed.epistemic, sd**2, observed.parts[0].mcse)


def test_new_group_variance_is_closed_form() -> None:
    """With known hyperparameter laws: Var = E[tau^2] + Var(mu), and noise for an observation."""
    rng = np.random.default_rng(4)
    size = (4, 5000)
    mu = 2 + 0.3 * rng.normal(size=size)
    tau = np.sqrt(rng.gamma(50, 0.04, size=size))  # E[tau^2] = 2
    noise = rng.gamma(100, 0.05, size=size)  # mean 5
    theta = mu[..., None] + tau[..., None] * rng.normal(size=(*size, 7))
    shape = (*size, 7)
    level = xr.Dataset(
        {
            "effect": ((*SAMPLE, "group"), theta),
            "location": (SAMPLE, mu),
            "scale": (SAMPLE, tau),
            "noise_variance": ((*SAMPLE, "group"), np.broadcast_to(noise[..., None], shape)),
            "other": ((*SAMPLE, "group"), np.zeros(shape)),
            "design": ("group", np.ones(7)),
        }
    )
    targets = {d.target: d for d in decompose(level)}
    new = targets["effect of a new group"]
    assert not new.heavy_tailed
    close(new.aleatory, 2.0, new.parts[1].mcse)
    close(new.epistemic, 0.09, new.parts[0].mcse)
    observed = targets["new observation in a new group"]
    assert_allclose(observed.total, sum(p.value for p in observed.parts))
    errors = [p.mcse for p in observed.parts[1:]]
    close(observed.aleatory, 7.0, float(np.hypot(errors[0], errors[1])))


def test_heavy_tails_are_said() -> None:
    schools = examples.eight_schools()
    targets = {d.target: d for d in schools.get("uncertainty")["school"]}
    new = targets["effect of a new group"]
    tau_squared = schools.get("posterior")["tau"] ** 2
    assert "times its median" in new.heavy_tailed
    assert_allclose(new.aleatory, float(tau_squared.median()))
    assert not targets["effect of an observed group"].heavy_tailed


def test_data_level_factor_is_the_published_formula() -> None:
    rng = np.random.default_rng(5)
    y = rng.normal(size=30)
    means = 0.5 * y + 0.1 * rng.normal(size=(2, 500, 30))
    residual = y - means
    level = xr.Dataset(
        {
            "residual_variance": (SAMPLE, residual.var(-1, ddof=1)),
            "mean_residual_variance": residual.mean((0, 1)).var(ddof=1),
            "outcome_variance": y.var(ddof=1),
        }
    )
    found = data_level_factor(level)
    expected_variance = np.mean([np.var(r, ddof=1) for r in residual.reshape(-1, 30)])
    assert_allclose(
        found.factor,
        1 - np.var(residual.reshape(-1, 30).mean(0), ddof=1) / expected_variance,
        rtol=1e-10,
    )
    assert_allclose(found.r_squared, 1 - expected_variance / np.var(y, ddof=1), rtol=1e-10)


def test_targets_of_a_slope_are_those_of_its_rows() -> None:
    """A new group's rows vary by E[tau^2] times the mean square of x, also where x has mean 0."""
    rng = np.random.default_rng(6)
    size, x = (2, 2000), np.tile([-1.0, 1.0, 2.0, -2.0], 5)
    theta = 3 + 2 * rng.normal(size=(*size, 5))
    level = xr.Dataset(
        {
            "effect": ((*SAMPLE, "group"), theta),
            "location": (SAMPLE, np.full(size, 3.0)),
            "scale": (SAMPLE, np.full(size, 2.0)),
            "noise_variance": ((*SAMPLE, "group"), np.ones((*size, 5))),
            "other": ((*SAMPLE, "group"), np.zeros((*size, 5))),
            "design": ("group", np.zeros(5)),
            "design_squared": ("group", np.array([10.0, 10, 10, 10, 0])),
            "rows": ("group", np.array([4.0, 4, 4, 4, 0])),
            "row_mean_variance": (
                "group",
                [*((theta[..., :4, None] * x[:4]).var((0, 1)).mean(-1)), 0.0],
            ),
            "row_location_variance": ("group", np.zeros(5)),
        }
    )
    parts = {d.target: {p.name: p.value for p in d.parts} for d in decompose(level)}
    new = parts["new observation in a new group"]
    assert_allclose(new["spread between groups"], 4.0 * 2.5)
    observed = parts["new observation in an observed group"]
    by_row = (theta[..., :4, None] * x[:4]).var((0, 1)).mean()
    # The group without rows is no observed group.
    assert_allclose(observed["group effect"], by_row * 4000 / 3999)


def test_medians_stand_for_heavy_tailed_noise() -> None:
    rng = np.random.default_rng(7)
    noise = rng.pareto(0.9, size=(4, 1000)) + 1
    shape = (4, 1000, 3)
    level = xr.Dataset(
        {
            "effect": ((*SAMPLE, "group"), rng.normal(size=shape)),
            "location": (SAMPLE, rng.normal(size=shape[:2])),
            "scale": (SAMPLE, np.ones(shape[:2])),
            "noise_variance": ((*SAMPLE, "group"), np.repeat(noise[..., None], 3, -1)),
            "other": ((*SAMPLE, "group"), np.zeros(shape)),
            "design": ("group", np.ones(3)),
        }
    )
    found = decompose(level)[1]
    assert found.heavy_tailed
    assert_allclose(found.aleatory, np.median(noise))
