"""What another prior means, in the terms of the model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ...checks.words import number
from .subjects import COEFFICIENT, LOCATION, NOISE, SCALE, Subject

if TYPE_CHECKING:
    from .replacing import Replacement

#: Names of the middle of a prior, by what the variable is.
_MEDIANS = {SCALE: "median spread", NOISE: "median noise"}


def scale_median(rv: Any, subject: Subject) -> float:
    """Return the median of the standard deviation that a prior implies; NaN where not known."""
    found = _quantiles(rv, [0.5])
    return math.nan if found is None else float(subject.spread(found)[0])


def meaning(rv: Any, replacement: Replacement, subject: Subject, unit: str) -> str:
    """Return what a replacement means: ``median spread 5 → 20 SAT points``; empty if not known.

    Parameters
    ----------
    rv : TensorVariable
        With the spec's own prior.
    replacement : Replacement
    subject : Subject
    unit : str
        Of a spread; empty where it is not known.
    """
    after = unit and f" {unit}"
    if subject.kind in (LOCATION, COEFFICIENT):
        at = [0.025, 0.975]
        before, then = _quantiles(rv, at), _of_replacement(replacement, at)
        if before is None or then is None:
            return ""
        return f"95% of the prior {_range(before)} → {_range(then)}"
    before, then = _quantiles(rv, [0.5]), _of_replacement(replacement, [0.5])
    if before is None or then is None:
        return ""
    if subject.kind in _MEDIANS:
        before, then = subject.spread(before), subject.spread(then)
    what = _MEDIANS.get(subject.kind, "median")
    return f"{what} {number(float(before[0]))} → {number(float(then[0]))}{after}"


def _range(ends: np.ndarray) -> str:
    return f"{number(float(ends[0]))} to {number(float(ends[1]))}"


def _of_replacement(replacement: Replacement, at: list[float]) -> np.ndarray | None:
    from ..engine.densities import quantiles

    if replacement.density is not None:
        return _known(quantiles(replacement.density, np.asarray(at)))
    return _quantiles(replacement.make(), at)


def _quantiles(rv: Any, at: list[float]) -> np.ndarray | None:
    from ..engine.densities import log_density_of, quantiles

    found = log_density_of(rv)
    return None if found is None else _known(quantiles(found, np.asarray(at)))


def _known(found: np.ndarray) -> np.ndarray | None:
    return found if np.isfinite(found).all() else None
