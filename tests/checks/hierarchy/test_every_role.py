"""What free variables are, on models written after the books, and what outcomes are called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest

from poolwise.checks.hierarchy import Hierarchy, Role, read_hierarchy, roles

RNG = np.random.default_rng(3)
GROUPS, ROWS = 6, 90
GROUP = RNG.permutation(np.repeat(np.arange(GROUPS), ROWS // GROUPS))
X = RNG.normal(size=ROWS)
Y = RNG.normal(size=ROWS)
COUNTS = RNG.poisson(3, ROWS)
BINARY = RNG.integers(0, 2, ROWS)
ORDERED = pm.distributions.transforms.ordered


def read(body: Any, **declared: Any) -> Hierarchy:
    with pm.Model(coords={"group": range(GROUPS), "row": range(ROWS)}) as model:
        body()
    return read_hierarchy(model, **declared)


def normal(mean: Any, **named: Any) -> None:
    pm.Normal("y", mean, pm.HalfNormal("sigma", 1), observed=named.get("y", Y))


def regularised_horseshoe() -> None:
    tau, local = pm.HalfCauchy("tau", 0.1), pm.HalfCauchy("local", 1, shape=8)
    slab = pm.InverseGamma("slab", 2, 2)
    width = local * pt.sqrt(slab / (slab + tau**2 * local**2))
    b = tau * width * pm.Normal("z", 0, 1, shape=8)
    normal(pm.Normal("a", 0, 1) + pt.dot(RNG.normal(size=(ROWS, 8)), b))


def horseshoe_in_layers() -> None:
    tau = pm.HalfCauchy("tau", 0.1)
    local = pm.HalfCauchy("local", tau, shape=8)
    b = pm.Normal("b", 0, local)
    normal(pt.dot(RNG.normal(size=(ROWS, 8)), b))


def lasso() -> None:
    b = pm.Laplace("b", 0, pm.HalfNormal("width", 1), shape=8)
    normal(pm.Normal("a", 0, 1) + pt.dot(RNG.normal(size=(ROWS, 8)), b))


def random_walk() -> None:
    steps = np.sort(RNG.integers(0, 12, ROWS))
    z = pm.Normal("z", 0, 1, shape=12)
    normal(pt.cumsum(pm.HalfNormal("pace", 1) * z)[steps])


def gaussian_random_walk() -> None:
    walk = pm.GaussianRandomWalk(
        "walk", sigma=pm.HalfNormal("pace", 1), init_dist=pm.Normal.dist(0, 1), shape=12
    )
    normal(walk[np.sort(RNG.integers(0, 12, ROWS))])


def marginal_gaussian_process() -> None:
    length, height = pm.InverseGamma("length", 5, 5), pm.HalfNormal("height", 1)
    at = np.linspace(0, 1, 15)
    kernel = height**2 * pt.exp(-((at[:, None] - at) ** 2) / (2 * length**2))
    noise = pm.HalfNormal("sigma", 1)
    pm.MvNormal("y", np.zeros(15), cov=kernel + noise**2 * np.eye(15), observed=Y[:15])


def robust_groups() -> None:
    nu = pm.Gamma("nu", 2, 0.1)
    mu, tau = pm.Normal("mu", 0, 1), pm.HalfNormal("tau", 1)
    theta = pm.StudentT("theta", nu=nu, mu=mu, sigma=tau, dims="group")
    df, s = pm.Gamma("df", 2, 0.1), pm.HalfNormal("s", 1)
    pm.StudentT("y", nu=df, mu=theta[GROUP], sigma=s, observed=Y)


def predictor_of_groups() -> None:
    u = np.arange(GROUPS) - 2.5
    centre = pm.Normal("mu", 0, 1) + pm.Normal("slope", 0, 1) * u
    theta = pm.Normal("theta", centre, pm.HalfNormal("tau", 1), dims="group")
    normal(theta[GROUP])


def unpooled_and_dummies() -> None:
    mean = pm.Normal("u", 0, 5, dims="group")[GROUP]
    normal(mean + pm.Normal("b", 0, 1) * X)


def treatment_contrasts() -> None:
    dummies = np.eye(GROUPS)[GROUP][:, 1:]
    normal(pm.Normal("a", 0, 1) + pt.dot(dummies, pm.Normal("b", 0, 1, shape=GROUPS - 1)))


def ordinal_with_steps() -> None:
    """Cutpoints as a first threshold and positive steps."""
    steps = pm.HalfNormal("steps", 1, shape=2)
    first = pm.Normal("first", -1, 1)
    cuts = pt.concatenate([first[None], first + pt.cumsum(steps)])
    eta = pm.Normal("b", 0, 1) * X
    pm.OrderedLogistic("y", eta=eta, cutpoints=cuts, observed=COUNTS % 4)


def multinomial_logit() -> None:
    a, b = pm.Normal("a", 0, 1, shape=2), pm.Normal("b", 0, 1, shape=2)
    eta = pt.concatenate([pt.zeros((ROWS, 1)), a + b * X[:, None]], axis=1)
    pm.Categorical("y", logit_p=eta, observed=COUNTS % 3)


def location_scale() -> None:
    mean = pm.Normal("a", 0, 1) + pm.Normal("b", 0, 1) * X
    spread = pt.exp(pm.Normal("log_sigma", 0, 1) + pm.Normal("trend", 0, 1) * X)
    pm.Normal("y", mean, spread, observed=Y)


def noise_scales_effects() -> None:
    sigma, tau = pm.HalfNormal("sigma", 1), pm.HalfNormal("tau", 1)
    mean = pm.Normal("mu", 0, 1) + tau * sigma * pm.Normal("z", 0, 1, dims="group")[GROUP]
    pm.Normal("y", mean, sigma, observed=Y)


def exponential_decay() -> None:
    top, rate = pm.HalfNormal("top", 1), pm.HalfNormal("rate", 1)
    normal(top * pt.exp(-rate * np.abs(X)))


def two_components() -> None:
    w = pm.Beta("w", 1, 1)
    parts = [
        pm.Normal.dist(pm.Normal("low", -1, 1), pm.HalfNormal("s1", 1)),
        pm.StudentT.dist(nu=4, mu=pm.Normal("high", 1, 1), sigma=pm.HalfNormal("s2", 1)),
    ]
    pm.Mixture("y", w=pt.stack([w, 1 - w]), comp_dists=parts, observed=Y)


def outliers() -> None:
    """One line, two widths: the components share their location."""
    mean = pm.Normal("a", 0, 1) + pm.Normal("b", 0, 1) * X
    narrow, wide = pm.HalfNormal("narrow", 1), pm.HalfNormal("wide", 10)
    parts = [pm.Normal.dist(mean, narrow), pm.Normal.dist(mean, wide)]
    pm.Mixture("y", w=pm.Dirichlet("w", np.ones(2)), comp_dists=parts, observed=Y)


def predicted_and_unused() -> None:
    mu, tau = pm.Normal("mu", 0, 1), pm.HalfNormal("tau", 1)
    pm.Normal("new", mu, tau)
    pm.Normal("nothing", 0, 1)
    normal(pm.Normal("theta", mu, tau, dims="group")[GROUP])


def missing_rows() -> None:
    normal(pm.Normal("a", 0, 1), y=np.where(X > 1.5, np.nan, Y))


def own_density() -> None:
    mean = pm.Normal("a", 0, 1) + pm.Normal("b", 0, 1) * X
    pm.CustomDist(
        "y",
        pm.HalfNormal("width", 1),
        mean,
        logp=lambda y, s, m: -pt.abs((y - m) / s) - pt.log(2 * s),
        observed=Y,
    )


#: Model -> the role of every free variable.
EVERY: dict[Any, dict[str, Role]] = {
    regularised_horseshoe: {
        "tau": Role.GLOBAL_SCALE,
        "local": Role.LOCAL_SCALE,
        "slab": Role.GLOBAL_SCALE,
        "z": Role.SHRUNKEN,
        "a": Role.INTERCEPT,
        "sigma": Role.NOISE,
    },
    horseshoe_in_layers: {
        "tau": Role.GLOBAL_SCALE,
        "local": Role.LOCAL_SCALE,
        "b": Role.SHRUNKEN,
        "sigma": Role.NOISE,
    },
    random_walk: {"pace": Role.PROCESS_PARAMETER, "z": Role.PROCESS, "sigma": Role.NOISE},
    gaussian_random_walk: {
        "pace": Role.PROCESS_PARAMETER,
        "walk": Role.PROCESS,
        "sigma": Role.NOISE,
    },
    marginal_gaussian_process: {
        "length": Role.PROCESS_PARAMETER,
        "height": Role.PROCESS_PARAMETER,
        "sigma": Role.NOISE,
    },
    robust_groups: {
        "nu": Role.DEGREES_OF_FREEDOM,
        "mu": Role.LOCATION,
        "tau": Role.SCALE,
        "theta": Role.GROUP_EFFECT,
        "df": Role.DEGREES_OF_FREEDOM,
        "s": Role.NOISE,
    },
    predictor_of_groups: {
        "mu": Role.LOCATION,
        "slope": Role.COEFFICIENT,
        "tau": Role.SCALE,
        "theta": Role.GROUP_EFFECT,
        "sigma": Role.NOISE,
    },
    unpooled_and_dummies: {"u": Role.UNPOOLED, "b": Role.COEFFICIENT, "sigma": Role.NOISE},
    treatment_contrasts: {"a": Role.INTERCEPT, "b": Role.COEFFICIENT, "sigma": Role.NOISE},
    ordinal_with_steps: {
        "first": Role.CUTPOINTS,
        "steps": Role.CUTPOINTS,
        "b": Role.COEFFICIENT,
    },
    multinomial_logit: {"a": Role.INTERCEPT, "b": Role.COEFFICIENT},
    location_scale: {
        "a": Role.INTERCEPT,
        "b": Role.COEFFICIENT,
        "log_sigma": Role.NOISE,
        "trend": Role.NOISE,
    },
    noise_scales_effects: {
        "sigma": Role.NOISE,
        "tau": Role.SCALE,
        "mu": Role.LOCATION,
        "z": Role.OFFSET,
    },
    exponential_decay: {
        "top": Role.NONLINEAR,
        "rate": Role.NONLINEAR,
        "sigma": Role.NOISE,
    },
    two_components: {
        "w": Role.MIXTURE_WEIGHT,
        "low": Role.COMPONENT,
        "high": Role.COMPONENT,
        "s1": Role.NOISE,
        "s2": Role.NOISE,
    },
    outliers: {
        "a": Role.INTERCEPT,
        "b": Role.COEFFICIENT,
        "narrow": Role.NOISE,
        "wide": Role.NOISE,
        "w": Role.MIXTURE_WEIGHT,
    },
    predicted_and_unused: {
        "mu": Role.LOCATION,
        "tau": Role.SCALE,
        "new": Role.UNUSED,
        "nothing": Role.UNUSED,
        "theta": Role.GROUP_EFFECT,
        "sigma": Role.NOISE,
    },
    missing_rows: {"a": Role.INTERCEPT, "sigma": Role.NOISE, "y_unobserved": Role.IMPUTED},
    own_density: {"a": Role.INTERCEPT, "b": Role.COEFFICIENT, "width": Role.NOISE},
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("body", EVERY, ids=lambda body: body.__name__)
def test_every_variable_has_its_role(body: Any) -> None:
    assert read(body).roles == EVERY[body]


def test_coefficients_with_one_common_width_are_not_top_level() -> None:
    with pm.Model() as model:
        lasso()
    found = roles(model, read_hierarchy(model))
    assert sorted(found.top_level) == ["a", "sigma", "width"]
    assert found.scales == ["width"]


def test_scales_of_a_horseshoe_are_top_level_and_its_offsets_are_not() -> None:
    with pm.Model() as model:
        regularised_horseshoe()
    found = roles(model, read_hierarchy(model))
    assert sorted(found.top_level) == ["a", "local", "sigma", "slab", "tau"]
    assert found.scales == ["slab", "tau"] or found.scales == ["tau", "slab"]
    assert found.assumed_offsets == []


#: Likelihood -> name, link and noise.
LIKELIHOODS: dict[str, tuple[Any, tuple[str, str, tuple[str, ...]]]] = {
    "Normal": (lambda e, s: pm.Normal("y", e, s, observed=Y), ("Normal", "identity", ("s",))),
    "StudentT": (
        lambda e, s: pm.StudentT("y", nu=4, mu=e, sigma=s, observed=Y),
        ("StudentT", "identity", ("s",)),
    ),
    "Laplace": (lambda e, s: pm.Laplace("y", e, s, observed=Y), ("Laplace", "identity", ("s",))),
    "LogNormal": (
        lambda e, s: pm.LogNormal("y", e, s, observed=np.exp(Y)),
        ("LogNormal", "log", ("s",)),
    ),
    "SkewNormal": (
        lambda e, s: pm.SkewNormal("y", mu=e, sigma=s, alpha=2, observed=Y),
        ("SkewNormal", "identity", ("s",)),
    ),
    "Bernoulli": (
        lambda e, s: pm.Bernoulli("y", logit_p=e, observed=BINARY),
        ("Bernoulli", "logit", ()),
    ),
    "probit": (
        lambda e, s: pm.Bernoulli("y", p=pm.math.invprobit(e), observed=BINARY),
        ("Bernoulli", "probit", ()),
    ),
    "cloglog": (
        lambda e, s: pm.Bernoulli("y", p=1 - pt.exp(-pt.exp(e)), observed=BINARY),
        ("Bernoulli", "cloglog", ()),
    ),
    "Binomial": (
        lambda e, s: pm.Binomial("y", 20, pm.math.invlogit(e), observed=COUNTS),
        ("Binomial", "logit", ()),
    ),
    "BetaBinomial": (
        lambda e, s: pm.BetaBinomial(
            "y",
            n=20,
            alpha=pm.math.invlogit(e) * s,
            beta=(1 - pm.math.invlogit(e)) * s,
            observed=COUNTS,
        ),
        ("BetaBinomial", "logit", ("s",)),
    ),
    "Poisson": (
        lambda e, s: pm.Poisson("y", pt.exp(e), observed=COUNTS),
        ("Poisson", "log", ()),
    ),
    "NegativeBinomial": (
        lambda e, s: pm.NegativeBinomial("y", mu=pt.exp(e), alpha=s, observed=COUNTS),
        ("NegativeBinomial", "log", ("s",)),
    ),
    "ZeroInflatedPoisson": (
        lambda e, s: pm.ZeroInflatedPoisson("y", psi=0.8, mu=pt.exp(e), observed=COUNTS),
        ("ZeroInflatedPoisson", "log", ()),
    ),
    "ZeroInflatedNegativeBinomial": (
        lambda e, s: pm.ZeroInflatedNegativeBinomial(
            "y", psi=0.8, mu=pt.exp(e), alpha=s, observed=COUNTS
        ),
        ("ZeroInflatedNegativeBinomial", "log", ("s",)),
    ),
    "ZeroInflatedBinomial": (
        lambda e, s: pm.ZeroInflatedBinomial(
            "y", psi=0.8, n=20, p=pm.math.invlogit(e), observed=COUNTS
        ),
        ("ZeroInflatedBinomial", "logit", ()),
    ),
    "HurdlePoisson": (
        lambda e, s: pm.HurdlePoisson("y", psi=0.8, mu=pt.exp(e), observed=COUNTS),
        ("HurdlePoisson", "log", ()),
    ),
    "HurdleGamma": (
        lambda e, s: pm.HurdleGamma("y", psi=0.8, mu=pt.exp(e), sigma=s, observed=np.abs(Y)),
        ("HurdleGamma", "log", ("s",)),
    ),
    "Gamma": (
        lambda e, s: pm.Gamma("y", mu=pt.exp(e), sigma=pt.exp(e) * s, observed=np.exp(Y)),
        ("Gamma", "log", ("s",)),
    ),
    "Beta": (
        lambda e, s: pm.Beta("y", mu=pm.math.invlogit(e), nu=s, observed=1 / (1 + np.exp(Y))),
        ("Beta", "logit", ("s",)),
    ),
    "Weibull": (
        lambda e, s: pm.Weibull("y", alpha=s, beta=pt.exp(e), observed=np.exp(Y)),
        ("Weibull", "log", ("s",)),
    ),
    "Exponential": (
        lambda e, s: pm.Exponential("y", scale=pt.exp(e), observed=np.exp(Y)),
        ("Exponential", "log", ()),
    ),
    "censored": (
        lambda e, s: pm.Censored(
            "y", pm.Normal.dist(e, s), lower=None, upper=1.0, observed=np.minimum(Y, 1)
        ),
        ("Censored Normal", "identity", ("s",)),
    ),
    "censored survival": (
        lambda e, s: pm.Censored(
            "y",
            pm.Weibull.dist(s, pt.exp(e)),
            lower=None,
            upper=2.0,
            observed=np.minimum(np.exp(Y), 2),
        ),
        ("Censored Weibull", "log", ("s",)),
    ),
    "truncated": (
        lambda e, s: pm.Truncated(
            "y", pm.Poisson.dist(pt.exp(e)), lower=1, observed=np.maximum(COUNTS, 1)
        ),
        ("TruncatedPoisson", "log", ()),
    ),
    "truncated normal": (
        lambda e, s: pm.TruncatedNormal("y", e, s, lower=-9, observed=Y),
        ("TruncatedNormal", "identity", ("s",)),
    ),
    "ordinal": (
        lambda e, s: pm.OrderedLogistic(
            "y", eta=e, cutpoints=np.array([-1.0, 1.0]), observed=COUNTS % 3
        ),
        ("OrderedLogistic", "logit", ()),
    ),
    "ordinal probit": (
        lambda e, s: pm.OrderedProbit(
            "y", eta=e, cutpoints=np.array([-1.0, 1.0]), observed=COUNTS % 3
        ),
        ("OrderedProbit", "probit", ()),
    ),
    "multivariate": (
        lambda e, s: pm.MvNormal(
            "y", pt.stack([e, e], axis=-1), chol=s * np.eye(2), observed=np.c_[Y, X]
        ),
        ("MvNormal", "identity", ("s",)),
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LIKELIHOODS)
def test_outcomes_and_groups_behind_every_likelihood(name: str) -> None:
    """The same predictor, a non-centred intercept by group, behind each of them."""
    likelihood, (family, link, noise) = LIKELIHOODS[name]

    def body() -> None:
        tau, z = pm.HalfNormal("tau", 1), pm.Normal("z", 0, 1, dims="group")
        eta = pm.Normal("b", 0, 1) * X + tau * z[GROUP]
        likelihood(eta, pm.HalfNormal("s", 1))

    found = read(body)
    (outcome,) = found.outcomes
    assert (outcome.family, outcome.link, outcome.noise) == (family, link, noise)
    assert outcome.rows == ROWS
    expected = {"tau": Role.SCALE, "z": Role.OFFSET, "b": Role.COEFFICIENT}
    expected["s"] = Role.NOISE if noise else Role.UNUSED
    assert found.roles == expected


def test_labelled_variables_have_roles_too() -> None:
    import pymc.dims as pmd

    with pm.Model(coords={"group": range(GROUPS), "row": range(ROWS)}) as model:
        tau = pmd.HalfNormal("tau", 1)
        theta = pmd.Normal("theta", pmd.Normal("mu", 0, 1), tau, dims="group")
        index = pmd.Data("index", GROUP, dims="row")
        rate = pmd.math.exp(theta.isel(group=index))
        pmd.Poisson("y", rate, observed=pmd.as_xtensor(COUNTS, dims=("row",)))
    found = read_hierarchy(model)
    assert found.roles == {
        "tau": Role.SCALE,
        "mu": Role.LOCATION,
        "theta": Role.GROUP_EFFECT,
    }
    assert [(o.family, o.link) for o in found.outcomes] == [("Poisson", "log")]


def test_what_a_potential_hides_is_unclear_with_the_line_that_settles_it() -> None:
    def body() -> None:
        theta = pm.Normal("theta", pm.Normal("mu", 0, 1), pm.HalfNormal("tau", 1), dims="group")
        noise = pm.HalfNormal("sigma", 1)
        pm.Potential("likelihood", pm.logp(pm.Normal.dist(theta[GROUP], noise), Y).sum())

    found = read(body)
    assert found.roles["theta"] is Role.GROUP_EFFECT
    assert found.roles["sigma"] is Role.UNCLEAR
    assert 'noise={"likelihood": "sigma"}' in found.unclear["sigma"]
    assert [(o.name, o.family, o.rows) for o in found.outcomes] == [
        ("likelihood", "Potential", ROWS)
    ]


def item_response() -> None:
    item = np.arange(ROWS) % 5
    disc = pm.LogNormal("disc", 0, 0.5, shape=5)
    diff = pm.Normal("diff", 0, 1, shape=5)
    ability = pm.Normal("ability", 0, 1, dims="group")
    pm.Bernoulli("y", logit_p=disc[item] * (ability[GROUP] - diff[item]), observed=BINARY)


def test_what_may_be_a_loading_is_unclear_until_it_is_declared() -> None:
    found = read(item_response)
    assert set(found.roles.values()) == {Role.UNCLEAR}
    assert 'scales={"disc": None}' in found.unclear["disc"]
    settled = read(item_response, scales={"disc": None})
    assert settled.roles == {
        "disc": Role.NONLINEAR,
        "diff": Role.UNPOOLED,
        "ability": Role.UNPOOLED,
    }
    assert settled.unclear == {}
    assert settled.levels == {}


def test_an_amplitude_that_is_declared_to_be_no_scale_makes_no_level() -> None:
    """Nobody but the author can tell ``top * u`` from ``tau * z``."""

    def body() -> None:
        top, u = pm.HalfNormal("top", 1), pm.Normal("u", 0, 1, dims="group")
        normal(top * u[GROUP])

    assert list(read(body).levels) == ["group"]
    found = read(body, scales={"top": None})
    assert not found.levels
    assert not found.members
    assert found.offsets == set()
    assert found.roles["u"] is Role.UNPOOLED
    assert found.roles["top"] is Role.NONLINEAR


@pytest.mark.parametrize("centred", [True, False])
def test_a_declared_scale_has_effects_or_offsets(centred: bool) -> None:
    def body() -> None:
        tau = pm.HalfNormal("tau", 1)
        u = pm.Normal("u", 0, tau if centred else 1, dims="group")
        normal(u[GROUP] if centred else tau * u[GROUP])

    roles = read(body, scales={"tau": "u"}).roles
    assert roles["u"] is (Role.GROUP_EFFECT if centred else Role.OFFSET)
    assert roles["tau"] is Role.SCALE


def test_returns_around_a_known_mean_have_a_link_and_a_process_for_noise() -> None:
    def body() -> None:
        pace = pm.Exponential("pace", 10)
        start = pm.Normal.dist(0, 1)
        walk = pm.GaussianRandomWalk("walk", sigma=pace, init_dist=start, shape=ROWS)
        pm.StudentT("y", nu=5, mu=0, sigma=pt.exp(walk), observed=Y)

    found = read(body)
    assert found.roles == {"pace": Role.PROCESS_PARAMETER, "walk": Role.PROCESS}
    assert [(o.link, o.noise) for o in found.outcomes] == [("identity", ("walk",))]


def test_declared_noise_settles_a_potential() -> None:
    def body() -> None:
        theta = pm.Normal("theta", 0, pm.HalfNormal("tau", 1), dims="group")
        noise = pm.HalfNormal("sigma", 1)
        pm.Potential("likelihood", pm.logp(pm.Normal.dist(theta[GROUP], noise), Y).sum())

    for noise in ("sigma", {"likelihood": "sigma"}, {"likelihood": ["sigma"]}):
        found = read(body, noise=noise)
        assert found.roles["sigma"] is Role.NOISE
        assert [o.noise for o in found.outcomes] == [("sigma",)]
        assert "sigma" not in found.unclear


def test_an_offset_that_is_not_standard_is_unclear() -> None:
    def body() -> None:
        tau, z = pm.HalfNormal("tau", 1), pm.Normal("z", 0, 5, dims="group")
        normal(tau * z[GROUP])

    found = read(body)
    assert found.roles["z"] is found.roles["tau"] is Role.UNCLEAR
    assert 'pm.Normal("z", 0, 1)' in found.unclear["tau"]
