"""A model's hierarchy in words and numbers: what trees, drawings and machine formats show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ..checks.words import counted, listed, number

#: What a link function makes linear in the effects.
LINKS = {
    "identity": "the mean is a sum of its effects",
    "log": "the log of the mean is a sum of its effects",
    "logit": "the log odds are a sum of its effects",
    "probit": "the probit of the probability is a sum of its effects",
    "cloglog": "the complementary log-log of the probability is a sum of its effects",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A free variable of the model.

    Attributes
    ----------
    name : str
    role : str
        One of :class:`poolwise.checks.hierarchy.Role`.
    prior : str
        In words.
    size : int
        Number of elements.
    predictor : str
        Data that a coefficient multiplies, where the data have a name.
    """

    name: str
    role: str
    prior: str
    size: int
    predictor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A location or a scale.

    Attributes
    ----------
    name : str
        Empty where the model gives it none.
    value : float or None
        Where it is one known number.
    made_of : tuple of str
        Free variables it depends on directly; itself, where it is one.
    """

    name: str = ""
    value: float | None = None
    made_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """The effects of one level.

    Attributes
    ----------
    level, effect : str
    design : str
        ``intercept`` or ``slope``; empty where it is not known.
    predictor : str
        Data that a slope multiplies, where the data have a name.
    enters : tuple of str
        Outcomes, or levels below.
    form, family : str
    variables : tuple of str
        Free variables that hold the effects or their offsets.
    location, scale : Quantity
    why_no_rows : str
        Why it is not known which rows it enters.
    """

    level: str
    effect: str
    design: str
    predictor: str = ""
    enters: tuple[str, ...] = ()
    form: str
    family: str
    variables: tuple[str, ...] = ()
    location: Quantity
    scale: Quantity
    why_no_rows: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of an outcome in the groups of a level.

    Attributes
    ----------
    outcome : str
    fewest, median, most : number
        Of the groups that have any.
    empty : int
        Groups without rows.
    profile : tuple of int
        Rows per group from most to fewest; every so many groups where there are many.
    """

    outcome: str
    fewest: int
    median: float
    most: int
    empty: int
    profile: tuple[int, ...]

    def __str__(self) -> str:
        if not self.most:
            return "no rows"
        said = f"{counted(self.fewest, 'row')} each"
        if self.fewest < self.most:
            said = f"{self.fewest} to {self.most} rows each, median {number(self.median, 4)}"
        return said + (f", {counted(self.empty, 'group')} without any" if self.empty else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """One way of dividing the data into groups, with the effects that these groups have.

    Attributes
    ----------
    name : str
    groups : int
    rows : tuple of Rows
        One for each outcome it reaches.
    terms : tuple of Term
    inside : tuple of Grouping
        Groupings nested in it.
    also_in, crossed, disjoint : tuple of str
        Other groupings.
    """

    name: str
    groups: int
    rows: tuple[Rows, ...] = ()
    terms: tuple[Term, ...] = ()
    inside: tuple[Grouping, ...] = ()
    also_in: tuple[str, ...] = ()
    crossed: tuple[str, ...] = ()
    disjoint: tuple[str, ...] = ()

    def walk(self) -> Iterator[Grouping]:
        """Yield itself and every grouping inside."""
        yield self
        for grouping in self.inside:
            yield from grouping.walk()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One likelihood.

    Attributes
    ----------
    name, family, link : str
        ``link`` is empty where it is not known.
    rows : int
    noise : tuple of str
        Free variables that set its spread around the mean.
    given : str
        The standard deviation where it is known, or its range: ``9 to 18``.
    """

    name: str
    family: str
    link: str
    rows: int
    noise: tuple[str, ...] = ()
    given: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HierarchySketch:
    """The hierarchy of a model.

    Attributes
    ----------
    name : str
        Of the spec.
    outcomes : tuple of Outcome
    groupings : tuple of Grouping
        The outermost ones.
    variables : tuple of Variable
        Every free variable.
    unclear : tuple of str
        What could not be settled, with the line that would settle it.
    """

    name: str
    outcomes: tuple[Outcome, ...] = ()
    groupings: tuple[Grouping, ...] = ()
    variables: tuple[Variable, ...] = ()
    unclear: tuple[str, ...] = field(default=())

    def walk(self) -> Iterator[Grouping]:
        """Yield every grouping, those inside after the one around."""
        for grouping in self.groupings:
            yield from grouping.walk()

    @property
    def population(self) -> list[Variable]:
        """Variables that are neither effects of a level, nor their spread, nor noise."""
        placed = {name for o in self.outcomes for name in o.noise}
        for grouping in self.walk():
            for term in grouping.terms:
                placed |= {*term.variables, *term.scale.made_of}
        return [v for v in self.variables if v.name not in placed]

    def with_prior(self, name: str) -> str:
        """Return ``tau ~ HalfNormal(5)``; the name alone for what is no free variable."""
        prior = next((v.prior for v in self.variables if v.name == name), "")
        return f"{name} ~ {prior}" if prior else name

    def quantity(self, quantity: Quantity) -> str:
        """Return a location or scale in words, with the priors behind it."""
        if quantity.value is not None:
            return number(quantity.value, 4)
        behind = ", ".join(self.with_prior(name) for name in quantity.made_of)
        if quantity.name and quantity.made_of != (quantity.name,):
            return f"{quantity.name}, from {behind}" if behind else quantity.name
        return behind if quantity.name else f"from {behind}"

    def location(self, term: Term, mark: str = "") -> str:
        """Say what the effects of a term lie around: a number, a variable, the level above.

        Names of variables are set between marks.
        """
        where = term.location
        if where.value is not None:
            return f"{mark}{number(where.value, 4)}{mark}"
        if where.name and where.name not in where.made_of:
            return f"{mark}{where.name}{mark}"
        own, above = self._centre(term)
        said = [f"{mark}{name}{mark}" for name in own]
        said += [f"{mark}{t.effect}{mark} of its {g.name}" for g, t in above]
        more = len(said) - 2
        return listed(said) if more < 2 else f"{', '.join(said[:2])} and {more} more"

    def role(self, variable: Variable) -> str:
        """Say what a variable does: ``location of county, slope on log_uranium``."""
        centre = [
            g.name for g in self.walk() if any(variable.name in self._centre(t)[0] for t in g.terms)
        ]
        slope = f"slope on {variable.predictor}" if variable.predictor else ""
        if variable.role == "coefficient" and slope:
            return slope
        role = variable.role
        if centre:
            role = "location" if role == "location" else f"{role}, location"
            role = f"{role} of {listed(centre)}"
        return f"{role}, {slope}" if slope else role

    def _centre(self, term: Term) -> tuple[list[str], list[tuple[Grouping, Term]]]:
        """Return what a term lies around: variables, and effects of levels above."""
        names = term.location.made_of
        above = [
            (g, t)
            for g in self.walk()
            for t in g.terms
            if t is not term and not {*t.variables, t.effect}.isdisjoint(names)
        ]
        # The effect of a level above stands for everything that it is made of.
        inside = {n for _, t in above for n in (t.effect, *t.variables)}
        inside |= {n for _, t in above for n in (*t.location.made_of, *t.scale.made_of)}
        return [n for n in names if n not in inside], above

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> HierarchySketch:
        """Read back what :meth:`as_dict` wrote."""
        return cls(
            name=data["name"],
            outcomes=tuple(Outcome(**_tuples(o)) for o in data["outcomes"]),
            groupings=tuple(_grouping(g) for g in data["groupings"]),
            variables=tuple(Variable(**v) for v in data["variables"]),
            unclear=tuple(data["unclear"]),
        )


def _grouping(data: Mapping[str, Any]) -> Grouping:
    known = _tuples(data)
    known["rows"] = tuple(Rows(**_tuples(r)) for r in data["rows"])
    known["terms"] = tuple(_term(t) for t in data["terms"])
    known["inside"] = tuple(_grouping(g) for g in data["inside"])
    return Grouping(**known)


def _term(data: Mapping[str, Any]) -> Term:
    known = _tuples(data)
    for part in ("location", "scale"):
        known[part] = Quantity(**_tuples(data[part]))
    return Term(**known)


def _tuples(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return keyword arguments from JSON, which has lists instead of tuples."""
    return {
        k: tuple(v) if isinstance(v, Sequence) and not isinstance(v, str) else v
        for k, v in data.items()
    }


def term_in_words(term: Term) -> str:
    """Return how effects enter and how they are written: ``slope on floor, non-centred``."""
    design = f"slope on {term.predictor}" if term.predictor else term.design
    family = "" if term.family == "Normal" else term.family
    return ", ".join(word for word in (design, family, term.form) if word)
