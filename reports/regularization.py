"""Regularization strength: how far groups move, what sets that, and who decided it."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ..checks import REGISTRY
from ..checks.draws import Summary
from ..checks.pooling import LevelPooling
from ..checks.who_set_it import who_set_it
from ..checks.words import counted
from . import shrinkage, strength
from .blocks import Block, Column, Note, Pair, Plot, Table
from .choices import classical
from .figures import penalty
from .figures.canvas import HALF, WIDTH
from .numbers import between, fixed, fixed_between, num
from .pooling_tables import summary_table, weight_range_table, weight_table
from .record import ReviewRecord
from .svg import inline_svg
from .sweep import converged
from .trust import attempt, distrust, gap, sentence
from .units import effect_unit

_DECLARE = (
    "The line to add, with the names of your own model: "
    '``levels={"school": Level(effect="theta", location="mu", scale="tau")}``'
)


def overview(record: ReviewRecord) -> list[Block]:
    """Return what is said of all levels together, or why nothing is."""
    evidence = record.evidence
    reason = distrust(record) or evidence.why_missing("pooling")
    if not reason:
        return strength.overview(record, evidence.get("pooling"))
    found: list[Block] = [gap(f"Regularization strength is not shown: {reason}")]
    if evidence.has("posterior") and not evidence.has("levels"):
        found.append(Note(_DECLARE))
    return found


def blocks(record: ReviewRecord) -> list[tuple[str, list[Block]]]:
    """Return the blocks of every level, by its name; none where no draws may be shown."""
    evidence = record.evidence
    if distrust(record) or not evidence.has("pooling"):
        return []
    priors = evidence.get("prior_levels") if evidence.has("prior_levels") else {}
    datasets: dict[str, xr.Dataset] = evidence.get("levels")
    return [
        (name, _level(record, i, level, datasets[name], priors.get(name)))
        for i, (name, level) in enumerate(evidence.get("pooling").items())
    ]


def _level(
    record: ReviewRecord, i: int, level: LevelPooling, data: xr.Dataset, prior: xr.Dataset | None
) -> list[Block]:
    effect, scale = data.attrs.get("effect", "effect"), data.attrs.get("scale", "scale")
    found: list[Block] = [
        Note(
            f"The prior on {effect} acts like a ridge penalty λ = σ²/τ² on the deviations of "
            f"{counted(len(level.groups), level.name + ' group')} from "
            f"{data.attrs.get('location', 'their location')}, with τ = {scale}. "
            "A larger λ means more pooling."
        ),
        Note(_who_set_it(record, level)),
    ]
    found += attempt("Shrinkage", lambda: shrinkage.blocks(record, i, level, data))
    if level.penalty is None:
        reason = level.why_no_weights or "no information per group is known"
        found.append(gap(f"Weights and λ are not shown for {level.name}: {reason}"))
    else:
        found += _set_by(record, i, level, data, prior)
    found += attempt("Definitions", lambda: summary_table(level))
    found += attempt("Weights", lambda: weight_table(record, level, data))
    return found


def _set_by(
    record: ReviewRecord, i: int, level: LevelPooling, data: xr.Dataset, prior: xr.Dataset | None
) -> list[Block]:
    """Return where the penalty is, beside its classical choices where there are any."""
    choices = record.evidence.get("penalty_choices")[level.name]
    weights = attempt("The weights", lambda: _weights(record, i, level, data, prior))
    if choices.ridge is not None:
        placed = attempt("The penalty", lambda: classical(i, level.name, choices, data, prior))
        return [*placed, *weights]
    found = [*attempt("The penalty", lambda: _penalty(i, level, data, prior)), *weights]
    plots = [p for p in found if isinstance(p, Plot)]
    others = [p for p in found if not isinstance(p, Plot)]
    missing = gap(f"Classical choices of λ are not shown for {level.name}: {choices.why}")
    return [*others, *([Pair(plots)] if len(plots) == 2 else plots), missing]


def _who_set_it(record: ReviewRecord, level: LevelPooling) -> str:
    limits = REGISTRY["REG601"].thresholds | dict(record.thresholds.get("REG601", {}))
    who, why = who_set_it(level, **limits)
    if not who:
        return f"Whether the data or the prior set the strength of pooling is not known: {why}."
    said = f"Who set it? The {who}{'' if who == 'model' else ', mainly'}: {why}."
    if level.prior_weight is not None and level.mean_weight is not None:
        said += (
            f" The mean weight on own data was {_weight(level.prior_weight)} before the data "
            f"and is {_weight(level.mean_weight)} after."
        )
    return said + _over_the_sweep(record, level.name)


def _weight(summary: Summary) -> str:
    return f"{fixed(summary.mean)} ({fixed_between(summary.low, summary.high)})"


def _over_the_sweep(record: ReviewRecord, name: str) -> str:
    means = [c.other.mean for c in converged(record) if c.label == f"{name}: mean weight"]
    if not means:
        return ""
    low, high = fixed(min(means)), fixed(max(means))
    reach = low if low == high else f"{low} to {high}"
    return f" Over {counted(len(means), 'alternative prior')} it is {reach}."


def _penalty(
    i: int, level: LevelPooling, data: xr.Dataset, prior: xr.Dataset | None
) -> Plot | None:
    figure = penalty.draw(data, prior)
    found = level.penalty
    if figure is None or found is None:
        return None
    question = "How well do the data determine λ?"
    axis = penalty.pooling_of(data)
    against = " against its prior (dashed)" if level.prior_penalty is not None else ""
    caption = (
        f"Posterior of λ (blue){against}, with medians, 50% and 89% intervals. Its median "
        f"{num(found.median, 2)} is a {axis.label} of {fixed(axis.at(found.median))} (top axis). "
        "Look for a posterior that repeats its prior."
    )
    key = f"penalty{i}"
    svg = inline_svg(figure, key, question, caption)
    columns = [Column("λ", number=False), Column("Median"), Column("89% interval")]
    table_rows = [
        [word, num(s.median, 2), between(s.low, s.high, 2)]
        for word, s in (("posterior", found), ("prior", level.prior_penalty))
        if s is not None
    ]
    return Plot(key, question, svg, caption, Table("Penalty", columns, table_rows))


def _weights(
    record: ReviewRecord, i: int, level: LevelPooling, data: xr.Dataset, prior: xr.Dataset | None
) -> Plot | Note | None:
    weights = level.weight_mean
    if weights is None:
        why = sentence(level.why_no_weights or "no information per group is known")
        return gap(f"Weights are not shown for {level.name}: {why}")
    alone = record.evidence.get("penalty_choices")[level.name].ridge is not None
    unit = effect_unit(record, level.name, data)
    figure = penalty.draw_weights(data, prior, level, unit, WIDTH if alone else HALF)
    if figure is None:
        return None
    question = "What sets the weight on a group’s own data?"
    j, k = int(np.argmax(weights)), int(np.argmin(weights))
    dashed = " Dashed: the mean before seeing data." if prior is not None else ""
    caption = (
        "Weight w = τ²/(τ² + 1/I) against the standard error 1/√I of a group’s own estimate: "
        f"mean (line), 50% and 89% intervals (bands) and the groups (dots).{dashed} "
    )
    if fixed(weights[j]) == fixed(weights[k]):
        caption += f"All groups keep as much of their own data (w = {fixed(weights[j])})."
    else:
        caption += (
            f"{level.groups[j]} keeps most of its own data (w = {fixed(weights[j])}), "
            f"{level.groups[k]} least ({fixed(weights[k])})."
        )
    key = f"weights{i}"
    svg = inline_svg(figure, key, question, caption)
    return Plot(key, question, svg, caption, weight_range_table(level, data, unit))
