"""Where declared effects are drawn: the variables that discovery finds behind them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from .discovery import discover
from .hierarchy import GroupLevel, Hierarchy

if TYPE_CHECKING:
    import pymc as pm


def with_entries(model: pm.Model, hierarchy: Hierarchy) -> Hierarchy:
    """Return a hierarchy whose declared levels are cut where a free variable holds the effects.

    A declaration names effect, location and scale. What may be moved to move one effect, and no
    more, is the offset of a non-centred level; that is read off the model, and used where it is
    of the same effect, location and scale.

    Parameters
    ----------
    model : pymc.Model
        Of plain tensors.
    hierarchy : Hierarchy
        Of that model.
    """
    hidden = {n for n, level in hierarchy.levels.items() if level.entry not in model.free_RVs}
    if not hidden:
        return hierarchy
    known = discover(model, None).levels.values()
    levels = {
        name: _cut(level, known) if name in hidden else level
        for name, level in hierarchy.levels.items()
    }
    return replace(hierarchy, levels=levels)


def _cut(level: GroupLevel, known: Iterable[GroupLevel]) -> GroupLevel:
    for other in known:
        if _is_same(level, other):
            return replace(level, entry=other.entry, where=other.where, unit=other.unit)
    return level


def _is_same(one: GroupLevel, other: GroupLevel) -> bool:
    parts = ("effect", "location", "scale")
    return one.labels == other.labels and all(getattr(one, p) is getattr(other, p) for p in parts)
