"""What a model's hierarchy is, in words: the part of a review that needs no sampling."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks.draws import Array
from ..checks.evidence import Missing
from ..checks.hierarchy import (
    GroupLevel,
    Hierarchy,
    Membership,
    constant_value,
    read_hierarchy,
    value_of,
)
from ..checks.hierarchy import Outcome as Likelihood
from ..checks.hierarchy.outline import Grouping as Outlined
from ..checks.hierarchy.outline import outline
from ..checks.hierarchy.predictor import predictors
from ..checks.hierarchy.response import Response, response
from ..checks.hierarchy.variables import Parameter, Variables, read_variables
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
from .priors.families import in_words
from .specs.preflight import build_model
from .specs.spec import ModelSpec

if TYPE_CHECKING:
    import pymc as pm

#: Groups whose rows are drawn one by one; of more, every so many.
_PROFILE = 60

#: Parameters of distributions that say nothing to a reader.
_NOT_SAID = ("init", "steps", "support_shape")

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
        outcomes=tuple(_outcome(o, variables) for o in hierarchy.outcomes),
        groupings=tuple(reader.grouping(g) for g in outline(hierarchy)),
        variables=tuple(
            Variable(
                name=v.name,
                role=str(hierarchy.roles.get(v.name, "unclear")),
                prior=reader.prior(v.name),
                size=v.size,
                predictor=slopes.get(v.name, ""),
            )
            for v in variables.free
        ),
        unclear=tuple(dict.fromkeys(hierarchy.unclear.values())),
    )


def _outcome(outcome: Likelihood, variables: Variables) -> Outcome:
    likelihood = variables.get(outcome.name)
    scale = None if likelihood is None else likelihood.parameters.get("scale")
    return Outcome(
        name=outcome.name,
        family=_FAMILIES.get(outcome.family, outcome.family),
        link=outcome.link,
        rows=outcome.rows,
        noise=outcome.noise,
        given=_in_numbers(scale) if scale is not None and outcome.family == "Normal" else "",
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
        if membership is not None and np.isfinite(membership.design).all():
            design = "intercept" if membership.is_intercept else "slope"
        if membership is not None and design == "slope":
            predictor = self.data.name_of(membership.design, membership)
            predictor = predictor or _of_bambi(level.effect_name)
        return Term(
            level=name,
            effect=level.effect_name,
            design=design,
            predictor=predictor,
            enters=tuple(m.enters for level, m in self.hierarchy.entering if level == name),
            form=level.form,
            family=_FAMILIES.get(level.family, level.family),
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
        name, value = str(expression.name or ""), constant_value(expression)
        if value is not None:
            return Quantity(value=value)
        if name in self.variables:
            return Quantity(name=name, made_of=(name,))
        above = self.variables.parents_of(expression)
        if self.answers is not None:
            # What cancels out does not move it: effect - scale * offset holds all three.
            above = tuple(n for n in above if self.answers.moves(expression, n))
            if not above:
                value = _one_number(self.answers.evaluate(expression))
            elif len(above) == 1:
                name = name or _function_of(self.answers, expression, above[0])
        order = [v.name for v in self.variables.free]
        return Quantity(name=name, value=value, made_of=tuple(sorted(above, key=order.index)))

    def prior(self, name: str) -> str:
        """Return the prior of a variable; parameters that are variables by their names."""
        variable = self.variables[name]
        family = _FAMILIES.get(variable.family, variable.family)
        if not variable.parents and (known := in_words(variable.rv)) != variable.family:
            return known.replace(variable.family, family, 1)
        said = []
        for role, parameter in variable.parameters.items():
            if role.partition(".")[0] in _NOT_SAID or (role == "loc" and family.startswith("Half")):
                continue
            word = "" if variable.parents else f"{role} "
            said.append(word + (_in_numbers(parameter) or self._behind(parameter)))
        told = ", ".join(part for part in said if part.strip())
        return f"{family}({told})" if told else family

    def _behind(self, parameter: Parameter) -> str:
        """Name a parameter, or the variables that move it."""
        if parameter.expression.name:
            return str(parameter.expression.name)
        names = parameter.parents
        if self.answers is not None:
            names = tuple(n for n in names if self.answers.moves(parameter.expression, n))
        if self.answers is not None and len(names) == 1:
            return _function_of(self.answers, parameter.expression, names[0]) or f"from {names[0]}"
        return " and ".join(names[:2])


def _in_numbers(parameter: Parameter) -> str:
    """Return a constant parameter, or its smallest and largest value; nothing for another one."""
    if parameter.parents or parameter.value is None or parameter.value.dtype.kind not in "biuf":
        return ""
    ends = [number(float(end(parameter.value)), 3) for end in (np.min, np.max)]
    return " to ".join(dict.fromkeys(ends))


#: What the scale of a level is as a function of the variable that sets it.
_FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "{}": np.asarray,
    "exp({})": np.exp,
    "1/√{}": lambda x: np.asarray(x**-0.5),
    "√{}": np.sqrt,
}


def _function_of(answers: Response, expression: Any, name: str) -> str:
    """Return ``exp(log_tau)`` where that is what an expression is; or nothing."""
    points = [np.asarray(answers.base[name], dtype=float), answers.nudged(name)]
    for words, function in _FUNCTIONS.items():
        with np.errstate(all="ignore"):
            pairs = [(answers.evaluate(expression, {name: x}), function(x)) for x in points]
        if all(b.shape in ((), a.shape) and np.allclose(a, b, rtol=1e-6) for a, b in pairs):
            return words.format(name)
    return ""


def _one_number(values: np.ndarray) -> float | None:
    """Return the number that all values are, but for rounding."""
    first = float(values.flat[0])
    if not np.allclose(values, first, rtol=1e-9, atol=1e-9):
        return None
    return 0.0 if abs(first) < 1e-9 else first


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
