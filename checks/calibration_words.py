"""What a whole calibration concludes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .conclusion import Conclusion, conclude
from .evidence import Evidence
from .finding import Finding, Verdict
from .words import counted, listed

#: Quantities that a headline names.
_NAMED = 3


def conclude_calibration(findings: Sequence[Finding], evidence: Evidence) -> Conclusion:
    """Sum up the findings of a calibration."""
    found = conclude(findings)
    return replace(
        found,
        headline=_headline(findings, found.verdict, evidence),
        sentence=" ".join(_sentences(findings)),
    )


def _headline(findings: Sequence[Finding], verdict: Verdict, evidence: Evidence) -> str:
    if verdict is Verdict.ERROR:
        return "Not finished"
    fits = int((evidence.get("calibration")["status"] == "fitted").sum())
    for wanted, said in (
        (Verdict.FAIL, "Not calibrated"),
        (Verdict.WARN, "Perhaps not calibrated"),
    ):
        bad = [f.where for f in findings if f.code == "CAL901" and f.verdict is wanted]
        if bad:
            more = f" and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
            return f"{said}: {listed(bad[:_NAMED]) if not more else ', '.join(bad[:_NAMED])}{more}"
    if any(f.code == "CAL901" and f.verdict is Verdict.PASS for f in findings):
        said = f"Calibrated, as far as {counted(fits, 'fit')} show"
        other = {
            Verdict.FAIL: "; but another check failed",
            Verdict.WARN: ", with a warning",
            Verdict.INCONCLUSIVE: ", which is not far",
        }
        return said + other.get(verdict, "")
    return "Not decided"


def _sentences(findings: Sequence[Finding]) -> list[str]:
    """State what was found of ranks, what would have been, and what went wrong on the way."""
    order = ("CAL901", "CAL904", "CAL902", "CAL903", "RUN002")
    said = []
    for code in order:
        mine = [f for f in findings if f.code == code]
        telling = [f for f in mine if f.verdict is not Verdict.PASS]
        shown = mine[:1] if code in ("CAL901", "CAL904") else telling[:1]
        said += [f"{f.message}." for f in shown]
    return said
