"""Results as plain data, for JSON and every format made from it.

``schema/run.schema.json`` describes what these functions return.
"""

from .calibration import calibration
from .levels import regularization
from .numbers import estimates, uncertainty
from .sensitivity import sensitivity

__all__ = ["calibration", "estimates", "regularization", "sensitivity", "uncertainty"]
