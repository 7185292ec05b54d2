"""What is known of a model's hierarchy: levels, how they hang together, roles and outcomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from ..draws import Array
from .level import Level


class Role(StrEnum):
    """What a free variable is in the hierarchy."""

    LOCATION = "location"
    """Hyperprior: what the effects of a level are centred on."""
    SCALE = "scale"
    """Hyperprior: sets the spread of a level, as sd, variance, precision, log sd, concentration."""
    COVARIANCE = "covariance"
    """Hyperprior: spreads and correlations of effects with several columns."""
    DEGREES_OF_FREEDOM = "degrees of freedom"
    """Hyperprior: how heavy the tails of a level, or of the noise, are."""
    MIXTURE_WEIGHT = "mixture weight"
    """Hyperprior: how likely each component is."""
    GROUP_EFFECT = "group effect"
    """One value per group, drawn around a location (centred)."""
    OFFSET = "offset"
    """Standardised part of group effects (non-centred)."""
    UNPOOLED = "unpooled effect"
    """One value per group with a fixed prior of its own."""
    INTERCEPT = "intercept"
    """Population level: shifts every row alike."""
    COEFFICIENT = "coefficient"
    """Population level: multiplies predictors."""
    SHRUNKEN = "shrunken coefficient"
    """A coefficient with a spread of its own (horseshoe) or a spike at zero (spike and slab)."""
    LOCAL_SCALE = "local scale"
    """Spread of one shrunken coefficient."""
    GLOBAL_SCALE = "global scale"
    """Spread that all shrunken coefficients share."""
    PROCESS = "latent process"
    """Values along time, space or a curve: autoregressions, random walks, Gaussian processes."""
    PROCESS_PARAMETER = "process parameter"
    """Amplitude, length-scale, autocorrelation or innovation scale of a latent process."""
    COMPONENT = "mixture component"
    """Location of one component of a mixture."""
    CUTPOINTS = "cutpoints"
    """Thresholds of an ordinal outcome."""
    NOISE = "noise"
    """Spread, dispersion or shape of an outcome around its mean."""
    DISCRETE = "latent discrete"
    """Class or indicator that is not observed."""
    IMPUTED = "imputed data"
    """Missing values of an outcome."""
    NONLINEAR = "nonlinear parameter"
    """Enters the mean in another way than as a sum."""
    UNUSED = "unused"
    """Reaches neither data nor a potential."""
    UNCLEAR = "unclear"
    """Not settled; :attr:`Hierarchy.unclear` says why and what to declare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLevel:
    """One term of one level, as expressions of the model's graph.

    Effects with several columns (an intercept and a slope for every group) are one level for each
    column.

    Attributes
    ----------
    name : str
    labels : tuple of str
        One per group.
    effect, location, scale : TensorVariable
        One value per group; location and scale may be scalar. ``scale`` is the standard deviation
        of the effects around the location.
    entry : TensorVariable
        Where the graph is cut to see where the effects go: the effects themselves, or the offsets
        of a non-centred level.
    where : tuple or None
        Index of the entry's elements that belong to this term, one per group in order; None stands
        for all of them.
    unit : TensorVariable or None
        Change of the effect per change of the entry; None stands for 1.
    form : str
        ``centred``, ``non-centred`` or ``declared``.
    family : str
        PyMC's name of the distribution of the effects around their location.
    variables : tuple of str
        Free variables that hold the effects or their offsets.
    declared : Level or None
    """

    name: str
    labels: tuple[str, ...]
    effect: Any
    location: Any
    scale: Any
    entry: Any
    where: tuple[Any, ...] | None = None
    unit: Any | None = None
    form: str
    family: str = "Normal"
    variables: tuple[str, ...] = ()
    declared: Level | None = None

    @property
    def effect_name(self) -> str:
        """What a report calls the effects."""
        return str(self.effect.name or f"{self.entry.name} × scale")


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """Which group of a level each element of what it enters belongs to.

    Attributes
    ----------
    enters : str
        The outcome, or the level below it.
    group : ndarray of int, shape (rows,)
        Zero-based; -1 where the level does not enter.
    design : ndarray of shape (rows,)
        What the effect is multiplied with on the scale of the linear predictor; NaN in every row
        where that is no fixed number, and ``why_no_design`` says why.
    predictor : TensorVariable or None
        What the effect is part of, linear in it; None where it enters otherwise.
    """

    enters: str
    group: np.ndarray
    design: Array
    predictor: Any | None = None
    why_no_design: str = ""

    @property
    def is_intercept(self) -> bool:
        """Whether it shifts all rows that it enters alike."""
        inside = self.design[self.group >= 0]
        if not inside.size:
            return False
        return bool(np.ptp(inside) <= 1e-6 * max(float(np.abs(inside).max()), 1e-300))


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """How the groups of two levels hang together.

    Attributes
    ----------
    one, other : str
        Names of levels.
    kind : str
        ``nested`` (every group of ``one`` lies in one group of ``other``), ``crossed``, ``same``
        (both have the same groups, as intercept and slope do) or ``disjoint`` (no row has both).
    """

    one: str
    other: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One likelihood.

    Attributes
    ----------
    name, family : str
    link : str
        ``identity``, ``log``, ``logit``, ``probit``, ``cloglog``; empty where it is not known.
    noise : tuple of str
        Free variables that set its spread, dispersion or shape around the mean.
    rows : int
    """

    name: str
    family: str
    link: str
    noise: tuple[str, ...]
    rows: int


@dataclass(slots=True, repr=False)
class Hierarchy:
    """The levels of a model, and what could not be settled.

    Attributes
    ----------
    levels : dict of str to GroupLevel
    members : dict of str to Membership
        By level: the first outcome that it enters, else a level below. Levels whose rows are not
        known are missing here and in ``why_no_rows``.
    also : dict of str to list of Membership
        What a level enters besides: a second outcome, a level below.
    why_no_rows : dict of str to str
    relations : list of Relation
        Between every two levels with known groups.
    roles : dict of str to Role
        Of every free variable.
    outcomes : list of Outcome
    offsets : set of str
        Free variables that are standardised parts of non-centred effects.
    unclear : dict of str to str
        What looks like a level and was not taken for one, by variable: why, and how to declare it.
    """

    levels: dict[str, GroupLevel] = field(default_factory=dict)
    members: dict[str, Membership] = field(default_factory=dict)
    also: dict[str, list[Membership]] = field(default_factory=dict)
    why_no_rows: dict[str, str] = field(default_factory=dict)
    relations: list[Relation] = field(default_factory=list)
    roles: dict[str, Role] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    offsets: set[str] = field(default_factory=set)
    unclear: dict[str, str] = field(default_factory=dict)

    @property
    def entering(self) -> list[tuple[str, Membership]]:
        """Every level with everything that it enters."""
        found = [(name, m) for name, m in self.members.items()]
        return found + [(name, m) for name, more in self.also.items() for m in more]

    def __repr__(self) -> str:
        from .outline import in_text

        return in_text(self)

    def parent_of(self, name: str) -> str | None:
        """Return the closest level that a level is nested in, or None."""
        nested = {(r.one, r.other) for r in self.relations if r.kind == "nested"}
        above = [other for one, other in nested if one == name]
        closest = [n for n in above if not any((m, n) in nested for m in above)]
        return max(closest, key=lambda n: (len(self.levels[n].labels), n), default=None)
