"""Every reported quantity, and where the variance of predictions comes from, as plain data."""

from __future__ import annotations

from typing import Any

from ...checks import Evidence
from ...checks.decomposition import Decomposition, Part
from ...checks.estimates import Estimate
from .values import number, statistic


def estimates(evidence: Evidence) -> dict[str, Any]:
    """Return every reported quantity with its Monte Carlo errors."""
    found: list[Estimate] = evidence.get("estimates")
    return {
        "quantities": [
            {
                "name": estimate.name,
                "kind": estimate.kind,
                **{name: statistic(s) for name, s in estimate.statistics.items()},
            }
            for estimate in found
        ],
        "levels_not_listed": dict(evidence.get("unlisted_groups")),
    }


def uncertainty(evidence: Evidence) -> dict[str, Any]:
    """Return where each target's variance comes from, by level."""
    if not evidence.has("uncertainty"):
        return {}
    found: dict[str, list[Decomposition]] = evidence.get("uncertainty")
    return {
        level: {
            d.target: {
                "total": number(d.total),
                "epistemic_share": number(d.epistemic_share),
                "mcse_of_share": number(d.share_mcse),
                "heavy_tailed": d.heavy_tailed,
                "parts": [_part(p) for p in d.parts],
                "entropy": [_part(p) for p in d.entropy],
            }
            for d in targets
        }
        for level, targets in found.items()
    }


def _part(part: Part) -> dict[str, Any]:
    return {
        "name": part.name,
        "epistemic": part.epistemic,
        "value": number(part.value),
        "mcse": number(part.mcse),
    }
