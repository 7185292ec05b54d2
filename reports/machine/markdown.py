"""A summary in Markdown, failures first, for a step of GitHub Actions or a comment."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ...checks import SEVERITY
from .results import OPEN, Result, by_severity

#: What GitHub takes of one step: 1 MiB.
MOST_BYTES = 1024 * 1024

#: Shape and word of each verdict.
WORDS = {
    "error": "❗ error",
    "fail": "❌ failed",
    "warn": "⚠️ warning",
    "inconclusive": "❓ undecided",
    "expected": "🔕 expected",
    "note": "ℹ️ note",
    "skipped": "⏭️ skipped",
    "pass": "✅ passed",
}

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~#])")

_HEAD = "| | Check | What was found | Result | Needs | Line |\n|---|---|---|---|---|---|\n"


def summary(results: Sequence[Result], most: int = MOST_BYTES) -> str:
    """Return the results as Markdown, the most serious first.

    Parameters
    ----------
    results : sequence of Result
    most : int
        Bytes that may be used. Findings that passed, then those that are less serious, are left
        out when there is no room for them, and the text says so.
    """
    order = [v.value for v in SEVERITY]
    ranked = sorted(results, key=lambda r: order.index(r["verdict"]))
    for rows in (None, 1000, 100, 10, 0):
        for passed in (True, False):
            text = "\n".join(_one(result, passed, rows) for result in ranked)
            if len(text.encode()) < most:
                return text
    return cut(text, most)


def cell(text: str) -> str:
    """Escape a text for a cell of a table, or for a paragraph: no markup, one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def cut(text: str, most: int) -> str:
    """Cut a text to less than so many bytes, and say so."""
    if len(text.encode()) < most:
        return text
    said = "\n\n… cut: there was no room for more.\n"
    kept = text.encode()[: max(0, most - len(said.encode()) - 1)]
    return kept.decode(errors="ignore") + said


def _one(result: Result, passed: bool, rows: int | None) -> str:
    name, verdict = result["spec"]["name"], result["verdict"]
    headline = result.get("headline") or WORDS[verdict].partition(" ")[2]
    parts = [f"## {WORDS[verdict].partition(' ')[0]} {cell(name)}: {cell(headline)}\n"]
    if result.get("sentence"):
        parts.append(f"{cell(result['sentence'])}\n")
    counts = [f"{WORDS[v]} {n}" for v, n in result["counts"].items() if n]
    parts.append(f"{' · '.join(counts) or 'nothing was found'}\n")
    found = by_severity(result["findings"])
    parts += _table([f for f in found if f["verdict"] in OPEN], rows)
    rest = [f for f in found if f["verdict"] not in OPEN]
    if rest and passed:
        parts.append(f"<details><summary>{len(rest)} more</summary>\n")
        parts += _table(rest, rows)
        parts.append("</details>\n")
    elif rest:
        parts.append(f"{len(rest)} more are not shown: there was no room.\n")
    return "\n".join(parts)


def _table(findings: Sequence[Mapping[str, Any]], rows: int | None) -> list[str]:
    shown = findings if rows is None else findings[:rows]
    parts = [_HEAD + "".join(_row(f) for f in shown)] if shown else []
    if len(shown) < len(findings):
        parts.append(f"{len(findings) - len(shown)} more are not shown: there was no room.\n")
    return parts


def _row(finding: Mapping[str, Any]) -> str:
    cells = (
        WORDS[finding["verdict"]],
        f"{cell(finding['code'])} {cell(finding['name'].replace('_', ' '))}",
        cell(finding["message"]),
        cell(finding["result"]),
        cell(finding["needs"]),
        str(finding["line"] or ""),
    )
    return f"| {' | '.join(cells)} |\n"
