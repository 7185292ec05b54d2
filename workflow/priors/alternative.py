"""One alternative of a sweep: other priors for one variable, or for several at once."""

from __future__ import annotations

from dataclasses import dataclass

from ...checks.words import ALL_HYPERPRIORS
from ..runs.fingerprint import key_of
from .replacing import Replacement


@dataclass(frozen=True, slots=True)
class Alternative:
    """Other priors for one or more variables; all others keep theirs.

    Attributes
    ----------
    replacements : tuple of Replacement
    declared : bool
        Whether the spec asked for it, or it is one of the defaults.
    together : str
        What it does in words, when it changes several variables.
    of : str
        Which variables those are, in words.
    level : str
        Level whose spread it sets; empty where it sets no such thing, or more than that.
    few_groups : str
        That level, where it has few groups and this is one of the common choices that are compared.
    power : float
        The standard deviation of that level is this power of the parameter; 0 for its log.
    by_itself : bool
        Whether it has its mass where no other alternative has any, so that it is not mixed with
        them.
    """

    replacements: tuple[Replacement, ...]
    declared: bool
    together: str = ""
    of: str = ALL_HYPERPRIORS
    level: str = ""
    few_groups: str = ""
    power: float = 1.0
    by_itself: bool = False

    @property
    def parameter(self) -> str:
        """The variable whose prior it replaces, or that it changes all hyperpriors."""
        return self.of if self.together else self.replacements[0].parameter

    @property
    def prior(self) -> str:
        """The new priors in words."""
        return self.together or self.replacements[0].prior

    @property
    def title(self) -> str:
        """The alternative as a reader should see it."""
        return f"{self.parameter} {'' if self.together else '~ '}{self.prior}"

    @property
    def base(self) -> str:
        """The spec's own priors of these variables in words."""
        if not self.together:
            return self.replacements[0].base
        return ", ".join(f"{r.parameter} ~ {r.base}" for r in self.replacements)

    @property
    def means(self) -> str:
        """What it means in the terms of the model: ``median spread 5 → 20``."""
        if not self.together:
            return self.replacements[0].means
        return "; ".join(f"{r.parameter}: {r.means}" for r in self.replacements[:3] if r.means)

    @property
    def identity(self) -> str:
        """Hash of the distributions themselves: priors that read alike are told apart."""
        return key_of({r.parameter: r.identity for r in self.replacements})

    @property
    def key(self) -> str:
        """Name of the alternative, fit for a file or a group of a run."""
        text = f"{self.parameter}_{self.prior}"
        plain = "".join(c if c.isalnum() or c in "._-" else "_" for c in text).strip("_")
        return f"{plain[:80]}_{self.identity[:8]}"
