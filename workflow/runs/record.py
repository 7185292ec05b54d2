"""A run's record: judged from its evidence, written as JSON, read back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import xarray as xr

from ...checks import (
    REGISTRY,
    Evidence,
    ExpectedFailure,
    Finding,
    Met,
    Tier,
    Verdict,
    expect_failures,
    run_checks,
    selected,
)
from ...checks.conclusion import conclude
from ...reports.hierarchy import HierarchySketch
from ...reports.machine.results import SCHEMA_VERSION, result_of
from ...reports.plain import calibration, estimates, regularization, sensitivity, uncertainty
from ...reports.record import ReviewRecord, StageRecord
from ..errors import SpecError, one_line
from ..runner import whole_tree
from .store import read_groups, read_json

#: Family of the checks that look at the model and not at draws.
STATIC = "SPC"


def judged(
    *,
    evidence: Evidence,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    static: Sequence[Finding],
    lines: Mapping[str, int | None],
    thresholds: Mapping[str, Mapping[str, Any]],
    created: str,
    tier: Tier,
    expected: Sequence[ExpectedFailure],
    **details: Any,
) -> ReviewRecord:
    """Ask every check of a run and sum up: a pure function of what was saved.

    ``static`` holds what the linter found of the rules that were asked for: it looked at the model,
    which a saved run has not.
    Expected failures expire by the day of the run, so that judging it again says the same.
    """
    found = run_checks(evidence, thresholds=thresholds, select=select, ignore=ignore)
    # No selection hides that the review broke off.
    if "RUN001" not in {c.code for c in selected(select, ignore)}:
        found += [f for f in REGISTRY["RUN001"].run(evidence) if f.verdict is Verdict.ERROR]
    findings = expect_failures(found, expected, datetime.fromisoformat(created).date())
    placed = [_with_line(f, lines) for f in (*static, *findings)]
    return ReviewRecord(
        evidence=evidence,
        findings=placed,
        conclusion=conclude(placed, tier),
        thresholds=thresholds,
        created=created,
        tier=tier,
        expected=expected,
        select=select,
        ignore=ignore,
        **details,
    )


def _with_line(finding: Finding, lines: Mapping[str, int | None]) -> Finding:
    name = finding.where.partition("[")[0]
    if finding.line is None and lines.get(name):
        return replace(finding, line=lines[name])
    return finding


def as_json(record: ReviewRecord) -> dict[str, Any]:
    """Return the record of a run as plain data: the one result object of every machine format."""
    evidence = record.evidence
    found = result_of(
        record,
        "review",
        source=record.source,
        variables=[dict(v) for v in record.variables],
        keys=dict(record.keys),
    )
    return {
        **found,
        "tier": record.tier.value,
        "not_known": record.tier.not_known,
        "unit": record.unit,
        "data": dict(record.data),
        "hierarchy": None if record.hierarchy is None else record.hierarchy.as_dict(),
        "stages": [asdict(s) for s in record.stages],
        "regularization": regularization(evidence),
        "uncertainty": uncertainty(evidence),
        "sensitivity": sensitivity(record),
        "calibration": calibration(evidence),
        "estimates": estimates(evidence),
        "declared": {
            "top_level_priors": list(evidence.declared["top_level_priors"]),
            "fallbacks": list(evidence.declared["fallbacks"]),
            "gaps": list(evidence.declared["gaps"]),
            "stage_errors": [f.as_dict() for f in evidence.declared["stage_errors"]],
            "expectations": [_finite(asdict(m)) for m in evidence.declared.get("expectations", [])],
            "thresholds": {k: dict(v) for k, v in record.thresholds.items()},
            "expected_failures": [e.as_dict() for e in record.expected],
            "select": list(record.select),
            "ignore": list(record.ignore),
        },
        "reasons": dict(evidence.reasons),
        "artifacts": {"draws": "run.nc", "report": "report.html"},
    }


def _finite(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()
    }


def _numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: float("nan") if v is None else v for k, v in values.items()}


def _hierarchy(saved: Mapping[str, Any] | None) -> HierarchySketch | None:
    return None if saved is None else HierarchySketch.from_dict(saved)


def load_run(folder: str | Path) -> ReviewRecord:
    """Read a saved run and judge it again, without sampling.

    Raises
    ------
    SpecError
        If the folder holds no run, or one that is not whole or was written by another schema.
    """
    here = Path(folder)
    saved = read_json(here / "run.json")
    if saved.get("kind", "review") != "review":
        raise SpecError(
            f"holds a result of kind {saved['kind']!r}, not a review",
            path=str(here / "run.json"),
            expected="what 'poolwise review' wrote",
        )
    if saved.get("schema_version") != SCHEMA_VERSION:
        raise SpecError(
            f"the run was written with schema version {saved.get('schema_version')}",
            path=str(here / "run.json"),
            expected=f"schema version {SCHEMA_VERSION}",
            do="review the spec again with this version of poolwise",
        )
    groups = read_groups(here / "run.nc")
    if groups is None:
        raise SpecError(
            "the draws of the run are missing or cut short",
            path=str(here / "run.nc"),
            do="review the spec again: finished stages are not repeated",
        )
    try:
        return _restored(saved, groups)
    except (KeyError, TypeError, ValueError) as error:
        raise SpecError(
            f"the record of the run is not whole: {one_line(error)}",
            path=str(here / "run.json"),
            expected="what 'poolwise review' wrote, unchanged",
            do="review the spec again: finished stages are not repeated",
        ) from error


def _restored(saved: Mapping[str, Any], groups: Mapping[str, xr.Dataset]) -> ReviewRecord:
    declared = saved["declared"]
    evidence_declared = {
        "top_level_priors": declared["top_level_priors"],
        "fallbacks": declared["fallbacks"],
        "gaps": declared["gaps"],
        "stage_errors": [Finding.from_dict(f) for f in declared["stage_errors"]],
    }
    if declared["expectations"]:
        evidence_declared["expectations"] = [Met(**_numbers(m)) for m in declared["expectations"]]
    spec = saved["spec"]
    lines = {f["target"].partition("[")[0]: f["line"] for f in saved["findings"]}
    return judged(
        name=spec["name"],
        path=spec["path"],
        line=spec["line"],
        source=spec["source"],
        created=saved["created"],
        seconds=float(saved["duration_s"]),
        unit=saved["unit"],
        settings=dict(saved["settings"]),
        environment=dict(saved["environment"]),
        data=dict(saved["data"]),
        stages=[StageRecord(**s) for s in saved["stages"]],
        hierarchy=_hierarchy(saved.get("hierarchy")),
        evidence=Evidence(whole_tree(groups), evidence_declared, dict(saved["reasons"])),
        command=saved["command"],
        variables=[dict(v) for v in spec["variables"]],
        keys=dict(spec["keys"]),
        thresholds=declared["thresholds"],
        tier=Tier(saved["tier"]),
        expected=[ExpectedFailure.from_dict(e) for e in declared["expected_failures"]],
        select=declared["select"],
        ignore=declared["ignore"],
        static=[Finding.from_dict(f) for f in saved["findings"] if f["code"].startswith(STATIC)],
        lines=lines,
    )
