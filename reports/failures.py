"""Findings as a few short lines, for the failure of a test."""

from __future__ import annotations

from collections.abc import Sequence

from ..checks import REGISTRY, Finding, Verdict
from ..checks.words import number

#: Verdicts that make a test fail, by ``--fail-on``.
FAILING = {
    "fail": (Verdict.ERROR, Verdict.FAIL),
    "warn": (Verdict.ERROR, Verdict.FAIL, Verdict.WARN, Verdict.INCONCLUSIVE),
}


def failing(findings: Sequence[Finding], fail_on: str) -> list[Finding]:
    """Return the findings that ``fail_on`` does not let pass."""
    return [f for f in findings if f.verdict in FAILING[fail_on]]


def failure_lines(finding: Finding, path: str = "", line: int | None = None) -> list[str]:
    """Return what was found, the number and its threshold, the place and what to do.

    Parameters
    ----------
    finding : Finding
    path : str, optional
        File of the spec.
    line : int, optional
        Line of the spec, for findings that have none of their own.
    """
    check = REGISTRY.get(finding.code)
    at = finding.line or line
    place = f"{path}:{at}" if path and at else path
    # A rule of the linter says in its message what to write instead.
    todo = check.section("What to do") if check and finding.stage != "specification" else ""
    told = [
        ("found", finding.message),
        ("value", measured(finding)),
        ("where", ", ".join(x for x in (finding.where, place) if x)),
        ("to do", todo.replace("``", "")),
    ]
    name = finding.name.replace("_", " ")
    return [
        f"{finding.code} {name}: {finding.verdict.value}".strip(),
        *(f"  {word}  {said}" for word, said in told if said),
    ]


def measured(finding: Finding) -> str:
    """Return the value that was judged and what it had to be; empty when there is none."""
    value = finding.result
    if not value:
        if finding.value is None:
            return ""
        error = "" if finding.mcse is None else f" ± {number(finding.mcse)} (Monte Carlo)"
        value = f"{number(finding.value, 3)}{error}"
    limit = "" if finding.threshold is None else f"threshold {number(finding.threshold, 3)}"
    needs = f"needs {finding.needs}" if finding.needs else limit
    return "; ".join(x for x in (value, needs) if x)
