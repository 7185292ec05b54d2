"""What a review and a calibration have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..reports.machine.results import shown

if TYPE_CHECKING:
    from ..checks import Finding
    from ..reports.terminal import Judged
    from .specs.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class Finished[Record: Judged]:
    """What was judged and where it was written.

    Attributes
    ----------
    record : ReviewRecord or CalibrationRecord
        Evidence, findings and conclusion.
    folder : Path
        Holds the draws (netCDF), the record (JSON) and ``report.html``.
    """

    record: Record
    folder: Path

    @property
    def findings(self) -> Sequence[Finding]:
        """What every check found."""
        return self.record.findings

    @property
    def verdict(self) -> str:
        """The headline: ``"Usable, with 2 warnings"``."""
        return self.record.conclusion.headline

    @property
    def report(self) -> Path:
        """The HTML report."""
        return self.folder / "report.html"

    def exit_code(self, fail_on: str = "fail") -> int:
        """Return 0, 1 or 2 as the command line would."""
        return self.record.conclusion.exit_code(fail_on)

    def __repr__(self) -> str:
        counts = self.record.conclusion.counts
        said = ", ".join(f"{n} {v}" for v, n in counts.items() if n)
        kind = type(self).__name__
        return f"<{kind} of {self.record.name}: {self.verdict} ({said}); {self.report}>"


def moment(today: date | None) -> datetime:
    """Return what time it is (UTC), on the day it is taken to be."""
    now = datetime.now(UTC)
    return now if today is None else datetime.combine(today, now.timetz())


def written(time: datetime) -> str:
    """Return a time as records have it: ISO 8601, UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def address(spec: ModelSpec) -> str:
    """Return what names a spec on the command line: ``models.py::eight_schools``."""
    return f"{shown(spec.path) or 'models.py'}::{spec.name}"
