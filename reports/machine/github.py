"""Annotations of GitHub Actions: one workflow command per finding that needs attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .results import Result, found, line_of, remedy

#: Most annotations of a kind that GitHub shows for one step.
MOST = 10

#: Kinds of annotations and the verdicts they show.
_KINDS = {
    "error": ("error", "fail"),
    "warning": ("warn", "inconclusive"),
    "notice": ("expected", "note"),
}


def commands(results: Sequence[Result]) -> str:
    """Return workflow commands, one per line: ``::error file=F,line=N,title=T::message``.

    At most ten of a kind, which is what GitHub shows of one step; the last then says how many more
    there are. What was skipped has none: it stands in the step summary.
    """
    lines = []
    for kind, verdicts in _KINDS.items():
        mine = list(found(results, verdicts))
        shown = mine if len(mine) <= MOST else mine[: MOST - 1]
        lines += [_command(kind, result, finding) for result, finding in shown]
        if len(mine) > len(shown):
            more = f"{len(mine) - len(shown)} more, listed in the summary of this step"
            lines.append(f"::{kind} title=poolwise::{_message(more)}")
    return "".join(f"{line}\n" for line in lines)


def _command(kind: str, result: Result, finding: Mapping[str, Any]) -> str:
    undecided = " (undecided)" if finding["verdict"] == "inconclusive" else ""
    title = f"{finding['code']} {finding['name'].replace('_', ' ')}{undecided}"
    properties = {"title": f"{title}: {result['spec']['name']}"}
    if result["spec"]["path"]:
        place = {"file": result["spec"]["path"], "line": str(line_of(result, finding))}
        properties = place | properties
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    said = finding["message"]
    todo = remedy(finding["code"])
    if todo and kind != "notice":
        said += f"\nWhat to do: {todo}"
    return f"::{kind} {listed}::{_message(said)}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
