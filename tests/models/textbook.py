"""Varying intercepts as textbooks write them."""

from __future__ import annotations

import numpy as np
import pymc as pm

from poolwise.checks.hierarchy import Role

from .data import BINARY, COORDS, COUNTS, GROUP, ITEM, J, N, X, Y
from .expected import Collection, Likelihood, Term

MODELS = Collection()

NORMAL = (Likelihood("Normal", noise=("sigma",)),)
EITHER = (Role.LOCATION, Role.INTERCEPT)  # both are true of mu in ``mu + tau * z``
SUMS_TO_ZERO = ("Normal", "ZeroSumNormal")  # normal, with the mean taken away
SCHOOL = COORDS | {"school": range(J)}


@MODELS.add(
    roles={
        "mu": Role.LOCATION,
        "tau": Role.SCALE,
        "theta": Role.GROUP_EFFECT,
        "sigma": Role.NOISE,
    },
    levels=(Term("school", "theta", J, GROUP, form="centred"),),
    outcomes=NORMAL,
)
def centred() -> pm.Model:
    """School means around a common mean."""
    with pm.Model(coords=SCHOOL) as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfCauchy("tau", 5)
        theta = pm.Normal("theta", mu, tau, dims="school")
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", theta[GROUP], sigma, observed=Y)
    return model


@MODELS.add(
    roles={"mu": EITHER, "tau": Role.SCALE, "z": Role.OFFSET, "sigma": Role.NOISE},
    levels=(Term("school", "z", J, GROUP),),
    outcomes=(Likelihood("StudentT", noise=("sigma",)),),
)
def noncentred() -> pm.Model:
    """The same with standardised offsets, an index in the model and a Student-t likelihood."""
    with pm.Model(coords=SCHOOL) as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfNormal("tau", 5)
        z = pm.Normal("z", 0, 1, dims="school")
        theta = pm.Deterministic("theta", mu + tau * z, dims="school")
        index = pm.Data("school_index", GROUP)
        sigma = pm.Exponential("sigma", 1)
        pm.StudentT("y", nu=4, mu=theta[index], sigma=sigma, observed=Y)
    return model


