"""The complete hierarchy of a model, read in one step and without compiling anything."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytest

from poolwise.checks.hierarchy import Hierarchy, Level, Role, read_hierarchy
from poolwise.checks.hierarchy.outline import Grouping, outline
from poolwise.workflow.specs.loading import load_specs

TUTORIALS = Path(__file__).parents[3] / "tutorials" / "models"
RNG = np.random.default_rng(4)

REGION_OF_SITE = np.repeat([0, 1], [2, 3])
SITE_OF_PLOT = np.repeat(np.arange(5), 3)
#: Plot 14 has no rows.
PLOT = np.repeat(np.arange(14), 4)
OBSERVER = np.arange(PLOT.size) % 3
X = RNG.normal(size=PLOT.size)
COORDS = {
    "region": ["north", "south"],
    "site": range(5),
    "plot": range(15),
    "observer": ["A", "B", "C"],
}


@pytest.fixture(autouse=True)
def nothing_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    from pytensor.link.c.basic import CLinker
    from pytensor.link.numba.linker import NumbaLinker

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("something was compiled")

    monkeypatch.setattr(NumbaLinker, "jit_compile", refuse)
    monkeypatch.setattr(CLinker, "compile_cmodule", refuse)


def in_context(build: Callable[[], None]) -> pm.Model:
    with pm.Model(coords=COORDS) as model:
        build()
    return model


def regions_sites_plots() -> None:
    region = pm.Normal("region_mean", pm.Normal("mu", 0, 9), pm.HalfNormal("s_r", 1), dims="region")
    site = pm.Normal("site_mean", region[REGION_OF_SITE], pm.HalfNormal("s_s", 1), dims="site")
    plot = pm.Normal("plot_mean", site[SITE_OF_PLOT], pm.HalfNormal("s_p", 1), dims="plot")
    seen = pm.HalfNormal("s_o", 1) * pm.Normal("z_o", 0, 1, dims="observer")
    mean = plot[PLOT] + seen[OBSERVER]
    pm.Normal("y", mean, pm.HalfNormal("sigma", 1), observed=X)


def offsets_of_each() -> None:
    site = pm.HalfNormal("s_s", 1) * pm.Normal("z_s", 0, 1, dims="site")
    plot = pm.HalfNormal("s_p", 1) * pm.Normal("z_p", 0, 1, dims="plot")
    mean = pm.Normal("mu", 0, 9) + site[SITE_OF_PLOT[PLOT]] + plot[PLOT]
    pm.Normal("y", mean, pm.HalfNormal("sigma", 1), observed=X)


def intercepts_and_slopes() -> None:
    u = pm.HalfNormal("s_u", 1) * pm.Normal("z_u", 0, 1, dims="site")
    v = pm.HalfNormal("s_v", 1) * pm.Normal("z_v", 0, 1, dims="site")
    code = SITE_OF_PLOT[PLOT]
    eta = pm.Normal("a", 0, 1) + pm.Normal("b", 0, 1) * X + u[code] + v[code] * X
    pm.Poisson("y", pm.math.exp(eta), observed=RNG.poisson(2, X.size))


def flat() -> None:
    theta = pm.Normal("theta", pm.Flat("mu"), pm.HalfFlat("tau"), dims="observer")
    pm.Normal("y", theta[OBSERVER], 1, observed=X)


def nested_names(groupings: list[Grouping]) -> dict[str, Any]:
    return {g.name: nested_names(list(g.inside)) for g in groupings}


def read(build: Callable[[], None]) -> Hierarchy:
    return read_hierarchy(in_context(build))


def test_three_levels_by_construction_and_one_that_crosses_them() -> None:
    found = read(regions_sites_plots)
    assert {(r.one, r.kind, r.other) for r in found.relations} == {
        ("site", "nested", "region"),
        ("plot", "nested", "region"),
        ("plot", "nested", "site"),
        ("region", "crossed", "observer"),
        ("site", "crossed", "observer"),
        ("plot", "crossed", "observer"),
    }
    assert [found.parent_of(n) for n in ("region", "site", "plot")] == [None, "region", "site"]
    assert nested_names(outline(found)) == {"region": {"site": {"plot": {}}}, "observer": {}}


def test_rows_are_counted_through_the_levels_below() -> None:
    region, observer = outline(read(regions_sites_plots))
    site_of_row = SITE_OF_PLOT[PLOT]
    expected = {
        "region": np.bincount(REGION_OF_SITE[site_of_row], minlength=2),
        "site": np.bincount(site_of_row, minlength=5),
        "plot": np.bincount(PLOT, minlength=15),
    }
    for _, grouping in region.walk():
        np.testing.assert_array_equal(grouping.rows["y"], expected[grouping.name])
    np.testing.assert_array_equal(observer.rows["y"], np.bincount(OBSERVER))


def test_nesting_of_offsets_is_seen_in_the_rows() -> None:
    found = read(offsets_of_each)
    assert found.parent_of("plot") == "site"
    assert nested_names(outline(found)) == {"site": {"plot": {}}}


def test_an_intercept_and_a_slope_are_one_grouping() -> None:
    found = read(intercepts_and_slopes)
    (grouping,) = outline(found)
    assert grouping.name == "site"
    assert len(grouping.levels) == 2
    assert [found.members[n].is_intercept for n in grouping.levels] == [True, False]
    slope = found.members[grouping.levels[1]]
    np.testing.assert_allclose(slope.design, X, rtol=1e-6)
    assert (found.outcomes[0].family, found.outcomes[0].link) == ("Poisson", "log")


def test_bambi_nests_a_term_within_another() -> None:
    bambi = pytest.importorskip("bambi")
    pandas = pytest.importorskip("pandas")
    site = SITE_OF_PLOT[PLOT]
    data = pandas.DataFrame(
        {"y": X + RNG.normal(size=X.size), "x": X, "a": site.astype(str), "b": PLOT.astype(str)}
    )
    model = bambi.Model("y ~ x + (1|a/b)", data)
    model.build()
    found = read_hierarchy(model.backend.model)
    (a,) = outline(found)
    (b,) = a.inside
    assert ([found.levels[n].effect_name for n in a.levels], a.groups) == (["1|a"], 5)
    assert [found.levels[n].effect_name for n in b.levels] == ["1|a:b"]
    # Bambi makes a group of every combination, with rows or without.
    assert (b.groups, int((b.rows["y"] > 0).sum())) == (5 * 14, 14)
    np.testing.assert_array_equal(a.rows["y"], np.bincount(site))


def test_flat_priors_can_be_read() -> None:
    found = read(flat)
    np.testing.assert_array_equal(found.members["observer"].group, OBSERVER)
    assert found.why_no_rows == {}


def test_a_declared_level_has_rows_too() -> None:
    def build() -> None:
        z = pm.Normal("z", 0, 1, dims="observer")
        theta = pm.Deterministic(
            "theta", pm.Normal("mu", 0, 1) + pm.HalfNormal("tau", 1) * z, dims="observer"
        )
        pm.Normal("y", theta[OBSERVER], 1, observed=X)

    declared = {"who": Level(effect="theta", location="mu", scale="tau")}
    found = read_hierarchy(in_context(build), levels=declared)
    assert list(found.levels) == ["who"]
    np.testing.assert_array_equal(found.members["who"].group, OBSERVER)
    assert found.roles["z"] is Role.OFFSET


def test_every_level_has_rows_or_a_reason_and_every_variable_a_role() -> None:
    for build in (regions_sites_plots, offsets_of_each, intercepts_and_slopes, flat):
        model = in_context(build)
        found = read_hierarchy(model)
        assert set(found.levels) == set(found.members) | set(found.why_no_rows)
        assert set(found.roles) == {str(rv.name) for rv in model.free_RVs}


def test_a_hierarchy_shows_itself() -> None:
    shown = repr(read(regions_sites_plots)).splitlines()
    assert shown[:2] == ["Hierarchy", "  y ~ Normal, identity link, 56 rows"]
    assert shown[2].startswith("  region: 2 groups, 24 to 32 rows each (median 28), crossed with")
    assert shown[3].startswith("    site: 5 groups, 8 to 12 rows each (median 12); intercept")
    assert "1 group without any" in shown[4]
    assert shown[5].startswith("  observer: 3 groups")


def test_radon_is_read_in_less_than_two_seconds() -> None:
    model = load_specs(str(TUTORIALS / "radon.py"))[0]()
    started = time.perf_counter()
    found = read_hierarchy(model)
    assert time.perf_counter() - started < 2
    assert len(found.levels["county"].labels) == 85
    assert found.members["county"].group.size == 919


def test_a_level_that_enters_two_outcomes_has_rows_of_both() -> None:
    def build() -> None:
        u = pm.Normal("u", 0, pm.HalfNormal("s", 1), dims="observer")
        pm.Normal("y", u[OBSERVER], pm.HalfNormal("sigma", 1), observed=X)
        pm.Poisson("n", pm.math.exp(u[OBSERVER[:10]]), observed=np.arange(10))

    found = read(build)
    assert [m.enters for _, m in found.entering] == ["y", "n"]
    (grouping,) = outline(found)
    np.testing.assert_array_equal(grouping.rows["y"], np.bincount(OBSERVER))
    np.testing.assert_array_equal(grouping.rows["n"], np.bincount(OBSERVER[:10]))


def test_a_matrix_of_effects_is_one_grouping() -> None:
    """Intercepts and slopes in the columns of one matrix; and cell means, which share no row."""
    code = SITE_OF_PLOT[PLOT]

    def slopes() -> None:
        u = pm.Normal("u", 0, pm.HalfNormal("s", 1, shape=2), shape=(5, 2))
        pm.Normal("y", u[code, 0] + u[code, 1] * X, pm.HalfNormal("sigma", 1), observed=X)

    def cells() -> None:
        u = pm.Normal("u", 0, pm.HalfNormal("s", 1, shape=2), shape=(5, 2))
        pm.Normal("y", u[code, np.arange(X.size) % 2], pm.HalfNormal("sigma", 1), observed=X)

    for build in (slopes, cells):
        (grouping,) = outline(read(build))
        assert len(grouping.levels) == 2
        np.testing.assert_array_equal(grouping.rows["y"], np.bincount(code))


def test_a_model_without_a_level() -> None:
    def build() -> None:
        pm.Normal("y", pm.Normal("b", 0, 1, shape=2)[0] * X, pm.HalfNormal("s", 1), observed=X)

    found = read(build)
    assert (found.levels, found.relations, outline(found)) == ({}, [], [])
    assert "no level was found" in repr(found)
