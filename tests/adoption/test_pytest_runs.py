"""``pytest --poolwise`` with real reviews: the first fits, in two workers, and a cached rerun."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped

pytestmark = pytest.mark.slow

WHOLE = """
import numpy as np
import pymc as pm
import poolwise

GROUP = np.repeat(np.arange(8), 10)
Y = np.random.default_rng(1).normal(3, 1, 80) + np.linspace(-1, 1, 8)[GROUP]

@poolwise.spec(
    priors={"tau": [pm.HalfNormal.dist(1)]},
    decisions={"above two": lambda post: post["mu"] > 2},
)
def whole():
    with pm.Model(coords={"group": range(8)}) as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfNormal("tau", 2)
        z = pm.Normal("z", 0, 1, dims="group")
        sigma = pm.HalfNormal("sigma", 2)
        pm.Normal("y", mu + tau * z[GROUP], sigma, observed=Y)
    return model
"""
#: Its decision names no variable.
BROKEN = """
import numpy as np
import pymc as pm
import poolwise

@poolwise.spec(
    priors={"mu": [pm.Normal.dist(0, 9)]},
    decisions={"above two": lambda post: post["mew"] > 2},
)
def broken():
    with pm.Model() as model:
        pm.Normal("y", pm.Normal("mu", 0, 5), 1, observed=np.linspace(1, 5, 20))
    return model
"""
SMALL = ("--poolwise-draws=200", "--poolwise-tune=300", "--poolwise-chains=2")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "specs").mkdir()
    # A project that turns warnings into errors means its own.
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    (folder / "specs" / "whole.py").write_text(WHOLE)
    (folder / "specs" / "broken.py").write_text(BROKEN)
    return folder


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--poolwise", "specs", *SMALL, *options],
        cwd=folder,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def first(project: Path) -> subprocess.CompletedProcess[str]:
    return run(project, "-n", "2", "--dist", "loadfile", "--junitxml", "junit.xml", "-v")


def outcomes(file: Path) -> dict[str, str]:
    found = {}
    for suite in JUnitXml.fromfile(str(file)):
        for case in suite:
            kinds = {Failure: "failed", Error: "error", Skipped: "skipped"}
            ended = [kinds[type(result)] for result in case.result]
            spec = str(case.classname).rpartition(".")[2]
            found[f"{spec}::{case.name}"] = ended[0] if ended else "passed"
    return found


def test_each_spec_is_reviewed_in_one_worker(
    project: Path, first: subprocess.CompletedProcess[str]
) -> None:
    assert first.returncode == 1, first.stdout + first.stderr
    lines = re.findall(r"^\[(gw\d)\].* (specs/\w+\.py)::(\w+)::", first.stdout, re.M)
    workers: dict[str, set[str]] = {}
    for worker, _, spec in lines:
        workers.setdefault(spec, set()).add(worker)
    assert {len(w) for w in workers.values()} == {1}
    assert set(workers) == {"whole", "broken"}


def test_a_part_that_stopped_fails_and_the_rest_is_judged(
    project: Path, first: subprocess.CompletedProcess[str]
) -> None:
    ended = outcomes(project / "junit.xml")
    failed = {name for name, how in ended.items() if how == "failed"}
    # What rests on the decision fails, and nothing that does not.
    assert {"broken::SEN504", "broken::RUN001"} <= failed
    assert "'above two' raises KeyError" in first.stdout
    assert ended["broken::PRI202"] == ended["broken::SMP303"] == "passed"
    assert not any(name.startswith("whole::RUN") for name in failed)
    assert "whole::SEN504" in ended
    assert "whole::SEN504" not in failed


def test_the_summary_reaches_the_terminal_from_the_workers(
    first: subprocess.CompletedProcess[str],
) -> None:
    summary = first.stdout.partition("= poolwise =")[2]
    assert re.search(r"^specs/broken\.py::broken: Not finished$", summary, re.M)
    assert re.search(r"^specs/whole\.py::whole: \S", summary, re.M)
    assert "report: poolwise_runs/specs/whole/whole/report.html" in summary


@pytest.mark.usefixtures("first")
def test_an_unchanged_spec_samples_nothing_and_finds_the_same(project: Path) -> None:
    record = project / "poolwise_runs" / "specs" / "whole" / "whole" / "run.json"
    before = json.loads(record.read_text())
    assert {s["status"] for s in before["stages"]} == {"done"}
    again = run(project, "-k", "whole", "--junitxml", "again.xml")
    after = json.loads(record.read_text())
    assert {s["status"] for s in after["stages"]} == {"cached"}
    assert after["findings"] == before["findings"]
    ended = outcomes(project / "junit.xml")
    assert outcomes(project / "again.xml") == {
        name: how for name, how in ended.items() if name.startswith("whole")
    }
    assert again.returncode == int("failed" in outcomes(project / "again.xml").values())
