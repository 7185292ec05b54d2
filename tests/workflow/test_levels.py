"""A level evaluated on draws, against loops over rows and draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytest
import xarray as xr
from numpy.testing import assert_allclose

from poolwise.checks import decompose, own_data_weight
from poolwise.checks.hierarchy import Level, discover, plain_model
from poolwise.checks.hierarchy.cheap import uncompiled
from poolwise.workflow.levels import datasets as module
from poolwise.workflow.levels import evaluate
from poolwise.workflow.levels.datasets import level_dataset

RNG = np.random.default_rng(1)
GROUP = RNG.permutation(np.repeat(np.arange(5), [1, 2, 3, 6, 8]))
N, J = GROUP.size, 5
X = RNG.normal(size=N)
Y = RNG.normal(size=N)
LEVEL = Level(effect="theta", location="mu", scale="tau")


def intercepts(known: bool = False) -> pm.Model:
    with pm.Model(coords={"site": list("abcde")}) as model:
        mu = pm.Normal("mu", 0, 1)
        tau = pm.HalfNormal("tau", 1)
        theta = pm.Normal("theta", mu, tau, dims="site")
        beta = pm.Normal("beta", 0, 1)
        sigma = 1 + np.arange(N) / N if known else pm.HalfNormal("sigma", 1)
        pm.Data("row_group", GROUP)
        pm.Normal("y", theta[GROUP] + beta * X, sigma, observed=Y)
    return model


def draws_of(model: pm.Model, chains: int = 2, draws: int = 30) -> xr.Dataset:
    names = [v.name for v in [*model.free_RVs, *model.deterministics]]
    values = pm.draw(
        [model[n] for n in names], draws=chains * draws, random_seed=2, mode="FAST_COMPILE"
    )
    found = {}
    for name, value in zip(names, values, strict=True):
        shaped = np.reshape(value, (chains, draws, *np.shape(value)[1:]))
        unnamed = [f"{name}_{axis}" for axis in range(shaped.ndim - 2)]
        dims = model.named_vars_to_dims.get(name) or unnamed
        found[name] = (("chain", "draw", *dims), shaped)
    coords = {k: list(v) for k, v in model.coords.items() if v is not None}
    return xr.Dataset(found, coords=coords)


def dataset(model: pm.Model, draws: xr.Dataset, level: Level = LEVEL) -> xr.Dataset:
    return level_dataset(model, discover(model, {"site": level}), "site", draws)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("chunk", [7 * N, 10**9])
@pytest.mark.parametrize("many", [0, 10**9])
def test_against_loops(known: bool, chunk: int, many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "CHUNK", chunk)
    # Sums over rows are formed before the draws, or at every draw.
    monkeypatch.setattr(module, "MANY", many)
    model = intercepts(known)
    draws = draws_of(model)
    level = dataset(model, draws)
    raw = np.zeros(J)
    for c in range(2):
        for d in range(30):
            one = draws.isel(chain=c, draw=d)
            sd = 1 + np.arange(N) / N if known else np.full(N, float(one["sigma"]))
            beta, theta = float(one["beta"]), one["theta"].values
            here = level.isel(chain=c, draw=d)
            residual = Y - theta[GROUP] - beta * X
            assert_allclose(here["residual_variance"], np.var(residual, ddof=1))
            for j in range(J):
                mine = j == GROUP
                information = np.sum(1 / sd[mine] ** 2)
                assert_allclose(here["information"][j], information)
                assert_allclose(here["noise_variance"][j], np.mean(sd[mine] ** 2))
                assert_allclose(here["other"][j], np.mean(beta * X[mine]), atol=1e-12)
                raw[j] += np.sum((Y - beta * X)[mine] / sd[mine] ** 2) / information / 60
    assert_allclose(level["raw"], raw)
    assert_allclose(level["rows"], np.bincount(GROUP))
    assert_allclose(level["design"], 1)
    means = (draws["theta"].values[..., GROUP] + draws["beta"].values[..., None] * X).reshape(-1, N)
    by_group = [means.var(0)[j == GROUP].mean() for j in range(J)]
    assert_allclose(level["row_mean_variance"], by_group)
    elsewhere = (draws["mu"].values[..., None] + draws["beta"].values[..., None] * X).reshape(-1, N)
    by_group = [elsewhere.var(0)[j == GROUP].mean() for j in range(J)]
    assert_allclose(level["row_location_variance"], by_group)
    assert_allclose(level["mean_residual_variance"], np.var(Y - means.mean(0), ddof=1))


def test_sums_over_rows_are_those_at_every_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a slope, a location by group, rows and a group that the level does not have."""
    group = np.where(np.arange(N) % 7 == 3, -1, GROUP)
    with pm.Model(coords={"site": list("abcdef")}) as model:
        gamma = pm.Normal("gamma", 0, 1, shape=2)
        location = gamma[0] + gamma[1] * np.arange(6.0)
        slope = pm.Normal("slope", location, pm.HalfNormal("tau", 1), dims="site")
        own = pm.math.switch(group >= 0, slope[np.maximum(group, 0)], 0.0)
        mean = 1e4 + own * X + pm.Normal("beta", 0, 1) * X**2
        pm.Normal("y", mean, pm.HalfNormal("sigma", 1), observed=1e4 + Y)
    draws, found = draws_of(model), discover(model)
    one = level_dataset(model, found, "site", draws)
    monkeypatch.setattr(module, "MANY", 0)
    other = level_dataset(model, found, "site", draws)
    assert list(one["row_group"].values) == list(group)
    xr.testing.assert_allclose(one, other, rtol=1e-7)


