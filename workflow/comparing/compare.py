"""Compare two runs, or a run and a committed baseline."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...reports.comparison import RANK, Comparison, FindingChange, Side
from ..errors import SpecError, one_line
from .baseline import load_baseline
from .causes import find_causes, remarks
from .moves import LEVEL, find_moves, smallest_noticed

#: Monte Carlo errors within which a number that changed its verdict has not moved (1%).
_WITHIN = 2.576

#: What ``fail_on`` may name.
MATTERS = ("worse", "moved", "findings", "flips", "nothing")


def compare(old: str | Path, new: str | Path) -> Comparison:
    """Compare two runs.

    Parameters
    ----------
    old, new : path
        A run folder, or a file that ``poolwise baseline`` wrote.

    Returns
    -------
    Comparison
        Findings with another verdict, conclusions that moved by more than Monte Carlo error (at a
        family-wise error rate of 1%), and what differs in spec, data, versions, settings and seed.

    Raises
    ------
    SpecError
        If one of them cannot be read.
    """
    before, after = load_baseline(old), load_baseline(new)
    try:
        return compared(before, after, str(old), str(new))
    except (KeyError, TypeError, ValueError) as error:
        raise SpecError(
            f"the baselines {old} and {new} cannot be compared: {one_line(error)}",
            expected="files that 'poolwise baseline' wrote, unchanged",
            do="write them again",
        ) from error


def compared(before: Mapping[str, Any], after: Mapping[str, Any], old: str, new: str) -> Comparison:
    """Compare two baselines that came from ``old`` and ``new``."""
    moves, tests = find_moves(before["estimates"], after["estimates"])
    names = [{e["name"]: None for e in side["estimates"]} for side in (before, after)]
    return Comparison(
        old=_side(before, old),
        new=_side(after, new),
        unit=after["unit"],
        causes=find_causes(before, after),
        findings=list(finding_changes(before["findings"], after["findings"])),
        moves=moves,
        appeared=[n for n in names[1] if n not in names[0]],
        went=[n for n in names[0] if n not in names[1]],
        tests=tests,
        level=LEVEL,
        smallest=smallest_noticed(before["estimates"], after["estimates"], tests),
        remarks=list(remarks(before, after)),
    )


def _side(baseline: Mapping[str, Any], source: str) -> Side:
    return Side(
        source=source,
        name=baseline["spec"]["name"],
        verdict=baseline["verdict"],
        headline=baseline["headline"],
        seed=baseline["seed"],
        quantities=len(baseline["estimates"]),
        findings=len(baseline["findings"]),
    )


def matters(comparison: Comparison, fail_on: Sequence[str], tolerance: float = 0.0) -> bool:
    """Return whether something changed that is to be stopped at.

    Parameters
    ----------
    comparison : Comparison
    fail_on : sequence of str
        ``worse``: a finding got worse, or is no longer judged. ``findings``: any finding changed.
        ``moved``: a conclusion moved, or is no longer reported. ``flips``: the probability of a
        decision crossed even odds.
    tolerance : float
        Posterior standard deviations up to which a move is let pass.
    """
    moved = [m for m in comparison.moves if m.flips or m.sds is None or m.sds > tolerance]
    found = {
        "worse": bool(comparison.worse),
        "findings": bool(comparison.findings),
        "moved": bool(moved or comparison.went),
        "flips": any(m.flips for m in comparison.moves),
        "nothing": False,
    }
    return any(found[name] for name in fail_on)


Findings = Sequence[Mapping[str, Any]]


def finding_changes(old: Findings, new: Findings) -> Iterator[FindingChange]:
    """Yield findings whose verdict changed, that appeared or that went, the most serious first.

    Findings of a check are paired by target; what is left of each side is paired in order, because
    the target is often the worst of many, which another seed changes.
    """
    changes = [
        change
        for code in dict.fromkeys(f["code"] for f in (*old, *new))
        for a, b in _paired(_of(old, code), _of(new, code))
        if (change := _change(a, b)) is not None
    ]
    yield from sorted(changes, key=lambda c: (not c.worse, -RANK.get(c.new, 0), c.code, c.target))


def _of(findings: Findings, code: str) -> list[Mapping[str, Any]]:
    return [f for f in findings if f["code"] == code]


Pair = tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]


def _paired(old: list[Mapping[str, Any]], new: list[Mapping[str, Any]]) -> Iterator[Pair]:
    left = list(new)
    alone = []
    for finding in old:
        same = next((f for f in left if f["target"] == finding["target"]), None)
        if same is None:
            alone.append(finding)
        else:
            left.remove(same)
            yield finding, same
    for i in range(max(len(alone), len(left))):
        yield alone[i] if i < len(alone) else None, left[i] if i < len(left) else None


def _change(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> FindingChange | None:
    there = new or old
    assert there is not None
    verdicts = [f["verdict"] if f else "" for f in (old, new)]
    if verdicts[0] == verdicts[1]:
        return None
    return FindingChange(
        code=there["code"],
        name=there["name"],
        target=there["target"],
        old=verdicts[0],
        new=verdicts[1],
        old_result=old["result"] if old else "",
        new_result=new["result"] if new else "",
        message=there["message"],
        within_error=_within_error(old, new),
        because=next((f["untrusted"].split()[0] for f in (new, old) if f and f["untrusted"]), ""),
    )


def _within_error(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> bool:
    if old is None or new is None or old["target"] != new["target"]:
        return False
    numbers = [f[key] for f in (old, new) for key in ("value", "mcse")]
    if any(n is None for n in numbers):
        return False
    error = math.hypot(numbers[1], numbers[3])
    return error > 0 and abs(numbers[0] - numbers[2]) <= _WITHIN * error
