"""How a review shows itself in a notebook."""

from pathlib import Path

from .record import ReviewRecord


def summary_html(record: ReviewRecord, report: Path) -> str:
    """Return a short summary with a link to the report."""
    raise NotImplementedError
