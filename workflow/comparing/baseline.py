"""A run in small: what another run is compared with, as a file to commit.

It holds verdicts, estimates with their Monte Carlo errors, and a key of everything they depend on;
no draws, no source, nothing of the day or the machine, so that the same run gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...reports.machine.results import SCHEMA_VERSION
from ..errors import SpecError, one_line
from ..runs.store import read_json, write_text

#: Of a finding, what a comparison reads.
_FINDING = ("code", "name", "target", "verdict", "value", "mcse", "result", "message", "untrusted")

_STATISTICS = ("mean", "sd", "median", "low", "high", "value")


def baseline_of(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a review's result that a comparison reads.

    Parameters
    ----------
    result : mapping
        What ``run.json`` holds.
    """
    spec, declared = result["spec"], result["declared"]
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "baseline",
        "tool": dict(result["tool"]),
        "spec": {
            "name": spec["name"],
            "path": spec["path"],
            "sha256": spec["sha256"],
            "variables": [dict(v) for v in spec["variables"]],
            "keys": dict(spec["keys"]),
        },
        "verdict": result["verdict"],
        "headline": result["headline"],
        "unit": result["unit"],
        "seed": result["seed"],
        "settings": {k: v for k, v in result["settings"].items() if k != "seed"},
        "asked": {
            "tier": result["tier"],
            "select": list(declared["select"]),
            "ignore": list(declared["ignore"]),
        },
        "environment": dict(result["environment"]),
        "findings": [
            {k: _rounded(f[k], 4 if k == "mcse" else 10) for k in _FINDING}
            for f in result["findings"]
        ],
        "estimates": [_estimate(e) for e in result["estimates"]["quantities"]],
        "levels_not_listed": dict(result["estimates"]["levels_not_listed"]),
    }


def _estimate(estimate: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": estimate["name"], "kind": estimate["kind"]} | {
        name: [_rounded(estimate[name]["value"], 10), _rounded(estimate[name]["mcse"], 4)]
        for name in _STATISTICS
        if name in estimate
    }


def _rounded(value: Any, digits: int) -> Any:
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


def load_baseline(source: str | Path) -> dict[str, Any]:
    """Read a run folder, its ``run.json``, or a baseline file.

    Raises
    ------
    SpecError
        If it is none of them, or was written by another version of the format.
    """
    path = Path(source)
    file = path / "run.json" if path.is_dir() else path
    if not file.is_file():
        raise SpecError(
            "there is no run and no baseline here",
            path=str(source),
            expected="a folder that 'poolwise review' wrote, or a file of 'poolwise baseline'",
        )
    content = read_json(file)
    found = (content.get("kind"), content.get("schema_version"))
    if found[0] not in ("review", "baseline") or found[1] != SCHEMA_VERSION:
        raise SpecError(
            f"holds {found[0] or 'no result'} with schema version {found[1]}",
            path=str(file),
            expected=f"a review or a baseline with schema version {SCHEMA_VERSION}",
            do="review the spec, or write the baseline, again with this version of poolwise",
        )
    try:
        whole = content if found[0] == "baseline" else baseline_of(content)
        # What a comparison reads by name.
        return whole | {"spec": whole["spec"] | {"keys": dict(whole["spec"]["keys"])}}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise SpecError(
            f"is not whole: {one_line(error)}",
            path=str(file),
            do="review the spec again: finished stages are not repeated",
        ) from error


def write_baseline(file: Path, baseline: Mapping[str, Any]) -> None:
    """Write a baseline: one finding, one estimate, one key per line, for readable diffs."""
    write_text(file, baseline_text(baseline))


def baseline_text(baseline: Mapping[str, Any]) -> str:
    """Return a baseline as JSON, one finding, one estimate, one key per line."""
    return "{\n" + ",\n".join(f" {line}" for line in _entries(baseline)) + "\n}\n"


def _entries(content: Mapping[str, Any]) -> Iterator[str]:
    for key, value in content.items():
        if isinstance(value, dict) and value:
            inner = ",\n".join(f"  {json.dumps(k)}: {_line(v)}" for k, v in value.items())
            yield f"{json.dumps(key)}: {{\n{inner}\n }}"
        elif isinstance(value, list) and value:
            inner = ",\n".join(f"  {_line(item)}" for item in value)
            yield f"{json.dumps(key)}: [\n{inner}\n ]"
        else:
            yield f"{json.dumps(key)}: {_line(value)}"


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
