"""A comparison in Markdown, for a comment on a pull request."""

from __future__ import annotations

from collections.abc import Sequence

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
from .machine.markdown import WORDS, cell, cut

#: What GitHub takes of one comment: 65,536 characters.
MOST_BYTES = 65_000


def markdown(comparison: Comparison) -> str:
    """Return a comparison as Markdown: what changed, why, and the numbers."""
    sign = WORDS[comparison.verdict].partition(" ")[0]
    parts = [
        f"## {sign} {cell(comparison.new.name)}: {cell(comparison.headline)}\n",
        f"{cell(comparison.cause)}\n",
    ]
    if len(comparison.causes) > 1:
        rows = [(c.part, c.what or "–", c.old or "–", c.new or "–") for c in comparison.causes]
        parts.append(_table("What differs", ("", "what", "before", "after"), rows))
    if comparison.judged:
        rows = [(*verdicts(f), f.about, found(f)) for f in comparison.judged]
        parts.append(
            _table("Findings that changed", ("before", "after", "check", "what was found"), rows)
        )
    parts += [f"{cell(said)}\n" for said in comparison.silenced]
    if comparison.moves:
        titles = ("quantity", "statistic", "before", "after", "moved by", "MC errors", "also moved")
        moved = [
            (
                f"{m.name} (crosses even odds)" if m.flips else m.name,
                statistic(m),
                *values(m),
                size(m),
                errors(m.shown),
                also(m),
            )
            for m in comparison.moves
        ]
        parts.append(_table("Conclusions that moved", titles, moved[:MOST_MOVES]))
        if len(moved) > MOST_MOVES:
            parts.append(f"… and {len(moved) - MOST_MOVES} more.\n")
    parts += [f"{cell(said)}\n" for said in came_and_went(comparison)]
    notes = "\n".join(f"- {cell(said)}" for said in (*comparison.remarks, method(comparison)))
    parts.append(f"<details><summary>How this was compared</summary>\n\n{notes}\n\n</details>\n")
    return cut("\n".join(parts), MOST_BYTES)


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(cell(value) for value in row)} |" for row in rows]
    return f"### {title}\n\n" + "\n".join(lines) + "\n"
