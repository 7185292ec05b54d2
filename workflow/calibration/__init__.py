"""Simulation-based calibration: fits to data simulated from known parameters."""

from .run import Calibration, calibrate

__all__ = ["Calibration", "calibrate"]
