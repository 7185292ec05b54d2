"""The specs of the tutorials: they build, are read as written, and hold the data they name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pymc as pm
import pytest
import xarray as xr

import poolwise
from poolwise.checks.draws import Array
from poolwise.checks.finding import Finding
from poolwise.checks.hierarchy import Hierarchy
from poolwise.workflow.levels.datasets import level_dataset
from poolwise.workflow.lint import lint
from poolwise.workflow.specs.loading import load_specs
from poolwise.workflow.specs.spec import ModelSpec

MODELS = Path(__file__).parents[2] / "tutorials" / "models"


def spec_of(name: str) -> ModelSpec:
    (found,) = load_specs(str(MODELS / f"{name}.py"))
    assert isinstance(found, ModelSpec)
    return found


def observed(name: str, outcome: str) -> Array:
    """Return what a spec conditions on."""
    model = spec_of(name).build()
    return np.asarray(model.rvs_to_values[model[outcome]].data, dtype=float)


def hierarchy_of(name: str) -> Hierarchy:
    return poolwise.read_hierarchy(spec_of(name).build())


@pytest.mark.parametrize("name", ["paste", "clinics", "sleepstudy"])
def test_nothing_is_found_in_them(name: str) -> None:
    findings: list[Finding] = lint(spec_of(name))
    assert [f.message for f in findings if f.verdict.value in ("warn", "fail", "error")] == []


def test_casks_lie_in_batches() -> None:
    found = hierarchy_of("paste")
    assert {name: len(level.labels) for name, level in found.levels.items()} == {
        "batch": 10,
        "cask": 30,
    }
    assert found.parent_of("cask") == "batch"
    assert not found.unclear


def test_pastes_agree_with_lme4() -> None:
    """Balanced and nested: mean squares give the REML estimates that lme4 prints for Pastes."""
    y = observed("paste", "strength").reshape(10, 3, 2)
    casks, batches = y.mean(2), y.mean((1, 2))
    within = float(((y - casks[..., None]) ** 2).sum() / 30)
    between_casks = float(2 * ((casks - batches[:, None]) ** 2).sum() / 20)
    between_batches = float(6 * ((batches - y.mean()) ** 2).sum() / 9)
    sds = np.sqrt([within, (between_casks - within) / 2, (between_batches - between_casks) / 6])
    assert y.mean() == pytest.approx(60.0533, abs=5e-5)
    assert sds == pytest.approx([0.8234, 2.9041, 1.2874], abs=5e-5)


def test_clinics_are_what_their_simulation_says() -> None:
    found = hierarchy_of("clinics")
    (level,) = found.levels.values()
    assert len(level.labels) == 300
    assert not found.unclear
    module = spec_of("clinics").build.__globals__
    seen = module["admissions"]()
    assert (seen["readmitted"] <= seen["patients"]).all()
    assert (observed("clinics", "readmitted") == seen["readmitted"]).all()
    chance = 1 / (
        1
        + np.exp(
            -(
                module["INTERCEPT"]
                + module["OLDER"] * seen["older"]
                + seen["log_odds"][seen["clinic"]]
            )
        )
    )
    error = np.sqrt((seen["patients"] * chance * (1 - chance)).sum())
    assert abs(seen["readmitted"].sum() - (seen["patients"] * chance).sum()) < 4 * error
    spread = seen["log_odds"].std(ddof=1)
    assert abs(spread - module["SPREAD"]) < 4 * module["SPREAD"] / np.sqrt(2 * 299)


def test_sleepstudy_has_two_levels_over_the_same_subjects() -> None:
    found = hierarchy_of("sleepstudy")
    assert [len(level.labels) for level in found.levels.values()] == [18, 18]
    assert not found.unclear


def test_sleepstudy_agrees_with_lme4() -> None:
    """Balanced: REML averages the least-squares lines of the subjects."""
    module = spec_of("sleepstudy").build.__globals__
    y = observed("sleepstudy", "reaction").reshape(18, 10)
    days = module["DAYS"].reshape(18, 10)
    slope, start = np.mean([np.polyfit(d, r, 1) for d, r in zip(days, y, strict=True)], axis=0)
    assert (start, slope) == pytest.approx((251.4051, 10.46729), abs=5e-5)


def test_information_of_clinics_is_that_of_a_binomial() -> None:
    """Data stand in containers; per clinic the information is the sum of n p (1 - p)."""
    model = spec_of("clinics").build()
    seen = spec_of("clinics").build.__globals__["SEEN"]
    names = ["intercept", "older", "spread", "offset"]
    values = pm.draw([model[n] for n in names], draws=4, random_seed=2, mode="FAST_COMPILE")
    draws = xr.Dataset(
        {
            name: (("chain", "draw", *["clinic"] * (v.ndim - 1)), v[None])
            for name, v in zip(names, values, strict=True)
        }
    )
    level = level_dataset(model, poolwise.read_hierarchy(model), "clinic", draws)
    intercept, older, spread, offset = values
    effect = intercept[:, None] + spread[:, None] * offset
    chance = 1 / (1 + np.exp(-(effect[:, seen["clinic"]] + older[:, None] * seen["older"])))
    rows = seen["patients"] * chance * (1 - chance)
    expected = rows.reshape(4, 300, 2).sum(-1)
    np.testing.assert_allclose(level["information"].values[0], expected, rtol=1e-6)
