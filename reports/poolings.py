"""No, partial and complete pooling side by side, and what pooling bought."""

from __future__ import annotations

import numpy as np

from ..checks.poolings import POOLINGS, Compared, Contrast, what_pooling_bought
from ..checks.words import counted
from .blocks import Block, Column, Note, Plot, Table
from .figures import three_poolings
from .numbers import NONE, beside, between, num, of_unit
from .record import ReviewRecord
from .svg import inline_svg
from .trust import attempt, distrust, gap, sentence
from .units import effect_unit

#: Rows of a table that are not folded away.
_SHOWN = 10

_TITLES = {"no": "No pooling", "partial": "Partial (the model)", "complete": "Complete pooling"}


def blocks(record: ReviewRecord) -> list[Block]:
    """Return the three poolings of every level, or why they are not there."""
    evidence = record.evidence
    if reason := distrust(record) or evidence.why_missing("compared_poolings"):
        return [gap(f"The three poolings are not shown: {reason}")]
    found: list[Block] = []
    levels: dict[str, Compared] = evidence.get("compared_poolings")
    for i, level in enumerate(levels.values()):
        found += _level(record, i, level, several=len(levels) > 1)
    return found


def _level(record: ReviewRecord, i: int, level: Compared, *, several: bool) -> list[Block]:
    said = " ".join(what_pooling_bought(level))
    found: list[Block] = []
    if said:
        found.append(Note(f"{level.level}: {said}" if several else said))
    found += [gap(f"{level.level}: {_absent(what)}: {why}") for what, why in _reasons(level)]
    if table := _contrasts(level):
        found.append(table)
    if len(level.why) < len(POOLINGS) or np.isfinite(level.mean["no"]).any():
        found += attempt(f"Estimates of {level.level}", lambda: _estimates(record, i, level))
    return found


def _reasons(level: Compared) -> list[tuple[str, str]]:
    """Return what is not there with its reason; what has the same reason is said once."""
    by_reason: dict[str, list[str]] = {}
    for what, why in level.why.items():
        by_reason.setdefault(why, []).append(what)
    return [(" ".join(whats), why) for why, whats in by_reason.items()]


def _absent(whats: str) -> str:
    words = {
        "no": "no estimates without pooling",
        "complete": "no estimates with complete pooling",
        "rows": "left-out rows are not predicted",
        "groups": "left-out groups are not predicted",
    }
    return ", ".join(words.get(w, w) for w in whats.split())


def _contrasts(level: Compared) -> Table | None:
    if not level.contrasts:
        return None
    return Table(
        f"What partial pooling of {level.level} predicts",
        [
            Column("Left out", number=False),
            Column("Compared with", number=False),
            Column("Difference (elpd)"),
            Column("Standard error"),
            Column("Monte Carlo error"),
            Column("Compared"),
            Column("Not reliable"),
        ],
        [_contrast(c) for c in level.contrasts],
        caption="Log predictive density with partial pooling less that of the other, summed over "
        "what was left out: above zero, partial pooling predicts better.",
    )


def _contrast(c: Contrast) -> list[str]:
    return [
        f"each {c.part}",
        f"{c.other} pooling",
        num(c.difference),
        num(c.se, 2),
        num(c.mcse, 2),
        counted(c.compared, c.part),
        str(c.unreliable),
    ]


def _estimates(record: ReviewRecord, i: int, level: Compared) -> Plot:
    evidence = record.evidence
    data = evidence.get("levels")[level.level]
    unit = effect_unit(record, level.level, data)
    also = f" with {level.shares}" if level.shares else ""
    axis = of_unit(f"{level.effect}{also}", unit)
    order = three_poolings.shown(level)
    question = f"What would each {level.level} be without pooling, and with complete pooling?"
    said = [
        "Posterior means with 89% intervals without pooling (open), as the model pools (blue) and "
        "with complete pooling (squares)."
    ]
    if len(order) < len(level.groups):
        said.append(
            f"The {len(order)} of {len(level.groups)} groups whose estimates depend most on "
            "pooling are drawn."
        )
    if level.unestimated:
        said.append(
            f"{counted(level.unestimated, 'group')} without a finite estimate of their own."
        )
    if bad := [_TITLES[p].lower() for p, fine in level.trusted.items() if not fine]:
        said.append(f"The chains disagree for {', '.join(bad)}: read these as rough.")
    said.append("Look for groups whose answer is another one: pooling decided it.")
    caption, key = " ".join(said), f"three{i}"
    svg = inline_svg(three_poolings.draw(level, axis), key, question, caption)
    return Plot(key, question, svg, caption, _table(level, unit))


def _table(level: Compared, unit: str) -> Table:
    columns = [Column(level.level, number=False), Column("Rows")]
    for pooling in POOLINGS:
        columns += [Column(of_unit(_TITLES[pooling], unit)), Column("89% interval")]
    order = np.argsort(-three_poolings.reach(level), kind="stable")
    scales = [
        f"{_TITLES[p].lower()} is the scale at {num(s)}" for p, s in level.scales.items() if s > 0
    ]
    return Table(
        f"{level.level} under three poolings",
        columns,
        [_row(level, int(j)) for j in order],
        shown=_SHOWN if len(order) > _SHOWN + 2 else None,
        note=sentence("; ".join(scales).capitalize()) if scales else "",
    )


def _row(level: Compared, j: int) -> list[str]:
    cells = [level.groups[j], num(level.rows[j], 6) if np.isfinite(level.rows[j]) else NONE]
    for pooling in POOLINGS:
        mean, low, high = (v[pooling][j] for v in (level.mean, level.low, level.high))
        known = bool(np.isfinite(mean))
        cells += [beside(mean, low, high), between(low, high)] if known else [NONE, NONE]
    return cells
