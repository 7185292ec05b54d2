"""What is known so far while the roles of a model's variables are found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .hierarchy import Hierarchy, Role
from .outcomes import Likelihood
from .response import Response
from .variables import Variables


@dataclass(slots=True)
class Notes:
    """Roles as they are found, and why some are not.

    Attributes
    ----------
    variables, hierarchy, response, likelihoods
        What is looked at; ``response`` is None for a model that cannot be evaluated.
    scales : mapping of str to str or None
        Declared: the offset a variable is the scale of; None for one that is no scale.
    noise : mapping of str to sequence of str
        Declared: the noise variables of an outcome or potential.
    roles : dict of str to Role
        What is settled.
    suggested : dict of str to set of Role
        What a variable is to those it enters: it may be several things.
    unclear : dict of str to str
        Why a variable has no clear role, with the line that settles it.
    """

    variables: Variables
    hierarchy: Hierarchy
    response: Response | None
    likelihoods: Sequence[Likelihood]
    scales: Mapping[str, str | None] = field(default_factory=dict)
    noise: Mapping[str, Sequence[str]] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    suggested: dict[str, set[Role]] = field(default_factory=dict)
    unclear: dict[str, str] = field(default_factory=dict)

    def suggest(self, name: str, role: Role) -> None:
        """Note one of the things a variable is."""
        self.suggested.setdefault(name, set()).add(role)

    def take(self, name: str, role: Role) -> None:
        """Settle a role; processes and shrunken coefficients are no levels, whatever was found."""
        if role in (Role.PROCESS, Role.SHRUNKEN) or name not in self.roles:
            self.roles[name] = role

    def say(self, name: str, why: str, do: str) -> None:
        """Note why a variable has no clear role, and what settles it."""
        self.unclear.setdefault(name, f"{name}: {why}; {do}")

    def say_several_terms(self, name: str, terms: int) -> None:
        """Note that a vector may hold the effects of several terms one after the other."""
        self.unclear.setdefault(
            name,
            f"{name} may hold the effects of {terms} terms, of which every row takes one each; "
            "give each term a vector of its own",
        )
