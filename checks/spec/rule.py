"""What a rule about a spec is: a check that looks at a model and says where it will go wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from ..check import Check, check
from ..evidence import Missing
from ..finding import Finding, Verdict, skipped
from ..hierarchy.variables import Variable

#: Codes that are asked only when they are selected by name: matters of taste in many projects.
OPT_IN: set[str] = set()


@dataclass(frozen=True, slots=True)
class Fault:
    """A place where a rule does not hold.

    Attributes
    ----------
    where : Variable or str
        The variable concerned, or what else to name.
    message : str
        What will go wrong, in a sentence that names the variable and states the number.
    do : str
        What to write instead.
    value, threshold : float, optional
        The number that was judged and what it was compared with.
    verdict : Verdict, optional
        Where it differs from the rule's own.
    line : int, optional
        Where it is not the line of the variable.
    """

    where: Variable | str
    message: str
    do: str = ""
    value: float | None = None
    threshold: float | None = None
    verdict: Verdict | None = None
    line: int | None = None


Rule = Callable[..., Iterable[Fault]]


def rule(code: str, verdict: Verdict, *, opt_in: bool = False) -> Callable[[Rule], Check]:
    """Register a function that yields faults as the check ``code``.

    A rule that finds nothing passes. One that stumbles over a model it was not made for answers
    that it did not understand it: a linter must never be the thing that breaks.
    """

    def register(question: Rule) -> Check:
        @wraps(question)
        def ask(*evidence: Any, **options: Any) -> list[Finding]:
            try:
                faults = list(question(*evidence, **options))
            except Missing:
                raise
            except Exception as error:
                return [skipped(f"not understood, because of {type(error).__name__}: {error}")]
            return [_finding(fault, verdict) for fault in faults] or [_nothing_found()]

        if opt_in:
            OPT_IN.add(code)
        return check(code)(ask)

    return register


def _finding(fault: Fault, verdict: Verdict) -> Finding:
    variable = fault.where if isinstance(fault.where, Variable) else None
    message = f"{fault.message}; {fault.do}" if fault.do else fault.message
    return Finding(
        verdict=fault.verdict or verdict,
        message=message,
        value=None if fault.value is None else float(fault.value),
        threshold=None if fault.threshold is None else float(fault.threshold),
        where=variable.name if variable else str(fault.where),
        line=variable.line if variable else fault.line,
    )


def _nothing_found() -> Finding:
    return Finding(verdict=Verdict.PASS, message="Not found in the spec")
