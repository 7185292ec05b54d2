"""Errors a user can act on: what is wrong, where, what was expected, what to do."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType


@dataclass(slots=True)
class SpecError(Exception):
    """A spec, its data or its surroundings cannot be reviewed as they are.

    Attributes
    ----------
    problem : str
        What is wrong, in one sentence.
    path : str
        File concerned; ``line`` in it, when known.
    expected, do : str
        What was expected, and what to do about it.
    """

    problem: str
    path: str = ""
    line: int | None = None
    expected: str = ""
    do: str = ""

    def __reduce__(self) -> tuple[type[SpecError], tuple[str, str, int | None, str, str]]:
        # An exception travels with its positional arguments only.
        return type(self), (self.problem, self.path, self.line, self.expected, self.do)

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.path and self.line else self.path
        lines = [f"{where}: {self.problem}" if where else self.problem]
        if self.expected:
            lines.append(f"  expected: {self.expected}")
        if self.do:
            lines.append(f"  to do:    {self.do}")
        return "\n".join(lines)


def line_in(path: str | Path, tb: TracebackType | None) -> int | None:
    """Return the last line of ``path`` that a traceback passed through."""
    resolved = str(Path(path).resolve())
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(tb)
        if str(Path(frame.filename).resolve()) == resolved
    ]
    return lines[-1] if lines else None


def one_line(error: BaseException, limit: int = 300) -> str:
    """Return an exception as one short line: its type and the start of its message."""
    text = " ".join(str(error).split())
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    return f"{type(error).__name__}: {short}" if short else type(error).__name__
