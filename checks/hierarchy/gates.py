"""What multiplies a vector on its way to the data: scales, loadings, indicators, kernels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from ..draws import Array
from .predictor import Predictor
from .variables import Support, Variable


class Gate(StrEnum):
    """What one variable does to the effect of a vector when it grows."""

    SD = "sd"
    VARIANCE = "variance"
    PRECISION = "precision"
    LOG_SD = "log sd"
    FACTOR = "factor"
    """Multiplies all elements by the same number, by no law of a scale."""
    BENDS = "bends"
    """Changes the effects of some elements more than of others."""
    SWITCH = "switch"
    """An indicator without which the effect is gone."""
    INDEX = "index"
    """A class that says which element is used."""


#: What doubling a scale multiplies a standard deviation with.
DOUBLED = {Gate.SD: 2.0, Gate.VARIANCE: 2**0.5, Gate.PRECISION: 0.5**0.5}

#: Gates that follow the law of a standard deviation, in one form or another.
LAWFUL = (*DOUBLED, Gate.LOG_SD)


@dataclass(frozen=True, slots=True)
class Gates:
    """Everything that multiplies one vector.

    Attributes
    ----------
    vector : Variable
    by : dict of str to Gate
    """

    vector: Variable
    by: Mapping[str, Gate] = field(default_factory=dict)

    def of(self, *kinds: Gate) -> list[str]:
        """Return the variables that do one of these things."""
        return [name for name, kind in self.by.items() if kind in kinds]


def gates_of(predictor: Predictor, vector: Variable, without: set[str] | None = None) -> Gates:
    """Return what multiplies a vector that acts linearly on a predictor.

    Parameters
    ----------
    predictor : Predictor
    vector : Variable
    without : set of str, optional
        Variables that are known to be no gates.
    """
    variables = predictor.probe.response.variables
    found = {}
    for name in variables.parents_of(predictor.probe.mean):
        if name in (vector.name, predictor.outcome.name) or name in (without or ()):
            continue
        kind = _gate(predictor, vector, variables[name])
        if kind is not None:
            found[name] = kind
    return Gates(vector, found)


def _gate(predictor: Predictor, vector: Variable, other: Variable) -> Gate | None:
    if other.support is Support.DISCRETE:
        return _indicator(predictor, vector, other)
    before = predictor.effect_of(vector, {})
    after = predictor.effect_of(vector, {other.name: grown(predictor, other)})
    return compare(before, after, logarithmic=other.support is Support.REAL)


def grown(predictor: Predictor, variable: Variable) -> np.ndarray:
    """Return twice the value of a variable; log 2 more where it may be negative."""
    base = np.asarray(predictor.probe.points[0][variable.name], dtype=float)
    return base + np.log(2) if variable.support is Support.REAL else 2 * base


def compare(before: Array, after: Array, *, logarithmic: bool) -> Gate | None:
    """Return what took one array of effects to the other; None where nothing did."""
    if before.shape != after.shape or not np.isfinite(before).all():
        return None
    largest = float(np.abs(before).max(initial=0))
    if largest == 0 or np.allclose(after, before, rtol=1e-6, atol=1e-9 * largest):
        return None
    if not np.isfinite(after).all():
        return Gate.BENDS
    for kind, factor in DOUBLED.items():
        if np.allclose(after, factor * before, rtol=1e-5, atol=1e-9 * largest):
            if not logarithmic:
                return kind
            return Gate.LOG_SD if kind is Gate.SD else Gate.FACTOR
    inside = np.abs(before) > 1e-6 * largest
    ratio = after[inside] / before[inside]
    same = np.ptp(ratio) <= 1e-5 * np.abs(ratio).max()
    return Gate.FACTOR if same else Gate.BENDS


def _indicator(predictor: Predictor, vector: Variable, other: Variable) -> Gate | None:
    zeros, ones = (np.full(other.shape, k) for k in (0, 1))
    off, on = (predictor.effect_of(vector, {other.name: k}) for k in (zeros, ones))
    if off.shape != on.shape or np.allclose(off, on):
        return None
    gone = min(np.abs(off).max(initial=0), np.abs(on).max(initial=0)) == 0
    return Gate.SWITCH if gone else Gate.INDEX


def fits(scale: Variable, vector: Variable) -> bool:
    """Whether a scale can belong to a vector: a number, one per column, or one per element."""
    return (
        scale.size == 1
        or scale.shape == vector.shape
        or (len(vector.shape) > 1 and scale.shape in (vector.shape[-1:], vector.shape[:1]))
    )


def multiplies_everything(predictor: Predictor, name: str) -> bool:
    """Whether a variable multiplies single numbers, too: an amplitude of the whole predictor."""
    variables = predictor.probe.response.variables
    single = [variables[n] for n in predictor.others if n != name and variables[n].size == 1]
    plain = [v for v in single if v.support is Support.REAL]
    return any(_gate(predictor, v, variables[name]) in LAWFUL for v in plain)
