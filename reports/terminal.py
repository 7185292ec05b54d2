"""A review on a terminal: the verdict and what needs attention."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..checks import SEVERITY, Verdict
from .record import ReviewRecord

#: Shape, colour and word of each verdict: never colour alone.
MARKS = {
    Verdict.PASS: ("✓", "green", "passed"),
    Verdict.NOTE: ("i", "blue", "notes"),
    Verdict.WARN: ("▲", "yellow", "warnings"),
    Verdict.FAIL: ("✗", "red", "failed"),
    Verdict.SKIPPED: ("–", "bright_black", "skipped"),
    Verdict.INCONCLUSIVE: ("?", "magenta", "undecided"),
    Verdict.ERROR: ("!", "red", "errors"),
}


def print_review(record: ReviewRecord, console: Console, *, verbose: bool = False) -> None:
    """Print the verdict, the sentence, the counts and the findings that need attention.

    Parameters
    ----------
    record : ReviewRecord
    console : rich.console.Console
    verbose : bool
        Print every finding, passed ones too.
    """
    conclusion = record.conclusion
    mark, colour, _ = MARKS[conclusion.verdict]
    console.print()
    console.print(
        f"[bold {colour}]{mark} {escape(record.name)}: {escape(conclusion.headline)}[/]",
        highlight=False,
    )
    console.print(escape(conclusion.sentence), highlight=False)
    counts = [
        f"[{MARKS[v][1]}]{MARKS[v][0]} {conclusion.counts[v]} {MARKS[v][2]}[/]"
        for v in SEVERITY
        if conclusion.counts[v]
    ]
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
        mark, colour, _ = MARKS[finding.verdict]
        table.add_row(f"[{colour}]{mark}[/]", finding.code, escape(finding.message))
    console.print(table)
