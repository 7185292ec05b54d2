"""Failures that are known and accepted for a while: shown, but counted apart."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from .finding import Finding, Verdict

#: What may be expected: whatever a stricter run would stop at, except a review that broke off.
EXPECTABLE = (Verdict.FAIL, Verdict.WARN, Verdict.INCONCLUSIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedFailure:
    """A finding that is known, with the reason why it is accepted and the day it no longer is.

    Parameters
    ----------
    code : str
        The check: ``"PPC401"``.
    reason : str
        Why it is accepted, for the next reader.
    until : date or str
        Last day on which it is: ``"2027-03-01"``. After it the finding counts again.
    where : str, optional
        Only about this parameter, quantity, level or outcome; every finding of the check when left
        out. ``"theta"`` covers ``theta[A]`` too.

    Raises
    ------
    ValueError
        If the code or the date has another form, or there is no reason.
    """

    code: str
    reason: str
    until: date | str
    where: str = ""

    def __post_init__(self) -> None:
        for name in ("code", "reason", "where"):
            if not isinstance(getattr(self, name), str):
                raise ValueError(f"{name} of an expected failure is a text")
        if not re.fullmatch(r"[A-Z]{3}\d{3}", self.code):
            raise ValueError(
                f"an expected failure names one check, such as 'PPC401', not {self.code!r}"
            )
        if not self.reason.strip():
            raise ValueError(f"the expected failure of {self.code} has no reason")
        object.__setattr__(self, "until", self._day())

    def _day(self) -> date:
        if isinstance(self.until, datetime):
            return self.until.date()
        if isinstance(self.until, date):
            return self.until
        try:
            return date.fromisoformat(self.until)
        except (TypeError, ValueError):
            raise ValueError(
                f"the expected failure of {self.code} holds until a day such as '2027-03-01', "
                f"not {self.until!r}"
            ) from None

    def covers(self, finding: Finding) -> bool:
        """Return whether a finding is the one that is expected."""
        if finding.code != self.code:
            return False
        return self.where in ("", finding.where, finding.where.partition("[")[0])

    def holds(self, today: date) -> bool:
        """Return whether the failure is still accepted."""
        return today <= self._day()

    @property
    def said(self) -> str:
        """Last day and reason."""
        return f"until {self.until} ({self.reason.strip()})"

    def as_dict(self) -> dict[str, str]:
        """Return plain data for JSON."""
        return {
            "code": self.code,
            "where": self.where,
            "reason": self.reason,
            "until": str(self.until),
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> ExpectedFailure:
        """Read back what :meth:`as_dict` wrote."""
        return cls(**plain)


def expect_failures(
    findings: Sequence[Finding], expected: Sequence[ExpectedFailure], today: date
) -> list[Finding]:
    """Set apart the findings that were expected.

    Parameters
    ----------
    findings : sequence of Finding
        What the checks found.
    expected : sequence of ExpectedFailure
    today : date
        Decides which of them have expired.

    Returns
    -------
    list of Finding
        An expected failure has the verdict ``expected``; one that expired keeps its verdict and
        says so; one that no longer happens adds a note that asks to remove it. What was not judged
        because sampling failed stays as it is: nobody knows what it would have been.
    """
    judged = [_judge(finding, expected, today) for finding in findings]
    for this in expected:
        mine = [i for i, finding in enumerate(judged) if finding.code == this.code]
        if mine and _does_not_happen(this, [judged[i] for i in mine]):
            judged.insert(mine[-1] + 1, _remove(this, judged[mine[-1]]))
    return judged


def _judge(finding: Finding, expected: Sequence[ExpectedFailure], today: date) -> Finding:
    if finding.verdict not in EXPECTABLE or finding.untrusted:
        return finding
    covering = [this for this in expected if this.covers(finding)]
    holding = next((this for this in covering if this.holds(today)), None)
    if holding is not None:
        return replace(
            finding,
            verdict=Verdict.EXPECTED,
            message=f"Expected {holding.said}: {finding.message}",
            expected=holding.said,
            found=finding.verdict,
        )
    if covering:
        return replace(
            finding,
            message=f"{finding.message}. It was expected {covering[0].said}: that day has passed",
            expected=covering[0].said,
        )
    return finding


def _does_not_happen(this: ExpectedFailure, found: Sequence[Finding]) -> bool:
    """Return whether everything that could be the expected failure was judged, and is none."""
    about = [f for f in found if this.covers(f)] or found
    if any(f.verdict is Verdict.SKIPPED or f.untrusted for f in about):
        return False
    return not any(this.covers(f) and f.verdict not in (Verdict.PASS, Verdict.NOTE) for f in about)


def _remove(this: ExpectedFailure, last: Finding) -> Finding:
    about = f" for {this.where}" if this.where else ""
    return Finding(
        code=last.code,
        name=last.name,
        stage=last.stage,
        verdict=Verdict.NOTE,
        message=f"{this.code} was expected to fail{about} {this.said}, and does not: remove the "
        "expected failure",
        where=this.where,
        expected=this.said,
    )
