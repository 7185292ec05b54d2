"""Starting is fast because nothing heavy is imported before it is needed."""

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import poolwise

HEAVY = (
    "arviz",
    "arviz_base",
    "arviz_plots",
    "arviz_stats",
    "bambi",
    "matplotlib",
    "numba",
    "numpy",
    "nutpie",
    "pandas",
    "pymc",
    "pytensor",
    "scipy",
    "xarray",
)


@pytest.mark.parametrize(
    "module",
    ["poolwise", "poolwise.testing", "poolwise.workflow.cli", "poolwise.workflow.pytest_plugin"],
)
def test_importing_loads_nothing_heavy(module: str) -> None:
    probe = f"import sys, {module}; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_pytest_run_that_reviews_nothing_loads_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text("def test_one(): pass")
    probe = (
        "import sys, pytest; "
        f"code = pytest.main(['-q', '-p', 'poolwise.workflow.pytest_plugin', {str(tmp_path)!r}]); "
        f"print(code.value, *sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    assert done.stdout.splitlines()[-1] == "0", done.stdout


def test_pytest_finds_the_plugin() -> None:
    found = [e for e in entry_points(group="pytest11") if e.name == "poolwise"]
    assert [e.value for e in found] == ["poolwise.workflow.pytest_plugin"]


def test_every_public_name_exists() -> None:
    assert [name for name in poolwise.__all__ if not hasattr(poolwise, name)] == []


def test_no_public_name_is_listed_twice() -> None:
    assert len(set(poolwise.__all__)) == len(poolwise.__all__)


def test_public_names_are_found_by_completion() -> None:
    assert set(poolwise.__all__) <= set(dir(poolwise))