def test_declared_rows_and_noise_are_what_is_found() -> None:
    model = intercepts()
    draws = draws_of(model)
    level = Level(effect="theta", location="mu", scale="tau", rows="row_group", noise="sigma")
    xr.testing.assert_allclose(dataset(model, draws, level), dataset(model, draws))


@pytest.mark.parametrize("deterministic", [True, False])
def test_a_non_centred_level_found_by_itself_is_the_declared_one(deterministic: bool) -> None:
    with pm.Model(coords={"site": list("abcde")}) as model:
        mu = pm.Normal("mu", 0, 1)
        tau = pm.HalfNormal("tau", 1)
        z = pm.Normal("z", 0, 1, dims="site")
        theta = mu + tau * z
        if deterministic:
            theta = pm.Deterministic("theta", theta, dims="site")
        pm.Normal("y", theta[GROUP], pm.HalfNormal("sigma", 1), observed=Y)
    draws = draws_of(model)
    found = discover(model)
    assert found.levels["site"].form == "non-centred"
    mine = level_dataset(model, found, "site", draws)
    if deterministic:
        xr.testing.assert_allclose(mine, dataset(model, draws))
    assert_allclose(mine["scale"], draws["tau"])
    assert_allclose(mine["location"], draws["mu"])
    assert_allclose(mine["effect"], draws["mu"] + draws["tau"] * draws["z"])
    assert_allclose(mine["other"], 0, atol=1e-12)
    assert_allclose(mine["information"].sel(group="e"), 8 / draws["sigma"] ** 2)


def test_a_slope() -> None:
    with pm.Model(coords={"site": list("abcde")}) as model:
        tau = pm.HalfNormal("tau", 1)
        z = pm.Normal("z", 0, 1, dims="site")
        slope = pm.Deterministic("slope", tau * z, dims="site")
        pm.Normal("y", slope[GROUP] * X, 2, observed=Y)
    level = dataset(model, draws_of(model), Level(effect="slope", scale="tau"))
    squares = np.bincount(GROUP, X**2)
    assert_allclose(level["information"].isel(chain=0, draw=0), squares / 4)
    assert_allclose(level["design"], np.bincount(GROUP, X) / np.bincount(GROUP))
    assert_allclose(level["raw"], np.bincount(GROUP, X * Y) / squares)
    assert_allclose(level["location"], 0)


