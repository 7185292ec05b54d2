"""A calibration as reports see it: judged. Nothing here samples or renders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checks import Evidence, Finding
from ..checks.calibration import Calibrated, power_of
from ..checks.conclusion import Conclusion
from .machine.results import result_of

#: Version of the layout that ``schema/calibration.schema.json`` describes.
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationRecord:
    """Everything a report of a calibration shows.

    Attributes
    ----------
    name, path, line, source
        Of the spec.
    model : str
        Hash of the model's graph and of its data.
    created : str
        ISO 8601, UTC.
    seconds : float
    settings, environment : mapping
        Sizes, seed, number of simulations and ``kind`` (``prior`` or ``posterior``); versions.
    evidence : Evidence
    findings : sequence of Finding
    conclusion : Conclusion
    notes : sequence of str
        What is not ranked, and why.
    command : str
        Reproduces the calibration.
    simulator : str
        Name of the spec that simulated, if that is another.
    """

    name: str
    path: str
    line: int | None
    source: str
    model: str
    created: str
    seconds: float
    settings: Mapping[str, Any]
    environment: Mapping[str, str]
    evidence: Evidence
    findings: Sequence[Finding]
    conclusion: Conclusion
    notes: Sequence[str]
    command: str
    simulator: str = ""

    @property
    def quantities(self) -> list[Calibrated]:
        """Every quantity with enough ranks, the worst first."""
        found: list[Calibrated] = (
            self.evidence.get("calibrated") if self.evidence.has("calibrated") else []
        )
        return found


def as_json(record: CalibrationRecord) -> dict[str, Any]:
    """Return a calibration as plain data: the result that every machine format is a view of."""
    return {
        **result_of(record, "calibration", model=record.model),
        "schema_version": SCHEMA_VERSION,
        "simulator": record.simulator or record.name,
        "power": _power(record),
        "quantities": [_quantity(q) for q in record.quantities],
        "notes": list(record.notes),
        "artifacts": {"simulations": "calibration.nc", "report": "report.html"},
    }


def _power(record: CalibrationRecord) -> dict[str, float | None] | None:
    if not record.quantities:
        return None
    fits, bias, narrow = power_of(record.evidence)
    return {
        "fits": fits,
        "probability": 0.8,
        "smallest_bias_sd": _finite(bias),
        "smallest_narrowing_factor": _finite(narrow),
    }


def _quantity(this: Calibrated) -> dict[str, Any]:
    return {
        "name": this.label,
        "fits": int(this.pit.size),
        "p": _finite(this.chance),
        "p_adjusted": _finite(this.adjusted),
        "how": this.how,
        "z_rms": _finite(this.z),
        "contraction_median": _finite(this.contraction),
        "ess_median": _finite(this.ess),
    }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
