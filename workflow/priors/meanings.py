"""What another prior means, in the terms of the model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ...checks.words import number
from .subjects import COEFFICIENT, LOCATION, NOISE, SCALE, Subject

if TYPE_CHECKING:
    from ..engine.densities import LogDensity

#: Names of the middle of a prior, by what the variable is.
_MEDIANS = {SCALE: "median spread", NOISE: "median noise"}


def scale_median(density: LogDensity | None, subject: Subject) -> float:
    """Return the median of the standard deviation that a prior implies; NaN where not known."""
    return float(subject.spread(_quantiles(density, (0.5,)))[0])


def meaning(own: LogDensity | None, new: LogDensity | None, subject: Subject, unit: str) -> str:
    """Return what a replacement means: ``median spread 5 → 20 SAT points``; empty if not known.

    Parameters
    ----------
    own, new : LogDensity or None
        The spec's own prior and the new one, where they are known in numbers.
    subject : Subject
    unit : str
        Of the outcome; empty where it is not known.
    """
    if new is None:
        return ""
    if subject.exact:
        return spread_becomes(own, scale_median(new, subject), subject, unit)
    bounded = math.isfinite(new.upper) and subject.kind not in _MEDIANS
    if subject.kind in (LOCATION, COEFFICIENT) or new.lower < 0 or bounded:
        ends = (0.025, 0.975)
        return _change("95% of the prior", _quantiles(own, ends), _quantiles(new, ends))
    return _change("median", _quantiles(own, (0.5,)), _quantiles(new, (0.5,)))


def spread_becomes(own: LogDensity | None, median: float, subject: Subject, unit: str) -> str:
    """Return what a replacement means that gives the standard deviation a known median."""
    before, then = np.array([scale_median(own, subject)]), np.array([median])
    words = _change(_MEDIANS.get(subject.kind, "median"), before, then)
    return f"{words} {unit}" if words and unit and subject.in_unit else words


def _change(what: str, before: np.ndarray, then: np.ndarray) -> str:
    if not np.isfinite(then).all():
        return ""
    if not np.isfinite(before).all():
        return f"{what} {_range(then)}"
    return f"{what} {_range(before)} → {_range(then)}"


def _range(ends: np.ndarray) -> str:
    return " to ".join(number(float(end)) for end in ends)


def _quantiles(density: LogDensity | None, at: tuple[float, ...]) -> np.ndarray:
    from ..engine.densities import quantiles

    if density is None:
        return np.full(len(at), math.nan)
    return quantiles(density, np.asarray(at))
