"""What a check is: a question, its documentation, its thresholds and its examples in one place."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .evidence import Evidence, Missing, needs_of
from .finding import Finding, Verdict, skipped

Answer = Finding | Sequence[Finding]
Example = Callable[[], Evidence]

#: Stage of the review each family of codes belongs to, in the order a review runs.
STAGES = {
    "SPC": "specification",
    "PRI": "prior predictive",
    "SMP": "fit",
    "PPC": "posterior predictive",
    "SEN": "prior sensitivity",
    "REG": "regularization",
    "UNC": "uncertainty",
    "CAL": "calibration",
    "RUN": "run",
}

#: Sampling must have worked before anything computed from draws means anything.
SAMPLED = ("SMP301", "SMP302", "SMP303")

#: Verdicts of a prerequisite after which its dependants cannot be believed.
_SILENCING = (Verdict.FAIL, Verdict.ERROR)


@dataclass(slots=True)
class Check:
    """One check. Positional parameters of ``question`` are evidence, keyword-only ones thresholds.

    Attributes
    ----------
    code : str
        Permanent: a family of three letters and a number.
    question : callable
        Looks at evidence, returns one finding or several.
    after : tuple of str
        Codes that must not have failed for the answer to mean anything.
    """

    code: str
    question: Callable[..., Answer]
    after: tuple[str, ...] = ()
    examples: list[tuple[str, Verdict, Example]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The fault the check looks for."""
        return self.question.__name__

    @property
    def stage(self) -> str:
        """The stage of the review the check belongs to."""
        return STAGES[self.code[:3]]

    @property
    def needs(self) -> list[str]:
        """Names of the evidence it asks for."""
        return needs_of(self.question)

    @property
    def thresholds(self) -> dict[str, Any]:
        """Threshold names and their defaults."""
        return {
            name: parameter.default
            for name, parameter in inspect.signature(self.question).parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY
        }

    @property
    def title(self) -> str:
        """First line of the documentation: the fault in words."""
        return (inspect.getdoc(self.question) or "").partition("\n")[0]

    def section(self, heading: str) -> str:
        """Return one section of the documentation (``"What to do"``), without its heading."""
        text = inspect.getdoc(self.question) or ""
        found = re.search(rf"\*\*{re.escape(heading)}\*\*:\s*(.*?)(?=\n\*\*|\Z)", text, re.S)
        return " ".join(found.group(1).split()) if found else ""

    def run(self, evidence: Evidence, thresholds: Mapping[str, Any] | None = None) -> list[Finding]:
        """Ask the question of the evidence.

        Returns
        -------
        list of Finding
            At least one; ``skipped`` with the reason when a piece of evidence is missing.
        """
        try:
            answer = evidence.ask(self.question, **(self.thresholds | dict(thresholds or {})))
        except Missing as missing:
            answer = skipped(str(missing))
        findings = [answer] if isinstance(answer, Finding) else list(answer)
        if not findings:
            findings = [skipped("there was nothing to look at")]
        return [replace(f, code=self.code, name=self.name, stage=self.stage) for f in findings]

    def passes(self, make: Example) -> Example:
        """Add an example on which the check passes."""
        self.examples.append(("passes", Verdict.PASS, make))
        return make

    def fails(self, make: Example, verdict: Verdict = Verdict.FAIL) -> Example:
        """Add an example on which the check reports its fault."""
        self.examples.append(("fails", verdict, make))
        return make

    def false_alarm(self, make: Example, verdict: Verdict = Verdict.PASS) -> Example:
        """Add an example that looks like the fault and is not."""
        self.examples.append(("false alarm", verdict, make))
        return make


REGISTRY: dict[str, Check] = {}


def check(code: str, *, after: Iterable[str] = ()) -> Callable[[Callable[..., Answer]], Check]:
    """Register a function as the check ``code``."""

    def register(question: Callable[..., Answer]) -> Check:
        if code in REGISTRY:
            raise ValueError(f"{code} is already {REGISTRY[code].name}")
        if not re.fullmatch(r"[A-Z]{3}\d{3}", code) or code[:3] not in STAGES:
            raise ValueError(f"{code} is not a known family and a number")
        REGISTRY[code] = Check(code, question, tuple(after))
        return REGISTRY[code]

    return register


def selected(select: Sequence[str] = (), ignore: Sequence[str] = ()) -> list[Check]:
    """Return the checks whose code starts with one of ``select`` and none of ``ignore``.

    Raises
    ------
    ValueError
        If a prefix matches no check.
    """
    for prefix in (*select, *ignore):
        if not any(code.startswith(prefix) for code in REGISTRY):
            raise ValueError(f"no check has a code starting with {prefix!r}")
    return [
        REGISTRY[code]
        for code in sorted(REGISTRY, key=_running_order)
        if (not select or code.startswith(tuple(select)))
        and not (ignore and code.startswith(tuple(ignore)))
    ]


def run_checks(
    evidence: Evidence,
    *,
    thresholds: Mapping[str, Mapping[str, Any]] | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
) -> list[Finding]:
    """Ask every selected check, prerequisites first.

    A prerequisite that failed does not stop its dependants from being measured, but what they
    found is marked untrusted and counts as inconclusive: a verdict is never taken from draws that
    did not converge.

    Rules about a spec are asked where the evidence holds its model, which a saved review does not,
    and rules about a calibration where it holds one.
    """
    wanted = {c.code for c in selected(select, ignore)}
    for family, needed in (("SPC", "variables"), ("CAL", "calibration")):
        if not evidence.has(needed):
            wanted = {code for code in wanted if not code.startswith(family)}
    failed: dict[str, Finding] = {}
    findings: list[Finding] = []
    for code in _prerequisites_first(wanted):
        this = REGISTRY[code]
        found = this.run(evidence, (thresholds or {}).get(code))
        bad = next((failed[c] for c in this.after if c in failed), None)
        if bad is not None:
            found = [_distrust(f, bad) for f in found]
        worst = next((f for f in found if f.verdict in _SILENCING), None)
        if worst is not None:
            failed[code] = worst
        if code in wanted:
            findings.extend(found)
    return sorted(findings, key=lambda f: _running_order(f.code))


def _running_order(code: str) -> tuple[int, str]:
    return list(STAGES).index(code[:3]), code


def _prerequisites_first(codes: Iterable[str]) -> list[str]:
    """Return codes and what they come after, in an order in which every check can be judged."""
    ordered: dict[str, None] = {}

    def place(code: str) -> None:
        for before in REGISTRY[code].after:
            place(before)
        ordered.setdefault(code)

    for code in sorted(codes, key=_running_order):
        place(code)
    return list(ordered)


def _distrust(finding: Finding, because: Finding) -> Finding:
    if finding.verdict is Verdict.SKIPPED:
        return finding
    reason = f"{because.code} {because.name.replace('_', ' ')}: {because.message}"
    if finding.verdict is Verdict.INCONCLUSIVE:
        return replace(finding, untrusted=reason)
    return replace(
        finding,
        verdict=Verdict.INCONCLUSIVE,
        message=f"Not judged, because of {because.code}. Measured: {finding.message}",
        untrusted=reason,
    )
