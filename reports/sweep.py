"""What the sweep found, without fits that did not converge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..checks import REGISTRY
from ..checks.share_shifts import ShareChange
from ..checks.shares import Share
from ..checks.sign_flips import SignChange, flips, is_sure
from ..checks.sweep import Change
from .record import ReviewRecord


@dataclass(frozen=True, slots=True)
class SignRange:
    """The probability that one value is positive, over all alternative priors.

    Attributes
    ----------
    label : str
    base : Share
        As specified.
    lowest, highest, furthest : SignChange
        Under the alternative with the smallest and the largest probability; and under the one that
        moves it most, among those that flip its interval if any does.
    flips : bool or None
        Whether an interval excludes zero under one prior only; None when a probability is within
        two Monte Carlo errors of where that changes.
    """

    label: str
    base: Share
    lowest: SignChange
    highest: SignChange
    furthest: SignChange
    flips: bool | None


@dataclass(frozen=True, slots=True)
class ShareRange:
    """A number of a whole posterior, over all alternative priors.

    Attributes
    ----------
    label : str
    base : Share
        As specified.
    lowest, highest : ShareChange
    moves : bool or None
        Whether it changes by more than the threshold of SEN506; None within two Monte Carlo errors.
    """

    label: str
    base: Share
    lowest: ShareChange
    highest: ShareChange
    moves: bool | None

    @property
    def furthest(self) -> ShareChange:
        """The alternative that changes it most."""
        return max(self.lowest, self.highest, key=lambda c: abs(c.difference))


def limits(record: ReviewRecord, code: str) -> dict[str, float]:
    """Return the thresholds of a check, with the changes of the spec."""
    return REGISTRY[code].thresholds | dict(record.thresholds.get(code, {}))


def changes(record: ReviewRecord) -> list[Change]:
    """Return what every alternative does to every quantity."""
    found: list[Change] = record.evidence.get("changes") if record.evidence.has("changes") else []
    return found


def unconverged(record: ReviewRecord) -> dict[str, float]:
    """Return the alternatives whose chains disagree, with their R-hat."""
    if not record.evidence.has("sweep_rhat"):
        return {}
    limit = limits(record, "SEN503")["rhat"]
    found: dict[str, float] = record.evidence.get("sweep_rhat")
    return {key: rhat for key, rhat in found.items() if not rhat <= limit}


def converged(record: ReviewRecord) -> list[Change]:
    """Return the changes under alternatives whose fit converged."""
    bad = unconverged(record)
    return [c for c in changes(record) if c.alternative not in bad]


def sign_ranges(record: ReviewRecord) -> list[SignRange]:
    """Return every event with its range of probabilities: those that flip first, then by move."""
    if not record.evidence.has("sign_changes"):
        return []
    set_by = limits(record, "SEN505")
    interval, factor = set_by["interval"], set_by["factor"]
    bad = unconverged(record)
    by_label: dict[str, list[SignChange]] = {}
    for change in record.evidence.get("sign_changes"):
        if change.alternative not in bad:
            by_label.setdefault(change.label, []).append(change)
    found = [_sign_range(label, mine, interval, factor) for label, mine in by_label.items()]
    return sorted(found, key=lambda r: (r.flips is False, -_move(r.furthest)))


def _sign_range(label: str, mine: list[SignChange], interval: float, factor: float) -> SignRange:
    flipping = [c for c in mine if flips(c, interval, factor)]
    furthest = max(flipping or mine, key=_move)
    sure = is_sure(furthest.base, interval) and is_sure(furthest.other, interval)
    return SignRange(
        label=label,
        base=furthest.base,
        lowest=min(mine, key=lambda c: c.other.value),
        highest=max(mine, key=lambda c: c.other.value),
        furthest=furthest,
        flips=False if not flipping else True if sure else None,
    )


def _move(change: SignChange) -> float:
    return abs(change.other.value - change.base.value)


def share_ranges(record: ReviewRecord) -> list[ShareRange]:
    """Return every share with its range, the one that changes most first."""
    if not record.evidence.has("share_changes"):
        return []
    limit = limits(record, "SEN506")["limit"]
    bad = unconverged(record)
    by_label: dict[str, list[ShareChange]] = {}
    for change in record.evidence.get("share_changes"):
        if change.alternative not in bad and np.isfinite(change.difference):
            by_label.setdefault(change.label, []).append(change)
    found = [_share_range(label, mine, limit) for label, mine in by_label.items()]
    return sorted(found, key=lambda r: -abs(r.furthest.difference))


def _share_range(label: str, mine: list[ShareChange], limit: float) -> ShareRange:
    low = min(mine, key=lambda c: c.other.value)
    high = max(mine, key=lambda c: c.other.value)
    worst = max(low, high, key=lambda c: abs(c.difference))
    beyond = abs(worst.difference) - limit
    near = abs(beyond) <= 2 * worst.mcse
    return ShareRange(label, mine[0].base, low, high, None if near else beyond > 0)
