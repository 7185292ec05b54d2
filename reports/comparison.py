"""What changed between two runs, as reports see it. Nothing here computes or renders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..checks.words import counted, listed

#: How far a verdict is from letting a review stand.
RANK = {
    "pass": 0,
    "note": 0,
    "skipped": 1,
    "expected": 1,
    "inconclusive": 2,
    "warn": 3,
    "fail": 4,
    "error": 5,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two runs.

    Attributes
    ----------
    source : str
        The folder or file as the user named it.
    name : str
        Of the spec.
    verdict, headline : str
    seed : int or None
        None where the draws were made elsewhere.
    quantities, findings : int
    """

    source: str
    name: str
    verdict: str
    headline: str
    seed: int | None
    quantities: int
    findings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One difference in what the results depend on.

    Attributes
    ----------
    part : str
        ``spec``, ``data``, ``versions``, ``settings`` or ``seed``.
    what : str
        ``the prior of tau``; empty where the part says it all.
    old, new : str
        In words; empty where there is nothing to say.
    moves : bool
        Whether it can move a conclusion: a changed threshold changes verdicts only.
    """

    part: str
    what: str
    old: str = ""
    new: str = ""
    moves: bool = True

    @property
    def said(self) -> str:
        """The difference in one phrase."""
        if not self.what:
            return f"{self.old} → {self.new}"
        if self.old or self.new:
            return f"{self.what}: {self.old or 'nothing'} → {self.new or 'nothing'}"
        return self.what


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingChange:
    """A finding with another verdict, one that appeared or one that went.

    Attributes
    ----------
    code, name, target : str
    old, new : str
        Verdicts; empty for a finding that was not there.
    old_result, new_result : str
    message : str
        What was found, in the newer run where the finding is in both.
    within_error : bool
        Whether the number that was judged moved by no more than its Monte Carlo error.
    because : str
        Code of the finding for which this one is not judged in one of the runs; empty otherwise.
    """

    code: str
    name: str
    target: str
    old: str
    new: str
    old_result: str
    new_result: str
    message: str
    within_error: bool
    because: str = ""

    @property
    def worse(self) -> bool:
        """Whether the review stands less firmly than before; a pass that went was lost."""
        return RANK.get(self.new, 1) > RANK.get(self.old, 0)

    @property
    def now_silent(self) -> bool:
        """Whether it is the newer run in which the finding is not judged."""
        return self.new == "inconclusive"

    @property
    def about(self) -> str:
        """Code, fault and target."""
        return f"{self.code} {self.name.replace('_', ' ')}" + (
            f" ({self.target})" if self.target else ""
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One statistic of a quantity in both runs.

    Attributes
    ----------
    statistic : str
    old, new, mcse : float
        Values, and the Monte Carlo error of their difference.
    moved : bool
        Whether they differ by more than Monte Carlo error explains.
    """

    statistic: str
    old: float
    new: float
    mcse: float
    moved: bool

    @property
    def errors(self) -> float:
        """Difference in Monte Carlo standard errors."""
        difference = abs(self.new - self.old)
        if difference == 0:
            return 0.0
        return difference / self.mcse if self.mcse else float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A quantity of which a statistic moved by more than Monte Carlo error.

    Attributes
    ----------
    name, kind : str
    shifts : sequence of Shift
        Every statistic that both runs know.
    spread : float or None
        Posterior standard deviation in the older run; None for a number that is no summary of
        draws.
    flips : bool
        Whether the probability of a decision crossed even odds.
    """

    name: str
    kind: str
    shifts: Sequence[Shift]
    spread: float | None
    flips: bool = False

    @property
    def shown(self) -> Shift:
        """The statistic a table shows: the mean where it moved, else the clearest move."""
        moved = [s for s in self.shifts if s.moved]
        mean = [s for s in moved if s.statistic == "mean"]
        return max(mean or moved, key=lambda s: s.errors)

    @property
    def sds(self) -> float | None:
        """How far that statistic moved, in posterior standard deviations."""
        return abs(self.shown.new - self.shown.old) / self.spread if self.spread else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What changed between two runs.

    Attributes
    ----------
    old, new : Side
    unit : str
        Of the outcome.
    causes : sequence of Cause
    findings : sequence of FindingChange
    moves : sequence of Move
        Largest first.
    appeared, went : sequence of str
        Quantities that only one of the runs reports.
    tests : int
        Statistics that were compared.
    level : float
        Probability of any false alarm among them.
    smallest : float or None
        How far a mean must have moved to be noticed, in posterior standard deviations (median over
        quantities).
    remarks : sequence of str
        What could not be compared, and what should be known.
    """

    old: Side
    new: Side
    unit: str = ""
    causes: Sequence[Cause] = ()
    findings: Sequence[FindingChange] = ()
    moves: Sequence[Move] = ()
    appeared: Sequence[str] = ()
    went: Sequence[str] = ()
    tests: int = 0
    level: float = 0.01
    smallest: float | None = None
    remarks: Sequence[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether nothing changed at all."""
        return not (self.causes or self.findings or self.moves or self.appeared or self.went)

    @property
    def worse(self) -> list[FindingChange]:
        """Findings that got worse."""
        return [f for f in self.findings if f.worse]

    @property
    def judged(self) -> list[FindingChange]:
        """Changed findings that are judged in both runs."""
        return [f for f in self.findings if not f.because]

    @property
    def silenced(self) -> list[str]:
        """What is not judged in one of the runs, and why: one sentence per reason."""
        reasons = dict.fromkeys((f.because, f.now_silent) for f in self.findings if f.because)
        said = []
        for code, now in reasons:
            mine = [f for f in self.findings if f.because == code and f.now_silent == now]
            codes = listed(sorted({f.code for f in mine}))
            when = "are no longer judged" if now else "were not judged in the older run"
            said.append(f"{counted(len(mine), 'finding')} {when} because of {code}: {codes}.")
        return said

    @property
    def verdict(self) -> str:
        """``pass``, ``note`` or ``warn``: the sign of the comparison."""
        if self.moves or self.worse or self.went:
            return "warn"
        return "note" if self.findings or self.appeared or self.causes else "pass"

    @property
    def headline(self) -> str:
        """What changed, counted."""
        said = []
        if self.moves:
            said.append(f"{counted(len(self.moves), 'conclusion')} moved")
        if self.judged:
            said.append(f"{counted(len(self.judged), 'finding')} changed")
        if len(self.findings) > len(self.judged):
            silent = len(self.findings) - len(self.judged)
            said.append(f"{counted(silent, 'finding')} cannot be compared")
        gone = len(self.appeared) + len(self.went)
        if gone:
            said.append(f"{counted(gone, 'quantity', 'quantities')} in one run only")
        if said:
            return listed(said)
        return "Nothing that was found changed" if self.causes else "Nothing changed"

    @property
    def cause(self) -> str:
        """Who or what is to blame, in a sentence or two."""
        acting = [c for c in self.causes if c.moves] if self.moves else list(self.causes)
        if self.empty:
            return "Spec, data, versions, settings and seed are the same, and so is the result."
        if not acting:
            return (
                "Nothing that poolwise records differs: spec, data, versions, settings and seed "
                "are the same. Look for something the model reads elsewhere, another machine, or "
                "a library that is not listed."
            )
        parts = listed(list(dict.fromkeys(c.part for c in acting)))
        if len(acting) == 1:
            only = acting[0]
            if self.moves and only.part in ("seed", "settings"):
                return (
                    f"Only the {only.part} differ{'s' if only.part == 'seed' else ''} "
                    f"({only.said}), which should move no conclusion by more than Monte Carlo "
                    f"error: {self.level:.0%} of such comparisons do by chance; if it happens "
                    "again, the chains have not mixed and their errors are too small."
                )
            found = self.moves or self.findings or self.appeared or self.went
            begin = "The cause is" if found else "Only"
            differs = "" if found else " differ" + ("s" if only.part in ("spec", "seed") else "")
            return f"{begin} the {only.part}{differs}: {only.said}."
        if len({c.part for c in acting}) == 1:
            return f"The cause is the {parts}: {'; '.join(c.said for c in acting)}."
        return (
            f"More than one part differs ({parts}), so poolwise cannot tell which is the cause: "
            "change one at a time to find out."
        )
