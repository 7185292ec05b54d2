"""Levels found in models of the usual kinds; what is not clear is said, not guessed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytest

from poolwise.checks.hierarchy import Level, discover

RNG = np.random.default_rng(42)
J, N = 8, 120
GROUP = np.sort(RNG.integers(0, J, N))
ITEM = RNG.integers(0, 5, N)
PLOT = RNG.integers(0, 12, N)
SITE_OF_PLOT = np.repeat(np.arange(4), 3)
X = RNG.normal(size=N)
Y = RNG.normal(size=N) + X
COUNTS = RNG.poisson(3, N)
COORDS = {"g": range(J), "item": range(5), "plot": range(12), "site": range(4), "e": ["a", "b"]}


def normal(mean: object) -> None:
    pm.Normal("y", mean, pm.HalfNormal("sigma", 1), observed=Y)


def centred() -> None:
    theta = pm.Normal("theta", pm.Normal("mu", 0, 5), pm.HalfCauchy("tau", 5), dims="g")
    normal(theta[GROUP])


def non_centred() -> None:
    z = pm.Normal("z", 0, 1, dims="g")
    theta = pm.Deterministic("theta", pm.Normal("mu", 0, 5) + pm.HalfNormal("tau", 5) * z, dims="g")
    normal(theta[GROUP])


def inline() -> None:
    z = pm.Normal("z", 0, 1, dims="g")
    normal(pm.Normal("mu", 0, 5) + pm.HalfNormal("tau", 5) * z[GROUP])


def after_the_index() -> None:
    z = pm.Normal("z", 0, 1, dims="g")
    normal(pm.Normal("mu", 0, 5) + z[GROUP] * X * pm.HalfNormal("tau", 5))


def precision() -> None:
    theta = pm.Normal("theta", 0, tau=pm.Gamma("prec", 2, 2), dims="g")
    normal(theta[GROUP])


def divided_by_a_root() -> None:
    z = pm.Normal("z", 0, 1, dims="g")
    normal((z / pm.math.sqrt(pm.Gamma("prec", 2, 2)))[GROUP])


def log_scale() -> None:
    z = pm.Normal("z", 0, 1, dims="g")
    design = np.eye(J)[GROUP]
    normal(pm.math.dot(design, pm.math.exp(pm.Normal("log_tau", 0, 1)) * z))


def student_effects() -> None:
    mu, tau = pm.Normal("mu", 0, 1), pm.HalfNormal("tau", 1)
    theta = pm.StudentT("theta", 4, mu=mu, sigma=tau, dims="g")
    normal(theta[GROUP])


def nested() -> None:
    site = pm.Normal("site_mean", pm.Normal("mu", 0, 5), pm.HalfNormal("s_site", 1), dims="site")
    plot = pm.Normal("plot_mean", site[SITE_OF_PLOT], pm.HalfNormal("s_plot", 1), dims="plot")
    normal(plot[PLOT])


def nested_non_centred() -> None:
    site = pm.HalfNormal("s_site", 1) * pm.Normal("z_site", 0, 1, dims="site")
    plot = site[SITE_OF_PLOT] + pm.HalfNormal("s_plot", 1) * pm.Normal("z_plot", 0, 1, dims="plot")
    normal(pm.Normal("mu", 0, 5) + plot[PLOT])


def crossed() -> None:
    u = pm.Normal("u", 0, pm.HalfNormal("s_g", 1), dims="g")
    v = pm.Normal("v", 0, pm.HalfNormal("s_item", 1), dims="item")
    normal(pm.Normal("a", 0, 2) + pm.Normal("b", 0, 1) * X + u[GROUP] + v[ITEM])


def intercept_and_slope() -> None:
    u = pm.Normal("u", 0, pm.HalfNormal("s_u", 1), dims="g")
    v = pm.Normal("v", 0, pm.HalfNormal("s_v", 1), dims="g")
    normal(u[GROUP] + v[GROUP] * X)


def poisson() -> None:
    u = pm.Normal("u", pm.Normal("a", 1, 1), pm.HalfNormal("tau", 1), dims="g")
    pm.Poisson("y", pm.math.exp(u[GROUP]), observed=COUNTS)


def in_context(build: Callable[[], None]) -> pm.Model:
    with pm.Model(coords=COORDS) as model:
        build()
    return model


#: build -> {level: (form, effect, number of groups, group of each row)}
EXPECTED: dict[Callable[[], None], dict[str, Any]] = {
    centred: {"g": ("centred", "theta", J, GROUP)},
    non_centred: {"g": ("non-centred", "theta", J, GROUP)},
    inline: {"g": ("non-centred", "mu + z × scale", J, GROUP)},
    after_the_index: {"g": ("non-centred", "z × scale", J, GROUP)},
    precision: {"g": ("centred", "theta", J, GROUP)},
    divided_by_a_root: {"g": ("non-centred", "z × scale", J, GROUP)},
    log_scale: {"g": ("non-centred", "z × scale", J, GROUP)},
    student_effects: {"g": ("centred", "theta", J, GROUP)},
    nested: {
        "site": ("centred", "site_mean", 4, SITE_OF_PLOT),
        "plot": ("centred", "plot_mean", 12, PLOT),
    },
    nested_non_centred: {
        "site": ("non-centred", "z_site × scale", 4, SITE_OF_PLOT[PLOT]),
        "plot": ("non-centred", "location + z_plot × scale", 12, PLOT),
    },
    crossed: {"g": ("centred", "u", J, GROUP), "item": ("centred", "v", 5, ITEM)},
    intercept_and_slope: {
        "g (u)": ("centred", "u", J, GROUP),
        "g (v)": ("centred", "v", J, GROUP),
    },
    poisson: {"g": ("centred", "u", J, GROUP)},
}


@pytest.mark.parametrize("build", EXPECTED, ids=lambda b: b.__name__)
def test_levels_are_found(build: Callable[[], None]) -> None:
    found = discover(in_context(build))
    assert set(found.levels) == set(EXPECTED[build])
    assert not found.unclear
    for name, (form, effect, groups, group) in EXPECTED[build].items():
        level = found.levels[name]
        assert (level.form, level.effect_name, len(level.labels)) == (form, effect, groups)
        np.testing.assert_array_equal(found.members[name].group, group)


@pytest.mark.parametrize(
    ("build", "transform"),
    [
        (centred, lambda d: d["tau"]),
        (inline, lambda d: d["tau"]),
        (precision, lambda d: 1 / np.sqrt(d["prec"])),
        (divided_by_a_root, lambda d: 1 / np.sqrt(d["prec"])),
        (log_scale, lambda d: np.exp(d["log_tau"])),
    ],
    ids=["sd", "inline", "precision", "root", "log"],
)
def test_scales_are_standard_deviations(
    build: Callable[[], None], transform: Callable[[dict[str, np.ndarray]], np.ndarray]
) -> None:
    model = in_context(build)
    level = discover(model).levels["g"]
    names = [str(v.name) for v in model.free_RVs]
    *values, scale = pm.draw([*(model[n] for n in names), level.scale], random_seed=4)
    assert scale == pytest.approx(transform(dict(zip(names, values, strict=True))))


def ridge() -> None:
    design = RNG.normal(size=(N, 10))
    normal(design @ pm.Normal("z", 0, pm.HalfNormal("tau", 1), shape=10))


def sum_to_zero_basis() -> None:
    basis = np.linalg.qr(np.eye(J) - 1 / J)[0][:, : J - 1]
    z = pm.Normal("z", 0, 1, shape=J - 1)
    u = pm.Deterministic("u", pm.math.dot(basis, z) * pm.HalfNormal("tau", 1))
    normal(u[GROUP])


def two_scales() -> None:
    z, first = pm.Normal("z", 0, 1, dims="g"), pm.HalfNormal("first", 1)
    normal(z[GROUP] * first + z[GROUP] * X * pm.HalfNormal("second", 1))


def with_and_without_a_scale() -> None:
    z = pm.Normal("z", 0, 1, dims="g")
    normal(z[GROUP] * pm.HalfNormal("tau", 1) + z[GROUP] * X)


def own_scales_by_group() -> None:
    normal(pm.Normal("z", 0, pm.HalfNormal("tau", 1, dims="g"), dims="g")[GROUP])


def truncated() -> None:
    normal(pm.TruncatedNormal("z", 0, pm.HalfNormal("tau", 1), lower=-1, dims="g")[GROUP])


def ordered_groups() -> None:
    ordered = pm.distributions.transforms.ordered
    normal(pm.Normal("z", 0, pm.HalfNormal("t", 1), dims="g", transform=ordered)[GROUP])


def two_parameter_item_response() -> None:
    slope = pm.LogNormal("slope", 0, 0.5, dims="item")
    ability, difficulty = pm.Normal("z", 0, 1, dims="g"), pm.Normal("d", 0, 1, dims="item")
    pm.Bernoulli(
        "y", logit_p=slope[ITEM] * (ability[GROUP] - difficulty[ITEM]), observed=COUNTS > 2
    )


def scale_by_row() -> None:
    z, scale = pm.Normal("z", 0, 1, dims="g"), pm.HalfNormal("scale", 1, dims="item")
    normal(z[GROUP] * scale[ITEM])


@pytest.mark.parametrize(
    ("build", "why"),
    [
        (ridge, "several of its elements"),
        (sum_to_zero_basis, "several of its elements"),
        (two_scales, "different scales"),
        (with_and_without_a_scale, "with a scale and without"),
        (own_scales_by_group, "scale of its own"),
        (truncated, "TruncatedNormal"),
        (ordered_groups, "constrained by a transform"),
        (two_parameter_item_response, "loading"),
        (scale_by_row, "differs by row"),
    ],
    ids=lambda v: getattr(v, "__name__", None),
)
def test_what_is_not_clear_is_said(build: Callable[[], None], why: str) -> None:
    found = discover(in_context(build))
    assert not found.levels
    assert why in found.unclear["z"]
    assert "levels={" in found.unclear["z"]


def test_the_line_to_add_names_the_deterministic() -> None:
    found = discover(in_context(sum_to_zero_basis))
    assert 'Level(effect="u"' in found.unclear["z"]


def test_a_loop_of_scalars_is_reported() -> None:
    with pm.Model() as model:
        mu, tau = pm.Normal("mu", 0, 1), pm.HalfNormal("tau", 1)
        centred_ = [pm.Normal(f"a_{j}", mu, tau) for j in range(4)]
        offsets = [mu + tau * pm.Normal(f"z_{j}", 0, 1) for j in range(4)]
        normal(pm.math.stack([*centred_, *offsets])[GROUP])
    found = discover(model)
    assert not found.levels
    assert set(found.unclear) == {f"{n}_{j}" for n in "az" for j in range(4)}
    assert "stack them" in found.unclear["a_0"]


def flat_coefficients() -> None:
    design = RNG.normal(size=(N, 3))
    normal(design @ pm.Normal("b", 0, 1, shape=3) + pm.Normal("fixed", 0, 2, dims="g")[GROUP])


def horseshoe() -> None:
    design = RNG.normal(size=(N, 10))
    local = pm.HalfCauchy("local", 1, shape=10)
    normal(design @ (pm.Normal("z", 0, 1, shape=10) * pm.HalfCauchy("tau", 0.1) * local))


def centred_horseshoe() -> None:
    design = RNG.normal(size=(N, 10))
    local = pm.HalfCauchy("local", pm.HalfCauchy("tau", 0.1), shape=10)
    normal(design @ pm.Normal("b", 0, local))


def ordered_components() -> None:
    ordered = pm.distributions.transforms.ordered
    mu = pm.Normal("mu", pm.Normal("m", 0, 1), pm.HalfNormal("t", 1), shape=3, transform=ordered)
    pm.NormalMixture("y", w=np.ones(3) / 3, mu=mu, sigma=1, observed=Y)


def latent_classes() -> None:
    mu = pm.Normal("mu", 0, pm.HalfNormal("t", 1), shape=2)
    normal(mu[pm.Bernoulli("class", 0.5, shape=N)])


def random_walk() -> None:
    walk = pm.math.cumsum(pm.HalfNormal("tau", 1) * pm.Normal("z", 0, 1, dims="g"))
    normal(walk[GROUP])


def gaussian_walk() -> None:
    start = pm.Normal.dist(0, 1)
    scale = pm.HalfNormal("tau", 1)
    normal(pm.GaussianRandomWalk("w", sigma=scale, init_dist=start, steps=J - 1)[GROUP])


def latent_field() -> None:
    covariance = pm.HalfNormal("amplitude", 1) * pm.gp.cov.ExpQuad(1, pm.Gamma("length", 2, 1))
    places = np.arange(J, dtype=float)[:, None]
    normal(pm.gp.Latent(cov_func=covariance).prior("f", places, reparameterize=False)[GROUP])


def unused_level() -> None:
    pm.Normal("theta", 0, pm.HalfNormal("tau", 1), dims="g")
    normal(pm.Normal("a", 0, 1))


def product_of_signs() -> None:
    z = pm.Normal("z", 0, 1, dims="g")
    normal(pm.Normal("a", 0, 1) * z[GROUP])


@pytest.mark.parametrize(
    "build",
    [
        flat_coefficients,
        product_of_signs,
        horseshoe,
        centred_horseshoe,
        ordered_components,
        latent_classes,
        random_walk,
        gaussian_walk,
        latent_field,
        unused_level,
    ],
    ids=lambda b: b.__name__,
)
def test_what_is_no_level_is_left_alone(build: Callable[[], None]) -> None:
    found = discover(in_context(build))
    assert not found.levels
    assert not found.unclear


def test_halves_of_one_level_are_mentioned() -> None:
    with pm.Model() as model:
        mu, tau = pm.Normal("mu", 0, 1), pm.HalfNormal("tau", 1)
        first = pm.Normal("first", mu, tau, shape=4)
        second = mu + tau * pm.Normal("z", 0, 1, shape=4)
        normal(pm.math.concatenate([first, second])[GROUP])
    assert any("share the scale tau" in said for said in discover(model).unclear.values())


def test_a_declaration_settles_what_it_names() -> None:
    model = in_context(non_centred)
    level = Level(effect="theta", location="mu", scale="tau")
    found = discover(model, {"school": level})
    assert set(found.levels) == {"school"}
    assert found.levels["school"].declared is level
    assert found.offsets == {"z"}


def test_bambi_models() -> None:
    bmb = pytest.importorskip("bambi")
    import pandas as pd

    data = pd.DataFrame({"y": Y, "x": X, "g": GROUP.astype(str), "h": ITEM.astype(str)})
    built = bmb.Model("y ~ x + (x|g) + (1|h)", data)
    built.build()
    model = built.backend.model
    found = discover(model)
    assert set(found.levels) == {"g (1|g)", "g (x|g)", "h"}
    for name, group in (("g (1|g)", GROUP), ("g (x|g)", GROUP), ("h", ITEM)):
        np.testing.assert_array_equal(found.members[name].group, group)
    assert not found.unclear
