"""What poolwise knows about the hierarchy of a model."""

from .cheap import python_mode, value_of
from .level import Level
from .roles import Roles, constant_value, is_positive, roles
from .rows import NotUnderstood, Rows, mean_and_sd, normal_outcome, rows_of

__all__ = [
    "Level",
    "NotUnderstood",
    "Roles",
    "Rows",
    "constant_value",
    "is_positive",
    "mean_and_sd",
    "normal_outcome",
    "python_mode",
    "roles",
    "rows_of",
    "value_of",
]
