"""Rows, groups and design values read off models, against what the models were built from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytest

from poolwise.checks.hierarchy import Level, Membership, NotUnderstood, discover

RNG = np.random.default_rng(1)
GROUP = RNG.integers(0, 6, size=40)
OTHER = RNG.integers(0, 3, size=40)
X = RNG.normal(size=40)
Y = RNG.normal(size=40)


def found_in(model: pm.Model, effect: str = "theta") -> Membership:
    found = discover(model, {"group": Level(effect=effect, scale="tau")})
    if "group" in found.why_no_rows:
        raise NotUnderstood(found.why_no_rows["group"])
    return found.members["group"]


def hierarchy(mean: Callable[[pm.Model, Any], Any], *, centred: bool = True) -> pm.Model:
    with pm.Model() as model:
        tau = pm.HalfNormal("tau", 1)
        if centred:
            theta = pm.Normal("theta", 0, tau, shape=6)
        else:
            z = pm.Normal("z", 0, 1, shape=6)
            theta = pm.Deterministic("theta", 3 + tau * z)
        pm.Normal("y", mean(model, theta), 2, observed=Y)
    return model


def one_hot(_: pm.Model, theta: object) -> object:
    design = np.zeros((40, 6))
    design[np.arange(40), GROUP] = 1
    return pm.math.dot(design, theta)


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize(
    ("mean", "design"),
    [
        (lambda m, theta: theta[GROUP], np.ones(40)),
        (one_hot, np.ones(40)),
        (lambda m, theta: theta[GROUP] * X, X),
        (lambda m, theta: pm.Normal("b", 0, 1) * X + theta[GROUP], np.ones(40)),
        (lambda m, theta: theta[GROUP] + pm.Normal("phi", 0, 1, shape=3)[OTHER], np.ones(40)),
    ],
    ids=["index", "one-hot", "slope", "covariate", "crossed"],
)
def test_rows_are_found(
    mean: Callable[[pm.Model, Any], Any], design: np.ndarray, centred: bool
) -> None:
    rows = found_in(hierarchy(mean, centred=centred))
    assert rows.enters == "y"
    np.testing.assert_array_equal(rows.group, GROUP)
    np.testing.assert_allclose(rows.design, design, atol=1e-9)


def test_the_other_of_two_crossed_levels() -> None:
    model = hierarchy(lambda m, theta: theta[GROUP] + pm.Normal("phi", 0, 1, shape=3)[OTHER])
    np.testing.assert_array_equal(found_in(model, "phi").group, OTHER)


def test_rows_that_the_level_does_not_enter() -> None:
    inside = OTHER > 0
    model = hierarchy(lambda m, theta: theta[GROUP] * inside)
    rows = found_in(model)
    np.testing.assert_array_equal(rows.group, np.where(inside, GROUP, -1))
    np.testing.assert_allclose(rows.design, inside.astype(float), atol=1e-9)


def test_negative_indices_wrap_as_they_do_in_the_model() -> None:
    rows = found_in(hierarchy(lambda m, theta: theta[GROUP - 1]))
    np.testing.assert_array_equal(rows.group, (GROUP - 1) % 6)


@pytest.mark.parametrize(
    ("mean", "said"),
    [
        (lambda m, theta: theta[GROUP] + theta[(GROUP + 1) % 6], "several elements"),
        (lambda m, theta: X, "no likelihood"),
    ],
    ids=["two per row", "unused"],
)
def test_what_is_not_understood_is_said(mean: Callable[[pm.Model, Any], Any], said: str) -> None:
    with pytest.raises(NotUnderstood, match=said):
        found_in(hierarchy(mean))


def test_a_loading_leaves_the_design_open() -> None:
    rows = found_in(hierarchy(lambda m, theta: theta[GROUP] * pm.Normal("a", 0, 1)))
    np.testing.assert_array_equal(rows.group, GROUP)
    assert np.isnan(rows.design).all()
    assert not rows.is_intercept
    assert "depends on other parameters" in rows.why_no_design


def test_rows_behind_a_bend() -> None:
    def saturating(m: pm.Model, theta: Any) -> Any:
        return pm.LogNormal("top", 0, 1) * (1 - pm.math.exp(-pm.math.exp(theta)[GROUP] * X**2))

    rows = found_in(hierarchy(saturating))
    np.testing.assert_array_equal(rows.group, GROUP)
    assert "not linear" in rows.why_no_design


def test_one_row_per_group_in_another_order_behind_a_bend() -> None:
    order = np.random.default_rng(3).permutation(6)
    with pm.Model() as model:
        theta = pm.Normal("theta", 0, pm.HalfNormal("tau", 1), shape=6)
        pm.Poisson("y", pm.math.exp(theta)[order], observed=np.arange(6))
    rows = found_in(model)
    np.testing.assert_array_equal(rows.group, order)
    assert "not linear" in rows.why_no_design


COUNTS = RNG.poisson(3, size=40)
LIKELIHOODS: dict[str, Callable[[Any], Any]] = {
    "poisson": lambda eta: pm.Poisson("y", pm.math.exp(eta), observed=COUNTS),
    "negative binomial": lambda eta: pm.NegativeBinomial(
        "y", mu=pm.math.exp(eta), alpha=pm.Gamma("alpha", 2, 1), observed=COUNTS
    ),
    "bernoulli": lambda eta: pm.Bernoulli("y", logit_p=eta, observed=COUNTS > 3),
    "probit": lambda eta: pm.Bernoulli("y", p=pm.math.invprobit(eta), observed=COUNTS > 3),
    "binomial": lambda eta: pm.Binomial(
        "y", n=COUNTS + 5, p=pm.math.invlogit(eta), observed=COUNTS
    ),
    "student": lambda eta: pm.StudentT("y", nu=4, mu=eta, sigma=1, observed=Y),
    "ordinal": lambda eta: pm.OrderedLogistic(
        "y", eta=eta, cutpoints=np.array([-1.0, 1.0]), observed=COUNTS % 3
    ),
    "zero-inflated": lambda eta: pm.ZeroInflatedPoisson(
        "y", psi=pm.Beta("psi", 1, 1), mu=pm.math.exp(eta), observed=COUNTS
    ),
    "hurdle": lambda eta: pm.HurdlePoisson(
        "y", psi=pm.Beta("psi", 1, 1), mu=pm.math.exp(eta), observed=COUNTS
    ),
    "censored": lambda eta: pm.Censored(
        "y", pm.Normal.dist(eta, 1), lower=None, upper=1.0, observed=np.minimum(Y, 1)
    ),
    "beta": lambda eta: pm.Beta(
        "y", mu=pm.math.invlogit(eta), nu=pm.Gamma("nu", 2, 1), observed=1 / (1 + np.exp(-Y))
    ),
    "custom": lambda eta: pm.CustomDist("y", eta, logp=lambda y, m: -((y - m) ** 2), observed=Y),
    "potential": lambda eta: pm.Potential(
        "y", pm.logp(pm.Normal.dist(eta, pm.HalfNormal("sigma", 1)), Y).sum()
    ),
    "spread": lambda eta: pm.Normal("y", 0, pm.math.exp(eta), observed=Y),
    "multivariate": lambda eta: pm.MvNormal(
        "y", eta[:, None] * np.ones(2), np.eye(2), observed=np.c_[Y, X]
    ),
}


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_rows_of_any_likelihood_on_the_scale_of_its_predictor(likelihood: str) -> None:
    with pm.Model() as model:
        theta = pm.Normal("theta", pm.Normal("mu", 0, 1), pm.HalfNormal("tau", 1), shape=6)
        LIKELIHOODS[likelihood](pm.Normal("b", 0, 1) * X + X**2 * theta[GROUP])
    rows = found_in(model)
    copies = 2 if likelihood == "multivariate" else 1
    assert rows.enters == "y"
    np.testing.assert_array_equal(rows.group, np.repeat(GROUP, copies))
    np.testing.assert_allclose(rows.design, np.repeat(X**2, copies), atol=1e-9)


def test_predictors_in_large_units_hide_no_row() -> None:
    with pm.Model() as model:
        theta = pm.Normal("theta", 0, pm.HalfNormal("tau", 1), shape=6)
        eta = pm.Normal("a", 0, 1) + pm.Normal("b", 0, 1) * (1e6 * X) + theta[GROUP]
        pm.Bernoulli("y", logit_p=eta, observed=COUNTS > 3)
    np.testing.assert_array_equal(found_in(model).group, GROUP)


def test_two_outcomes_are_both_read() -> None:
    with pm.Model() as model:
        theta = pm.Normal("theta", 0, pm.HalfNormal("tau", 1), shape=6)
        pm.Normal("y", theta[GROUP], 1, observed=Y)
        pm.Normal("x", theta[GROUP[::-1]] * X, 1, observed=X)
    found = discover(model)
    assert found.members["theta"].enters == "y"
    (other,) = found.also["theta"]
    assert other.enters == "x"
    np.testing.assert_array_equal(other.group, GROUP[::-1])
    np.testing.assert_allclose(other.design, X)


def test_a_level_below_is_entered_group_by_group() -> None:
    site_of_plot = np.array([0, 0, 1, 1, 2, 2])
    with pm.Model(coords={"site": range(3), "plot": range(6)}) as model:
        site = pm.Normal("site_mean", 0, pm.HalfNormal("s_site", 1), dims="site")
        location = 2.0 * site[site_of_plot]
        plot = pm.Normal("plot_mean", location, pm.HalfNormal("s_plot", 1), dims="plot")
        pm.Normal("y", plot[GROUP], 1, observed=Y)
    found = discover(model)
    assert found.members["site"].enters == "plot"
    np.testing.assert_array_equal(found.members["site"].group, site_of_plot)
    np.testing.assert_allclose(found.members["site"].design, 2.0)


def test_declared_rows_settle_a_minibatch() -> None:
    index, y = pm.Minibatch(GROUP, Y, batch_size=8)
    with pm.Model() as model:
        pm.Data("codes", GROUP)
        theta = pm.Normal("theta", 0, pm.HalfNormal("tau", 1), shape=6)
        pm.Normal("y", theta[index], 1.0, observed=y, total_size=40)
    found = discover(model)
    assert "declare rows=" in found.why_no_rows["theta"]
    declared = {"g": Level(effect="theta", scale="tau", rows="codes")}
    member = discover(model, declared).members["g"]
    np.testing.assert_array_equal(member.group, GROUP)
    assert member.why_no_design
