"""What to do next, from the most serious findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..checks import REGISTRY, SEVERITY, Finding, Verdict

#: Findings that ask for something to be done.
ACTIONABLE = (Verdict.ERROR, Verdict.FAIL, Verdict.WARN, Verdict.INCONCLUSIVE)


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do.

    Attributes
    ----------
    code, anchor : str
        The check, and where its finding is in the report.
    verdict : Verdict
    message : str
        What was found; ``more`` counts further findings of the same check.
    todo : str
        The check's own advice.
    """

    code: str
    anchor: str
    verdict: Verdict
    message: str
    more: int
    todo: str


def actions(findings: Sequence[Finding], anchors: Mapping[int, str]) -> list[Action]:
    """Return one action per check that found something, worst first.

    Parameters
    ----------
    findings : sequence of Finding
    anchors : mapping
        Anchor of each finding, by its position.

    Notes
    -----
    What was not judged because sampling failed is left out: mending the sampler comes first.
    """
    wanted = [(i, f) for i, f in enumerate(findings) if f.verdict in ACTIONABLE and not f.untrusted]
    wanted.sort(key=lambda item: SEVERITY.index(item[1].verdict))
    found: dict[str, Action] = {}
    codes = [f.code for _, f in wanted]
    for i, finding in wanted:
        if finding.code in found:
            continue
        check = REGISTRY.get(finding.code)
        found[finding.code] = Action(
            code=finding.code,
            anchor=anchors[i],
            verdict=finding.verdict,
            message=finding.message,
            more=codes.count(finding.code) - 1,
            todo=check.section("What to do") if check else "",
        )
    return list(found.values())
