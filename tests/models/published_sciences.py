"""Survival, ecology, genes, polls, prices, and models in ``pymc.dims``."""

from __future__ import annotations

import numpy as np
import pymc as pm

from poolwise.checks.hierarchy import Role

from .expected import Collection, Likelihood, Term

MODELS = Collection()

RNG = np.random.default_rng(404)

GENES, CHIPS = 40, 6
TREATED = np.array([0.0, 0, 0, 1, 1, 1])
GENE = np.repeat(np.arange(GENES), CHIPS)


@MODELS.add(
    roles={
        "mu_a": Role.LOCATION,
        "tau_a": Role.SCALE,
        "tau_b": Role.SCALE,
        "a": Role.GROUP_EFFECT,
        "b": Role.GROUP_EFFECT,
        "m": (Role.LOCATION, Role.NOISE),
        "s": (Role.SCALE, Role.NOISE),
        "sigma": (Role.NOISE, Role.GROUP_EFFECT),
    },
    levels=(
        Term("gene", "a", GENES, GENE, form="centred"),
        Term("gene", "b", GENES, GENE, np.tile(TREATED - 0.5, GENES), form="centred"),
        Term("gene", "sigma", GENES, GENE, None, form="centred", family="LogNormal", optional=True),
    ),
    outcomes=(Likelihood("Normal", noise=("sigma",), name="expression"),),
)
def gene_expression() -> pm.Model:
    """Expression of many genes on few chips, each with a noise drawn from a population."""
    with pm.Model(coords={"gene": range(GENES), "chip": range(CHIPS)}) as model:
        mu_a, tau_a = pm.Normal("mu_a", 8, 3), pm.HalfNormal("tau_a", 3)
        tau_b = pm.HalfNormal("tau_b", 1)
        a = pm.Normal("a", mu_a, tau_a, dims="gene")
        b = pm.Normal("b", 0, tau_b, dims="gene")
        m, s = pm.Normal("m", -1, 1), pm.HalfNormal("s", 1)
        sigma = pm.LogNormal("sigma", m, s, dims="gene")
        mean = a[:, None] + b[:, None] * (TREATED - 0.5)[None, :]
        outcome = 8 + np.random.default_rng(1).normal(size=(GENES, CHIPS))
        pm.Normal("expression", mean, sigma[:, None], observed=outcome, dims=("gene", "chip"))
    return model


STEPS = 100


@MODELS.add(
    roles={
        "step_size": Role.PROCESS_PARAMETER,
        "volatility": Role.PROCESS,
        "nu": Role.DEGREES_OF_FREEDOM,
    },
    outcomes=(Likelihood("StudentT", noise=("nu",), perhaps=("volatility",), name="returns"),),
)
def stochastic_volatility() -> pm.Model:
    """Returns whose log volatility walks at random (PyMC's gallery)."""
    with pm.Model(coords={"time": range(STEPS)}) as model:
        step_size = pm.Exponential("step_size", 10)
        volatility = pm.GaussianRandomWalk(
            "volatility", sigma=step_size, dims="time", init_dist=pm.Normal.dist(0, 100)
        )
        nu = pm.Exponential("nu", 0.1)
        pm.StudentT(
            "returns",
            nu=nu,
            lam=np.exp(-2 * volatility),
            observed=0.01 * np.random.default_rng(1).normal(size=STEPS),
            dims="time",
        )
    return model


POLLS = 80
WEEK, POLLSTER = np.sort(RNG.integers(0, 30, POLLS)), RNG.integers(0, 7, POLLS)


@MODELS.add(
    roles={
        "omega": Role.PROCESS_PARAMETER,
        "support": Role.PROCESS,
        "sigma_house": Role.SCALE,
        "house": Role.GROUP_EFFECT,
    },
    levels=(Term("pollster", "house", 7, POLLSTER, form="centred"),),
    outcomes=(Likelihood("Normal", name="share"),),
)
def pooling_the_polls() -> pm.Model:
    """Support walks at random; every pollster is off by a house effect (Jackman 2005)."""
    with pm.Model(coords={"week": range(30), "pollster": range(7)}) as model:
        omega = pm.HalfNormal("omega", 0.02)
        start = pm.Normal.dist(0.5, 0.1)
        support = pm.GaussianRandomWalk("support", sigma=omega, init_dist=start, dims="week")
        sigma_house = pm.HalfNormal("sigma_house", 0.05)
        house = pm.Normal("house", 0, sigma_house, dims="pollster")
        error = np.sqrt(0.25 / np.random.default_rng(1).integers(400, 2000, POLLS))
        outcome = 0.5 + 0.02 * np.random.default_rng(1).normal(size=POLLS)
        pm.Normal("share", support[WEEK] + house[POLLSTER], error, observed=outcome)
    return model


