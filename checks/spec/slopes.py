"""SPC407, SPC408: group effects, and the common terms they vary around."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..draws import Array
from ..evidence import Evidence
from ..finding import Verdict
from ..hierarchy.predictor import Predictor, is_constant
from ..hierarchy.variables import Variables
from ..words import number
from . import examples
from .identification import intercepts_of
from .rule import Fault, rule
from .spreads import GroupEffect

_X, _GROUP = examples.DATA["x"], examples.DATA["group"]


@rule("SPC407", Verdict.FAIL)
def slope_constant_within_groups(group_effects: Sequence[GroupEffect]) -> Iterator[Fault]:
    """A slope varies by group over a predictor that does not vary within groups.

    **Asks**: is the predictor of slopes by group constant within every group that also has its own
    intercept?
    **Why it matters**: within a group there is one number: intercept and slope cannot be told
    apart.
    **What to do**: use the predictor with one common coefficient, at the level of the group:
    ``mu_group = a + b * x_group``.
    **Thresholds**: none.
    **Source**: Gelman and Hill (2007), Data Analysis Using Regression and
    Multilevel/Hierarchical Models, chapter 13.
    """
    for slope in group_effects:
        if not slope.pooled or is_constant(slope.grouped.design):
            continue
        group, design = slope.grouped.group, slope.grouped.design
        if not _constant_within(design, group, slope.grouped.groups):
            continue
        for other in intercepts_of(group_effects, slope.predictor):
            if other.variable is slope.variable and other.style == "non-centred":
                continue
            if other.pooled and np.array_equal(other.grouped.group, group):
                yield Fault(
                    slope.variable,
                    f"The predictor of the slopes {slope.variable.name} never varies within a "
                    f"group: they cannot be told from the intercepts {other.variable.name}",
                    "use one coefficient at the level of the group",
                )
                break


def _constant_within(design: Array, group: np.ndarray, groups: int) -> bool:
    used = group >= 0
    if np.bincount(group[used]).max(initial=0) < 2:
        return False
    low, high = np.full(groups, np.inf), np.full(groups, -np.inf)
    np.minimum.at(low, group[used], design[used])
    np.maximum.at(high, group[used], design[used])
    seen = np.isfinite(low)
    return bool((high[seen] - low[seen]).max() <= 1e-6 * np.abs(design).max())


def _slopes(x: Array, *, common: bool = True) -> Evidence:
    def body(pm: Any) -> None:
        a, b = pm.Normal("a", 0, 5), pm.Normal("b", 0, 1) if common else 0.0
        za, zb = (pm.Normal(n, 0, 1, dims="group") for n in ("za", "zb"))
        ta, tb = pm.HalfNormal("ta", 2), pm.HalfNormal("tb", 2)
        mean = a + ta * za[_GROUP] + (b + tb * zb[_GROUP]) * x
        pm.Normal("y", mean, pm.HalfNormal("sigma", 2), observed=examples.DATA["y"])

    return examples.model(body)


slope_constant_within_groups.passes(lambda: _slopes(_X))
slope_constant_within_groups.fails(lambda: _slopes(examples.DATA["effect"][_GROUP]))
slope_constant_within_groups.false_alarm(
    lambda: examples.grouped(more=lambda pm: pm.Normal("b", 0, 1) * examples.DATA["effect"][_GROUP])
)


@rule("SPC408", Verdict.WARN)
def effects_without_common_term(
    variables: Variables,
    predictors: Sequence[Predictor],
    group_effects: Sequence[GroupEffect],
    *,
    units: float = 1.0,
) -> Iterator[Fault]:
    """Group effects are centred at zero and nothing says where the data are.

    **Asks**: is there neither an intercept nor a random mean of the groups, while the data lie
    more than ``units`` ordinary sizes from zero? Slopes by group without a common slope are a note.
    **Why it matters**: the scale has to be large enough to reach from zero to the data: it no
    longer measures how much groups differ, and groups are pooled towards zero.
    **What to do**: add the common term: ``a = pm.Normal("a", 0, 5)``, or
    ``pm.Normal("u", mu, tau, dims="group")``.
    **Thresholds**: ``units`` 1, a convention of poolwise.
    **Source**: Gelman and Hill (2007), Data Analysis Using Regression and
    Multilevel/Hierarchical Models, chapter 12.
    """
    for predictor in predictors:
        known = {s.variable.name for e in group_effects for s in e.spreads}
        known |= {e.variable.name for e in group_effects}
        if set(predictor.others) - known:
            continue  # something else may hold the common term
        effects = [e for e in group_effects if e.predictor is predictor and e.pooled]
        zero = [e for e in effects if _centred_at_zero(e)]
        noted: set[str] = set()
        centre = predictor.centre_of_data()
        if any(not e.pooled for e in group_effects if e.predictor is predictor):
            continue
        covered = len(zero) < len(effects) or _spans(predictor, np.ones(predictor.values.size))
        for effect in zero:
            design = effect.grouped.design
            if effect.grouped.is_intercept:
                if covered or centre is None or abs(centre) <= units * predictor.unit:
                    continue
                yield Fault(
                    effect.variable,
                    f"The effects {effect.variable.name} are centred at zero, the data at "
                    f"{number(centre)}, and there is no intercept",
                    "add one",
                    value=abs(centre) / predictor.unit,
                    threshold=units,
                )
            elif effect.variable.name not in noted and not _spans(predictor, design):
                noted.add(effect.variable.name)
                yield Fault(
                    effect.variable,
                    f"The slopes {effect.variable.name} are centred at zero without a common slope",
                    "add one, unless zero is meant",
                    verdict=Verdict.NOTE,
                )


def _centred_at_zero(effect: GroupEffect) -> bool:
    if effect.style == "non-centred" or effect.variable.family == "ZeroSumNormal":
        return True
    return effect.variable.number("loc") == 0


def _spans(predictor: Predictor, wanted: Array) -> bool:
    """Whether the fixed columns can add up to what is wanted in every row."""
    if not predictor.columns:
        return False
    design = np.concatenate([c.design for c in predictor.columns], axis=1)
    solution, *_ = np.linalg.lstsq(design, wanted, rcond=None)
    left = wanted - design @ solution
    return bool(np.abs(left).max() < 1e-6 * max(np.abs(wanted).max(), 1e-300))


effects_without_common_term.passes(lambda: _slopes(_X))
effects_without_common_term.fails(
    lambda: examples.grouped(mu=lambda pm: 0.0, y=20 + examples.DATA["y"]), Verdict.WARN
)
effects_without_common_term.fails(lambda: _slopes(_X, common=False), Verdict.NOTE)
effects_without_common_term.false_alarm(
    lambda: examples.grouped(mu=lambda pm: 0.0, y=examples.DATA["y"] - examples.DATA["y"].mean())
)
