"""The four stages: what each found, as a card, a label and a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..checks import SEVERITY, STAGES, Finding, Verdict
from ..checks.words import counted, listed
from .blocks import CheckRow, Checks
from .numbers import NONE
from .record import ReviewRecord, StageRecord
from .trust import sentence

#: What a label says of each verdict: alone, and counted.
WORDS = {
    Verdict.PASS: "passed",
    Verdict.NOTE: "note",
    Verdict.WARN: "warning",
    Verdict.FAIL: "failed",
    Verdict.SKIPPED: "skipped",
    Verdict.INCONCLUSIVE: "inconclusive",
    Verdict.ERROR: "error",
    Verdict.EXPECTED: "expected failure",
}

_COUNTABLE = (Verdict.NOTE, Verdict.WARN, Verdict.ERROR, Verdict.EXPECTED)

#: Families of the four stages, in order: code prefix, anchor and stage record.
FOUR = (("PRI", "prior"), ("SMP", "fit"), ("PPC", "ppc"), ("SEN", "sens"))


@dataclass(frozen=True, slots=True)
class Card:
    """One stage at a glance."""

    anchor: str
    title: str
    verdict: Verdict
    said: str
    line: str


def count(verdict: Verdict, n: int) -> str:
    """Say how many findings ended so: ``2 warnings``, ``3 failed``."""
    word = WORDS[verdict]
    return counted(n, word) if verdict in _COUNTABLE else f"{n} {word}"


def anchors(findings: Sequence[Finding]) -> dict[int, str]:
    """Return an anchor for every finding: ``PPC402``, ``PPC402-2``, ..."""
    seen: Counter[str] = Counter()
    found = {}
    for i, finding in enumerate(findings):
        seen[finding.code] += 1
        nth = seen[finding.code]
        found[i] = finding.code if nth == 1 else f"{finding.code}-{nth}"
    return found


def worst(findings: Sequence[Finding]) -> Verdict:
    """Return the most serious verdict; skipped when there is none."""
    found = {f.verdict for f in findings}
    if found <= {Verdict.PASS, Verdict.SKIPPED}:
        return Verdict.PASS if Verdict.PASS in found else Verdict.SKIPPED
    return next(v for v in SEVERITY if v in found)


def said(findings: Sequence[Finding]) -> str:
    """Sum up findings: ``1 warning, 1 skipped`` or ``5 of 6 passed, 1 skipped``."""
    tally = Counter(f.verdict for f in findings)
    if not tally:
        return "not asked"
    rest = [count(v, tally[v]) for v in SEVERITY if tally[v] and v is not Verdict.PASS]
    passed = f"{tally[Verdict.PASS]} of {len(findings)} passed"
    well = tally[Verdict.PASS] and worst(findings) is Verdict.PASS
    return ", ".join([passed, *rest] if well else rest)


def table(
    findings: Sequence[Finding], prefix: str, anchor: Mapping[int, str], label: str
) -> Checks | None:
    """Return the findings of one family, most serious first."""
    mine = [(i, f) for i, f in enumerate(findings) if f.code.startswith(prefix)]
    if not mine:
        return None
    mine.sort(key=lambda item: SEVERITY.index(item[1].verdict))
    rows = [
        CheckRow(
            anchor=anchor[i],
            code=f.code,
            verdict=f.verdict,
            message=sentence(
                f"Skipped: {f.message}" if f.verdict is Verdict.SKIPPED else f.message
            ),
            result=f.result or NONE,
            needs=f.needs or NONE,
            line=f.line,
            untrusted=f.untrusted,
        )
        for i, f in mine
    ]
    return Checks(f"Checks: {label}", rows)


def of(record: ReviewRecord, prefix: str) -> list[Finding]:
    """Return the findings of one family."""
    return [f for f in record.findings if f.code.startswith(prefix)]


def cards(record: ReviewRecord) -> list[Card]:
    """Return the four stages at a glance."""
    found = []
    stages = {s.name: s for s in record.stages}
    for i, (prefix, anchor) in enumerate(FOUR, 1):
        name = STAGES[prefix]
        mine = of(record, prefix)
        stage = stages.get(name)
        failed = stage is not None and stage.status == "failed"
        found.append(
            Card(
                anchor=anchor,
                title=f"{i} {name.capitalize()}",
                verdict=Verdict.ERROR if failed else worst(mine),
                said="stopped with an error" if failed else said(mine),
                line=_line(prefix, mine, stage),
            )
        )
    return found


def _line(prefix: str, findings: Sequence[Finding], stage: StageRecord | None) -> str:
    if stage is not None and stage.status in ("failed", "skipped"):
        return sentence(stage.message or f"the stage {stage.status}")
    bad = [f for f in findings if f.verdict in SEVERITY[:4] and not f.untrusted]
    if bad:
        names = dict.fromkeys(f.name for f in sorted(bad, key=lambda f: SEVERITY.index(f.verdict)))
        words = [n.replace("_", " ") for n in list(names)[:2]]
        more = f" and {len(names) - 2} more" if len(names) > 2 else ""
        return _begun(f"{', '.join(words)}{more}" if more else listed(words))
    if any(f.untrusted for f in findings):
        return "Not judged, because sampling failed."
    return _when_well(prefix, {f.code: f for f in reversed(findings)})


def _when_well(prefix: str, by_code: Mapping[str, Finding]) -> str:
    """Say one number of a stage that passed."""
    parts = {
        "PRI": (("PRI203", "{} rows inside their 89% prior interval"),),
        "SMP": (("SMP301", "largest R-hat {}"), ("SMP303", "{} divergences")),
        "PPC": (("PPC404", "{} rows inside their 89% interval"),),
        "SEN": (("SEN503", "largest shift {}"),),
    }[prefix]
    words = [
        text.format(by_code[code].result)
        for code, text in parts
        if code in by_code and by_code[code].result
    ]
    return _begun(", ".join(words))


def _begun(text: str) -> str:
    return sentence(text[:1].upper() + text[1:])
