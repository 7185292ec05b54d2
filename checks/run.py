"""RUN0xx: did every stage of the review itself run as intended?"""

from __future__ import annotations

from collections.abc import Sequence

from . import examples
from .check import check
from .evidence import Evidence
from .finding import Finding, Verdict, inconclusive, judge


def stopped(message: str, *, where: str, line: int | None) -> Finding:
    """Return the finding of a part of a review that stopped with an error."""
    return Finding(
        verdict=Verdict.ERROR,
        message=message,
        where=where,
        line=line,
        result="stopped",
        needs="ran to its end",
    )


@check("RUN001")
def stage_failed(evidence: Evidence) -> list[Finding]:
    """A stage of the review stopped with an error.

    **Asks**: did every stage that was started run to its end?
    **Why it matters**: what the stage would have shown is missing, and so is every check that
    needs it; a review with a missing stage is not a review.
    **What to do**: the message names the line of the spec; mend it and run again: finished stages
    are not repeated.
    **Thresholds**: none.
    **Source**: poolwise.
    """
    errors: Sequence[Finding] = evidence.declared.get("stage_errors", ())
    return list(errors) or [judge(False, "No stage stopped with an error", result="0", needs="0")]


def _with(**declared: object) -> Evidence:
    return examples.eight_schools(declared=declared)


stage_failed.passes(examples.eight_schools)
stage_failed.fails(
    lambda: _with(stage_errors=[Finding(verdict=Verdict.ERROR, message="fit: singular matrix")]),
    Verdict.ERROR,
)
stage_failed.false_alarm(lambda: _with(fallbacks=["sampled with PyMC's own NUTS"]))


@check("RUN003")
def part_missing(evidence: Evidence) -> list[Finding]:
    """A part of a stage could not be computed.

    **Asks**: was every alternative prior fitted, and every other part of a stage finished?
    **Why it matters**: what is missing could have changed a conclusion; that nothing changed among
    the rest says less than it seems to.
    **What to do**: the message says what failed; mend it and run again: finished parts are kept.
    **Thresholds**: none.
    **Source**: poolwise.
    """
    gaps: Sequence[str] = evidence.declared.get("gaps", ())
    if not gaps:
        return [judge(False, "No part of a stage that ran is missing", result="0", needs="0")]
    return [inconclusive(gap, result="missing", needs="0") for gap in gaps]


part_missing.passes(examples.eight_schools)
part_missing.fails(lambda: _with(gaps=["tau ~ Wald could not be fitted"]), Verdict.INCONCLUSIVE)
part_missing.false_alarm(lambda: _with(fallbacks=["sampled with PyMC's own NUTS"]))


@check("RUN002")
def fallback_taken(evidence: Evidence) -> list[Finding]:
    """The review took another way than the usual one.

    **Asks**: was every stage run with its default method?
    **Why it matters**: a fallback is usually slower and sometimes less exact; it must not happen
    in silence.
    **What to do**: nothing, if the reason is understood.
    **Thresholds**: none; a note.
    **Source**: poolwise.
    """
    fallbacks: Sequence[str] = evidence.declared.get("fallbacks", ())
    if not fallbacks:
        return [judge(False, "No stage took another way than its default", result="0", needs="0")]
    return [
        judge(True, taken, otherwise=Verdict.NOTE, result="1", needs="0") for taken in fallbacks
    ]


fallback_taken.passes(examples.eight_schools)
fallback_taken.fails(
    lambda: _with(fallbacks=["sampled with PyMC's own NUTS, because nutpie cannot"]), Verdict.NOTE
)
fallback_taken.false_alarm(lambda: _with(fallbacks=[]))
