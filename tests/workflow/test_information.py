"""The information of rows for every likelihood, against densities written with SciPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytest
import xarray as xr
from numpy.testing import assert_allclose
from scipy import integrate, optimize, special, stats

from poolwise.checks import own_data_weight
from poolwise.checks.hierarchy import Level, discover, row_densities
from poolwise.checks.own_data import row_noise
from poolwise.checks.ridge_equivalent import equivalent_penalty
from poolwise.workflow.levels import curvature as module
from poolwise.workflow.levels.datasets import level_dataset, level_datasets

RNG = np.random.default_rng(11)
J, N = 4, 24
GROUP = RNG.permutation(np.repeat(np.arange(J), [2, 4, 8, 10]))
X = RNG.normal(size=N)
ETA = 0.4 * RNG.normal(size=J)[GROUP] + 0.3 * X
SITE = {"site": list("abcd")}
TRIALS = RNG.integers(5, 20, N)
CUTS = np.array([-1.0, 0.2, 1.1])

Draws = dict[str, np.ndarray]


def made_up(model: pm.Model, **given: Any) -> xr.Dataset:
    """Return six draws in two chains: near zero, positive where they have to be."""
    rng, found = np.random.default_rng(3), {}
    shapes = {rv: tuple(rv.shape.eval(mode="FAST_COMPILE")) for rv in model.free_RVs}
    for rv, shape in shapes.items():
        value = 0.4 * rng.normal(size=(2, 3, *shape))
        if rv in model.rvs_to_transforms and model.rvs_to_transforms[rv] is not None:
            value = np.exp(value)
        value = np.asarray(given.get(rv.name, value))
        dims = [f"{rv.name}_{k}" for k in range(len(shape))]
        found[rv.name] = (("chain", "draw", *dims), value)
    return xr.Dataset(found)


def flat(draws: xr.Dataset) -> list[Draws]:
    return [
        {str(n): draws[n].values[c, d] for n in draws.data_vars} for c in range(2) for d in range(3)
    ]


def curvature(density: Callable[[np.ndarray], np.ndarray], step: float = 2e-3) -> np.ndarray:
    """Return minus the second difference of the log density of rows (fourth order)."""
    d = {k: density(np.full(N, k * step)) for k in (-2, -1, 0, 1, 2)}
    second = (-d[-2] + 16 * d[-1] - 30 * d[0] + 16 * d[1] - d[2]) / (12 * step**2)
    return np.asarray(-second)


def by_group(rows: np.ndarray) -> np.ndarray:
    return np.asarray(np.bincount(GROUP, rows, minlength=J))


COUNTS = RNG.poisson(np.exp(ETA + 0.7))
ZEROS = COUNTS * RNG.binomial(1, 0.7, N)
BINARY = RNG.binomial(1, special.expit(ETA))
HITS = RNG.binomial(TRIALS, special.expit(ETA))
POSITIVE = RNG.gamma(2.0, np.exp(ETA) / 2)
SHARES = np.clip(RNG.beta(3 * special.expit(ETA), 3 * special.expit(-ETA)), 0.01, 0.99)
REAL = RNG.normal(ETA, 1)
CLIPPED = np.clip(REAL, -0.5, 0.8)
ABOVE = np.abs(REAL)
ORDERED = np.searchsorted(CUTS, ETA + RNG.logistic(size=N))


def _ordered(cdf: Callable[[Any], Any]) -> Callable[[np.ndarray, Draws], np.ndarray]:
    ends = np.concatenate([[-np.inf], CUTS, [np.inf]])
    return lambda eta, _: np.asarray(
        np.log(cdf(ends[ORDERED + 1] - eta) - cdf(ends[ORDERED] - eta))
    )


def _zero_inflated(eta: np.ndarray, _: Draws) -> np.ndarray:
    counts = 0.7 * stats.poisson.pmf(ZEROS, np.exp(eta))
    return np.asarray(np.log(np.where(ZEROS == 0, 0.3, 0.0) + counts))


def _censored(eta: np.ndarray, draw: Draws) -> np.ndarray:
    at = stats.norm(eta, draw["s"])
    inside = at.logpdf(CLIPPED)
    above = np.where(CLIPPED == 0.8, at.logsf(0.8), inside)
    return np.asarray(np.where(CLIPPED == -0.5, at.logcdf(-0.5), above))


def _positive(name: str) -> Any:
    return pm.HalfNormal(name)


CASES: dict[
    str, tuple[Callable[[Any], None], Callable[[np.ndarray, Draws], np.ndarray], np.ndarray]
] = {
    "poisson": (
        lambda m: pm.Poisson("y", pm.math.exp(m), observed=COUNTS),
        lambda e, _: stats.poisson.logpmf(COUNTS, np.exp(e)),
        COUNTS,
    ),
    "bernoulli": (
        lambda m: pm.Bernoulli("y", logit_p=m, observed=BINARY),
        lambda e, _: stats.bernoulli.logpmf(BINARY, special.expit(e)),
        BINARY,
    ),
    "binomial": (
        lambda m: pm.Binomial("y", n=TRIALS, p=pm.math.invlogit(m), observed=HITS),
        lambda e, _: stats.binom.logpmf(HITS, TRIALS, special.expit(e)),
        HITS,
    ),
    "probit": (
        lambda m: pm.Binomial("y", n=TRIALS, p=pm.math.invprobit(m), observed=HITS),
        lambda e, _: stats.binom.logpmf(HITS, TRIALS, special.ndtr(e)),
        HITS,
    ),
    "negative binomial": (
        lambda m: pm.NegativeBinomial(
            "y", mu=pm.math.exp(m), alpha=_positive("s"), observed=COUNTS
        ),
        lambda e, d: stats.nbinom.logpmf(COUNTS, d["s"], d["s"] / (d["s"] + np.exp(e))),
        COUNTS,
    ),
    "dispersion": (
        lambda m: pm.NegativeBinomial(
            "y", mu=pm.math.exp(m), alpha=pm.math.exp(-m), observed=COUNTS
        ),
        lambda e, _: stats.nbinom.logpmf(COUNTS, np.exp(-e), 1 / (1 + np.exp(2 * e))),
        COUNTS,
    ),
    "gamma": (
        lambda m: pm.Gamma("y", alpha=2.0, beta=2 / pm.math.exp(m), observed=POSITIVE),
        lambda e, _: stats.gamma.logpdf(POSITIVE, 2.0, scale=np.exp(e) / 2),
        POSITIVE,
    ),
    "gamma by sd": (
        lambda m: pm.Gamma("y", mu=pm.math.exp(m), sigma=0.8, observed=POSITIVE),
        lambda e, _: stats.gamma.logpdf(POSITIVE, np.exp(2 * e) / 0.64, scale=0.64 / np.exp(e)),
        POSITIVE,
    ),
    "beta": (
        lambda m: pm.Beta("y", mu=pm.math.invlogit(m), nu=3.0, observed=SHARES),
        lambda e, _: stats.beta.logpdf(SHARES, 3 * special.expit(e), 3 * special.expit(-e)),
        SHARES,
    ),
    "ordered logistic": (
        lambda m: pm.OrderedLogistic("y", eta=m, cutpoints=CUTS, observed=ORDERED),
        _ordered(special.expit),
        ORDERED,
    ),
    "ordered probit": (
        lambda m: pm.OrderedProbit("y", eta=m, cutpoints=CUTS, observed=ORDERED),
        _ordered(special.ndtr),
        ORDERED,
    ),
    "zero-inflated": (
        lambda m: pm.ZeroInflatedPoisson("y", psi=0.7, mu=pm.math.exp(m), observed=ZEROS),
        _zero_inflated,
        ZEROS,
    ),
    "censored": (
        lambda m: pm.Censored(
            "y", pm.Normal.dist(m, _positive("s")), lower=-0.5, upper=0.8, observed=CLIPPED
        ),
        _censored,
        CLIPPED,
    ),
    "truncated": (
        lambda m: pm.Truncated("y", pm.Normal.dist(m, 1.0), lower=0, observed=ABOVE),
        lambda e, _: stats.norm.logpdf(ABOVE, e) - stats.norm.logsf(0, e),
        ABOVE,
    ),
    "noise": (
        lambda m: pm.Normal("y", 0.5, pm.math.exp(m), observed=REAL),
        lambda e, _: stats.norm.logpdf(REAL, 0.5, np.exp(e)),
        REAL,
    ),
}


#: A graph of many nodes: ten times as long to simplify as any other.
SLOW = ("ordered probit",)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in CASES]
)
def test_every_likelihood(name: str) -> None:
    outcome, density, _ = CASES[name]
    with pm.Model(coords=SITE) as model:
        theta = pm.Normal("theta", pm.Normal("mu"), pm.HalfNormal("tau"), dims="site")
        outcome(theta[GROUP] + pm.Normal("beta") * X)
    draws = made_up(model)
    level = level_dataset(model, discover(model), "site", draws)
    found = level["information"].values.reshape(6, J)
    clipped = 0
    for k, draw in enumerate(flat(draws)):
        eta = draw["theta"][GROUP] + draw["beta"] * X

        def at(step: np.ndarray, eta: np.ndarray = eta, draw: Draws = draw) -> np.ndarray:
            return density(eta + step, draw)

        expected = by_group(curvature(at))
        clipped += int((expected < 0).sum())
        # Differences of fourth order: a relative error near 1e-8 at this step.
        assert_allclose(found[k], np.maximum(expected, 0), rtol=1e-6, atol=1e-6)
    assert level.attrs.get("negative_information", 0.0) == pytest.approx(clipped / (6 * J))
    assert "noise_variance" not in level
    assert level.attrs["why_no_noise"]
    assert_allclose(level["rows"], np.bincount(GROUP))
    assert_allclose(level["row_group"], GROUP)
    assert_allclose(level["design_squared"], np.bincount(GROUP))
    _check_tops(level, draws, density)


@pytest.mark.parametrize("name", ["poisson", "binomial", "probit", "negative binomial"])
def test_a_density_without_its_constants_has_the_same_derivatives(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome, _, _ = CASES[name]
    with pm.Model(coords=SITE) as model:
        theta = pm.Normal("theta", pm.Normal("mu"), pm.HalfNormal("tau"), dims="site")
        outcome(theta[GROUP] * X)
    draws, found = made_up(model), discover(model)
    short = level_dataset(model, found, "site", draws)
    monkeypatch.setattr(row_densities, "_KERNELS", {})
    module._KNOWN.clear()
    whole = level_dataset(model, found, "site", draws)
    assert_allclose(short["information"], whole["information"], rtol=1e-10)
    assert_allclose(short["raw"], whole["raw"], rtol=1e-8)


def _check_tops(
    level: xr.Dataset, draws: xr.Dataset, density: Callable[[np.ndarray, Draws], np.ndarray]
) -> None:
    """Every finite own estimate is where the likelihood of the group's rows is highest nearby."""
    means = {str(n): v.mean(("chain", "draw")).values for n, v in draws.data_vars.items()}
    raw = level["raw"].values

    def total(theta: np.ndarray) -> np.ndarray:
        return by_group(density(theta[GROUP] + means["beta"] * X, means))

    best = total(np.where(np.isfinite(raw), raw, 0.0))
    for step in (-1e-3, 1e-3):
        moved = total(np.where(np.isfinite(raw), raw, 0.0) + step)
        assert (moved <= best + 1e-9)[np.isfinite(raw)].all()
    assert np.isfinite(raw).any()


