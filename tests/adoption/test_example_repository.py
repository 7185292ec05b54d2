"""``tutorials/ci``, the action and the hook: run as they are written."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml, Properties

from poolwise.workflow.specs.loading import load_specs
from poolwise.workflow.specs.project import project_settings

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "tutorials" / "ci"
SPECS = ("reading", "seedlings", "visits")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("models") / "repository"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("poolwise_runs", "__pycache__"))
    return copy


@pytest.fixture(scope="module")
def run(repository: Path) -> Run:
    def call(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "PYTEST_"))}
        return subprocess.run(
            words,
            cwd=repository,
            env={**clean, "PATH": path, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return call


@pytest.mark.slow
def test_pytest_runs_the_example_as_it_is_written(repository: Path, run: Run) -> None:
    done = run(sys.executable, "-m", "pytest", "--junitxml=junit.xml", "-rsx")
    assert done.returncode == 1, done.stdout + done.stderr
    found = cases(repository / "junit.xml")
    outcome = {name: result for name, (result, _) in found.items()}
    assert [name for name, result in outcome.items() if result == "failure"] == ["visits::PRI201"]
    # What the tier left out is skipped with its reason: neither passed nor missing.
    for spec in SPECS:
        assert outcome[f"{spec}::SMP301"] == "skipped"
    assert "tier prior: nothing was fitted" in done.stdout
    assert outcome["seedlings::lint"] == outcome["reading::lint"] == "passed"
    assert found["seedlings::lint"][1]["verdict"] == "warn"
    assert outcome["test_the_prior_of_reading_speed_is_plausible"] == "passed"
    assert re.search(r"specs/seedlings\.py::seedlings: .*\n  warning SPC105: ", done.stdout)
    assert "PRI201 expectation not met: fail" in done.stdout
    assert re.search(r"^  value  \S.*; needs \S", done.stdout, re.M)


@pytest.mark.slow
def test_the_action_reviews_annotates_and_fails(repository: Path, run: Run, tmp_path: Path) -> None:
    summary, outputs = tmp_path / "summary.md", tmp_path / "outputs"
    done = run(
        "bash",
        ROOT / "action" / "review.sh",
        POOLWISE_SPECS="specs/reading.py\n  specs/seedlings.py\nspecs/visits.py::visits\n",
        POOLWISE_TIER="prior",
        POOLWISE_OUTPUT="out",
        POOLWISE_ARGS="--seed 3 --quiet",
        GITHUB_ACTIONS="true",
        GITHUB_STEP_SUMMARY=str(summary),
        GITHUB_OUTPUT=str(outputs),
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert outputs.read_text() == "exit-code=1\noutput=out\n"
    assert re.search(r"^::error file=specs/visits\.py,line=\d+,title=PRI201", done.stdout, re.M)
    assert re.search(r"^::warning file=specs/seedlings\.py,line=\d+", done.stdout, re.M)
    assert "::error file=specs/reading" not in done.stdout
    assert summary.read_text().index("visits") < summary.read_text().index("reading")
    for spec in SPECS:
        folder = repository / "out" / spec
        record = json.loads((folder / "run.json").read_text())
        assert (record["tier"], record["seed"]) == ("prior", 3)
        assert record["exit_code"] == int(spec == "visits")
        assert JUnitXml.fromfile(str(folder / "run.junit.xml")).failures == int(spec == "visits")
        assert json.loads((folder / "run.sarif").read_text())["version"] == "2.1.0"
        assert spec in (folder / "run.md").read_text()
        assert (folder / "report.html").exists()


@pytest.mark.slow
def test_the_action_tells_what_could_not_run(run: Run, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    environment = {"POOLWISE_SPECS": "specs/nothing here.py", "GITHUB_OUTPUT": str(outputs)}
    done = run("bash", ROOT / "action" / "review.sh", **environment)
    assert done.returncode == 2
    assert "specs/nothing here.py: no such file" in done.stderr
    assert outputs.read_text().startswith("exit-code=2\n")


@pytest.mark.slow
def test_the_hook_lints_what_was_changed(run: Run) -> None:
    (hook,) = yaml(ROOT / ".pre-commit-hooks.yaml")
    changed = [*(f"specs/{spec}.py" for spec in SPECS), "tests/test_reading.py", "pyproject.toml"]
    done = run(*shlex.split(hook["entry"]), *changed)
    assert done.returncode == 0, done.stderr
    assert re.match(r"specs/seedlings\.py:\d+: SPC105 ", done.stdout)
    assert "in 3 specs" in done.stderr


def cases(file: Path) -> dict[str, tuple[str, dict[str, str]]]:
    """Return how every test case ended, and its properties."""
    found = {}
    for suite in JUnitXml.fromfile(str(file)):
        for case in suite:
            ended = [type(r).__name__.lower() for r in case.result] or ["passed"]
            given = case.child(Properties)  # type: ignore[no-untyped-call]
            module, _, spec = str(case.classname).rpartition(".")
            name = f"{spec}::{case.name}" if module.startswith("specs") else str(case.name)
            found[name] = (ended[0], {p.name: p.value for p in given or ()})
    return found


def yaml(file: Path) -> Any:
    return pytest.importorskip("yaml").safe_load(file.read_text(encoding="utf-8"))


def blocks(language: str) -> list[str]:
    text = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def test_every_input_of_the_action_is_used_and_declared() -> None:
    action = yaml(ROOT / "action.yml")
    assert action["runs"]["using"] == "composite"
    used = set(re.findall(r"inputs\.([a-z-]+)", (ROOT / "action.yml").read_text()))
    assert used == set(action["inputs"])
    steps = action["runs"]["steps"]
    assert all("uses" in step or step["shell"] == "bash" for step in steps)
    # An input inside a command would be run as code.
    assert not any("${{" in step.get("run", "") for step in steps)
    (review,) = [step for step in steps if step.get("id") == "review"]
    script = (ROOT / "action" / "review.sh").read_text()
    assert set(review["env"]) == set(re.findall(r"POOLWISE_[A-Z_]+", script))
    assert os.access(ROOT / "action" / "review.sh", os.X_OK)


def test_the_workflow_hands_the_action_inputs_it_has() -> None:
    workflow = yaml(EXAMPLE / ".github" / "workflows" / "models.yml")
    inputs = yaml(ROOT / "action.yml")["inputs"]
    steps = workflow["jobs"]["review"]["steps"]
    (ours,) = [step for step in steps if "poolwise@" in step["uses"]]
    assert set(ours["with"]) <= set(inputs)


def test_the_hooks_are_valid() -> None:
    clientlib = pytest.importorskip("pre_commit.clientlib")
    hooks = clientlib.load_manifest(str(ROOT / ".pre-commit-hooks.yaml"))
    config = clientlib.load_config(str(EXAMPLE / ".pre-commit-config.yaml"))
    wanted = [hook["id"] for repo in config["repos"] for hook in repo["hooks"]]
    assert wanted == [hook["id"] for hook in hooks]


def test_the_page_shows_the_files_of_the_example() -> None:
    shown = [text.strip() for text in blocks("yaml")]
    for name in (".github/workflows/models.yml", ".pre-commit-config.yaml"):
        assert (EXAMPLE / name).read_text().strip() in shown
    listed = re.findall(r"^(\S+)  +\S", blocks("text")[0], re.M)
    assert all((EXAMPLE / name).is_file() for name in listed)
    assert {f"specs/{spec}.py" for spec in SPECS} <= set(listed)


def test_settings_on_the_page_are_understood(tmp_path: Path) -> None:
    own = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    shown = tomllib.loads("\n".join(blocks("toml")))["tool"]
    assert shown["pytest"]["ini_options"].items() <= own.items()
    (tmp_path / "pyproject.toml").write_text("\n".join(blocks("toml")))
    ((spec, expected),) = project_settings(str(tmp_path / "visits.py")).expected_failures
    assert (spec, expected.code, str(expected.until)) == ("visits", "PPC401", "2027-03-01")


def test_specs_on_the_page_load(tmp_path: Path) -> None:
    (code,) = [text for text in blocks("python") if "@poolwise.spec" in text]
    file = tmp_path / "visits.py"
    file.write_text(code)
    (spec,) = load_specs(str(file))
    assert [e.code for e in spec.expected_failures] == ["PPC401"]


def test_tests_on_the_page_compile() -> None:
    (code,) = [text for text in blocks("python") if "def test_" in text]
    exec(compile(code, "README.md", "exec"), {})


def test_commands_on_the_page_have_the_options_they_name(run: Run) -> None:
    page = "\n".join(blocks("sh")) + (EXAMPLE / "README.md").read_text()
    text = run(sys.executable, "-m", "pytest", "--help").stdout
    text += run("poolwise", "review", "--help").stdout
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page)) - {"--dist"}:
        assert option in text, option
