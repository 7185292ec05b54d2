"""One compilation serves a whole review: fit, sweep, refits, powers, poolings; also in threads."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import nutpie
import pymc as pm
import pytest
import xarray as xr

import poolwise
from poolwise import Level
from poolwise.checks import powers
from poolwise.checks.powers import PowerScaling
from poolwise.checks.weighted import effective_size
from poolwise.workflow.engine import Engine
from poolwise.workflow.stages import sweep

pytestmark = pytest.mark.slow

Y = [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0]
SD = [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0]

#: What is scaled.
PARTS = ["mu", "tau", "all hyperpriors", "likelihood"]


@poolwise.spec(
    levels={"school": Level(effect="theta", location="mu", scale="tau")},
    quantities={"best": lambda post: post["theta"].max("school")},
    decisions={"positive": lambda post: post["mu"] > 0},
)
def schools() -> pm.Model:
    with pm.Model(coords={"school": list("ABCDEFGH")}) as model:
        mu = pm.Normal("mu", 0, 20)
        tau = pm.HalfNormal("tau", 10)
        z = pm.Normal("z", 0, 1, dims="school")
        theta = pm.Deterministic("theta", mu + tau * z, dims="school")
        pm.Normal("y", theta, SD, observed=Y, dims="school")
    return model


class Counted:
    """Whatever compiles a program for sampling, counted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.models: list[pm.Model] = []
        self.engines: list[Engine] = []
        compile_model, make = nutpie.compile_pymc_model, Engine.__init__

        def compiling(model: pm.Model, *arguments: Any, **options: Any) -> Any:
            self.models.append(model)
            return compile_model(model, *arguments, **options)

        def making(engine: Engine, *arguments: Any, **options: Any) -> None:
            self.engines.append(engine)
            make(engine, *arguments, **options)

        def sampling(*arguments: Any, **options: Any) -> Any:
            raise AssertionError("pm.sample compiles a program of its own")

        monkeypatch.setattr(nutpie, "compile_pymc_model", compiling)
        monkeypatch.setattr(Engine, "__init__", making)
        monkeypatch.setattr(pm, "sample", sampling)


def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the sweep refit its first alternatives, however good their weights are."""
    real, calls = effective_size, iter(range(10**6))
    monkeypatch.setattr(sweep, "effective_size", lambda fit: 0.0 if next(calls) < 4 else real(fit))


def distrustful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let power-scaling trust no weights, and so fit everything under both powers."""
    monkeypatch.setattr(powers, "largest_k", lambda draws: -10.0)


def test_a_whole_review_compiles_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    for name, workers in (("threads", 2), ("series", 1)):
        counted.models.clear()
        counted.engines.clear()
        with monkeypatch.context() as patch:
            strict(patch)
            distrustful(patch)
            reviewed = poolwise.review(
                schools, output=tmp_path / name, draws=200, tune=300, workers=workers
            )
        assert len(counted.models) == 1, [m.name for m in counted.models]
        assert sum(e.compilations for e in counted.engines) == 1
        fits = reviewed.record.evidence.get("sweep").values()
        sources = [f.attrs["source"] for f in fits]
        assert sources.count("refit") >= 2
        assert sources.count("umbrella") > len(sources) / 2
        assert "own program" not in sources
        fitted_again = reviewed.record.evidence.get("power_scaling")
        assert [p.name for p in fitted_again.parts if p.refitted] == PARTS
        assert not any("ompiled by" in f for f in reviewed.record.evidence.get("fallbacks"))
        if name == "threads":
            # The second time only what runs through an executor is made again.
            again = shutil.ignore_patterns("sweep-*", "prior-sensitivity-*", "pooling*", "power-*")
            shutil.copytree(tmp_path / "threads/stages", tmp_path / "series/stages", ignore=again)
    same_but_for_time(tmp_path / "series", tmp_path / "threads")
    agree_with_weights(reviewed, fitted_again)


def agree_with_weights(reviewed: poolwise.Review, fitted_again: PowerScaling) -> None:
    """Compare fits under both powers with weighted draws, which are good in this model."""
    evidence = reviewed.record.evidence
    weighted: PowerScaling = replace(evidence, _facts={}).get("power_scaling")
    assert not any(p.refitted for p in weighted.parts)
    for ours, theirs in zip(fitted_again.parts, weighted.parts, strict=True):
        error = np.hypot(ours.mcse, theirs.mcse)
        lifted = np.hypot(ours.floor, theirs.floor)
        assert (abs(ours.sensitivity - theirs.sensitivity) < 4 * error + lifted).all(), ours.name


def same_but_for_time(one: Path, other: Path) -> None:
    """Compare every draw, number and finding of two runs."""
    groups = [xr.open_datatree(f / "run.nc", engine="h5netcdf") for f in (one, other)]
    with groups[0], groups[1]:
        xr.testing.assert_identical(groups[0].load(), groups[1].load())
    records = [json.loads((f / "run.json").read_text()) for f in (one, other)]
    for record in records:
        for key in ("duration_s", "created", "stages"):
            record.pop(key, None)
        # Names the folder of the run.
        record["reasons"].pop("calibration", None)
    assert records[0] == records[1]
