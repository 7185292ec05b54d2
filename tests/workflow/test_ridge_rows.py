"""The rows of a level, read off the model, against matrices built by hand."""

from __future__ import annotations

import csv
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytest
import xarray as xr
from numpy.testing import assert_allclose

from poolwise.checks.hierarchy import discover
from poolwise.checks.penalty import NotLinear, classical_markers, one_way, ridge_of
from poolwise.workflow.levels import ridge_rows
from poolwise.workflow.levels.datasets import level_dataset

TUTORIALS = Path(__file__).parents[2] / "tutorials" / "models"

RNG = np.random.default_rng(4)
J = 6
GROUP = RNG.integers(0, J, 40)
X, Y = RNG.normal(size=(2, 40))
COVARIATE = RNG.normal(size=J)
COORDS = {"site": [f"s{j}" for j in range(J)]}


def draws_of(model: pm.Model) -> xr.Dataset:
    values = pm.draw(model.free_RVs, draws=6, random_seed=1, mode="FAST_COMPILE")
    found = {}
    for rv, value in zip(model.free_RVs, values, strict=True):
        dims = [f"{rv.name}_{k}" for k in range(value.ndim - 1)]
        found[rv.name] = (("chain", "draw", *dims), value.reshape(2, 3, *value.shape[1:]))
    return xr.Dataset(found)


def level_of(model: pm.Model, name: str = "") -> xr.Dataset:
    found = discover(model)
    return level_dataset(model, found, name or next(iter(found.levels)), draws_of(model))


def assert_same_space(one: np.ndarray, other: np.ndarray) -> None:
    """Both sets of columns span the same space: any search for a penalty is the same."""

    def hat(x: np.ndarray) -> np.ndarray:
        q = np.linalg.qr(x)[0]
        return np.asarray(q @ q.T)

    assert one.shape == other.shape
    assert_allclose(hat(one), hat(other), atol=1e-10)


@pytest.mark.parametrize("centred", [True, False])
def test_intercepts_with_covariates_of_rows_and_of_groups(centred: bool) -> None:
    with pm.Model(coords=COORDS) as model:
        mu, gamma, beta = pm.Normal("mu"), pm.Normal("gamma"), pm.Normal("beta", 0, 2)
        tau, location = pm.HalfNormal("tau"), mu + gamma * COVARIATE
        if centred:
            theta = pm.Normal("theta", location, tau, dims="site")
        else:
            theta = location + tau * pm.Normal("z", dims="site")
        mean = 3 + theta[GROUP] + beta * X
        pm.Normal("y", mean, pm.HalfNormal("sigma"), observed=Y)
    level = level_of(model)
    assert_allclose(level["row_outcome"], Y - 3)
    assert_allclose(level["row_design"], 1)
    assert "row_noise" not in level
    by_hand = np.column_stack([np.ones(40), COVARIATE[GROUP], X])
    assert_same_space(level["row_population"].values, by_hand)
    mine, theirs = ridge_of(level), one_way(Y, by_hand, GROUP, groups=J)
    for ratio in (0.1, 1.0, 10.0):
        assert_allclose(mine.effect(ratio), theirs.effect(ratio), atol=1e-10)


def test_slopes_with_known_noise_that_differs_and_a_positive_coefficient() -> None:
    noise = RNG.uniform(0.5, 2, 40)
    with pm.Model(coords=COORDS) as model:
        slope = pm.Normal("slope", pm.HalfNormal("m"), pm.HalfNormal("tau"), dims="site")
        pm.Normal("y", pm.Normal("a") + slope[GROUP] * X, noise, observed=Y)
    level = level_of(model)
    assert_allclose(level["row_design"], X)
    assert_allclose(level["row_noise"], noise)
    assert_same_space(level["row_population"].values, np.column_stack([X, np.ones(40)]))


def test_a_known_location_leaves_no_column() -> None:
    with pm.Model(coords=COORDS) as model:
        theta = pm.Normal("theta", 2.0, pm.HalfNormal("tau"), dims="site")
        pm.Normal("y", theta[GROUP], pm.HalfNormal("sigma"), observed=Y)
    level = level_of(model)
    assert level["row_population"].shape == (40, 0)
    assert_allclose(level["row_outcome"], Y - 2)
    assert ridge_of(level).columns == 0


def test_eight_schools() -> None:
    level = level_of(runpy.run_path(str(TUTORIALS / "eight_schools.py"))["eight_schools"]())
    y = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
    sd = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
    assert_allclose(level["row_outcome"], y)
    assert_allclose(level["row_noise"], sd)
    assert_allclose(level["row_population"], np.ones((8, 1)))
    by_hand = one_way(y, np.ones((8, 1)), np.arange(8), noise=sd)
    mine = {m.method: (m.outcome, m.penalty) for m in classical_markers(ridge_of(level))}
    theirs = {m.method: (m.outcome, m.penalty) for m in classical_markers(by_hand)}
    assert mine == theirs


