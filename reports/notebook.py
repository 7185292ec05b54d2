"""How a review shows itself in a notebook."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from ..checks import Verdict
from .pages import environment
from .record import ReviewRecord
from .stages import count
from .tiles import tiles

#: Sign and colour of each verdict; the colours are readable on white and on black.
_LOOKS = {
    Verdict.PASS: ("✔", "#2e9e5b"),
    Verdict.NOTE: ("ℹ", "#3f86e8"),
    Verdict.WARN: ("▲", "#b87a00"),
    Verdict.FAIL: ("✖", "#d9534a"),
    Verdict.SKIPPED: ("○", "#7f8896"),
    Verdict.INCONCLUSIVE: ("◆", "#a36cc9"),
    Verdict.ERROR: ("▼", "#d9534a"),
    Verdict.EXPECTED: ("◇", "#2a93a5"),
}


def summary_html(record: ReviewRecord, report: Path) -> str:
    """Return a short summary with a link to the report.

    Parameters
    ----------
    record : ReviewRecord
    report : Path
        The HTML report; linked relative to the working folder where it lies below it.
    """
    sign, colour = _LOOKS[record.conclusion.verdict]
    counts = [count(Verdict(v), n) for v, n in record.conclusion.counts.items() if n]
    page: str = (
        environment()
        .get_template("notebook.html.j2")
        .render(
            record=record,
            sign=sign,
            colour=colour,
            counts=counts,
            tiles=tiles(record),
            href=quote(Path(os.path.relpath(report)).as_posix()),
            report=str(report),
        )
    )
    return page