def test_a_location_per_group() -> None:
    with pm.Model(coords={"site": list("abcde")}) as model:
        b = pm.Normal("b", 0, 1)
        centre = pm.Deterministic("centre", b * np.arange(5.0), dims="site")
        theta = pm.Normal("theta", centre, pm.HalfNormal("tau", 1), dims="site")
        pm.Normal("y", theta[GROUP], 1, observed=Y)
    draws = draws_of(model)
    level = dataset(model, draws, Level(effect="theta", location="centre", scale="tau"))
    assert_allclose(level["location"].values, draws["centre"].values)
    assert list(level["group"].values) == list("abcde")


def test_a_group_without_rows() -> None:
    with pm.Model(coords={"site": list("abcdef")}) as model:
        theta = pm.Normal("theta", 0, pm.HalfNormal("tau", 1), dims="site")
        pm.Normal("y", theta[GROUP], 2, observed=Y)
    level = dataset(model, draws_of(model), Level(effect="theta", scale="tau"))
    assert level["rows"].values[5] == 0
    assert np.isnan(level["raw"].values[5])
    assert_allclose(own_data_weight(level).isel(group=5), 0)
    assert all(np.isfinite(d.total) for d in decompose(level))


def test_another_family_keeps_what_needs_no_rows() -> None:
    with pm.Model(coords={"site": list("abcde")}) as model:
        theta = pm.Normal("theta", 0, pm.HalfNormal("tau", 1), dims="site")
        pm.Poisson("y", pm.math.exp(theta[GROUP]), observed=RNG.poisson(2, size=N))
    draws = draws_of(model)
    level = dataset(model, draws, Level(effect="theta", scale="tau"))
    rows = {"information", "raw", "rows", "row_group", "design", "design_squared"}
    assert set(level.data_vars) == {"effect", "location", "scale"} | rows
    assert "Poisson" in level.attrs["why_no_noise"]
    assert "Poisson" in level.attrs["why_no_rows"]


def test_declared_rows_of_the_wrong_length_are_said() -> None:
    model = intercepts()
    with model:
        pm.Data("short", GROUP[:3])
    level = Level(effect="theta", location="mu", scale="tau", rows="short")
    assert "3 values" in dataset(model, draws_of(model), level).attrs["why_no_information"]


def test_declared_rows_that_contradict_the_model_are_refused() -> None:
    model = intercepts()
    with model:
        pm.Data("shifted", (GROUP + 1) % J)
        pm.Data("from_one", GROUP + 1)
    for rows, said in (("shifted", "other groups than the model"), ("from_one", "numbered from 0")):
        level = Level(effect="theta", location="mu", scale="tau", rows=rows)
        assert said in dataset(model, draws_of(model), level).attrs["why_no_information"]


@pytest.mark.parametrize("centred", [True, False])
def test_correlated_intercepts_and_slopes(centred: bool) -> None:
    with pm.Model(coords={"site": list("abcde"), "term": ["level", "slope"]}) as model:
        sd = pm.Exponential.dist(1)
        chol, _, _ = pm.LKJCholeskyCov("chol", n=2, eta=2, sd_dist=sd)
        mu = pm.Normal("mu", 0, 1, dims="term")
        if centred:
            b = pm.MvNormal("b", mu, chol=chol, dims=("site", "term"))
        else:
            z = pm.Normal("z", 0, 1, dims=("term", "site"))
            b = pm.Deterministic("b", mu + (chol @ z).T, dims=("site", "term"))
        pm.Normal("y", b[GROUP, 0] + b[GROUP, 1] * X, pm.HalfNormal("sigma", 1), observed=Y)
    with uncompiled():
        draws = draws_of(model)
    slope = level_dataset(model, discover(model), "site (slope)", draws)
    packed = draws["chol"].values
    assert_allclose(slope["scale"], np.sqrt(packed[..., 1] ** 2 + packed[..., 2] ** 2))
    assert_allclose(slope["effect"], draws["b"].sel(term="slope"))
    assert_allclose(slope["location"], draws["mu"].sel(term="slope"))
    squares = np.bincount(GROUP, X**2)
    assert_allclose(slope["information"], squares / draws["sigma"].values[..., None] ** 2)
    intercepts_ = draws["b"].sel(term="level").values[..., GROUP]
    by_group = [intercepts_[..., j == GROUP].mean(-1) for j in range(J)]
    assert_allclose(slope["other"], np.stack(by_group, axis=-1))
    assert slope.attrs["effect"] == "b[slope]"


