"""Starting is fast because nothing heavy is imported before it is needed."""

import subprocess
import sys

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


@pytest.mark.parametrize("module", ["poolwise", "poolwise.workflow.cli"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    probe = f"import sys, {module}; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_every_public_name_exists() -> None:
    assert [name for name in poolwise.__all__ if not hasattr(poolwise, name)] == []


def test_no_public_name_is_listed_twice() -> None:
    assert len(set(poolwise.__all__)) == len(poolwise.__all__)


def test_public_names_are_found_by_completion() -> None:
    assert set(poolwise.__all__) <= set(dir(poolwise))
