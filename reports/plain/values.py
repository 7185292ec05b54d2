"""Numbers as JSON has them: never infinite, never NaN."""

from __future__ import annotations

import math
from dataclasses import asdict

from ...checks.draws import Summary
from ...checks.estimates import Statistic
from ...checks.shares import Share

#: A number and its Monte Carlo standard error.
Numbers = dict[str, float | None]


def number(value: float | None) -> float | None:
    """Return a finite number, or None."""
    return None if value is None or not math.isfinite(value) else float(value)


def statistic(found: Statistic | Share) -> Numbers:
    """Return a number and its Monte Carlo standard error."""
    return {"value": number(found.value), "mcse": number(found.mcse)}


def summary(found: Summary | None) -> Numbers | None:
    """Return mean with its Monte Carlo error, sd, median and the ends of the 89% interval."""
    return None if found is None else {k: number(v) for k, v in asdict(found).items()}
