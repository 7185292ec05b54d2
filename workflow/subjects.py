"""Which priors a sweep replaces, and what each of them says in the unit of a spread."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks.hierarchy import Hierarchy, Role, Roles, value_of
from ..checks.hierarchy.cheap import shape_of
from ..checks.hierarchy.variables import is_labelled

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
    """

    name: str
    kind: str
    power: float = 1.0

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
        power = 1.0
        if kind == SCALE and role is Role.SCALE:
            power = _power(model, hierarchy, name)
        found.append(Subject(name, kind, power))
    order = (SCALE, LOCATION, COEFFICIENT, COVARIANCE, NOISE, OTHER)
    return sorted(found, key=lambda s: order.index(s.kind))


def _power(model: pm.Model, hierarchy: Hierarchy, name: str) -> float:
    """Return how the standard deviation of a level follows one variable."""
    from pytensor.graph.traversal import ancestors

    variable = model[name]
    for level in hierarchy.levels.values():
        if level.scale is variable:
            return 1.0
        if variable in set(ancestors([level.scale])):
            values = [_scale_at(model, level.scale, name, v) for v in (0.7, 1.4, 2.8)]
            return _power_of(values)
    return 1.0


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
