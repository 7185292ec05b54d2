r"""No pooling and complete pooling as hyperpriors of the compiled program.

A level does not pool where its scale is far above the standard error of every group, and pools
completely where it is far below. A tight prior around such a value is one more alternative prior
of the program. With the weight on own data :math:`w_j = \tau^2 I_j/(1 + \tau^2 I_j)`, the values
are chosen such that :math:`w_j` is within ``WITHIN`` of 1 or 0 in every group: any nearer, and
only the sampler would notice.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ...checks.draws import SAMPLE, Array
from ...checks.hierarchy import GroupLevel
from ...checks.hierarchy.cheap import python_mode, uncompiled
from ..engine import Engine, LogDensity
from .shared_terms import Shared

if TYPE_CHECKING:
    import pymc as pm

#: Largest weight that complete pooling leaves to own data, and no pooling to the population.
WITHIN = 1e-4

#: Standard deviation of the log of a switched scale (or of a log scale itself).
_TIGHT = 0.02

#: Part of its posterior sd that a location may still move by where it does not matter.
_PINNED = 0.1


class NoLimit(Exception):
    """A limit of pooling is not one of the program's priors; the message says why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Priors under which a level does not pool, and pools completely.

    Attributes
    ----------
    no, complete : dict of str to LogDensity or str
        The priors that are changed; where there are none, the reason.
    scales : dict of str to float
        Values of the level's scale.
    """

    no: dict[str, LogDensity] | str
    complete: dict[str, LogDensity] | str
    scales: dict[str, float]


def limits_of(
    model: pm.Model,
    engine: Engine,
    level: GroupLevel,
    draws: xr.Dataset,
    information: Array,
    shared: Shared,
) -> Limits:
    """Find the priors of no and of complete pooling.

    Parameters
    ----------
    model : pymc.Model
        Of plain tensors.
    engine : Engine
    level : GroupLevel
    draws : xarray.Dataset
        Every free variable, under the model's own priors.
    information : ndarray of shape (J,)
        Of the rows of each group on its effect; 0 where they say nothing.
    shared : Shared
        What cannot be told apart from the effects once these are not pooled.

    Raises
    ------
    NoLimit
        If the scale is not set by one variable whose prior can be switched.
    """
    variable = _variable(model, level)
    if variable not in engine.priors:
        reason = engine.fixed.get(variable, "it is no top-level variable of the model")
        raise NoLimit(
            f"the prior of {variable}, which sets its scale, cannot be switched: {reason}"
        )
    own = engine.priors[variable]
    scale_at = _scale_at(model, level, variable)
    told = information > 0
    if not told.any():
        raise NoLimit("the rows of no group say anything about its effect")

    def largest(value: float) -> float:
        return float((scale_at(value) ** 2 * information).max())

    def smallest(value: float) -> float:
        return float((scale_at(value) ** 2 * information)[told].min())

    found: dict[str, dict[str, LogDensity] | str] = {}
    scales: dict[str, float] = {}
    for name, share, goal in (
        ("no", smallest, 1 / WITHIN),
        ("complete", largest, WITHIN),
    ):
        try:
            value = _solved(share, goal, own)
        except NoLimit as reason:
            found[name] = f"{variable} {reason}"
            continue
        found[name] = {variable: _around(value, own)}
        scales[name] = float(np.median(scale_at(value)))
    if isinstance(found["no"], dict):
        found["no"] |= _pins(engine, draws, shared.pinned)
    return Limits(found["no"], found["complete"], scales)


def _variable(model: pm.Model, level: GroupLevel) -> str:
    """Return the one free variable that sets the scale of a level."""
    from pytensor.graph.traversal import ancestors

    above = set(ancestors([level.scale]))
    names = [str(rv.name) for rv in model.free_RVs if rv in above]
    direct = [n for n in names if not _only_through(model, level.scale, n, names)]
    if len(direct) != 1:
        said = " and ".join(direct) or "no variable"
        raise NoLimit(f"its scale is set by {said}, not by one variable that could be switched")
    if model[direct[0]].type.ndim and int(np.prod(model[direct[0]].type.shape or (0,))) != 1:
        raise NoLimit(
            f"its scale is one element of {direct[0]}, whose elements are switched together"
        )
    return direct[0]


def _only_through(model: pm.Model, scale: Any, name: str, names: list[str]) -> bool:
    """Whether a variable reaches the scale only as a parameter of the prior of another one."""
    from pytensor.graph.traversal import ancestors

    others = [model[n] for n in names if n != name]
    blocked = set(ancestors([scale], blockers=others))
    return model[name] not in blocked


def _scale_at(model: pm.Model, level: GroupLevel, variable: str) -> Callable[[float], Array]:
    """Return the scale as a function of the variable that sets it."""
    import pytensor

    rv = model[variable]
    given = rv.type()
    with uncompiled():
        from pytensor.graph.replace import graph_replace

        expression = graph_replace([level.scale], {rv: given}, strict=False)
        compute = pytensor.function(
            [given], expression, mode=python_mode(), on_unused_input="ignore"
        )

    def at(value: float) -> Array:
        with np.errstate(all="ignore"):
            (found,) = compute(np.full(given.type.ndim * (1,), value, dtype=given.type.dtype))
        return np.abs(np.asarray(found, dtype=float)).ravel()

    return at


def _solved(share: Callable[[float], float], goal: float, own: LogDensity) -> float:
    """Return the value of a variable at which a monotone function reaches a goal."""
    from scipy.optimize import brentq

    if own.lower >= 0:
        # A little inside of its bounds: they are where the sampler's own scale is infinite.
        low = math.log(max(own.lower * 1.02, 1e-12))
        high = math.log(min(own.upper * 0.98, 1e12))
        value: Callable[[float], float] = math.exp
    elif math.isinf(own.lower) and math.isinf(own.upper):
        low, high, value = -60.0, 60.0, float
    else:
        raise NoLimit("has a prior with bounds that are not those of a scale")

    def off(x: float) -> float:
        with np.errstate(all="ignore"):
            at = share(value(x))
        return math.log(max(at, 1e-290) / goal) if at < 1e290 else 600.0

    if off(low) * off(high) > 0:
        reach = min((abs(off(low)), low), (abs(off(high)), high))[1]
        raise NoLimit(
            f"cannot be far enough from the standard errors of the groups: its prior ends at "
            f"{value(reach):.3g}"
        )
    return value(float(brentq(off, low, high, xtol=1e-6)))


def _around(value: float, own: LogDensity) -> LogDensity:
    if own.lower >= 0:
        return LogDensity(scale=value, log=-1.0, log_squared=-0.5 / _TIGHT**2, lower=0.0)
    return LogDensity(centre=value, scale=_TIGHT, squared=-0.5)


def _pins(engine: Engine, draws: xr.Dataset, names: tuple[str, ...]) -> dict[str, LogDensity]:
    """Hold locations near their posterior mean: without pooling they move no group.

    Left to their priors they would trade places with the effects along a long ridge.
    """
    found = {}
    for name in names:
        own = engine.priors.get(name)
        if own is None or draws[name].ndim != len(SAMPLE):
            continue
        if math.isinf(own.lower) and math.isinf(own.upper):
            centre, sd = float(draws[name].mean()), float(draws[name].std())
            if sd > 0:
                found[name] = LogDensity(centre=centre, scale=_PINNED * sd, squared=-0.5)
    return found
