"""Effects that are not normal: their location and spread, against draws."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pymc as pm
import pytest

from poolwise.checks.hierarchy import discover
from poolwise.checks.hierarchy.cheap import python_mode, uncompiled
from poolwise.checks.hierarchy.spread import constant_spread, spread_of

RNG = np.random.default_rng(3)
DRAWS, ERRORS = 200_000, 5.0
GROUP = RNG.permutation(np.arange(40) % 8)
Y = RNG.normal(size=40)
COUNTS = RNG.poisson(4, size=40)

FAMILIES: dict[str, Callable[..., Any]] = {
    "Normal": partial(pm.Normal.dist, 1.5, 0.7),
    "Laplace": partial(pm.Laplace.dist, 1.5, 0.7),
    "Logistic": partial(pm.Logistic.dist, 1.5, 0.7),
    "Gumbel": partial(pm.Gumbel.dist, 1.5, 0.7),
    "HalfNormal": partial(pm.HalfNormal.dist, 0.7),
    "Exponential": partial(pm.Exponential.dist, 0.7),
    "Gamma": partial(pm.Gamma.dist, 2.5, 0.7),
    "Gamma by mean": partial(pm.Gamma.dist, mu=3.0, sigma=0.7),
    "Weibull": partial(pm.Weibull.dist, 1.8, 0.7),
    "LogNormal": partial(pm.LogNormal.dist, 0.4, 0.5),
    "Beta": partial(pm.Beta.dist, 2.5, 4.0),
    "SkewNormal": partial(pm.SkewNormal.dist, mu=1.5, sigma=0.7, alpha=3.0),
}


def drawn(variable: Any, seed: int) -> Any:
    with uncompiled():
        return pm.draw(variable, random_seed=seed, mode="FAST_COMPILE")


@pytest.mark.parametrize("family", FAMILIES)
def test_location_and_scale_are_mean_and_standard_deviation(family: str) -> None:
    rv = FAMILIES[family]()
    found = spread_of(rv)
    assert found is not None
    location, scale = (float(v.eval(mode=python_mode())) for v in (found.location, found.scale))
    x = drawn(FAMILIES[family](shape=DRAWS), 11)
    squares = (x - location) ** 2
    assert abs(x.mean() - location) <= ERRORS * x.std() / np.sqrt(DRAWS)
    assert abs(squares.mean() - scale**2) <= ERRORS * squares.std() / np.sqrt(DRAWS)


def test_effects_that_sum_to_zero_spread_as_their_sigma_says() -> None:
    x = drawn(pm.ZeroSumNormal.dist(sigma=0.7, shape=(DRAWS // 8, 8)), 12)
    between = x.var(axis=1, ddof=1)
    found = spread_of(pm.ZeroSumNormal.dist(sigma=0.7, shape=8))
    assert found is not None
    scale = float(np.ravel(found.scale.eval(mode=python_mode()))[0])
    assert abs(between.mean() - scale**2) <= ERRORS * between.std() / np.sqrt(between.size)


def test_standard_offsets_of_other_families() -> None:
    laplace = pm.Laplace.dist(0, 1, shape=3)
    x = drawn(pm.Laplace.dist(0, 1, shape=DRAWS), 13)
    spread = constant_spread(laplace)
    assert spread is not None
    assert abs((x**2).mean() - spread**2) <= ERRORS * (x**2).std() / np.sqrt(x.size)
    assert constant_spread(pm.Normal.dist(0, 2, shape=3)) == 2
    assert constant_spread(pm.Normal.dist(1, 2, shape=3)) is None
    assert constant_spread(pm.Gamma.dist(1, 1, shape=3)) is None


def rats() -> None:
    mean, size = pm.Beta("mean", 1, 1), pm.Gamma("size", 2, 0.1)
    theta = pm.Beta("theta", mean * size, (1 - mean) * size, shape=8)
    pm.Binomial("y", 20, theta[GROUP], observed=COUNTS)


def pumps() -> None:
    alpha, beta = pm.Exponential("alpha", 1), pm.Gamma("beta", 0.1, 1)
    theta = pm.Gamma("theta", alpha, beta, shape=8)
    pm.Poisson("y", theta[GROUP] * np.arange(1.0, 41), observed=COUNTS)


def robust() -> None:
    mu, tau = pm.Normal("mu", 0, 1), pm.HalfNormal("tau", 1)
    theta = pm.StudentT("theta", 4, mu=mu, sigma=tau, shape=8)
    pm.Normal("y", theta[GROUP], pm.HalfNormal("sigma", 1), observed=Y)


def robust_offsets() -> None:
    theta = pm.Normal("mu", 0, 1) + pm.HalfNormal("tau", 1) * pm.StudentT("theta", 4, shape=8)
    pm.Normal("y", theta[GROUP], pm.HalfNormal("sigma", 1), observed=Y)


def heavy() -> None:
    theta = pm.Cauchy("theta", pm.Normal("mu", 0, 1), pm.HalfNormal("tau", 1), shape=8)
    pm.Normal("y", theta[GROUP], 1, observed=Y)


def double_exponential() -> None:
    theta = pm.Laplace("theta", 0, pm.HalfNormal("tau", 1), shape=8)
    pm.Normal("y", theta[GROUP], 1, observed=Y)


def double_exponential_offsets() -> None:
    theta = pm.HalfNormal("tau", 1) * pm.Laplace("theta", 0, 1, shape=8)
    pm.Normal("y", theta[GROUP], 1, observed=Y)


def multiplicative() -> None:
    theta = pm.LogNormal("theta", pm.Normal("mu", 0, 1), pm.HalfNormal("tau", 1), shape=8)
    pm.Poisson("y", theta[GROUP], observed=COUNTS)


def zero_sum() -> None:
    theta = pm.ZeroSumNormal("theta", sigma=pm.HalfNormal("tau", 1), shape=8)
    pm.Normal("y", pm.Normal("a", 0, 1) + theta[GROUP], 1, observed=Y)


def zero_sum_offsets() -> None:
    theta = pm.HalfNormal("tau", 1) * pm.ZeroSumNormal("theta", sigma=1, shape=8)
    pm.Normal("y", pm.Normal("a", 0, 1) + theta[GROUP], 1, observed=Y)


def centred_by_hand() -> None:
    theta = pm.Normal("theta", pm.Normal("a", 0, 1), pm.HalfNormal("tau", 1), shape=8)
    pm.Normal("y", (theta - theta.mean())[GROUP], 1, observed=Y)


def offsets_centred_by_hand() -> None:
    u = pm.HalfNormal("tau", 1) * pm.Normal("theta", 0, 1, shape=8)
    pm.Normal("y", pm.Normal("a", 0, 1) + (u - pm.math.mean(u))[GROUP], 1, observed=Y)


def offsets_centred_before_they_are_scaled() -> None:
    z = pm.Normal("theta", 0, 1, shape=8)
    u = pm.HalfNormal("tau", 1) * (z - z.mean())
    pm.Normal("y", pm.Normal("a", 0, 1) + u[GROUP], 1, observed=Y)


def _of_zero_sum(d: Any) -> tuple[Any, Any, Any]:
    return d["tau"] * (d["theta"] - d["theta"].mean()), 0.0, d["tau"]


def _beta(d: Any) -> tuple[Any, Any, Any]:
    return d["theta"], d["mean"], np.sqrt(d["mean"] * (1 - d["mean"]) / (d["size"] + 1))


#: build -> (form, family, effects, location and scale of a draw)
FORMS: dict[Callable[[], None], tuple[str, str, Callable[[Any], tuple[Any, Any, Any]]]] = {
    rats: ("centred", "Beta", _beta),
    pumps: (
        "centred",
        "Gamma",
        lambda d: (d["theta"], d["alpha"] / d["beta"], np.sqrt(d["alpha"]) / d["beta"]),
    ),
    robust: ("centred", "StudentT", lambda d: (d["theta"], d["mu"], d["tau"])),
    robust_offsets: (
        "non-centred",
        "StudentT",
        lambda d: (d["mu"] + d["tau"] * d["theta"], d["mu"], d["tau"]),
    ),
    heavy: ("centred", "Cauchy", lambda d: (d["theta"], d["mu"], d["tau"])),
    double_exponential: (
        "centred",
        "Laplace",
        lambda d: (d["theta"], 0.0, np.sqrt(2) * d["tau"]),
    ),
    double_exponential_offsets: (
        "non-centred",
        "Laplace",
        lambda d: (d["tau"] * d["theta"], 0.0, np.sqrt(2) * d["tau"]),
    ),
    multiplicative: (
        "centred",
        "LogNormal",
        lambda d: (
            d["theta"],
            np.exp(d["mu"] + d["tau"] ** 2 / 2),
            np.exp(d["mu"] + d["tau"] ** 2 / 2) * np.sqrt(np.expm1(d["tau"] ** 2)),
        ),
    ),
    zero_sum: ("centred", "ZeroSumNormal", lambda d: (d["theta"], 0.0, d["tau"])),
    zero_sum_offsets: (
        "non-centred",
        "ZeroSumNormal",
        lambda d: (d["tau"] * d["theta"], 0.0, d["tau"]),
    ),
    centred_by_hand: (
        "centred",
        "ZeroSumNormal",
        lambda d: (d["theta"] - d["theta"].mean(), 0.0, d["tau"]),
    ),
    offsets_centred_by_hand: ("non-centred", "ZeroSumNormal", _of_zero_sum),
    offsets_centred_before_they_are_scaled: ("non-centred", "ZeroSumNormal", _of_zero_sum),
}


@pytest.mark.parametrize("build", FORMS, ids=lambda b: b.__name__)
def test_levels_of_other_families(build: Callable[[], None]) -> None:
    with pm.Model() as model:
        build()
    found = discover(model)
    (level,) = found.levels.values()
    form, family, truth = FORMS[build]
    assert (level.form, level.family, level.variables) == (form, family, ("theta",))
    assert not found.unclear
    names = [str(v.name) for v in model.free_RVs]
    wanted = [*(model[n] for n in names), level.effect, level.location, level.scale]
    *values, effect, location, scale = drawn(wanted, 5)
    expected = truth(dict(zip(names, values, strict=True)))
    for mine, theirs in zip((effect, location, scale), expected, strict=True):
        np.testing.assert_allclose(mine, np.broadcast_to(theirs, np.shape(mine)), atol=1e-12)
    (member,) = found.members.values()
    np.testing.assert_array_equal(member.group, GROUP)
    design = np.arange(1.0, 41) if build is pumps else np.ones(40)
    np.testing.assert_allclose(member.design, design)
