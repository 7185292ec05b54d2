"""Reviews in ordinary tests: ``from poolwise.testing import assert_review``."""

from __future__ import annotations

from poolwise.workflow.testing import assert_review

__all__ = ["assert_review"]
