"""Reviews that are interrupted, changed and run again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
from click.testing import CliRunner
from tests.workflow.judged import SMALL, statuses

import poolwise
from poolwise.workflow import review as reviewing
from poolwise.workflow.cli import main
from poolwise.workflow.runner import STAGES, run_stages
from poolwise.workflow.specs.loading import load_specs

pytestmark = pytest.mark.slow


def write_spec(folder: Path, priors: str, decision: str = "post['mu'] > 0") -> Path:
    file = folder / "models.py"
    file.write_text(
        f"""
import pymc as pm, poolwise
from poolwise import Level

@poolwise.spec(
    levels={{"site": Level(effect="theta", location="mu", scale="tau")}},
    priors={priors},
    decisions={{"positive": lambda post: {decision}}},
)
def sites():
    with pm.Model(coords={{"site": list("abcdef")}}) as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfNormal("tau", 5)
        theta = pm.Normal("theta", mu, tau, dims="site")
        pm.Normal("y", theta, 3.0, observed=[1.0, 9.0, 4.0, -2.0, 5.0, 12.0], dims="site")
    return model
"""
    )
    return file


def command(file: Path, output: Path, *options: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "poolwise.workflow.cli",
        "review",
        str(file),
        "--output",
        str(output),
        *SMALL,
        *options,
    ]


def test_killed_during_the_sweep_nothing_is_repeated(tmp_path: Path) -> None:
    # The formula does not hold a truncated normal, so each of these is fitted by itself.
    priors = "{'tau': [pm.TruncatedNormal.dist(0, s, lower=0) for s in (1, 2, 3, 4)]}"
    file, output = write_spec(tmp_path, priors), tmp_path / "run"
    # In threads first and one after another then: who makes a fit does not matter.
    in_threads = command(file, output, "--workers", "2")
    process = subprocess.Popen(in_threads, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while len(list(output.glob("stages/sweep-*.nc"))) < 2:
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (output / "run.json").exists()
    finished = {p: p.stat().st_mtime_ns for p in output.glob("stages/[!.]*.nc")}
    assert any(p.name.startswith("fit-") for p in finished)
    assert 2 <= len(list(output.glob("stages/sweep-*.nc"))) < 5
    assert not list(output.glob("stages/prior-sensitivity-*.nc"))
    done = subprocess.run(
        command(file, output, "--format", "json"), capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    record = json.loads(done.stdout)
    status = {s["name"]: s["status"] for s in record["stages"]}
    assert status.pop("prior sensitivity") == "done"
    assert set(status.values()) == {"cached"}
    # One run for the default alternatives, and four or more for those that it does not serve.
    assert len(list(output.glob("stages/sweep-*.nc"))) >= 5
    for path, written in finished.items():
        assert path.stat().st_mtime_ns == written, f"{path.name} was made again"


def test_changing_the_sweep_reruns_only_the_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nutpie

    options: dict[str, Any] = {"output": tmp_path / "run", "draws": 200, "tune": 300}
    options["chains"] = 2
    first = write_spec(tmp_path, "{'tau': [pm.HalfNormal.dist(2)]}")
    poolwise.review(load_specs(str(first))[0], **options)
    fits = []
    real = nutpie.sample

    def counting(*arguments: Any, **options: Any) -> Any:
        fits.append(1)
        return real(*arguments, **options)

    monkeypatch.setattr(nutpie, "sample", counting)
    second = write_spec(tmp_path, "{'tau': [pm.HalfNormal.dist(2), pm.Exponential.dist(1)]}")
    after = poolwise.review(load_specs(str(second))[0], **options)
    status = statuses(after)
    assert status.pop("prior sensitivity") == "done"
    assert set(status.values()) == {"cached"}
    swept = after.record.evidence.get("sweep").values()
    by_itself = [f for f in swept if f.attrs["source"] != "umbrella"]
    assert len(fits) <= 1 + len(by_itself), "one run serves all the others"
    assert len(by_itself) < len(swept) / 2
    assert "Exponential(mean 1)" in {f.attrs["prior"] for f in swept}


def test_the_same_seed_gives_the_same_review(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = load_specs(str(write_spec(tmp_path, "{}")))[0]
    options: dict[str, Any] = {"draws": 200, "tune": 300, "chains": 2, "seed": 5}
    one = poolwise.review(spec, output=tmp_path / "one", **options)
    two = poolwise.review(spec, output=tmp_path / "two", **options)
    assert [f.as_dict() for f in one.findings] == [f.as_dict() for f in two.findings]
    for group in ("posterior", "prior_predictive", "posterior_predictive"):
        xr.testing.assert_identical(one.data[group].to_dataset(), two.data[group].to_dataset())
    fit = [s for s in STAGES if s.name == "fit"]
    monkeypatch.setattr(reviewing, "run_stages", partial(run_stages, stages=fit))
    other = poolwise.review(spec, output=tmp_path / "other", **{**options, "seed": 6})
    assert not one.data["posterior"].to_dataset().equals(other.data["posterior"].to_dataset())


def test_a_decision_that_raises_is_an_error_and_the_report_is_written(tmp_path: Path) -> None:
    file = write_spec(tmp_path, "{}", decision="post['thetta'] > 0")
    result = CliRunner().invoke(
        main, ["review", str(file), "--output", str(tmp_path / "run"), *SMALL]
    )
    assert result.exit_code == 2, result.output
    assert (tmp_path / "run" / "report.html").exists()
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    errors = [f for f in record["findings"] if f["verdict"] == "error"]
    assert any("'positive' raises KeyError" in f["message"] for f in errors)
    line = next(f["line"] for f in errors if "positive" in f["message"])
    assert "thetta" in file.read_text().splitlines()[line - 1]
    judged = {f["code"] for f in record["findings"] if f["verdict"] in ("pass", "warn", "fail")}
    assert judged >= {"SMP301", "SMP303", "PRI202"}, "what does not need the decision is judged"
