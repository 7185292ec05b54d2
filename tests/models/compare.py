"""A hierarchy that was found against what is true of the model, answer by answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from poolwise.checks.hierarchy import GroupLevel, Hierarchy, Membership, Outcome, Role

from .expected import Expected, Likelihood, Term

KINDS = ("role", "level", "rows", "relation", "family", "link", "noise")


class Grade(StrEnum):
    """How an answer compares with the truth."""

    RIGHT = "right"
    REPORTED = "reported ambiguous"
    WRONG = "wrong"
    UNANSWERED = "not answered"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer about one thing."""

    kind: str
    grade: Grade
    text: str


def compare(found: Hierarchy, expected: Expected, potentials: tuple[str, ...] = ()) -> list[Answer]:
    """Grade every answer of a hierarchy.

    Parameters
    ----------
    found : Hierarchy
    expected : Expected
    potentials : tuple of str
        Names of the model's potentials, which may be listed as outcomes or not.

    Returns
    -------
    list of Answer
        At least one for each thing that is expected, and one for each that should not be there.
    """
    return list(_Comparison(found, expected, potentials).answers())


def mentioned(found: Hierarchy) -> set[str]:
    """Names of variables that are reported as unclear."""
    names = (name for key in found.unclear for name in re.split(r", | and ", key))
    return {name.removesuffix(" × scale") for name in names}


