"""The hierarchy, drawn: from the population over the groups down to the rows of the data."""

from __future__ import annotations

from collections.abc import Sequence

from ..checks.words import counted, listed
from .blocks import Block, Column, Drawing, Note, Table
from .hierarchy import Grouping, HierarchySketch, Term, term_in_words
from .numbers import NONE
from .record import ReviewRecord
from .trust import gap

#: Size of the bars that show rows per group, in units of their own drawing.
_WIDE, _HIGH = 120.0, 24.0

_NO_LEVEL = (
    "No level of a hierarchy was found in the model. If it has one, declare it on the spec: "
    '``levels={"school": Level(effect="theta", location="mu", scale="tau")}``, with the names of '
    "your own model."
)


def blocks(record: ReviewRecord) -> list[Block]:
    """Return the drawing with its tables, and what could not be settled; empty where not known."""
    sketch = record.hierarchy
    if sketch is None:
        return []
    found: list[Block] = [
        Drawing(
            key="hierarchy",
            question=_question(sketch),
            caption=_caption(sketch),
            sketch=sketch,
            tables=[t for t in (_levels(sketch), _variables(sketch)) if t.rows],
        )
    ]
    if not sketch.groupings and not sketch.unclear:
        found.append(Note(_NO_LEVEL))
    return found + [gap(f"Not settled: {said}") for said in sketch.unclear]


def bars(profile: Sequence[int]) -> str:
    """Return the outline of bars for rows per group, from most to fewest.

    >>> bars([4, 2])
    'M0 24V0H58V24ZM60 24V12H118V24Z'
    """
    most = max(profile, default=0)
    if not most:
        return ""
    each = _WIDE / len(profile)
    gap = min(2.0, each / 4)
    return "".join(
        f"M{i * each:.4g} {_HIGH:g}V{_HIGH * (1 - rows / most):.4g}"
        f"H{(i + 1) * each - gap:.4g}V{_HIGH:g}Z"
        for i, rows in enumerate(profile)
    )


def _question(sketch: HierarchySketch) -> str:
    names = [g.name for g in sketch.walk()]
    if not names:
        return "What does the model assume?"
    return f"What does the model assume, from the population over {_shortened(names)} to the rows?"


def _shortened(names: Sequence[str]) -> str:
    return listed(list(names)) if len(names) < 5 else counted(len(names), "grouping")


def _caption(sketch: HierarchySketch) -> str:
    said = ["Each row of the data is described by what stands above it."]
    if any(g.inside for g in sketch.walk()):
        said.append("A box inside another is nested: each of its groups lies in one group there.")
    if any(g.crossed for g in sketch.walk()):
        said.append("× marks crossed levels: their groups occur in many combinations.")
    if any(r.fewest < r.most or r.empty for g in sketch.walk() for r in g.rows):
        said.append("Bars: rows per group, from most to fewest.")
    if sketch.groupings:
        said.append("The smaller the spread of a level, the more its groups are pooled.")
    return " ".join(said)


def _levels(sketch: HierarchySketch) -> Table:
    columns = [
        Column("Level", number=False),
        Column("Groups"),
        Column("Rows per group", number=False),
        Column("Effects", number=False),
        Column("Around", number=False),
        Column("Spread", number=False),
        Column("Lies with", number=False),
    ]
    rows = [
        [
            term.level,
            str(grouping.groups),
            _rows(sketch, grouping, term),
            f"{term.effect}: {term_in_words(term)}",
            sketch.location(term),
            sketch.quantity(term.scale),
            _relations(grouping, around) or NONE,
        ]
        for grouping, around in _with_what_is_around(sketch.groupings)
        for term in grouping.terms
    ]
    return Table("Levels", columns, rows)


def _with_what_is_around(
    groupings: Sequence[Grouping], around: str = ""
) -> list[tuple[Grouping, str]]:
    found = []
    for grouping in groupings:
        found.append((grouping, around))
        found += _with_what_is_around(grouping.inside, grouping.name)
    return found


def _rows(sketch: HierarchySketch, grouping: Grouping, term: Term) -> str:
    several = len(sketch.outcomes) > 1
    said = [f"{r.outcome}: {r}" if several else str(r) for r in grouping.rows]
    return "; ".join(said) or f"not known: {term.why_no_rows}"


def _relations(grouping: Grouping, around: str) -> str:
    parts = [
        ("nested in", [around, *grouping.also_in] if around else list(grouping.also_in)),
        ("crossed with", list(grouping.crossed)),
        ("no row with", list(grouping.disjoint)),
    ]
    return "; ".join(f"{word} {listed(names)}" for word, names in parts if names)


def _variables(sketch: HierarchySketch) -> Table:
    columns = [
        Column("Parameter", number=False),
        Column("Role", number=False),
        Column("Prior", number=False),
        Column("Values"),
    ]
    rows = [
        [
            v.name,
            sketch.role(v),
            v.prior,
            str(v.size),
        ]
        for v in sketch.variables
    ]
    return Table("Parameters", columns, rows, shown=30)
