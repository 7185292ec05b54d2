"""Stages: cached by content, resumed where they stopped, failing on their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytest
import xarray as xr

from poolwise.checks import Verdict
from poolwise.checks.hierarchy import discover, roles
from poolwise.workflow.errors import SpecError
from poolwise.workflow.execution.programs import Program
from poolwise.workflow.runner import run_stages, whole_tree
from poolwise.workflow.runs import store
from poolwise.workflow.runs.fingerprint import model_key
from poolwise.workflow.sampler import Sampler
from poolwise.workflow.settings import Settings
from poolwise.workflow.specs.spec import ModelSpec
from poolwise.workflow.stages.stage import Context, Unavailable


def build() -> pm.Model:
    with pm.Model() as model:
        pm.Normal("y", pm.Normal("mu", 0, 1), 1, observed=[1.0, 2.0])
    return model


class Counting:
    """A stage that counts how often it runs."""

    def __init__(self, name: str, gives: str, needs: tuple[str, ...] = (), **fails: Any) -> None:
        self.name, self.provides, self.needs = name, (gives,), needs
        self.runs, self.option = 0, 1
        self.error: Exception | None = fails.get("error")

    def depends_on(self, context: Context) -> Mapping[str, Any]:
        return {"option": self.option, "seed": context.settings.seed}

    def run(self, context: Context) -> dict[str, xr.Dataset]:
        self.runs += 1
        if self.error is not None:
            raise self.error
        context.fallbacks.append(f"{self.name} took another way")
        return {self.provides[0]: xr.Dataset({"x": ("draw", np.arange(3.0) + self.option)})}


@pytest.fixture
def make(tmp_path: Path) -> Any:
    def context(seed: int = 1) -> Context:
        spec, model = ModelSpec(build=build), build()
        store.prepare(tmp_path)
        return Context(
            spec=spec,
            model=model,
            settings=Settings(seed=seed),
            hierarchy=discover(model),
            roles=roles(model, discover(model)),
            sampler=Sampler(Program(model, [])),
            model_key=model_key(model),
            folder=tmp_path / "stages",
        )

    return context


def test_an_unchanged_stage_is_not_run_again(make: Any) -> None:
    first, second = Counting("one", "prior"), Counting("two", "posterior")
    before = run_stages(make(), stages=[first, second])
    after = run_stages(make(), stages=[first, second])
    assert (first.runs, second.runs) == (1, 1)
    assert [s.status for s in before.stages] == ["done", "done"]
    assert [s.status for s in after.stages] == ["cached", "cached"]
    xr.testing.assert_identical(before.groups["prior"], after.groups["prior"])
    # What was said about the first run is said again.
    assert after.fallbacks == before.fallbacks == [f"{n} took another way" for n in ("one", "two")]


def test_only_what_changed_is_run_again(make: Any) -> None:
    first, second = Counting("one", "prior"), Counting("two", "posterior")
    run_stages(make(), stages=[first, second])
    second.option = 2
    after = run_stages(make(), stages=[first, second])
    assert (first.runs, second.runs) == (1, 2)
    assert after.groups["posterior"]["x"].values[0] == 2
    run_stages(make(seed=2), stages=[first, second])
    assert (first.runs, second.runs) == (2, 3)


def test_a_failing_stage_costs_only_what_needs_it(make: Any) -> None:
    broken = Counting("broken", "prior", error=ValueError("no good"))
    needs, free = Counting("needs", "levels/a", needs=("prior",)), Counting("free", "posterior")
    outcome = run_stages(make(), stages=[broken, needs, free])
    assert [s.status for s in outcome.stages] == ["failed", "skipped", "done"]
    assert needs.runs == 0
    finding = outcome.errors[0]
    assert finding.verdict is Verdict.ERROR
    assert "broken: ValueError: no good" in finding.message
    # This file is the user's here: the line is the one that raised.
    assert finding.line is not None
    assert "raise self.error" in Path(__file__).read_text().splitlines()[finding.line - 1]
    assert "no good" in outcome.reasons["prior"]
    assert "no good" in outcome.reasons["levels"]


def test_the_line_of_the_user_is_named(make: Any) -> None:
    def of_the_user() -> None:
        raise KeyError("theta")

    class Calls(Counting):
        def run(self, context: Context) -> dict[str, xr.Dataset]:
            of_the_user()
            return {}

    outcome = run_stages(make(), stages=[Calls("calls", "prior")])
    line = outcome.errors[0].line
    assert line is not None
    assert 'raise KeyError("theta")' in Path(__file__).read_text().splitlines()[line - 1]


def test_an_unavailable_stage_is_skipped_with_its_reason(make: Any) -> None:
    stage = Counting("one", "prior", error=Unavailable("mu has a flat prior"))
    outcome = run_stages(make(), stages=[stage])
    assert outcome.stages[0].status == "skipped"
    assert outcome.reasons["prior"] == "mu has a flat prior"
    assert not outcome.errors


def test_a_failed_stage_is_tried_again(make: Any) -> None:
    stage = Counting("one", "prior", error=ValueError("disk full"))
    run_stages(make(), stages=[stage])
    stage.error = None
    assert run_stages(make(), stages=[stage]).stages[0].status == "done"


def test_a_file_cut_short_counts_as_none(make: Any) -> None:
    stage = Counting("one", "prior")
    run_stages(make(), stages=[stage])
    file = next(make().folder.glob("one-*.nc"))
    file.write_bytes(file.read_bytes()[:200])
    assert run_stages(make(), stages=[stage]).stages[0].status == "done"
    assert stage.runs == 2


def test_nothing_is_left_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "run.nc"
    good = {"prior": xr.Dataset({"x": ("draw", np.arange(3.0))})}
    store.write_groups(file, good)

    def stops(self: xr.DataTree, path: Path, **_: Any) -> None:
        Path(path).write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(xr.DataTree, "to_netcdf", stops)
    with pytest.raises(OSError, match="no space"):
        store.write_groups(file, {"prior": good["prior"] + 1})
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]
    kept = store.read_groups(file)
    assert kept is not None
    xr.testing.assert_identical(kept["prior"], good["prior"])


def test_json_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        store.write_json(tmp_path / "run.json", {"x": float("nan")})
    assert not list(tmp_path.iterdir())


def test_groups_come_in_a_fixed_order() -> None:
    one = xr.Dataset({"x": ("draw", [1.0])})
    tree = whole_tree({"sweep/b": one, "posterior": one, "sweep/a": one, "prior": one})
    assert list(tree.children) == ["prior", "posterior", "sweep"]
    assert list(tree["sweep"].children) == ["a", "b"]


@pytest.mark.parametrize("size", [{"draws": 5}, {"chains": 0}, {"target_accept": 1.0}])
def test_settings_refuse_nonsense(size: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Settings(**size)


def test_seeds_differ_by_purpose_and_agree_by_seed() -> None:
    one, same, other = Settings(seed=1), Settings(seed=1), Settings(seed=2)
    assert one.seed_for("fit") == same.seed_for("fit")
    assert len({one.seed_for("fit"), one.seed_for("prior"), other.seed_for("fit")}) == 3


def test_errors_are_one_screen() -> None:
    error = SpecError("wrong", path="models.py", line=3, expected="right", do="mend it")
    assert str(error).splitlines()[0] == "models.py:3: wrong"
    assert len(str(error).splitlines()) == 3
