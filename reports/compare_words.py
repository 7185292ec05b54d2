"""What terminal, Markdown and HTML say alike of a comparison."""

from __future__ import annotations

from ..checks.words import counted, listed
from .comparison import Comparison, FindingChange, Move, Shift
from .numbers import fixed, num

#: Moves listed before the rest is only counted.
MOST_MOVES = 30

_STATISTICS = {
    "mean": "mean",
    "sd": "sd",
    "median": "median",
    "low": "lower end of the 89% interval",
    "high": "upper end of the 89% interval",
    "value": "value",
}


def values(move: Move) -> tuple[str, str]:
    """Return the statistic that is shown of a move, before and after."""
    return number(move, move.shown.old), number(move, move.shown.new)


def number(move: Move, value: float) -> str:
    """Format a value of a quantity: probabilities, weights and shares with two places."""
    if move.kind in ("decision", "weight", "uncertainty"):
        return fixed(value)
    return num(value)


def statistic(move: Move) -> str:
    """Say which statistic is shown."""
    if move.kind == "decision":
        return "probability"
    return _STATISTICS[move.shown.statistic]


def size(move: Move) -> str:
    """Say how far a quantity moved, in posterior standard deviations."""
    return "–" if move.sds is None else f"{num(move.sds, 2)} sd"


def errors(shift: Shift) -> str:
    """Say how clearly a statistic moved, in Monte Carlo standard errors."""
    return "exact" if shift.mcse == 0 else fixed(shift.errors, 1)


def also(move: Move) -> str:
    """Name the other statistics that moved."""
    others = [
        _STATISTICS[s.statistic].removesuffix(" of the 89% interval")
        for s in move.shifts
        if s.moved and s is not move.shown
    ]
    return ", ".join(others)


def verdicts(change: FindingChange) -> tuple[str, str]:
    """Return the verdicts of a finding before and after."""
    return change.old or "not there", change.new or "gone"


def remark(change: FindingChange) -> str:
    """Say what should be known about a changed verdict."""
    if change.within_error:
        return "its number moved by no more than Monte Carlo error: it is close to the threshold"
    return "lost: it is no longer asked" if change.worse and not change.new else ""


def found(change: FindingChange) -> str:
    """Return what a finding says, with what should be known about its changed verdict."""
    note = remark(change)
    return f"{change.message} ({note})" if note else change.message


def came_and_went(comparison: Comparison) -> list[str]:
    """Name the quantities that only one of the runs reports."""
    both = ("No longer reported", comparison.went), ("Newly reported", comparison.appeared)
    return [f"{said}: {listed(list(names))}." for said, names in both if names]


def method(comparison: Comparison) -> str:
    """Say how moves were told from Monte Carlo error."""
    if not comparison.tests:
        return "No quantity is reported by both runs, so no conclusion could be compared."
    said = (
        f"{counted(comparison.tests, 'statistic')} of "
        f"{counted(comparison.old.quantities, 'quantity', 'quantities')} were compared "
        "(means, standard deviations, medians, ends of the 89% interval), each difference over its "
        "combined Monte Carlo standard error, with Holm's correction: if nothing changed, a move "
        f"is reported with probability {comparison.level:.0%}."
    )
    if comparison.smallest is not None:
        said += (
            f" Means that moved by less than about {num(comparison.smallest, 2)} posterior sd "
            "(median over quantities) would not have been noticed."
        )
    return said
