"""Which priors are top-level, in the usual parametrisations."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest

from poolwise.checks.hierarchy import Level, Roles, read_hierarchy
from poolwise.checks.hierarchy import roles as roles_of

Y = np.arange(8.0)


def roles(model: pm.Model, levels: dict[str, Level]) -> Roles:
    return roles_of(model, read_hierarchy(model, levels=levels))


SCHOOL = {"school": Level(effect="theta", location="mu", scale="tau")}


def schools(form: str) -> pm.Model:
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 5)
        if form == "log scale":
            log_tau = pm.Normal("log_tau", 0, 1)
            tau = pm.Deterministic("tau", pm.math.exp(log_tau))
        else:
            tau = pm.HalfCauchy("tau", 5)
        if form == "centred":
            theta = pm.Normal("theta", mu, tau, shape=8)
        elif form == "hyperprior below":
            theta = pm.Normal("theta", pm.Normal("nu", mu, 1), tau, shape=8)
        else:
            z = pm.Normal("z", 0, 1, shape=8)
            theta = pm.Deterministic("theta", mu + tau * z)
        pm.Normal("y", theta, pm.HalfNormal("sigma", 10), observed=Y)
    return model


@pytest.mark.parametrize(
    ("form", "top_level", "scales"),
    [
        ("centred", ["mu", "tau", "sigma"], ["tau"]),
        ("non-centred", ["mu", "tau", "sigma"], ["tau"]),
        ("log scale", ["mu", "log_tau", "sigma"], []),
        ("hyperprior below", ["mu", "tau", "sigma"], ["tau"]),
    ],
)
def test_declared(form: str, top_level: list[str], scales: list[str]) -> None:
    found = roles(schools(form), SCHOOL)
    assert sorted(found.top_level) == sorted(top_level)
    assert found.scales == scales
    assert found.assumed_offsets == []


@pytest.mark.parametrize("form", ["centred", "non-centred", "log scale"])
def test_without_a_declaration_roles_are_the_same(form: str) -> None:
    assert roles(schools(form), {}) == roles(schools(form), SCHOOL)


def test_a_covariance_is_top_level_and_its_offsets_are_not() -> None:
    with pm.Model() as model:
        chol, _, _ = pm.LKJCholeskyCov("chol", n=2, eta=2, sd_dist=pm.Exponential.dist(1))
        z = pm.Normal("z", 0, 1, shape=(2, 8))
        effects = pm.math.dot(chol, z)
        pm.Normal("y", effects[0] + effects[1], pm.HalfNormal("sigma", 1), observed=Y)
    found = roles(model, {})
    assert sorted(found.top_level) == ["chol", "sigma"]
    assert found.assumed_offsets == []


def test_unclear_offsets_are_said() -> None:
    """Effects that sum to zero by construction: no element of z is a group."""
    basis = np.linalg.qr(np.c_[np.ones(8), np.eye(8)[:, :7]])[0][:, 1:]
    with pm.Model() as model:
        z, tau = pm.Normal("z", 0, 1, shape=7), pm.HalfNormal("tau", 1)
        pm.Normal("y", tau * pm.math.dot(basis, z), pm.HalfNormal("sigma", 1), observed=Y)
    found = roles(model, {})
    assert found.assumed_offsets == ["z"]
    assert sorted(found.top_level) == ["sigma", "tau"]


def test_standard_normal_coefficients_are_top_level() -> None:
    """A vector of N(0, 1) that no scale multiplies carries a prior of its own."""
    with pm.Model() as model:
        beta = pm.Normal("beta", 0, 1, shape=2)
        wide = pm.Normal("wide", 0, 2.5, shape=2)
        mean = pm.math.dot(np.ones((8, 2)), beta + wide)
        pm.Normal("y", mean, pm.HalfNormal("sigma", 1), observed=Y)
    found = roles(model, {})
    assert found.assumed_offsets == []
    assert sorted(found.top_level) == ["beta", "sigma", "wide"]


@pytest.mark.parametrize(
    ("make", "positive"),
    [
        (lambda: pm.HalfNormal("s", 1), True),
        (lambda: pm.Uniform("s", 0, 10), True),
        (lambda: pm.Uniform("s", -1, 10), False),
        (lambda: pm.Gamma("s", 2, 1), True),
        (lambda: pm.Normal("s", 0, 1), False),
        (lambda: pm.Beta("s", 1, 1), False),
    ],
)
def test_scales_are_positive(make: object, positive: bool) -> None:
    with pm.Model() as model:
        pm.Normal("y", 0, 1 + make() ** 2, observed=Y)  # type: ignore[operator]
    assert (roles(model, {}).scales == ["s"]) is positive


def test_a_declared_level_takes_no_hyperprior_away() -> None:
    """Only standardised vectors are offsets; what else reaches an effect keeps its prior."""
    with pm.Model() as model:
        between = pm.HalfNormal("between", 1)
        district = between * pm.Normal("z_district", 0, 1, shape=2)
        tau, intercept = pm.HalfNormal("tau", 1), pm.Normal("intercept", 0, 5)
        z = pm.Normal("z", 0, 1, shape=8)
        theta = pm.Deterministic("theta", intercept + district[np.arange(8) // 4] + tau * z)
        pm.Normal("y", theta, pm.HalfNormal("sigma", 1), observed=Y)
    found = roles(model, {"school": Level(effect="theta", scale="tau")})
    assert sorted(found.top_level) == ["between", "intercept", "sigma", "tau"]
