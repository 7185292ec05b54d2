"""A review on a terminal: the verdict and what needs attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..checks import SEVERITY, Finding, Verdict
from ..checks.conclusion import Conclusion
from ..checks.words import counted

#: Shape, colour and words (one, several) of each verdict: never colour alone.
MARKS = {
    Verdict.PASS: ("✓", "green", "passed", "passed"),
    Verdict.NOTE: ("i", "blue", "note", "notes"),
    Verdict.WARN: ("▲", "yellow", "warning", "warnings"),
    Verdict.FAIL: ("✗", "red", "failed", "failed"),
    Verdict.SKIPPED: ("–", "bright_black", "skipped", "skipped"),
    Verdict.INCONCLUSIVE: ("?", "magenta", "undecided", "undecided"),
    Verdict.ERROR: ("!", "red", "error", "errors"),
    Verdict.EXPECTED: ("~", "cyan", "expected failure", "expected failures"),
}


class Judged(Protocol):
    """What was judged: a review, or a calibration."""

    @property
    def name(self) -> str: ...
    @property
    def findings(self) -> Sequence[Finding]: ...
    @property
    def conclusion(self) -> Conclusion: ...


def print_review(record: Judged, console: Console, *, verbose: bool = False) -> None:
    """Print the verdict, the sentence, the counts and the findings that need attention.

    Parameters
    ----------
    record : Judged
    console : rich.console.Console
    verbose : bool
        Print every finding, passed ones too.
    """
    conclusion = record.conclusion
    mark, colour, *_ = MARKS[conclusion.verdict]
    console.print()
    console.print(
        f"[bold {colour}]{mark} {escape(record.name)}: {escape(conclusion.headline)}[/]",
        highlight=False,
    )
    console.print(escape(conclusion.sentence), highlight=False)
    counts = [_count(v, conclusion.counts[v]) for v in SEVERITY if conclusion.counts[v]]
    console.print("  ".join(counts), highlight=False)
    quiet = () if verbose else (Verdict.PASS, Verdict.SKIPPED, Verdict.NOTE)
    shown = [f for f in record.findings if f.verdict not in quiet]
    if not shown:
        return
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in sorted(shown, key=lambda f: SEVERITY.index(f.verdict)):
        mark, colour, *_ = MARKS[finding.verdict]
        table.add_row(f"[{colour}]{mark}[/]", finding.code, escape(finding.message))
    console.print(table)


def _count(verdict: Verdict, n: int) -> str:
    mark, colour, one, several = MARKS[verdict]
    return f"[{colour}]{mark} {counted(n, one, several)}[/]"
