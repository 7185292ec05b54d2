"""How strong is pooling at every level: one figure and one table of all levels together."""

from __future__ import annotations

import numpy as np

from ..checks.pooling import LevelPooling
from ..checks.who_set_it import who_set_it
from ..checks.words import counted
from .blocks import Block, Column, Plot, Table
from .figures import strength
from .numbers import NONE, estimate, fixed, fixed_between, num
from .record import ReviewRecord
from .svg import inline_svg
from .trust import attempt, sentence


def overview(record: ReviewRecord, levels: dict[str, LevelPooling]) -> list[Block]:
    """Return what compares the pooling of all levels of a review."""
    shown = [level for level in levels.values() if level.factor is not None or level.mean_weight]
    return attempt("Strength of pooling", lambda: _plot(record, shown)) if shown else []


def _plot(record: ReviewRecord, levels: list[LevelPooling]) -> Plot:
    one = len(levels) == 1
    question = (
        f"How strongly is {levels[0].name} pooled?" if one else "How strongly is each level pooled?"
    )
    caption = " ".join([_marks(levels), *(_said(level) for level in levels)])
    svg = inline_svg(strength.draw(levels), "strength", question, caption)
    return Plot("strength", question, svg, caption, table(record, levels))


def _marks(levels: list[LevelPooling]) -> str:
    if not any(strength.on_population(level) for level in levels):
        return "Diamonds: Gelman and Pardoe’s pooling factor."
    said = "Blue: weight on the population, mean over groups, with its 89% interval"
    said += "; strokes: the groups." if any(level.mean_weight for level in levels) else "."
    if any(level.prior_weight for level in levels):
        said += " Grey: the same before the data; where blue is as wide, the prior set it."
    return f"{said} Diamonds: Gelman and Pardoe’s pooling factor, another definition."


def _said(level: LevelPooling) -> str:
    pooled = strength.on_population(level)
    if pooled is None:
        why = level.why_no_weights or "no information per group is known"
        return sentence(f"{level.name} has no weights: {why}")
    said = f"{level.name}: {fixed(pooled[1])}"
    if level.effective_groups is not None:
        count = num(level.effective_groups.mean, 2)
        said += f", so that its {counted(len(level.groups), 'group')} count as {count}"
    return f"{said}."


def table(record: ReviewRecord, levels: list[LevelPooling]) -> Table:
    """Return the numbers of every level, a line each; the rows of the data last."""
    columns = [
        Column("Level", number=False),
        Column("Groups"),
        Column("Rows per group"),
        Column("Weight on population"),
        Column("89% interval"),
        Column("Before the data"),
        Column("Pooling factor"),
        Column("R²"),
        Column("Effective groups"),
        Column("Penalty λ"),
        Column("Set by", number=False),
    ]
    return Table(
        "Strength of pooling by level",
        columns,
        [*(_line(record, level) for level in levels), *_data_level(levels)],
        note="R² and pooling factor after Gelman and Pardoe (2006); the effective groups are the "
        "sum of the weights on own data; λ = σ²/τ², its median.",
    )


def _line(record: ReviewRecord, level: LevelPooling) -> list[str]:
    pooled, before, factor = strength.on_population(level), level.prior_weight, level.factor
    e, penalty = level.effective_groups, level.penalty
    limits = dict(record.thresholds.get("REG601", {}))
    return [
        level.name,
        str(len(level.groups)),
        _rows(level),
        NONE if pooled is None else fixed(pooled[1]),
        NONE if pooled is None else fixed_between(pooled[0], pooled[2]),
        NONE if before is None else fixed(1 - before.mean),
        NONE if factor is None else f"{fixed(factor.factor)} ± {num(factor.mcse, 2)}",
        NONE if factor is None else f"{fixed(factor.r_squared)} ± {num(factor.r_squared_mcse, 2)}",
        NONE if e is None else estimate(e.mean, e.low, e.high),
        NONE if penalty is None else num(penalty.median, 2),
        who_set_it(level, **limits)[0] or "not known",
    ]


def _rows(level: LevelPooling) -> str:
    known = level.rows[np.isfinite(level.rows)]
    if not known.size:
        return NONE
    low, high = num(known.min(), 6), num(known.max(), 6)
    return low if low == high else f"{low} to {high}"


def _data_level(levels: list[LevelPooling]) -> list[list[str]]:
    found = next((level.data_level for level in levels if level.data_level is not None), None)
    if found is None:
        return []
    line = ["rows of the data", *[NONE] * 10]
    line[6] = f"{fixed(found.factor)} ± {num(found.mcse, 2)}"
    line[7] = f"{fixed(found.r_squared)} ± {num(found.r_squared_mcse, 2)}"
    return [line]
