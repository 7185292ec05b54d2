"""Coefficients with priors that shrink, and mixtures."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from poolwise.checks.hierarchy import Role

from .data import N, Y
from .expected import Collection, Likelihood

MODELS = Collection()

NORMAL = (Likelihood("Normal", noise=("sigma",)),)
MIXTURE = ("NormalMixture", "MarginalMixture", "Mixture")
PREDICTORS = np.random.default_rng(7).normal(size=(N, 10))
HORSESHOE = {
    "tau": Role.GLOBAL_SCALE,
    "lam": Role.LOCAL_SCALE,
    "a": Role.INTERCEPT,
    "sigma": Role.NOISE,
}


@MODELS.add(roles=HORSESHOE | {"z": Role.SHRUNKEN}, outcomes=NORMAL)
def horseshoe() -> pm.Model:
    """Ten coefficients, each with a scale, all with another; non-centred."""
    with pm.Model() as model:
        tau = pm.HalfCauchy("tau", 0.1)
        lam = pm.HalfCauchy("lam", 1, shape=10)
        z = pm.Normal("z", 0, 1, shape=10)
        a = pm.Normal("a", 0, 1)
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", a + PREDICTORS @ (z * tau * lam), sigma, observed=Y)
    return model


@MODELS.add(roles=HORSESHOE | {"b": Role.SHRUNKEN}, outcomes=NORMAL)
def horseshoe_centred() -> pm.Model:
    """The same, centred."""
    with pm.Model() as model:
        tau = pm.HalfCauchy("tau", 0.1)
        lam = pm.HalfCauchy("lam", 1, shape=10)
        b = pm.Normal("b", 0, tau * lam)
        a = pm.Normal("a", 0, 1)
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", a + PREDICTORS @ b, sigma, observed=Y)
    return model


@MODELS.add(
    roles={
        "w": Role.MIXTURE_WEIGHT,
        "included": Role.DISCRETE,
        "b": Role.SHRUNKEN,
        "a": Role.INTERCEPT,
        "sigma": Role.NOISE,
    },
    outcomes=NORMAL,
)
def spike_and_slab() -> pm.Model:
    """Indicators switch coefficients on."""
    with pm.Model() as model:
        w = pm.Beta("w", 1, 1)
        included = pm.Bernoulli("included", w, shape=10)
        b = pm.Normal("b", 0, 1, shape=10)
        a = pm.Normal("a", 0, 1)
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", a + PREDICTORS @ (included * b), sigma, observed=Y)
    return model


@MODELS.add(
    roles={
        "w": Role.MIXTURE_WEIGHT,
        "slab": (Role.GLOBAL_SCALE, Role.SCALE),
        "b": Role.SHRUNKEN,
        "sigma": Role.NOISE,
    },
    outcomes=NORMAL,
)
def spike_and_slab_mixture() -> pm.Model:
    """The same with the indicators summed out, and an unknown width of the slab."""
    with pm.Model() as model:
        w = pm.Dirichlet("w", np.ones(2))
        slab = pm.HalfNormal("slab", 1)
        b = pm.NormalMixture("b", w=w, mu=[0, 0], sigma=pt.stack([0.01, slab]), shape=10)
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", PREDICTORS @ b, sigma, observed=Y)
    return model


@MODELS.add(
    roles={
        "w": Role.MIXTURE_WEIGHT,
        "mu0": Role.LOCATION,
        "tau": Role.SCALE,
        "mu": Role.COMPONENT,
        "sigma": Role.NOISE,
    },
    outcomes=(Likelihood(MIXTURE, noise=("sigma",), perhaps=("w",)),),
)
def mixture() -> pm.Model:
    """Three ordered components around a common location."""
    with pm.Model(coords={"component": range(3)}) as model:
        w = pm.Dirichlet("w", np.ones(3))
        mu0 = pm.Normal("mu0", 0, 2)
        tau = pm.HalfNormal("tau", 1)
        ordered = pm.distributions.transforms.ordered
        mu = pm.Normal("mu", mu0, tau, dims="component", transform=ordered, initval=[-1, 0, 1])
        sigma = pm.HalfNormal("sigma", 1, dims="component")
        pm.NormalMixture("y", w=w, mu=mu, sigma=sigma, observed=Y)
    return model


@MODELS.add(
    roles={
        "w": Role.MIXTURE_WEIGHT,
        "k": Role.DISCRETE,
        "mu": Role.COMPONENT,
        "sigma": Role.NOISE,
    },
    outcomes=NORMAL,
)
def mixture_with_classes() -> pm.Model:
    """Every row has a class that is not observed."""
    with pm.Model() as model:
        w = pm.Dirichlet("w", np.ones(3))
        k = pm.Categorical("k", w, shape=N)
        mu = pm.Normal("mu", 0, 2, shape=3)
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", mu[k], sigma, observed=Y)
    return model
