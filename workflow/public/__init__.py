"""poolwise reviews hierarchical Bayesian models.

The public names are loaded when they are first used: importing poolwise imports neither PyMC nor
ArviZ.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from poolwise.checks.evidence import Evidence
    from poolwise.checks.expect import Expect
    from poolwise.checks.expected import ExpectedFailure
    from poolwise.checks.finding import Finding, Verdict
    from poolwise.checks.hierarchy.hierarchy import Hierarchy
    from poolwise.checks.hierarchy.level import Level
    from poolwise.checks.hierarchy.reading import read_hierarchy
    from poolwise.workflow.calibration.run import Calibration, calibrate
    from poolwise.workflow.errors import SpecError
    from poolwise.workflow.fitted.review import review_fit
    from poolwise.workflow.levels.of_any_fit import evaluate_levels
    from poolwise.workflow.review import Review, review
    from poolwise.workflow.runs.record import load_run
    from poolwise.workflow.settings import Settings
    from poolwise.workflow.specs.spec import ModelSpec, spec

__version__ = "0.1.0"

_HOME = {
    "Calibration": "workflow.calibration.run",
    "Evidence": "checks.evidence",
    "Expect": "checks.expect",
    "ExpectedFailure": "checks.expected",
    "Finding": "checks.finding",
    "Hierarchy": "checks.hierarchy.hierarchy",
    "Level": "checks.hierarchy.level",
    "ModelSpec": "workflow.specs.spec",
    "Review": "workflow.review",
    "Settings": "workflow.settings",
    "SpecError": "workflow.errors",
    "Verdict": "checks.finding",
    "evaluate_levels": "workflow.levels.of_any_fit",
    "calibrate": "workflow.calibration.run",
    "load_run": "workflow.runs.record",
    "read_hierarchy": "checks.hierarchy.reading",
    "review": "workflow.review",
    "review_fit": "workflow.fitted.review",
    "spec": "workflow.specs.spec",
}

__all__ = [
    "Calibration",
    "Evidence",
    "Expect",
    "ExpectedFailure",
    "Finding",
    "Hierarchy",
    "Level",
    "ModelSpec",
    "Review",
    "Settings",
    "SpecError",
    "Verdict",
    "__version__",
    "calibrate",
    "evaluate_levels",
    "load_run",
    "read_hierarchy",
    "review",
    "review_fit",
    "spec",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'poolwise' has no attribute {name!r}")
    return getattr(import_module(f"poolwise.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
