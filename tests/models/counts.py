"""Counts, proportions, ordered answers and positive outcomes."""

from __future__ import annotations

import numpy as np
import pymc as pm

from poolwise.checks.hierarchy import Role

from .data import COORDS, COUNTS, GROUP, J, N, Y
from .expected import Collection, Likelihood, Term

MODELS = Collection()

OFFSETS = {"a": (Role.LOCATION, Role.INTERCEPT), "tau": Role.SCALE, "z": Role.OFFSET}
LEVEL = (Term("group", "z", J, GROUP),)


@MODELS.add(
    roles=OFFSETS | {"alpha": Role.NOISE},
    levels=LEVEL,
    outcomes=(Likelihood("NegativeBinomial", "log", noise=("alpha",)),),
)
def negative_binomial() -> pm.Model:
    """Overdispersed counts."""
    with pm.Model(coords=COORDS) as model:
        a = pm.Normal("a", 1, 1)
        tau = pm.Exponential("tau", 1)
        z = pm.Normal("z", 0, 1, dims="group")
        alpha = pm.Gamma("alpha", 2, 0.1)
        pm.NegativeBinomial("y", mu=pm.math.exp(a + tau * z[GROUP]), alpha=alpha, observed=COUNTS)
    return model


@MODELS.add(
    roles=OFFSETS | {"psi": Role.MIXTURE_WEIGHT},
    levels=LEVEL,
    outcomes=(
        Likelihood(
            ("ZeroInflatedPoisson", "MarginalMixture", "Mixture"),
            "log",
            perhaps=("psi",),
        ),
    ),
)
def zero_inflated_poisson() -> pm.Model:
    """Counts with more zeros than a Poisson law allows."""
    with pm.Model(coords=COORDS) as model:
        psi = pm.Beta("psi", 2, 2)
        a = pm.Normal("a", 1, 1)
        tau = pm.HalfNormal("tau", 1)
        z = pm.Normal("z", 0, 1, dims="group")
        rate = pm.math.exp(a + tau * z[GROUP])
        pm.ZeroInflatedPoisson("y", psi=psi, mu=rate, observed=COUNTS)
    return model


@MODELS.add(
    roles=OFFSETS | {"phi": Role.NOISE},
    levels=LEVEL,
    outcomes=(Likelihood("Gamma", "log", noise=("phi",)),),
)
def gamma() -> pm.Model:
    """Positive outcomes with a constant coefficient of variation."""
    with pm.Model(coords=COORDS) as model:
        a = pm.Normal("a", 0, 1)
        tau = pm.HalfNormal("tau", 1)
        z = pm.Normal("z", 0, 1, dims="group")
        phi = pm.HalfNormal("phi", 1)
        mean = pm.math.exp(a + tau * z[GROUP])
        pm.Gamma("y", mu=mean, sigma=mean * phi, observed=np.exp(Y))
    return model


@MODELS.add(
    roles={"cut": Role.CUTPOINTS, "tau": Role.SCALE, "z": Role.OFFSET},
    levels=LEVEL,
    outcomes=(Likelihood(("OrderedLogistic", "OrderedMultinomial", "Categorical"), "logit"),),
)
def ordered_logistic() -> pm.Model:
    """Three ordered answers."""
    with pm.Model(coords=COORDS) as model:
        ordered = pm.distributions.transforms.ordered
        cut = pm.Normal("cut", 0, 2, shape=2, transform=ordered, initval=[-1, 1])
        tau = pm.HalfNormal("tau", 1)
        z = pm.Normal("z", 0, 1, dims="group")
        answers = np.random.default_rng(5).integers(0, 3, N)
        pm.OrderedLogistic("y", eta=tau * z[GROUP], cutpoints=cut, observed=answers)
    return model


@MODELS.add(
    roles={"mu": Role.LOCATION, "kappa": Role.SCALE, "theta": Role.GROUP_EFFECT},
    levels=(Term("theta", "theta", 12, np.arange(12), form="centred", family="Beta"),),
    outcomes=(Likelihood("Binomial", "identity"),),
)
def beta_binomial() -> pm.Model:
    """Proportions around a common proportion, with a concentration."""
    rng = np.random.default_rng(6)
    trials = rng.integers(10, 30, 12)
    with pm.Model() as model:
        mu = pm.Beta("mu", 1, 1)
        kappa = pm.Gamma("kappa", 2, 0.1)
        theta = pm.Beta("theta", mu * kappa, (1 - mu) * kappa, shape=12)
        pm.Binomial("y", trials, theta, observed=rng.binomial(trials, 0.2))
    return model


@MODELS.add(
    roles={
        "tau": Role.SCALE,
        "u": Role.GROUP_EFFECT,
        "loading": (Role.COEFFICIENT, Role.NONLINEAR),
        "sigma": Role.NOISE,
    },
    levels=(Term("group", "u", J, GROUP, form="centred", enters="y"),),
    outcomes=(
        Likelihood("Normal", noise=("sigma",)),
        Likelihood("Poisson", "log", name="n"),
    ),
)
def two_outcomes_one_effect() -> pm.Model:
    """The effects of the groups also multiply into their counts."""
    with pm.Model(coords=COORDS) as model:
        u = pm.Normal("u", 0, pm.HalfNormal("tau", 1), dims="group")
        loading = pm.Normal("loading", 0, 1)
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", u[GROUP], sigma, observed=Y)
        pm.Poisson("n", pm.math.exp(loading * u), observed=COUNTS[:J])
    return model
