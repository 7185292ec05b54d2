"""SPC3xx: whether group effects are written so that a sampler can follow them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from ..finding import Verdict
from ..hierarchy.gates import LAWFUL, gates_of, multiplies_everything
from ..hierarchy.predictor import Predictor
from ..hierarchy.variables import Variables
from ..words import number
from . import examples
from .funnel import group_means, noise_to_spread
from .rule import Fault, rule
from .spreads import GroupEffect


@rule("SPC301", Verdict.WARN)
def centred_with_weak_data(
    group_effects: Sequence[GroupEffect], *, ratio: float = 3.0, rows: int = 2
) -> Iterator[Fault]:
    """Group effects are centred though each group has little data.

    **Asks**: does the width of an effect, given the scale, change more than ``ratio`` times over
    the scales that prior and data leave open (98% of them)? Where that cannot be computed, groups
    with ``rows`` rows or fewer are a note.
    **Why it matters**: effects and scale then form a funnel: the sampler diverges at its neck and
    misses small scales, so groups seem to differ more than they do.
    **What to do**: write the effects non-centred:
    ``z = pm.Normal("z", 0, 1, dims="group")`` and
    ``theta = pm.Deterministic("theta", mu + tau * z, dims="group")``.
    **Thresholds**: ``ratio`` 3: of 54 centred models that were fitted, those below 1.8 gave 1250
    effective draws of the scale or more out of 4000, and 21 of the 22 above 10 fewer than 400,
    or divergences (benchmarks/lint-false-alarms.md); ``rows`` 2, a convention of poolwise.
    **Source**: Betancourt and Girolami (2015), arXiv:1312.0906; the experiment is poolwise's own.
    """
    outcomes = Counter(e.variable.name for e in group_effects)
    for effect in group_effects:
        if effect.style != "centred" or not effect.grouped.is_intercept:
            continue
        if outcomes[effect.variable.name] > 1 or not effect.grouped.fixed:
            continue  # informed by more than these rows
        means = group_means(effect)
        scale = effect.spreads[0] if len(effect.spreads) == 1 else None
        found = None if means is None else means.width_range(scale)
        typical = float(np.median(effect.grouped.rows))
        if (found is None and typical > rows) or (found is not None and found <= ratio):
            continue
        name = effect.variable.name
        measured = "" if found is None else f"; their width may change {number(found)} times"
        yield Fault(
            effect.variable,
            f"The effects {name} are centred with little data per group (median "
            f"{number(typical)} rows{measured}): a funnel is likely",
            f'write {name} as mu + tau * z with pm.Normal("z", 0, 1)',
            value=found,
            threshold=None if found is None else ratio,
            verdict=Verdict.NOTE if found is None else None,
        )


_TWO_ROWS = np.repeat(np.arange(8), 2)
_NOISY = 3 + 0.05 * examples.DATA["effect"][_TWO_ROWS] + np.tile([-2.0, 2.0], 8)
_MANY_ROWS = np.repeat(np.arange(8), 200)
_CLEAR = (
    3
    + 2 * examples.DATA["effect"][_MANY_ROWS]
    + np.random.default_rng(4).normal(0, 0.5, _MANY_ROWS.size)
)

centred_with_weak_data.passes(lambda: examples.grouped(group=_TWO_ROWS, y=_NOISY))
centred_with_weak_data.fails(
    lambda: examples.grouped(centred=True, group=_TWO_ROWS, y=_NOISY), Verdict.WARN
)
centred_with_weak_data.false_alarm(lambda: examples.grouped(centred=True))


@rule("SPC302", Verdict.NOTE)
def non_centred_with_strong_data(
    group_effects: Sequence[GroupEffect], *, ratio: float = 0.3
) -> Iterator[Fault]:
    """Group effects are non-centred though each group has plenty of data.

    **Asks**: is the noise of a group's mean less than ``ratio`` times the differences between
    groups?
    **Why it matters**: data pin down mu + tau * z; tau and z then trade off along a narrow curve,
    and sampling is slow. The answer is right, it takes longer.
    **What to do**: ``theta = pm.Normal("theta", mu, tau, dims="group")``.
    **Thresholds**: ``ratio`` 0.3; at 0.1 the centred form gave 28 times the effective draws per
    gradient in poolwise's experiment with 8 groups.
    **Source**: Betancourt and Girolami (2015), arXiv:1312.0906; the experiment is poolwise's own.
    """
    for effect in group_effects:
        if effect.style != "non-centred" or len(effect.spreads) != 1:
            continue
        found = noise_to_spread(effect)
        if found is not None and found < ratio:
            yield Fault(
                effect.variable,
                f"{effect.variable.name} is non-centred with plenty of data per group (noise of "
                f"their means {number(found)} times their spread): sampling is slow",
                "consider the centred form",
                value=found,
                threshold=ratio,
            )


non_centred_with_strong_data.passes(
    lambda: examples.grouped(centred=True, group=_MANY_ROWS, y=_CLEAR)
)
non_centred_with_strong_data.fails(
    lambda: examples.grouped(group=_MANY_ROWS, y=_CLEAR), Verdict.NOTE
)
non_centred_with_strong_data.false_alarm(lambda: examples.grouped(group=_TWO_ROWS, y=_NOISY))


@rule("SPC303", Verdict.NOTE)
def groups_very_unequal(
    group_effects: Sequence[GroupEffect], *, few: int = 3, ratio: float = 50.0
) -> Iterator[Fault]:
    """Groups differ greatly in size.

    **Asks**: does the smallest of four groups or more have ``few`` rows or fewer, and the largest
    ``ratio`` times as many?
    **Why it matters**: the centred form suits the large groups and the non-centred one the small:
    neither samples well.
    **What to do**: keep the form that runs without divergences; where none does, write large
    groups centred and small ones not, ``pm.math.concatenate([theta_large, mu + tau * z_small])``.
    **Thresholds**: ``few`` 3 and ``ratio`` 50 are conventions of poolwise.
    **Source**: Betancourt and Girolami (2015), arXiv:1312.0906.
    """
    for effect in group_effects:
        rows = effect.grouped.rows[effect.grouped.rows > 0]
        if not effect.pooled or rows.size < 4 or not effect.grouped.is_intercept:
            continue
        if rows.min() <= few and rows.max() >= ratio * rows.min():
            yield Fault(
                effect.variable,
                f"Groups of {effect.variable.name} have {rows.min()} to {rows.max()} rows: neither "
                "form suits all of them",
                "watch for divergences",
                value=float(rows.max() / rows.min()),
                threshold=ratio,
            )


groups_very_unequal.passes(examples.grouped)
groups_very_unequal.fails(
    lambda: examples.grouped(group=np.r_[np.zeros(400, int), np.repeat(np.arange(1, 8), 2)]),
    Verdict.NOTE,
)
groups_very_unequal.false_alarm(
    lambda: examples.grouped(group=np.r_[np.zeros(400, int), np.repeat(np.arange(1, 8), 10)])
)


@rule("SPC304", Verdict.WARN)
def offset_not_standardised(
    variables: Variables, predictors: Sequence[Predictor]
) -> Iterator[Fault]:
    """An offset that a scale multiplies is not standardised.

    **Asks**: is a normal vector that is multiplied by a random scale Normal(0, 1)?
    **Why it matters**: the scale is then not the standard deviation between groups: its prior
    means something else than it says, and so does every summary of it.
    **What to do**: ``z = pm.Normal("z", 0, 1, dims="group")``.
    **Thresholds**: none.
    **Source**: Betancourt and Girolami (2015), arXiv:1312.0906.
    """
    for predictor in predictors:
        for name in dict.fromkeys(g.variable for g in predictor.grouped if not g.fixed):
            offset = variables[name]
            scale = offset.number("scale")
            if offset.is_standardised or offset.parents or scale is None:
                continue
            if offset.family not in ("Normal", "ZeroSumNormal"):
                continue
            by = [n for n in gates_of(predictor, offset).of(*LAWFUL) if variables[n].size == 1]
            by = [n for n in by if not multiplies_everything(predictor, n)]
            if by:
                numbers = [offset.number(role) for role in ("loc", "scale")]
                told = ", ".join("–" if n is None else f"{n:g}" for n in numbers)
                yield Fault(
                    offset,
                    f"{offset.name} is {offset.family}({told}) and multiplied by "
                    f"{' and '.join(by)}, which is not the sd between groups",
                    f'use pm.Normal("{offset.name}", 0, 1)',
                )


offset_not_standardised.passes(examples.grouped)
offset_not_standardised.fails(
    lambda: examples.grouped(offset=lambda pm: pm.Normal("z", 0, 5, dims="group")), Verdict.WARN
)
offset_not_standardised.false_alarm(
    lambda: examples.grouped(offset=lambda pm: pm.ZeroSumNormal("z", 1, dims="group"))
)
