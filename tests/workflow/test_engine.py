"""The compiled program with switches, against models written out and closed forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
import xarray as xr
from numpy.testing import assert_allclose
from scipy import stats

from poolwise.checks.hierarchy import python_mode
from poolwise.checks.weighted import summaries, summarised, weighted_summaries
from poolwise.workflow.engine import Engine, LogDensity, log_density_of
from poolwise.workflow.engine.mixture import PriorMixture
from poolwise.workflow.engine.parts import of_correlations
from poolwise.workflow.engine.switches import (
    MIXTURE,
    NUMBERS,
    data_of,
    mixture_data,
    switchable,
    weight_of,
)
from poolwise.workflow.engine.umbrella import balanced, importance_weights, log_ratios

X = np.array([-3.0, -0.4, 0.0, 0.3, 1.0, 2.6, 11.0])

FAMILIES: dict[str, tuple[Callable[[], Any], Any]] = {
    "half-normal": (lambda: pm.HalfNormal.dist(3), stats.halfnorm(scale=3)),
    "half-Cauchy": (lambda: pm.HalfCauchy.dist(2), stats.halfcauchy(scale=2)),
    "exponential": (lambda: pm.Exponential.dist(0.2), stats.expon(scale=5)),
    "gamma": (lambda: pm.Gamma.dist(2.5, 0.5), stats.gamma(2.5, scale=2)),
    "inverse gamma": (lambda: pm.InverseGamma.dist(2, 3), stats.invgamma(2, scale=3)),
    "uniform": (lambda: pm.Uniform.dist(-1, 4), stats.uniform(-1, 5)),
    "log-normal": (lambda: pm.LogNormal.dist(1, 0.5), stats.lognorm(0.5, scale=np.e)),
    "normal": (lambda: pm.Normal.dist(1, 2), stats.norm(1, 2)),
    "t": (lambda: pm.StudentT.dist(nu=3, mu=1, sigma=2), stats.t(3, 1, 2)),
    "Cauchy": (lambda: pm.Cauchy.dist(1, 2), stats.cauchy(1, 2)),
    "Weibull": (lambda: pm.Weibull.dist(1.5, 3), stats.weibull_min(1.5, scale=3)),
    "inverse Gaussian": (lambda: pm.Wald.dist(2, 3), stats.invgauss(2 / 3, scale=3)),
    "truncated normal": (
        lambda: pm.TruncatedNormal.dist(1, 2, lower=0, upper=4),
        stats.truncnorm(-0.5, 1.5, 1, 2),
    ),
    "Laplace": (lambda: pm.Laplace.dist(1, 2), stats.laplace(1, 2)),
    "beta": (lambda: pm.Beta.dist(2, 3.5), stats.beta(2, 3.5)),
    "a vector": (lambda: pm.Normal.dist(1, 2, shape=3), stats.norm(1, 2)),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_the_formula_holds_every_family(name: str) -> None:
    make, theirs = FAMILIES[name]
    found = log_density_of(make())
    assert found is not None
    inside = X[(X != 0) & np.isfinite(theirs.logpdf(X))]
    # PyMC holds some constants, such as log(2/π), in single precision.
    assert_allclose(found(inside), theirs.logpdf(inside), rtol=1e-8)
    outside = X[(X != 0) & ~np.isfinite(theirs.logpdf(X))]
    assert np.all(np.isneginf(found(outside)))


def test_a_half_t_is_twice_the_t() -> None:
    found = log_density_of(pm.HalfStudentT.dist(nu=3, sigma=2))
    assert found is not None
    x = X[X > 0]
    assert_allclose(found(x), np.log(2) + stats.t(3, 0, 2).logpdf(x), rtol=1e-8)


@pytest.mark.parametrize(
    "make",
    [
        lambda: pm.Kumaraswamy.dist(2, 3),
        lambda: pm.Logistic.dist(0, 1),
        lambda: pm.HalfNormal.dist(np.array([1.0, 2.0])),
    ],
    ids=["Kumaraswamy", "logistic", "a scale per element"],
)
def test_what_the_formula_does_not_hold_is_refused(make: Callable[[], Any]) -> None:
    assert log_density_of(make()) is None


def of(rv: Any) -> LogDensity:
    found = log_density_of(rv)
    assert found is not None
    return found


OWN = {"tau": of(pm.HalfCauchy.dist(5)), "mu": of(pm.Normal.dist(0, 3))}
ALTERNATIVES: list[dict[str, LogDensity]] = [
    {},
    {"tau": of(pm.InverseGamma.dist(2, 3))},
    {"tau": of(pm.LogNormal.dist(1, 0.5)), "mu": of(pm.StudentT.dist(nu=3, mu=1, sigma=2))},
    {"tau": of(pm.Uniform.dist(0, 3))},
]
SHARES = np.array([0.1, 0.2, 0.3, 0.4])


def mixture_by_hand(values: np.ndarray) -> float:
    total = 0.0
    for share, changed in zip(SHARES, ALTERNATIVES, strict=True):
        log_ratio = sum(
            float(changed.get(n, own)(np.asarray(v)) - own(np.asarray(v)))
            for (n, own), v in zip(OWN.items(), values, strict=True)
        )
        total += share * np.exp(log_ratio)
    return float(np.log(total))


@pytest.mark.parametrize("mode", ["FAST_COMPILE", "NUMBA"])
def test_the_mixture_and_its_gradient(mode: str) -> None:
    data = mixture_data(OWN, ALTERNATIVES, SHARES)
    values = pt.dvector()
    node = PriorMixture().make_node(data[NUMBERS], data[MIXTURE], values, np.array([0, 1]))
    slope: Any = pt.grad(node.outputs[0], values)
    function = pytensor.function([values], [node.outputs[0], slope], mode=mode)
    for point in ([1.3, -0.4], [4.0, 0.01], [0.02, 7.0]):
        at = np.array(point)
        found, gradient = function(at)
        assert_allclose(found, mixture_by_hand(at), rtol=1e-10)
        step = 1e-6
        for i in range(2):
            move = step * np.eye(2)[i]
            rise = (mixture_by_hand(at + move) - mixture_by_hand(at - move)) / (2 * step)
            assert_allclose(gradient[i], rise, rtol=1e-5, atol=1e-7)


def schools(mu_sd: float = 5.0, y: tuple[float, ...] = (1.0, 2.0, 4.0)) -> pm.Model:
    with pm.Model(coords={"school": list("abc")}) as model:
        mu = pm.Normal("mu", 0.0, mu_sd)
        tau = pm.HalfCauchy("tau", 5.0)
        theta = pm.Normal("theta", mu, tau, dims="school")
        pm.Normal("y", theta, 2.0, observed=list(y), dims="school")
    return model


def counts() -> pm.Model:
    with pm.Model() as model:
        rate = pm.Gamma("rate", 2, 1, shape=4)
        pm.ZeroInflatedPoisson("y", 0.8, rate, observed=[0, 3, 1, 0])
        pm.Potential("extra", -(rate**2).sum())
    return model


def censored() -> pm.Model:
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 1)
        sigma = pm.HalfNormal("sigma", 2, initval=1.5)
        latent = pm.Normal.dist(mu, sigma)
        pm.Censored("y", latent, lower=None, upper=1.0, observed=[0.3, 1.0, -0.7])
    return model


def correlated(eta: float = 2, sd: Callable[[], Any] = lambda: pm.HalfNormal.dist(1)) -> pm.Model:
    with pm.Model() as model:
        chol, _, _ = pm.LKJCholeskyCov("chol", n=2, eta=eta, sd_dist=sd())
        effects = pm.MvNormal("b", np.zeros(2), chol=chol, shape=(3, 2))
        chance = pm.math.invlogit(effects[:, 0])
        pm.Binomial("y", n=np.array([5, 6, 7]), p=chance, observed=[2, 3, 4])
    return model


def log_density(model: pm.Model, point: dict[str, Any]) -> float:
    function = pytensor.function(
        model.value_vars, model.logp(), mode=python_mode(), on_unused_input="ignore"
    )
    return float(function(*[point[str(v.name)] for v in model.value_vars]))


def some_point(model: pm.Model, seed: int = 3) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    point = {}
    for v in model.value_vars:
        # The packed triangle of a 2 × 2 matrix is the only one whose length is not in its type.
        shape = tuple(3 if n is None else n for n in v.type.shape)
        point[str(v.name)] = rng.normal(0, 0.3, shape)
    return point


@pytest.mark.parametrize("build", [schools, counts, censored, correlated])
def test_a_rewritten_model_is_the_same_model(build: Callable[[], pm.Model]) -> None:
    model = build()
    top = [v.name for v in model.free_RVs if v.name not in ("theta", "b")]
    found = switchable(model, top)
    assert set(found.data) == {"y"}
    assert not found.model.observed_RVs
    assert {v.name for v in found.model.value_vars} == {v.name for v in model.value_vars}
    assert_allclose(
        log_density(found.model, some_point(model)),
        log_density(model, some_point(model)),
        rtol=1e-12,
    )


def shared(model: pm.Model, name: str) -> Any:
    from pytensor.graph.traversal import graph_inputs

    return next(v for v in graph_inputs([model.logp()]) if v.name == name)


def test_switched_priors_data_and_weights_are_the_model_written_so() -> None:
    found = switchable(schools(), ["mu", "tau"]).model
    point = some_point(schools())
    other = mixture_data(
        {"mu": of(pm.Normal.dist(0, 5)), "tau": of(pm.HalfCauchy.dist(5))},
        [{"mu": of(pm.Normal.dist(0, 1))}],
        np.ones(1),
    )
    for name, value in other.items():
        shared(found, name).set_value(value)
    shared(found, data_of("y")).set_value(np.array([0.0, 5.0, -2.0]))
    written = schools(1.0, (0.0, 5.0, -2.0))
    # PyTensor takes the logarithm of a small number without decimals in single precision.
    assert_allclose(log_density(found, point), log_density(written, point), rtol=1e-8)
    shared(found, weight_of("y")).set_value(np.array([1.0, 0.0, 2.0]))
    theta = point["theta"]
    weighted = log_density(written, point) - stats.norm.logpdf(5.0, theta[1], 2)
    weighted += stats.norm.logpdf(-2.0, theta[2], 2)
    assert_allclose(log_density(found, point), weighted, rtol=1e-8)


def packed(size: int, eta: float, sd: Callable[[], Any]) -> pm.Model:
    with pm.Model() as model:
        chol = pm.LKJCholeskyCov("chol", n=size, eta=eta, sd_dist=sd(), compute_corr=False)
        pm.Normal("y", chol.sum(), 1, observed=0.5)
    return model


@pytest.mark.parametrize("size", [2, 4])
def test_switched_spreads_and_correlations_are_the_model_written_so(size: int) -> None:
    def narrow() -> Any:
        return pm.Exponential.dist(0.4)

    own = switchable(packed(size, 2.0, lambda: pm.HalfNormal.dist(1.5)), ["chol"])
    changed = {"chol: spreads": of(narrow()), "chol: correlations": of_correlations(size, 0.5)}
    data = mixture_data({n: p.density for n, p in own.parts.items()}, [changed], np.ones(1))
    for name, value in data.items():
        shared(own.model, name).set_value(value)
    rng = np.random.default_rng(6)
    point = {str(own.model.value_vars[0].name): rng.normal(0, 0.6, size * (size + 1) // 2)}
    written = packed(size, 0.5, narrow)
    assert_allclose(log_density(own.model, point), log_density(written, point), rtol=1e-7)


def test_what_cannot_be_switched_is_named() -> None:
    with pm.Model() as model:
        scale = pm.Kumaraswamy("scale", 2, 3)
        batch = pm.Minibatch(np.arange(10.0), batch_size=5)
        pm.Normal("y", 0, scale, observed=batch, total_size=10)
    found = switchable(model, ["scale"])
    assert "Minibatch" in found.fixed["y"]
    assert "known family" in found.fixed["scale"]
    assert found.parts == {}


WIDE = [{}, *({"mu": of(pm.Normal.dist(0, s))} for s in (0.5, 1.0, 4.0, 20.0))]


def mixture_draws(mixture: np.ndarray, chains: int = 4, draws: int = 4000) -> xr.Dataset:
    """Draw the posterior of a normal mean (y = 3 of sd 1) under a mixture of normal priors."""
    rng = np.random.default_rng(8)
    widths = np.array([2.0, 0.5, 1.0, 4.0, 20.0])
    evidence = mixture * stats.norm.pdf(3.0, 0, np.sqrt(widths**2 + 1))
    pick = rng.choice(widths.size, size=(chains, draws), p=evidence / evidence.sum())
    weight = widths[pick] ** 2 / (widths[pick] ** 2 + 1)
    mu = rng.normal(3 * weight, np.sqrt(weight))
    return xr.Dataset({"mu": (("chain", "draw"), mu)})


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_weighted_draws_agree_with_the_closed_form(seed: int) -> None:
    """Normal mean, known variance: every alternative's posterior is known exactly."""
    own = {"mu": of(pm.Normal.dist(0, 2))}
    mixture = np.random.default_rng(seed).dirichlet(np.full(5, 5.0))
    drawn = mixture_draws(mixture)
    ratios = log_ratios(drawn, own, WIDE)
    for k, width in enumerate((2.0, 0.5, 1.0, 4.0, 20.0)):
        weights = importance_weights(ratios, mixture)[k]
        assert weights.trusted
        kept = weighted_summaries(drawn, weights.values.values[None])[0]["mu"].sel
        weight = width**2 / (width**2 + 1)
        for statistic, truth in (("mean", 3 * weight), ("sd", np.sqrt(weight))):
            error = float(kept(summary={"mean": "mcse", "sd": "sd_mcse"}[statistic]))
            z = (float(kept(summary=statistic)) - truth) / error
            assert abs(z) < 4, f"{statistic} under sd {width}: z = {z:.1f}"


