"""Levels of any fit, for functions called on their own: what goes in, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytest
import xarray as xr

import poolwise
from poolwise import Level, SpecError
from poolwise.checks import (
    decompose,
    effective_groups,
    equivalent_penalty,
    own_data_weight,
    pooling_factor,
    predict_new_group,
    what_to_collect,
)
from poolwise.checks.decomposition import TARGETS
from poolwise.workflow.outcomes import parts as outcome_parts

ROOT = Path(__file__).parents[2]
FIT = ROOT / "tests" / "data" / "fits" / "eight_schools_numpyro.nc"
SCHOOL = Level(effect="theta", location="mu", scale="tau", noise="sigma")
GROUP = np.repeat(np.arange(4), [1, 2, 3, 4])
CHAINS, DRAWS = 2, 50


def build(scale: float = 1.0) -> pm.Model:
    with pm.Model(coords={"site": list("abcd")}) as model:
        theta = pm.Normal("theta", pm.Normal("mu"), pm.HalfNormal("tau", scale), dims="site")
        pm.Normal("y", theta[GROUP], pm.HalfNormal("sigma"), observed=np.arange(10.0))
    return model


@pytest.fixture(scope="module")
def model() -> pm.Model:
    return build()


@pytest.fixture(scope="module")
def tree() -> xr.DataTree:
    rng = np.random.default_rng(1)
    size = (CHAINS, DRAWS)
    posterior = xr.Dataset(
        {
            "mu": (("chain", "draw"), rng.normal(size=size)),
            "tau": (("chain", "draw"), rng.gamma(2, size=size)),
            "sigma": (("chain", "draw"), rng.gamma(2, size=size)),
            "theta": (("chain", "draw", "site"), rng.normal(size=(*size, 4))),
        },
        coords={"site": list("abcd")},
    )
    return xr.DataTree.from_dict({"posterior": posterior, "prior": posterior.isel(draw=[0, 1, 2])})


def test_a_model_and_its_draws(model: pm.Model, tree: xr.DataTree) -> None:
    site = poolwise.evaluate_levels(tree, model)["site"]
    drawn = tree["posterior"].to_dataset()
    rows = np.bincount(GROUP) / drawn["sigma"].values[..., None] ** 2
    np.testing.assert_allclose(site["information"], rows)
    weight = own_data_weight(site)
    assert weight.dims == ("chain", "draw", "group")
    assert list(weight["group"].values) == list("abcd")
    expected = 1 / (1 + 1 / (drawn["tau"].values[..., None] ** 2 * rows))
    np.testing.assert_allclose(weight, expected)


def test_every_way_to_say_it_is_the_same(model: pm.Model, tree: xr.DataTree) -> None:
    hierarchy = poolwise.read_hierarchy(model)
    plain = poolwise.evaluate_levels(tree, model)["site"]
    xr.testing.assert_equal(
        plain, poolwise.evaluate_levels(tree, model, hierarchy=hierarchy)["site"]
    )
    declared = {"site": Level(effect="theta", location="mu", scale="tau")}
    xr.testing.assert_allclose(
        plain, poolwise.evaluate_levels(tree, model, levels=declared)["site"]
    )
    prior = poolwise.evaluate_levels(tree, model, group="prior")["site"]
    assert prior.sizes["draw"] == 3


def test_a_path_and_dims_in_another_order(
    model: pm.Model, tree: xr.DataTree, tmp_path: Path
) -> None:
    turned = tree["posterior"].to_dataset().transpose("site", "draw", "chain")
    xr.DataTree.from_dict({"posterior": turned}).to_netcdf(tmp_path / "fit.nc", engine="h5netcdf")
    found = poolwise.evaluate_levels(tmp_path / "fit.nc", model)["site"]
    xr.testing.assert_allclose(found, poolwise.evaluate_levels(tree, model)["site"])


def test_a_bambi_model() -> None:
    bambi = pytest.importorskip("bambi")
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(2)
    data = pandas.DataFrame({"y": rng.normal(size=10), "site": [f"s{g}" for g in GROUP]})
    model = bambi.Model("y ~ 1 + (1|site)", data)
    model.build()
    with model.backend.model:
        prior = pm.sample_prior_predictive(5, random_seed=1)
    found = poolwise.evaluate_levels(
        xr.DataTree.from_dict({"posterior": prior["prior"].to_dataset()}), model
    )
    (level,) = found.values()
    np.testing.assert_allclose(level["rows"], np.bincount(GROUP))


def test_draws_of_another_program_keep_what_was_taken_for_what() -> None:
    school = poolwise.evaluate_levels(FIT, levels={"school": SCHOOL})["school"]
    assert "each row of y was taken for the group" in school.attrs["notes"]
    assert 0 < pooling_factor(school).factor < 1


Call = Callable[[pm.Model, xr.DataTree], Any]
REFUSED: list[tuple[str, Call]] = [
    ("the draws are a Dataset", lambda m, t: _of_anything(t["posterior"].to_dataset(), m)),
    ("the draws are a list", lambda m, t: _of_anything([1.0], m)),
    ("group='posteriors'", lambda m, t: poolwise.evaluate_levels(t, m, group="posteriors")),
    (
        "the draws hold no group prior",
        lambda m, t: poolwise.evaluate_levels(_only(t, "posterior"), m, group="prior"),
    ),
    ("holds no group 'posterior'", lambda m, t: poolwise.evaluate_levels(_only(t, "prior"), m)),
    ("holds no tau", lambda m, t: poolwise.evaluate_levels(_changed(t, drop="tau"), m)),
    ("has shape (3,)", lambda m, t: poolwise.evaluate_levels(_changed(t, groups=3), m)),
    ("are not finite", lambda m, t: poolwise.evaluate_levels(_changed(t, fill=np.nan), m)),
    ("the model is a dict", lambda m, t: poolwise.evaluate_levels(t, {})),
    (
        "read from another model",
        lambda m, t: poolwise.evaluate_levels(t, m, hierarchy=poolwise.read_hierarchy(build(2.0))),
    ),
    (
        "names no variable of the model",
        lambda m, t: poolwise.evaluate_levels(
            t, m, levels={"site": Level(effect="a", scale="tau")}
        ),
    ),
    (
        "both hierarchy= and levels=",
        lambda m, t: poolwise.evaluate_levels(
            t, m, hierarchy=poolwise.read_hierarchy(m), levels={"school": SCHOOL}
        ),
    ),
    ("not known which variables are the levels", lambda m, t: poolwise.evaluate_levels(t)),
    (
        "hierarchy without its model",
        lambda m, t: poolwise.evaluate_levels(t, hierarchy=poolwise.read_hierarchy(m)),
    ),
    (
        "no variable of the posterior",
        lambda m, t: poolwise.evaluate_levels(t, levels={"site": Level(effect="a", scale="tau")}),
    ),
    ("no such file", lambda m, t: poolwise.evaluate_levels("absent.nc", m)),
]


def _of_anything(draws: Any, model: pm.Model) -> Any:
    return poolwise.evaluate_levels(draws, model)


def _only(tree: xr.DataTree, name: str) -> xr.DataTree:
    return xr.DataTree.from_dict({name: tree[name].to_dataset()})


def _changed(
    tree: xr.DataTree, *, drop: str = "", groups: int = 4, fill: float = 0.0
) -> xr.DataTree:
    found = tree["posterior"].to_dataset().isel(site=slice(groups)).copy(deep=True)
    if drop:
        found = found.drop_vars(drop)
    if fill:
        found["mu"][0, 0] = fill
    return xr.DataTree.from_dict({"posterior": found})


@pytest.mark.parametrize(("said", "call"), REFUSED)
def test_what_is_refused(said: str, call: Call, model: pm.Model, tree: xr.DataTree) -> None:
    with pytest.raises(SpecError) as error:
        call(model, tree)
    assert said in str(error.value)


def test_a_model_without_levels_says_how_to_declare_one() -> None:
    with pm.Model() as flat:
        pm.Normal("y", pm.Normal("mu"), 1, observed=[1.0, 2.0])
    draws = xr.Dataset({"mu": (("chain", "draw"), np.zeros((1, 3)))})
    with pytest.raises(SpecError, match=r"levels=\{.school."):
        poolwise.evaluate_levels(xr.DataTree.from_dict({"posterior": draws}), flat)


def test_functions_say_what_a_level_is(tree: xr.DataTree) -> None:
    takes: tuple[Callable[[Any], Any], ...] = (
        pooling_factor,
        own_data_weight,
        equivalent_penalty,
        effective_groups,
        decompose,
        predict_new_group,
        what_to_collect,
    )
    for function in takes:
        for wrong in (tree, {"school": tree}, tree["posterior"]["mu"]):
            with pytest.raises(TypeError, match=r"dataset of one level.*evaluate_levels"):
                function(wrong)
        with pytest.raises(ValueError, match=r"the level has no .*evaluate_levels"):
            function(tree["posterior"].to_dataset())


def test_variances_may_rest_on_fewer_draws_than_the_level(
    tree: xr.DataTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcome_parts, "FEWEST", 20)
    monkeypatch.setattr(outcome_parts, "WORK", 1)
    with pm.Model(coords={"site": list("abcd")}) as counts:
        theta = pm.Normal("theta", pm.Normal("mu"), pm.HalfNormal("tau", 0.3), dims="site")
        pm.Poisson("y", pm.math.exp(theta[GROUP]), observed=np.arange(10))
    site = poolwise.evaluate_levels(tree, counts)["site"]
    assert site.sizes["used_draw"] < site.sizes["draw"]
    assert all(np.isfinite(found.total) for found in decompose(site, "site"))


def test_one_group_has_no_pooling_factor() -> None:
    level = poolwise.evaluate_levels(FIT, levels={"school": SCHOOL})["school"]
    with pytest.raises(ValueError, match="at least two groups"):
        pooling_factor(level.isel(group=[0]))


def test_the_example_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("### The numbers alone\n")[1].split("\n### ")[0]
    code = section.split("```python\n")[1].split("```")[0]
    (tmp_path / "fit.nc").write_bytes(FIT.read_bytes())
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), found)
    school = found["school"]
    assert school.sizes["group"] == 8
    assert found["weights"].sizes == {"group": 8}
    assert [d.target for d in found["variances"]] == list(TARGETS)