class _Comparison:
    def __init__(self, found: Hierarchy, expected: Expected, potentials: tuple[str, ...]) -> None:
        self.found, self.expected, self.potentials = found, expected, potentials
        self.mentioned = mentioned(found)
        self.pairs, self.extra = _paired(found, expected)

    def answers(self) -> Iterator[Answer]:
        yield from self._roles()
        yield from self._unclear()
        for term in self._terms():
            yield self._level(term)
            yield self._rows(term)
        for level in self.extra:
            yield self._extra(level)
        yield from self._relations()
        yield from self._outcomes()

    def _terms(self) -> list[Term]:
        """Terms that are found, or should have been."""
        return [
            term
            for term in self.expected.levels
            if not term.optional or _key(self.expected, term) in self.pairs
        ]

    def _roles(self) -> Iterator[Answer]:
        for name, truth in self.expected.roles.items():
            role = self.found.roles.get(name)
            wanted = truth if isinstance(truth, tuple) else (truth,)
            text = f"{name}: {role or 'no role'}, expected {' or '.join(wanted)}"
            if role is None:
                yield Answer("role", Grade.UNANSWERED, text)
            elif role is Role.UNCLEAR and name not in self.mentioned:
                yield Answer("role", Grade.WRONG, f"{text}, and no reason given")
            elif role is Role.UNCLEAR:
                yield Answer("role", Grade.REPORTED, text)
            else:
                yield Answer("role", Grade.RIGHT if role in wanted else Grade.WRONG, text)
        for name in self.found.roles.keys() - self.expected.roles.keys():
            yield Answer("role", Grade.WRONG, f"{name}: has a role and is not expected at all")

    def _unclear(self) -> Iterator[Answer]:
        for name in self.expected.unclear:
            grade = Grade.REPORTED if name in self.mentioned else Grade.WRONG
            yield Answer("level", grade, f"{name}: cannot be placed, and must be reported")

    def _missing(self, term: Term) -> Grade:
        return Grade.REPORTED if term.variable in self.mentioned else Grade.WRONG

    def _level(self, term: Term) -> Answer:
        level = self.pairs.get(_key(self.expected, term))
        if level is None:
            return Answer("level", self._missing(term), f"{_title(term)}: not found")
        wrong = []
        if (name := level.name.split(" (")[0]) not in (term.level, term.variable):
            wrong.append(f"is called {name}")
        if len(level.labels) != term.size:
            wrong.append(f"has {len(level.labels)} groups, expected {term.size}")
        if level.form != term.form:
            wrong.append(f"is {level.form}, expected {term.form}")
        families = (term.family,) if isinstance(term.family, str) else term.family
        if _family(level.family) not in families:
            wrong.append(f"is {level.family}, expected {' or '.join(families)}")
        text = f"{_title(term)}: {'; '.join(wrong) or 'as expected'}"
        return Answer("level", Grade.WRONG if wrong else Grade.RIGHT, text)

    def _extra(self, level: GroupLevel) -> Answer:
        names = set(_variables(level))
        grade = Grade.REPORTED if names <= self.mentioned else Grade.WRONG
        text = f"{level.name} ({', '.join(sorted(names))}): found, and is not a level"
        return Answer("level", grade, text)

    def _rows(self, term: Term) -> Answer:
        title = _title(term)
        level = self.pairs.get(_key(self.expected, term))
        if level is None:
            return Answer("rows", self._missing(term), f"{title}: not found")
        member = self.found.members.get(level.name)
        if member is None:
            why = self.found.why_no_rows.get(level.name, "")
            grade = Grade.REPORTED if why else Grade.WRONG
            return Answer("rows", grade, f"{title}: no rows: {why or 'and no reason given'}")
        if term.group is None:
            return Answer("rows", Grade.WRONG, f"{title}: has rows that nobody can know")
        wrong = ""
        for enters, group, design in self._accounts(term):
            wrong = _difference(self._called(member.enters), member, enters, group, design)
            if not wrong:
                break
        if wrong:
            return Answer("rows", Grade.WRONG, f"{title}: {wrong}")
        if member.why_no_design and term.design is not None:
            return Answer("rows", Grade.REPORTED, f"{title}: no design: {member.why_no_design}")
        return Answer("rows", Grade.RIGHT, f"{title}: as expected")

    def _accounts(self, term: Term) -> Iterator[tuple[str, np.ndarray, float | np.ndarray | None]]:
        """Yield the true accounts of where a term enters: the usual one last."""
        assert term.group is not None
        if term.via is not None:
            yield term.via[0], term.via[1], 1.0
        first = self.expected.outcomes[0].name if self.expected.outcomes else "y"
        yield term.enters or first, term.group, term.design

    def _called(self, name: str) -> str:
        """Return the true name of what a level enters."""
        for term in self.expected.levels:
            level = self.pairs.get(_key(self.expected, term))
            if level is not None and level.name == name:
                return term.level
        return name

    def _relations(self) -> Iterator[Answer]:
        terms = self._terms()
        for i, one in enumerate(terms):
            for other in terms[i + 1 :]:
                yield self._relation(one, other)

    def _relation(self, one: Term, other: Term) -> Answer:
        text = f"{_title(one)} and {_title(other)}"
        levels = [self.pairs.get(_key(self.expected, t)) for t in (one, other)]
        if any(level is None for level in levels):
            missing = [t for t, level in zip((one, other), levels, strict=True) if level is None]
            grades = [self._missing(t) for t in missing]
            return Answer("relation", max(grades, key=_badness), f"{text}: not found")
        names = [level.name for level in levels if level is not None]
        known = [
            (r.one, r.other, r.kind) for r in self.found.relations if {r.one, r.other} == {*names}
        ]
        if not known:
            reported = any(n in self.found.why_no_rows for n in names)
            grade = Grade.REPORTED if reported else Grade.UNANSWERED
            return Answer("relation", grade, f"{text}: no relation")
        forward = self.expected.relations(one, other)
        backward = self.expected.relations(other, one)
        if "nested" in (*forward, *backward):
            inner, outer = names if "nested" in forward else names[::-1]
            wanted = {(inner, outer, "nested")}
        else:
            wanted = {(a, b, kind) for a, b in (names, names[::-1]) for kind in forward}
        right = len(known) == 1 and known[0] in wanted
        text = f"{text}: {known}, expected {sorted(wanted)[0]}"
        return Answer("relation", Grade.RIGHT if right else Grade.WRONG, text)

    def _outcomes(self) -> Iterator[Answer]:
        found = {outcome.name: outcome for outcome in self.found.outcomes}
        for truth in self.expected.outcomes:
            outcome = found.pop(truth.name, None)
            if outcome is None:
                for kind in ("family", "link", "noise"):
                    yield Answer(kind, Grade.UNANSWERED, f"{truth.name}: not among the outcomes")
            else:
                yield from self._outcome(outcome, truth)
        for name in found.keys() - set(self.potentials):
            yield Answer("family", Grade.WRONG, f"{name}: is an outcome and is not expected")

    def _outcome(self, found: Outcome, truth: Likelihood) -> Iterator[Answer]:
        families = (truth.family,) if isinstance(truth.family, str) else truth.family
        text = f"{truth.name}: {found.family}, expected {' or '.join(families)}"
        right = _family(found.family) in families
        yield Answer("family", Grade.RIGHT if right else Grade.WRONG, text)
        text = f"{truth.name}: link {found.link or 'not known'}, expected {truth.link}"
        grade = Grade.RIGHT if found.link == truth.link else Grade.WRONG
        yield Answer("link", grade if found.link else Grade.REPORTED, text)
        missing = set(truth.noise) - set(found.noise)
        extra = set(found.noise) - set(truth.noise) - set(truth.perhaps)
        text = (
            f"{truth.name}: noise {', '.join(sorted(found.noise)) or 'none'}, "
            f"expected {', '.join(sorted(truth.noise)) or 'none'}"
        )
        reported = not extra and missing <= self.mentioned
        grade = Grade.REPORTED if reported else Grade.WRONG
        yield Answer("noise", grade if missing or extra else Grade.RIGHT, text)