SITES, VISITS = 120, 5
REGION = RNG.integers(0, 8, SITES)
ELEVATION = RNG.normal(size=SITES)


@MODELS.add(
    roles={
        "beta0": (Role.INTERCEPT, Role.MIXTURE_WEIGHT),
        "beta1": (Role.COEFFICIENT, Role.MIXTURE_WEIGHT),
        "alpha0": (Role.LOCATION, Role.INTERCEPT),
        "tau": Role.SCALE,
        "z": Role.OFFSET,
    },
    levels=(Term("region", "z", 8, REGION),),
    outcomes=(
        Likelihood(
            ("ZeroInflatedBinomial", "MarginalMixture", "Mixture"),
            "logit",
            perhaps=("beta0", "beta1"),
            name="detections",
        ),
    ),
)
def occupancy() -> pm.Model:
    """Sites are occupied or not; detection varies between regions (MacKenzie et al. 2002)."""
    with pm.Model(coords={"region": range(8), "site": range(SITES)}) as model:
        beta0, beta1 = pm.Normal("beta0", 0, 1.5), pm.Normal("beta1", 0, 1)
        alpha0 = pm.Normal("alpha0", 0, 1.5)
        tau = pm.HalfNormal("tau", 1)
        z = pm.Normal("z", 0, 1, dims="region")
        occupied = pm.math.invlogit(beta0 + beta1 * ELEVATION)
        detected = pm.math.invlogit(alpha0 + tau * z[REGION])
        counts = np.random.default_rng(1).binomial(VISITS, 0.4, SITES) * np.random.default_rng(
            1
        ).integers(0, 2, SITES)
        pm.ZeroInflatedBinomial(
            "detections", psi=occupied, n=VISITS, p=detected, observed=counts, dims="site"
        )
    return model


MARKED = RNG.integers(20, 60, 24)
RIVER, SEASON = np.repeat(np.arange(6), 4), np.tile(np.arange(4), 6)


@MODELS.add(
    roles={
        "mu_phi": Role.INTERCEPT,
        "beta_flow": Role.COEFFICIENT,
        "sigma_river": Role.SCALE,
        "sigma_season": Role.SCALE,
        "eps_river": Role.OFFSET,
        "eps_season": Role.OFFSET,
    },
    levels=(
        Term("river", "eps_river", 6, RIVER),
        Term("season", "eps_season", 4, SEASON),
    ),
    outcomes=(Likelihood("Binomial", "probit", name="recaptured"),),
)
def recaptures() -> pm.Model:
    """Marked fish seen again by river and season, on the probit scale."""
    flow = np.random.default_rng(1).normal(size=24)
    with pm.Model(coords={"river": range(6), "season": range(4)}) as model:
        mu_phi = pm.Normal("mu_phi", 0, 1)
        beta_flow = pm.Normal("beta_flow", 0, 0.5)
        sigma_river = pm.HalfNormal("sigma_river", 0.5)
        sigma_season = pm.HalfNormal("sigma_season", 0.5)
        eps_river = pm.Normal("eps_river", 0, 1, dims="river")
        eps_season = pm.Normal("eps_season", 0, 1, dims="season")
        eta = (
            mu_phi
            + beta_flow * flow
            + (sigma_river * eps_river)[RIVER]
            + (sigma_season * eps_season)[SEASON]
        )
        phi = pm.Deterministic("phi", pm.math.invprobit(eta))
        pm.Binomial(
            "recaptured", n=MARKED, p=phi, observed=np.random.default_rng(1).binomial(MARKED, 0.6)
        )
    return model


KIDNEY = np.repeat(np.arange(38), 2)
AGE, FEMALE = RNG.normal(size=76), np.repeat(RNG.integers(0, 2, 38), 2).astype(float)
TIME = np.round(RNG.weibull(1.2, 76) * 100 + 1)
LIMIT = np.where(RNG.random(76) < 0.2, TIME, np.inf)


