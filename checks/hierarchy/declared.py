"""Levels that a spec declares."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .distributions import family_of
from .hierarchy import GroupLevel
from .level import Level
from .names import dims_of, labels_along
from .rows import Reader
from .spread import is_standard

_SEEDS = (11, 12)


def declared_level(reader: Reader, name: str, level: Level) -> GroupLevel:
    """Return a level as declared, with the free variables that hold its effects."""
    import pytensor.tensor as pt

    model = reader.graph.model
    effect = model[level.effect]
    location = level.location
    size = reader.points.value(effect, reader.points.at(_SEEDS[0])).size
    dim = next(iter(dims_of(model, effect)), None)
    found = GroupLevel(
        name=name,
        labels=labels_along(model, dim, size),
        effect=effect,
        location=model[location] if isinstance(location, str) else pt.constant(float(location)),
        scale=model[level.scale],
        entry=_on_the_way(reader, effect),
        form="declared",
        declared=level,
    )
    held = tuple(sorted(str(rv.name) for rv in _holders(reader, found)))
    return replace(found, variables=held, family=_family(reader, found, held))


def _on_the_way(reader: Reader, effect: Any) -> Any:
    """Return the effects where the model uses them: a Deterministic may be a copy aside."""
    variable = effect
    while not reader.graph.ends_of(variable):
        if variable.owner is None or reader.graph.deterministic(variable.owner.inputs[0]) is None:
            return effect
        variable = variable.owner.inputs[0]
    return variable


def _holders(reader: Reader, level: GroupLevel) -> list[Any]:
    """Return the free variables whose elements are the effects, or their offsets.

    What the location and the scale depend on is none; nor is a coarser level, of which several
    groups share one element.
    """
    graph = reader.graph
    if level.effect in graph.free:
        return [level.effect]
    above = graph.parents(level.location, level.scale) | graph.free & {level.location, level.scale}
    return [rv for rv in graph.parents(level.effect) - above if not _is_shared(reader, level, rv)]


def _is_shared(reader: Reader, level: GroupLevel, rv: Any) -> bool:
    """Whether an element of a variable moves several groups, and each group only one element."""
    point = reader.points.at(_SEEDS[0])
    start = np.array(point[str(rv.name)], dtype=float)
    before = reader.points.value(level.effect, point)
    if start.size == 1:
        moved = reader.points.value(level.effect, point, {rv: start * 1.1 + 0.1})
        return bool(np.count_nonzero(moved != before) > 1)
    elements = np.arange(start.size)
    counts, touched = np.zeros(before.size, dtype=int), np.zeros(before.size, dtype=bool)
    for place in range((start.size - 1).bit_length()):
        digit = ((elements >> place) & 1).reshape(start.shape)
        one, zero = (
            (reader.points.value(level.effect, point, {rv: start + 0.1 * d}) != before).ravel()
            for d in (digit, 1 - digit)
        )
        if (one & zero).any():
            return False
        counts[one] += 1 << place
        touched |= one | zero
    return bool(np.unique(counts[touched]).size < touched.sum())


def _family(reader: Reader, level: GroupLevel, held: tuple[str, ...]) -> str:
    """Return the family of declared effects: that of what holds them, or a sum to zero."""
    deviations = [
        reader.points.value(level.effect, reader.points.at(seed))
        - reader.points.value(level.location, reader.points.at(seed))
        for seed in _SEEDS
    ]
    if all(abs(d.sum()) < 1e-9 * max(np.abs(d).sum(), 1e-300) for d in deviations):
        return "ZeroSumNormal"
    families = {family_of(reader.graph.model[name]) for name in held}
    return families.pop() if len(families) == 1 else "Normal"


def offsets_among(reader: Reader, names: tuple[str, ...]) -> set[str]:
    """Return those of some free variables that have a standard prior."""
    model = reader.graph.model
    return {name for name in names if is_standard(model[name])}
