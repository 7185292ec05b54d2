"""A comparison on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..checks import Verdict
from .compare_words import (
    MOST_MOVES,
    also,
    came_and_went,
    errors,
    found,
    method,
    size,
    statistic,
    values,
    verdicts,
)
from .comparison import Comparison
from .terminal import MARKS


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print what changed, why, and how it was told from Monte Carlo error."""
    mark, colour, *_ = MARKS[Verdict(comparison.verdict)]
    console.print(
        f"\n[bold {colour}]{mark} {escape(comparison.new.name)}: {escape(comparison.headline)}[/]",
        highlight=False,
    )
    console.print(escape(comparison.cause), highlight=False)
    _causes(comparison, console)
    _findings(comparison, console)
    _moves(comparison, console)
    for said in came_and_went(comparison):
        console.print(f"\n{escape(said)}", highlight=False)
    for said in (*comparison.remarks, method(comparison)):
        console.print(f"\n{escape(said)}", highlight=False, style="dim")


def _causes(comparison: Comparison, console: Console) -> None:
    if len(comparison.causes) < 2:
        return
    table = _table("What differs", "", "")
    for cause in comparison.causes:
        table.add_row(cause.part, escape(cause.said))
    console.print(table)


def _findings(comparison: Comparison, console: Console) -> None:
    for said in comparison.silenced:
        console.print(f"\n{escape(said)}", highlight=False)
    if not comparison.judged:
        return
    table = _table("Findings that changed", "", "", "")
    for change in comparison.judged:
        mark, colour, *_ = MARKS[Verdict(change.new or "skipped")]
        before, after = verdicts(change)
        table.add_row(
            f"[{colour}]{mark}[/]",
            f"{before} → {after}",
            escape(f"{change.about}: {found(change)}"),
        )
    console.print(table)


def _moves(comparison: Comparison, console: Console) -> None:
    if not comparison.moves:
        return
    titles = ("statistic", "before", "after", "moved by", "MC errors", "also moved")
    table = _table("Conclusions that moved", "", *titles, header=True)
    for move in comparison.moves[:MOST_MOVES]:
        before, after = values(move)
        flips = " (crosses even odds)" if move.flips else ""
        table.add_row(
            escape(f"{move.name}{flips}"),
            statistic(move),
            before,
            after,
            size(move),
            errors(move.shown),
            also(move),
        )
    console.print(table)
    if len(comparison.moves) > MOST_MOVES:
        console.print(f"... and {len(comparison.moves) - MOST_MOVES} more", highlight=False)


def _table(title: str, *columns: str, header: bool = False) -> Table:
    table = Table(
        title=f"\n{title}", title_justify="left", box=None, show_header=header, padding=(0, 1)
    )
    for i, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=i == 0 and not header)
    return table
