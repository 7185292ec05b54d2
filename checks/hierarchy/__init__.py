"""What poolwise knows about the hierarchy of a model."""

from .cheap import constant_value, python_mode, value_of
from .discovery import discover
from .hierarchy import GroupLevel, Hierarchy, Membership, Outcome, Relation, Role
from .level import Level
from .plain import plain_model
from .reading import read_hierarchy
from .rows import NotUnderstood
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
    "constant_value",
    "discover",
    "is_positive",
    "plain_model",
    "python_mode",
    "read_hierarchy",
    "roles",
    "value_of",
]
