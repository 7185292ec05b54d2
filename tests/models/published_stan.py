"""Case studies of Stan and of PyMC's gallery."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from poolwise.checks.hierarchy import Role

from .expected import Collection, Likelihood, Term

MODELS = Collection()

RNG = np.random.default_rng(203)

HITS = np.array([18, 17, 16, 15, 14, 14, 13, 12, 11, 11, 10, 10, 10, 10, 10, 9, 8, 7])
PLAYERS = {"player": range(18)}


@MODELS.add(
    roles={"phi": Role.LOCATION, "kappa_log": Role.SCALE, "theta": Role.GROUP_EFFECT},
    levels=(Term("player", "theta", 18, np.arange(18), form="centred", family="Beta"),),
    outcomes=(Likelihood("Binomial"),),
)
def baseball_beta() -> pm.Model:
    """Efron and Morris' batting averages around a common ability, as in PyMC's gallery."""
    with pm.Model(coords=PLAYERS) as model:
        phi = pm.Uniform("phi", lower=0.0, upper=1.0)
        kappa_log = pm.Exponential("kappa_log", lam=1.5)
        kappa = pm.Deterministic("kappa", pt.exp(kappa_log))
        theta = pm.Beta("theta", alpha=phi * kappa, beta=(1.0 - phi) * kappa, dims="player")
        pm.Binomial("y", n=np.full(18, 45), p=theta, dims="player", observed=HITS)
    return model


@MODELS.add(
    roles={
        "mu": (Role.LOCATION, Role.INTERCEPT),
        "sigma": Role.SCALE,
        "alpha_std": Role.OFFSET,
    },
    levels=(Term("player", "alpha_std", 18, np.arange(18)),),
    outcomes=(Likelihood("Binomial", "logit"),),
)
def baseball_logit() -> pm.Model:
    """The same on the scale of log odds, non-centred (Stan's repeated binary trials)."""
    with pm.Model(coords=PLAYERS) as model:
        mu = pm.Normal("mu", -1, 1)
        sigma = pm.HalfNormal("sigma", 1)
        alpha_std = pm.Normal("alpha_std", 0, 1, dims="player")
        pm.Binomial("y", n=45, logit_p=mu + sigma * alpha_std, observed=HITS, dims="player")
    return model


STUDENT, QUESTION = np.repeat(np.arange(30), 10), np.tile(np.arange(10), 30)
CORRECT = RNG.integers(0, 2, 300)
TEST = {"student": range(30), "question": range(10)}


@MODELS.add(
    roles={
        "delta": Role.INTERCEPT,
        "alpha": Role.UNPOOLED,
        "sigma_beta": Role.SCALE,
        "beta": Role.GROUP_EFFECT,
    },
    levels=(Term("question", "beta", 10, QUESTION, -1.0, form="centred"),),
    outcomes=(Likelihood("Bernoulli", "logit"),),
)
def rasch() -> pm.Model:
    """One parameter for every question, scale of the abilities fixed (Stan's user's guide)."""
    with pm.Model(coords=TEST) as model:
        delta = pm.Normal("delta", 0.75, 1)
        alpha = pm.Normal("alpha", 0, 1, dims="student")
        sigma_beta = pm.HalfNormal("sigma_beta", 2)
        beta = pm.Normal("beta", 0, sigma_beta, dims="question")
        logit_p = alpha[STUDENT] - beta[QUESTION] + delta
        pm.Bernoulli("y", logit_p=logit_p, observed=CORRECT)
    return model


@MODELS.add(
    roles={
        "mu_beta": (Role.LOCATION, Role.INTERCEPT, Role.NONLINEAR),
        "alpha": Role.UNPOOLED,
        "beta": Role.GROUP_EFFECT,
        "log_gamma": Role.GROUP_EFFECT,
        "sigma_beta": Role.SCALE,
        "sigma_gamma": Role.SCALE,
    },
    levels=(
        Term("question", "beta", 10, QUESTION, None, form="centred"),
        Term("question", "log_gamma", 10, QUESTION, None, form="centred"),
    ),
    outcomes=(Likelihood("Bernoulli", "logit"),),
)
def two_parameter_logistic() -> pm.Model:
    """Two parameters for every question, both with unknown spread (Stan's user's guide)."""
    with pm.Model(coords=TEST) as model:
        mu_beta = pm.Cauchy("mu_beta", 0, 5)
        sigma_beta = pm.HalfCauchy("sigma_beta", 5)
        sigma_gamma = pm.HalfCauchy("sigma_gamma", 5)
        alpha = pm.Normal("alpha", 0, 1, dims="student")
        beta = pm.Normal("beta", 0, sigma_beta, dims="question")
        log_gamma = pm.Normal("log_gamma", 0, sigma_gamma, dims="question")
        gamma = pm.math.exp(log_gamma)
        logit_p = gamma[QUESTION] * (alpha[STUDENT] - (beta[QUESTION] + mu_beta))
        pm.Bernoulli("y", logit_p=logit_p, observed=CORRECT)
    return model


REGION_OF_STATE = RNG.integers(0, 4, 20)
STATE = RNG.integers(0, 20, 600)
ETHNICITY, AGE, EDUCATION = (RNG.integers(0, k, 600) for k in (4, 6, 5))
IS_MALE = RNG.integers(0, 2, 600).astype(float)
VOTE = RNG.normal(size=20)
FACTORS = {
    "state": (STATE, 20),
    "eth": (ETHNICITY, 4),
    "age": (AGE, 6),
    "educ": (EDUCATION, 5),
    "educ_age": (EDUCATION * 6 + AGE, 30),
    "educ_eth": (EDUCATION * 4 + ETHNICITY, 20),
}


@MODELS.add(
    roles={
        "intercept": Role.INTERCEPT,
        "beta_male": Role.COEFFICIENT,
        "beta_repvote": Role.COEFFICIENT,
        "sigma_region": Role.SCALE,
        "z_region": Role.OFFSET,
    }
    | {f"sigma_{name}": Role.SCALE for name in FACTORS}
    | {f"z_{name}": Role.OFFSET for name in FACTORS},
    levels=(
        Term("region", "z_region", 4, REGION_OF_STATE[STATE], via=("state", REGION_OF_STATE)),
        *(Term(name, f"z_{name}", size, index) for name, (index, size) in FACTORS.items()),
    ),
    nested={
        "state": ("region",),
        "educ_age": ("educ", "age"),
        "educ_eth": ("educ", "eth"),
    },
    outcomes=(Likelihood("Bernoulli", "logit", name="abortion"),),
)
def poststratification() -> pm.Model:
    """Opinion by state and demography, for multilevel regression and poststratification."""
    coords = {name: range(size) for name, (_, size) in FACTORS.items()} | {"region": range(4)}
    with pm.Model(coords=coords) as model:
        eta = pm.Normal("intercept", 0, 1.5)
        eta = eta + pm.Normal("beta_male", 0, 1) * IS_MALE
        eta = eta + pm.Normal("beta_repvote", 0, 1) * VOTE[STATE]
        sigma_region = pm.Exponential("sigma_region", 1)
        z_region = pm.Normal("z_region", 0, 1, dims="region")
        region = pm.Deterministic("a_region", sigma_region * z_region, dims="region")
        eta = eta + region[REGION_OF_STATE[STATE]]
        for name, (index, _) in FACTORS.items():
            sigma = pm.Exponential(f"sigma_{name}", 1)
            z = pm.Normal(f"z_{name}", 0, 1, dims=name)
            effect = pm.Deterministic(f"a_{name}", sigma * z, dims=name)
            eta = eta + effect[index]
        pm.Bernoulli("abortion", logit_p=eta, observed=np.random.default_rng(1).integers(0, 2, 600))
    return model


HAND_CENTRED = ("Normal", "ZeroSumNormal")
HOME, AWAY = (
    np.array(pair)
    for pair in zip(*[(i, j) for i in range(6) for j in range(6) if i != j], strict=True)
)
TEAMS = {"team": ["Wales", "France", "Ireland", "Scotland", "Italy", "England"]}


@MODELS.add(
    roles={
        "home": (Role.INTERCEPT, Role.COEFFICIENT),
        "intercept": Role.INTERCEPT,
        "sd_att": Role.SCALE,
        "sd_def": Role.SCALE,
        "atts_star": Role.GROUP_EFFECT,
        "defs_star": Role.GROUP_EFFECT,
    },
    levels=(
        Term("team", "atts_star", 6, HOME, 1.0, "centred", "", HAND_CENTRED, ("away_points", AWAY)),
        Term("team", "defs_star", 6, AWAY, 1.0, "centred", "", HAND_CENTRED, ("away_points", HOME)),
    ),
    matched=(("atts_star", "defs_star"),),
    outcomes=(
        Likelihood("Poisson", "log", name="home_points"),
        Likelihood("Poisson", "log", name="away_points"),
    ),
)
def rugby() -> pm.Model:
    """Attack, defence and home advantage, centred by hand (Baio and Blangiardo; PyMC's gallery)."""
    with pm.Model(coords=TEAMS) as model:
        home = pm.Normal("home", mu=0, sigma=1)
        sd_att = pm.HalfNormal("sd_att", sigma=2)
        sd_def = pm.HalfNormal("sd_def", sigma=2)
        intercept = pm.Normal("intercept", mu=3, sigma=1)
        atts_star = pm.Normal("atts_star", mu=0, sigma=sd_att, dims="team")
        defs_star = pm.Normal("defs_star", mu=0, sigma=sd_def, dims="team")
        atts = pm.Deterministic("atts", atts_star - pt.mean(atts_star), dims="team")
        defs = pm.Deterministic("defs", defs_star - pt.mean(defs_star), dims="team")
        home_theta = pt.exp(intercept + home + atts[HOME] + defs[AWAY])
        away_theta = pt.exp(intercept + atts[AWAY] + defs[HOME])
        pm.Poisson(
            "home_points", mu=home_theta, observed=np.random.default_rng(1).poisson(22, HOME.size)
        )
        pm.Poisson(
            "away_points", mu=away_theta, observed=np.random.default_rng(1).poisson(17, HOME.size)
        )
    return model


ATTACKER, DEFENDER = np.r_[HOME, AWAY], np.r_[AWAY, HOME]
AT_HOME = np.repeat([1.0, 0.0], HOME.size)


@MODELS.add(
    roles={
        "home": Role.COEFFICIENT,
        "intercept": Role.INTERCEPT,
        "sd_att": Role.SCALE,
        "sd_def": Role.SCALE,
        "atts": Role.GROUP_EFFECT,
        "defs": Role.GROUP_EFFECT,
    },
    levels=(
        Term("team", "atts", 6, ATTACKER, form="centred", family="ZeroSumNormal"),
        Term("team", "defs", 6, DEFENDER, -1.0, form="centred", family="ZeroSumNormal"),
    ),
    matched=(("atts", "defs"),),
    outcomes=(Likelihood("Poisson", "log", name="goals"),),
)
def football() -> pm.Model:
    """Goals, one row for each team of a match, with abilities that sum to zero."""
    with pm.Model(coords=TEAMS) as model:
        home = pm.Normal("home", 0, 0.5)
        intercept = pm.Normal("intercept", 0.2, 0.5)
        sd_att, sd_def = pm.HalfStudentT("sd_att", 3, 1), pm.HalfStudentT("sd_def", 3, 1)
        atts = pm.ZeroSumNormal("atts", sigma=sd_att, dims="team")
        defs = pm.ZeroSumNormal("defs", sigma=sd_def, dims="team")
        log_theta = intercept + home * AT_HOME + atts[ATTACKER] - defs[DEFENDER]
        pm.Poisson(
            "goals", pt.exp(log_theta), observed=np.random.default_rng(1).poisson(1.4, AT_HOME.size)
        )
    return model


PREDICTORS = RNG.normal(size=(97, 8))


@MODELS.add(
    roles={
        "tau": Role.GLOBAL_SCALE,
        "lam": Role.LOCAL_SCALE,
        "c2": (Role.GLOBAL_SCALE, Role.SCALE),
        "z": Role.SHRUNKEN,
        "beta0": Role.INTERCEPT,
        "sigma": Role.NOISE,
    },
    outcomes=(Likelihood("Normal", noise=("sigma",), name="obs"),),
)
def regularised_horseshoe() -> pm.Model:
    """Piironen and Vehtari's horseshoe with a slab, the global scale in units of the noise."""
    with pm.Model(coords={"predictor": range(8)}) as model:
        sigma = pm.HalfNormal("sigma", 2.5)
        tau = pm.HalfStudentT("tau", 2, 3 / (8 - 3) * sigma / np.sqrt(97))
        lam = pm.HalfStudentT("lam", 5, dims="predictor")
        c2 = pm.InverseGamma("c2", 1, 1)
        z = pm.Normal("z", 0.0, 1.0, dims="predictor")
        shrunk = lam * pt.sqrt(c2 / (c2 + tau**2 * lam**2))
        beta = pm.Deterministic("beta", z * tau * shrunk, dims="predictor")
        beta0 = pm.Normal("beta0", 100, 25.0)
        pm.Normal(
            "obs",
            beta0 + pt.dot(PREDICTORS, beta),
            sigma,
            observed=np.random.default_rng(1).normal(size=97),
        )
    return model
