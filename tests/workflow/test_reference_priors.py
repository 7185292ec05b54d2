"""One compiled program under priors for which the median of tau of eight schools is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytest

from poolwise.checks.draws import chains_first
from poolwise.checks.lazy import array_stats
from poolwise.workflow.engine import Engine, LogDensity

pytestmark = pytest.mark.slow

Y = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
SE = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])


def on_the_variance(a: float, b: float) -> LogDensity:
    """Inverse gamma on the squared scale, as a density of the scale."""
    constant = math.log(2) + a * math.log(b) - math.lgamma(a)
    return LogDensity(constant=constant, log=-2 * a - 1, power=-b, exponent=-2.0, lower=0.0)


def half_cauchy(scale: float) -> LogDensity:
    return LogDensity(scale=scale, tail=-1.0, lower=0.0)


PRIORS = {
    "flat mu": {
        "uniform(tau)": LogDensity(lower=0.0),
        "IG(1,1) on tau^2": on_the_variance(1, 1),
        "IG(0.001,0.001) on tau^2": on_the_variance(0.001, 0.001),
        "half-Cauchy(25)": half_cauchy(25),
    },
    "mu~N(0,5)": {
        "half-Cauchy(5)": half_cauchy(5),
        "half-normal(5)": LogDensity(scale=5, squared=-0.5, lower=0.0),
    },
}
#: No sampler gets down the funnel of a centred model to where this prior has its mass.
ONLY_NON_CENTRED = "IG(0.001,0.001) on tau^2"


def schools(location: str, *, centred: bool) -> pm.Model:
    with pm.Model() as model:
        mu = pm.Flat("mu") if location == "flat mu" else pm.Normal("mu", 0, 5)
        tau = pm.HalfCauchy("tau", 25)
        if centred:
            theta = pm.Normal("theta", mu, tau, shape=8)
        else:
            theta = mu + tau * pm.Normal("z", 0, 1, shape=8)
        pm.Normal("y", theta, SE, observed=Y)
    return model


@pytest.mark.parametrize("centred", [False, True], ids=["non-centred", "centred"])
@pytest.mark.parametrize("location", PRIORS)
def test_medians_of_tau(location: str, centred: bool, expected: Callable[..., Any]) -> None:
    engine = Engine(schools(location, centred=centred), ["tau"])
    for name, prior in PRIORS[location].items():
        if centred and name == ONLY_NON_CENTRED:
            continue
        tree = engine.sample(
            draws=2000, tune=1000, chains=4, target_accept=0.99, seed=3, priors=[{"tau": prior}]
        )
        tau = chains_first(tree["posterior"].to_dataset()["tau"])
        found, error = np.median(tau), float(array_stats.mcse(tau, method="median"))
        truth = expected("eight_schools", f"tau q50 | {name}, {location}")
        assert abs(found - truth) <= 4 * error, f"{name}, {location}: {found:.3f}, not {truth:.3f}"
    assert engine.compilations == 1
