"""What the sweep found, without fits that did not converge."""

from __future__ import annotations

from ..checks import REGISTRY
from ..checks.sweep import Change
from .record import ReviewRecord


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
