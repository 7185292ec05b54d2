"""Which conclusions moved by more than Monte Carlo error.

Each statistic of each quantity is an estimate with a Monte Carlo standard error, so that the
difference of two runs over the combined error is a z-score when nothing changed. There are many of
them and they are correlated; Holm's method keeps the probability of any false alarm at a chosen
level whatever the correlation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import NormalDist, median
from typing import Any

from ...reports.comparison import Move, Shift

#: Probability of one or more false alarms in a comparison.
LEVEL = 0.01

#: Relative differences that rounding of a baseline can make.
_ROUNDING = 1e-8

Estimates = Sequence[Mapping[str, Any]]

_STATISTICS = ("mean", "sd", "median", "low", "high", "value")


def find_moves(old: Estimates, new: Estimates, level: float = LEVEL) -> tuple[list[Move], int]:
    """Return quantities that moved, the largest move first, and how many statistics were compared.

    Parameters
    ----------
    old, new : sequence of mapping
        ``estimates`` of two baselines: name, kind, and value with Monte Carlo error by statistic.
    level : float
        Family-wise error rate.

    References
    ----------
    Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of
    Statistics 6(2).
    """
    shifts = _pairs(old, new)
    listed = [(name, i) for name, mine in shifts.items() for i in range(len(mine))]
    p_values = [_p_value(shifts[name][i]) for name, i in listed]
    for (name, i), moved in zip(listed, holm(p_values, level), strict=True):
        shifts[name][i] = replace(shifts[name][i], moved=moved)
    before = {e["name"]: e for e in old}
    found = [
        _move(before[name], mine)
        for name, mine in shifts.items()
        if any(shift.moved for shift in mine)
    ]
    found.sort(key=lambda m: (not m.flips, -(m.sds or 0.0), m.name))
    return found, len(listed)


def _pairs(old: Estimates, new: Estimates) -> dict[str, list[Shift]]:
    after = {e["name"]: e for e in new}
    found: dict[str, list[Shift]] = {}
    for estimate in old:
        other = after.get(estimate["name"], {})
        both = [s for s in _STATISTICS if s in estimate and s in other]
        if both:
            found[estimate["name"]] = [_shift(s, estimate[s], other[s]) for s in both]
    return found


def _shift(statistic: str, old: Sequence[float], new: Sequence[float]) -> Shift:
    mcse = math.hypot(old[1], new[1])
    return Shift(statistic=statistic, old=old[0], new=new[0], mcse=mcse, moved=False)


def _p_value(shift: Shift) -> float:
    if math.isclose(shift.old, shift.new, rel_tol=_ROUNDING, abs_tol=1e-300):
        return 1.0
    if shift.mcse == 0:
        return 0.0
    return math.erfc(shift.errors / math.sqrt(2))


def holm(p_values: Sequence[float], level: float) -> list[bool]:
    """Return which hypotheses are rejected at a family-wise error rate.

    >>> holm([0.004, 0.5, 0.03], 0.05)
    [True, False, False]
    """
    rejected = [False] * len(p_values)
    for done, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        if p_values[i] > level / (len(p_values) - done):
            break
        rejected[i] = True
    return rejected


def _move(before: Mapping[str, Any], shifts: Sequence[Shift]) -> Move:
    mean = next((s for s in shifts if s.statistic == "mean"), None)
    flips = before["kind"] == "decision" and mean is not None and _crosses(mean)
    return Move(
        name=before["name"],
        kind=before["kind"],
        shifts=shifts,
        spread=spread_of(before),
        flips=flips,
    )


def _crosses(mean: Shift, even: float = 0.5) -> bool:
    return mean.moved and (mean.old > even) != (mean.new > even)


def spread_of(estimate: Mapping[str, Any]) -> float | None:
    """Return the posterior standard deviation of an estimate, or what stands for it.

    That of a 0/1 variable for a probability, and the one a normal distribution with the same 89%
    interval has where the tails are too heavy for a standard deviation.
    """
    if estimate["kind"] == "decision" and "mean" in estimate:
        p = estimate["mean"][0]
        return math.sqrt(p * (1 - p)) or None
    if "sd" in estimate:
        return float(estimate["sd"][0]) or None
    if "low" in estimate and "high" in estimate:
        wide = 2 * NormalDist().inv_cdf(0.945)
        return float(estimate["high"][0] - estimate["low"][0]) / wide or None
    return None


def smallest_noticed(
    old: Estimates, new: Estimates, tests: int, level: float = LEVEL
) -> float | None:
    """Return how far a mean must have moved to be noticed, in posterior standard deviations.

    The median over quantities of the critical value times the Monte Carlo error of the difference.
    """
    if not tests:
        return None
    critical = NormalDist().inv_cdf(1 - level / (2 * tests))
    after = {e["name"]: e for e in new}
    ratios = [
        critical * math.hypot(e["mean"][1], after[e["name"]]["mean"][1]) / spread
        for e in old
        if "mean" in e and "mean" in after.get(e["name"], {}) and (spread := spread_of(e))
    ]
    return median(ratios) if ratios else None
