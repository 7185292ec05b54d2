"""The penalty of a linear level, as a classical analyst would have chosen it."""

from .choices import Choices, choices_of
from .dataset import ROW_ARRAYS, ridge_of
from .james_stein import james_stein_weight
from .l_curve import Corner, LCurve, corner, l_curve
from .markers import METHODS, Marker, Outcome, classical_markers
from .reduction import NotLinear, dense, one_way
from .ridge import Ridge

__all__ = [
    "METHODS",
    "ROW_ARRAYS",
    "Choices",
    "Corner",
    "LCurve",
    "Marker",
    "NotLinear",
    "Outcome",
    "Ridge",
    "choices_of",
    "classical_markers",
    "corner",
    "dense",
    "james_stein_weight",
    "l_curve",
    "one_way",
    "ridge_of",
]
