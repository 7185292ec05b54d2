"""The information of the rows of a level, and its no-pooling estimates, for any likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import xarray as xr

from ...checks.draws import Array
from ...checks.hierarchy import GroupLevel
from ...checks.hierarchy.cheap import uncompiled
from ...checks.hierarchy.information import Curvature, NoInformation, curvature
from ...checks.hierarchy.rows import in_one_line
from .evaluate import evaluate_on, one_axis, vectorised

if TYPE_CHECKING:
    import pymc as pm

#: Rows times draws at once; a log density holds some ten arrays of that size at a time.
CHUNK = 1_000_000

#: Rows times draws from which on compiling is worth the seconds it takes.
MANY = 30_000_000

#: Doublings of a standard error within which the top of a likelihood is searched, and halvings of
#: what is then left.
_DOUBLINGS, _HALVINGS = 14, 60


@dataclass(frozen=True, slots=True)
class Information:
    """What the rows say of the groups of a level.

    Attributes
    ----------
    information : ndarray of shape (draws, groups)
        Observed information, or the expected one where
        :mod:`poolwise.checks.hierarchy.information` says so; zero where it is negative.
    negative : float
        Share of draws and groups at which it was negative.
    raw : ndarray of shape (groups,)
        Where the likelihood of a group's rows is highest, all other parameters at their means; NaN
        where it has no top (all successes, no counts).
    """

    information: Array
    negative: float
    raw: Array


#: Differentiated and prepared once per model and level: a sweep evaluates it on many fits.
_KNOWN: WeakKeyDictionary[Any, dict[Any, tuple[Curvature, Any]]] = WeakKeyDictionary()


def information_of(
    model: pm.Model,
    level: GroupLevel,
    enters: Sequence[str],
    draws: xr.Dataset,
    rows: int,
    *,
    tops: bool = True,
) -> Information:
    """Evaluate the information of the rows of every group at every draw.

    Parameters
    ----------
    model : pymc.Model
        Of plain tensors.
    level : GroupLevel
    enters : sequence of str
        Outcomes and potentials whose log densities count.
    draws : xarray.Dataset
        Every free variable.
    rows : int
        Of all of them, which sets the size of a chunk.
    tops : bool, default True
        Whether to search for the highest point of every group's likelihood.

    Raises
    ------
    NoInformation
        If the log density is not known, or cannot be differentiated twice or evaluated.
    """
    try:
        many = rows * draws.sizes["chain"] * draws.sizes["draw"] >= MANY
        found, evaluate = _prepared(model, level, tuple(enters), compiled=many)
        return _evaluated(model, level, found, evaluate, draws, rows, tops)
    except NoInformation:
        raise
    except Exception as error:  # an operation that cannot be vectorised or evaluated
        raise NoInformation(
            f"the information of the rows of {level.effect_name} cannot be evaluated "
            f"({in_one_line(error)})"
        ) from error


def _prepared(
    model: pm.Model, level: GroupLevel, enters: tuple[str, ...], *, compiled: bool
) -> tuple[Curvature, Any]:
    known = _KNOWN.setdefault(model, {})
    # Data that are exchanged later are another likelihood.
    data = tuple(hash(v.get_value().tobytes()) for v in model.data_vars)
    key = level.entry, str(level.where), level.effect, enters, compiled, data
    if key not in known:
        found = curvature(model, level, enters)
        outputs = [found.score, found.information, found.effect]
        known[key] = found, vectorised([found.entry, *found.free], outputs, compiled=compiled)
    return known[key]


def _evaluated(
    model: pm.Model,
    level: GroupLevel,
    found: Curvature,
    evaluate: Any,
    draws: xr.Dataset,
    rows: int,
    tops: bool,
) -> Information:
    groups = len(level.labels)
    entry = _entry_on(model, level, draws)
    free = [one_axis(draws[rv.name]).astype(rv.dtype) for rv in found.free]
    total = len(entry)
    information = np.empty((total, groups))
    step = max(1, CHUNK // max(rows, groups))
    with np.errstate(all="ignore"), uncompiled():
        for start in range(0, total, step):
            at = slice(start, min(start + step, total))
            values = evaluate(entry[at], *(v[at] for v in free))[1]
            information[at] = np.broadcast_to(values, (at.stop - at.start, groups))
        means = [_mean(v) for v in free]

        def slope_at(moved: Array) -> tuple[Array, Array, Array]:
            values = evaluate(moved[None].astype(entry.dtype), *means)
            score, curved, effect = (np.broadcast_to(v, (1, groups))[0] for v in values)
            return score, curved, effect

        raw = np.full(groups, np.nan)
        if tops:
            raw = _highest(slope_at, entry.mean(axis=0, dtype=float), level)
    negative = float((information < 0).mean())
    return Information(np.where(information < 0, 0.0, information), negative, raw)


def _entry_on(model: pm.Model, level: GroupLevel, draws: xr.Dataset) -> np.ndarray:
    """Return the draws of where the effects of a level enter."""
    if level.entry in model.free_RVs:
        return one_axis(draws[level.entry.name]).astype(level.entry.dtype)
    pieces = [v for _, (v,) in evaluate_on(model, [level.entry], draws, len(level.labels))]
    return np.asarray(np.concatenate(pieces))


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over draws as one draw; of whole numbers the median."""
    if values.dtype.kind in "biu":
        return np.asarray(np.median(values, axis=0, keepdims=True), dtype=values.dtype)
    return np.asarray(values.mean(axis=0, keepdims=True))


def _highest(slope_at: Any, start: Array, level: GroupLevel) -> Array:
    """Return the effects at which the slope of every group's log-likelihood changes its sign.

    All groups are searched at once: first outwards in steps that double, then by bisection.
    """
    groups = len(level.labels)
    where: Any = ... if level.where is None else level.where

    def moved(steps: Array) -> Array:
        value = np.array(start, dtype=float)
        value[where] += steps.reshape(value[where].shape)
        return value

    # Scores and effects are per unit of the effect, steps per unit of the entry.
    unit = _unit(slope_at, moved, groups)
    score, curved, _ = slope_at(start)
    width = 1 / np.sqrt(np.abs(curved)) / np.abs(unit)
    width = np.where(np.isfinite(width), width, 1.0)
    upwards = np.sign(score * unit)
    near, far = np.zeros(groups), np.zeros(groups)
    inside = upwards == 0
    for k in range(_DOUBLINGS):
        far = np.where(inside, far, upwards * width * 2.0**k)
        score, curved, _ = slope_at(moved(far))
        turned = np.sign(score * unit) == -upwards
        near = np.where(inside | turned, near, far)
        inside |= turned
        if inside.all():
            break
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        score, _, _ = slope_at(moved(middle))
        ahead = np.sign(score * unit) == upwards
        near, far = np.where(ahead, middle, near), np.where(ahead, far, middle)
    _, _, effect = slope_at(moved((near + far) / 2))
    return np.where(inside & np.isfinite(effect), effect, np.nan)


def _unit(slope_at: Any, moved: Any, groups: int) -> Array:
    """Return the change of every effect per change of its entry."""
    return np.asarray(slope_at(moved(np.ones(groups)))[2] - slope_at(moved(np.zeros(groups)))[2])
