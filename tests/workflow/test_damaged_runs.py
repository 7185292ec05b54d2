"""Runs that are damaged: one clear message, or what is damaged is made again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
import xarray as xr
from click.testing import CliRunner, Result

from poolwise.workflow.calibration.results import remember
from poolwise.workflow.cli import main
from poolwise.workflow.errors import SpecError

if TYPE_CHECKING:
    from poolwise.workflow.calibration.plan import Plan

SPEC = """
import numpy as np
import pymc as pm


def good() -> pm.Model:
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 5)
        pm.Normal("y", mu, 1, observed=np.array([1.0, 2.0, 4.0, 8.0]))
    return model
"""


def review(path: Path, output: Path) -> Result:
    """Simulate from the prior only."""
    words = ["review", str(path), "--output", str(output), "-q", "--tier", "prior"]
    return CliRunner().invoke(main, words)


DAMAGE: dict[str, Callable[[dict[str, Any]], object]] = {
    "no findings": lambda record: record.update(findings=None),
    "no versions": lambda record: record.update(environment=None),
    "no settings": lambda record: record.update(settings=None),
    "no reasons": lambda record: record.update(reasons=None),
    "seconds in words": lambda record: record.update(duration_s="long"),
    "another kind": lambda record: record.update(kind="calibration"),
    "no keys": lambda record: record["spec"].update(keys=None),
    "an unknown tier": lambda record: record.update(tier="deep"),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that only simulated from the prior."""
    folder = tmp_path_factory.mktemp("saved")
    (folder / "models.py").write_text(SPEC)
    review(folder / "models.py", folder / "run")
    return folder / "run"


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_record_is_one_clear_message(damage: str, saved: Path, tmp_path: Path) -> None:
    record = json.loads((saved / "run.json").read_text())
    DAMAGE[damage](record)
    shutil.copytree(saved, tmp_path / "run")
    (tmp_path / "run" / "run.json").write_text(json.dumps(record))
    result = CliRunner().invoke(main, ["report", str(tmp_path / "run")])
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert "run.json: " in result.output
    assert "expected: " in result.output
    compared = CliRunner().invoke(main, ["compare", str(saved), str(tmp_path / "run")])
    assert isinstance(compared.exception, SystemExit | None)


@pytest.mark.parametrize("content", [b"", b"garbage", "half", "another file"])
def test_a_stage_that_is_damaged_runs_again(
    content: bytes | str, saved: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(saved, run)
    (file,) = (run / "stages").iterdir()
    if content == "another file":
        data = xr.Dataset({"z": ("a", [1.0])})
        xr.DataTree.from_dict({"prior": data}).to_netcdf(file, engine="h5netcdf")
    else:
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2] if isinstance(content, str) else content)
    result = review(saved.parent / "models.py", run)
    assert result.exit_code == 0, result.output
    again, before = (json.loads((f / "run.json").read_text()) for f in (run, saved))
    assert again["stages"][0]["status"] == "done"
    assert again["findings"] == before["findings"]


def test_draws_that_are_cut_short_are_one_clear_message(saved: Path, tmp_path: Path) -> None:
    shutil.copytree(saved, tmp_path / "run")
    (tmp_path / "run" / "run.nc").write_bytes((saved / "run.nc").read_bytes()[:2000])
    result = CliRunner().invoke(main, ["report", str(tmp_path / "run")])
    assert result.exit_code == 2
    assert "missing or cut short" in result.output


@pytest.mark.parametrize("content", ["", "{}", "[]", None])
def test_what_a_calibration_learned_is_not_made_up(content: str | None, tmp_path: Path) -> None:
    plan = SimpleNamespace(notes=["a note"], fallbacks=[], base_rhat=1.0)
    remember(tmp_path, cast("Plan", plan), learned=True)
    again = SimpleNamespace(notes=[], fallbacks=[], base_rhat=float("nan"))
    remember(tmp_path, cast("Plan", again), learned=False)
    assert again == plan
    file = tmp_path / "plan.json"
    file.unlink() if content is None else file.write_text(content)
    with pytest.raises(SpecError, match="damaged or gone") as caught:
        remember(tmp_path, cast("Plan", again), learned=False)
    assert str(tmp_path) in caught.value.do


def test_files_that_hold_something_else(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{")
    (tmp_path / "other.json").write_text('{"version": "2.1.0", "runs": []}')
    for command, said in (
        (["report", str(tmp_path)], "is no JSON"),
        (["report", str(tmp_path / "other.json")], "Not a directory"),
        (["baseline", str(tmp_path / "other.json")], "holds no result"),
        (["compare", str(tmp_path), str(tmp_path / "other.json")], "is no JSON"),
    ):
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 2
        assert "Traceback" not in result.output
        assert said in result.output
