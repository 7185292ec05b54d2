"""SPC3xx: whether group effects are written so that a sampler can follow them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from ..draws import Array
from ..finding import Verdict
from ..hierarchy.location import PROBABILITIES
from ..hierarchy.predictor import Predictor
from ..hierarchy.variables import Variables
from ..words import number
from . import examples
from .rule import Fault, rule
from .spreads import GroupEffect, offsets_of, scales_of


def noise_to_spread(effect: GroupEffect) -> float | None:
    """Return how noisy group means are, relative to how much groups differ.

    Moments on the scale of the predictor: the median standard error of a group's mean over the
    standard deviation between groups that remains after the noise is taken off. Above about 1 the
    non-centred form samples better, below about 0.5 the centred one. The estimate is noisy itself:
    it shows a risk.

    Returns
    -------
    float or None
        None where it cannot be computed: another link, too few rows.
    """
    grouped, predictor = effect.grouped, effect.predictor
    y, group = predictor.values, grouped.group
    if group.size != y.size or not np.isfinite(y).all() or not grouped.is_intercept:
        return None
    used = grouped.rows > 0
    rows = grouped.rows[used].astype(float)
    means = _group_sums(y, group, used) / rows
    moments = _moments(predictor, y, group, used, rows, means)
    if moments is None:
        return None
    centre, error = moments
    if centre.size < 2:
        return None
    between = max(float(np.var(centre, ddof=1) - np.mean(error**2)), 0.0)
    typical = float(np.median(error))
    return float(typical / max(np.sqrt(between), 1e-3 * typical))


def _group_sums(values: Array, group: np.ndarray, used: np.ndarray) -> Array:
    return np.asarray(np.bincount(group, values, minlength=used.size)[used])


def _moments(
    predictor: Predictor,
    y: Array,
    group: np.ndarray,
    used: np.ndarray,
    rows: Array,
    means: Array,
) -> tuple[Array, Array] | None:
    """Return the mean of each group on the scale of the predictor, and its standard error."""
    outcome = predictor.outcome
    if predictor.link == "logit" and outcome.family in PROBABILITIES and outcome.family != "Beta":
        trials = rows
        if "n" in outcome.parameters:
            value = outcome.parameters["n"].value
            if value is None:
                return None
            trials = _group_sums(np.broadcast_to(value, outcome.shape).ravel() + 0.0, group, used)
        share = (means * rows + 0.5) / (trials + 1)
        return np.log(share / (1 - share)), 1 / np.sqrt(trials * share * (1 - share))
    known = outcome.parameters.get("scale")
    if predictor.link == "identity" and known is not None and known.value is not None:
        precision = 1 / np.broadcast_to(known.value, outcome.shape).ravel() ** 2
        return means, 1 / np.sqrt(_group_sums(precision, group, used))
    if predictor.link not in ("identity", "log") or (rows - 1).sum() < 3:
        return None
    all_means = np.zeros(used.size)
    all_means[used] = means
    within = float(((y - all_means[group]) ** 2).sum() / (rows - 1).sum())
    if predictor.link == "identity":
        return means, np.sqrt(within / rows)
    level = np.maximum(means, 0.5 / rows)
    dispersion = max(within / max(float(means.mean()), 1e-9), 1.0)
    return np.log(level), np.sqrt(dispersion / (rows * level))


@rule("SPC301", Verdict.WARN)
def centred_with_weak_data(
    group_effects: Sequence[GroupEffect], *, ratio: float = 1.0, rows: int = 2
) -> Iterator[Fault]:
    """Group effects are centred though each group has little data.

    **Asks**: is the noise of a group's mean more than ``ratio`` times the differences between
    groups; or, where that cannot be computed, do groups typically have ``rows`` rows or fewer?
    **Why it matters**: effects and scale then form a funnel: the sampler diverges at its neck and
    misses small scales, so groups seem to differ more than they do.
    **What to do**: write the effects non-centred:
    ``z = pm.Normal("z", 0, 1, dims="group")`` and
    ``theta = pm.Deterministic("theta", mu + tau * z, dims="group")``.
    **Thresholds**: ``ratio`` 1, where the non-centred form gave four times the effective draws per
    gradient in an experiment with 8 groups; ``rows`` 2, a convention of poolwise.
    **Source**: Betancourt and Girolami (2015), arXiv:1312.0906; the experiment is poolwise's own.
    """
    outcomes = Counter(e.variable.name for e in group_effects)
    for effect in group_effects:
        if effect.style != "centred" or not effect.grouped.is_intercept:
            continue
        if outcomes[effect.variable.name] > 1 or not effect.grouped.fixed:
            continue  # informed by more than these rows
        found = noise_to_spread(effect)
        typical = float(np.median(effect.grouped.rows))
        if (found is None and typical > rows) or (found is not None and found <= ratio):
            continue
        name = effect.variable.name
        measured = "" if found is None else f", noise of their means {_times(found)} their spread"
        yield Fault(
            effect.variable,
            f"The effects {name} are centred with little data per group (median "
            f"{number(typical)} rows{measured}): a funnel is likely",
            f'write {name} as mu + tau * z with pm.Normal("z", 0, 1)',
            value=found,
            threshold=ratio,
        )


def _times(ratio: float) -> str:
    return "far above" if ratio > 100 else f"{number(ratio)} times"


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
        for offset in offsets_of(variables, predictor):
            if offset.is_standardised or offset.family not in ("Normal", "ZeroSumNormal"):
                continue
            scales = scales_of(variables, predictor, offset)
            numbers = [offset.number(role) for role in ("loc", "scale")]
            if scales and None not in numbers[-1:]:
                told = ", ".join("–" if n is None else f"{n:g}" for n in numbers)
                yield Fault(
                    offset,
                    f"{offset.name} is {offset.family}({told}) and multiplied by "
                    f"{' and '.join(scales)}, which is not the sd between groups",
                    f'use pm.Normal("{offset.name}", 0, 1)',
                )


offset_not_standardised.passes(examples.grouped)
offset_not_standardised.fails(
    lambda: examples.grouped(offset=lambda pm: pm.Normal("z", 0, 5, dims="group")), Verdict.WARN
)
offset_not_standardised.false_alarm(
    lambda: examples.grouped(offset=lambda pm: pm.ZeroSumNormal("z", 1, dims="group"))
)