def test_weights_without_a_tail_are_left_as_they_are() -> None:
    ratios = np.zeros((2, 4, 500))
    ratios[1, :, :50] = -np.inf  # outside the bounds of the alternative
    found = importance_weights(ratios, np.array([0.5, 0.5]))[1]
    assert found.trusted
    assert_allclose(found.values.values[:, 50:], 1 / (4 * 450))
    assert float(found.values.values[:, :50].max()) == 0


def test_balanced_mixtures_share_the_draws() -> None:
    """Weights inversely proportional to marginal likelihoods, where these can be estimated."""
    own = {"mu": of(pm.Normal.dist(0, 2))}
    base = mixture_draws(np.array([1.0, 0, 0, 0, 0]), draws=20_000)
    found = balanced(log_ratios(base, own, WIDE[:4]))
    widths = np.array([2.0, 0.5, 1.0, 4.0])
    evidence = stats.norm.pdf(3.0, 0, np.sqrt(widths**2 + 1))
    assert_allclose(found, (1 / evidence) / (1 / evidence).sum(), rtol=0.15)
    assert found.sum() == pytest.approx(1)


def test_an_alternative_that_excludes_every_draw_is_neither_lost_nor_trusted() -> None:
    ratios = np.stack([np.zeros((2, 50)), np.full((2, 50), -np.inf)])
    assert_allclose(balanced(ratios), [1 / 51, 50 / 51])
    kept, excluded = importance_weights(ratios, np.array([0.5, 0.5]))
    assert kept.trusted
    assert not excluded.trusted
    assert np.isfinite(excluded.values).all()
    assert_allclose(balanced(ratios[1:]), [1.0])


