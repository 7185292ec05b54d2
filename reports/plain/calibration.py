"""The calibration that a review was given, as plain data."""

from __future__ import annotations

from typing import Any

import xarray as xr

from ...checks import Evidence


def calibration(evidence: Evidence) -> dict[str, Any] | None:
    """Return what was calibrated and concluded; None without a calibration of the same model."""
    if not evidence.has("calibration"):
        return None
    found: xr.Dataset = evidence.get("calibration")
    return {
        "kind": found.attrs["kind"],
        "verdict": found.attrs["verdict"],
        "headline": found.attrs["headline"],
        "created": found.attrs["created"],
        "simulations": int(found.sizes["simulation"]),
        "fits": int((found["status"] == "fitted").sum()),
        "besides": found.attrs["besides"],
        "report": f"{found.attrs['folder']}/report.html",
    }
