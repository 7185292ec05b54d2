"""Uncommon ways for levels and rows to hang together."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from poolwise.checks.hierarchy import Role

from .data import COORDS, GROUP, ITEM, J, N, X, Y
from .expected import Collection, Likelihood, Term

MODELS = Collection()

NORMAL = (Likelihood("Normal", noise=("sigma",)),)
EITHER = (Role.LOCATION, Role.INTERCEPT)
CENTRED = {
    "mu": Role.LOCATION,
    "tau": Role.SCALE,
    "theta": Role.GROUP_EFFECT,
    "sigma": Role.NOISE,
}


PARTS = [np.flatnonzero(j == GROUP) for j in range(J)]


@MODELS.add(
    roles=CENTRED,
    levels=(Term("theta", "theta", J, np.zeros(PARTS[0].size, int), form="centred", enters="y_0"),),
    outcomes=tuple(Likelihood("Normal", noise=("sigma",), name=f"y_{j}") for j in range(J)),
)
def likelihood_for_every_group() -> pm.Model:
    """A loop over groups that writes a likelihood for each."""
    with pm.Model() as model:
        mu, tau = pm.Normal("mu", 0, 5), pm.HalfNormal("tau")
        theta = pm.Normal("theta", mu, tau, shape=J)
        sigma = pm.HalfNormal("sigma")
        for j, rows in enumerate(PARTS):
            pm.Normal(f"y_{j}", theta[j], sigma, observed=Y[rows])
    return model


@MODELS.add(
    roles=CENTRED,
    levels=(Term("group", "theta", J, np.minimum(GROUP, 2), form="centred"),),
    outcomes=NORMAL,
)
def groups_to_predict() -> pm.Model:
    """Five of eight groups have no rows yet."""
    with pm.Model(coords=COORDS) as model:
        theta = pm.Normal("theta", pm.Normal("mu"), pm.HalfNormal("tau"), dims="group")
        pm.Normal("y", theta[:3][np.minimum(GROUP, 2)], pm.HalfNormal("sigma"), observed=Y)
    return model


@MODELS.add(
    roles={"mu": (Role.LOCATION, Role.COEFFICIENT), "chol": Role.COVARIANCE}
    | {"z": Role.OFFSET, "sigma": Role.NOISE},
    levels=tuple(Term("group", "z", J, GROUP, design) for design in (1.0, X, X**2)),
    outcomes=NORMAL,
)
def quadratic_growth() -> pm.Model:
    """Correlated intercepts, slopes and curvatures, summed over a matrix of powers."""
    powers = np.column_stack([np.ones(N), X, X**2])
    with pm.Model(coords=COORDS | {"power": range(3)}) as model:
        mu = pm.Normal("mu", dims="power")
        chol, _, _ = pm.LKJCholeskyCov("chol", n=3, eta=2, sd_dist=pm.HalfNormal.dist(1))
        z = pm.Normal("z", dims=("group", "power"))
        effect = mu + pt.dot(z, chol.T)
        mean = (powers * effect[GROUP]).sum(axis=1)
        pm.Normal("y", mean, pm.HalfNormal("sigma"), observed=Y)
    return model


@MODELS.add(
    roles={
        "mu": Role.INTERCEPT,
        "tau": Role.SCALE,
        "u": Role.GROUP_EFFECT,
        "v": Role.GROUP_EFFECT,
        "sigma": Role.NOISE,
    },
    levels=(
        Term("group", "u", J, GROUP, form="centred"),
        Term("item", "v", 5, ITEM, form="centred"),
    ),
    outcomes=NORMAL,
)
def one_scale_for_two_factors() -> pm.Model:
    """Crossed factors that share their spread."""
    with pm.Model(coords=COORDS) as model:
        mu, tau = pm.Normal("mu"), pm.HalfNormal("tau")
        u, v = pm.Normal("u", 0, tau, dims="group"), pm.Normal("v", 0, tau, dims="item")
        pm.Normal("y", mu + u[GROUP] + v[ITEM], pm.HalfNormal("sigma"), observed=Y)
    return model


@MODELS.add(
    roles={
        "mu": EITHER,
        "tau": Role.SCALE,
        "z": Role.OFFSET,
        "mu_s": (Role.NOISE, Role.LOCATION),
        "tau_s": (Role.NOISE, Role.SCALE),
        "z_s": (Role.NOISE, Role.OFFSET),
    },
    levels=(
        Term("group", "z", J, GROUP),
        Term("group", "z_s", J, GROUP, None, optional=True),
    ),
    outcomes=(Likelihood("Normal", noise=(), perhaps=("mu_s", "tau_s", "z_s")),),
)
def location_and_scale() -> pm.Model:
    """Mixed-effects location scale: mean and noise both vary between groups."""
    with pm.Model(coords=COORDS) as model:
        mu, tau = pm.Normal("mu"), pm.HalfNormal("tau")
        z = pm.Normal("z", dims="group")
        mu_s, tau_s = pm.Normal("mu_s"), pm.HalfNormal("tau_s")
        z_s = pm.Normal("z_s", dims="group")
        pm.Normal("y", mu + tau * z[GROUP], pt.exp(mu_s + tau_s * z_s[GROUP]), observed=Y)
    return model


@MODELS.add(
    roles={"mu": EITHER, "tau": Role.SCALE, "z": Role.OFFSET, "sigma": Role.NOISE},
    levels=(Term("z", "z", 6, np.repeat(np.arange(6), 4)),),
    outcomes=NORMAL,
)
def column_of_offsets() -> pm.Model:
    """Offsets as a matrix with one column, against a table of outcomes."""
    table = np.random.default_rng(5).normal(size=(6, 4))
    with pm.Model() as model:
        mu, tau = pm.Normal("mu"), pm.HalfNormal("tau")
        z = pm.Normal("z", shape=(6, 1))
        pm.Normal("y", mu + tau * z, pm.HalfNormal("sigma"), observed=table)
    return model


CLASS = np.random.default_rng(6).integers(0, 24, N)
SCHOOL_OF_CLASS, DISTRICT_OF_SCHOOL = np.repeat(np.arange(8), 3), np.repeat(np.arange(4), 2)


@MODELS.add(
    roles={
        "mu": Role.LOCATION,
        "tau_district": Role.SCALE,
        "tau_school": Role.SCALE,
        "tau_class": Role.SCALE,
        "district": Role.GROUP_EFFECT,
        "school": Role.GROUP_EFFECT,
        "z": Role.OFFSET,
        "sigma": Role.NOISE,
    },
    levels=(
        Term("d", "district", 4, DISTRICT_OF_SCHOOL, form="centred", enters="s"),
        Term("s", "school", 8, SCHOOL_OF_CLASS[CLASS], form="centred", via=("c", SCHOOL_OF_CLASS)),
        Term("c", "z", 24, CLASS),
    ),
    nested={"s": ("d",), "c": ("s", "d")},
    outcomes=NORMAL,
)
def three_nested_levels() -> pm.Model:
    """Districts and schools centred, classes not."""
    with pm.Model(coords={"d": range(4), "s": range(8), "c": range(24)}) as model:
        district = pm.Normal("district", pm.Normal("mu"), pm.HalfNormal("tau_district"), dims="d")
        school = pm.Normal(
            "school", district[DISTRICT_OF_SCHOOL], pm.HalfNormal("tau_school"), dims="s"
        )
        z = pm.Normal("z", dims="c")
        mean = pm.Deterministic(
            "class", school[SCHOOL_OF_CLASS] + pm.HalfNormal("tau_class") * z, dims="c"
        )
        pm.Normal("y", mean[CLASS], pm.HalfNormal("sigma"), observed=Y)
    return model


KINDS = np.random.default_rng(7).integers(0, 3, N)


@MODELS.add(
    roles={
        "a": (Role.INTERCEPT, Role.UNPOOLED, Role.LOCATION, Role.COEFFICIENT),
        "tau": Role.SCALE,
        "u": Role.GROUP_EFFECT,
    },
    levels=(
        Term("group", "u", J, GROUP, None, form="centred"),
        Term("group", "u", J, GROUP, None, form="centred"),
    ),
    outcomes=(Likelihood("Categorical", "softmax"),),
)
def choices() -> pm.Model:
    """Which of three is chosen: two log odds, each varying between groups."""
    with pm.Model(coords=COORDS | {"alternative": range(2)}) as model:
        a = pm.Normal("a", dims="alternative")
        tau = pm.HalfNormal("tau", dims="alternative")
        u = pm.Normal("u", 0, tau, dims=("group", "alternative"))
        logit = pt.concatenate([pt.zeros((N, 1)), a + u[GROUP]], axis=1)
        pm.Categorical("y", logit_p=logit, observed=KINDS)
    return model