def test_equal_weights_are_plain_summaries() -> None:
    rng = np.random.default_rng(2)
    drawn = xr.Dataset(
        {"x": (("chain", "draw", "g"), rng.normal(size=(4, 500, 2)))}, coords={"g": ["a", "b"]}
    )
    found = dict(summarised(summaries(drawn)))
    assert list(found) == ["x[a]", "x[b]"]
    values = drawn["x"].sel(g="b").values
    assert found["x[b]"].mean == pytest.approx(values.mean())
    assert found["x[b]"].sd == pytest.approx(values.std(ddof=1))
    assert found["x[b]"].median == pytest.approx(np.median(values), abs=1e-3)


@pytest.mark.slow
def test_one_compilation_serves_every_switch() -> None:
    engine = Engine(schools(), ["mu", "tau"])
    sizes: dict[str, Any] = {"draws": 500, "tune": 500, "chains": 2, "target_accept": 0.9}
    base = engine.sample(**sizes, seed=1)
    again = engine.sample(**sizes, seed=1)
    xr.testing.assert_equal(base["posterior"].to_dataset(), again["posterior"].to_dataset())
    narrow = {"mu": of(pm.Normal.dist(0, 0.01))}
    moved = engine.sample(**sizes, seed=1, priors=[narrow])
    assert float(abs(moved["posterior"]["mu"]).max()) < 0.1
    both = engine.sample(**sizes, seed=1, priors=[{}, narrow], mixture=np.array([0.5, 0.5]))
    assert float(abs(both["posterior"]["mu"]).max()) > 0.1
    far = engine.sample(**sizes, seed=1, data={"y": np.array([101.0, 102.0, 104.0])})
    assert float(far["posterior"]["theta"].mean()) > 80
    silent = engine.sample(**sizes, seed=1, weights={"y": np.zeros(3)})
    assert float(silent["posterior"]["theta"].std()) > 3 * float(base["posterior"]["theta"].std())
    assert engine.compilations == 1
