"""Examples of BUGS, in the style of their authors."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from poolwise.checks.hierarchy import Role

from .expected import Collection, Likelihood, Term

MODELS = Collection()

RNG = np.random.default_rng(202)
GROUP_LEVEL = (Role.LOCATION, Role.COEFFICIENT)

DAYS = np.array([8.0, 15.0, 22.0, 29.0, 36.0])
WEIGHTS = 240 + 6.2 * (DAYS - 22) + 14 * RNG.normal(size=(30, 1)) + 6 * RNG.normal(size=(30, 5))
RAT_OF_CELL = np.repeat(np.arange(30), 5)


@MODELS.add(
    roles={
        "alpha_c": Role.LOCATION,
        "alpha_tau": Role.SCALE,
        "beta_c": Role.LOCATION,
        "beta_tau": Role.SCALE,
        "alpha": Role.GROUP_EFFECT,
        "beta": Role.GROUP_EFFECT,
        "tau_c": Role.NOISE,
    },
    levels=(
        Term("rat", "alpha", 30, RAT_OF_CELL, form="centred"),
        Term("rat", "beta", 30, RAT_OF_CELL, np.tile(DAYS - 22, 30), form="centred"),
    ),
    outcomes=(Likelihood("Normal", noise=("tau_c",), name="Y"),),
)
def rats() -> pm.Model:
    """BUGS rats: growth curves with precisions and centred days."""
    with pm.Model(coords={"rat": np.arange(30)}) as model:
        alpha_c = pm.Normal("alpha_c", 0, tau=1e-6)
        alpha_tau = pm.Gamma("alpha_tau", 0.001, 0.001)
        beta_c = pm.Normal("beta_c", 0, tau=1e-6)
        beta_tau = pm.Gamma("beta_tau", 0.001, 0.001)
        alpha = pm.Normal("alpha", alpha_c, tau=alpha_tau, dims="rat")
        beta = pm.Normal("beta", beta_c, tau=beta_tau, dims="rat")
        tau_c = pm.Gamma("tau_c", 0.001, 0.001)
        pm.Deterministic("sigma", 1 / pm.math.sqrt(tau_c))
        pm.Deterministic("alpha0", alpha_c - 22.0 * beta_c)
        mu = alpha.dimshuffle(0, "x") + beta.dimshuffle(0, "x") * (DAYS - 22.0)
        pm.Normal("Y", mu, tau=tau_c, observed=WEIGHTS)
    return model


FAILURES = np.array([5, 1, 5, 14, 3, 19, 1, 1, 4, 22])
HOURS = np.array([94.3, 15.7, 62.9, 126, 5.24, 31.4, 1.05, 1.05, 2.1, 10.5])


@MODELS.add(
    roles={
        "alpha": (Role.SCALE, Role.LOCATION),
        "beta": (Role.SCALE, Role.LOCATION),
        "theta": Role.GROUP_EFFECT,
    },
    levels=(Term("pump", "theta", 10, np.arange(10), HOURS, form="centred", family="Gamma"),),
    outcomes=(Likelihood("Poisson", name="x"),),
)
def pumps() -> pm.Model:
    """BUGS pumps: failure rates of ten pumps from a gamma distribution."""
    with pm.Model(coords={"pump": range(1, 11)}) as model:
        alpha = pm.Exponential("alpha", 1)
        beta = pm.Gamma("beta", 0.1, 1.0)
        theta = pm.Gamma("theta", alpha, beta, dims="pump")
        lambda_ = pm.Deterministic("lambda", theta * HOURS, dims="pump")
        pm.Poisson("x", lambda_, observed=FAILURES, dims="pump")
    return model


GERMINATED = np.array(
    [10, 23, 23, 26, 17, 5, 53, 55, 32, 46, 10, 8, 10, 8, 23, 0, 3, 22, 15, 32, 3]
)
SEEDS = np.array([39, 62, 81, 51, 39, 6, 74, 72, 51, 79, 13, 16, 30, 28, 45, 4, 12, 41, 30, 51, 7])
SEED = np.repeat([0.0, 1.0], [11, 10])
ROOT = np.r_[np.zeros(5), np.ones(6), np.zeros(5), np.ones(5)]


@MODELS.add(
    roles={
        "alpha0": Role.INTERCEPT,
        "alpha1": Role.COEFFICIENT,
        "alpha2": Role.COEFFICIENT,
        "alpha12": Role.COEFFICIENT,
        "tau": Role.SCALE,
        "b": Role.GROUP_EFFECT,
    },
    levels=(Term("b", "b", 21, np.arange(21), form="centred"),),
    outcomes=(Likelihood("Binomial", "logit", name="r"),),
)
def seeds() -> pm.Model:
    """BUGS seeds: logistic regression with an effect for each of 21 plates."""
    with pm.Model() as model:
        alpha0 = pm.Normal("alpha0", 0, tau=1e-6)
        alpha1 = pm.Normal("alpha1", 0, tau=1e-6)
        alpha2 = pm.Normal("alpha2", 0, tau=1e-6)
        alpha12 = pm.Normal("alpha12", 0, tau=1e-6)
        tau = pm.Gamma("tau", 0.001, 0.001)
        b = pm.Normal("b", 0, tau=tau, shape=21)
        eta = alpha0 + alpha1 * SEED + alpha2 * ROOT + alpha12 * SEED * ROOT + b
        pm.Binomial("r", n=SEEDS, p=pm.math.invlogit(eta), observed=GERMINATED)
    return model


DEATHS = np.array([0, 18, 8, 46, 8, 13, 9, 31, 14, 8, 29, 24])
OPERATIONS = np.array([47, 148, 119, 810, 211, 196, 148, 215, 207, 97, 256, 360])


@MODELS.add(
    roles={"mu": Role.LOCATION, "tau": Role.SCALE, "b": Role.GROUP_EFFECT},
    levels=(Term("hospital", "b", 12, np.arange(12), form="centred"),),
    outcomes=(Likelihood("Binomial", "logit", name="r"),),
)
def surgical() -> pm.Model:
    """BUGS surgical: ranking of twelve hospitals."""
    with pm.Model(coords={"hospital": list("ABCDEFGHIJKL")}) as model:
        mu = pm.Normal("mu", 0, tau=1e-6)
        tau = pm.Gamma("tau", 0.001, 0.001)
        b = pm.Normal("b", mu, tau=tau, dims="hospital")
        p = pm.Deterministic("p", pm.math.invlogit(b), dims="hospital")
        pm.Deterministic("pop_mean", pm.math.exp(mu) / (1 + pm.math.exp(mu)))
        pm.Binomial("r", n=OPERATIONS, p=p, observed=DEATHS, dims="hospital")
    return model


YIELD = np.array(
    [
        [1545, 1440, 1440, 1520, 1580],
        [1540, 1555, 1490, 1560, 1495],
        [1595, 1550, 1605, 1510, 1560],
        [1445, 1440, 1595, 1465, 1545],
        [1595, 1630, 1515, 1635, 1625],
        [1520, 1455, 1450, 1480, 1445],
    ],
    dtype=float,
)


@MODELS.add(
    roles={
        "theta": Role.LOCATION,
        "tau_btw": Role.SCALE,
        "tau_with": Role.NOISE,
        "mu": Role.GROUP_EFFECT,
    },
    levels=(Term("batch", "mu", 6, np.repeat(np.arange(6), 5), form="centred"),),
    outcomes=(Likelihood("Normal", noise=("tau_with",)),),
)
def dyes() -> pm.Model:
    """BUGS dyes: variance components of six batches of five samples."""
    with pm.Model(coords={"batch": range(6), "sample": range(5)}) as model:
        theta = pm.Normal("theta", 0, tau=1e-10)
        tau_btw = pm.Gamma("tau_btw", 0.001, 0.001)
        tau_with = pm.Gamma("tau_with", 0.001, 0.001)
        pm.Deterministic("sigma2_btw", 1 / tau_btw)
        pm.Deterministic("sigma2_with", 1 / tau_with)
        mu = pm.Normal("mu", theta, tau=tau_btw, dims="batch")
        pm.Normal("y", mu[:, None], tau=tau_with, observed=YIELD, dims=("batch", "sample"))
    return model


PATIENTS = 59
TREATED = RNG.integers(0, 2, PATIENTS).astype(float)
LOG_BASE, LOG_AGE = RNG.normal(size=(2, PATIENTS))
LAST_VISIT = np.array([0.0, 0, 0, 1])
SEIZURES = RNG.poisson(6, (PATIENTS, 4))
PATIENT_OF_CELL = np.repeat(np.arange(PATIENTS), 4)


@MODELS.add(
    roles={
        "a0": Role.INTERCEPT,
        "alpha_base": Role.COEFFICIENT,
        "alpha_trt": Role.COEFFICIENT,
        "alpha_bt": Role.COEFFICIENT,
        "alpha_age": Role.COEFFICIENT,
        "alpha_v4": Role.COEFFICIENT,
        "tau_b1": Role.SCALE,
        "tau_b": Role.SCALE,
        "b1": Role.GROUP_EFFECT,
        "b": Role.GROUP_EFFECT,
    },
    levels=(
        Term("patient", "b1", PATIENTS, PATIENT_OF_CELL, form="centred"),
        Term("patient × visit", "b", 4 * PATIENTS, np.arange(4 * PATIENTS), form="centred"),
    ),
    nested={"patient × visit": ("patient",)},
    outcomes=(Likelihood("Poisson", "log"),),
)
def epil() -> pm.Model:
    """BUGS epil: seizures with an effect of each patient and one of each visit of a patient."""
    with pm.Model(coords={"patient": range(PATIENTS), "visit": range(4)}) as model:
        a0 = pm.Normal("a0", 0, tau=1e-4)
        alpha_base = pm.Normal("alpha_base", 0, tau=1e-4)
        alpha_trt = pm.Normal("alpha_trt", 0, tau=1e-4)
        alpha_bt = pm.Normal("alpha_bt", 0, tau=1e-4)
        alpha_age = pm.Normal("alpha_age", 0, tau=1e-4)
        alpha_v4 = pm.Normal("alpha_v4", 0, tau=1e-4)
        tau_b1 = pm.Gamma("tau_b1", 0.001, 0.001)
        tau_b = pm.Gamma("tau_b", 0.001, 0.001)
        b1 = pm.Normal("b1", 0, tau=tau_b1, dims="patient")
        b = pm.Normal("b", 0, tau=tau_b, dims=("patient", "visit"))
        subject = (
            a0
            + alpha_base * LOG_BASE
            + alpha_trt * TREATED
            + alpha_bt * LOG_BASE * TREATED
            + alpha_age * LOG_AGE
            + b1
        )
        log_mu = subject[:, None] + alpha_v4 * LAST_VISIT[None, :] + b
        pm.Poisson("y", pm.math.exp(log_mu), observed=SEIZURES)
    return model


AIR, WATER, ACID = RNG.normal(size=(3, 21))


@MODELS.add(
    roles={
        "beta0": Role.INTERCEPT,
        "beta": (Role.SHRUNKEN, Role.COEFFICIENT, Role.GROUP_EFFECT),
        "phi": (Role.GLOBAL_SCALE, Role.SCALE),
        "tau": Role.NOISE,
    },
    levels=(Term("beta", "beta", 3, None, form="centred", optional=True),),
    outcomes=(Likelihood("Laplace", noise=("tau",), name="Y"),),
)
def stacks() -> pm.Model:
    """BUGS stacks: ridge regression on three predictors with double exponential errors."""
    predictors = np.column_stack([AIR, WATER, ACID])
    with pm.Model() as model:
        beta0 = pm.Normal("beta0", 0, tau=1e-5)
        phi = pm.Gamma("phi", 0.01, 0.01)
        beta = pm.Normal("beta", 0, tau=phi, shape=3)
        tau = pm.Gamma("tau", 0.001, 0.001)
        mu = beta0 + pm.math.dot(predictors, beta)
        pm.Laplace("Y", mu=mu, b=1 / tau, observed=np.random.default_rng(1).normal(size=21))
    return model


TREATMENT_DEATHS = np.array([4, 6, 3, 62, 33, 180, 8, 505, 29, 17, 186, 5, 27])
TREATED_N = np.array(
    [123, 306, 231, 13598, 5069, 1541, 2545, 88391, 7499, 1716, 50634, 2498, 16913]
)
CONTROL_DEATHS = np.array([11, 29, 11, 248, 47, 372, 10, 499, 45, 65, 141, 3, 29])
CONTROL_N = np.array([139, 303, 220, 12867, 5808, 1451, 629, 88391, 7277, 1665, 27338, 2341, 17854])
LATITUDE = np.array([44, 55, 42, 52, 13, 44, 19, 13, 27, 42, 18, 33, 33], dtype=float)


@MODELS.add(
    roles={
        "mu": Role.UNPOOLED,
        "d": Role.LOCATION,
        "beta": GROUP_LEVEL,
        "sd": Role.SCALE,
        "delta": Role.GROUP_EFFECT,
    },
    levels=(Term("trial", "delta", 13, np.arange(13), form="centred", enters="treated"),),
    outcomes=(
        Likelihood("Binomial", "logit", name="control"),
        Likelihood("Binomial", "logit", name="treated"),
    ),
)
def bcg_vaccine() -> pm.Model:
    """Meta-regression of BCG vaccine trials on latitude, trials' baselines unpooled."""
    with pm.Model(coords={"trial": range(13)}) as model:
        mu = pm.Normal("mu", 0, 10, dims="trial")
        d = pm.Normal("d", 0, 10)
        beta = pm.Normal("beta", 0, 1)
        sd = pm.Uniform("sd", 0, 2)
        delta = pm.Normal("delta", d + beta * (LATITUDE - LATITUDE.mean()), sd, dims="trial")
        pm.Binomial("control", n=CONTROL_N, p=pm.math.sigmoid(mu), observed=CONTROL_DEATHS)
        p_treated = pm.math.sigmoid(mu + delta)
        pm.Binomial("treated", n=TREATED_N, p=p_treated, observed=TREATMENT_DEATHS)
    return model


