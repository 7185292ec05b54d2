"""What poolwise knows about the hierarchy of a model."""

from .level import Level

__all__ = ["Level"]
