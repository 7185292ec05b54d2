"""Effects with several columns: one level for each, with the numbers that the model implies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest

from poolwise.checks.hierarchy import GroupLevel, Hierarchy, discover
from poolwise.checks.hierarchy.cheap import uncompiled

RNG = np.random.default_rng(7)
J, N = 6, 60
GROUP = RNG.permutation(np.arange(N) % J)
X, Y = RNG.normal(size=N), RNG.normal(size=N)
COORDS = {"g": list("abcdef"), "term": ["level", "slope"], "h": range(3)}
OTHER = RNG.integers(0, 3, N)
Draw = dict[str, np.ndarray]


def outcome(u: Any) -> None:
    """Intercepts and slopes, from effects of shape (g, term)."""
    pm.Normal("y", u[GROUP, 0] + u[GROUP, 1] * X, pm.HalfNormal("sigma", 1), observed=Y)


def cholesky() -> Any:
    return pm.LKJCholeskyCov("chol", n=2, eta=2, sd_dist=pm.Exponential.dist(1))[0]


def packed(draw: Draw) -> np.ndarray:
    chol = np.zeros((2, 2))
    chol[np.tril_indices(2)] = draw["chol"]
    return chol


def centred_cholesky() -> None:
    mu = pm.Normal("mu", 0, 1, dims="term")
    outcome(pm.MvNormal("u", mu, chol=cholesky(), dims=("g", "term")))


def centred_correlation() -> None:
    sd = pm.HalfNormal("sd", 1, dims="term")
    covariance = pt.outer(sd, sd) * pm.LKJCorr("correlation", n=2, eta=2)
    mu = pm.Normal("mu", 0, 1, dims="term")
    outcome(pm.MvNormal("u", mu, cov=covariance, dims=("g", "term")))


def centred_table() -> None:
    mu = pm.Normal("mu", 0, 1, dims="term")
    outcome(pm.Normal("u", mu, pm.HalfNormal("tau", 1, dims="term"), dims=("g", "term")))


def centred_table_upright() -> None:
    mu, tau = pm.Normal("mu", 0, 1, dims="term"), pm.HalfNormal("tau", 1, dims="term")
    outcome(pm.Normal("u", mu[:, None], tau[:, None], dims=("term", "g")).T)


def mixed_upright() -> None:
    z = pm.Normal("z", 0, 1, dims=("term", "g"))
    total = pm.Normal("mu", 0, 1, dims="term") + pt.dot(cholesky(), z).T
    outcome(pm.Deterministic("u", total, dims=("g", "term")))


def mixed_then_turned() -> None:
    z, mu = pm.Normal("z", 0, 1, dims=("term", "g")), pm.Normal("mu", 0, 1, dims="term")
    outcome(pm.Deterministic("u", (mu[:, None] + cholesky() @ z).T, dims=("g", "term")))


def mixed_sideways() -> None:
    z = pm.Normal("z", 0, 1, dims=("g", "term"))
    outcome(pm.Normal("mu", 0, 1, dims="term") + z @ cholesky().T)


def mixed_with_standard_deviations() -> None:
    root = pt.linalg.cholesky(pm.LKJCorr("correlation", n=2, eta=2))
    sd, z = pm.HalfNormal("sd", 1, dims="term"), pm.Normal("z", 0, 1, dims=("term", "g"))
    outcome((pm.Normal("mu", 0, 1, dims="term")[:, None] + sd[:, None] * (root @ z)).T)


def scaled_table() -> None:
    z = pm.Normal("z", 0, 1, dims=("g", "term"))
    mu, tau = pm.Normal("mu", 0, 1, dims="term"), pm.HalfNormal("tau", 1, dims="term")
    outcome(pm.Deterministic("u", mu + tau * z, dims=("g", "term")))


def scaled_table_without_names() -> None:
    with pm.modelcontext(None):
        mu, tau = pm.Normal("mu", 0, 1, shape=2), pm.HalfNormal("tau", 1, shape=2)
        outcome(mu + tau * pm.Normal("z", 0, 1, shape=(J, 2)))


def summed_over_a_design() -> None:
    z = pm.Normal("z", 0, 1, dims=("g", "term"))
    mu, tau = pm.Normal("mu", 0, 1, dims="term"), pm.HalfNormal("tau", 1, dims="term")
    design = np.c_[np.ones(N), X]
    mean = (design * (mu + tau * z)[GROUP]).sum(axis=1)
    pm.Normal("y", mean, pm.HalfNormal("sigma", 1), observed=Y)


def sd_of_table(draw: Draw) -> np.ndarray:
    return draw["tau"]


def sd_of_cholesky(draw: Draw) -> np.ndarray:
    chol = packed(draw)
    return np.sqrt(np.diag(chol @ chol.T))


def sd_of_correlation(draw: Draw) -> np.ndarray:
    # Matrices drawn from PyMC's LKJCorr have ones on the diagonal only roughly.
    return draw["sd"] * np.sqrt(np.diag(draw["correlation"]))


#: build -> (standard deviation of each column, effects from a draw)
FORMS: dict[Callable[[], None], tuple[Callable[[Draw], Any], Callable[[Draw], Any]]] = {
    centred_cholesky: (sd_of_cholesky, lambda d: d["u"]),
    centred_correlation: (sd_of_correlation, lambda d: d["u"]),
    centred_table: (sd_of_table, lambda d: d["u"]),
    centred_table_upright: (sd_of_table, lambda d: d["u"].T),
    mixed_upright: (sd_of_cholesky, lambda d: d["mu"] + (packed(d) @ d["z"]).T),
    mixed_then_turned: (sd_of_cholesky, lambda d: d["mu"] + (packed(d) @ d["z"]).T),
    mixed_sideways: (sd_of_cholesky, lambda d: d["mu"] + d["z"] @ packed(d).T),
    mixed_with_standard_deviations: (
        sd_of_correlation,
        lambda d: d["mu"] + (d["sd"][:, None] * (np.linalg.cholesky(d["correlation"]) @ d["z"])).T,
    ),
    scaled_table: (sd_of_table, lambda d: d["mu"] + d["tau"] * d["z"]),
    scaled_table_without_names: (sd_of_table, lambda d: d["mu"] + d["tau"] * d["z"]),
    summed_over_a_design: (sd_of_table, lambda d: d["mu"] + d["tau"] * d["z"]),
}


def in_context(build: Callable[[], None]) -> pm.Model:
    with pm.Model(coords=COORDS) as model:
        build()
    return model


def evaluated(model: pm.Model, level: GroupLevel) -> tuple[Draw, np.ndarray, Any, Any]:
    """Return one draw of all variables, and the effects, location and scale of a level there."""
    names = [str(v.name) for v in model.free_RVs]
    with uncompiled():
        *values, effect, location, scale = pm.draw(
            [*(model[n] for n in names), level.effect, level.location, level.scale],
            random_seed=5,
            mode="FAST_COMPILE",
        )
    return dict(zip(names, values, strict=True)), effect, location, scale


@pytest.mark.parametrize("build", FORMS, ids=lambda b: b.__name__)
def test_every_column_is_a_level(build: Callable[[], None]) -> None:
    model = in_context(build)
    found = discover(model)
    sd_of, effects_of = FORMS[build]
    assert len(found.levels) == 2
    assert not found.unclear
    for column, (name, level) in enumerate(found.levels.items()):
        draw, effect, location, scale = evaluated(model, level)
        np.testing.assert_allclose(effect, effects_of(draw)[:, column])
        np.testing.assert_allclose(location, draw["mu"][column])
        np.testing.assert_allclose(scale, sd_of(draw)[column])
        assert np.ndim(scale) == 0
        np.testing.assert_array_equal(found.members[name].group, GROUP)
        np.testing.assert_allclose(found.members[name].design, X if column else np.ones(N))


def names_in(build: Callable[[], None]) -> list[str]:
    return list(discover(in_context(build)).levels)


def test_columns_are_called_by_their_labels() -> None:
    assert names_in(centred_cholesky) == ["g (level)", "g (slope)"]
    assert names_in(mixed_then_turned) == ["g (level)", "g (slope)"]
    assert names_in(mixed_sideways) == ["g (level)", "g (slope)"]
    assert names_in(scaled_table_without_names) == ["z (z[0])", "z (z[1])"]


def test_groups_are_called_by_their_labels() -> None:
    for level in discover(in_context(centred_table_upright)).levels.values():
        assert level.labels == tuple("abcdef")


def scaled_after_the_index() -> None:
    z, tau = pm.Normal("z", 0, 1, dims=("g", "term")), pm.HalfNormal("tau", 1, dims="term")
    mean = tau[0] * z[GROUP, 0] + tau[1] * z[GROUP, 1] * X
    pm.Normal("y", mean, pm.HalfNormal("sigma", 1), observed=Y)


def scaled_by_column_after_the_index() -> None:
    z, tau = pm.Normal("z", 0, 1, dims=("g", "term")), pm.HalfNormal("tau", 1, dims="term")
    mean = (np.c_[np.ones(N), X] * (z[GROUP] * tau)).sum(axis=1)
    pm.Normal("y", mean, pm.HalfNormal("sigma", 1), observed=Y)


def one_scale_for_both() -> None:
    z, tau = pm.Normal("z", 0, 1, dims=("g", "term")), pm.HalfNormal("tau", 1)
    outcome(tau * z)


@pytest.mark.parametrize(
    "build", [scaled_after_the_index, scaled_by_column_after_the_index, one_scale_for_both]
)
def test_offsets_scaled_late_or_alike(build: Callable[[], None]) -> None:
    model = in_context(build)
    found = discover(model)
    assert len(found.levels) == 2
    for column, (name, level) in enumerate(found.levels.items()):
        draw, effect, _, scale = evaluated(model, level)
        tau = np.broadcast_to(draw["tau"], 2)[column]
        np.testing.assert_allclose(effect, tau * draw["z"][:, column])
        np.testing.assert_allclose(scale, tau)
        np.testing.assert_allclose(found.members[name].design, X if column else np.ones(N))


def taken_off_a_location() -> None:
    z, mu = pm.Normal("z", 0, 1, dims="g"), pm.Normal("mu", 0, 1)
    theta = pm.Deterministic("theta", mu - pm.HalfNormal("tau", 1) * z, dims="g")
    pm.Normal("y", theta[GROUP] * X, 1, observed=Y)


def named_deviations_taken_off() -> None:
    z, mu = pm.Normal("z", 0, 1, dims="g"), pm.Normal("mu", 0, 1)
    u = pm.Deterministic("theta", pm.HalfNormal("tau", 1) * z, dims="g")
    pm.Normal("y", (mu - u)[GROUP] * X, 1, observed=Y)


@pytest.mark.parametrize("build", [taken_off_a_location, named_deviations_taken_off])
def test_effects_that_are_taken_off(build: Callable[[], None]) -> None:
    model = in_context(build)
    found = discover(model)
    level = found.levels["g"]
    assert level.effect_name == "theta"
    draw, effect, location, scale = evaluated(model, level)
    whole = build is taken_off_a_location
    deviations = draw["tau"] * draw["z"]
    np.testing.assert_allclose(effect, draw["mu"] - deviations if whole else deviations)
    np.testing.assert_allclose(location, draw["mu"] if whole else 0)
    np.testing.assert_allclose(scale, draw["tau"])
    np.testing.assert_allclose(found.members["g"].design, X if whole else -X)


def interaction() -> None:
    u = pm.Normal("u", 0, pm.HalfNormal("tau", 1), dims=("g", "h"))
    pm.Normal("y", u[GROUP, OTHER], pm.HalfNormal("sigma", 1), observed=Y)


def test_cells_of_a_table_are_groups_of_one_level() -> None:
    found = discover(in_context(interaction))
    (name,) = found.levels
    assert name == "g × h"
    assert found.levels[name].labels[:4] == ("a, 0", "a, 1", "a, 2", "b, 0")
    np.testing.assert_array_equal(found.members[name].group, 3 * GROUP + OTHER)


def two_outcomes() -> None:
    u = pm.Normal("u", 0, pm.HalfNormal("tau", 1, dims="term"), dims=("g", "term"))
    pm.MvNormal("y", u[GROUP], np.eye(2), observed=np.c_[Y, X])


def test_columns_that_are_outcomes() -> None:
    found = discover(in_context(two_outcomes))
    assert list(found.levels) == ["g (level)", "g (slope)"]
    rows = np.repeat(GROUP, 2)
    first = np.arange(2 * N) % 2 == 0
    np.testing.assert_array_equal(found.members["g (level)"].group, np.where(first, rows, -1))
    np.testing.assert_array_equal(found.members["g (slope)"].group, np.where(first, -1, rows))


def one_column_used() -> None:
    u = pm.Normal("u", 0, pm.HalfNormal("tau", 1), dims=("g", "term"))
    pm.Normal(
        "y",
        (pm.HalfNormal("t", 1) * pm.Normal("z", 0, 1, dims=("g", "term")))[GROUP, 1],
        1,
        observed=Y,
    )
    pm.Normal("x", u[GROUP, 0] + u[GROUP, 1], 1, observed=X)


def test_columns_that_go_nowhere_are_left_out() -> None:
    found = discover(in_context(one_column_used))
    assert [n for n, level in found.levels.items() if level.variables == ("z",)] == [
        "g (slope) (z[slope] × scale)"
    ]


def labelled_table() -> None:
    import pymc.dims as pmd

    z, tau = pmd.Normal("z", dims=("g", "term")), pmd.HalfNormal("tau", dims="term")
    mu = pmd.Normal("mu", dims="term")
    u = pmd.Deterministic("u", mu + tau * z)
    index, x = pmd.Data("index", GROUP, dims="row"), pmd.as_xtensor(X, dims=("row",))
    mean = u.isel(g=index, term=0) + u.isel(g=index, term=1) * x
    pmd.Normal("y", mean, 1.0, observed=pmd.as_xtensor(Y, dims=("row",)), dims="row")


def test_labelled_tensors() -> None:
    with pm.Model(coords=COORDS | {"row": range(N)}) as model:
        labelled_table()
    found: Hierarchy = discover(model)
    assert list(found.levels) == ["g (level)", "g (slope)"]
    for column, (name, level) in enumerate(found.levels.items()):
        assert level.labels == tuple("abcdef")
        assert level.variables == ("z",)
        np.testing.assert_array_equal(found.members[name].group, GROUP)
        np.testing.assert_allclose(found.members[name].design, X if column else np.ones(N))