def _paired(
    found: Hierarchy, expected: Expected
) -> tuple[dict[tuple[str, str, int], GroupLevel], list[GroupLevel]]:
    """Match terms to levels by the variable that holds them, columns of one by their rows."""
    left = list(found.levels.values())
    pairs = {}
    for exact in (True, False):
        for term in expected.levels:
            key = _key(expected, term)
            candidates = [
                level
                for level in left
                if key not in pairs
                and (term.variable in _variables(level) or level.name == term.level)
                and (not exact or _same_design(found, level, term))
            ]
            if candidates:
                pairs[key] = candidates[0]
                left.remove(candidates[0])
    return pairs, left


def _same_design(found: Hierarchy, level: GroupLevel, term: Term) -> bool:
    """Whether a level has the rows and the design of a term."""
    member = found.members.get(level.name)
    if member is None or term.group is None or member.group.shape != term.group.shape:
        return False
    return not _difference(member.enters, member, member.enters, term.group, term.design)


def _difference(
    enters: str,
    member: Membership,
    wanted: str,
    group: np.ndarray,
    design: float | np.ndarray | None,
) -> str:
    """Say how the rows of a level differ from the truth; empty where they do not.

    A row whose design is zero belongs to its group, or to none.
    """
    if enters != wanted:
        return f"enters {enters}, expected {wanted}"
    if member.group.shape != group.shape:
        return f"has {member.group.size} rows, expected {group.size}"
    full = _full(1.0 if design is None else design, group)
    wrong = np.flatnonzero((member.group != group) & ~((full == 0) & (member.group == -1)))
    if wrong.size:
        row = wrong[0]
        return (
            f"{wrong.size} of {group.size} rows in another group; "
            f"row {row} in {member.group[row]}, expected {group[row]}"
        )
    wrong = np.flatnonzero(~np.isclose(member.design, full, rtol=1e-5, atol=1e-8))
    if wrong.size and design is not None and not member.why_no_design:
        row = wrong[0]
        return (
            f"{wrong.size} of {group.size} rows with another design; "
            f"row {row} has {member.design[row]:.4g}, expected {full[row]:.4g}"
        )
    return ""


def _full(design: float | np.ndarray, group: np.ndarray) -> np.ndarray:
    return np.where(group >= 0, np.broadcast_to(design, group.shape), 0.0)


def _variables(level: GroupLevel) -> tuple[str, ...]:
    return level.variables or (str(level.entry.name),)


def _family(name: str) -> str:
    """Return the name of a family as a user writes it."""
    return {"MultivariateNormal": "MvNormal"}.get(name, name.split("_")[0])


def _key(expected: Expected, term: Term) -> tuple[str, str, int]:
    """Tell terms apart that one variable holds."""
    position = next(i for i, other in enumerate(expected.levels) if other is term)
    return term.level, term.variable, position


def _title(term: Term) -> str:
    slope = "" if isinstance(term.design, float) else ", slope"
    return f"{term.level} ({term.variable}{slope})"


def _badness(grade: Grade) -> int:
    return list(Grade).index(grade)
