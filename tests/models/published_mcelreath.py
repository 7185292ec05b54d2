"""Models of McElreath (Statistical Rethinking)."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from poolwise.checks.hierarchy import Role

from .expected import Collection, Likelihood, Term

MODELS = Collection()

RNG = np.random.default_rng(102)
GROUP_LEVEL = (Role.LOCATION, Role.COEFFICIENT)
CENTRE = (Role.LOCATION, Role.INTERCEPT)

TANKS = np.arange(48)
DENSITY = np.repeat([10, 25, 35], 16)
SURVIVED = RNG.binomial(DENSITY, 0.7)


@MODELS.add(
    roles={"a_bar": Role.LOCATION, "sigma": Role.SCALE, "a": Role.GROUP_EFFECT},
    levels=(Term("tank", "a", 48, TANKS, form="centred"),),
    outcomes=(Likelihood("Binomial", "logit", name="S"),),
)
def reed_frogs() -> pm.Model:
    """Survival of tadpoles in 48 tanks (McElreath 2020, m13.2)."""
    with pm.Model(coords={"tank": TANKS}) as model:
        a_bar = pm.Normal("a_bar", 0.0, 1.5)
        sigma = pm.Exponential("sigma", 1.0)
        a = pm.Normal("a", a_bar, sigma, dims="tank")
        p = pm.Deterministic("p", pm.math.invlogit(a[TANKS]))
        pm.Binomial("S", n=DENSITY, p=p, observed=SURVIVED)
    return model


PULLS = 504
ACTOR = np.repeat(np.arange(7), 72)
BLOCK = np.tile(np.repeat(np.arange(6), 12), 7)
TREATMENT = RNG.integers(0, 4, PULLS)
PULLED = RNG.integers(0, 2, PULLS)
CHIMPS = {"actor": range(7), "block": range(6), "treatment": ["R/N", "L/N", "R/P", "L/P"]}


@MODELS.add(
    roles={
        "a_bar": CENTRE,
        "sigma_a": Role.SCALE,
        "sigma_g": Role.SCALE,
        "z": Role.OFFSET,
        "x": Role.OFFSET,
        "b": Role.UNPOOLED,
    },
    levels=(Term("actor", "z", 7, ACTOR), Term("block", "x", 6, BLOCK)),
    outcomes=(Likelihood("Bernoulli", "logit", name="pulled_left"),),
)
def chimpanzees() -> pm.Model:
    """Actors crossed with blocks, non-centred (McElreath 2020, m13.4nc)."""
    with pm.Model(coords=CHIMPS) as model:
        a_bar = pm.Normal("a_bar", 0.0, 1.5)
        sigma_a = pm.Exponential("sigma_a", 1.0)
        sigma_g = pm.Exponential("sigma_g", 1.0)
        z = pm.Normal("z", 0.0, 1.0, dims="actor")
        x = pm.Normal("x", 0.0, 1.0, dims="block")
        b = pm.Normal("b", 0.0, 0.5, dims="treatment")
        logit_p = a_bar + z[ACTOR] * sigma_a + x[BLOCK] * sigma_g + b[TREATMENT]
        pm.Deterministic("a", a_bar + z * sigma_a)
        pm.Deterministic("g", x * sigma_g)
        pm.Bernoulli("pulled_left", p=pm.math.invlogit(logit_p), observed=PULLED)
    return model


def _by_treatment(level: str, variable: str, size: int, group: np.ndarray) -> tuple[Term, ...]:
    return tuple(Term(level, variable, size, np.where(k == TREATMENT, group, -1)) for k in range(4))


@MODELS.add(
    roles={
        "g": Role.UNPOOLED,
        "chol_actor": Role.COVARIANCE,
        "chol_block": Role.COVARIANCE,
        "z_actor": Role.OFFSET,
        "z_block": Role.OFFSET,
    },
    levels=(
        *_by_treatment("actor", "z_actor", 7, ACTOR),
        *_by_treatment("block", "z_block", 6, BLOCK),
    ),
    outcomes=(Likelihood("Bernoulli", "logit", name="L"),),
)
def chimpanzees_by_treatment() -> pm.Model:
    """Four correlated treatment effects by actor and by block (McElreath 2020, m14.3)."""
    with pm.Model(coords=CHIMPS) as model:
        g = pm.Normal("g", 0.0, 1.0, dims="treatment")
        effects = {}
        for name in ("actor", "block"):
            chol, _, _ = pm.LKJCholeskyCov(
                f"chol_{name}", n=4, eta=4, sd_dist=pm.Exponential.dist(1.0)
            )
            z = pm.Normal(f"z_{name}", 0.0, 1.0, dims=("treatment", name))
            effects[name] = pm.Deterministic(
                f"effect_{name}", pt.dot(chol, z).T, dims=(name, "treatment")
            )
        logit_p = (
            g[TREATMENT] + effects["actor"][ACTOR, TREATMENT] + effects["block"][BLOCK, TREATMENT]
        )
        pm.Bernoulli("L", logit_p=logit_p, observed=PULLED)
    return model


DISTRICT = RNG.integers(0, 61, 800)
DISTRICT[DISTRICT == 53] = 52  # nobody was asked in district 54
URBAN = RNG.integers(0, 2, 800).astype(float)


@MODELS.add(
    roles={"mu": GROUP_LEVEL, "chol": Role.COVARIANCE, "z": Role.OFFSET},
    levels=(Term("district", "z", 61, DISTRICT), Term("district", "z", 61, DISTRICT, URBAN)),
    outcomes=(Likelihood("Bernoulli", "logit", name="use"),),
)
def bangladesh() -> pm.Model:
    """Contraception by district, correlated with its urban effect (McElreath 2020, 14H1)."""
    with pm.Model(coords={"district": range(61), "effect": ["a", "b"]}) as model:
        mu = pm.Normal("mu", 0, [1, 0.5], dims="effect")
        chol, _, _ = pm.LKJCholeskyCov("chol", n=2, eta=4, sd_dist=pm.Exponential.dist(1, shape=2))
        z = pm.Normal("z", 0, 1, dims=("district", "effect"))
        v = pm.Deterministic("v", mu + z @ chol.T, dims=("district", "effect"))
        a, b = v[:, 0], v[:, 1]
        logit_p = a[DISTRICT] + b[DISTRICT] * URBAN
        pm.Bernoulli("use", logit_p=logit_p, observed=np.random.default_rng(1).integers(0, 2, 800))
    return model


ADMITTED = np.array([512, 89, 353, 17, 120, 202, 138, 131, 53, 94, 22, 24])
APPLIED = np.array([825, 108, 560, 25, 325, 593, 417, 375, 191, 393, 373, 341])
DEPARTMENT, MALE = np.repeat(np.arange(6), 2), np.tile([1.0, 0.0], 6)


@MODELS.add(
    roles={
        "ab": Role.GROUP_EFFECT,
        "ab_bar": Role.LOCATION,
        "chol": Role.COVARIANCE,
    },
    levels=(
        Term("dept", "ab", 6, DEPARTMENT, form="centred", family="MvNormal"),
        Term("dept", "ab", 6, DEPARTMENT, MALE, form="centred", family="MvNormal"),
    ),
    outcomes=(Likelihood("Binomial", "logit", name="admit"),),
)
def berkeley_admissions() -> pm.Model:
    """Admissions and the effect of being male by department (McElreath, m13.3 of 2016)."""
    with pm.Model(coords={"dept": list("ABCDEF"), "effect": ["a", "bm"]}) as model:
        chol, _, _ = pm.LKJCholeskyCov("chol", n=2, eta=2, sd_dist=pm.HalfCauchy.dist(2))
        ab_bar = pm.Normal("ab_bar", mu=0, sigma=[10, 1], dims="effect")
        ab = pm.MvNormal("ab", ab_bar, chol=chol, dims=("dept", "effect"))
        a = ab[DEPARTMENT, 0]
        bm = ab[DEPARTMENT, 1]
        pm.Binomial("admit", n=APPLIED, p=pm.math.sigmoid(a + bm * MALE), observed=ADMITTED)
    return model


@MODELS.add(
    roles={"a": Role.UNPOOLED, "phi": Role.NOISE},
    outcomes=(Likelihood("BetaBinomial", "logit", noise=("phi",), name="A"),),
)
def berkeley_beta_binomial() -> pm.Model:
    """Admissions by gender, beta-binomial: no level at all (McElreath 2020, m12.1)."""
    gender = (1 - MALE).astype(int)
    with pm.Model() as model:
        a = pm.Normal("a", 0.0, 1.5, shape=2)
        phi = pm.Exponential("phi", 1.0)
        theta = pm.Deterministic("theta", phi + 2.0)
        pbar = pm.Deterministic("pbar", pm.math.invlogit(a))
        pm.BetaBinomial(
            "A", pbar[gender] * theta, (1.0 - pbar[gender]) * theta, APPLIED, observed=ADMITTED
        )
    return model


TOOLS = np.array([13, 22, 24, 43, 33, 19, 40, 28, 55, 71])
POPULATION = np.array([1100, 1500, 3600, 4791, 7400, 8000, 9200, 13000, 17500, 275000])
PLACE = RNG.normal(size=(10, 2)) * 2
DISTANCE = np.sqrt(((PLACE[:, None] - PLACE[None]) ** 2).sum(-1))


@MODELS.add(
    roles={
        "a": (Role.NONLINEAR, Role.INTERCEPT),
        "b": (Role.COEFFICIENT, Role.NONLINEAR),
        "g": (Role.NONLINEAR, Role.INTERCEPT),
        "etasq": Role.PROCESS_PARAMETER,
        "rhosq": Role.PROCESS_PARAMETER,
        "k": Role.PROCESS,
    },
    outcomes=(Likelihood("Poisson", "log", name="total_tools"),),
)
def oceanic_tools() -> pm.Model:
    """Tools of ten societies, correlated by distance (McElreath 2020, m14.8)."""
    with pm.Model(coords={"society": range(10)}) as model:
        a = pm.Exponential("a", 1.0)
        b = pm.Exponential("b", 1.0)
        g = pm.Exponential("g", 1.0)
        etasq = pm.Exponential("etasq", 2.0)
        rhosq = pm.Exponential("rhosq", 0.5)
        covariance = etasq * pt.exp(-rhosq * DISTANCE**2) + np.diag([0.01] * 10)
        k = pm.MvNormal("k", mu=np.zeros(10), cov=covariance, dims="society")
        lam = (a * POPULATION**b / g) * pm.math.exp(k[np.arange(10)])
        pm.Poisson("total_tools", lam, observed=TOOLS)
    return model


CAFE, AFTERNOON = np.repeat(np.arange(20), 10), np.tile([0.0, 1.0], 100)


@MODELS.add(
    roles={
        "a": Role.LOCATION,
        "b": Role.LOCATION,
        "Rho": Role.COVARIANCE,
        "ab_cafe": Role.GROUP_EFFECT,
        "sigma": Role.NOISE,
    },
    levels=(
        Term("cafe", "ab_cafe", 20, CAFE, form="centred", family="MvNormal"),
        Term("cafe", "ab_cafe", 20, CAFE, AFTERNOON, form="centred", family="MvNormal"),
    ),
    outcomes=(Likelihood("Normal", noise=("sigma",), name="wait"),),
)
def cafes() -> pm.Model:
    """Waiting times in 20 cafés, mornings and afternoons (McElreath 2020, m14.1)."""
    with pm.Model(coords={"cafe": range(20), "effect": ["a", "b"]}) as model:
        a = pm.Normal("a", 5.0, 2.0)
        b = pm.Normal("b", -1.0, 0.5)
        chol, _, _ = pm.LKJCholeskyCov("Rho", n=2, eta=2, sd_dist=pm.Exponential.dist(1.0))
        ab = pm.MvNormal("ab_cafe", mu=pt.stack([a, b]), chol=chol, dims=("cafe", "effect"))
        mu = ab[:, 0][CAFE] + ab[:, 1][CAFE] * AFTERNOON
        sigma = pm.Exponential("sigma", 1.0)
        pm.Normal(
            "wait", mu=mu, sigma=sigma, observed=3 + np.random.default_rng(1).normal(size=200)
        )
    return model


PEOPLE, STORY, ACTION = (
    np.repeat(np.arange(40), 12),
    np.tile(np.arange(12), 40),
    RNG.integers(0, 2, 480).astype(float),
)


@MODELS.add(
    roles={
        "cutpoints": Role.CUTPOINTS,
        "bA": Role.COEFFICIENT,
        "sigma_id": Role.SCALE,
        "sigma_story": Role.SCALE,
        "z_id": Role.OFFSET,
        "z_story": Role.OFFSET,
    },
    levels=(Term("id", "z_id", 40, PEOPLE), Term("story", "z_story", 12, STORY)),
    outcomes=(
        Likelihood(
            ("OrderedLogistic", "OrderedMultinomial", "Categorical"), "logit", name="response"
        ),
    ),
)
def trolley() -> pm.Model:
    """Answers from 1 to 7 by person and story (McElreath 2020, 13H4)."""
    with pm.Model(coords={"id": range(40), "story": range(12)}) as model:
        cutpoints = pm.Normal(
            "cutpoints",
            mu=0.0,
            sigma=1.5,
            transform=pm.distributions.transforms.ordered,
            shape=6,
            initval=np.arange(6) - 2.5,
        )
        bA = pm.Normal("bA", mu=0.0, sigma=0.5)
        sigma_id, sigma_story = pm.Exponential("sigma_id", 1), pm.Exponential("sigma_story", 1)
        z_id = pm.Normal("z_id", dims="id")
        z_story = pm.Normal("z_story", dims="story")
        phi = bA * ACTION + (z_id * sigma_id)[PEOPLE] + (z_story * sigma_story)[STORY]
        pm.OrderedLogistic(
            "response",
            eta=phi,
            cutpoints=cutpoints,
            observed=np.random.default_rng(1).integers(0, 7, 480),
        )
    return model


YEARS = np.linspace(-1, 1, 200)
BASIS = np.maximum(0, 1 - np.abs(YEARS[:, None] - np.linspace(-1, 1, 12)) * 5.5)


@MODELS.add(
    roles={"a": Role.INTERCEPT, "w": Role.COEFFICIENT, "sigma": Role.NOISE},
    outcomes=(Likelihood("Normal", noise=("sigma",), name="D"),),
)
def cherry_blossoms() -> pm.Model:
    """First day of blossom by a spline with fixed priors: no level (McElreath 2020, m4.7)."""
    with pm.Model(coords={"splines": np.arange(12)}) as model:
        a = pm.Normal("a", 100, 5)
        w = pm.Normal("w", mu=0, sigma=10, dims="splines")
        mu = pm.Deterministic("mu", a + pm.math.dot(BASIS, w.T))
        sigma = pm.Exponential("sigma", 1)
        pm.Normal("D", mu=mu, sigma=sigma, observed=100 + np.random.default_rng(1).normal(size=200))
    return model
