"""SPC0xx: comments that silence rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import xarray as xr

from ..check import REGISTRY
from ..evidence import Evidence
from ..finding import Verdict
from .rule import Fault, rule


@dataclass(frozen=True, slots=True)
class Ignore:
    """A comment ``# poolwise: ignore[SPC104] reason`` on a line of a spec."""

    line: int
    codes: tuple[str, ...]
    reason: str


@rule("SPC001", Verdict.NOTE)
def ignored_without_reason(spec_ignores: Sequence[Ignore]) -> Iterator[Fault]:
    """A rule is silenced without a reason.

    **Asks**: does every ``# poolwise: ignore[...]`` name existing codes and give a reason?
    **Why it matters**: the next reader cannot tell a decision from a convenience, and a code that
    does not exist silences nothing.
    **What to do**: ``# poolwise: ignore[SPC104] three labs, and the prior is from their reports``.
    **Thresholds**: none.
    **Source**: a convention of poolwise.
    """
    for ignore in spec_ignores:
        codes = ", ".join(ignore.codes)
        unknown = [code for code in ignore.codes if code not in REGISTRY]
        if unknown or not ignore.codes:
            message = f"The comment silences nothing: there is no rule {', '.join(unknown) or '[]'}"
            yield Fault(f"line {ignore.line}", message, "name a code", line=ignore.line)
        elif not ignore.reason:
            yield Fault(
                f"line {ignore.line}",
                f"{codes} is ignored without a reason",
                "write it after the bracket",
                line=ignore.line,
            )


def _with(*ignores: Ignore) -> Evidence:
    return Evidence(xr.DataTree(), declared={"spec_ignores": ignores})


ignored_without_reason.passes(_with)
ignored_without_reason.fails(lambda: _with(Ignore(3, ("SPC104",), "")), Verdict.NOTE)
ignored_without_reason.false_alarm(lambda: _with(Ignore(3, ("SPC104", "SPC105"), "three labs")))
