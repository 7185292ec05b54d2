"""SPC5xx: whether the likelihood can have produced the data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..draws import Array
from ..evidence import Evidence
from ..finding import Verdict
from ..hierarchy.predictor import Predictor
from ..hierarchy.variables import Variables
from ..words import counted, number
from . import examples
from .data import data_of, normal_outcome, whole
from .rule import Fault, rule
from .spreads import GroupEffect

_CONTINUOUS = ("Normal", "StudentT")
_COUNTS = examples.DATA["counts"]


@rule("SPC502", Verdict.WARN)
def normal_on_counts(
    variables: Variables, *, rows: int = 10, mean: float = 30.0, share: float = 0.05
) -> Iterator[Fault]:
    """Counts have a normal likelihood.

    **Asks**: are all of at least ``rows`` values of a normal outcome non-negative whole numbers
    with a mean below ``mean``, and would a normal with their mean and sd put more than ``share`` of
    its mass below zero?
    **Why it matters**: the model predicts negative and broken counts, and takes the noise to be
    the same for small and large means; intervals are wrong at both ends.
    **What to do**: ``pm.NegativeBinomial("y", mu=pm.math.exp(eta), alpha=alpha, observed=y)``, or
    ``pm.Binomial`` where there is a largest possible count.
    **Thresholds**: ``rows`` 10, ``mean`` 30 and ``share`` 5% are conventions of poolwise: above,
    a normal is a good approximation.
    **Source**: Gelman and Hill (2007), Data Analysis Using Regression and
    Multilevel/Hierarchical Models, chapter 6.
    """
    from scipy.special import ndtr

    for outcome in variables.observed:
        y = data_of(outcome)
        if outcome.family not in _CONTINUOUS or y.size < rows or not np.isfinite(y).all():
            continue
        centre, sd = float(y.mean()), float(y.std())
        if sd == 0 or y.min() < 0 or not whole(y) or np.unique(y).size <= 2 or centre >= mean:
            continue
        below = float(ndtr(-centre / sd))
        if below > share:
            yield Fault(
                outcome,
                f"{outcome.name} holds counts (mean {number(centre)}) and has a {outcome.family} "
                f"likelihood, which puts {below:.0%} of its mass below zero",
                "use pm.NegativeBinomial or pm.Poisson with a log link",
                value=below,
                threshold=share,
            )


normal_on_counts.passes(lambda: normal_outcome(examples.DATA["y"]))
normal_on_counts.fails(lambda: normal_outcome(_COUNTS.astype(float)), Verdict.WARN)
# Whole minutes, far from zero: rounded measurements are no counts.
normal_on_counts.false_alarm(lambda: normal_outcome(20.0 + _COUNTS))


@rule("SPC503", Verdict.NOTE)
def normal_on_bounded_data(
    variables: Variables, *, rows: int = 10, skewness: float = 2.0, ratio: float = 20.0
) -> Iterator[Fault]:
    """Bounded data have a normal likelihood.

    **Asks**: do at least ``rows`` values of a normal outcome all lie between 0 and 1 and come
    within 0.05 of an end, or are they all positive with a skewness above ``skewness`` and a range
    of more than a factor ``ratio``?
    **Why it matters**: the model predicts impossible values, and large values pull the mean.
    **What to do**: ``pm.Beta`` for shares; ``pm.LogNormal`` or ``pm.Gamma`` with a log link for
    positive values, or model ``np.log(y)``.
    **Thresholds**: ``rows`` 10, ``skewness`` 2 (that of an exponential) and ``ratio`` 20 are
    conventions of poolwise.
    **Source**: Gelman and Hill (2007), Data Analysis Using Regression and
    Multilevel/Hierarchical Models, chapters 4 and 6.
    """
    for outcome in variables.observed:
        y = data_of(outcome)
        if outcome.family not in _CONTINUOUS or y.size < rows or not np.isfinite(y).all():
            continue
        if whole(y) or y.std() == 0:
            continue
        if y.min() >= 0 and y.max() <= 1 and min(y.min(), 1 - y.max()) < 0.05:
            yield Fault(outcome, f"All values of {outcome.name} lie between 0 and 1", "try pm.Beta")
        elif y.min() > 0 and y.max() > ratio * y.min():
            skew = float(np.mean(((y - y.mean()) / y.std()) ** 3))
            if skew > skewness:
                yield Fault(
                    outcome,
                    f"{outcome.name} is positive and skewed ({number(skew)})",
                    "try pm.LogNormal or pm.Gamma",
                    value=skew,
                    threshold=skewness,
                )


normal_on_bounded_data.passes(lambda: normal_outcome(examples.DATA["y"]))
normal_on_bounded_data.fails(
    lambda: normal_outcome(np.random.default_rng(1).beta(2, 2, 50)), Verdict.NOTE
)
normal_on_bounded_data.false_alarm(lambda: normal_outcome(0.5 + 0.01 * examples.DATA["x"]))


@rule("SPC506", Verdict.NOTE)
def counts_overdispersed(
    variables: Variables,
    group_effects: Sequence[GroupEffect],
    *,
    ratio: float = 3.0,
    rows: int = 20,
) -> Iterator[Fault]:
    """Counts vary more than a Poisson distribution allows.

    **Asks**: is the variance of at least ``rows`` counts, within the groups of the model, more
    than ``ratio`` times their mean?
    **Why it matters**: a Poisson likelihood cannot widen: its intervals are too narrow and groups
    are pooled too little. Covariates may explain the excess, so this is a note.
    **What to do**: ``pm.NegativeBinomial("y", mu=mu, alpha=pm.Exponential("alpha", 1))``.
    **Thresholds**: ``ratio`` 3 and ``rows`` 20 are conventions of poolwise.
    **Source**: Gelman and Hill (2007), Data Analysis Using Regression and
    Multilevel/Hierarchical Models, chapter 6.
    """
    for outcome in variables.observed:
        y = data_of(outcome)
        if outcome.family != "Poisson" or y.size < rows:
            continue
        groups = [
            e.grouped
            for e in group_effects
            if e.predictor.outcome is outcome and e.grouped.group.size == y.size
        ]
        if any(g.rows.max() <= 1 for g in groups):
            continue  # an effect per row takes up the excess
        found = _dispersion(y, groups[0].group if groups else np.zeros(y.size, dtype=int))
        if found is not None and found > ratio:
            yield Fault(
                outcome,
                f"The variance of {outcome.name} is {number(found)} times its mean"
                + (" within groups" if groups else ""),
                "consider pm.NegativeBinomial",
                value=found,
                threshold=ratio,
            )


def _dispersion(y: Array, group: np.ndarray) -> float | None:
    """Return the ratio of variance and mean, averaged over groups of three rows or more."""
    used = group >= 0
    rows = np.bincount(group[used])
    total = np.bincount(group[used], y[used])
    squares = np.bincount(group[used], y[used] ** 2)
    kept = rows > 2
    if not kept.any() or total[kept].sum() == 0:
        return None
    variance = (squares[kept] - total[kept] ** 2 / rows[kept]) / (rows[kept] - 1)
    return float(variance.mean() / (total[kept] / rows[kept]).mean())


def _poisson(y: np.ndarray) -> Evidence:
    return examples.outcome(lambda pm, a, s: pm.Poisson("y", pm.math.exp(a), observed=y))


_RNG = np.random.default_rng(3)
_SPREAD_OUT = _RNG.negative_binomial(0.5, 0.1, 200)

counts_overdispersed.passes(lambda: _poisson(_COUNTS))
counts_overdispersed.fails(lambda: _poisson(_SPREAD_OUT), Verdict.NOTE)
counts_overdispersed.false_alarm(
    lambda: examples.outcome(
        lambda pm, a, s: pm.NegativeBinomial("y", mu=pm.math.exp(a), alpha=s, observed=_SPREAD_OUT)
    )
)


@rule("SPC511", Verdict.WARN)
def too_few_events(
    predictors: Sequence[Predictor], *, rows: int = 10, share: float = 0.95
) -> Iterator[Fault]:
    """Almost all binary outcomes are the same.

    **Asks**: are more than ``share`` of at least ``rows`` binary values equal, in a model with
    more elements in its group effects than there are values of the rarer kind?
    **Why it matters**: a group without an event says only that its probability is small; the
    effects of such groups are the prior's. Intervals on the logit scale are then as wide as the
    prior.
    **What to do**: pool strongly, ``pm.HalfNormal("tau", 0.5)``, and report probabilities instead
    of logits.
    **Thresholds**: ``rows`` 10 and ``share`` 95% are conventions of poolwise.
    **Source**: King and Zeng (2001), doi:10.1093/oxfordjournals.pan.a004868.
    """
    for predictor in predictors:
        y = predictor.values
        if predictor.outcome.family != "Bernoulli" or y.size < rows:
            continue
        rare = int(min(y.sum(), y.size - y.sum()))
        groups = max((g.groups for g in predictor.grouped), default=0)
        if 0 < rare < (1 - share) * y.size and groups > rare:
            yield Fault(
                predictor.outcome,
                f"{predictor.outcome.name} holds {counted(rare, 'value')} of the rarer kind for "
                f"{groups} groups",
                "pool strongly: most group effects are the prior's",
                value=rare,
                threshold=groups,
            )


def _rare(events: int) -> Evidence:
    y = np.zeros(examples.ROWS, dtype=int)
    y[:: examples.ROWS // events] = 1

    def body(pm: Any) -> None:
        offset, tau = pm.Normal("z", 0, 1, dims="group"), pm.HalfNormal("tau", 1)
        predictor = pm.Normal("a", 0, 1.5) + tau * offset[examples.DATA["group"]]
        pm.Bernoulli("y", logit_p=predictor, observed=y)

    return examples.model(body)


too_few_events.passes(lambda: _rare(80))
too_few_events.fails(lambda: _rare(4), Verdict.WARN)
too_few_events.false_alarm(lambda: _rare(20))
