"""The information of upper levels, against the joint normal model, however it is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytest
import xarray as xr
from numpy.testing import assert_allclose

from poolwise.checks.hierarchy import read_hierarchy
from poolwise.checks.own_data import own_data_weight
from poolwise.checks.ridge_equivalent import equivalent_penalty
from poolwise.workflow.levels.datasets import level_datasets

RNG = np.random.default_rng(8)
SITES, PLOTS = 3, 7
SITE_OF = np.array([0, 0, 0, 1, 1, 2, 2])
PLOT = RNG.permutation(np.repeat(np.arange(PLOTS), [1, 3, 2, 5, 4, 2, 6]))
N = PLOT.size
Y = RNG.normal(size=N)
COORDS = {"site": list("abc"), "plot": [f"p{j}" for j in range(PLOTS)]}
SCALES = {"tau_site": 1.3, "tau_plot": 0.7, "sigma": 0.9}


def nested(form: str) -> pm.Model:
    with pm.Model(coords=COORDS) as model:
        mu = pm.Normal("mu", 0, 1)
        tau_site, tau_plot = pm.HalfNormal("tau_site"), pm.HalfNormal("tau_plot")
        if form == "centred":
            site = pm.Normal("site_effect", mu, tau_site, dims="site")
            plot = pm.Normal("plot_effect", site[SITE_OF], tau_plot, dims="plot")
            mean = plot[PLOT]
        elif form == "non-centred":
            site = pm.Deterministic(
                "site_effect", mu + tau_site * pm.Normal("z_site", dims="site"), dims="site"
            )
            offset = pm.Normal("z_plot", dims="plot")
            plot = pm.Deterministic("plot_effect", site[SITE_OF] + tau_plot * offset, dims="plot")
            mean = plot[PLOT]
        else:
            site = pm.Normal("site_effect", mu, tau_site, dims="site")
            plot = pm.Normal("plot_effect", 0, tau_plot, dims="plot")
            mean = site[SITE_OF[PLOT]] + plot[PLOT]
        pm.Normal("y", mean, pm.HalfNormal("sigma"), observed=Y)
    return model


def made_up(model: pm.Model, given: dict[str, Any] = SCALES) -> xr.Dataset:
    rng, found = np.random.default_rng(3), {}
    for rv in model.free_RVs:
        shape = tuple(rv.shape.eval(mode="FAST_COMPILE"))
        value = rng.normal(size=(2, 3, *shape))
        value = np.broadcast_to(given.get(rv.name, value), (2, 3, *shape))
        dims = [f"{rv.name}_{k}" for k in range(len(shape))]
        found[rv.name] = (("chain", "draw", *dims), value)
    return xr.Dataset(found)


def by_matrices() -> tuple[np.ndarray, np.ndarray]:
    """Return the information on every site, and its generalised least squares estimate."""
    information, estimate = np.empty(SITES), np.empty(SITES)
    for k in range(SITES):
        rows = SITE_OF[PLOT] == k
        same = PLOT[rows][:, None] == PLOT[rows][None, :]
        cov = SCALES["sigma"] ** 2 * np.eye(rows.sum()) + SCALES["tau_plot"] ** 2 * same
        solved = np.linalg.solve(cov, np.column_stack([np.ones(rows.sum()), Y[rows]]))
        information[k], total = solved.sum(axis=0)
        estimate[k] = total / information[k]
    return information, estimate


@pytest.mark.parametrize("form", ["centred", "non-centred", "added"])
def test_two_levels_against_the_joint_normal(form: str) -> None:
    model = nested(form)
    found = level_datasets(model, read_hierarchy(model), made_up(model), rows=True)
    site, plot = found["site"], found["plot"]
    information, estimate = by_matrices()
    assert_allclose(plot["information"].isel(chain=0, draw=0), np.bincount(PLOT) / 0.81)
    assert_allclose(site["information"].isel(chain=1, draw=2), information)
    expected = 1.69 / (1.69 + 1 / information)
    assert_allclose(own_data_weight(site).isel(chain=0, draw=0), expected)
    assert_allclose(site["rows"], np.bincount(SITE_OF[PLOT]))
    assert_allclose(site["row_group"], SITE_OF[PLOT])
    assert_allclose(equivalent_penalty(site), 0.81 / 1.69)
    assert_allclose(equivalent_penalty(plot), 0.81 / 0.49)
    if form == "centred":
        assert_allclose(site["raw"], estimate)


def test_three_levels() -> None:
    region_of = np.array([0, 0, 1])
    coords = COORDS | {"region": ["x", "y"]}
    with pm.Model(coords=coords) as model:
        region = pm.Normal("r", pm.Normal("mu"), pm.HalfNormal("tau_region"), dims="region")
        site = pm.Normal("s", region[region_of], pm.HalfNormal("tau_site"), dims="site")
        plot = pm.Normal("p", site[SITE_OF], pm.HalfNormal("tau_plot"), dims="plot")
        pm.Normal("y", plot[PLOT], pm.HalfNormal("sigma"), observed=Y)
    found = level_datasets(model, read_hierarchy(model), made_up(model), rows=False)
    information, _ = by_matrices()
    passed = 1 / (1.69 + 1 / information)
    expected = np.bincount(region_of, passed)
    assert_allclose(found["region"]["information"].isel(chain=0, draw=0), expected)


def test_slopes_of_the_upper_level_in_the_location_of_the_lower() -> None:
    x = RNG.normal(size=PLOTS)
    with pm.Model(coords=COORDS) as model:
        slope = pm.Normal("slope", pm.Normal("mu"), pm.HalfNormal("tau_site"), dims="site")
        plot = pm.Normal("plot_effect", slope[SITE_OF] * x, pm.HalfNormal("tau_plot"), dims="plot")
        pm.Normal("y", plot[PLOT], pm.HalfNormal("sigma"), observed=Y)
    found = level_datasets(model, read_hierarchy(model), made_up(model), rows=False)
    passed = x**2 / (0.49 + 0.81 / np.bincount(PLOT))
    assert_allclose(
        found["site"]["information"].isel(chain=0, draw=0), np.bincount(SITE_OF, passed)
    )


def test_crossed_levels_are_given_each_other() -> None:
    other = np.arange(N) % 4
    with pm.Model(coords=COORDS | {"year": range(4)}) as model:
        plot = pm.Normal("p", pm.Normal("mu"), pm.HalfNormal("tau_plot"), dims="plot")
        year = pm.Normal("a", 0, pm.HalfNormal("tau_year"), dims="year")
        pm.Normal("y", plot[PLOT] + year[other], pm.HalfNormal("sigma"), observed=Y)
    found = level_datasets(model, read_hierarchy(model), made_up(model), rows=False)
    for name, group in (("plot", PLOT), ("year", other)):
        assert_allclose(found[name]["information"].isel(chain=0, draw=0), np.bincount(group) / 0.81)


def test_what_a_level_below_does_not_know_is_said() -> None:
    with pm.Model(coords=COORDS) as model:
        site = pm.Normal("s", pm.Normal("mu"), pm.HalfNormal("tau_site"), dims="site")
        plot = pm.StudentT(
            "p", nu=4, mu=site[SITE_OF], sigma=pm.HalfNormal("tau_plot"), dims="plot"
        )
        pm.Normal("y", plot[PLOT], pm.HalfNormal("sigma"), observed=Y)
    found = level_datasets(model, read_hierarchy(model), made_up(model), rows=False)
    assert "are StudentT" in found["site"].attrs["why_no_information"]
    assert "through plot" in found["site"].attrs["why_no_information"]


@pytest.mark.parametrize("form", ["centred", "added"])
def test_counts(form: str) -> None:
    """The lower level by its own curvature, then the normal sum."""
    counts = np.arange(N) % 6
    with pm.Model(coords=COORDS) as model:
        site = pm.Normal("s", pm.Normal("mu"), pm.HalfNormal("tau_site"), dims="site")
        if form == "centred":
            plot = pm.Normal("p", site[SITE_OF], pm.HalfNormal("tau_plot"), dims="plot")
            mean = plot[PLOT]
        else:
            plot = pm.Normal("p", 0, pm.HalfNormal("tau_plot"), dims="plot")
            mean = site[SITE_OF[PLOT]] + plot[PLOT]
        pm.Poisson("y", pm.math.exp(mean), observed=counts)
    draws = made_up(model)
    found = level_datasets(model, read_hierarchy(model), draws, rows=False)
    total = draws["p"].values
    if form == "added":
        total = total + draws["s"].values[..., SITE_OF]
    own = np.exp(total) * np.bincount(PLOT)
    passed = 1 / (0.49 + 1 / own)
    expected = np.stack([passed[..., k == SITE_OF].sum(-1) for k in range(SITES)], axis=-1)
    assert_allclose(found["site"]["information"], expected)
