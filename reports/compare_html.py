"""A comparison as one HTML page in the look of the report: no request, no script needed."""

from __future__ import annotations

from ..checks import Verdict
from .blocks import Block, Cell, Column, Note, Section, Table
from .compare_words import (
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
from .pages import environment

#: Moves that are visible before the rest is unfolded.
_SHOWN = 20

_SIGNS = {"pass": "Nothing changed", "note": "Changed", "warn": "Warning"}


def render_comparison(comparison: Comparison) -> str:
    """Return the page; the same bytes for the same comparison."""
    page: str = (
        environment()
        .get_template("compare.html.j2")
        .render(
            this=comparison,
            sign=_SIGNS[comparison.verdict],
            sides=[("Older", comparison.old), ("Newer", comparison.new)],
            sections=_sections(comparison),
        )
    )
    return page


def _sections(comparison: Comparison) -> list[Section]:
    return [
        Section("causes", "What differs", blocks=[_causes(comparison)], short="Causes"),
        Section("moved", "Conclusions that moved", blocks=_moves(comparison), short="Conclusions"),
        Section(
            "findings",
            "Findings that changed",
            blocks=[_findings(comparison), *(Note(said) for said in comparison.silenced)],
            short="Findings",
        ),
        Section(
            "method",
            "How this was compared",
            blocks=[Note(said) for said in (*comparison.remarks, method(comparison))],
        ),
    ]


def _causes(comparison: Comparison) -> Block:
    if not comparison.causes:
        return Note("Spec, data, versions, settings and seed are the same.")
    return Table(
        "Differences in what the results depend on",
        [
            Column("Part", number=False),
            Column("What", number=False),
            Column("Before", number=False),
            Column("After", number=False),
        ],
        [(c.part, c.what or "–", c.old or "–", c.new or "–") for c in comparison.causes],
    )


def _moves(comparison: Comparison) -> list[Block]:
    blocks: list[Block] = []
    if comparison.moves:
        titles = ("Before", "After", "Moved by", "Monte Carlo errors")
        blocks.append(
            Table(
                "Quantities that moved by more than Monte Carlo error",
                [
                    Column("Quantity", number=False),
                    Column("Statistic", number=False),
                    *(Column(title) for title in titles),
                    Column("Also moved", number=False),
                ],
                [
                    (
                        Cell(m.name, Verdict.WARN, "crosses even odds") if m.flips else m.name,
                        statistic(m),
                        *values(m),
                        size(m),
                        errors(m.shown),
                        also(m) or "–",
                    )
                    for m in comparison.moves
                ],
                shown=_SHOWN,
                note="Moved by: in posterior standard deviations of the older run.",
            )
        )
    else:
        blocks.append(Note("None moved by more than Monte Carlo error."))
    blocks += [Note(said) for said in came_and_went(comparison)]
    return blocks


def _findings(comparison: Comparison) -> Block:
    if not comparison.judged:
        return Note("No verdict of what is judged in both runs changed.")
    return Table(
        "Findings with another verdict",
        [
            Column("Check", number=False),
            Column("Before", number=False),
            Column("After", number=False),
            Column("What was found", number=False, prose=True),
        ],
        [
            (
                f.about,
                verdicts(f)[0],
                Cell("", Verdict(f.new), f.new) if f.new else "gone",
                found(f),
            )
            for f in comparison.judged
        ],
    )
