"""The three headline numbers, each with its interval or error, its unit and a plain sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..checks.decomposition import TARGETS, Decomposition
from ..checks.pooling import LevelPooling
from .numbers import NONE, between, fixed, fixed_between, num, percent, squared
from .record import ReviewRecord
from .trust import distrust, sentence


@dataclass(frozen=True, slots=True)
class Tile:
    """One headline number.

    Attributes
    ----------
    label, value : str
    spread : str
        Interval, Monte Carlo error and unit.
    say : str
        What the number means, or why there is none.
    """

    label: str
    value: str
    spread: str
    say: str


def tiles(record: ReviewRecord) -> list[Tile]:
    """Return pooling, penalty and epistemic share of the first declared level."""
    evidence = record.evidence
    reason = distrust(record) or evidence.why_missing("pooling")
    level = None if reason else next(iter(evidence.get("pooling").values()))
    of = f", {level.name}" if level else ""
    if level is None:
        first = Tile("Pooling", NONE, "", sentence(reason))
        second = Tile("Equivalent ridge penalty λ", NONE, "", sentence(reason))
        return [first, second, Tile("Epistemic share", NONE, "", sentence(reason))]
    return [
        _pooling(level),
        _penalty(level),
        _epistemic(record, level.name, f"Epistemic share of a new observation{of}"),
    ]


def _pooling(level: LevelPooling) -> Tile:
    label = f"Pooling, {level.name}"
    weight, factor = level.mean_weight, level.factor
    other = (
        ""
        if factor is None
        else f"Gelman and Pardoe’s pooling factor, another definition, is {fixed(factor.factor)} "
        f"± {num(factor.mcse, 2)}."
    )
    if weight is not None:
        return Tile(
            label,
            fixed(1 - weight.mean),
            f"89% interval {fixed_between(1 - weight.high, 1 - weight.low)}, "
            f"MCSE {num(weight.mcse, 2)}; a weight from 0 to 1",
            f"Mean weight on the population, 1 − τ²/(τ² + 1/I): an estimate of a {level.name} "
            f"moves {percent(1 - weight.mean)} of the way from its own data to the population. "
            f"{other}",
        )
    if factor is None:
        return Tile(label, NONE, "", sentence(f"{level.name} has one group"))
    return Tile(
        label,
        fixed(factor.factor),
        f"± {num(factor.mcse, 2)} (MCSE); from 0, none, to 1, complete",
        "Gelman and Pardoe’s pooling factor. The weight on the population is not known: "
        f"{sentence(level.why_no_weights or 'no information per group')}",
    )


def _penalty(level: LevelPooling) -> Tile:
    label, found, prior = "Equivalent ridge penalty λ", level.penalty, level.prior_penalty
    if found is None:
        reason = level.why_no_weights or "the noise of a row is not known"
        return Tile(label, NONE, "", sentence(reason))
    spread = f"median; 89% interval {between(found.low, found.high, 2)}; σ²/τ², no unit"
    after = _decades(found.low, found.high)
    if not math.isfinite(after):
        return Tile(label, num(found.median, 2), spread, "The interval has no upper end.")
    say = f"The interval spans {_orders(after)}"
    before = _decades(prior.low, prior.high) if prior is not None else math.nan
    if math.isfinite(before):
        say += f", against {before:.1f} before seeing the data"
    return Tile(label, num(found.median, 2), spread, f"{say} ({level.name}).")


def _decades(low: float, high: float) -> float:
    """Orders of magnitude between two positive numbers."""
    if not (0 < low < high < math.inf):
        return math.nan
    return math.log10(high / low)


def _orders(decades: float) -> str:
    if decades < 1:
        return f"a factor of {num(10**decades, 2)} ({decades:.1f} orders of magnitude)"
    return f"{decades:.1f} orders of magnitude"


def _epistemic(record: ReviewRecord, level: str, label: str) -> Tile:
    evidence = record.evidence
    targets: list[Decomposition] = (
        evidence.get("uncertainty").get(level, []) if evidence.has("uncertainty") else []
    )
    found = next((d for d in targets if d.target == TARGETS[1]), None)
    if found is None:
        dataset = evidence.get("levels")[level]
        reason = str(dataset.attrs.get("why_no_information", "the noise of a row is not known"))
        return Tile(label, NONE, "", sentence(reason))
    if found.heavy_tailed or not math.isfinite(found.epistemic_share):
        reason = found.heavy_tailed or "the variance is not finite"
        return Tile(label, NONE, "", sentence(reason))
    variance = f"{num(found.total)} {squared(record.unit)}".strip()
    share = found.epistemic_share
    return Tile(
        label,
        percent(share),
        f"± {_points(found.share_mcse)} (MCSE), of a variance of {variance}",
        f"In an observed group, more data could remove at most {percent(share)} of the variance "
        f"of a new observation; {percent(1 - share)} is noise within groups. Given this model.",
    )


def _points(share: float) -> str:
    return NONE if not math.isfinite(share) else f"{num(100 * share, 2)} percentage points"