@MODELS.add(
    roles={
        "a": Role.INTERCEPT,
        "b": Role.COEFFICIENT,
        "s_group": Role.SCALE,
        "s_item": Role.SCALE,
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
def crossed() -> pm.Model:
    """Subjects crossed with items, and a predictor."""
    with pm.Model(coords=COORDS) as model:
        a = pm.Normal("a", 0, 2)
        b = pm.Normal("b", 0, 1)
        u = pm.Normal("u", 0, pm.HalfNormal("s_group", 1), dims="group")
        v = pm.Normal("v", 0, pm.HalfNormal("s_item", 1), dims="item")
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", a + b * X + u[GROUP] + v[ITEM], sigma, observed=Y)
    return model


@MODELS.add(
    roles={"mu": EITHER, "tau": Role.SCALE, "z": Role.OFFSET},
    levels=(Term("school", "z", 8, np.arange(8)),),
    outcomes=(Likelihood("Normal"),),
)
def eight_schools() -> pm.Model:
    """Rubin's eight schools, non-centred, with known standard errors."""
    effect = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
    error = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
    with pm.Model(coords=SCHOOL) as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfCauchy("tau", 5)
        z = pm.Normal("z", 0, 1, dims="school")
        pm.Normal("y", mu + tau * z, error, observed=effect, dims="school")
    return model


@MODELS.add(
    roles={"mu": Role.LOCATION, "precision": Role.SCALE, "theta": Role.GROUP_EFFECT},
    levels=(Term("theta", "theta", 9, np.arange(9), form="centred"),),
    outcomes=(Likelihood("Normal"),),
)
def meta_analysis_with_precision() -> pm.Model:
    """A meta-analysis in the manner of BUGS: a gamma prior on the precision between studies."""
    rng = np.random.default_rng(1)
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 100)
        precision = pm.Gamma("precision", 0.001, 0.001)
        theta = pm.Normal("theta", mu, tau=precision, shape=9)
        pm.Normal("y", theta, 0.1 + rng.random(9), observed=rng.normal(size=9))
    return model


@MODELS.add(
    roles={
        "a": EITHER,
        "log_tau": Role.SCALE,
        "z": Role.OFFSET,
        "sigma": Role.NOISE,
    },
    levels=(Term("z", "z", J, GROUP),),
    outcomes=NORMAL,
)
def indicator_matrix() -> pm.Model:
    """Groups as a matrix of zeros and ones, the spread on the log scale."""
    design = np.eye(J)[GROUP]
    with pm.Model() as model:
        a = pm.Normal("a", 0, 1)
        log_tau = pm.Normal("log_tau", 0, 1)
        z = pm.Normal("z", 0, 1, shape=J)
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", a + design @ (pm.math.exp(log_tau) * z), sigma, observed=Y)
    return model


@MODELS.add(
    roles={
        "mu": Role.LOCATION,
        "tau": Role.SCALE,
        "theta": Role.GROUP_EFFECT,
        "sigma": Role.NOISE,
    },
    levels=(Term("group", "theta", J, GROUP, form="centred"),),
    outcomes=NORMAL,
)
def with_dims() -> pm.Model:
    """Varying intercepts written with ``pymc.dims``."""
    import pymc.dims as pmd

    with pm.Model(coords={"group": range(J), "row": range(N)}) as model:
        mu = pmd.Normal("mu", 0, 5)
        tau = pmd.HalfNormal("tau", 2)
        theta = pmd.Normal("theta", mu, tau, dims="group")
        index = pmd.Data("index", GROUP, dims="row")
        sigma = pmd.HalfNormal("sigma", 1)
        observed = pmd.as_xtensor(Y, dims=("row",))
        pmd.Normal("y", theta.isel(group=index), sigma, observed=observed, dims="row")
    return model


@MODELS.add(
    roles={
        "mu": Role.LOCATION,
        "tau": Role.SCALE,
        "theta": Role.GROUP_EFFECT,
        "sigma": Role.NOISE,
        "y_unobserved": Role.IMPUTED,
    },
    levels=(Term("group", "theta", J, GROUP[5:], form="centred"),),
    outcomes=(Likelihood("Normal", noise=("sigma",), name="y_observed"),),
)
def missing_outcomes() -> pm.Model:
    """Five outcomes are missing and become free variables."""
    with pm.Model(coords=COORDS) as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfNormal("tau", 2)
        theta = pm.Normal("theta", mu, tau, dims="group")
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", theta[GROUP], sigma, observed=np.r_[[np.nan] * 5, Y[5:]])
    return model


@MODELS.add(
    roles={"mu": EITHER, "tau": Role.SCALE, "z": Role.OFFSET, "sigma": Role.NOISE},
    levels=(Term("group", "z", J, GROUP),),
    outcomes=(Likelihood(("Censored", "Normal", "Censored Normal"), noise=("sigma",)),),
)
def censored() -> pm.Model:
    """Outcomes above 1 are known to be above 1."""
    with pm.Model(coords=COORDS) as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfNormal("tau", 2)
        z = pm.Normal("z", 0, 1, dims="group")
        sigma = pm.HalfNormal("sigma", 1)
        latent = pm.Normal.dist(mu + tau * z[GROUP], sigma)
        pm.Censored("y", latent, lower=None, upper=1.0, observed=np.minimum(Y, 1.0))
    return model


@MODELS.add(
    roles={
        "mu": Role.LOCATION,
        "tau": Role.SCALE,
        "theta": Role.GROUP_EFFECT,
        "sigma": Role.NOISE,
    },
    levels=(Term("group", "theta", 6, np.repeat(np.arange(6), 4), form="centred"),),
    outcomes=NORMAL,
)
def balanced_table() -> pm.Model:
    """The outcome is a table: groups by replicates."""
    with pm.Model(coords={"group": range(6), "replicate": range(4)}) as model:
        mu = pm.Normal("mu", 0, 1)
        tau = pm.HalfNormal("tau", 1)
        theta = pm.Normal("theta", mu, tau, dims="group")
        sigma = pm.HalfNormal("sigma", 1)
        outcome = np.random.default_rng(2).normal(size=(6, 4))
        pm.Normal("y", theta[:, None], sigma, observed=outcome, dims=("group", "replicate"))
    return model


@MODELS.add(
    roles={"tau": Role.SCALE, "u": Role.GROUP_EFFECT, "sigma": Role.NOISE},
    levels=(Term("group", "u", J, np.where(GROUP == 3, 2, GROUP), form="centred"),),
    outcomes=NORMAL,
)
def empty_group() -> pm.Model:
    """A matrix of zeros and ones times the effects; group 3 has no rows."""
    member = (np.where(GROUP == 3, 2, GROUP)[:, None] == np.arange(J)).astype(float)
    with pm.Model(coords=COORDS) as model:
        u = pm.Normal("u", 0, pm.HalfNormal("tau", 1), dims="group")
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", pm.math.dot(member, u), sigma, observed=Y)
    return model


_LARGE = np.random.default_rng(3)
_LARGE_GROUP = _LARGE.integers(0, 5000, 100_000)


@MODELS.add(
    roles={
        "a": EITHER,
        "b": Role.COEFFICIENT,
        "tau": Role.SCALE,
        "z": Role.OFFSET,
        "sigma": Role.NOISE,
    },
    levels=(Term("group", "z", 5000, _LARGE_GROUP),),
    outcomes=NORMAL,
)
def large() -> pm.Model:
    """5,000 groups and 100,000 rows."""
    x, y = _LARGE.normal(size=(2, 100_000))
    with pm.Model(coords={"group": range(5000)}) as model:
        a, b = pm.Normal("a", 0, 1), pm.Normal("b", 0, 1)
        tau = pm.HalfNormal("tau", 1)
        z = pm.Normal("z", 0, 1, dims="group")
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", a + b * x + tau * z[_LARGE_GROUP], sigma, observed=y)
    return model


@MODELS.add(
    roles={
        "mu": EITHER,
        "tau": Role.SCALE,
        "z": Role.OFFSET,
        "sigma": Role.NOISE,
    },
    levels=(Term("group", "z", J, GROUP),),
    outcomes=(Likelihood("CustomDist", noise=("sigma",)),),
)
def custom_likelihood() -> pm.Model:
    """A normal likelihood that PyMC knows by its log density alone."""
    with pm.Model(coords=COORDS) as model:
        mu = pm.Normal("mu", 0, 1)
        tau = pm.HalfNormal("tau", 1)
        z = pm.Normal("z", 0, 1, dims="group")
        sigma = pm.HalfNormal("sigma", 1)
        pm.CustomDist(
            "y",
            mu + tau * z[GROUP],
            sigma,
            logp=lambda value, m, s: -(((value - m) / s) ** 2) / 2 - pm.math.log(s),
            observed=Y,
        )
    return model


@MODELS.add(
    roles={"a": Role.INTERCEPT, "tau": Role.SCALE, "u": Role.GROUP_EFFECT, "sigma": Role.NOISE},
    levels=(Term("group", "u", J, GROUP, form="centred", family="ZeroSumNormal"),),
    outcomes=NORMAL,
)
def zero_sum() -> pm.Model:
    """Deviations that sum to zero."""
    with pm.Model(coords=COORDS) as model:
        a = pm.Normal("a", 0, 2)
        tau = pm.HalfNormal("tau", 1)
        u = pm.ZeroSumNormal("u", sigma=tau, dims="group")
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", a + u[GROUP], sigma, observed=Y)
    return model


@MODELS.add(
    roles={"a": Role.INTERCEPT, "tau": Role.SCALE, "z": Role.OFFSET, "sigma": Role.NOISE},
    levels=(Term("group", "z", J, GROUP, family=SUMS_TO_ZERO),),
    outcomes=NORMAL,
)
def centred_by_hand() -> pm.Model:
    """Deviations whose mean is taken away."""
    with pm.Model(coords=COORDS) as model:
        tau = pm.HalfNormal("tau", 1)
        z = pm.Normal("z", 0, 1, dims="group")
        a = pm.Normal("a", 0, 1)
        sigma = pm.HalfNormal("sigma", 1)
        u = tau * z
        pm.Normal("y", a + (u - u.mean())[GROUP], sigma, observed=Y)
    return model


@MODELS.add(
    roles={
        "a": EITHER,
        "tau": Role.SCALE,
        "z": Role.OFFSET,
        "log_sigma": Role.NOISE,
    },
    levels=(Term("group", "z", J, GROUP),),
    outcomes=(Likelihood("Normal", noise=("log_sigma",)),),
)
def noise_by_group() -> pm.Model:
    """Every group has a noise of its own, with a fixed prior."""
    with pm.Model(coords=COORDS) as model:
        a = pm.Normal("a", 0, 1)
        tau = pm.HalfNormal("tau", 1)
        z = pm.Normal("z", 0, 1, dims="group")
        log_sigma = pm.Normal("log_sigma", 0, 0.5, dims="group")
        pm.Normal("y", a + tau * z[GROUP], pm.math.exp(log_sigma[GROUP]), observed=Y)
    return model


@MODELS.add(
    roles={
        "mu": Role.LOCATION,
        "tau": Role.SCALE,
        "u": Role.GROUP_EFFECT,
    },
    levels=(Term("group", "u", J, GROUP, form="centred"),),
    outcomes=(Likelihood("Poisson", "log"),),
)
def poisson() -> pm.Model:
    """Log rates around a common log rate."""
    with pm.Model(coords=COORDS) as model:
        mu = pm.Normal("mu", 1, 1)
        tau = pm.HalfNormal("tau", 1)
        u = pm.Normal("u", mu, tau, dims="group")
        pm.Poisson("y", pm.math.exp(u[GROUP]), observed=COUNTS)
    return model


@MODELS.add(
    roles={
        "a": EITHER,
        "b": Role.COEFFICIENT,
        "tau": Role.SCALE,
        "z": Role.OFFSET,
    },
    levels=(Term("group", "z", J, GROUP),),
    outcomes=(Likelihood("Bernoulli", "logit"),),
)
def logistic() -> pm.Model:
    """A logistic regression with varying intercepts."""
    with pm.Model(coords=COORDS) as model:
        a = pm.Normal("a", 0, 1.5)
        b = pm.Normal("b", 0, 1)
        tau = pm.HalfNormal("tau", 1)
        z = pm.Normal("z", 0, 1, dims="group")
        pm.Bernoulli("y", logit_p=a + b * X + tau * z[GROUP], observed=BINARY)
    return model
