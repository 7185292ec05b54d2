"""Whether anything that rests on posterior draws may be shown."""

from __future__ import annotations

from collections.abc import Callable

from ..checks import REGISTRY, Missing, Verdict
from .blocks import Block, Note
from .record import ReviewRecord


def distrust(record: ReviewRecord) -> str:
    """Return why the posterior draws cannot be believed; empty when they can.

    The sampling checks are asked again, so that a review that left them out does not show numbers
    from draws that did not converge.
    """
    evidence = record.evidence
    if not evidence.has("posterior"):
        return evidence.why_missing("posterior")
    for code in REGISTRY["REG601"].after:
        for finding in REGISTRY[code].run(evidence, record.thresholds.get(code)):
            if finding.verdict in (Verdict.FAIL, Verdict.ERROR):
                return f"{code} {finding.name.replace('_', ' ')}: {finding.message}"
    return ""


def gap(reason: str) -> Note:
    """Say that something is not shown, and why."""
    return Note(sentence(reason), gap=True)


def sentence(text: str) -> str:
    """End with a full stop. The case is kept: texts often begin with a name of the user's."""
    return text if not text or text.rstrip().endswith((".", "!", "?")) else f"{text.rstrip()}."


def attempt(what: str, build: Callable[[], Block | list[Block] | None]) -> list[Block]:
    """Build a block, or several; a fault in a figure costs that, and says so in its place."""
    try:
        built = build()
    except Missing as missing:
        return [gap(f"{what}: {missing}")]
    except Exception as error:
        return [gap(f"{what}: could not be drawn ({type(error).__name__}: {error})")]
    if isinstance(built, list):
        return built
    return [] if built is None else [built]
