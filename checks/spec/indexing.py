"""SPC60x: group indices that point at the wrong group, or at none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..finding import Verdict
from ..hierarchy.cheap import uncompiled, value_of
from ..hierarchy.distributions import is_random
from ..hierarchy.response import Response
from ..hierarchy.variables import Variable, Variables
from ..words import counted
from . import examples
from .rule import Fault, rule
from .spreads import GroupEffect

#: Fewer singletons than this share of the groups are ordinary.
_ORDINARY = 0.3


@dataclass(frozen=True, slots=True)
class Lookup:
    """An array of indices into an axis of something random."""

    variable: Variable
    index: np.ndarray
    length: int


def lookups(variables: Variables) -> Iterator[Lookup]:
    """Find where the model picks elements of random variables by an array of indices."""
    from pytensor.graph.traversal import ancestors

    model = variables.model
    named = set(model.basic_RVs)
    ends = [p.expression for v in variables.values() for p in v.parameters.values() if p.parents]
    graph = ancestors([*ends, *model.potentials, *model.deterministics])
    response = Response(variables)
    for node in {v.owner for v in graph if v.owner is not None}:
        if type(node.op).__name__ not in ("AdvancedSubtensor", "AdvancedSubtensor1"):
            continue
        looked_up, *given = node.inputs
        above = variables.parents_of(looked_up)
        if not above:
            continue
        for axis, position in enumerate(getattr(node.op, "idx_list", (0,))):
            if not isinstance(position, int) or position >= len(given):
                continue
            index = _whole_numbers(given[position], named)
            if index is not None:
                length = response.evaluate(looked_up).shape[axis]
                vector = next((n for n in above if length in variables[n].shape), above[0])
                yield Lookup(variables[vector], index, int(length))


def _whole_numbers(index: Any, named: set[Any]) -> np.ndarray | None:
    """Return the values of an index that depends on constants and data only."""
    from pytensor.graph.traversal import ancestors

    if np.dtype(index.dtype).kind not in "iu":
        return None
    if any(v in named or is_random(v) for v in ancestors([index])):
        return None
    with uncompiled():
        return np.asarray(value_of(index))


@rule("SPC604", Verdict.FAIL)
def index_outside_groups(variables: Variables) -> Iterator[Fault]:
    """A group index points outside the groups.

    **Asks**: is every index into a random vector between 0 and its length minus one?
    **Why it matters**: one that is too large is noticed only when sampling starts; a negative one
    is never noticed: it counts from the end, and those rows join the wrong group.
    **What to do**: make codes and groups together:
    ``index, groups = pandas.factorize(column)`` and ``coords={"group": groups}``.
    **Thresholds**: none.
    **Source**: the documentation of NumPy on indexing.
    """
    seen = set()
    for lookup in lookups(variables):
        index, name = lookup.index, lookup.variable.name
        if index.size == 0 or name in seen:
            continue
        low, high = int(index.min()), int(index.max())
        if high >= lookup.length:
            seen.add(name)
            one_based = " (does it count from 1?)" if low == 1 and high == lookup.length else ""
            yield Fault(
                lookup.variable,
                f"An index into {name} reaches {high}, but its {lookup.length} values are 0 to "
                f"{lookup.length - 1}{one_based}",
                "make the codes with pandas.factorize",
                value=high,
                threshold=lookup.length - 1,
            )
        elif low < 0:
            seen.add(name)
            yield Fault(
                lookup.variable,
                f"An index into {name} is negative in {counted(int((index < 0).sum()), 'row')}: "
                "these rows silently use the last groups",
                "make the codes with pandas.factorize and drop rows without a group",
                value=low,
                threshold=0,
            )


_GROUP = examples.DATA["group"]

index_outside_groups.passes(examples.grouped)
index_outside_groups.fails(
    lambda: examples.grouped(group=np.where(_GROUP == 7, -1, _GROUP), y=examples.DATA["y"])
)
index_outside_groups.fails(lambda: examples.grouped(group=_GROUP + 1, y=examples.DATA["y"]))
index_outside_groups.false_alarm(lambda: examples.grouped(group=_GROUP[::-1]))


@rule("SPC603", Verdict.NOTE)
def groups_without_rows(group_effects: Sequence[GroupEffect]) -> Iterator[Fault]:
    """A group has no rows.

    **Asks**: does every element of a group effect appear in some row? Group 0 alone missing is a
    warning, and so are missing groups without pooling.
    **Why it matters**: the posterior of such a group is its prior. Where only the first one is
    missing, codes that count from 1 usually stand behind it, and all labels are shifted by one.
    **What to do**: ``index, groups = pandas.factorize(column)``; keep empty groups only to predict
    them.
    **Thresholds**: none.
    **Source**: a convention of poolwise.
    """
    for effect in _once(group_effects):
        rows = effect.grouped.rows
        empty = np.flatnonzero(rows == 0)
        if empty.size == 0:
            continue
        shifted = empty.tolist() == [0] and rows.size > 2
        shown = ", ".join(str(k) for k in empty[:5]) + (", ..." if empty.size > 5 else "")
        yield Fault(
            effect.variable,
            f"{counted(empty.size, 'group')} of {effect.variable.name} have no rows ({shown})"
            + (": does the index count from 1?" if shifted else ""),
            "make the codes with pandas.factorize",
            value=empty.size,
            threshold=0,
            verdict=Verdict.WARN if shifted or not effect.pooled else Verdict.NOTE,
        )


def _once(effects: Sequence[GroupEffect]) -> list[GroupEffect]:
    """Return each variable once per outcome it is alone in."""
    return list({e.variable.name: e for e in reversed(effects)}.values())


groups_without_rows.passes(examples.grouped)
groups_without_rows.fails(
    lambda: examples.grouped(group=np.where(_GROUP == 0, 1, _GROUP)), Verdict.WARN
)
groups_without_rows.fails(
    lambda: examples.grouped(group=np.where(_GROUP == 3, 4, _GROUP)), Verdict.NOTE
)
groups_without_rows.false_alarm(lambda: examples.grouped(group=_GROUP[:-19]))


@rule("SPC601", Verdict.WARN)
def too_few_groups(group_effects: Sequence[GroupEffect], *, least: int = 3) -> Iterator[Fault]:
    """There are too few groups to learn how much groups differ.

    **Asks**: is a scale between groups estimated from fewer than ``least`` groups?
    **Why it matters**: two effects hold one difference: their spread is what its prior says, and
    so is the strength of pooling.
    **What to do**: use fixed effects, ``pm.Normal("group", 0, plausible_sd, dims="group")``, or
    choose the prior of the scale as carefully as a result.
    **Thresholds**: ``least`` 3: with one or two groups even a flat prior on the scale gives no
    proper posterior.
    **Source**: Gelman (2006), doi:10.1214/06-BA117A.
    """
    for effect in _once(group_effects):
        if effect.pooled and effect.grouped.groups < least:
            scales = ", ".join(s.variable.name for s in effect.spreads)
            yield Fault(
                effect.variable,
                f"{counted(effect.grouped.groups, 'group')} cannot say how much groups differ: "
                f"{scales} is what its prior says",
                "use fixed effects, or defend that prior",
                value=effect.grouped.groups,
                threshold=least,
            )


too_few_groups.passes(examples.grouped)
too_few_groups.fails(lambda: examples.grouped(group=_GROUP % 2, groups=2), Verdict.WARN)
too_few_groups.false_alarm(lambda: examples.grouped(group=_GROUP % 3, groups=3))


@rule("SPC602", Verdict.NOTE)
def groups_with_one_row(
    group_effects: Sequence[GroupEffect], *, share: float = _ORDINARY
) -> Iterator[Fault]:
    """Many groups have a single row.

    **Asks**: do more than ``share`` of the groups have one row, while others have more?
    **Why it matters**: a single row cannot tell the group from the noise: what is said about
    these groups comes from the others.
    **What to do**: nothing, if that is understood; else join small groups or report them apart.
    ``pandas.value_counts(column)`` shows them.
    **Thresholds**: ``share`` 30%, a convention of poolwise.
    **Source**: Gelman and Hill (2007), Data Analysis Using Regression and
    Multilevel/Hierarchical Models, chapter 12.
    """
    for effect in _once(group_effects):
        rows = effect.grouped.rows
        single = float(np.mean(rows == 1))
        if effect.pooled and rows.max() > 1 and single > share:
            yield Fault(
                effect.variable,
                f"{int((rows == 1).sum())} of {rows.size} groups of {effect.variable.name} have "
                "one row",
                "what is said about them comes from the other groups",
                value=single,
                threshold=share,
            )


_LONELY = np.r_[np.repeat([0, 1, 2], 40), np.arange(3, 8)]

groups_with_one_row.passes(examples.grouped)
groups_with_one_row.fails(lambda: examples.grouped(group=_LONELY), Verdict.NOTE)
groups_with_one_row.false_alarm(lambda: examples.grouped(group=np.r_[_LONELY, np.arange(3, 8)]))
