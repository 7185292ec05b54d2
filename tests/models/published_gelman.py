"""Models of Gelman et al. (Bayesian Data Analysis) and of Gelman and Hill."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from poolwise.checks.hierarchy import Role

from .expected import Collection, Likelihood, Term

MODELS = Collection()

RNG = np.random.default_rng(101)
GROUP_LEVEL = (Role.LOCATION, Role.COEFFICIENT)
CENTRE = (Role.LOCATION, Role.INTERCEPT)
NORMAL = (Likelihood("Normal", noise=("sigma",)),)

RATS, DAYS = 30, np.array([8.0, 15.0, 22.0, 29.0, 36.0])
WEIGHTS = 240 + 6.2 * (DAYS - 22) + 14 * RNG.normal(size=(RATS, 1)) + 6 * RNG.normal(size=(RATS, 5))
RAT_OF_CELL, DAY_OF_CELL = np.repeat(np.arange(RATS), 5), np.tile(DAYS, RATS)


@MODELS.add(
    roles={
        "mu": Role.LOCATION,
        "chol": Role.COVARIANCE,
        "ab": Role.GROUP_EFFECT,
        "sigma_y": Role.NOISE,
    },
    levels=(
        Term("rat", "ab", RATS, RAT_OF_CELL, form="centred", family="MvNormal"),
        Term("rat", "ab", RATS, RAT_OF_CELL, DAY_OF_CELL, form="centred", family="MvNormal"),
    ),
    outcomes=(Likelihood("Normal", noise=("sigma_y",)),),
)
def rats_correlated() -> pm.Model:
    """Growth curves of 30 rats with correlated intercepts and slopes (BDA, Gelfand et al. 1990)."""
    coords = {"rat": np.arange(RATS), "param": ["alpha", "beta"], "day": DAYS}
    with pm.Model(coords=coords) as model:
        mu = pm.Normal("mu", [250, 6], [100, 10], dims="param")
        chol, _corr, _sd = pm.LKJCholeskyCov(
            "chol", n=2, eta=2.0, sd_dist=pm.HalfNormal.dist(20.0, shape=2)
        )
        ab = pm.MvNormal("ab", mu=mu, chol=chol, dims=("rat", "param"))
        sigma_y = pm.HalfCauchy("sigma_y", 5)
        expected = ab[:, 0][:, None] + ab[:, 1][:, None] * DAYS[None, :]
        pm.Normal("y", expected, sigma_y, observed=WEIGHTS, dims=("rat", "day"))
    return model


CURRENT = [20] * 14 + [19] * 4 + [18] * 6 + [25, 24, 23, 20, 20, 20, 20, 10, 49, 19, 46, 27, 17]
TUMOURS = [0] * 14 + [1] * 10 + [2] * 13


@MODELS.add(
    roles={"ab": (Role.SCALE, Role.LOCATION), "theta": Role.GROUP_EFFECT},
    levels=(
        Term(
            "obs_id", "theta", len(CURRENT), np.arange(len(CURRENT)), form="centred", family="Beta"
        ),
    ),
    outcomes=(Likelihood("Binomial"),),
)
def rat_tumours() -> pm.Model:
    """Rat tumours with the improper hyperprior of BDA, section 5.3, as in PyMC's gallery."""
    coords = {"obs_id": np.arange(len(CURRENT)), "param": ["alpha", "beta"]}

    def log_prior(value: Any) -> Any:
        return pt.log(pt.pow(pt.sum(value), -5 / 2))

    with pm.Model(coords=coords) as model:
        n_val = pm.Data("n_val", np.array(CURRENT))
        ab = pm.HalfNormal("ab", sigma=10, dims="param")
        pm.Potential("p(a, b)", log_prior(ab))
        pm.Deterministic("X", pm.math.log(ab[0] / ab[1]))
        pm.Deterministic("Z", pm.math.log(pm.math.sum(ab)))
        theta = pm.Beta("theta", alpha=ab[0], beta=ab[1], dims="obs_id")
        pm.Binomial("y", p=theta, observed=np.array(TUMOURS), n=n_val)
    return model


@MODELS.add(
    roles={
        "mu": Role.LOCATION,
        "tau": Role.SCALE,
        "nu": Role.DEGREES_OF_FREEDOM,
        "theta": Role.GROUP_EFFECT,
    },
    levels=(Term("school", "theta", 8, np.arange(8), form="centred", family="StudentT"),),
    outcomes=(Likelihood("Normal"),),
)
def eight_schools_t() -> pm.Model:
    """Eight schools with t-distributed effects and unknown degrees of freedom (BDA, 17.4)."""
    effect = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
    se = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
    with pm.Model(coords={"school": list("ABCDEFGH")}) as model:
        mu = pm.Normal("mu", 0, 20)
        tau = pm.HalfNormal("tau", 20)
        nu = pm.Gamma("nu", 2, 0.1)
        theta = pm.StudentT("theta", nu=nu, mu=mu, sigma=tau, dims="school")
        pm.Normal("y", mu=theta, sigma=se, observed=effect, dims="school")
    return model


@MODELS.add(
    roles={"mu": Role.LOCATION, "tau": Role.SCALE, "theta": Role.GROUP_EFFECT},
    levels=(Term("theta", "theta", 3, np.arange(3), form="centred"),),
    outcomes=(Likelihood("Normal"),),
)
def three_schools() -> pm.Model:
    """Three of the eight schools, half-t scale (Gelman 2006)."""
    with pm.Model() as model:
        mu = pm.Flat("mu")
        tau = pm.HalfStudentT("tau", nu=4, sigma=25)
        theta = pm.Normal("theta", mu, tau, shape=3)
        pm.Normal("y", theta, np.array([15.0, 10.0, 16.0]), observed=np.array([28.0, 8.0, -3.0]))
    return model


