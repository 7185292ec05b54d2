"""What a linter prints: one line per finding, in the order of the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..checks import Finding, Verdict
from ..checks.words import counted

#: File of a spec and what was found in it.
Found = Sequence[tuple[str, Sequence[Finding]]]

_SHOWN = (Verdict.ERROR, Verdict.FAIL, Verdict.WARN, Verdict.NOTE)


def lint_lines(found: Found, *, verbose: bool = False) -> list[str]:
    """Return ``file:line: CODE message`` for every finding, sorted by file and line.

    Parameters
    ----------
    found : sequence of (path, findings)
    verbose : bool, optional
        Also show what was ignored, expected or not understood, and why.
    """
    lines = [
        (_short(path), finding.line or 0, finding.code, finding.message)
        for path, findings in found
        for finding in findings
        if finding.verdict in _SHOWN
    ]
    if verbose:
        lines += [line for path, findings in found for line in _left_out(path, findings)]
    return [
        f"{path}:{line}: {code} {message}" if line else f"{path}: {code} {message}"
        for path, line, code, message in sorted(set(lines))
    ]


def _left_out(path: str, findings: Sequence[Finding]) -> Iterator[tuple[str, int, str, str]]:
    """Yield what was ignored, expected or not understood; rules with one reason share a line."""
    codes: dict[tuple[int, str], list[str]] = {}
    for finding in findings:
        if finding.verdict in (Verdict.SKIPPED, Verdict.INCONCLUSIVE, Verdict.EXPECTED):
            codes.setdefault((finding.line or 0, finding.message), []).append(finding.code)
    for (line, reason), silent in codes.items():
        yield _short(path), line, ", ".join(sorted(set(silent))), reason


def summary(found: Found) -> str:
    """Return one line with the counts of errors, warnings, notes and expected failures."""
    errors, warnings, notes, expected = (
        sum(f.verdict in verdicts for f in _findings(found))
        for verdicts in (
            (Verdict.FAIL, Verdict.ERROR),
            (Verdict.WARN,),
            (Verdict.NOTE,),
            (Verdict.EXPECTED,),
        )
    )
    said = ", ".join(
        counted(n, noun)
        for n, noun in (
            (errors, "error"),
            (warnings, "warning"),
            (notes, "note"),
            (expected, "expected failure"),
        )
        if n
    )
    unasked = sum(bool(fs) and all(f.verdict is Verdict.SKIPPED for f in fs) for _, fs in found)
    left = f"; {counted(unasked, 'spec')} not linted" if unasked else ""
    return f"{said or 'nothing found'} in {counted(len(found), 'spec')}{left}"


def exit_code(found: Found, fail_on: str = "fail") -> int:
    """Return 1 when there are errors (or, with ``fail_on="warn"``, warnings), else 0."""
    bad = {Verdict.FAIL, Verdict.ERROR} | ({Verdict.WARN} if fail_on == "warn" else set())
    return int(any(f.verdict in bad for f in _findings(found)))


def _findings(found: Found) -> Iterator[Finding]:
    return (finding for _, findings in found for finding in findings)


def _short(path: str) -> str:
    """Return a path as it reads from the working folder."""
    if not path:
        return "<model>"
    resolved = Path(path).resolve()
    here = Path.cwd().resolve()
    return str(resolved.relative_to(here)) if resolved.is_relative_to(here) else str(resolved)
