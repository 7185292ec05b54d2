"""Which rows of the outcome belong to which group, read off the model itself.

The mean of a normal likelihood is linear in the effects of a level: row i has mean
``x_i * theta[g_i] + rest``. Moving the effects by steps that are known shows x and g without
trusting names, index variables or declarations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..draws import Array
from .cheap import python_mode, value_of
from .hierarchy import GroupLevel

if TYPE_CHECKING:
    import pymc as pm


class NotUnderstood(Exception):
    """The rows of a level cannot be read off the model; the message says why."""


@dataclass(frozen=True, slots=True)
class Rows:
    """How a level enters the mean of a normal outcome.

    Attributes
    ----------
    outcome : str
    group : ndarray of int, shape (rows,)
        Zero-based group of each row; -1 where the level does not enter.
    design : ndarray of shape (rows,)
        What the effect is multiplied with: 1 for an intercept.
    """

    outcome: str
    group: np.ndarray
    design: Array


def normal_outcome(model: pm.Model, entry: Any) -> Any:
    """Return the observed variable that a vector enters, if it is normal.

    Raises
    ------
    NotUnderstood
        If there is none, more than one, or one of another family.
    """
    from pytensor.graph.traversal import ancestors

    touched = [rv for rv in model.observed_RVs if entry in set(ancestors(list(rv.owner.inputs)))]
    if not touched:
        raise NotUnderstood(f"{entry.name} does not enter any likelihood")
    if len(touched) > 1:
        names = ", ".join(rv.name for rv in touched)
        raise NotUnderstood(f"{entry.name} enters more than one likelihood ({names})")
    family = getattr(touched[0].owner.op, "_print_name", ("an unnamed family",))[0]
    if family != "Normal":
        raise NotUnderstood(
            f"{touched[0].name} is {family}; weights and variances are computed for normal "
            "likelihoods"
        )
    return touched[0]


def mean_and_sd(outcome: Any) -> tuple[Any, Any]:
    """Return the mean and standard deviation expressions of a normal outcome."""
    mean, sd = outcome.owner.op.dist_params(outcome.owner)
    return mean, sd


def rows_of(model: pm.Model, level: GroupLevel, points: Sequence[Mapping[str, np.ndarray]]) -> Rows:
    """Find the group and the design value of every row.

    Parameters
    ----------
    model : pymc.Model
    level : GroupLevel
    points : sequence of mapping
        Values of every free variable (and of the entry, where it is a Deterministic) by name: the
        rows must come out the same at each.

    Raises
    ------
    NotUnderstood
        If the mean is not linear in one effect per row with a fixed design.
    """
    outcome = normal_outcome(model, level.entry)
    probe = _Probe(model, outcome, level)
    first, *others = [probe.rows_at(point) for point in points]
    for other in others:
        if not (
            np.array_equal(first.group, other.group)
            and np.allclose(first.design, other.design, rtol=1e-6, atol=1e-9)
        ):
            raise NotUnderstood(
                f"how {level.effect_name} enters the mean of {outcome.name} depends on other "
                "parameters"
            )
    return first


class _Probe:
    """Evaluates the mean of an outcome with the graph cut at the entry of a level."""

    def __init__(self, model: pm.Model, outcome: Any, level: GroupLevel) -> None:
        import pytensor
        import pytensor.tensor as pt

        mean, _ = mean_and_sd(outcome)
        unit = pt.constant(1.0) if level.unit is None else level.unit
        self._entry = level.entry
        self._others = [rv for rv in model.free_RVs if rv is not level.entry]
        self._shape = value_of(pt.as_tensor(model.rvs_to_values[outcome])).shape
        self._evaluate = pytensor.function(
            [self._entry, *self._others],
            [mean, unit],
            mode=python_mode(),
            on_unused_input="ignore",
        )
        self._outcome, self._level = str(outcome.name), level

    def rows_at(self, point: Mapping[str, np.ndarray]) -> Rows:
        """Move the effects by known steps and see which rows move, and how far."""
        start = np.asarray(point[self._entry.name], dtype=float)
        groups = start.size
        step = max(1.0, float(np.abs(start).max()))
        factors = np.random.default_rng(1).uniform(0.5, 1.5, groups)
        base, unit = self._mean(point, start)

        def change(steps: Array) -> Array:
            moved = self._mean(point, start + (step * steps).reshape(start.shape))[0]
            return np.asarray((moved - base) / step, dtype=float)

        by_one = change(np.ones(groups))
        by_index = change(np.arange(1.0, groups + 1))
        by_chance = change(np.asarray(factors, dtype=float))
        if not np.abs(by_one).max() + np.abs(by_index).max() > 0:
            raise NotUnderstood(
                f"{self._level.effect_name} enters {self._outcome} only through other random "
                "variables (a level below it)"
            )
        scale = max(float(np.abs(by_one).max()), 1e-300)
        enters = np.abs(by_index) + np.abs(by_one) > 1e-9 * scale
        with np.errstate(all="ignore"):
            code = np.where(enters, by_index / by_one - 1, -1.0)
        group = np.where(np.isfinite(code), np.rint(code), -2).astype(int)
        valid = ~enters | ((group >= 0) & (group < groups))
        expected = np.where(enters & valid, by_one * factors[np.clip(group, 0, groups - 1)], 0.0)
        if not valid.all() or not np.allclose(by_chance, expected, rtol=1e-6, atol=1e-8 * scale):
            raise NotUnderstood(
                f"some rows of {self._outcome} depend on several elements of "
                f"{self._level.effect_name}, or not linearly"
            )
        design = np.where(enters, by_one / unit, 0.0)
        return Rows(self._outcome, np.where(enters, group, -1), design)

    def _mean(self, point: Mapping[str, np.ndarray], entry: Array) -> tuple[Array, float]:
        others = [np.asarray(point[v.name]).astype(v.dtype) for v in self._others]
        with np.errstate(all="ignore"):
            mean, unit = self._evaluate(entry.astype(self._entry.dtype), *others)
        rows = np.broadcast_to(np.asarray(mean, dtype=float), self._shape).ravel()
        return rows, float(unit)
