"""Levels found in models of the usual kinds; what is not clear is said, not guessed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytest

from poolwise.checks.hierarchy import Hierarchy, Level, NotUnderstood, discover, rows_of

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


def rows(model: pm.Model, found: Hierarchy, name: str) -> np.ndarray:
    names = sorted(str(v.name) for v in model.free_RVs)
    level = found.levels[name]
    if level.entry.name not in names:
        names.append(str(level.entry.name))
    draws = pm.draw([model[n] for n in names], draws=2, random_seed=1)
    points = [{n: v[i] for n, v in zip(names, draws, strict=True)} for i in range(2)]
    return rows_of(model, level, points).group


#: build -> {level: (form, effect, number of groups, group of each row or None)}
EXPECTED: dict[Callable[[], None], dict[str, Any]] = {
    centred: {"g": ("centred", "theta", J, GROUP)},
    non_centred: {"g": ("non-centred", "theta", J, GROUP)},
    inline: {"g": ("non-centred", "z × scale", J, GROUP)},
    after_the_index: {"g": ("non-centred", "z × scale", J, GROUP)},
    precision: {"g": ("centred", "theta", J, GROUP)},
    divided_by_a_root: {"g": ("non-centred", "z × scale", J, GROUP)},
    log_scale: {"g": ("non-centred", "z × scale", J, GROUP)},
    nested: {
        "site": ("centred", "site_mean", 4, None),
        "plot": ("centred", "plot_mean", 12, PLOT),
    },
    nested_non_centred: {
        "site": ("non-centred", "z_site × scale", 4, SITE_OF_PLOT[PLOT]),
        "plot": ("non-centred", "z_plot × scale", 12, PLOT),
    },
    crossed: {"g": ("centred", "u", J, GROUP), "item": ("centred", "v", 5, ITEM)},
    intercept_and_slope: {
        "g (u)": ("centred", "u", J, GROUP),
        "g (v)": ("centred", "v", J, GROUP),
    },
    poisson: {"g": ("centred", "u", J, None)},
}


@pytest.mark.parametrize("build", EXPECTED, ids=lambda b: b.__name__)
def test_levels_are_found(build: Callable[[], None]) -> None:
    model = in_context(build)
    found = discover(model)
    assert set(found.levels) == set(EXPECTED[build])
    assert not found.unclear
    for name, (form, effect, groups, group) in EXPECTED[build].items():
        level = found.levels[name]
        assert (level.form, level.effect_name, len(level.labels)) == (form, effect, groups)
        if group is None:
            with pytest.raises(NotUnderstood):
                rows(model, found, name)
        else:
            np.testing.assert_array_equal(rows(model, found, name), group)


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


def matrix_of_effects() -> None:
    u = pm.Normal("u", 0, pm.HalfNormal("tau", 1, dims="e"), dims=("g", "e"))
    normal(u[GROUP, 0] + u[GROUP, 1] * X)


def correlated() -> None:
    chol, _, _ = pm.LKJCholeskyCov("chol", n=2, eta=2, sd_dist=pm.Exponential.dist(1))
    u = pm.math.dot(chol, pm.Normal("z", 0, 1, dims=("e", "g")))
    normal(u[0][GROUP] + u[1][GROUP] * X)


def multivariate() -> None:
    chol, _, _ = pm.LKJCholeskyCov("chol", n=2, eta=2, sd_dist=pm.Exponential.dist(1))
    u = pm.MvNormal("u", pm.Normal("mu", 0, 1, dims="e"), chol=chol, dims=("g", "e"))
    normal(u[GROUP, 0] + u[GROUP, 1] * X)


def horseshoe() -> None:
    design = RNG.normal(size=(N, 10))
    local = pm.HalfCauchy("local", 1, shape=10)
    normal(design @ (pm.Normal("z", 0, 1, shape=10) * pm.HalfCauchy("tau", 0.1) * local))


def sum_to_zero_basis() -> None:
    basis = np.linalg.qr(np.eye(J) - 1 / J)[0][:, : J - 1]
    z = pm.Normal("z", 0, 1, shape=J - 1)
    normal((pm.math.dot(basis, z) * pm.HalfNormal("tau", 1))[GROUP])


def zero_sum() -> None:
    normal(pm.ZeroSumNormal("u", sigma=pm.HalfNormal("tau", 1), dims="g")[GROUP])


def zero_sum_offsets() -> None:
    normal((pm.HalfNormal("tau", 1) * pm.ZeroSumNormal("z", sigma=1, dims="g"))[GROUP])


def ordered() -> None:
    ordered_ = pm.distributions.transforms.ordered
    mu = pm.Normal("mu", pm.Normal("m", 0, 1), pm.HalfNormal("t", 1), shape=3, transform=ordered_)
    pm.NormalMixture("y", w=np.ones(3) / 3, mu=mu, sigma=1, observed=Y)


@pytest.mark.parametrize(
    ("build", "variable", "why"),
    [
        (matrix_of_effects, "u", "matrix"),
        (correlated, "z", "mixed with other random variables"),
        (multivariate, "u", "MultivariateNormal, not normal"),
        (student_effects, "theta", "StudentT, not normal"),
        (horseshoe, "z", "scale of its own"),
        (sum_to_zero_basis, "z", "matrix before it is scaled"),
        (zero_sum, "u", "ZeroSumNormal, not normal"),
        (zero_sum_offsets, "z", "sum to zero"),
        (ordered, "mu", "constrained by a transform"),
    ],
    ids=lambda v: getattr(v, "__name__", None),
)
def test_what_is_not_clear_is_said(build: Callable[[], None], variable: str, why: str) -> None:
    found = discover(in_context(build))
    assert not found.levels
    assert why in found.unclear[variable]
    assert "levels={" in found.unclear[variable]


def flat_coefficients() -> None:
    design = RNG.normal(size=(N, 3))
    normal(design @ pm.Normal("b", 0, 1, shape=3) + pm.Normal("fixed", 0, 2, dims="g")[GROUP])


def two_parameter_item_response() -> None:
    slope = pm.LogNormal("slope", 0, 0.5, dims="item")
    ability, difficulty = pm.Normal("ability", 0, 1, dims="g"), pm.Normal("d", 0, 1, dims="item")
    pm.Bernoulli(
        "y", logit_p=slope[ITEM] * (ability[GROUP] - difficulty[ITEM]), observed=COUNTS > 2
    )


def product_of_signs() -> None:
    z = pm.Normal("z", 0, 1, dims="g")
    normal(pm.Normal("a", 0, 1) * z[GROUP])


@pytest.mark.parametrize(
    "build", [flat_coefficients, two_parameter_item_response, product_of_signs]
)
def test_what_is_no_level_is_left_alone(build: Callable[[], None]) -> None:
    assert not discover(in_context(build)).levels


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
    np.testing.assert_array_equal(rows(model, found, "g (1|g)"), GROUP)
    np.testing.assert_array_equal(rows(model, found, "g (x|g)"), GROUP)
    np.testing.assert_array_equal(rows(model, found, "h"), ITEM)
    assert not found.unclear
