"""A level that is declared by the names of variables of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import xarray as xr

from ...checks.hierarchy.level import Level
from ..errors import SpecError


class Unknown(Exception):
    """A part of a level is not known; the message says why."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """What is declared of one level of a fit.

    Attributes
    ----------
    groups : mapping of str to Dataset
        Of the fit, by ArviZ's names.
    name : str
    level : Level
    outcome, mean : str
        Names of the observed data and of the mean of every row; empty where not declared.
    notes : list of str
        What was taken for what; more is added.
    """

    groups: Mapping[str, xr.Dataset]
    name: str
    level: Level
    outcome: str
    mean: str
    notes: list[str]

    def variable(self, draws: xr.Dataset, role: str, name: str) -> xr.DataArray:
        """Return a variable of the draws, and refuse a name that is none."""
        if name not in draws:
            raise self.error(
                f"{role}={name!r} names no variable of the posterior",
                f"one of {', '.join(str(v) for v in draws.data_vars)}",
            )
        return draws[name]

    def observed(self) -> xr.DataArray:
        """Return the outcome.

        Raises
        ------
        SpecError
            If what is declared is not among the observed data.
        Unknown
            If nothing is declared, and there is not just one.
        """
        observed = self.groups.get("observed_data", xr.Dataset())
        names = [str(v) for v in observed.data_vars]
        if self.outcome:
            if self.outcome not in names:
                raise SpecError(
                    f"outcome {self.outcome!r} is not among the observed data",
                    expected=f"one of {', '.join(names) or 'none: the fit holds none'}",
                )
            return observed[self.outcome]
        if len(names) != 1:
            raise Unknown(
                "the fit holds no observed data"
                if not names
                else f"it is not known which of {', '.join(names)} it is about: declare outcome="
            )
        return observed[names[0]]

    def error(self, problem: str, expected: str) -> SpecError:
        """Return the error that a declaration is refused with."""
        return SpecError(f"level {self.name!r}: {problem}", expected=expected)

    def note(self, text: str) -> None:
        """Say what was taken for what, once."""
        note = f"Level {self.name}: {text}"
        if note not in self.notes:
            self.notes.append(note)
