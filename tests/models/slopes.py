"""Slopes that vary between groups, alone, beside an intercept, and correlated with it."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from poolwise.checks.hierarchy import Role

from .data import COORDS, GROUP, J, X, Y
from .expected import Collection, Likelihood, Term

MODELS = Collection()

NORMAL = (Likelihood("Normal", noise=("sigma",)),)


@MODELS.add(
    roles={
        "chol": Role.COVARIANCE,
        "z": Role.OFFSET,
        "mu": (Role.LOCATION, Role.COEFFICIENT),
        "sigma": Role.NOISE,
    },
    levels=(Term("group", "z", J, GROUP), Term("group", "z", J, GROUP, X)),
    outcomes=NORMAL,
)
def correlated_noncentred() -> pm.Model:
    """Intercepts and slopes from one Cholesky factor times offsets."""
    with pm.Model(coords=COORDS) as model:
        chol, _, _ = pm.LKJCholeskyCov("chol", n=2, eta=2, sd_dist=pm.Exponential.dist(1))
        z = pm.Normal("z", 0, 1, dims=("term", "group"))
        mu = pm.Normal("mu", 0, 1, dims="term")
        effect = pm.Deterministic("effect", mu + pt.dot(chol, z).T, dims=("group", "term"))
        sigma = pm.Exponential("sigma", 1)
        pm.Normal("y", effect[GROUP, 0] + effect[GROUP, 1] * X, sigma, observed=Y)
    return model


CENTRED_PAIR = (
    Term("group", "effect", J, GROUP, form="centred", family="MvNormal"),
    Term("group", "effect", J, GROUP, X, form="centred", family="MvNormal"),
)


@MODELS.add(
    roles={
        "chol": Role.COVARIANCE,
        "effect": Role.GROUP_EFFECT,
        "mu": Role.LOCATION,
        "sigma": Role.NOISE,
    },
    levels=CENTRED_PAIR,
    outcomes=NORMAL,
)
def correlated_centred() -> pm.Model:
    """Intercepts and slopes from a multivariate normal."""
    with pm.Model(coords=COORDS) as model:
        chol, _, _ = pm.LKJCholeskyCov("chol", n=2, eta=2, sd_dist=pm.Exponential.dist(1))
        mu = pm.Normal("mu", 0, 1, dims="term")
        effect = pm.MvNormal("effect", mu, chol=chol, dims=("group", "term"))
        sigma = pm.Exponential("sigma", 1)
        pm.Normal("y", effect[GROUP, 0] + effect[GROUP, 1] * X, sigma, observed=Y)
    return model


@MODELS.add(
    roles={
        "correlation": Role.COVARIANCE,
        "sd": (Role.SCALE, Role.COVARIANCE),
        "effect": Role.GROUP_EFFECT,
        "sigma": Role.NOISE,
    },
    levels=CENTRED_PAIR,
    outcomes=NORMAL,
)
def correlation_matrix() -> pm.Model:
    """Standard deviations and a correlation matrix with priors of their own."""
    with pm.Model(coords=COORDS) as model:
        correlation = pm.LKJCorr("correlation", n=2, eta=2)
        sd = pm.HalfNormal("sd", 1, dims="term")
        covariance = pt.outer(sd, sd) * correlation
        effect = pm.MvNormal("effect", 0, cov=covariance, dims=("group", "term"))
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", effect[GROUP, 0] + effect[GROUP, 1] * X, sigma, observed=Y)
    return model


@MODELS.add(
    roles={"tau": Role.SCALE, "z": Role.OFFSET, "a": Role.INTERCEPT, "sigma": Role.NOISE},
    levels=(Term("group", "z", J, GROUP), Term("group", "z", J, GROUP, X)),
    outcomes=NORMAL,
)
def scale_by_column() -> pm.Model:
    """A matrix of offsets, every column with its own scale."""
    with pm.Model(coords=COORDS) as model:
        tau = pm.HalfNormal("tau", 1, dims="term")
        z = pm.Normal("z", 0, 1, dims=("group", "term"))
        a = pm.Normal("a", 0, 1)
        sigma = pm.HalfNormal("sigma", 1)
        effect = tau * z
        pm.Normal("y", a + effect[GROUP, 0] + effect[GROUP, 1] * X, sigma, observed=Y)
    return model


TREATED = (X > 0).astype(float)


@MODELS.add(
    roles={
        "tau": Role.SCALE,
        "z": Role.OFFSET,
        "a": Role.INTERCEPT,
        "b": Role.COEFFICIENT,
        "sigma": Role.NOISE,
    },
    levels=(Term("group", "z", J, np.where(TREATED > 0, GROUP, -1), TREATED),),
    outcomes=NORMAL,
)
def treatment_effects() -> pm.Model:
    """The effect of a treatment varies; untreated rows belong to no group."""
    with pm.Model(coords=COORDS) as model:
        tau = pm.HalfNormal("tau", 1)
        z = pm.Normal("z", 0, 1, dims="group")
        a, b = pm.Normal("a", 0, 1), pm.Normal("b", 0, 1)
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", a + b * TREATED + tau * z[GROUP] * TREATED, sigma, observed=Y)
    return model


@MODELS.add(
    roles={
        "asymptote": Role.NONLINEAR,
        "log_rate": (Role.LOCATION, Role.NONLINEAR),
        "tau": Role.SCALE,
        "z": Role.OFFSET,
        "sigma": Role.NOISE,
    },
    levels=(Term("group", "z", J, GROUP, None),),
    outcomes=NORMAL,
)
def growth_rates() -> pm.Model:
    """Saturating growth with a rate for every group: nothing is linear."""
    with pm.Model(coords=COORDS) as model:
        asymptote = pm.LogNormal("asymptote", 0, 1)
        log_rate = pm.Normal("log_rate", 0, 1)
        tau = pm.HalfNormal("tau", 1)
        z = pm.Normal("z", 0, 1, dims="group")
        sigma = pm.HalfNormal("sigma", 1)
        rate = pm.math.exp(log_rate + tau * z)
        mean = asymptote * (1 - pm.math.exp(-rate[GROUP] * np.abs(X)))
        pm.Normal("y", mean, sigma, observed=Y)
    return model


_COLUMN = np.tile([0, 1], GROUP.size)
_ROW_GROUP = np.repeat(GROUP, 2)


@MODELS.add(
    roles={"residual": Role.NOISE, "tau": Role.SCALE, "u": Role.GROUP_EFFECT},
    levels=(
        Term("group", "u", J, np.where(_COLUMN == 0, _ROW_GROUP, -1), form="centred"),
        Term("group", "u", J, np.where(_COLUMN == 1, _ROW_GROUP, -1), form="centred"),
    ),
    outcomes=(Likelihood("MvNormal", noise=("residual",)),),
)
def two_correlated_outcomes() -> pm.Model:
    """Two measurements of every row, with effects on each and correlated noise."""
    outcome = np.random.default_rng(4).normal(size=(GROUP.size, 2))
    with pm.Model(coords=COORDS | {"measure": ["first", "second"]}) as model:
        chol, _, _ = pm.LKJCholeskyCov("residual", n=2, eta=2, sd_dist=pm.Exponential.dist(1))
        tau = pm.HalfNormal("tau", 1, dims="measure")
        u = pm.Normal("u", 0, tau, dims=("group", "measure"))
        pm.MvNormal("y", u[GROUP], chol=chol, observed=outcome)
    return model
