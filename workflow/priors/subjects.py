"""Which priors a sweep replaces, and what each of them says in the unit of a spread."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...checks.hierarchy import GroupLevel, Hierarchy, Role, Roles, value_of
from ...checks.hierarchy.cheap import shape_of
from ...checks.hierarchy.variables import is_labelled

if TYPE_CHECKING:
    import pymc as pm

#: What a variable is for a sweep.
SCALE, NOISE, LOCATION, COEFFICIENT, COVARIANCE, OTHER = (
    "spread",
    "noise",
    "location",
    "coefficient",
    "covariance",
    "other",
)

_KINDS = {
    Role.SCALE: SCALE,
    Role.GLOBAL_SCALE: SCALE,
    Role.NOISE: NOISE,
    Role.LOCATION: LOCATION,
    Role.INTERCEPT: LOCATION,
    Role.COEFFICIENT: COEFFICIENT,
    Role.COMPONENT: LOCATION,
    Role.COVARIANCE: COVARIANCE,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A variable whose prior a sweep replaces.

    Attributes
    ----------
    name, kind : str
    power : float
        The standard deviation that it sets is proportional to this power of it: 1, 1/2 for a
        variance, -1/2 for a precision; 0 where the variable is the log of that standard deviation.
    level : str
        Level whose spread it sets; empty where there is none.
    groups : int
        Of that level.
    """

    name: str
    kind: str
    power: float = 1.0
    level: str = ""
    groups: int = 0

    @property
    def is_log(self) -> bool:
        """Whether it is the log of a standard deviation."""
        return self.power == 0

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Return the standard deviation, but for a constant factor, at values of the variable."""
        with np.errstate(all="ignore"):
            return np.exp(values) if self.is_log else np.asarray(values**self.power)


def subjects(model: pm.Model, hierarchy: Hierarchy, roles: Roles) -> list[Subject]:
    """Return every variable whose prior a sweep replaces, scales between groups first.

    Parameters
    ----------
    model : pymc.Model
    hierarchy : Hierarchy
    roles : Roles
    """
    found = []
    for name in roles.top_level:
        if is_labelled(model[name]):
            continue
        role = hierarchy.roles.get(name)
        kind = _KINDS.get(role, OTHER) if role else OTHER
        if kind == OTHER and name in roles.scales:
            kind = SCALE
        level = _level_of(model, hierarchy, name) if kind == SCALE else None
        if level is None:
            found.append(Subject(name, kind))
        else:
            power = _power(model, level.scale, name)
            found.append(Subject(name, kind, power, level.name, len(level.labels)))
    order = (SCALE, LOCATION, COEFFICIENT, COVARIANCE, NOISE, OTHER)
    return sorted(found, key=lambda s: order.index(s.kind))


def _level_of(model: pm.Model, hierarchy: Hierarchy, name: str) -> GroupLevel | None:
    """Return the level whose spread a variable sets; the first of several."""
    from pytensor.graph.traversal import ancestors

    levels = hierarchy.levels.values()
    return next((v for v in levels if model[name] in set(ancestors([v.scale]))), None)


def _power(model: pm.Model, scale: Any, name: str) -> float:
    """Return how the standard deviation of a level follows one variable."""
    if scale is model[name]:
        return 1.0
    return _power_of([_scale_at(model, scale, name, v) for v in (0.7, 1.4, 2.8)])


def _scale_at(model: pm.Model, scale: Any, name: str, value: float) -> float:
    """Evaluate a scale where one variable has a value and all others have another."""
    from pytensor.graph.replace import graph_replace
    from pytensor.graph.traversal import ancestors

    needed = set(ancestors([scale]))
    fixed: dict[Any, Any] = {
        rv: np.full(shape_of(model, rv), value if rv.name == name else 0.7, dtype=rv.dtype)
        for rv in model.free_RVs
        if rv in needed
    }
    replaced = graph_replace([scale], {rv: _constant(rv, v) for rv, v in fixed.items()})
    return float(np.ravel(value_of(replaced[0]))[0])


def _constant(rv: Any, value: np.ndarray) -> Any:
    import pytensor.tensor as pt

    return rv.type.filter_variable(pt.constant(value, dtype=rv.dtype))


def _power_of(values: list[float]) -> float:
    if not all(v > 0 and math.isfinite(v) for v in values):
        return 1.0
    logs = np.log(values)
    if np.allclose(np.diff(logs), (0.7, 1.4)):
        return 0.0
    first, second = np.diff(logs) / math.log(2)
    # Any other function of it is widened in its own terms.
    return float(round(first, 6)) if np.isclose(first, second) and abs(first) > 1e-6 else 1.0
