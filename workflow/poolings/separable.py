"""Whether given everything else the groups of some levels do not depend on each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...checks.hierarchy import GroupLevel, Hierarchy
from ...checks.hierarchy.cheap import uncompiled

if TYPE_CHECKING:
    import pymc as pm


class NotSeparable(Exception):
    """The rows of one group do not depend on its own effects alone; the message says why."""


def groups_of_rows(hierarchy: Hierarchy, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the group of every row of every outcome that any of the levels enters."""
    found: dict[str, np.ndarray] = {}
    for name in names:
        if name in hierarchy.why_no_rows:
            raise NotSeparable(hierarchy.why_no_rows[name])
        for membership in [hierarchy.members[name], *hierarchy.also.get(name, ())]:
            if membership.enters in hierarchy.levels:
                raise NotSeparable(
                    f"{hierarchy.levels[name].effect_name} enters {membership.enters} (a level "
                    "below it), and through that the data"
                )
            known = found.setdefault(membership.enters, membership.group)
            if ((known >= 0) & (membership.group >= 0) & (known != membership.group)).any():
                raise NotSeparable(f"{' and '.join(names)} have other groups in the same rows")
            found[membership.enters] = np.where(known >= 0, known, membership.group)
    return found


def refuse_inseparable(model: pm.Model, level: GroupLevel, group: Mapping[str, np.ndarray]) -> None:
    from pytensor.graph.traversal import ancestors

    effect = level.effect_name
    if level.entry not in model.free_RVs:
        raise NotSeparable(
            f"no variable of the model holds one value of {effect} per group that could be moved"
        )
    if level.family == "ZeroSumNormal":
        raise NotSeparable(f"the effects {effect} sum to zero: moving one moves the others")
    for rv in model.free_RVs:
        if rv is not level.entry and level.entry in set(ancestors([rv])):
            raise NotSeparable(f"{effect} is also what {rv.name} is centred on or scaled by")
    for potential in model.potentials:
        if level.entry in set(ancestors([potential])):
            raise NotSeparable(f"{effect} also enters the potential {potential.name}")
    for rv in model.observed_RVs:
        if rv.name not in group and level.entry in set(ancestors([rv])):
            raise NotSeparable(f"which rows of {rv.name} belong to a group is not known")


def positions(level: GroupLevel, shape: tuple[int, ...]) -> np.ndarray:
    """Return the position of every group's element in the flattened entry."""
    whole = np.arange(int(np.prod(shape))).reshape(shape)
    picked = whole if level.where is None else whole[level.where]
    found = np.ravel(picked)
    if found.size != len(level.labels):
        raise NotSeparable(f"{level.effect_name} has other elements than groups")
    return found


def prior_of_groups(entry: Any, at: np.ndarray) -> tuple[Any, np.ndarray]:
    """Return the log prior of an entry, and which of its elements belong to each group."""
    import pymc as pm

    with uncompiled():
        density = pm.logp(entry, entry, warn_rvs=False)
    if density.ndim == entry.ndim:
        return density, at
    width = int(entry.type.shape[-1] or 0)
    if density.ndim != entry.ndim - 1 or not width:
        raise NotSeparable(f"the prior of {entry.name} is not one of independent groups")
    draw = at // width
    if (draw != draw[:, :1]).any() or len(np.unique(draw[:, 0])) < len(draw):
        raise NotSeparable(f"the groups of {entry.name} are correlated with each other")
    return density, draw[:, :1]
