"""What a report is made of: tables, figures, notes and the sections that hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..checks import Verdict
from .hierarchy import HierarchySketch


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; numbers are set flush right, prose gets room."""

    title: str
    number: bool = True
    prose: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """Text of a table cell, with a verdict (shape and word) where it carries one."""

    text: str
    verdict: Verdict | None = None
    word: str = ""


def folded_after(visible: int, rows: Sequence[object]) -> int | None:
    """Return after how many rows a table is folded; None where few more would be hidden."""
    return visible if len(rows) > visible + 2 else None


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers in rows; the first cell of a row is its heading.

    Attributes
    ----------
    label : str
        Names the table for readers who do not see it, and titles it unless ``caption`` does.
    columns, rows : sequence
    caption : str
        One sentence above the table.
    shown : int, optional
        Rows after these are folded away.
    note : str
        One sentence below the table.
    """

    label: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str | Cell]]
    caption: str = ""
    shown: int | None = None
    note: str = ""
    kind: str = "table"

    @property
    def first(self) -> Sequence[Sequence[str | Cell]]:
        """Rows that are always visible."""
        return self.rows if self.shown is None else self.rows[: self.shown]

    @property
    def rest(self) -> Sequence[Sequence[str | Cell]]:
        """Rows that are folded away."""
        return [] if self.shown is None else self.rows[self.shown :]


@dataclass(frozen=True, slots=True)
class Plot:
    """A figure: the question it answers, the picture, what to look for, the numbers behind it."""

    key: str
    question: str
    svg: str
    caption: str
    numbers: Table | None = None
    kind: str = "plot"
    figure: int = 0


@dataclass(frozen=True, slots=True)
class Pair:
    """Two figures side by side."""

    plots: Sequence[Plot]
    kind: str = "pair"


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence or two; ``gap`` marks something that is missing, with the reason.

    ``link`` is the text of a link to the file ``href`` beside the report.
    """

    text: str
    gap: bool = False
    kind: str = "note"
    href: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """The hierarchy as boxes within boxes, with tables that say the same.

    Attributes
    ----------
    key, question, caption : str
    sketch : HierarchySketch
    tables : sequence of Table
    most : int
        Variables of the population that are drawn; the table lists all.
    """

    key: str
    question: str
    caption: str
    sketch: HierarchySketch
    tables: Sequence[Table] = ()
    most: int = 10
    kind: str = "drawing"
    figure: int = 0


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One finding in the table of a stage."""

    anchor: str
    code: str
    verdict: Verdict
    message: str
    result: str
    needs: str
    line: int | None
    untrusted: str


@dataclass(frozen=True, slots=True)
class Checks:
    """The findings of one stage, most serious first; of many, those that need nothing fold away."""

    label: str
    rows: Sequence[CheckRow]
    kind: str = "checks"

    @property
    def visible(self) -> int:
        """How many rows are always visible."""
        telling = sum(r.verdict not in (Verdict.PASS, Verdict.SKIPPED) for r in self.rows)
        keep = max(telling, 8)
        return keep if len(self.rows) > keep + 2 else len(self.rows)


Block = Table | Plot | Pair | Note | Checks | Drawing


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report.

    Attributes
    ----------
    key, title : str
        Anchor and heading; ``short`` is what the list of sections says instead.
    depth : int
        Of the heading: 2 or 3.
    verdict : Verdict, optional
        The most serious finding; ``said`` is what the label beside the heading says.
    """

    key: str
    title: str
    depth: int = 2
    verdict: Verdict | None = None
    said: str = ""
    blocks: Sequence[Block] = field(default_factory=list)
    short: str = ""
