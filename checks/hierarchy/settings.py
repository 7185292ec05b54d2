"""Which variable sets how wide another is, and as what: sd, variance, precision or log sd."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .discovery import free_names
from .gates import LAWFUL, Gate, compare, gates_of
from .hierarchy import GroupLevel, Hierarchy, Role
from .predictor import Predictor
from .response import Response
from .spread import LOCATION_SCALE
from .variables import Support, Variable, Variables

#: Outcomes whose scale is their spread around a location.
_OUTCOMES = ("Laplace", "Logistic", "Normal", "StudentT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A variable that sets the spread of another one.

    Attributes
    ----------
    variable : Variable
    of : Variable
        Effects, offsets or coefficients; or an outcome.
    kind : Gate
    level : GroupLevel or None
        The level whose spread it is.
    noise : bool
        Whether ``of`` is an outcome.
    """

    variable: Variable
    of: Variable
    kind: Gate
    level: GroupLevel | None = None
    noise: bool = False


def settings_of(
    variables: Variables,
    hierarchy: Hierarchy,
    response: Response,
    predictors: Sequence[Predictor],
) -> list[Setting]:
    """Return every setting of a spread: of levels, of other coefficients, of noise."""
    found = [
        *_of_levels(variables, hierarchy, response),
        *_of_vectors(variables, hierarchy, response),
        *_of_noise(variables, hierarchy, response),
    ]
    for predictor in predictors:
        found.extend(_of_shrunken(variables, hierarchy, predictor))
    return list({(s.variable.name, s.of.name): s for s in reversed(found)}.values())[::-1]


def vectors_of_levels(hierarchy: Hierarchy) -> dict[str, GroupLevel]:
    """Return the first level that each variable holds effects or offsets of."""
    found: dict[str, GroupLevel] = {}
    for level in hierarchy.levels.values():
        for name in level.variables:
            found.setdefault(name, level)
    return found


def kind_in(response: Response, expression: Any, variable: Variable) -> Gate | None:
    """Return what a variable is to a standard deviation, from what doubling it does."""
    base = np.asarray(response.base[variable.name], dtype=float)
    real = variable.support is Support.REAL
    grown = base + np.log(2) if real else 2 * base
    before = response.evaluate(expression)
    kind = compare(before, response.evaluate(expression, {variable.name: grown}), logarithmic=real)
    return kind if kind in LAWFUL else None


def _of_levels(variables: Variables, hierarchy: Hierarchy, response: Response) -> Iterator[Setting]:
    for level in hierarchy.levels.values():
        if level.family not in LOCATION_SCALE:
            continue
        for name in sorted(free_names([level.scale], variables.model)):
            parent = variables[name]
            if parent.support is Support.COVARIANCE:
                continue
            kind = kind_in(response, level.scale, parent)
            if kind is None:
                continue
            for held in level.variables:
                yield Setting(variable=parent, of=variables[held], kind=kind, level=level)


def _of_vectors(
    variables: Variables, hierarchy: Hierarchy, response: Response
) -> Iterator[Setting]:
    """Yield the random scales of vectors that are no levels: coefficients that shrink."""
    held = vectors_of_levels(hierarchy)
    for effect in variables.free:
        scale = effect.parameters.get("scale")
        if scale is None or effect.size < 2 or effect.name in held:
            continue
        if effect.family not in LOCATION_SCALE or hierarchy.roles[effect.name] is Role.IMPUTED:
            continue
        for name in scale.parents:
            kind = kind_in(response, scale.expression, variables[name])
            if kind is not None:
                yield Setting(variable=variables[name], of=effect, kind=kind)


def _of_noise(variables: Variables, hierarchy: Hierarchy, response: Response) -> Iterator[Setting]:
    for outcome in hierarchy.outcomes:
        variable = variables.get(outcome.name)
        scale = None if variable is None else variable.parameters.get("scale")
        if variable is None or scale is None or variable.family not in _OUTCOMES:
            continue
        for name in scale.parents:
            parent = variables[name]
            if name not in outcome.noise or parent.parents:
                continue
            kind = kind_in(response, scale.expression, parent)
            if kind is not None:
                yield Setting(variable=parent, of=variable, kind=kind, noise=True)


def _of_shrunken(
    variables: Variables, hierarchy: Hierarchy, predictor: Predictor
) -> Iterator[Setting]:
    """Yield what multiplies standard vectors that are no levels."""
    held = vectors_of_levels(hierarchy)
    for name in dict.fromkeys([*predictor.others, *(g.variable for g in predictor.grouped)]):
        vector = variables[name]
        if name in held or not vector.is_standardised or vector.size < 2 or vector.parents:
            continue
        if hierarchy.roles[name] is not Role.SHRUNKEN:
            continue
        for scale, kind in gates_of(predictor, vector).by.items():
            if kind in LAWFUL:
                yield Setting(variable=variables[scale], of=vector, kind=kind)
