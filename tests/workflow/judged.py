"""What tests of whole reviews ask of them."""

from __future__ import annotations

import poolwise
from poolwise.workflow.review import Review

#: Sizes of a review that is not asked for numbers.
SMALL = ["--draws", "200", "--tune", "300", "--chains", "2"]


def statuses(review: Review) -> dict[str, str]:
    return {s.name: s.status for s in review.record.stages}


def of_code(review: Review, code: str) -> list[poolwise.Finding]:
    return [f for f in review.findings if f.code == code]
