"""What every machine format reads of a result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ...checks import REGISTRY, SEVERITY, Finding
from ...checks.conclusion import Conclusion, conclude

#: A run's ``run.json`` or what a linter found, as plain data.
Result = Mapping[str, Any]

#: Version of the layout that ``schema/run.schema.json`` describes.
SCHEMA_VERSION = 1

#: Verdicts that a reader has to do something about, the most serious first.
OPEN = ("error", "fail", "warn", "inconclusive", "expected")


class Recorded(Protocol):
    """What a review and a calibration record alike."""

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def line(self) -> int | None: ...
    @property
    def source(self) -> str: ...
    @property
    def created(self) -> str: ...
    @property
    def seconds(self) -> float: ...
    @property
    def settings(self) -> Mapping[str, Any]: ...
    @property
    def environment(self) -> Mapping[str, str]: ...
    @property
    def findings(self) -> Sequence[Finding]: ...
    @property
    def conclusion(self) -> Conclusion: ...
    @property
    def command(self) -> str: ...


def result_of(record: Recorded, kind: str, **spec: Any) -> dict[str, Any]:
    """Return what every result holds, as plain data.

    Parameters
    ----------
    record : ReviewRecord or CalibrationRecord
    kind : str
        ``review`` or ``calibration``.
    **spec
        More of the spec than where it is.
    """
    conclusion = record.conclusion
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": kind,
        "tool": {"name": "poolwise", "version": record.environment.get("poolwise", "")},
        "spec": {
            "name": record.name,
            "path": record.path,
            "line": record.line,
            "sha256": hashlib.sha256(record.source.encode()).hexdigest(),
            **spec,
        },
        "verdict": conclusion.verdict.value,
        "headline": conclusion.headline,
        "sentence": conclusion.sentence,
        "exit_code": conclusion.exit_code(),
        "seed": record.settings.get("seed"),
        "duration_s": round(record.seconds, 3),
        "created": record.created,
        "settings": dict(record.settings),
        "environment": dict(record.environment),
        "counts": conclusion.counts,
        "findings": [f.as_dict() for f in record.findings],
        "command": record.command,
    }


def json_text(results: Sequence[Result]) -> str:
    """Return one result as a JSON object, several as a list of them."""
    content = results[0] if len(results) == 1 else list(results)
    return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def lint_result(
    findings: Sequence[Finding], *, name: str, path: str, line: int | None, source: str, tool: str
) -> dict[str, Any]:
    """Return what a linter found in one spec, in the shape of a review.

    Parameters
    ----------
    findings : sequence of Finding
    name, path, line, source
        Of the spec.
    tool : str
        Version of poolwise.
    """
    conclusion = conclude(findings)
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "lint",
        "tool": {"name": "poolwise", "version": tool},
        "spec": {
            "name": name,
            "path": shown(path),
            "line": line,
            "sha256": hashlib.sha256(source.encode()).hexdigest(),
        },
        "verdict": conclusion.verdict.value,
        "exit_code": conclusion.exit_code(),
        "counts": conclusion.counts,
        "findings": [f.as_dict() for f in findings],
    }


def shown(path: str) -> str:
    """Return a path as it reads from the working folder, or the name of a file outside of it."""
    if not path:
        return ""
    resolved, here = Path(path).resolve(), Path.cwd().resolve()
    inside = resolved.is_relative_to(here)
    return resolved.relative_to(here).as_posix() if inside else resolved.name


def found(
    results: Sequence[Result], verdicts: Sequence[str]
) -> Iterator[tuple[Result, Mapping[str, Any]]]:
    """Yield findings with one of the verdicts and the result they are of, in that order."""
    for verdict in verdicts:
        for result in results:
            for finding in result["findings"]:
                if finding["verdict"] == verdict:
                    yield result, finding


def by_severity(findings: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return findings, the most serious first."""
    order = [v.value for v in SEVERITY]
    return sorted(findings, key=lambda f: order.index(f["verdict"]))


def line_of(result: Result, finding: Mapping[str, Any]) -> int:
    """Return the line a finding points at: its own, that of its spec, or the first."""
    return int(finding["line"] or result["spec"]["line"] or 1)


def about(finding: Mapping[str, Any]) -> str:
    """Return code, fault and target: ``SEN503 conclusion_shifts [tau]``."""
    target = f" [{finding['target']}]" if finding["target"] else ""
    return f"{finding['code']} {finding['name']}{target}"


def remedy(code: str) -> str:
    """Return what a check says should be done."""
    check = REGISTRY.get(code)
    return check.section("What to do").replace("``", "") if check else ""
