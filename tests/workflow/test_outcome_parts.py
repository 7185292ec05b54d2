"""Parts of predictive variances against nested simulation and closed forms, on made-up draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pymc as pm
import pytest
import xarray as xr
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from scipy import special

from poolwise.checks.decomposition import TARGETS, Decomposition, decompose
from poolwise.checks.hierarchy.reading import read_hierarchy
from poolwise.workflow.outcomes.moments import moments_of
from poolwise.workflow.outcomes.parts import outcome_parts

Array = NDArray[np.float64]
ERRORS = 4.0
CHAINS, DRAWS, J, EACH = 2, 40, 5, 4
S, N = CHAINS * DRAWS, J * EACH
GROUP = np.repeat(np.arange(J), EACH)
SITE = np.array([0, 0, 1, 1, 1])
X = np.linspace(-1, 1, N)
RNG = np.random.default_rng(3)
TRIALS = RNG.integers(3, 12, N)
COUNTS = RNG.integers(0, 6, N)

#: Values of every free variable, the draws along the first axis.
Values = dict[str, Array]


def values(**extra: Array) -> Values:
    rng = np.random.default_rng(1)
    return {
        "a": rng.normal(0.3, 0.3, S),
        "b": rng.normal(0.5, 0.2, S),
        "tau": 0.8 * np.exp(rng.normal(0, 0.2, S)),
        "z": rng.normal(size=(S, J)),
        **extra,
    }


def as_draws(found: Values) -> xr.Dataset:
    return xr.Dataset(
        {
            name: (("chain", "draw", *[f"{name}_{i}" for i in range(v.ndim - 1)]),
                   v.reshape(CHAINS, DRAWS, *v.shape[1:]))
            for name, v in found.items()
        },
        coords={"chain": range(CHAINS), "draw": range(DRAWS)},
    )  # fmt: skip


def split(model: pm.Model, found: Values, level: str | None = None) -> dict[str, Decomposition]:
    hierarchy = read_hierarchy(model)
    name = level or next(iter(hierarchy.levels))
    parts = outcome_parts(model, hierarchy, name, as_draws(found))
    # Eighty draws are too few to judge tails by their shape: read the parts as they are.
    return {d.target: _as_means(d, parts) for d in decompose(parts, name)}


def _as_means(found: Decomposition, parts: xr.Dataset) -> Decomposition:
    means = parts["variance_parts"].sel(target=found.target).mean(("chain", "used_draw"))
    if "exist" in found.heavy_tailed:
        return found
    said = tuple(replace(p, value=float(means.sel(part=p.name))) for p in found.parts)
    return replace(found, parts=said, heavy_tailed="")


def parts_of(found: Decomposition) -> dict[str, float]:
    return {p.name: p.value for p in found.parts}


@dataclass(frozen=True)
class Case:
    """A family: its model, and mean and variance of rows at a predictor, written out again."""

    likelihood: Callable[[Any], Any]
    mean: Callable[[Array, Values], Array]
    variance: Callable[[Array, Values], Array]
    extra: Values | None = None


def column(v: Values, name: str) -> Array:
    return v[name][:, None]


def binomial(eta: Any) -> None:
    pm.Binomial("y", TRIALS, logit_p=eta, observed=np.minimum(COUNTS, TRIALS))


def negative_binomial(eta: Any) -> None:
    shape = pm.Gamma("shape", 2, 1)
    pm.NegativeBinomial("y", mu=pm.math.exp(eta), alpha=shape, observed=COUNTS)


def student(eta: Any) -> None:
    nu, sigma = pm.Gamma("nu", 2, 0.1), pm.HalfNormal("sigma", 1)
    pm.StudentT("y", nu=nu, mu=eta, sigma=sigma, observed=X)


def ordinal(eta: Any) -> None:
    cut = pm.Normal("cut", 0, 1, shape=2, transform=pm.distributions.transforms.ordered)
    pm.OrderedLogistic("y", eta=eta, cutpoints=cut, observed=COUNTS % 3)


def zero_inflated(eta: Any) -> None:
    psi = pm.Beta("psi", 2, 2)
    pm.ZeroInflatedPoisson("y", psi=psi, mu=pm.math.exp(eta), observed=COUNTS)


def gamma(eta: Any) -> None:
    shape = pm.Gamma("shape", 2, 1)
    rate = shape / pm.math.exp(eta)
    pm.Gamma("y", alpha=shape, beta=rate, observed=COUNTS + 0.5)


def categories(eta: Array, v: Values) -> Array:
    """Return probabilities of three ordered categories."""
    below = special.expit(v["cut"][:, None, :] - eta[..., None])
    return np.diff(below, axis=-1, prepend=0.0, append=1.0)


def spread_of_categories(eta: Array, v: Values) -> Array:
    p = categories(eta, v)
    return np.asarray(p @ np.array([0.0, 1, 4]) - (p @ np.array([0.0, 1, 2])) ** 2)


RATE = np.exp
CASES = {
    "binomial": Case(
        binomial,
        lambda eta, v: TRIALS * special.expit(eta),
        lambda eta, v: TRIALS * special.expit(eta) * special.expit(-eta),
    ),
    "negative binomial": Case(
        negative_binomial,
        lambda eta, v: RATE(eta),
        lambda eta, v: RATE(eta) + RATE(eta) ** 2 / column(v, "shape"),
        {"shape": np.random.default_rng(5).gamma(20, 0.2, S)},
    ),
    "Student-t": Case(
        student,
        lambda eta, v: eta,
        lambda eta, v: np.broadcast_to(
            column(v, "sigma") ** 2 * column(v, "nu") / (column(v, "nu") - 2), eta.shape
        ),
        {
            "sigma": np.random.default_rng(6).gamma(20, 0.05, S),
            "nu": 3 + np.random.default_rng(6).gamma(20, 0.2, S),
        },
    ),
    "ordinal": Case(
        ordinal,
        lambda eta, v: categories(eta, v) @ np.arange(3.0),
        spread_of_categories,
        {"cut": np.sort(np.random.default_rng(7).normal(size=(S, 2)), axis=1)},
    ),
    "zero-inflated": Case(
        zero_inflated,
        lambda eta, v: column(v, "psi") * RATE(eta),
        lambda eta, v: (
            column(v, "psi") * (RATE(eta) + RATE(eta) ** 2) - (column(v, "psi") * RATE(eta)) ** 2
        ),
        {"psi": np.random.default_rng(8).beta(20, 10, S)},
    ),
    "gamma": Case(
        gamma,
        lambda eta, v: RATE(eta),
        lambda eta, v: RATE(eta) ** 2 / column(v, "shape"),
        {"shape": np.random.default_rng(9).gamma(20, 0.2, S)},
    ),
}


def one_level(likelihood: Callable[[Any], Any], tau: Any = None) -> pm.Model:
    with pm.Model() as model:
        a, b = pm.Normal("a", 0, 1), pm.Normal("b", 0, 1)
        scale = pm.HalfNormal("tau", 0.4) if tau is None else tau()
        z = pm.Normal("z", 0, 1, shape=J)
        likelihood(a + b * X + (scale * z)[GROUP])
    return model


def agrees(ours: float, batches: Sequence[float] | Array, mcse: float = 0.0) -> None:
    """Compare with the mean of independent batches, whose error is that of their mean."""
    reference = np.asarray(batches)
    error = np.hypot(reference.std(ddof=1) / np.sqrt(reference.size), mcse)
    assert abs(ours - reference.mean()) <= ERRORS * error + 1e-9 * abs(ours), (
        f"{ours:.6g}, {reference.mean():.6g} ± {error:.2g}"
    )


@pytest.mark.parametrize("name", CASES)
def test_new_groups_agree_with_nested_simulation(name: str) -> None:
    case, batches, inner = CASES[name], 30, 20
    v = values(**(case.extra or {}))
    found = split(one_level(case.likelihood), v)
    target = found["new observation in a new group"]
    assert not target.heavy_tailed
    rng = np.random.default_rng(2)
    base = column(v, "a") + column(v, "b") * X
    noise, spread, location = [], [], []
    for _ in range(batches):
        etas = [base + column(v, "tau") * rng.normal(size=(S, J))[:, GROUP] for _ in range(inner)]
        means = np.array([case.mean(eta, v) for eta in etas])
        noise.append(float(np.mean([case.variance(eta, v) for eta in etas])))
        within = means.var(0, ddof=1)
        spread.append(float(within.mean()))
        # The variance of averages over few new groups holds a share of the variance within.
        location.append(float((means.mean(0).var(0, ddof=1) - within.mean(0) / inner).mean()))
    ours = parts_of(target)
    agrees(ours["noise within groups"], noise)
    agrees(ours["spread between groups"], spread)
    agrees(ours["location"], location)
    assert_allclose(target.total, sum(ours.values()))


@pytest.mark.parametrize("name", CASES)
def test_observed_groups_agree_with_their_definition(name: str) -> None:
    case = CASES[name]
    v = values(**(case.extra or {}))
    eta = column(v, "a") + column(v, "b") * X + (column(v, "tau") * v["z"])[:, GROUP]
    ours = parts_of(split(one_level(case.likelihood), v)["new observation in an observed group"])
    assert_allclose(ours["noise within groups"], case.variance(eta, v).mean(), rtol=1e-9)
    assert_allclose(ours["group effect"], case.mean(eta, v).var(0, ddof=1).mean(), rtol=1e-9)


def test_poisson_has_a_closed_form() -> None:
    v = values()

    def poisson(eta: Any) -> None:
        pm.Poisson("y", pm.math.exp(eta), observed=COUNTS)

    ours = parts_of(split(one_level(poisson), v)["new observation in a new group"])
    mean = np.exp(column(v, "a") + column(v, "b") * X + column(v, "tau") ** 2 / 2)
    assert_allclose(ours["noise within groups"], mean.mean(), rtol=1e-9)
    between = mean**2 * np.expm1(column(v, "tau") ** 2)
    assert_allclose(ours["spread between groups"], between.mean(), rtol=1e-9)
    assert_allclose(ours["location"], mean.var(0, ddof=1).mean(), rtol=1e-9)


def test_entropy_of_an_ordinal_outcome() -> None:
    case = CASES["ordinal"]
    v = values(**(case.extra or {}))
    found = split(one_level(case.likelihood), v)["new observation in a new group"]
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    base = column(v, "a") + column(v, "b") * X
    each = np.array([categories(base + column(v, "tau") * z, v) for z in nodes])

    def entropy(p: Array) -> Array:
        return np.asarray(-special.xlogy(p, p).sum(-1))

    given = np.tensordot(weights, entropy(each), 1)
    group = np.tensordot(weights, each, 1)
    ours = {p.name: p.value for p in found.entropy}
    assert_allclose(ours["noise within groups"], given.mean(), rtol=1e-6)
    assert_allclose(ours["spread between groups"], (entropy(group) - given).mean(), rtol=1e-5)
    assert_allclose(ours["location"], (entropy(group.mean(0)) - entropy(group).mean(0)).mean(),
                    rtol=1e-6)  # fmt: skip
    assert_allclose(sum(ours.values()), entropy(group.mean(0)).mean(), rtol=1e-6)


def plots_in_sites() -> pm.Model:
    with pm.Model() as model:
        a, b = pm.Normal("a", 0, 1), pm.Normal("b", 0, 1)
        wide, tau = pm.HalfNormal("wide", 1), pm.HalfNormal("tau", 1)
        site = pm.Normal("site", a, wide, shape=2)
        plot = pm.Normal("plot", site[SITE], tau, shape=J)
        pm.Bernoulli("y", logit_p=plot[GROUP] + b * X, observed=COUNTS % 2)
    return model


def nested_values() -> Values:
    rng = np.random.default_rng(4)
    v = values(wide=1.2 * np.exp(rng.normal(0, 0.2, S)))
    v["site"] = column(v, "a") + column(v, "wide") * rng.normal(size=(S, 2))
    v["plot"] = v["site"][:, SITE] + column(v, "tau") * v.pop("z")
    return v


def test_three_levels_have_a_part_for_each() -> None:
    """New plots of observed sites, and new plots of new sites, by a tree of simulated groups."""
    v = nested_values()
    found = split(plots_in_sites(), v, "plot")
    assert [t for t in found if t.startswith("new")] == [
        "new observation in an observed group",
        "new observation in a new group of an observed site",
        "new observation in a new group of a new site",
    ]
    rng = np.random.default_rng(5)
    slope = column(v, "b") * X
    near, far = [], []
    for _ in range(40):
        plots = np.array([rng.normal(size=(S, J))[:, GROUP] for _ in range(4)])
        small = column(v, "tau") * plots
        observed = special.expit(v["site"][:, SITE][:, GROUP] + slope + small)
        near.append((observed.var(0, ddof=1).mean(), (observed * (1 - observed)).mean()))
        sites = column(v, "wide") * rng.normal(size=(S, 2))[:, SITE][:, GROUP]
        other = column(v, "wide") * rng.normal(size=(S, 2))[:, SITE][:, GROUP]
        middle = column(v, "a") + slope
        first, again = (special.expit(middle + sites + small[k]) for k in (0, 1))
        apart = special.expit(middle + other + small[2])
        far.append(
            (
                (first * (first - again)).mean(),
                (first * (again - apart)).mean(),
                (first * (1 - first)).mean(),
            )
        )
    ours = parts_of(found["new observation in a new group of an observed site"])
    agrees(ours["spread between groups"], [b[0] for b in near])
    agrees(ours["noise within groups"], [b[1] for b in near])
    ours = parts_of(found["new observation in a new group of a new site"])
    agrees(ours["spread between groups"], [b[0] for b in far])
    agrees(ours["spread between site"], [b[1] for b in far])
    agrees(ours["noise within groups"], [b[2] for b in far])
    above = split(plots_in_sites(), v, "site")["new observation in a new group"]
    assert {p.name for p in above.parts} == {
        *("location", "spread between groups", "spread between plot", "noise within groups")
    }


def test_effects_of_new_groups_of_observed_and_of_new_parents() -> None:
    v = nested_values()
    found = split(plots_in_sites(), v, "plot")
    ours = parts_of(found["effect of a new group of an observed site"])
    sites = v["site"][:, SITE].var(0, ddof=1).mean()
    assert_allclose(ours["location"], sites)
    assert_allclose(ours["spread between groups"], (v["tau"] ** 2).mean())
    ours = parts_of(found["effect of a new group of a new site"])
    assert_allclose(ours["location"], v["a"].var(ddof=1))
    assert_allclose(ours["spread between site"], (v["wide"] ** 2).mean())


def test_effects_that_are_not_normal_are_drawn() -> None:
    with pm.Model() as model:
        a, tau = pm.Normal("a", 0, 1), pm.HalfNormal("tau", 1)
        theta = pm.StudentT("theta", nu=8, mu=a, sigma=tau, shape=J)
        pm.Normal("y", theta[GROUP], pm.HalfNormal("sigma", 1), observed=X)
    v = values(sigma=np.full(S, 1.5))
    v["theta"] = column(v, "a") + column(v, "tau") * v.pop("z")
    target = split(model, v)["new observation in a new group"]
    parts = {p.name: p for p in target.parts}
    spread = parts["spread between groups"]
    assert abs(spread.value - (v["tau"] ** 2).mean() * 8 / 6) <= ERRORS * spread.mcse
    location = parts["location"]
    assert abs(location.value - v["a"].var(ddof=1)) <= ERRORS * location.mcse
    assert_allclose(parts["noise within groups"].value, 1.5**2)


def test_outcomes_without_known_moments_are_simulated_in_pairs() -> None:
    """A censored normal, against the moments of the censored normal distribution."""

    def censored(eta: Any) -> None:
        sigma = pm.HalfNormal("sigma", 1)
        pm.Censored("y", pm.Normal.dist(eta, sigma), lower=0, upper=None, observed=COUNTS + 0.0)

    v = values(sigma=np.full(S, 1.2))
    model = one_level(censored)
    hierarchy = read_hierarchy(model)
    name = next(iter(hierarchy.levels))
    found = outcome_parts(model, hierarchy, name, as_draws(v))
    target = next(d for d in decompose(found) if d.target == "new observation in a new group")

    def moments(eta: Array) -> tuple[Array, Array]:
        inside, height = (
            special.ndtr(eta / 1.2),
            np.exp(-0.5 * (eta / 1.2) ** 2) / np.sqrt(2 * np.pi),
        )
        mean = eta * inside + 1.2 * height
        return mean, (eta**2 + 1.2**2) * inside + eta * 1.2 * height - mean**2

    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    base = column(v, "a") + column(v, "b") * X
    each = [moments(base + column(v, "tau") * z) for z in nodes]
    means, variances = (np.stack(part) for part in zip(*each, strict=True))
    mean = np.tensordot(weights, means, 1)
    wanted = {
        "noise within groups": np.tensordot(weights, variances, 1).mean(),
        "spread between groups": np.tensordot(weights, (means - mean) ** 2, 1).mean(),
        "location": mean.var(0, ddof=1).mean(),
    }
    for part in target.parts:
        assert part.mcse > 0
        assert abs(part.value - wanted[part.name]) <= ERRORS * part.mcse


def test_slopes_and_intercepts_of_a_group_are_new_together() -> None:
    with pm.Model() as model:
        covariance = np.array([[1.0, 0.6], [0.6, 2.0]])
        effect = pm.MvNormal("effect", np.zeros(2), cov=covariance, shape=(J, 2))
        mean = effect[GROUP, 0] + effect[GROUP, 1] * X
        pm.Normal("y", mean, pm.HalfNormal("sigma", 1), observed=X)
    v: Values = {"effect": RNG.normal(size=(S, J, 2)), "sigma": np.full(S, 0.5)}
    for level in read_hierarchy(model).levels:
        ours = parts_of(split(model, v, level)["new observation in a new group"])
        assert_allclose(ours["spread between groups"], (1 + 1.2 * X + 2 * X**2).mean())
        assert_allclose(ours["noise within groups"], 0.25)
        assert_allclose(ours["location"], 0, atol=1e-12)


@pytest.mark.parametrize(("tau", "share"), [(1e-9, 0.0), (200.0, 1.0)])
def test_limits(tau: float, share: float) -> None:
    """No spread: nothing between groups. Endless spread: groups hold only zeros or only ones."""

    def bernoulli(eta: Any) -> None:
        pm.Bernoulli("y", logit_p=eta, observed=COUNTS % 2)

    v = values() | {"tau": np.full(S, tau)}
    target = split(one_level(bernoulli), v)["new observation in a new group"]
    ours = parts_of(target)
    assert_allclose(ours["spread between groups"] / target.total, share, atol=0.02)
    assert 0.2 <= target.total <= 0.25 + 1e-9


def test_one_group() -> None:
    with pm.Model() as model:
        a, tau = pm.Normal("a", 0, 1), pm.HalfNormal("tau", 1)
        theta = pm.Normal("theta", a, tau, shape=1)
        pm.Poisson("y", pm.math.exp(theta[np.zeros(4, int)]), observed=[1, 2, 3, 4])
    v = {"a": values()["a"], "tau": values()["tau"], "theta": values()["z"][:, :1]}
    hierarchy = read_hierarchy(model, levels={"g": _level()})
    found = outcome_parts(model, hierarchy, "g", as_draws(v))
    noise = found["variance_parts"].sel(target=TARGETS[1], part="noise within groups")
    assert_allclose(noise.mean(), np.exp(v["theta"]).mean())


def _level() -> Any:
    from poolwise.checks.hierarchy import Level

    return Level(effect="theta", location="a", scale="tau")


def test_exponentials_of_heavy_tails_have_no_variance() -> None:
    def poisson(eta: Any) -> None:
        pm.Poisson("y", pm.math.exp(eta), observed=COUNTS)

    for prior, exists in (
        (lambda: pm.HalfCauchy("tau", 1), False),
        (lambda: pm.Exponential("tau", 5), False),
        (lambda: pm.HalfNormal("tau", 0.6), False),
        (lambda: pm.HalfNormal("tau", 0.4), True),
    ):
        found = split(one_level(poisson, prior), values())
        assert bool(found["new observation in a new group"].heavy_tailed) is not exists
        assert not found["new observation in an observed group"].heavy_tailed
        assert not found["effect of a new group"].heavy_tailed
    said = split(one_level(poisson, lambda: pm.HalfCauchy("tau", 1)), values())
    target = said["new observation in a new group"]
    assert "does not exist" in target.heavy_tailed
    v = values()
    mean = np.exp(column(v, "a") + column(v, "b") * X + column(v, "tau") ** 2 / 2)
    assert_allclose(parts_of(target)["noise within groups"], np.median(mean.mean(1)), rtol=1e-9)


def test_draws_of_new_groups_have_the_mean_and_spread_of_the_parts() -> None:
    v = {k: np.repeat(x, 25, axis=0) for k, x in values().items()}
    case = CASES["binomial"]
    model = one_level(case.likelihood)
    hierarchy = read_hierarchy(model)
    draws = xr.Dataset(
        {k: (("chain", "draw", *[f"{k}_0"][: x.ndim - 1]), x.reshape(2, -1, *x.shape[1:]))
         for k, x in v.items()}
    )  # fmt: skip
    found = outcome_parts(model, hierarchy, next(iter(hierarchy.levels)), draws)
    new = found["new_group_draws"].sel(predicted="new observation in a new group").values.ravel()
    means = found["new_group_draws"].sel(predicted="mean of a row in a new group").values.ravel()
    target = decompose(found)[3]
    expected = found["mean_of_target"].isel(target=3).mean().item()
    for drawn in (new, means):
        assert abs(drawn.mean() - expected) <= ERRORS * drawn.std() / np.sqrt(drawn.size)
    # Rows differ in their trials and covariates too, which the parts, by row, do not hold.
    assert new.var() >= target.total - ERRORS * new.var() * np.sqrt(2 / new.size)


FAMILIES = {
    "normal": lambda: pm.Normal.dist(1, 2),
    "Student-t": lambda: pm.StudentT.dist(9, mu=1, sigma=2),
    "Laplace": lambda: pm.Laplace.dist(1, 2),
    "logistic": lambda: pm.Logistic.dist(1, 2),
    "Gumbel": lambda: pm.Gumbel.dist(1, 2),
    "log-normal": lambda: pm.LogNormal.dist(0.3, 0.4),
    "uniform": lambda: pm.Uniform.dist(1, 3),
    "Poisson": lambda: pm.Poisson.dist(2.5),
    "negative binomial": lambda: pm.NegativeBinomial.dist(mu=2.5, alpha=3),
    "geometric": lambda: pm.Geometric.dist(0.3),
    "binomial": lambda: pm.Binomial.dist(10, 0.3),
    "beta-binomial": lambda: pm.BetaBinomial.dist(n=10, alpha=2, beta=3),
    "exponential": lambda: pm.Exponential.dist(0.7),
    "gamma": lambda: pm.Gamma.dist(mu=2, sigma=1),
    "inverse gamma": lambda: pm.InverseGamma.dist(9, 4),
    "beta": lambda: pm.Beta.dist(2, 3),
    "Weibull": lambda: pm.Weibull.dist(2, 3),
    "Bernoulli": lambda: pm.Bernoulli.dist(logit_p=0.4),
    "categorical": lambda: pm.Categorical.dist([0.2, 0.3, 0.5]),
    "zero-inflated binomial": lambda: pm.ZeroInflatedBinomial.dist(psi=0.6, n=10, p=0.3),
    "mixture": lambda: pm.NormalMixture.dist(w=[0.3, 0.7], mu=[0, 3], sigma=1.5),
    "mixture of two": lambda: pm.Mixture.dist(
        w=[0.3, 0.7], comp_dists=[pm.Normal.dist(1, 1), pm.Gamma.dist(4, 2)]
    ),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_moments_are_those_of_random_draws(name: str) -> None:
    import pytensor

    size = 40_000
    rv = FAMILIES[name]()
    moments = moments_of(rv)
    assert moments is not None
    function = pytensor.function([], [moments.mean, moments.variance], mode="FAST_COMPILE")
    mean, variance = (float(v) for v in function())
    y = draw_many(rv, size)
    square = (y - mean) ** 2
    assert abs(y.mean() - mean) <= ERRORS * y.std() / np.sqrt(size)
    assert abs(square.mean() - variance) <= ERRORS * square.std() / np.sqrt(size)


def draw_many(rv: Any, size: int) -> Array:
    from pymc.distributions.shape_utils import change_dist_size

    with pm.Model():
        many = change_dist_size(rv, (size,))
    return np.asarray(pm.draw(many, random_seed=1, mode="FAST_COMPILE"), dtype=float)


def test_unknown_families_are_none() -> None:
    assert moments_of(pm.Censored.dist(pm.Normal.dist(), -1, 1)) is None
    assert moments_of(pm.Truncated.dist(pm.Normal.dist(), -1, 1)) is None