STUDY = np.repeat(np.arange(12), 2)
ARM_TREATMENT = np.array([0, 2, 0, 1, 0, 3, 1, 2, 0, 2, 0, 1, 2, 3, 0, 2, 0, 3, 1, 3, 0, 2, 0, 1])
BASELINE = np.repeat(ARM_TREATMENT[::2], 2)
SECOND_ARM = np.arange(24) % 2 == 1


@MODELS.add(
    roles={
        "mu": Role.UNPOOLED,
        "d": (Role.LOCATION, Role.COEFFICIENT, Role.UNPOOLED),
        "sd": Role.SCALE,
        "delta": Role.GROUP_EFFECT,
    },
    levels=(
        Term(
            "contrast",
            "delta",
            12,
            np.where(SECOND_ARM, STUDY, -1),
            form="centred",
        ),
    ),
    outcomes=(Likelihood("Binomial", "logit", name="quit"),),
)
def smoking_network() -> pm.Model:
    """Network meta-analysis of four ways to stop smoking, arms of two."""
    n = np.random.default_rng(1).integers(50, 300, 24)
    with pm.Model(coords={"study": range(12), "contrast": range(12)}) as model:
        mu = pm.Normal("mu", 0, 10, dims="study")
        d = pm.Normal("d", 0, 10, shape=3)
        d_all = pt.concatenate([[0.0], d])
        sd = pm.HalfNormal("sd", 1)
        mean = d_all[ARM_TREATMENT[1::2]] - d_all[BASELINE[1::2]]
        delta = pm.Normal("delta", mean, sd, dims="contrast")
        logit = pt.set_subtensor(mu[STUDY][SECOND_ARM], mu[STUDY][SECOND_ARM] + delta)
        pm.Binomial("quit", n=n, logit_p=logit, observed=np.random.default_rng(1).binomial(n, 0.2))
    return model
