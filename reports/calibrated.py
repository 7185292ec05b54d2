"""What a review shows of the calibration of its model."""

from __future__ import annotations

from ..checks.words import counted
from .blocks import Block, Note
from .plain import calibration
from .record import ReviewRecord
from .trust import gap, sentence


def blocks(record: ReviewRecord) -> list[Block]:
    """Return what was concluded, with a link to the calibration's own report; or why nothing was.

    The checks of a calibration are asked of its ranks again, and count among those of the review.
    """
    found = calibration(record.evidence)
    if found is None:
        return [gap(record.evidence.why_missing("calibration"))]
    text = (
        f"{sentence(found['headline'])} {found['fits']} of "
        f"{counted(found['simulations'], 'data set')} that were simulated from the "
        f"{found['kind']} were fitted with this model "
        f"({found['created'].replace('T', ' ').replace('Z', ' UTC')})."
    )
    if found["besides"]:
        text += f" Less serious: {sentence(found['besides'])}"
    return [Note(text, href=found["report"], link="The report of the calibration")]
