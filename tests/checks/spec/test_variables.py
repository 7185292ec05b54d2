"""Static facts of a model, and prior quantiles, against PyMC and SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytest
from scipy import stats

from poolwise.checks.hierarchy.variables import Support, Variables, read_variables
from poolwise.checks.spec.quantiles import centre_and_sd, prior_quantile


@pytest.fixture(scope="module")
def schools() -> Variables:
    with pm.Model(coords={"school": range(4)}) as model:
        mu, tau = pm.Normal("mu", 1, 5), pm.Exponential("tau", 0.25)
        z = pm.Normal("z", 0, 1, dims="school")
        theta = pm.Deterministic("theta", mu + tau * z, dims="school")
        pm.Normal("unused", mu, 1)
        data = pm.Data("data", [1.5, 2.0, 3.0, 4.0])
        pm.Poisson("y", pm.math.exp(theta), observed=data, dims="school")
    return read_variables(model, {"mu": 7}.get)


def test_free_and_observed_variables(schools: Variables) -> None:
    assert [v.name for v in schools.free] == ["mu", "tau", "z", "unused"]
    assert [v.name for v in schools.observed] == ["y"]


def test_families_shapes_and_supports(schools: Variables) -> None:
    assert schools["z"].shape == (4,)
    assert schools["z"].dims == ("school",)
    assert schools["tau"].family == "Exponential"
    assert schools["tau"].support is Support.POSITIVE
    assert schools["mu"].support is Support.REAL
    assert schools["y"].support is Support.DISCRETE


def test_parameters_are_canonical(schools: Variables) -> None:
    assert schools["tau"].number("scale") == 4.0
    assert schools["mu"].number("loc") == 1.0
    assert schools["z"].is_standardised
    assert not schools["mu"].is_standardised


def test_parents_and_whether_data_are_reached(schools: Variables) -> None:
    assert set(schools["y"].parents) == {"mu", "tau", "z"}
    assert schools["unused"].parents == ("mu",)
    assert not schools["unused"].reaches_data
    assert schools["z"].reaches_data


def test_data_before_and_after_pymc_cast_them(schools: Variables) -> None:
    outcome = schools["y"]
    assert outcome.values is not None
    assert outcome.raw is not None
    assert outcome.values.tolist() == [1, 2, 3, 4]
    assert outcome.raw.tolist() == [1.5, 2.0, 3.0, 4.0]


def test_lines_come_from_the_spec(schools: Variables) -> None:
    assert schools["mu"].line == 7
    assert schools["tau"].line is None


PRIORS: dict[str, tuple[Any, Any]] = {
    "Beta": (lambda: pm.Beta("v", 2, 3), stats.beta(2, 3)),
    "Cauchy": (lambda: pm.Cauchy("v", 1, 2), stats.cauchy(1, 2)),
    "Exponential": (lambda: pm.Exponential("v", 0.5), stats.expon(scale=2)),
    "Gamma": (lambda: pm.Gamma("v", 2, 3), stats.gamma(2, scale=1 / 3)),
    "Gumbel": (lambda: pm.Gumbel("v", 1, 2), stats.gumbel_r(1, 2)),
    "HalfCauchy": (lambda: pm.HalfCauchy("v", 2), stats.halfcauchy(scale=2)),
    "HalfNormal": (lambda: pm.HalfNormal("v", 2), stats.halfnorm(scale=2)),
    "InverseGamma": (lambda: pm.InverseGamma("v", 3, 2), stats.invgamma(3, scale=2)),
    "Laplace": (lambda: pm.Laplace("v", 1, 2), stats.laplace(1, 2)),
    "LogNormal": (lambda: pm.LogNormal("v", 1, 0.5), stats.lognorm(0.5, scale=np.e)),
    "Logistic": (lambda: pm.Logistic("v", 1, 2), stats.logistic(1, 2)),
    "Normal": (lambda: pm.Normal("v", 1, 2), stats.norm(1, 2)),
    "StudentT": (lambda: pm.StudentT("v", nu=4, mu=1, sigma=2), stats.t(4, 1, 2)),
    "TruncatedNormal": (
        lambda: pm.TruncatedNormal("v", 1, 2, lower=0, upper=5),
        stats.truncnorm(-0.5, 2, 1, 2),
    ),
    "Uniform": (lambda: pm.Uniform("v", -1, 3), stats.uniform(-1, 4)),
    "Weibull": (lambda: pm.Weibull("v", 2, 3), stats.weibull_min(2, scale=3)),
}


@pytest.mark.parametrize("family", PRIORS)
@pytest.mark.parametrize("probability", [0.001, 0.3, 0.5, 0.99])
def test_prior_quantiles_agree_with_scipy(family: str, probability: float) -> None:
    create, reference = PRIORS[family]
    with pm.Model() as model:
        create()
    found = prior_quantile(read_variables(model)["v"], probability)
    assert found is not None
    np.testing.assert_allclose(found, reference.ppf(probability), rtol=1e-6)


def test_half_student_t_is_the_absolute_value_of_a_student_t() -> None:
    with pm.Model() as model:
        pm.HalfStudentT("v", nu=3, sigma=2)
    found = prior_quantile(read_variables(model)["v"], 0.9)
    assert found is not None
    np.testing.assert_allclose(found, 2 * stats.t(3).ppf(0.95))


def test_quantiles_of_improper_and_dependent_priors_are_unknown() -> None:
    with pm.Model() as model:
        pm.HalfFlat("flat")
        pm.Normal("child", pm.Normal("parent", 0, 1), 1)
    variables = read_variables(model)
    assert prior_quantile(variables["flat"], 0.5) is None
    assert centre_and_sd(variables["child"]) is None