@pytest.mark.parametrize(
    ("outcome", "per_row"),
    [
        (
            lambda m: pm.StudentT("y", nu=4, mu=m, sigma=pm.HalfNormal("s"), observed=REAL),
            lambda s: 5 / (7 * s**2),
        ),
        (
            lambda m: pm.Laplace("y", mu=m, b=pm.HalfNormal("s"), observed=REAL),
            lambda s: 1 / s**2,
        ),
        (
            lambda m: pm.Cauchy("y", m, pm.HalfNormal("s"), observed=REAL),
            lambda s: 1 / (2 * s**2),
        ),
    ],
)
def test_expected_information_of_heavy_tails(
    outcome: Callable[[Any], Any], per_row: Callable[[Any], Any]
) -> None:
    with pm.Model(coords=SITE) as model:
        theta = pm.Normal("theta", pm.Normal("mu"), pm.HalfNormal("tau"), dims="site")
        outcome(theta[GROUP] * X)
    draws = made_up(model)
    level = level_dataset(model, discover(model), "site", draws)
    squares = by_group(X**2)
    expected = per_row(draws["s"].values)[..., None] * squares
    assert_allclose(level["information"], expected, rtol=1e-10)
    assert_allclose(level["design_squared"], squares)


def test_the_expected_information_is_the_mean_of_the_observed() -> None:
    """By quadrature over the outcome: -E[(log p)''] of a Student-t."""
    nu, sigma = 4.0, 1.3

    def integrand(y: float) -> float:
        z = y / sigma
        second = (nu + 1) * (z**2 - nu) / ((nu + z**2) ** 2 * sigma**2)
        return float(-second * stats.t.pdf(y, nu, scale=sigma))

    found = integrate.quad(integrand, -np.inf, np.inf)[0]
    assert found == pytest.approx((nu + 1) / ((nu + 3) * sigma**2), rel=1e-8)


