"""What an effect is multiplied with: read off the linear predictor.

The linear predictor is the last expression on the way from the effects to the outcome that is
linear in them and has one value for every row. No link has to be known or undone for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..draws import Array
from .graph import Use
from .hierarchy import Membership
from .operations import is_single, scalar_of
from .points import Point

if TYPE_CHECKING:
    from .rows import Entrance


def with_design(entrance: Entrance, group: np.ndarray) -> Membership:
    """Return the membership with the design, or with the reason why there is none."""
    name, effect = entrance.name, entrance.level.effect_name
    predictors = _predictors(entrance)
    if len(predictors) > 1:
        return _without(entrance, group, None, f"{effect} enters {name} in several ways")
    for predictor in predictors:
        for candidate in _downwards(entrance, predictor):
            if _is_residual(entrance, candidate):
                continue
            designs = [_design_at(entrance, point, candidate, group) for point in entrance.points]
            one, other = designs
            if one is None or other is None:
                continue
            if np.allclose(one, other, rtol=1e-6, atol=1e-9):
                return Membership(enters=name, group=group, design=one, predictor=candidate)
            if not entrance.is_potential:
                said = f"what {effect} is multiplied with in {name} depends on other parameters"
                return _without(entrance, group, candidate, said)
    return _without(entrance, group, None, f"{name} is not linear in {effect}")


def _without(entrance: Entrance, group: np.ndarray, predictor: Any, why: str) -> Membership:
    unknown = np.where(group >= 0, np.nan, 0.0)
    return Membership(
        enters=entrance.name, group=group, design=unknown, predictor=predictor, why_no_design=why
    )


def _predictors(entrance: Entrance) -> list[Any]:
    """Return what is linear in the effects, moves with them and sets the outcome."""
    if entrance.is_level:
        return [entrance.end]
    graph = entrance.reader.graph
    uses = (_without_probit(use) for use in graph.uses(entrance.level.entry))
    found = []
    for variable in dict.fromkeys(uses):
        if entrance.end is variable or entrance.end in graph.ends_of(variable):
            point = entrance.points[0]
            before, after = (
                entrance.reader.points.value(variable, point, moved)
                for moved in (None, entrance.moved(point, entrance.unequal))
            )
            if not np.array_equal(before, after):
                found.append(variable)
    return found


def _without_probit(use: Use) -> Any:
    """Undo the change of units inside the error function, which is no part of the predictor."""
    variable = use.variable
    if use.node is None or scalar_of(use.node) not in ("Erf", "Erfc", "Erfcx"):
        return variable
    while variable.owner is not None and scalar_of(variable.owner) in ("Mul", "Neg", "TrueDiv"):
        first, *others = variable.owner.inputs
        if not all(is_single(v) for v in others):
            break
        variable = first
    return variable


def _downwards(entrance: Entrance, variable: Any) -> Iterator[Any]:
    """Yield an expression and what it is made of, while one part alone holds the effects."""
    reached = entrance.reader.graph.depending_on(entrance.level.entry)
    while True:
        yield variable
        if variable is entrance.level.entry or variable.owner is None:
            return
        parts = [v for v in dict.fromkeys(variable.owner.inputs) if v in reached]
        if len(parts) != 1:
            return
        variable = parts[0]


def _is_residual(entrance: Entrance, variable: Any) -> bool:
    """Whether an expression is data less a predictor, as densities contain it."""
    if not entrance.is_potential or variable.owner is None:
        return False
    reached = entrance.reader.graph.depending_on(entrance.level.entry)
    first = variable.owner.inputs[0] if scalar_of(variable.owner) == "Sub" else None
    return first is not None and first not in reached


def _design_at(entrance: Entrance, point: Point, predictor: Any, group: np.ndarray) -> Array | None:
    """Return the change of every row per unit of its effect; None if rows do not follow groups."""

    def change(steps: Array) -> Array | None:
        before, after = (
            entrance.reader.points.value(predictor, point, moved)
            for moved in (None, entrance.moved(point, steps))
        )
        if before.ndim > len(entrance.shape):
            return None
        try:
            return np.broadcast_to((after - before) / entrance.step, entrance.shape).ravel()
        except ValueError:
            return None

    by_one, by_chance = change(np.ones(entrance.groups)), change(entrance.unequal)
    if by_one is None or by_chance is None:
        return None
    inside = group >= 0
    expected = np.where(inside, by_one * entrance.unequal[group], 0.0)
    reach = max(float(np.abs(by_one).max(initial=0)), 1e-300)
    if not np.allclose(by_chance, expected, rtol=1e-6, atol=1e-8 * reach):
        return None
    unit = np.ones(())
    if entrance.level.unit is not None:
        unit = entrance.reader.points.value(entrance.level.unit, point)
    per_group = np.broadcast_to(unit, (entrance.groups,))
    return np.where(inside, by_one / per_group[group], 0.0)
