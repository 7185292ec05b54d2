"""How a run shows itself on a terminal: on stderr, and only there."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from ...reports.record import StageRecord

_MARK = {
    "done": "[green]✓[/]",
    "cached": "[green]✓[/]",
    "skipped": "[dim]–[/]",
    "failed": "[red]✗[/]",
}


class TerminalWatcher:
    """Shows one line per stage, with a bar while it works.

    Parameters
    ----------
    console : rich.console.Console
        Writes to stderr; where it is no terminal, only ended stages are shown.
    quiet : bool
        Show nothing.
    """

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
        )
        self._task: TaskID | None = None
        self._stage = ""

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def begins(self, stage: str) -> None:
        """Show that a stage works."""
        self._stage = stage
        self._task = self._progress.add_task(stage, total=None)

    def reports(self, label: str, done: int, total: int) -> None:
        """Show how far it has come."""
        if self._task is not None:
            self._progress.update(
                self._task,
                description=f"{self._stage}: {label}",
                completed=done,
                total=total if total > 1 else None,
            )

    def ends(self, record: StageRecord) -> None:
        """Show how it ended."""
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
        if self._quiet:
            return
        how = {
            "done": f"{record.seconds:.1f} s",
            "cached": "unchanged, not run again",
            "skipped": f"skipped: {record.message}",
            "failed": record.message,
        }[record.status]
        mark = _MARK[record.status]
        self._console.print(f"{mark} {record.name} [dim]{_escaped(how)}[/]", highlight=False)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