@pytest.mark.parametrize("form", ["non-centred", "one effect of two", "declared"])
def test_the_way_an_effect_is_written_does_not_matter(form: str) -> None:
    level: dict[str, Level] = {}
    with pm.Model(coords=SITE | {"term": ["level", "slope"]}) as model:
        mu, tau = pm.Normal("mu"), pm.HalfNormal("tau")
        if form == "one effect of two":
            b = pm.Normal("b", mu, tau, dims=("site", "term"))
            mean = b[GROUP, 0] + b[GROUP, 1] * X
        else:
            theta = mu + tau * pm.Normal("z", dims="site")
            if form == "declared":
                theta = pm.Deterministic("theta", theta, dims="site")
                level = {"site": Level(effect="theta", location="mu", scale="tau")}
            mean = theta[GROUP]
        pm.Poisson("y", pm.math.exp(mean), observed=COUNTS)
    draws = made_up(model)
    hierarchy = discover(model, level)
    for name, found in level_datasets(model, hierarchy, draws, rows=False).items():
        squared = X**2 if "slope" in name else np.ones(N)
        for k, draw in enumerate(flat(draws)):
            eta = (
                draw["b"][GROUP, 0] + draw["b"][GROUP, 1] * X
                if "b" in draw
                else draw["mu"] + draw["tau"] * draw["z"][GROUP]
            )
            information = found["information"].values.reshape(6, J)[k]
            assert_allclose(information, by_group(squared * np.exp(eta)), rtol=1e-10)


