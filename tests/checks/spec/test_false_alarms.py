"""Rules keep quiet on models that are well specified (``benchmarks/lint-false-alarms.md``)."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from poolwise.checks import Verdict

_FILE = Path(__file__).parents[3] / "benchmarks" / "lint_false_alarms.py"


@pytest.fixture(scope="module")
def benchmark() -> Any:
    pytest.importorskip("bambi")
    found = importlib.util.spec_from_file_location("lint_false_alarms", _FILE)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_well_specified_models_raise_few_alarms(benchmark: Any) -> None:
    models, found = benchmark.study()
    assert models == 54
    assert benchmark.share_alarmed(models, found) < 0.05
    # A centred model with little data per group is not well written: that is SPC301.
    alarms = [row for row in found if row[2] is not Verdict.NOTE]
    assert {code for _, code, _, _ in alarms} <= {"SPC301"}
    assert all(label.endswith(", centred") for label, _, _, _ in alarms)
