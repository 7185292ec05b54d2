"""Models that do not say what they are: what must be reported, and declarations that settle it."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from poolwise.checks.hierarchy import Level, Role

from .data import BINARY, COORDS, GROUP, ITEM, J, N, Y
from .expected import Collection, Likelihood, Term

MODELS = Collection()
DECLARED = Collection()

NORMAL = (Likelihood("Normal", noise=("sigma",)),)
CENTRED = {
    "mu": Role.LOCATION,
    "tau": Role.SCALE,
    "theta": Role.GROUP_EFFECT,
    "sigma": Role.NOISE,
}


@MODELS.add(
    roles={"disc": Role.UNCLEAR, "diff": Role.UNCLEAR, "ability": Role.UNCLEAR},
    unclear=("disc", "diff", "ability"),
    outcomes=(Likelihood("Bernoulli", "logit"),),
)
def item_response() -> pm.Model:
    """Two parameters for every item: which factor carries the spread is a convention."""
    with pm.Model(coords=COORDS) as model:
        disc = pm.LogNormal("disc", 0, 0.5, dims="item")
        diff = pm.Normal("diff", 0, 1, dims="item")
        ability = pm.Normal("ability", 0, 1, dims="group")
        logit = disc[ITEM] * (ability[GROUP] - diff[ITEM])
        pm.Bernoulli("y", logit_p=logit, observed=BINARY)
    return model


@MODELS.add(
    roles=CENTRED,
    levels=(Term("group", "theta", J, GROUP, form="centred", enters="likelihood"),),
)
def likelihood_in_a_potential() -> pm.Model:
    """The data are inside a potential; their rows can be read only with luck."""
    with pm.Model(coords=COORDS) as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfNormal("tau", 2)
        theta = pm.Normal("theta", mu, tau, dims="group")
        sigma = pm.HalfNormal("sigma", 1)
        pm.Potential("likelihood", pm.logp(pm.Normal.dist(theta[GROUP], sigma), Y).sum())
    return model


@MODELS.add(
    roles=CENTRED,
    levels=(Term("group", "theta", J, None, form="centred"),),
    outcomes=NORMAL,
)
def minibatch() -> pm.Model:
    """The model holds a random batch: the rows of all groups are not in it."""
    index, y = pm.Minibatch(GROUP, Y, batch_size=16)
    with pm.Model(coords=COORDS) as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfNormal("tau", 2)
        theta = pm.Normal("theta", mu, tau, dims="group")
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", theta[index], sigma, observed=y, total_size=N)
    return model


SCALARS = tuple(f"theta_{j}" for j in range(J))


@MODELS.add(
    roles=dict.fromkeys(SCALARS, Role.GROUP_EFFECT)
    | {"mu": Role.LOCATION, "tau": Role.SCALE, "sigma": Role.NOISE},
    unclear=SCALARS,
    outcomes=NORMAL,
)
def loop_of_scalars() -> pm.Model:
    """Eight scalars drawn around a location: nothing says that they are one level."""
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 1)
        tau = pm.HalfNormal("tau", 1)
        theta = pt.stack([pm.Normal(name, mu, tau) for name in SCALARS])
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", theta[GROUP], sigma, observed=Y)
    return model


@MODELS.add(
    roles={
        "mu": Role.LOCATION,
        "tau": Role.SCALE,
        "theta_c": Role.GROUP_EFFECT,
        "z": Role.OFFSET,
        "sigma": Role.NOISE,
    },
    unclear=("theta_c", "z"),
    outcomes=NORMAL,
)
def partly_centred() -> pm.Model:
    """Half of the groups centred, half not: one level in two pieces."""
    with pm.Model(coords=COORDS) as model:
        mu = pm.Normal("mu", 0, 1)
        tau = pm.HalfNormal("tau", 1)
        theta_c = pm.Normal("theta_c", mu, tau, shape=4)
        z = pm.Normal("z", 0, 1, shape=4)
        theta = pt.concatenate([theta_c, mu + tau * z])
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", theta[GROUP], sigma, observed=Y)
    return model


BASIS = np.linalg.qr(np.c_[np.ones(J), np.eye(J)[:, : J - 1]])[0][:, 1:]
SUM_TO_ZERO = {
    "tau": Role.SCALE,
    "z": Role.OFFSET,
    "a": Role.INTERCEPT,
    "sigma": Role.NOISE,
}


@MODELS.add(roles=SUM_TO_ZERO, unclear=("z",), outcomes=NORMAL)
def sum_to_zero_basis() -> pm.Model:
    """Seven free directions of eight effects that sum to zero: no axis is a group."""
    with pm.Model(coords=COORDS) as model:
        tau = pm.HalfNormal("tau", 1)
        z = pm.Normal("z", 0, 1, shape=J - 1)
        a = pm.Normal("a", 0, 1)
        sigma = pm.HalfNormal("sigma", 1)
        u = pm.Deterministic("u", tau * pt.dot(BASIS, z), dims="group")
        pm.Normal("y", a + u[GROUP], sigma, observed=Y)
    return model


@DECLARED.add(
    roles=SUM_TO_ZERO,
    levels=(Term("group", "z", J, GROUP, form="declared", family="ZeroSumNormal"),),
    outcomes=NORMAL,
    declared={"group": Level(effect="u", scale="tau")},
)
def sum_to_zero_declared() -> pm.Model:
    """The same, with the declaration."""
    return sum_to_zero_basis()


@DECLARED.add(
    roles=dict.fromkeys(SCALARS, Role.GROUP_EFFECT)
    | {"mu": Role.LOCATION, "tau": Role.SCALE, "sigma": Role.NOISE},
    levels=(Term("group", "theta_0", J, GROUP, form="declared"),),
    outcomes=NORMAL,
    declared={"group": Level(effect="theta", location="mu", scale="tau")},
)
def loop_of_scalars_declared() -> pm.Model:
    """A loop of scalars, stacked into a Deterministic that is declared."""
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 1)
        tau = pm.HalfNormal("tau", 1)
        scalars = pt.stack([pm.Normal(name, mu, tau) for name in SCALARS])
        theta = pm.Deterministic("theta", scalars)
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", theta[GROUP], sigma, observed=Y)
    return model


@DECLARED.add(
    roles={
        "mu": Role.LOCATION,
        "tau": Role.SCALE,
        "theta_c": Role.GROUP_EFFECT,
        "z": Role.OFFSET,
        "sigma": Role.NOISE,
    },
    levels=(Term("group", "z", J, GROUP, form="declared"),),
    outcomes=NORMAL,
    declared={"group": Level(effect="theta", location="mu", scale="tau")},
)
def partly_centred_declared() -> pm.Model:
    """Half centred and half not, put together and declared."""
    with pm.Model(coords=COORDS) as model:
        mu = pm.Normal("mu", 0, 1)
        tau = pm.HalfNormal("tau", 1)
        theta_c = pm.Normal("theta_c", mu, tau, shape=4)
        z = pm.Normal("z", 0, 1, shape=4)
        joined = pt.concatenate([theta_c, mu + tau * z])
        theta = pm.Deterministic("theta", joined, dims="group")
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", theta[GROUP], sigma, observed=Y)
    return model