def test_a_loading_that_is_a_parameter() -> None:
    with pm.Model(coords=SITE) as model:
        theta = pm.Normal("theta", 0, pm.HalfNormal("tau"), dims="site")
        a = pm.Normal("a", 1, 1)
        pm.Normal("y", a * theta[GROUP], 2.0, observed=REAL)
    draws = made_up(model)
    level = level_dataset(
        model,
        discover(model, {"site": Level(effect="theta", scale="tau")}),
        "site",
        draws,
    )
    expected = draws["a"].values[..., None] ** 2 * np.bincount(GROUP) / 4
    assert_allclose(level["information"], expected, rtol=1e-10)
    assert "depends on other parameters" in level.attrs["why_no_noise"]
    assert_allclose(level["design_squared"], np.bincount(GROUP))


def test_likelihoods_add_up_and_a_potential_counts() -> None:
    with pm.Model(coords=SITE) as model:
        theta = pm.Normal("theta", 0, pm.HalfNormal("tau"), dims="site")
        pm.Normal("x", theta[GROUP], 0.5, observed=REAL)
        pm.Poisson("y", pm.math.exp(theta), observed=np.arange(J))
    draws = made_up(model)
    level = level_dataset(model, discover(model), "site", draws)
    expected = np.bincount(GROUP) / 0.25 + np.exp(draws["theta"].values)
    assert_allclose(level["information"], expected, rtol=1e-10)
    with pm.Model(coords=SITE) as model:
        theta = pm.Normal("theta", 0, pm.HalfNormal("tau"), dims="site")
        pm.Potential("y", pm.logp(pm.Normal.dist(theta[GROUP], 0.5), REAL))
    level = level_dataset(model, discover(model), "site", made_up(model))
    assert_allclose(level["information"].isel(chain=0, draw=0), np.bincount(GROUP) / 0.25)


def test_a_group_without_a_top_has_no_own_estimate() -> None:
    counts = np.array([0, 0, 3, 4, 2, 9])
    group = np.array([0, 0, 1, 1, 2, 2])
    with pm.Model(coords={"site": list("abcd")}) as model:
        theta = pm.Normal("theta", pm.Normal("mu"), pm.HalfNormal("tau"), dims="site")
        pm.Poisson("y", pm.math.exp(theta[group]), observed=counts)
    level = level_dataset(model, discover(model), "site", made_up(model))
    assert_allclose(level["raw"], [np.nan, np.log(3.5), np.log(5.5), np.nan], rtol=1e-8)
    assert_allclose(level["information"].sel(group="d"), 0)
    assert_allclose(own_data_weight(level).sel(group="d"), 0)


