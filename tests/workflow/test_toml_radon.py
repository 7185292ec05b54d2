"""The radon model in TOML is the radon model in Python: same density, same review."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import poolwise
from poolwise.checks.decomposition import decompose
from poolwise.checks.draws import mcse_of_mean
from poolwise.checks.own_data import mean_weight
from poolwise.checks.pooling_factors import pooling_factor
from poolwise.checks.ridge_equivalent import equivalent_penalty
from poolwise.workflow import review as reviewing
from poolwise.workflow.runner import STAGES, run_stages
from poolwise.workflow.specs.loading import load_specs
from poolwise.workflow.specs.preflight import build_model

pytest.importorskip("bambi")

MODELS = Path(__file__).parents[2] / "tutorials" / "models"

#: Variables of the Python spec and of the TOML spec.
NAMES = {
    "intercept": "Intercept",
    "uranium_effect": "log_uranium",
    "floor_effect": "floor",
    "tau": "1|county_sigma",
    "sigma": "sigma",
}


@pytest.fixture(scope="module")
def specs() -> tuple[Any, Any]:
    return tuple(load_specs(str(MODELS / f"radon.{kind}"))[0] for kind in ("py", "toml"))  # type: ignore[return-value]


def test_both_have_the_same_density_everywhere(specs: tuple[Any, Any]) -> None:
    python, toml = (build_model(spec) for spec in specs)
    counties = [str(c) for c in toml.coords["county__factor_dim"]]
    order = [counties.index(str(c)) for c in python.coords["county"]]
    densities = [model.compile_logp() for model in (python, toml)]
    rng = np.random.default_rng(1)
    for _ in range(3):
        values = {name: float(rng.normal()) for name in NAMES}
        offset = rng.normal(size=85)
        ours = {_value(n): values[n] for n in NAMES} | {"offset": offset}
        shuffled = np.empty(85)
        shuffled[order] = offset
        theirs = {_value(NAMES[n]): values[n] for n in NAMES} | {"1|county_offset": shuffled}
        np.testing.assert_allclose(densities[0](ours), densities[1](theirs), rtol=1e-10)


def _value(name: str) -> str:
    positive = name in ("tau", "sigma", "1|county_sigma")
    return f"{name}_log__" if positive else name


@pytest.mark.slow
def test_both_give_the_same_review(
    specs: tuple[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is fitted again has the same density too.
    stages = [s for s in STAGES if s.name not in ("poolings", "power-scaling", "prior sensitivity")]
    monkeypatch.setattr(reviewing, "run_stages", partial(run_stages, stages=stages))
    python, toml = (
        poolwise.review(spec, output=tmp_path / str(i), seed=i + 1, draws=500, tune=500, chains=2)
        for i, spec in enumerate(specs)
    )

    posteriors = [r.data["posterior"].to_dataset() for r in (python, toml)]
    for mine, other in NAMES.items():
        _agree(posteriors[0][mine], posteriors[1][other], mine)
    first, second = (r.data["levels/county"].to_dataset() for r in (python, toml))
    second = second.sel(group=first["group"])
    deviations = [level["effect"] - level["location"] for level in (first, second)]
    for county in first["group"].values:
        here = [d.sel(group=county) for d in deviations]
        _agree(here[0], here[1], str(county))
    _agree(mean_weight(first), mean_weight(second), "mean weight")
    _agree(equivalent_penalty(first), equivalent_penalty(second), "penalty")
    np.testing.assert_array_equal(first["rows"], second["rows"])
    factors = [pooling_factor(level) for level in (first, second)]
    error = np.hypot(factors[0].mcse, factors[1].mcse)
    assert abs(factors[0].factor - factors[1].factor) < 4 * error
    for ours, theirs in zip(decompose(first), decompose(second), strict=True):
        for a, b in zip(ours.parts, theirs.parts, strict=True):
            if a.name in ("noise within groups", "spread between groups"):
                assert abs(a.value - b.value) < 4 * np.hypot(a.mcse, b.mcse), (ours.target, a.name)
    verdicts = [
        {(f.code, f.where): f.verdict for f in r.findings if f.code.startswith(("REG", "UNC"))}
        for r in (python, toml)
    ]
    assert verdicts[0] == verdicts[1]


def _agree(mine: xr.DataArray, other: xr.DataArray, what: str) -> None:
    difference = float(mine.mean()) - float(other.mean())
    z = difference / np.hypot(mcse_of_mean(mine), mcse_of_mean(other))
    # 92 numbers are compared: the largest of as many normals exceeds 4.5 once in 1600 times.
    assert abs(z) < 4.5, (what, z)
