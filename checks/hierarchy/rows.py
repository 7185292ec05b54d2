"""Which rows of the outcome belong to which group, read off the model itself.

The mean of a normal likelihood is linear in the effects of a level: row i has mean
``x_i * theta[g_i] + rest``. Moving the effects by steps that are known shows x and g without
trusting names, index variables or declarations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..draws import Array
from .cheap import python_mode, value_of

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


def normal_outcome(model: pm.Model, effect: str) -> Any:
    """Return the observed variable that the effect enters, if it is normal.

    Raises
    ------
    NotUnderstood
        If there is none, more than one, or one of another family.
    """
    from pytensor.graph.traversal import ancestors

    target = model[effect]
    touched = [rv for rv in model.observed_RVs if target in set(ancestors(list(rv.owner.inputs)))]
    if not touched:
        raise NotUnderstood(f"{effect} does not enter any likelihood")
    if len(touched) > 1:
        names = ", ".join(rv.name for rv in touched)
        raise NotUnderstood(f"{effect} enters more than one likelihood ({names})")
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


def rows_of(model: pm.Model, effect: str, point: dict[str, np.ndarray]) -> Rows:
    """Find the group and the design value of every row.

    Parameters
    ----------
    model : pymc.Model
    effect : str
        Variable with one value per group.
    point : mapping
        Two or more values of every free variable and of the effect, first axis the points: the
        rows must come out the same at each.

    Raises
    ------
    NotUnderstood
        If the mean is not linear in one effect per row with a fixed design.
    """
    outcome = normal_outcome(model, effect)
    mean, _ = mean_and_sd(outcome)
    found = [
        _probe(model, outcome, mean, effect, {k: v[i] for k, v in point.items()})
        for i in range(len(point[effect]))
    ]
    first = found[0]
    for other in found[1:]:
        if not (
            np.array_equal(first.group, other.group)
            and np.allclose(first.design, other.design, rtol=1e-6, atol=1e-9)
        ):
            raise NotUnderstood(
                f"how {effect} enters the mean of {outcome.name} depends on other parameters"
            )
    return first


def _probe(
    model: pm.Model, outcome: Any, mean: Any, effect: str, point: dict[str, np.ndarray]
) -> Rows:
    import pytensor

    target = model[effect]
    inputs = [target, *(rv for rv in model.free_RVs if rv is not target)]
    shape = tuple(value_of(outcome.shape))
    evaluate = pytensor.function(inputs, mean, mode=python_mode(), on_unused_input="ignore")
    others = [np.asarray(point[v.name], dtype=v.dtype) for v in inputs[1:]]
    base_effect = np.asarray(point[effect], dtype=target.dtype)

    def moved(step: Array) -> Array:
        with np.errstate(all="ignore"):
            value = evaluate(base_effect + step.reshape(base_effect.shape), *others)
        return np.broadcast_to(np.asarray(value, dtype=float), shape).ravel()

    groups = base_effect.size
    steps: Array = np.random.default_rng(1).uniform(0.5, 1.5, size=groups).astype(np.float64)
    base = moved(np.zeros(groups))
    size = max(1.0, float(np.abs(base_effect).max()))
    by_one = (moved(np.full(groups, size)) - base) / size
    by_index = (moved(size * np.arange(1.0, groups + 1)) - base) / size
    by_chance = (moved(size * steps) - base) / size
    scale = max(float(np.abs(by_one).max()), 1e-300)
    enters = np.abs(by_index) + np.abs(by_one) > 1e-9 * scale
    with np.errstate(all="ignore"):
        code = np.where(enters, by_index / by_one - 1, -1.0)
    group = np.where(np.isfinite(code), np.rint(code), -2).astype(int)
    valid = ~enters | ((group >= 0) & (group < groups))
    expected = np.where(enters & valid, by_one * steps[np.clip(group, 0, groups - 1)], 0.0)
    if not valid.all() or not np.allclose(by_chance, expected, rtol=1e-6, atol=1e-8 * scale):
        raise NotUnderstood(
            f"some rows of {outcome.name} depend on several elements of {effect}, or not linearly"
        )
    return Rows(str(outcome.name), np.where(enters, group, -1), np.where(enters, by_one, 0.0))
