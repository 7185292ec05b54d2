"""Which priors a sweep replaces, and what spread each of these variables sets."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...checks.hierarchy import GroupLevel, Hierarchy, Role, Roles, value_of
from ...checks.hierarchy.cheap import shape_of
from ...checks.hierarchy.distributions import family_of, is_labelled
from ...checks.hierarchy.spread import LOCATION_SCALE, spread_of
from ...checks.hierarchy.support import is_positive
from .families import parameters_of

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

#: What is evaluated to see how a spread follows a variable: near its scale, and far above it.
_NEAR, _FAR = (0.7, 1.4, 2.8), (7e3, 1.4e4, 2.8e4)

#: The value of everything else that a spread depends on.
_OTHERS = 0.7


@dataclass(frozen=True, slots=True)
class Subject:
    """A variable whose prior a sweep replaces.

    Attributes
    ----------
    name, kind : str
    power : float
        The standard deviation that it sets is proportional to this power of it: 1, 1/2 for a
        variance, -1/2 for a precision, and for a concentration that is large; 0 where the variable
        is the log of that standard deviation. NaN where it is no power.
    exact : bool
        Whether the standard deviation is that power itself.
    level : str
        Level whose spread is proportional to that power; empty where there is none.
    groups : int
        Of that level.
    in_unit : bool
        Whether the standard deviation has the unit of the outcome's linear predictor.
    """

    name: str
    kind: str
    power: float = 1.0
    exact: bool = False
    level: str = ""
    groups: int = 0
    in_unit: bool = False

    @property
    def is_log(self) -> bool:
        """Whether it is the log of a standard deviation."""
        return self.power == 0

    @property
    def exponent(self) -> float:
        """The power, or 1 where there is none: the variable is changed in its own terms."""
        return 1.0 if math.isnan(self.power) else self.power

    @property
    def everywhere(self) -> float:
        """The power if it holds for small values too, else 1."""
        return self.exponent if self.exact or self.level else 1.0

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Return the standard deviation, but for a constant factor, at values of the variable."""
        with np.errstate(all="ignore"):
            return np.exp(values) if self.is_log else np.asarray(values**self.everywhere)


def subjects(model: pm.Model, hierarchy: Hierarchy, roles: Roles) -> list[Subject]:
    """Return every variable whose prior a sweep replaces, scales between groups first.

    Parameters
    ----------
    model : pymc.Model
    hierarchy : Hierarchy
    roles : Roles
    """
    found = [
        _subject(model, hierarchy, roles, name)
        for name in roles.top_level
        if not is_labelled(model[name])
    ]
    order = (SCALE, LOCATION, COEFFICIENT, COVARIANCE, NOISE, OTHER)
    return sorted(found, key=lambda s: order.index(s.kind))


def _subject(model: pm.Model, hierarchy: Hierarchy, roles: Roles, name: str) -> Subject:
    kind = _kind(model, hierarchy, roles, name)
    if kind == NOISE:
        noise = next(_noise_of(model, hierarchy, name), None)
        power, exact, _ = _power(model, noise, name)
        return Subject(name, kind, power, exact, in_unit=True)
    level = _level_of(model, hierarchy, name) if kind == SCALE else None
    if level is None:
        return Subject(name, kind, 1.0 if kind == SCALE else math.nan)
    power, exact, everywhere = _power(model, level.scale, name)
    if not everywhere:
        return Subject(name, kind, power)
    member = hierarchy.members.get(level.name)
    shifts = member is not None and member.is_intercept
    return Subject(name, kind, power, exact, level.name, len(level.labels), shifts)


def _kind(model: pm.Model, hierarchy: Hierarchy, roles: Roles, name: str) -> str:
    role = hierarchy.roles.get(name)
    kind = _KINDS.get(role, OTHER) if role else OTHER
    if kind == OTHER and role in (None, Role.UNCLEAR) and name in roles.scales:
        return SCALE
    # Scales that a correlation matrix is multiplied with; amplitudes and lengths of a process.
    may_be_scale = kind == COVARIANCE or role is Role.PROCESS_PARAMETER
    return SCALE if may_be_scale and _any_positive(model, name) else kind


def _any_positive(model: pm.Model, name: str) -> bool:
    """Whether a variable takes all positive values, which no correlation does."""
    bounds = parameters_of(model[name]) or {}
    return is_positive(model, name) and math.isinf(bounds.get("upper", math.inf))


def _level_of(model: pm.Model, hierarchy: Hierarchy, name: str) -> GroupLevel | None:
    """Return the level whose spread a variable sets; the first of several."""
    from pytensor.graph.traversal import ancestors

    levels = hierarchy.levels.values()
    return next((v for v in levels if model[name] in set(ancestors([v.scale]))), None)


def _noise_of(model: pm.Model, hierarchy: Hierarchy, name: str) -> Iterator[Any]:
    """Yield the standard deviation of outcomes that a noise variable sets, as an expression."""
    for outcome in hierarchy.outcomes:
        rv = model.named_vars.get(outcome.name)
        if name in outcome.noise and rv is not None and family_of(rv) in LOCATION_SCALE:
            spread = spread_of(rv)
            if spread is not None:
                yield spread.scale


def _power(model: pm.Model, scale: Any, name: str) -> tuple[float, bool, bool]:
    """Return how a standard deviation follows one variable.

    Returns
    -------
    power : float
        As :class:`Subject` has it.
    exact : bool
    everywhere : bool
        Whether it is that power for small values too.
    """
    if scale is None:
        return math.nan, False, False
    if scale is model[name]:
        return 1.0, True, True
    near = _scale_at(model, scale, name, _NEAR)
    power = _power_of(_NEAR, near, 1e-6)
    if not math.isnan(power):
        itself = np.exp(_NEAR) if power == 0 else np.asarray(_NEAR) ** power
        return power, bool(np.allclose(near, itself)), True
    far = _power_of(_FAR, _scale_at(model, scale, name, _FAR), 1e-3)
    return math.nan if far == 0 else far, False, False


def _scale_at(model: pm.Model, scale: Any, name: str, at: tuple[float, ...]) -> np.ndarray:
    """Evaluate a scale where one variable has some values and all others have another."""
    import pytensor.tensor as pt
    from pytensor.graph.replace import graph_replace
    from pytensor.graph.traversal import ancestors

    needed = set(ancestors([scale]))
    free = [rv for rv in model.free_RVs if rv in needed]
    shapes = {rv: shape_of(model, rv) for rv in free}
    found = []
    for value in at:
        fixed = {
            rv: rv.type.filter_variable(
                pt.constant(np.full(shapes[rv], value if rv.name == name else _OTHERS), rv.name),
            )
            for rv in free
        }
        (replaced,) = graph_replace([scale], fixed)
        found.append(float(np.ravel(value_of(replaced))[0]))
    return np.array(found)


def _power_of(at: tuple[float, ...], values: np.ndarray, tolerance: float) -> float:
    """Return the power that values follow: 0 for an exponential, NaN for neither."""
    if not (np.all(values > 0) and np.isfinite(values).all()):
        return math.nan
    logs = np.log(values)
    if np.allclose(np.diff(logs), np.diff(at)):
        return 0.0
    first, second = np.diff(logs) / np.diff(np.log(at))
    same = math.isclose(first, second, rel_tol=tolerance) and abs(first) > tolerance
    return float(round(first, 3)) if same else math.nan
