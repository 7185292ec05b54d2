"""Tables of what alternative priors conclude: intervals that flip, shares, levels of few groups."""

from __future__ import annotations

import numpy as np

from ..checks import Verdict
from ..checks.draws import Summary
from ..checks.few_groups import CommonPrior
from ..checks.more_data import DataNeeded, about
from ..checks.shares import Share
from ..checks.sign_flips import excludes_zero
from ..checks.words import counted
from .blocks import Block, Cell, Column, Note, Table, folded_after
from .numbers import NONE, estimate, fixed, fixed_error, fixed_estimate
from .record import ReviewRecord
from .sweep import SignRange, limits, share_ranges, sign_ranges, unconverged

#: Rows of a table that are always visible.
_VISIBLE = 8

#: What Gelman (2006) found of the common priors, in a sentence each.
_OF_FEW_GROUPS = (
    "So few groups say little about their spread, so its prior matters (Gelman 2006). An "
    "inverse gamma with both parameters near zero is not uninformative: it has a spike near zero, "
    "and pools too strongly where the spread may be small. A uniform that reaches far lets in "
    "spreads that nobody believes, and pools too weakly. A half-Cauchy or half-normal whose scale "
    "says how large the spread could be restrains both."
)


def few_groups(record: ReviewRecord) -> list[Block]:
    """Return a table for every level of few groups: what common priors of its spread conclude."""
    if not record.evidence.has("common_priors"):
        return []
    found: dict[str, list[CommonPrior]] = record.evidence.get("common_priors")
    bad = unconverged(record)
    return [_few_groups(name, rows, bad) for name, rows in found.items()]


def _few_groups(name: str, priors: list[CommonPrior], bad: dict[str, float]) -> Table:
    """Rows are quantities, columns priors."""
    shown = [p for p in priors if p.alternative not in bad]
    effects = list(priors[0].effects)
    of_effects = {effect: [_median(p.effects.get(effect)) for p in shown] for effect in effects}
    rows: list[list[str | Cell]] = [
        ["spread", *(_median(p.spread) for p in shown)],
        ["mean weight on own data", *(_fixed(p.weight) for p in shown)],
        ["pooling factor", *(_factor(p.factor) for p in shown)],
    ]
    rows += [[effect, *cells] for effect, cells in of_effects.items()]
    left_out = [p.title for p in priors if p.alternative in bad]
    why = f" Did not converge, and is left out: {', '.join(left_out)}." if left_out else ""
    return Table(
        f"Common priors of the spread of {name}",
        [Column("Quantity", number=False), *(Column(p.title) for p in shown)],
        rows,
        caption=f"What common priors of the spread conclude of {name}, with "
        f"{counted(len(effects), 'group')}: median (89% interval)",
        note=_OF_FEW_GROUPS + why,
    )


def _fixed(summary: Summary | None) -> str:
    if summary is None:
        return NONE
    return fixed_estimate(summary.median, summary.low, summary.high)


def _factor(share: Share | None) -> str:
    return NONE if share is None else fixed_error(share.value, share.mcse)


def _median(summary: Summary | None) -> str:
    if summary is None:
        return NONE
    return estimate(summary.median, summary.low, summary.high)


def sign_table(record: ReviewRecord) -> Table | None:
    """Return values whose interval excludes zero under one prior only, and the range of others."""
    found = sign_ranges(record)
    if not found:
        return None
    interval = limits(record, "SEN505")["interval"]
    many = sum(r.flips is not False for r in found)
    rows: list[list[str | Cell]] = [
        [
            r.label,
            _probability(r.base, interval),
            f"{fixed(r.lowest.other.value)} to {fixed(r.highest.other.value)}",
            r.furthest.title,
            _answer(r, interval),
        ]
        for r in found
    ]
    keep = max(many, _VISIBLE)
    return Table(
        "Signs under other priors",
        [
            Column("Event", number=False),
            Column("Probability"),
            Column("Over the sweep"),
            Column("Moves most under", number=False),
            Column("Then", number=False),
        ],
        rows,
        caption=f"Does a {interval:.0%} interval exclude zero under one prior only? "
        f"{counted(many, 'flip')} of {counted(len(rows), 'value')}",
        shown=keep if len(rows) > keep + 2 else None,
    )


def _probability(share: Share, interval: float) -> str:
    excluded = excludes_zero(share.value, interval)
    said = {1: " (above zero)", -1: " (below zero)", 0: ""}[excluded]
    return f"{fixed_error(share.value, share.mcse)}{said}"


def _answer(found: SignRange, interval: float) -> str | Cell:
    said = _probability(found.furthest.other, interval)
    if found.flips is False:
        return said
    return (
        Cell(said, Verdict.WARN, "flips")
        if found.flips
        else Cell(said, Verdict.INCONCLUSIVE, "within Monte Carlo error")
    )


def share_table(record: ReviewRecord) -> Table | None:
    """Return pooling factors, R² and aleatory shares with their range over the sweep."""
    found = share_ranges(record)
    if not found:
        return None
    limit = limits(record, "SEN506")["limit"]
    rows: list[list[str | Cell]] = []
    for r in found:
        reach = f"{fixed(r.lowest.other.value)} to {fixed(r.highest.other.value)}"
        rows.append(
            [
                r.label,
                fixed_error(r.base.value, r.base.mcse),
                Cell(reach, Verdict.WARN, "moves") if r.moves else reach,
                r.lowest.title,
                r.highest.title,
            ]
        )
    return Table(
        "Pooling and aleatory shares under other priors",
        [
            Column("Number", number=False),
            Column("As specified"),
            Column("Over the sweep"),
            Column("Lowest under", number=False),
            Column("Highest under", number=False),
        ],
        rows,
        caption="How strongly levels pool, and which part of a variance no data remove, under "
        f"other priors: a change of more than {limit:g} is marked",
        shown=folded_after(_VISIBLE, rows),
    )


def data_table(record: ReviewRecord) -> Table | Note | None:
    """Return how much data it would take for no alternative prior to move a spread."""
    if not record.evidence.has("data_needed"):
        return None
    found: dict[str, DataNeeded] = record.evidence.get("data_needed")
    if not found:
        return None
    rows: list[list[str | Cell]] = []
    for name, one in found.items():
        low, middle, high = one.needed
        ends = sorted((low, high))
        rows.append(
            [
                name,
                str(one.groups),
                about(middle),
                f"{about(ends[0])} to {about(ends[1])}",
                "none would do" if np.isinf(one.rows) else f"{about(one.rows)} ×",
                one.title,
            ]
        )
    return Table(
        "Data for the data to decide",
        [
            Column("Level", number=False),
            Column("Groups now"),
            Column("Groups needed"),
            Column("Range"),
            Column("Or rows in each"),
            Column("Hardest prior to overrule", number=False),
        ],
        rows,
        caption="Roughly how much data would it take for no alternative prior to move the spread "
        "by more than 0.3 posterior sd?",
        note="If the spread is at its posterior median; the range is for its quartiles. Right "
        "within a factor of about two.",
    )
