"""What poolwise knows about the hierarchy of a model."""

from .cheap import constant_value, python_mode, value_of
from .discovery import discover
from .hierarchy import GroupLevel, Hierarchy, Membership, Outcome, Relation, Role
from .level import Level
from .reading import read_hierarchy
from .rows import NotUnderstood, Rows, mean_and_sd, normal_outcome, rows_of
from .support import is_positive
from .top_level import Roles, roles

__all__ = [
    "GroupLevel",
    "Hierarchy",
    "Level",
    "Membership",
    "NotUnderstood",
    "Outcome",
    "Relation",
    "Role",
    "Roles",
    "Rows",
    "constant_value",
    "discover",
    "is_positive",
    "mean_and_sd",
    "normal_outcome",
    "python_mode",
    "read_hierarchy",
    "roles",
    "rows_of",
    "value_of",
]
