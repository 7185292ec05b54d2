"""A linter answers every model, with a finding or with a reason, and never breaks."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from poolwise.checks import Verdict
from poolwise.checks.hierarchy import Role, read_hierarchy
from poolwise.workflow.lint import lint
from poolwise.workflow.specs.spec import ModelSpec

_FILE = Path(__file__).parents[2] / "models" / "adversarial.py"


def _load() -> ModuleType:
    found = importlib.util.spec_from_file_location("adversarial_models", _FILE)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


EXPECTED: dict[Any, str] = _load().EXPECTED


def _case(build: Any) -> Any:
    slow = [pytest.mark.slow] if build.__name__ == "three_hundred_variables" else []
    return pytest.param(build, id=build.__name__, marks=slow)


@pytest.mark.parametrize("build", [_case(build) for build in EXPECTED])
def test_every_model_is_answered(build: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        findings = lint(ModelSpec(build=build))
    found = {f.code for f in findings if f.verdict not in (Verdict.PASS, Verdict.SKIPPED)}
    expected = EXPECTED[build]
    assert not expected or expected in found
    broken = [f.message for f in findings if "not understood, because of" in f.message]
    assert broken == []


@pytest.mark.parametrize("build", [_case(build) for build in EXPECTED])
def test_every_variable_has_a_role_or_a_reason(build: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = build()
        found = read_hierarchy(model)
    assert set(found.roles) == {rv.name for rv in model.free_RVs}
    unclear = {name for name, role in found.roles.items() if role is Role.UNCLEAR}
    assert all(found.unclear.get(name) for name in unclear)
    outcomes = {o.name for o in found.outcomes}
    assert {rv.name for rv in model.observed_RVs} <= outcomes


@pytest.mark.parametrize(
    "name", ["index_of_floats", "scan", "nonlinear_mean", "half_centred", "labelled"]
)
def test_what_is_hard_to_read_is_not_called_wrong(name: str) -> None:
    build = next(b for b in EXPECTED if b.__name__ == name)
    assert [f for f in lint(ModelSpec(build=build)) if f.verdict is Verdict.FAIL] == []
