"""What poolwise knows about the hierarchy of a model."""

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
    "roles",
    "rows_of",
]