def _why(effects: Callable[[Any, Any], Any], likelihood: Callable[[Any, Any], Any]) -> str:
    with pm.Model(coords={"site": list("abcde")}) as model:
        mu, tau = pm.Normal("mu", 0, 1), pm.HalfNormal("tau", 1)
        likelihood(effects(mu, tau), mu)
    level = level_dataset(model, discover(model), "site", draws_of(model))
    assert "noise_variance" not in level
    assert ("information" in level) != ("why_no_information" in level.attrs)
    return str(level.attrs["why_no_noise"])


def _normal(mu: Any, tau: Any) -> Any:
    return pm.Normal("theta", mu, tau, dims="site")


COUNTS = RNG.poisson(2, size=N)
REASONS: list[tuple[str, Callable[[Any, Any], Any], Callable[[Any, Any], Any]]] = [
    ("y is Poisson", _normal, lambda t, m: pm.Poisson("y", pm.math.exp(t[GROUP]), observed=COUNTS)),
    (
        "are StudentT",
        lambda m, t: pm.StudentT("theta", 4, mu=m, sigma=t, dims="site"),
        lambda t, m: pm.Normal("y", t[GROUP], 1, observed=Y),
    ),
    (
        "neither mean nor standard deviation",
        lambda m, t: pm.Cauchy("theta", m, t, dims="site"),
        lambda t, m: pm.Normal("y", t[GROUP], 1, observed=Y),
    ),
    (
        "sum to zero",
        lambda m, t: pm.ZeroSumNormal("theta", sigma=t, dims="site"),
        lambda t, m: pm.Normal("y", m + t[GROUP], 1, observed=Y),
    ),
    (
        "depends on other parameters",
        _normal,
        lambda t, m: pm.Normal("y", pm.Normal("a", 0, 1) * t[GROUP], 1, observed=Y),
    ),
    (
        "otherwise than as a part of its mean",
        _normal,
        lambda t, m: pm.Normal("y", 0, pm.math.exp(t[GROUP]), observed=Y),
    ),
    (
        "several ways",
        _normal,
        lambda t, m: pm.Normal("y", t[GROUP], pm.math.exp(t[GROUP]), observed=Y),
    ),
    (
        "otherwise than as a part of its mean",
        _normal,
        lambda t, m: pm.Normal("y", pm.math.exp(t[GROUP]), 1, observed=Y),
    ),
    (
        "a level below it",
        _normal,
        lambda t, m: pm.Normal(
            "y", pm.Normal("plot", t, pm.HalfNormal("s", 1), shape=5)[GROUP], 1, observed=Y
        ),
    ),
    (
        "is a potential",
        _normal,
        lambda t, m: pm.Potential("y", pm.logp(pm.Normal.dist(t[GROUP], 1), Y)),
    ),
]


@pytest.mark.parametrize(("said", "effects", "likelihood"), REASONS)
def test_why_there_is_no_noise(
    said: str, effects: Callable[[Any, Any], Any], likelihood: Callable[[Any, Any], Any]
) -> None:
    assert said in _why(effects, likelihood)


def test_labelled_tensors_are_evaluated_as_plain_ones() -> None:
    pmd = pytest.importorskip("pymc.dims")
    with pm.Model(coords={"site": list("abcde"), "row": range(N)}) as model:
        theta = pmd.Normal("theta", pmd.Normal("mu"), pmd.HalfNormal("tau"), dims="site")
        index, y = pmd.Data("index", GROUP, dims="row"), pmd.as_xtensor(Y, dims=("row",))
        pmd.Normal("y", theta.isel(site=index), 2.0, observed=y, dims="row")
    draws = draws_of(plain_model(model))
    found = discover(model)
    assert_allclose(level_dataset(model, found, "site", draws)["effect"], draws["theta"])
    assert_allclose(
        level_dataset(model, found, "site", draws)["information"].isel(chain=0, draw=0),
        np.bincount(GROUP) / 4,
    )