def test_shrinkage_is_what_the_location_moves_the_posterior_by() -> None:
    """By quadrature: d E[theta | y, mu] / d mu = Var(theta | y) / tau², which is 1 - w."""
    counts, tau = np.array([40, 400, 4000, 400]), 0.1
    means, variances = np.empty(J), np.empty(J)
    for j, count in enumerate(counts):
        grid = np.linspace(2, 10, 40001)
        log = count * grid - np.exp(grid) - (grid - 5) ** 2 / (2 * tau**2)
        weight = np.exp(log - log.max())
        means[j] = (weight * grid).sum() / weight.sum()
        variances[j] = (weight * (grid - means[j]) ** 2).sum() / weight.sum()
    model = poisson_around_five(counts)
    draws = made_up(model, theta=np.broadcast_to(means, (2, 3, J)), tau=np.full((2, 3), tau))
    level = level_dataset(model, discover(model), "site", draws)
    weight = own_data_weight(level).isel(chain=0, draw=0)
    # The normal approximation is off by the skewness: of the order of one over the counts, 1/40.
    assert_allclose(1 - weight, variances / tau**2, rtol=0.02)


def poisson_around_five(counts: np.ndarray) -> pm.Model:
    with pm.Model(coords=SITE) as model:
        theta = pm.Normal("theta", 5.0, pm.HalfNormal("tau"), dims="site")
        pm.Poisson("y", pm.math.exp(theta), observed=counts)
    return model


def test_noise_and_penalty_of_counts() -> None:
    """A row has the noise of a normal one with its information; σ² is that of working rows."""
    with pm.Model(coords=SITE) as model:
        theta = pm.Normal("theta", pm.Normal("mu"), pm.HalfNormal("tau"), dims="site")
        pm.Poisson("y", pm.math.exp(theta[GROUP]), observed=COUNTS)
    draws = made_up(model)
    level = level_dataset(model, discover(model), "site", draws)
    rates = np.exp(draws["theta"].values)
    assert_allclose(row_noise(level), 1 / np.sqrt(rates.mean((0, 1))))
    working = N / (rates * np.bincount(GROUP)).sum(-1)
    assert_allclose(equivalent_penalty(level), working / draws["tau"].values ** 2)


def test_the_highest_point_is_that_of_a_general_optimiser() -> None:
    outcome, density, _ = CASES["negative binomial"]
    with pm.Model(coords=SITE) as model:
        theta = pm.Normal("theta", pm.Normal("mu"), pm.HalfNormal("tau"), dims="site")
        outcome(theta[GROUP])
    draws = made_up(model)
    raw = level_dataset(model, discover(model), "site", draws)["raw"].values
    shape = {"s": np.asarray(draws["s"].values.mean())}
    for j in range(J):

        def loss(value: float, j: int = j) -> float:
            return float(-density(np.full(N, value), shape)[j == GROUP].sum())

        best = optimize.minimize_scalar(loss, bounds=(-5, 5), method="bounded")
        assert raw[j] == pytest.approx(best.x, abs=1e-4)


def test_compiled_for_many_rows_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    with pm.Model(coords=SITE) as model:
        theta = pm.Normal("theta", pm.Normal("mu"), pm.HalfNormal("tau"), dims="site")
        pm.Poisson("y", pm.math.exp(theta[GROUP] * X), observed=COUNTS)
    draws, found = made_up(model), discover(model)
    one = level_dataset(model, found, "site", draws)
    monkeypatch.setattr(module, "MANY", 0)
    xr.testing.assert_allclose(level_dataset(model, found, "site", draws), one, rtol=1e-10)


def test_exchanged_data_are_read_anew() -> None:
    with pm.Model(coords=SITE) as model:
        x = pm.Data("x", X)
        theta = pm.Normal("theta", 0, pm.HalfNormal("tau"), dims="site")
        pm.Poisson("y", pm.math.exp(theta[GROUP] * x), observed=COUNTS)
    draws = made_up(model)
    first = level_dataset(model, discover(model), "site", draws)["information"]
    with model:
        pm.set_data({"x": 2 * X})
    second = level_dataset(model, discover(model), "site", draws)["information"]
    for scale, found in ((1, first), (2, second)):
        x = scale * X
        rows = x**2 * np.exp(draws["theta"].values[..., GROUP] * x)
        expected = np.stack([rows[..., j == GROUP].sum(-1) for j in range(J)], axis=-1)
        assert_allclose(found, expected, rtol=1e-10)
