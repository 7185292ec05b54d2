"""One compiled program per review: priors, data and likelihood weights are switched as it runs."""

from .arrays import Draws, sample_arrays
from .densities import LogDensity, log_density_of
from .powers import power_scaled
from .program import Engine
from .switches import NotSwitchable

__all__ = [
    "Draws",
    "Engine",
    "LogDensity",
    "NotSwitchable",
    "log_density_of",
    "power_scaled",
    "sample_arrays",
]
