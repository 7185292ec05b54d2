"""Uncommon ways to write a level that are met in practice."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from poolwise.checks.hierarchy import Role

from .data import COORDS, COUNTS, GROUP, ITEM, J, N, X, Y
from .expected import Collection, Likelihood, Term

MODELS = Collection()

NORMAL = (Likelihood("Normal", noise=("sigma",)),)
EITHER = (Role.LOCATION, Role.INTERCEPT)
BY_GROUP = (Term("group", "z", J, GROUP),)
CENTRED = {
    "mu": Role.LOCATION,
    "tau": Role.SCALE,
    "theta": Role.GROUP_EFFECT,
    "sigma": Role.NOISE,
}


@MODELS.add(
    roles={
        "mu": Role.LOCATION,
        "variance": Role.SCALE,
        "theta": Role.GROUP_EFFECT,
        "log_sigma": Role.NOISE,
    },
    levels=(Term("group", "theta", J, GROUP, form="centred"),),
    outcomes=(Likelihood("Normal", noise=("log_sigma",)),),
)
def variance_and_log_sd() -> pm.Model:
    """An inverse gamma variance between groups, a flat prior on the log of the noise."""
    with pm.Model(coords=COORDS) as model:
        mu = pm.Flat("mu")
        variance = pm.InverseGamma("variance", 2, 1)
        theta = pm.Normal("theta", mu, pm.math.sqrt(variance), dims="group")
        log_sigma = pm.Uniform("log_sigma", -5, 5)
        pm.Normal("y", theta[GROUP], pt.exp(log_sigma), observed=Y)
    return model


@MODELS.add(
    roles={
        "mu": Role.LOCATION,
        "ratio": Role.SCALE,
        "theta": Role.GROUP_EFFECT,
        "sigma": (Role.NOISE, Role.SCALE),
    },
    levels=(Term("group", "theta", J, GROUP, form="centred"),),
    outcomes=NORMAL,
)
def spread_in_units_of_noise() -> pm.Model:
    """The spread between groups is a multiple of the noise."""
    with pm.Model(coords=COORDS) as model:
        mu = pm.Normal("mu", 0, 5)
        ratio = pm.HalfNormal("ratio", 1)
        sigma = pm.HalfNormal("sigma", 1)
        theta = pm.Normal("theta", mu, ratio * sigma, dims="group")
        pm.Normal("y", theta[GROUP], sigma, observed=Y)
    return model


@MODELS.add(
    roles={
        "mu": EITHER,
        "total": (Role.SCALE, Role.NOISE),
        "share": (Role.SCALE, Role.NOISE),
        "z": Role.OFFSET,
    },
    levels=BY_GROUP,
    outcomes=(Likelihood("Normal", noise=("total", "share")),),
)
def shares_of_variance() -> pm.Model:
    """A total spread, and the share of its square that lies between groups."""
    with pm.Model(coords=COORDS) as model:
        mu = pm.Normal("mu", 0, 5)
        total = pm.HalfNormal("total", 1)
        share = pm.Beta("share", 2, 2)
        z = pm.Normal("z", dims="group")
        between, within = total * pt.sqrt(share), total * pt.sqrt(1 - share)
        pm.Normal("y", mu + between * z[GROUP], within, observed=Y)
    return model


@MODELS.add(
    roles=CENTRED | {"gain": (Role.INTERCEPT, Role.COEFFICIENT)},
    levels=(
        Term("group", "theta", J, GROUP, form="centred", enters="before", via=("after", GROUP)),
    ),
    outcomes=(
        Likelihood("Normal", noise=("sigma",), name="before"),
        Likelihood("Normal", noise=("sigma",), name="after"),
    ),
)
def before_and_after() -> pm.Model:
    """Two outcomes of the same groups."""
    with pm.Model(coords=COORDS) as model:
        theta = pm.Normal("theta", pm.Normal("mu"), pm.HalfNormal("tau"), dims="group")
        gain, sigma = pm.Normal("gain"), pm.HalfNormal("sigma")
        pm.Normal("before", theta[GROUP], sigma, observed=Y)
        pm.Normal("after", theta[GROUP] + gain, sigma, observed=Y + 1)
    return model


@MODELS.add(
    roles={
        "beta": (Role.COEFFICIENT, Role.INTERCEPT),
        "tau_0": Role.SCALE,
        "tau_1": Role.SCALE,
        "u": Role.GROUP_EFFECT,
        "sigma": Role.NOISE,
    },
    levels=(
        Term("u", "u", J, GROUP, form="centred"),
        Term("u", "u", J, GROUP, X, form="centred"),
    ),
    outcomes=NORMAL,
)
def one_vector_for_two_terms() -> pm.Model:
    """Matrices X and Z as in lme4; one vector holds all intercepts, then all slopes."""
    indicator = np.eye(J)[GROUP]
    design = np.column_stack([indicator, indicator * X[:, None]])
    with pm.Model() as model:
        beta = pm.Normal("beta", 0, 5, shape=2)
        tau_0, tau_1 = pm.HalfNormal("tau_0"), pm.HalfNormal("tau_1")
        spread = pt.concatenate([pt.ones(J) * tau_0, pt.ones(J) * tau_1])
        u = pm.Normal("u", 0, spread, shape=2 * J)
        sigma = pm.HalfNormal("sigma")
        mean = np.column_stack([np.ones(N), X]) @ beta + design @ u
        pm.Normal("y", mean, sigma, observed=Y)
    return model


@MODELS.add(
    roles={
        "tau_0": Role.SCALE,
        "tau_1": Role.SCALE,
        "z": Role.OFFSET,
        "sigma": Role.NOISE,
    },
    levels=(Term("z", "z", J, GROUP), Term("z", "z", J, GROUP, X)),
    outcomes=NORMAL,
)
def one_vector_of_offsets_for_two_terms() -> pm.Model:
    """The same, non-centred."""
    indicator = np.eye(J)[GROUP]
    design = np.column_stack([indicator, indicator * X[:, None]])
    with pm.Model() as model:
        tau_0, tau_1 = pm.HalfNormal("tau_0"), pm.HalfNormal("tau_1")
        z = pm.Normal("z", shape=2 * J)
        u = pt.concatenate([pt.ones(J) * tau_0, pt.ones(J) * tau_1]) * z
        pm.Normal("y", design @ u, pm.HalfNormal("sigma"), observed=Y)
    return model


@MODELS.add(
    roles={"tau": Role.SCALE, "z": Role.OFFSET, "sigma": Role.NOISE},
    levels=(Term("z", "z", J, GROUP), Term("z", "z", 5, ITEM)),
    outcomes=NORMAL,
    matched=(("z", "z"),),
)
def one_vector_for_two_factors() -> pm.Model:
    """The effects of two crossed factors in one vector with one spread."""
    design = np.column_stack([np.eye(J)[GROUP], np.eye(5)[ITEM]])
    with pm.Model() as model:
        tau = pm.HalfNormal("tau")
        z = pm.Normal("z", shape=J + 5)
        pm.Normal("y", design @ (tau * z), pm.HalfNormal("sigma"), observed=Y)
    return model


_ROOT = np.random.default_rng(3).normal(size=(J, J))
KINSHIP = _ROOT @ _ROOT.T / J + np.eye(J)


@MODELS.add(
    roles={
        "mu": Role.INTERCEPT,
        "tau": (Role.SCALE, Role.PROCESS_PARAMETER, Role.COVARIANCE),
        "u": (Role.GROUP_EFFECT, Role.PROCESS),
        "sigma": Role.NOISE,
    },
    levels=(Term("group", "u", J, GROUP, form="centred", family="MvNormal", optional=True),),
    outcomes=NORMAL,
)
def animal_model() -> pm.Model:
    """Breeding values with a known kinship: the groups are not exchangeable."""
    with pm.Model(coords=COORDS) as model:
        mu, tau = pm.Normal("mu", 0, 5), pm.HalfNormal("tau")
        u = pm.MvNormal("u", np.zeros(J), cov=tau**2 * KINSHIP, dims="group")
        sigma = pm.HalfNormal("sigma")
        pm.Normal("y", mu + u[GROUP], sigma, observed=Y)
    return model


@MODELS.add(
    roles={
        "mu": Role.INTERCEPT,
        "tau": (Role.SCALE, Role.PROCESS_PARAMETER, Role.COVARIANCE, Role.GLOBAL_SCALE),
        "z": (Role.OFFSET, Role.PROCESS),
        "sigma": Role.NOISE,
    },
    outcomes=NORMAL,
)
def animal_model_noncentred() -> pm.Model:
    """The same from independent parts: no element of the vector is a group."""
    factor = np.linalg.cholesky(KINSHIP)
    with pm.Model(coords=COORDS) as model:
        mu, tau = pm.Normal("mu", 0, 5), pm.HalfNormal("tau")
        z = pm.Normal("z", dims="group")
        sigma = pm.HalfNormal("sigma")
        pm.Normal("y", mu + tau * pt.dot(factor, z)[GROUP], sigma, observed=Y)
    return model


RING = np.roll(np.eye(J, dtype=int), 1, 0) + np.roll(np.eye(J, dtype=int), -1, 0)


@MODELS.add(
    roles={
        "mu": EITHER,
        "spread": (Role.SCALE, Role.PROCESS_PARAMETER),
        "rho": (Role.SCALE, Role.PROCESS_PARAMETER, Role.MIXTURE_WEIGHT),
        "theta": Role.OFFSET,
        "phi": Role.PROCESS,
    },
    levels=(Term("area", "theta", J, np.arange(J), optional=True),),
    outcomes=(Likelihood("Poisson", "log"),),
)
def areas_and_neighbours() -> pm.Model:
    """BYM2: areas with an effect of their own and one shared with neighbours."""
    with pm.Model(coords={"area": range(J)}) as model:
        mu, spread = pm.Normal("mu"), pm.HalfNormal("spread")
        rho = pm.Beta("rho", 2, 2)
        theta = pm.Normal("theta", dims="area")
        phi = pm.ICAR("phi", W=RING, dims="area")
        both = pt.sqrt(1 - rho) * theta + pt.sqrt(rho / 0.5) * phi
        pm.Poisson("y", pt.exp(mu + spread * both), observed=COUNTS[:J])
    return model


@MODELS.add(
    roles={
        "innovation": Role.PROCESS_PARAMETER,
        "path": Role.PROCESS,
        "sigma": Role.NOISE,
    },
    outcomes=NORMAL,
)
def paths_by_group() -> pm.Model:
    """Every group walks at random on its own."""
    with pm.Model(coords=COORDS | {"time": range(10)}) as model:
        innovation = pm.HalfNormal("innovation")
        start = pm.Normal.dist(0, 1, shape=J)
        path = pm.GaussianRandomWalk(
            "path", sigma=innovation, init_dist=start, dims=("group", "time")
        )
        sigma = pm.HalfNormal("sigma")
        pm.Normal("y", path[GROUP, np.arange(N) % 10], sigma, observed=Y)
    return model


@MODELS.add(
    roles=CENTRED,
    levels=(Term("group", "theta", J, GROUP, form="centred", family="TruncatedNormal"),),
    outcomes=NORMAL,
)
def positive_effects() -> pm.Model:
    """Effects that cannot be negative."""
    with pm.Model(coords=COORDS) as model:
        mu, tau = pm.Normal("mu", 1, 1), pm.HalfNormal("tau")
        theta = pm.TruncatedNormal("theta", mu, tau, lower=0, dims="group")
        pm.Normal("y", theta[GROUP], pm.HalfNormal("sigma"), observed=Y)
    return model


EXPOSURE = np.random.default_rng(4).uniform(1, 3, N)


@MODELS.add(
    roles={"mu": Role.LOCATION, "tau": Role.SCALE, "rate": Role.GROUP_EFFECT},
    levels=(Term("group", "rate", J, GROUP, EXPOSURE, "centred", "", "LogNormal"),),
    outcomes=(Likelihood("Poisson"),),
)
def lognormal_rates() -> pm.Model:
    """Rates from a log-normal distribution, times exposure."""
    with pm.Model(coords=COORDS) as model:
        mu, tau = pm.Normal("mu"), pm.HalfNormal("tau")
        rate = pm.LogNormal("rate", mu, tau, dims="group")
        pm.Poisson("y", rate[GROUP] * EXPOSURE, observed=COUNTS)
    return model