def test_radon() -> None:
    level = level_of(runpy.run_path(str(TUTORIALS / "radon.py"))["radon"]())
    with (TUTORIALS / "data" / "radon_mn.csv").open() as file:
        table = list(csv.DictReader(file))
    y, floor, uranium = (
        np.array([float(row[name]) for row in table])
        for name in ("log_radon", "floor", "log_uranium")
    )
    labels, county = np.unique([row["county"].strip() for row in table], return_inverse=True)
    by_hand = one_way(y, np.column_stack([np.ones(y.size), floor, uranium]), county)
    mine = ridge_of(level)
    assert mine.columns == 3
    order = np.argsort(level["group"].values)
    assert list(level["group"].values[order]) == list(labels)
    for ratio in (0.01, 0.1, 1.0):
        assert_allclose(mine.effect(ratio)[order], by_hand.effect(ratio), rtol=1e-8, atol=1e-10)


def _theta() -> Any:
    return pm.Normal("theta", pm.Normal("mu"), pm.HalfNormal("tau"), dims="site")


def _normal(mean: Any, sd: Any = None) -> None:
    pm.Normal("y", mean, pm.HalfNormal("sigma") if sd is None else sd, observed=Y)


OTHER = RNG.integers(0, 4, 40)
REASONS: list[tuple[str, Callable[[], None]]] = [
    ("not linear in", lambda: _normal(_theta()[GROUP] + pm.math.exp(pm.Normal("b") * X))),
    ("not linear in", lambda: _normal(_theta()[GROUP] + pm.Normal("b") * pm.Normal("c") * X)),
    (
        "effects of another level (u)",
        lambda: _normal(_theta()[GROUP] + pm.Normal("u", 0, pm.HalfNormal("s"), shape=4)[OTHER]),
    ),
    (
        "b enters the same rows, and its prior is estimated",
        lambda: _normal(_theta()[GROUP] + pm.Normal("b", 0, pm.HalfNormal("s")) * X),
    ),
    (
        "differs between rows",
        lambda: _normal(_theta()[GROUP], pm.math.exp(pm.Normal("b") * X)),
    ),
    (
        "not continuous",
        lambda: _normal(_theta()[GROUP] + pm.Bernoulli("k", 0.5) * X),
    ),
    ("Poisson", lambda: pm.Poisson("y", pm.math.exp(_theta()[GROUP]), observed=OTHER)),
]


@pytest.mark.parametrize(("said", "build"), REASONS)
def test_why_there_are_no_rows(said: str, build: Callable[[], None]) -> None:
    with pm.Model(coords=COORDS) as model:
        build()
    level = level_of(model, "site")
    assert "row_outcome" not in level
    assert said in level.attrs["why_no_rows"]
    with pytest.raises(NotLinear) as caught:
        ridge_of(level)
    assert said in str(caught.value)


def test_columns_of_correlated_effects_are_another_level() -> None:
    with pm.Model(coords=COORDS | {"term": ["level", "slope"]}) as model:
        sd = pm.Exponential.dist(1)
        chol, _, _ = pm.LKJCholeskyCov("chol", n=2, eta=2, sd_dist=sd)
        b = pm.MvNormal("b", pm.Normal("mu", dims="term"), chol=chol, dims=("site", "term"))
        _normal(b[GROUP, 0] + b[GROUP, 1] * X)
    found = discover(model)
    values = {rv.name: (("chain", "draw"), np.ones((1, 1))) for rv in model.free_RVs if not rv.ndim}
    packed = {"chol": np.ones((1, 1, 3)), "mu": np.ones((1, 1, 2)), "b": np.ones((1, 1, J, 2))}
    for name, value in packed.items():
        dims = [f"{name}_{k}" for k in range(value.ndim - 2)]
        values[name] = (("chain", "draw", *dims), value)  # type: ignore[assignment]
    level = level_dataset(model, found, "site (slope)", xr.Dataset(values))
    assert "b holds other effects" in level.attrs["why_no_rows"]


def test_too_many_columns_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ridge_rows, "MOST_COLUMNS", 3)
    with pm.Model(coords=COORDS) as model:
        fixed = pm.Normal("fixed", 0, 10, shape=4)
        _normal(_theta()[GROUP] + fixed[OTHER])
    assert "too many" in level_of(model, "site").attrs["why_no_rows"]
