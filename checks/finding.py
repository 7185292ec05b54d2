"""What a check answers: one frozen record, never a bool or a string."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, SupportsFloat


class Verdict(StrEnum):
    """How a finding ended. Only ``PASS`` and ``NOTE`` let a review stand as it is.

    ``SKIPPED`` (not asked, with a reason), ``INCONCLUSIVE`` (asked, could not be decided) and
    ``EXPECTED`` (a failure that was announced, with a reason and a last day) are never counted as
    passes.
    """

    PASS = "pass"
    NOTE = "note"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    EXPECTED = "expected"


#: Most serious first: the order in which reports list findings.
SEVERITY = (
    Verdict.ERROR,
    Verdict.FAIL,
    Verdict.WARN,
    Verdict.INCONCLUSIVE,
    Verdict.EXPECTED,
    Verdict.NOTE,
    Verdict.SKIPPED,
    Verdict.PASS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One answer of one check.

    Attributes
    ----------
    code, name, stage
        Permanent code (``SMP301``), the fault it names (``chains_disagree``) and the stage of the
        review it belongs to. Stamped by the check that made the finding.
    verdict : Verdict
    message : str
        What was found, in one sentence that states the number.
    value, mcse : float, optional
        The number that was judged, and its Monte Carlo standard error where it has one.
    threshold : float, optional
        What ``value`` was compared with; ``needs`` says how (``"<= 1.01"``).
    result, needs : str
        The value and the requirement as a reader should see them.
    where : str
        The parameter, quantity, level or observation concerned.
    line : int, optional
        Line of the spec the finding points at.
    untrusted : str
        Why the evidence behind the finding cannot be believed; empty when it can.
    expected : str
        Until when and why a failure was expected; empty when none was. With a verdict other than
        ``expected`` the failure has expired, or does not happen.
    found : Verdict, optional
        The verdict that an expected failure would have had.
    """

    verdict: Verdict
    message: str
    code: str = ""
    name: str = ""
    stage: str = ""
    value: float | None = None
    mcse: float | None = None
    threshold: float | None = None
    result: str = ""
    needs: str = ""
    where: str = ""
    line: int | None = None
    untrusted: str = ""
    expected: str = ""
    found: Verdict | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; numbers that JSON cannot hold become ``None``."""
        plain = asdict(self)
        for key in ("value", "mcse", "threshold"):
            number = plain[key]
            if number is not None and not math.isfinite(number):
                plain[key] = None
        plain["verdict"] = self.verdict.value
        plain["found"] = None if self.found is None else self.found.value
        plain["target"] = plain.pop("where")
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Finding:
        """Read back what :meth:`as_dict` wrote."""
        known = {f.name for f in fields(cls)}
        values = {k: v for k, v in plain.items() if k in known}
        found = plain.get("found")
        return cls(
            **{
                **values,
                "verdict": Verdict(plain["verdict"]),
                "where": plain["target"],
                "found": None if found is None else Verdict(found),
            }
        )


def judge(
    bad: object,
    message: str,
    *,
    otherwise: Verdict = Verdict.FAIL,
    value: SupportsFloat | None = None,
    mcse: SupportsFloat | None = None,
    threshold: SupportsFloat | None = None,
    result: str = "",
    needs: str = "",
    where: str = "",
) -> Finding:
    """Turn a comparison into a finding: ``otherwise`` when ``bad``, a pass when not.

    >>> judge(1.2 > 1.01, "R-hat", value=1.2).verdict.value
    'fail'
    """
    return Finding(
        verdict=otherwise if bad else Verdict.PASS,
        message=message,
        value=None if value is None else float(value),
        mcse=None if mcse is None else float(mcse),
        threshold=None if threshold is None else float(threshold),
        result=result,
        needs=needs,
        where=where,
    )


def skipped(reason: str, **details: Any) -> Finding:
    """Return a finding that was not asked, and why."""
    return Finding(verdict=Verdict.SKIPPED, message=reason, **details)


def inconclusive(reason: str, **details: Any) -> Finding:
    """Return a finding that was asked but could not be decided, and why."""
    return Finding(verdict=Verdict.INCONCLUSIVE, message=reason, **details)
