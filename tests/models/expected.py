"""What a reader of a model can say about its hierarchy, written down next to the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pymc as pm

from poolwise.checks.hierarchy import Level, Role


@dataclass(frozen=True, slots=True)
class Term:
    """One value for every group of a level, as it enters an outcome or a level below.

    Attributes
    ----------
    level : str
        Name of the level: a dimension of the model, or a variable where there is none.
    variable : str
        Free variable that holds the effects or their offsets.
    size : int
        Number of groups, with those that have no rows.
    group : ndarray of int, shape (rows,), or None
        Group of each element of what the term enters, -1 where it does not enter; None where
        nobody can know it from the model.
    design : float, ndarray of shape (rows,), or None
        What the effect is multiplied with; None where that depends on parameters.
    form : str
    enters : str
        Name of an outcome or of a level below; empty for the first outcome.
    family : str or tuple of str
        Of the effects around their location; names that are right.
    via : tuple of str and ndarray, optional
        Another true account of where the term enters, with the group of each element there.
    optional : bool
        Whether it is as true to say that this is no level.
    """

    level: str
    variable: str
    size: int
    group: np.ndarray | None
    design: float | np.ndarray | None = 1.0
    form: str = "non-centred"
    enters: str = ""
    family: str | tuple[str, ...] = "Normal"
    via: tuple[str, np.ndarray] | None = None
    optional: bool = False

    def never_meets(self, other: Term) -> bool:
        """Whether no row belongs to both."""
        if self.enters != other.enters or self.group is None or other.group is None:
            return False
        return not np.any((self.group >= 0) & (other.group >= 0))


@dataclass(frozen=True, slots=True)
class Likelihood:
    """One outcome.

    Attributes
    ----------
    family : str or tuple of str
        Names that are right.
    link : str
    noise : tuple of str
        Free variables that set its spread, dispersion or shape around the mean.
    perhaps : tuple of str
        Free variables that may be counted as noise, or not.
    name : str
    """

    family: str | tuple[str, ...]
    link: str = "identity"
    noise: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    name: str = "y"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The hierarchy of a model.

    Attributes
    ----------
    roles : mapping of str to Role, or to several Roles that are right
        For every free variable.
    levels : tuple of Term
    nested : mapping of str to tuple of str
        Names of the levels that each group of a level lies in exactly one group of.
        Every other pair of different levels is crossed, or disjoint where no row has both.
    matched : tuple of pairs of str
        Variables on the same groups that meet in pairs, as attack and defence of teams do: both
        ``same`` and ``crossed`` are true.
    outcomes : tuple of Likelihood
    unclear : tuple of str
        Variables that nobody can place from the model alone: they must be reported.
    declared : mapping of str to Level
        What the spec declares.
    """

    roles: Mapping[str, Role | tuple[Role, ...]]
    levels: tuple[Term, ...] = ()
    nested: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    matched: tuple[tuple[str, str], ...] = ()
    outcomes: tuple[Likelihood, ...] = ()
    unclear: tuple[str, ...] = ()
    declared: Mapping[str, Level] = field(default_factory=dict)

    def relations(self, one: Term, other: Term) -> tuple[str, ...]:
        """Return what is true of the groups of two terms, seen from the first."""
        if {one.variable, other.variable} in map(set, self.matched):
            return ("same", "crossed")
        if one.level == other.level:
            return ("same", "disjoint") if one.never_meets(other) else ("same",)
        if other.level in self.nested.get(one.level, ()):
            return ("nested",)
        return ("disjoint" if one.never_meets(other) else "crossed",)


@dataclass(frozen=True, slots=True)
class Case:
    """A model with what is true of it."""

    build: Callable[[], pm.Model]
    expected: Expected

    @property
    def name(self) -> str:
        return self.build.__name__


class Collection(list[Case]):
    """Models of one file; ``@collection.add(...)`` puts the truth above the model."""

    def add(self, **truth: Any) -> Callable[[Callable[[], pm.Model]], Callable[[], pm.Model]]:
        """Register a model with the fields of :class:`Expected`."""

        def register(build: Callable[[], pm.Model]) -> Callable[[], pm.Model]:
            self.append(Case(build, Expected(**truth)))
            return build

        return register
