"""Who is shrunk, and how far: every group of a small level, the furthest of a large one."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ..checks.pooling import LevelPooling
from ..checks.words import counted
from .blocks import Block, Column, Plot, Table
from .figures import shrinkage
from .numbers import num, of_unit
from .pooling_tables import movement_table
from .record import ReviewRecord
from .svg import inline_svg
from .trust import sentence
from .units import effect_unit


def blocks(record: ReviewRecord, i: int, level: LevelPooling, data: xr.Dataset) -> list[Block]:
    """Return the arrows of one level, and of many groups what becomes of all of them.

    Parameters
    ----------
    record : ReviewRecord
    i : int
        Number of the level, for ids.
    level : LevelPooling
    data : xarray.Dataset
        The level on posterior draws.
    """
    moved = shrinkage.movement(data)
    unit = effect_unit(record, level.name, data)
    axis = of_unit(str(data.attrs.get("effect", "effect")), unit)
    found: list[Block] = [_arrows(i, level, moved, axis, unit)]
    if len(level.groups) > shrinkage.MOST and np.isfinite(moved.raw).sum() > 1:
        found.append(_everyone(i, level, moved, axis))
    return found


def _arrows(i: int, level: LevelPooling, moved: shrinkage.Movement, axis: str, unit: str) -> Plot:
    order = shrinkage.shown(moved)
    every, known = len(order) == len(moved.groups), np.isfinite(moved.raw)
    if every:
        question = f"How far does each {level.name} move, and who moves most?"
    elif known.any():
        question = f"Which {level.name} groups move furthest?"
    else:
        question = f"Which {level.name} groups lie furthest from the population?"
    start = (
        "Arrows run from raw estimates (open circles, area growing with information) to "
        "partially pooled posterior means (blue)"
        if known.any()
        else "Posterior means (blue)"
    )
    said = [
        f"{start} with 50% and 89% intervals.",
        "Orange: population mean and its 89% interval.",
        _furthest(moved, every),
    ]
    if not every:
        far = "move furthest" if known.any() else "lie furthest from it"
        said.append(f"The {len(order)} of {len(moved.groups)} groups that {far} are drawn.")
    if not known.any():
        why = level.why_no_weights or "the rows of a group are not known"
        said.append(f"Raw estimates are not drawn: {sentence(why)}")
    elif not known.all():
        missing = int((~known).sum())
        said.append(
            f"{counted(missing, 'group')} {'has' if missing == 1 else 'have'} no raw estimate: "
            "without rows, or with rows that all say the same."
        )
    caption, key = " ".join(s for s in said if s), f"shrink{i}"
    svg = inline_svg(shrinkage.draw(moved, level, axis), key, question, caption)
    return Plot(key, question, svg, caption, movement_table(level, moved, unit))


def _furthest(moved: shrinkage.Movement, every: bool) -> str:
    distance = moved.distance
    if not np.isfinite(distance).any():
        return ""
    j = int(np.nanargmax(distance))
    k = int(np.nanargmin(distance))
    far = f"{moved.groups[j]} moves furthest, from {num(moved.raw[j])} to {num(moved.pooled[j])}"
    if not every:
        return f"{far}."
    return f"{far}; {moved.groups[k]} least, from {num(moved.raw[k])} to {num(moved.pooled[k])}."


def _everyone(i: int, level: LevelPooling, moved: shrinkage.Movement, axis: str) -> Plot:
    known = np.isfinite(moved.raw)
    before, after = float(np.std(moved.raw[known])), float(np.std(moved.pooled[known]))
    question = f"How much closer together does pooling bring the {level.name} groups?"
    caption = (
        f"Every line is one of {int(known.sum())} groups, from its raw (top, area growing with "
        f"information) to its pooled (bottom) estimate. The sd between groups goes from "
        f"{num(before)} to {num(after)}. Look for groups that cross many others: their own data "
        "say little."
    )
    key = f"everyone{i}"
    svg = inline_svg(shrinkage.draw_all(moved, axis), key, question, caption)
    columns = [
        Column("Estimates", number=False),
        Column("Smallest"),
        Column("Median"),
        Column("Largest"),
        Column("sd between groups"),
    ]
    rows = [
        [word, num(np.min(v)), num(np.median(v)), num(np.max(v)), num(np.std(v))]
        for word, v in (("raw", moved.raw[known]), ("pooled", moved.pooled[known]))
    ]
    return Plot(key, question, svg, caption, Table("Spread of the groups", columns, rows))