_DATA = Path(__file__).parents[2] / "tutorials" / "models" / "data" / "radon_mn.csv"
with _DATA.open() as _file:
    HOUSES = list(csv.DictReader(_file))
COUNTIES = sorted({row["county"].strip() for row in HOUSES})
COUNTY = np.array([COUNTIES.index(row["county"].strip()) for row in HOUSES])
FLOOR = np.array([float(row["floor"]) for row in HOUSES])
RADON = np.array([float(row["log_radon"]) for row in HOUSES])
URANIUM = np.zeros(len(COUNTIES))
URANIUM[COUNTY] = [float(row["log_uranium"]) for row in HOUSES]


@MODELS.add(
    roles={
        "mu_a": Role.LOCATION,
        "sigma_a": Role.SCALE,
        "a": Role.GROUP_EFFECT,
        "b": Role.COEFFICIENT,
        "sigma_y": Role.NOISE,
    },
    levels=(Term("county", "a", 85, COUNTY, form="centred"),),
    outcomes=(Likelihood("Normal", noise=("sigma_y",)),),
)
def radon_intercepts() -> pm.Model:
    """Radon by county, varying intercepts (Gelman and Hill 2006, 12.3)."""
    with pm.Model(coords={"county": COUNTIES, "obs": np.arange(RADON.size)}) as model:
        county_idx = pm.Data("county_idx", COUNTY, dims="obs")
        floor = pm.Data("floor", FLOOR, dims="obs")
        mu_a = pm.Normal("mu_a", mu=0.0, sigma=10)
        sigma_a = pm.Uniform("sigma_a", 0, 100)
        a = pm.Normal("a", mu=mu_a, sigma=sigma_a, dims="county")
        b = pm.Normal("b", mu=0.0, sigma=10)
        theta = a[county_idx] + b * floor
        sigma_y = pm.Uniform("sigma_y", 0, 100)
        pm.Normal("y", theta, sigma=sigma_y, observed=RADON, dims="obs")
    return model


@MODELS.add(
    roles={
        "gamma": GROUP_LEVEL,
        "sigma_a": Role.SCALE,
        "sigma_b": Role.SCALE,
        "mu_b": GROUP_LEVEL,
        "z_a": Role.OFFSET,
        "z_b": Role.OFFSET,
        "sigma": Role.NOISE,
    },
    levels=(
        Term("county", "z_a", 85, COUNTY),
        Term("county", "z_b", 85, COUNTY, FLOOR),
    ),
    outcomes=NORMAL,
)
def radon_slopes_and_uranium() -> pm.Model:
    """Varying intercepts and slopes, uranium by county (Gelman and Hill 2006, 13.1)."""
    with pm.Model(coords={"county": COUNTIES, "param": ["intercept", "uranium"]}) as model:
        gamma = pm.Normal("gamma", 0, 2, dims="param")
        sigma_a = pm.Exponential("sigma_a", 1)
        z_a = pm.Normal("z_a", 0, 1, dims="county")
        a = pm.Deterministic("a", gamma[0] + gamma[1] * URANIUM + z_a * sigma_a, dims="county")
        mu_b = pm.Normal("mu_b", 0, 2)
        sigma_b = pm.Exponential("sigma_b", 1)
        z_b = pm.Normal("z_b", 0, 1, dims="county")
        b = pm.Deterministic("b", mu_b + z_b * sigma_b, dims="county")
        sigma = pm.Exponential("sigma", 1)
        pm.Normal("y", a[COUNTY] + b[COUNTY] * FLOOR, sigma, observed=RADON)
    return model


PRECINCTS = 75
PRECINCT, ETHNICITY = np.repeat(np.arange(PRECINCTS), 3), np.tile(np.arange(3), PRECINCTS)
ARRESTS = RNG.integers(10, 500, PRECINCT.size)
STOPS = RNG.poisson(0.3 * ARRESTS)
CELLS = np.arange(PRECINCT.size)


@MODELS.add(
    roles={
        "mu": Role.INTERCEPT,
        "sigma_eth": Role.SCALE,
        "sigma_precinct": Role.SCALE,
        "sigma_eps": Role.SCALE,
        "alpha": Role.GROUP_EFFECT,
        "beta": Role.GROUP_EFFECT,
        "eps": Role.GROUP_EFFECT,
    },
    levels=(
        Term("eth", "alpha", 3, ETHNICITY, form="centred"),
        Term("precinct", "beta", PRECINCTS, PRECINCT, form="centred"),
        Term("cell", "eps", PRECINCT.size, CELLS, form="centred"),
    ),
    nested={"cell": ("eth", "precinct")},
    outcomes=(Likelihood("Poisson", "log", name="stops"),),
)
def police_stops() -> pm.Model:
    """Stops by ethnicity and precinct, overdispersed (Gelman and Hill 2006, 15.1)."""
    coords = {"eth": ["black", "hispanic", "white"], "precinct": range(PRECINCTS), "cell": CELLS}
    with pm.Model(coords=coords) as model:
        mu = pm.Normal("mu", 0, 5)
        sigma_eth = pm.HalfCauchy("sigma_eth", 1)
        sigma_precinct = pm.HalfCauchy("sigma_precinct", 1)
        sigma_eps = pm.HalfCauchy("sigma_eps", 1)
        alpha = pm.Normal("alpha", 0, sigma_eth, dims="eth")
        beta = pm.Normal("beta", 0, sigma_precinct, dims="precinct")
        eps = pm.Normal("eps", 0, sigma_eps, dims="cell")
        log_rate = np.log(ARRESTS) + mu + alpha[ETHNICITY] + beta[PRECINCT] + eps
        pm.Poisson("stops", pm.math.exp(log_rate), observed=STOPS, dims="cell")
    return model
