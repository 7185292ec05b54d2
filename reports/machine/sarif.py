"""SARIF 2.1.0, for code scanning: what needs attention, where, and what the rule says.

Passes are left out, because viewers show every result as an alert. What was skipped is a
notification of the invocation, with the reason; what could not be decided has the kind ``open``.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ...checks import REGISTRY
from .results import OPEN, Result, line_of

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

_LEVELS = {"error": "error", "fail": "error", "warn": "warning", "note": "note"}

_SECTIONS = ("Asks", "Why it matters", "What to do", "Thresholds", "Source")


def sarif(results: Sequence[Result]) -> str:
    """Return the results as one SARIF log with one run."""
    rules: dict[str, int] = {}
    seen: Counter[str] = Counter()
    listed = [
        _result(result, finding, rules, seen)
        for result in results
        for finding in result["findings"]
        if finding["verdict"] in (*OPEN, "note")
    ]
    invocations = [_invocation(result, rules) for result in results]
    version = results[0]["tool"]["version"]
    only = results[0]["spec"]["name"] if len(results) == 1 else "all"
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "poolwise",
                        "version": version,
                        "semanticVersion": version,
                        "rules": [_rule(code) for code in rules],
                    }
                },
                # Several specs of one repository are kept apart by this.
                "automationDetails": {"id": f"poolwise/{results[0]['kind']}/{quote(only)}"},
                "invocations": invocations,
                "columnKind": "unicodeCodePoints",
                "results": listed,
            }
        ],
    }
    return json.dumps(log, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def _result(
    result: Result, finding: Mapping[str, Any], rules: dict[str, int], seen: Counter[str]
) -> dict[str, Any]:
    verdict = finding.get("found") or finding["verdict"]
    undecided = verdict == "inconclusive"
    numbers = {k: finding[k] for k in ("value", "mcse", "threshold") if finding[k] is not None}
    words = {k: finding[k] for k in ("target", "result", "needs", "untrusted") if finding[k]}
    made: dict[str, Any] = {
        "ruleId": finding["code"],
        "ruleIndex": rules.setdefault(finding["code"], len(rules)),
        "kind": "open" if undecided else "fail",
        "level": "none" if undecided else _LEVELS[verdict],
        "message": {"text": finding["message"]},
        "partialFingerprints": {"poolwise/v1": _fingerprint(result, finding, seen)},
        "properties": {"verdict": finding["verdict"], "spec": result["spec"]["name"]}
        | numbers
        | words,
    }
    if result["spec"]["path"]:
        made["locations"] = [_location(result, finding)]
    if finding["verdict"] == "expected":
        made["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": finding["expected"]}
        ]
    return made


def _location(result: Result, finding: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": {
                "uri": quote(result["spec"]["path"].replace("\\", "/")),
                "uriBaseId": "%SRCROOT%",
            },
            "region": {"startLine": line_of(result, finding)},
        }
    }


def _fingerprint(result: Result, finding: Mapping[str, Any], seen: Counter[str]) -> str:
    """Return a hash that lasts as long as the fault: of code, target and spec, never of a value."""
    spec = result["spec"]
    text = "\n".join((finding["code"], finding["target"], spec["path"], spec["name"]))
    seen[text] += 1
    return f"{hashlib.sha256(text.encode()).hexdigest()[:32]}:{seen[text]}"


def _rule(code: str) -> dict[str, Any]:
    check = REGISTRY.get(code)
    if check is None:
        return {"id": code}
    sections = {h: _sentence(check.section(h)) for h in _SECTIONS if check.section(h)}
    return {
        "id": code,
        "name": check.name,
        "shortDescription": {"text": check.title},
        "fullDescription": {"text": f"{sections['Asks']} {sections['Why it matters']}"},
        "help": {
            "text": "\n\n".join(f"{h}: {text}" for h, text in sections.items()),
            "markdown": "\n\n".join(f"**{h}**: {text}" for h, text in sections.items()),
        },
        "defaultConfiguration": {"level": "warning"},
        "properties": {"tags": [check.stage]},
    }


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].replace("``", "`")


def _invocation(result: Result, rules: dict[str, int]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "executionSuccessful": result["verdict"] != "error",
        "exitCode": result["exit_code"],
        "toolExecutionNotifications": [
            {
                "level": "note",
                "message": {"text": f"{result['spec']['name']}: skipped: {finding['message']}"},
                "associatedRule": {
                    "id": finding["code"],
                    "index": rules.setdefault(finding["code"], len(rules)),
                },
            }
            for finding in result["findings"]
            if finding["verdict"] == "skipped"
        ],
    }
    if result.get("command"):
        made["commandLine"] = result["command"]
    if result.get("created"):
        made["endTimeUtc"] = result["created"]
    return made
