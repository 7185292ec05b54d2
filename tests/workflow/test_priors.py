"""Alternative priors: in words, as densities, and in a copy of the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytest
from numpy.testing import assert_allclose

from poolwise.workflow.fingerprint import model_key
from poolwise.workflow.priors import Alternative, alternatives, in_words, scaled, with_prior

FAMILIES: dict[str, Callable[[], Any]] = {
    "HalfNormal(3)": lambda: pm.HalfNormal.dist(3),
    "HalfCauchy(5)": lambda: pm.HalfCauchy.dist(5),
    "HalfStudentT(3, 2.5)": lambda: pm.HalfStudentT.dist(3, 2.5),
    "Exponential(mean 5)": lambda: pm.Exponential.dist(1 / 5),
    "Gamma(2, scale 2)": lambda: pm.Gamma.dist(2, 0.5),
    "InverseGamma(2, 3)": lambda: pm.InverseGamma.dist(2, 3),
    "Weibull(1, 2)": lambda: pm.Weibull.dist(1, 2),
    "Uniform(0, 10)": lambda: pm.Uniform.dist(0, 10),
    "LogNormal(0, 1)": lambda: pm.LogNormal.dist(0, 1),
    "Wald": lambda: pm.Wald.dist(1, 2),
}


@pytest.mark.parametrize("words", FAMILIES)
def test_in_words(words: str) -> None:
    assert in_words(FAMILIES[words]()) == words


@pytest.mark.parametrize("words", FAMILIES)
@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_scaled_density_is_that_of_the_multiple(words: str, factor: float) -> None:
    """If x has density p, then c x has density p(x / c) / c."""
    x = np.array([0.3, 1.0, 2.7, 4.4])
    base = FAMILIES[words]()
    found = pm.logp(scaled(base, factor)(), x).eval()
    assert_allclose(found, pm.logp(base, x / factor).eval() - np.log(factor), rtol=1e-6)


def schools(tau: Callable[[], Any] = lambda: pm.HalfCauchy("tau", 5)) -> pm.Model:
    with pm.Model(coords={"school": list("abc")}) as model:
        mu = pm.Normal("mu", 0, 5)
        z = pm.Normal("z", 0, 1, dims="school")
        theta = pm.Deterministic("theta", mu + tau() * z, dims="school")
        pm.Normal("y", theta, 2, observed=[1.0, 2.0, 4.0], dims="school")
    return model


@pytest.mark.parametrize("words", ["HalfNormal(3)", "Uniform(0, 10)", "Wald"])
def test_a_replaced_prior_is_the_model_written_with_it(words: str) -> None:
    model = schools()
    before = model_key(model)
    make = FAMILIES[words]
    changed = with_prior(model, Alternative("tau", words, "HalfCauchy(5)", make, declared=True))
    written = schools(lambda: pm.Model.get_context().register_rv(make(), "tau"))
    assert model_key(model) == before, "the user's model was touched"
    assert {v.name for v in changed.free_RVs} == {v.name for v in model.free_RVs}
    assert changed.named_vars_to_dims == model.named_vars_to_dims
    point = written.initial_point()
    assert set(changed.initial_point()) == set(point)
    point = {k: v + 0.1 for k, v in point.items()}
    assert_allclose(changed.compile_logp()(point), written.compile_logp()(point), rtol=1e-10)


def test_a_vector_of_scales_keeps_its_shape() -> None:
    with pm.Model() as model:
        tau = pm.HalfNormal("tau", 1, shape=3)
        pm.Normal("y", 0, tau, observed=np.ones((4, 3)))
    other = Alternative("tau", "HalfCauchy(1)", "", lambda: pm.HalfCauchy.dist(1), declared=True)
    changed = with_prior(model, other)
    assert changed["tau"].eval().shape == (3,)
    wrong = Alternative("tau", "", "", lambda: pm.HalfCauchy.dist(1, shape=(2, 2)), declared=True)
    with pytest.raises(ValueError, match="2 dimensions"):
        with_prior(model, wrong)


def test_defaults_and_declared_do_not_repeat() -> None:
    model = schools()
    planned = alternatives(model, ["tau"], {"tau": [pm.HalfCauchy.dist(10), pm.HalfNormal.dist(5)]})
    assert [a.prior for a in planned] == ["HalfCauchy(10)", "HalfNormal(5)", "HalfCauchy(2.5)"]
    assert [a.declared for a in planned] == [True, True, False]
    assert len({a.key for a in planned}) == 3


def test_the_base_prior_is_no_alternative() -> None:
    planned = alternatives(schools(), [], {"tau": [pm.HalfCauchy.dist(5)]})
    assert planned == []