@MODELS.add(
    roles={
        "alpha": Role.INTERCEPT,
        "beta_age": Role.COEFFICIENT,
        "beta_sex": Role.COEFFICIENT,
        "r": Role.NOISE,
        "tau": Role.SCALE,
        "b": Role.GROUP_EFFECT,
    },
    levels=(Term("patient", "b", 38, KIDNEY, form="centred"),),
    outcomes=(
        Likelihood(
            ("Censored", "Weibull", "Censored Weibull"), "log", noise=("r",), name="infection"
        ),
    ),
)
def kidney() -> pm.Model:
    """Time to infection of kidney patients: Weibull, frailty, censoring (BUGS kidney)."""
    with pm.Model(coords={"patient": range(38)}) as model:
        alpha = pm.Normal("alpha", 4, 2)
        beta_age, beta_sex = pm.Normal("beta_age", 0, 1), pm.Normal("beta_sex", 0, 1)
        r = pm.Gamma("r", 2, 1)
        tau = pm.HalfNormal("tau", 1)
        b = pm.Normal("b", 0, tau, dims="patient")
        eta = alpha + beta_age * AGE + beta_sex * FEMALE + b[KIDNEY]
        latent = pm.Weibull.dist(alpha=r, beta=pm.math.exp(eta))
        pm.Censored("infection", latent, lower=None, upper=LIMIT, observed=TIME)
    return model


SITE, TRAP = np.repeat(np.arange(10), 12), np.tile(np.repeat(np.arange(4), 3), 10)
TRAP_OF_SITE = SITE * 4 + TRAP


@MODELS.add(
    roles={
        "intercept": (Role.LOCATION, Role.INTERCEPT),
        "sigma_site": Role.SCALE,
        "sigma_trap": Role.SCALE,
        "z_site": Role.OFFSET,
        "z_trap": Role.OFFSET,
        "alpha": Role.NOISE,
    },
    levels=(
        Term("site", "z_site", 10, SITE),
        Term("trap", "z_trap", 40, TRAP_OF_SITE),
    ),
    nested={"trap": ("site",)},
    outcomes=(Likelihood("NegativeBinomial", "log", noise=("alpha",), name="caught"),),
)
def traps_with_dims() -> pm.Model:
    """Insects in traps within sites, in ``pymc.dims``."""
    import pymc.dims as pmd

    coords = {"site": range(10), "trap": range(40), "row": range(120)}
    with pm.Model(coords=coords) as model:
        site = pmd.Data("site_index", SITE, dims="row")
        trap = pmd.Data("trap_index", TRAP_OF_SITE, dims="row")
        intercept = pmd.Normal("intercept", 1, 1)
        sigma_site = pmd.HalfNormal("sigma_site", 1)
        sigma_trap = pmd.HalfNormal("sigma_trap", 1)
        z_site = pmd.Normal("z_site", 0, 1, dims="site")
        z_trap = pmd.Normal("z_trap", 0, 1, dims="trap")
        eta = intercept + sigma_site * z_site.isel(site=site) + sigma_trap * z_trap.isel(trap=trap)
        alpha = pmd.Exponential("alpha", 1)
        counts = pmd.Data("counts", np.random.default_rng(1).poisson(4, 120), dims="row")
        pmd.NegativeBinomial(
            "caught", mu=pmd.math.exp(eta), alpha=alpha, observed=counts, dims="row"
        )
    return model


CROP_YEAR, VARIETY = np.repeat(np.arange(9), 11), np.tile(np.arange(11), 9)


@MODELS.add(
    roles={
        "mu": Role.LOCATION,
        "tau_variety": Role.SCALE,
        "tau_year": Role.SCALE,
        "variety": Role.GROUP_EFFECT,
        "year": Role.GROUP_EFFECT,
        "sigma": Role.NOISE,
    },
    levels=(
        Term("v", "variety", 11, np.tile(np.arange(11), 9), form="centred"),
        Term("t", "year", 9, np.repeat(np.arange(9), 11), form="centred"),
    ),
    outcomes=(Likelihood("Normal", noise=("sigma",), name="yield"),),
)
def variety_trial_with_dims() -> pm.Model:
    """A table of yields by year and variety, in ``pymc.dims``."""
    import pymc.dims as pmd

    with pm.Model(coords={"t": range(9), "v": range(11)}) as model:
        mu = pmd.Normal("mu", 5, 2)
        tau_variety, tau_year = pmd.HalfNormal("tau_variety", 1), pmd.HalfNormal("tau_year", 1)
        variety = pmd.Normal("variety", mu, tau_variety, dims="v")
        year = pmd.Normal("year", 0, tau_year, dims="t")
        sigma = pmd.HalfNormal("sigma", 1)
        outcome = pmd.as_xtensor(5 + np.random.default_rng(1).normal(size=(9, 11)), dims=("t", "v"))
        pmd.Normal("yield", year + variety, sigma, observed=outcome, dims=("t", "v"))
    return model
