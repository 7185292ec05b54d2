"""Alternative priors: in words, as densities, and in a copy of the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytest
from numpy.testing import assert_allclose

from poolwise.checks.hierarchy import read_hierarchy
from poolwise.checks.hierarchy.top_level import roles
from poolwise.checks.words import ALL_HYPERPRIORS
from poolwise.workflow.priors.alternative import Alternative
from poolwise.workflow.priors.alternatives import alternatives
from poolwise.workflow.priors.families import in_words, widened
from poolwise.workflow.priors.replacing import Replacement, with_priors
from poolwise.workflow.priors.subjects import LOCATION, SCALE, Subject, subjects
from poolwise.workflow.runs.fingerprint import model_key

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
    "Wald(1, 2, 0)": lambda: pm.Wald.dist(1, 2),
    "TruncatedNormal(0, 1, 0, –)": lambda: pm.TruncatedNormal.dist(0, 1, lower=0),
    "Kumaraswamy(2, 3)": lambda: pm.Kumaraswamy.dist(2, 3),
}

TAU, MU = Subject("tau", SCALE), Subject("mu", LOCATION)


@pytest.mark.parametrize("words", FAMILIES)
def test_in_words(words: str) -> None:
    assert in_words(FAMILIES[words]()) == words


@pytest.mark.parametrize("words", FAMILIES)
@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_scaled_density_is_that_of_the_multiple(words: str, factor: float) -> None:
    """If x has density p, then c x has density p(x / c) / c."""
    x = np.array([0.3, 1.0, 2.7, 4.4])
    base = FAMILIES[words]()
    found = pm.logp(widened(base, factor)(), x).eval()
    assert_allclose(found, pm.logp(base, x / factor).eval() - np.log(factor), rtol=1e-6)


def schools(tau: Callable[[], Any] = lambda: pm.HalfCauchy("tau", 5)) -> pm.Model:
    with pm.Model(coords={"school": list("abc")}) as model:
        mu = pm.Normal("mu", 0, 5)
        z = pm.Normal("z", 0, 1, dims="school")
        theta = pm.Deterministic("theta", mu + tau() * z, dims="school")
        pm.Normal("y", theta, 2, observed=[1.0, 2.0, 4.0], dims="school")
    return model


@pytest.mark.parametrize("words", ["HalfNormal(3)", "Uniform(0, 10)", "Wald(1, 2, 0)"])
def test_a_replaced_prior_is_the_model_written_with_it(words: str) -> None:
    model = schools()
    before = model_key(model)
    make = FAMILIES[words]
    changed = with_priors(model, [Replacement("tau", words, "HalfCauchy(5)", make)])
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
    other = Replacement("tau", "HalfCauchy(1)", "", lambda: pm.HalfCauchy.dist(1))
    changed = with_priors(model, [other])
    assert changed["tau"].eval().shape == (3,)
    wrong = Replacement("tau", "", "", lambda: pm.HalfCauchy.dist(1, shape=(2, 2)))
    with pytest.raises(ValueError, match="2 dimensions"):
        with_priors(model, [wrong])


def test_several_priors_are_replaced_together() -> None:
    model = schools()
    changed = with_priors(
        model,
        [
            Replacement("tau", "", "", lambda: pm.HalfNormal.dist(3)),
            Replacement("mu", "", "", lambda: pm.Cauchy.dist(1, 2)),
        ],
    )
    point = {"mu": 0.4, "tau_log__": 0.3, "z": np.array([0.1, -0.4, 0.9])}
    tau = np.exp(0.3)
    difference = changed.compile_logp()(point) - model.compile_logp()(point)
    expected = (
        pm.logp(pm.HalfNormal.dist(3), tau)
        - pm.logp(pm.HalfCauchy.dist(5), tau)
        + pm.logp(pm.Cauchy.dist(1, 2), 0.4)
        - pm.logp(pm.Normal.dist(0, 5), 0.4)
    )
    assert_allclose(difference, expected.eval(), rtol=1e-8)


def test_defaults_and_declared_do_not_repeat() -> None:
    model = schools()
    declared = {"tau": [pm.HalfCauchy.dist(10), pm.HalfNormal.dist(5)]}
    planned = alternatives(model, [TAU, MU], declared)
    assert [a.declared for a in planned] == [True, True] + [False] * (len(planned) - 2)
    assert len({a.key for a in planned}) == len(planned)
    of = {name: [a.prior for a in planned if a.parameter == name] for name in ("tau", "mu")}
    # A half-Cauchy of scale 5 has median 5; the base itself is no alternative.
    assert of["tau"] == [
        "HalfCauchy(10)",
        "HalfNormal(5)",
        "HalfCauchy(1.25)",
        "HalfCauchy(2.5)",
        "HalfCauchy(20)",
        "HalfNormal(7.41)",
        "HalfStudentT(4, 6.75)",
        "Exponential(mean 7.21)",
        "Uniform(0, 10)",
    ]
    assert of["mu"][:4] == ["Normal(0, 1.25)", "Normal(0, 2.5)", "Normal(0, 10)", "Normal(0, 20)"]
    together = [a for a in planned if a.parameter == ALL_HYPERPRIORS]
    assert [a.prior for a in together] == [
        f"each {factor} × as wide" for factor in ("0.25", "0.5", "2", "4")
    ]
    assert {r.parameter for r in together[0].replacements} == {"mu", "tau"}


@pytest.mark.parametrize("words", ["HalfCauchy(5)", "Exponential(mean 5)", "LogNormal(0, 1)"])
def test_other_families_have_the_median_of_the_prior(words: str) -> None:
    model = schools(lambda: pm.Model.get_context().register_rv(FAMILIES[words](), "tau"))
    planned = alternatives(model, [TAU], {})
    same = [a for a in planned if not a.replacements[0].same_support]
    assert len(same) >= 4
    middle = np.median(pm.draw(FAMILIES[words](), 40_000, random_seed=1))
    for alternative in same:
        drawn = np.sort(pm.draw(alternative.replacements[0].make(), 40_000, random_seed=2))
        # Of 40,000 draws, the count below the true median has a standard deviation of 100.
        below = np.searchsorted(drawn, middle)
        assert abs(below - 20_000) < 4 * 100 * np.sqrt(2), alternative.prior


def test_a_location_keeps_its_centre() -> None:
    for base, wide in (
        (pm.Normal.dist(3, 2), pm.Normal.dist(3, 8)),
        (pm.StudentT.dist(nu=4, mu=3, sigma=2), pm.StudentT.dist(nu=4, mu=3, sigma=8)),
        (pm.Uniform.dist(-2, 8), pm.Uniform.dist(-17, 23)),
    ):
        x = np.array([-1.0, 0.5, 4.0])
        assert_allclose(pm.logp(widened(base, 4.0)(), x).eval(), pm.logp(wide, x).eval())


def test_the_base_prior_is_no_alternative() -> None:
    planned = alternatives(schools(), [], {"tau": [pm.HalfCauchy.dist(5)]})
    assert planned == []


def test_priors_that_read_alike_are_told_apart() -> None:
    close = [pm.HalfNormal.dist(1.2345), pm.HalfNormal.dist(1.2349)]
    planned = alternatives(schools(), [], {"tau": close})
    assert [a.prior for a in planned] == ["HalfNormal(1.23)", "HalfNormal(1.23)"]
    assert len({a.key for a in planned}) == 2
    truncated = [pm.TruncatedNormal.dist(0, s, lower=0) for s in (0.05, 50)]
    planned = alternatives(schools(), [], {"tau": truncated})
    assert [a.prior for a in planned] == [
        "TruncatedNormal(0, 0.05, 0, –)",
        "TruncatedNormal(0, 50, 0, –)",
    ]


@pytest.mark.parametrize(
    "tau",
    [
        lambda: pm.Kumaraswamy("tau", 2, 3),
        lambda: pm.HalfNormal("tau", np.array([1.0, 2.0, 3.0]), dims="school"),
    ],
    ids=["Kumaraswamy", "a scale per group"],
)
def test_a_rescaled_prior_keeps_transform_and_shape(tau: Callable[[], Any]) -> None:
    model = schools(tau)
    for alternative in alternatives(model, [TAU], {})[:4]:
        factor = float(alternative.prior.split(" ×")[0])
        changed = with_priors(model, alternative.replacements)
        old, new = model.rvs_to_transforms[model["tau"]], changed.rvs_to_transforms[changed["tau"]]
        assert type(old) is type(new)
        x = np.array([0.4, 1.1, 2.0]) if model["tau"].ndim else np.array(0.7)
        found = pm.logp(changed["tau"], x).eval()
        base = pm.logp(model["tau"], x / factor).eval()
        assert_allclose(found, base - np.log(factor), rtol=1e-6)


def test_starting_values_are_kept() -> None:
    model = schools(lambda: pm.HalfNormal("tau", 5, initval=2.0))
    model.set_initval(model["mu"], 1.5)
    before = dict(model.rvs_to_initial_values)
    changed = with_priors(model, alternatives(model, [TAU], {})[0].replacements)
    assert model.rvs_to_initial_values == before
    assert float(changed.initial_point()["mu"]) == 1.5


def of_model(
    build: Callable[[], Any], typical: dict[str, float] | None = None
) -> tuple[dict[str, Subject], list[Alternative]]:
    """Return what a sweep over a model replaces, and by what."""
    with pm.Model(coords={"group": list("abcdef")}) as model:
        build()
    hierarchy = read_hierarchy(model)
    found = subjects(model, hierarchy, roles(model, hierarchy))
    return {s.name: s for s in found}, alternatives(model, found, {}, "m", typical)


def means_of(planned: list[Alternative], name: str) -> dict[str, str]:
    return {a.prior: a.means for a in planned if a.parameter == name}


COUNTS = np.array([3, 5, 2, 7, 4, 6])


def beta_binomial() -> None:
    mean, kappa = pm.Uniform("mean", 0, 1), pm.Gamma("kappa", 2, 0.1)
    theta = pm.Beta("theta", mean * kappa, (1 - mean) * kappa, dims="group")
    pm.Binomial("y", n=10, p=theta, observed=COUNTS, dims="group")


def test_a_larger_concentration_is_a_smaller_spread() -> None:
    found, planned = of_model(beta_binomial)
    kappa = means_of(planned, "kappa")
    assert found["kappa"].power == -0.5
    # A quarter of the spread is sixteen times the concentration.
    assert kappa["Gamma(2, scale 160)"] == "median 17 → 269"
    assert "HalfNormal(24.9)" in kappa, "other families of the concentration itself"
    together = [a.replacements for a in planned if a.parameter == ALL_HYPERPRIORS]
    assert [r.prior for r in together[0]] == ["Gamma(2, scale 160)", "Beta(4, 4)"]
    assert list(means_of(planned, "mean")) == ["Beta(4, 4)", "Beta(2, 2)", "Beta(0.5, 0.5)"]


def by_precisions(vague: bool) -> None:
    shape = 0.001 if vague else 2.0
    between, within = pm.Gamma("between", shape, shape), pm.Gamma("within", shape, shape)
    theta = pm.Normal("theta", pm.Normal("mu", 0, 10), tau=between, dims="group")
    pm.Normal("y", theta[np.repeat(np.arange(6), 2)], tau=within, observed=np.arange(12.0))


def test_precisions_are_told_as_spread_and_noise() -> None:
    _, planned = of_model(lambda: by_precisions(vague=False))
    between, within = means_of(planned, "between"), means_of(planned, "within")
    # The median of a gamma of shape and rate 2 is 0.839, that of the sd 1.09.
    assert between["Gamma(2, scale 8)"] == "median spread 1.1 → 0.27 m"
    assert within["Gamma(2, scale 0.0312)"] == "median noise 1.1 → 4.4 m"


def test_a_vague_prior_is_replaced_by_others_of_the_posterior_median() -> None:
    _, planned = of_model(lambda: by_precisions(vague=True), {"between": 3.0})
    between = means_of(planned, "between")
    assert between["such that the sd is HalfCauchy(3)"] == "median spread 3 m"
    assert "such that the sd is Uniform(0, 30)" in between
    assert not any(prior.startswith("Gamma") for prior in between)
    assert means_of(planned, "within") == {}


def correlated() -> None:
    chol, _, _ = pm.LKJCholeskyCov("chol", n=2, eta=2, sd_dist=pm.Exponential.dist(1))
    mu = pm.Normal("mu", 0, 1, shape=2)
    theta = mu + pm.Normal("z", 0, 1, shape=(6, 2)) @ chol.T
    rows = np.repeat(np.arange(6), 3)
    x = np.tile([-1.0, 0.0, 1.0], 6)
    pm.Normal("y", theta[rows, 0] + theta[rows, 1] * x, 1, observed=np.arange(18.0))


def test_spreads_and_correlations_of_a_covariance_are_varied() -> None:
    _, planned = of_model(correlated)
    chol = means_of(planned, "chol")
    assert chol["spreads 4 × as wide"] == "median spread 0.69 → 2.8"
    assert chol["spreads HalfCauchy(0.693)"] == "median spread 0.69 → 0.69"
    assert chol["LKJ eta 0.5"] == "each correlation has prior sd 0.71"
    parts = {part for a in planned for r in a.replacements for part in r.densities}
    assert {"chol: spreads", "chol: correlations", "mu"} <= parts
    together = next(a for a in planned if a.parameter == ALL_HYPERPRIORS)
    assert {r.parameter for r in together.replacements} == {"chol", "mu"}
