"""What a model's hierarchy is, in words: the part of a review that needs no sampling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks.evidence import Missing
from ..checks.hierarchy import (
    GroupLevel,
    Hierarchy,
    Membership,
    constant_value,
    read_hierarchy,
    value_of,
)
from ..checks.hierarchy.outline import Grouping as Outlined
from ..checks.hierarchy.outline import outline
from ..checks.hierarchy.predictor import predictors
from ..checks.hierarchy.response import Response, response
from ..checks.hierarchy.variables import Variables, read_variables
from ..checks.words import number
from ..reports.hierarchy import (
    Grouping,
    HierarchySketch,
    Outcome,
    Quantity,
    Rows,
    Term,
    Variable,
)
from .preflight import build_model
from .priors import in_words
from .spec import ModelSpec

if TYPE_CHECKING:
    import pymc as pm

#: Groups whose rows are drawn one by one; of more, every so many.
_PROFILE = 60

#: Names of distributions that PyMC gives for itself only.
_FAMILIES = {"_lkjcholeskycov": "LKJCholeskyCov", "MultivariateNormal": "MvNormal"}


def sketch(spec: ModelSpec) -> HierarchySketch:
    """Return the hierarchy of a spec's model in words.

    Raises
    ------
    SpecError
        If the spec cannot be reviewed as it is.
    """
    model = build_model(spec)
    return sketch_of(spec.name, model, read_hierarchy(model, **spec.declared))


def sketch_of(name: str, model: pm.Model, hierarchy: Hierarchy) -> HierarchySketch:
    """Return a hierarchy that has been read in words.

    Parameters
    ----------
    name : str
        What the model is called.
    model : pymc.Model
    hierarchy : Hierarchy
        As :func:`poolwise.read_hierarchy` returns it.
    """
    variables = read_variables(model)
    data = _Data(model, hierarchy)
    answers: Response | None
    try:
        answers = response(variables)
    except Missing:
        answers = None
    slopes = {} if answers is None else _slopes(answers, data)
    reader = _Reader(hierarchy, variables, answers, data)
    return HierarchySketch(
        name=name,
        outcomes=tuple(
            Outcome(
                name=o.name,
                family=_FAMILIES.get(o.family, o.family),
                link=o.link,
                rows=o.rows,
                noise=o.noise,
            )
            for o in hierarchy.outcomes
        ),
        groupings=tuple(reader.grouping(g) for g in outline(hierarchy)),
        variables=tuple(
            Variable(
                name=v.name,
                role=str(hierarchy.roles.get(v.name, "unclear")),
                prior=_prior(variables, v.name),
                size=v.size,
                predictor=slopes.get(v.name, ""),
            )
            for v in variables.free
        ),
        unclear=tuple(hierarchy.unclear.values()),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """What the terms of a hierarchy are put into words with."""

    hierarchy: Hierarchy
    variables: Variables
    answers: Response | None
    data: _Data

    def grouping(self, outlined: Outlined) -> Grouping:
        """Put a grouping and everything inside into words."""
        return Grouping(
            name=outlined.name,
            groups=outlined.groups,
            rows=tuple(_rows(outcome, counts) for outcome, counts in outlined.rows.items()),
            terms=tuple(self.term(name) for name in outlined.levels),
            inside=tuple(self.grouping(g) for g in outlined.inside),
            also_in=outlined.also_in,
            crossed=outlined.crossed,
            disjoint=outlined.disjoint,
        )

    def term(self, name: str) -> Term:
        """Put a level into words."""
        level = self.hierarchy.levels[name]
        membership = self.hierarchy.members.get(name)
        design, predictor = "", ""
        if membership is not None:
            design = "intercept" if membership.is_intercept else "slope"
        if membership is not None and design == "slope":
            predictor = self.data.name_of(membership.design, membership)
            predictor = predictor or _of_bambi(level.effect_name)
        return Term(
            level=name,
            effect=level.effect_name,
            design=design,
            predictor=predictor,
            enters=() if membership is None else (membership.enters,),
            form=level.form,
            family=level.family,
            variables=self.holders(level),
            location=self.quantity(level.location),
            scale=self.quantity(level.scale),
            why_no_rows=self.hierarchy.why_no_rows.get(name, ""),
        )

    def holders(self, level: GroupLevel) -> tuple[str, ...]:
        """Return the free variables that hold the effects of a level or their offsets."""
        if level.variables:
            return level.variables
        if str(level.entry.name) in self.variables:
            return (str(level.entry.name),)
        reached = self.variables.parents_of(level.effect)
        return tuple(n for n in reached if n in self.hierarchy.offsets)

    def quantity(self, expression: Any) -> Quantity:
        """Return a location or scale with the free variables that move it."""
        value = constant_value(expression)
        if value is not None:
            return Quantity(value=value)
        name = str(expression.name or "")
        if name in self.variables:
            return Quantity(name=name, made_of=(name,))
        above = self.variables.parents_of(expression)
        if self.answers is not None:
            # What cancels out does not move it: effect - scale * offset holds all three.
            above = tuple(n for n in above if self.answers.moves(expression, n))
        order = [v.name for v in self.variables.free]
        return Quantity(name=name, made_of=tuple(sorted(above, key=order.index)))


def _rows(outcome: str, counts: np.ndarray) -> Rows:
    some = counts[counts > 0]
    most_first = np.sort(counts)[::-1]
    if counts.size > _PROFILE:
        most_first = most_first[np.linspace(0, counts.size - 1, _PROFILE).round().astype(int)]
    return Rows(
        outcome=outcome,
        fewest=int(some.min(initial=counts.max(initial=0))),
        median=float(np.median(some)) if some.size else 0.0,
        most=int(counts.max(initial=0)),
        empty=int(counts.size - some.size),
        profile=tuple(int(n) for n in most_first),
    )


def _prior(variables: Variables, name: str) -> str:
    """Return the prior of a variable in words; parameters that are variables by their names."""
    variable = variables[name]
    family = _FAMILIES.get(variable.family, variable.family)
    if not variable.parents:
        return in_words(variable.rv).replace(variable.family, family, 1)
    said = []
    for role, parameter in variable.parameters.items():
        known = parameter.number()
        if known is not None and role == "loc" and family.startswith("Half"):
            continue
        if known is not None:
            said.append(number(known, 3))
        elif parameter.parents:
            own = str(parameter.expression.name or "")
            said.append(own or " and ".join(parameter.parents[:2]))
    return f"{family}({', '.join(said)})"


def _of_bambi(effect: str) -> str:
    """Return the predictor in a name that Bambi gave: ``x`` of ``x|g``."""
    predictor, bar, _ = effect.partition("|")
    return predictor if bar and predictor != "1" else ""


def _slopes(answers: Response, data: _Data) -> dict[str, str]:
    """Return the named data that single coefficients multiply."""
    try:
        linear = predictors(answers.variables, answers)
    except Missing:
        return {}
    found = {}
    for predictor in linear:
        for column in predictor.columns:
            if column.design.shape[1] == 1 and not column.is_intercept:
                found[column.variable] = data.name_of(column.design[:, 0])
    return found


class _Data:
    """Named data of a model, for what is multiplied with effects."""

    def __init__(self, model: pm.Model, hierarchy: Hierarchy) -> None:
        self._columns = dict(_columns(model))
        self._groups = [m.group for m in hierarchy.members.values()]

    def name_of(self, design: np.ndarray, membership: Membership | None = None) -> str:
        """Return the name of the data that a design repeats, by row or by group; or nothing."""
        inside = np.full(design.shape, True) if membership is None else membership.group >= 0
        for name, values in self._columns.items():
            for candidate in self._by_row(values, design.size):
                if np.allclose(candidate[inside], design[inside], rtol=1e-5, atol=1e-9):
                    return name
        return ""

    def _by_row(self, values: np.ndarray, rows: int) -> Iterator[np.ndarray]:
        if values.size == rows:
            yield values
        for group in self._groups:
            if group.size == rows and group.max(initial=-1) < values.size:
                yield values[group]


def _columns(model: pm.Model) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the vectors among the data of a model, and the columns of its matrices."""
    for variable in model.data_vars:
        values = value_of(variable)
        if values.dtype.kind not in "biuf":
            continue
        if values.ndim == 1:
            yield str(variable.name), values.astype(float)
        elif values.ndim == 2 and values.shape[1] <= _PROFILE:
            for k in range(values.shape[1]):
                yield f"{variable.name}[{k}]", values[:, k].astype(float)
