"""Static facts of a PyMC model: what every random variable is, without drawing or compiling.

Graphs are read for families and edges. Parameters that depend on constants and data only are
evaluated, all at once, in plain Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .cheap import uncompiled
from .distributions import distribution, family_of, parameter_expressions
from .families import FAMILY_SUPPORT, TRANSFORM_SUPPORT, Support
from .known_values import constant_values, observed_data, shapes_of

if TYPE_CHECKING:
    import pymc as pm

__all__ = [
    "LineOf",
    "Parameter",
    "Support",
    "Variable",
    "Variables",
    "read_variables",
]

LineOf = Callable[[str], int | None]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a random variable.

    Attributes
    ----------
    role : str
        ``loc``, ``scale``, ``p``, ...; ``base.loc`` for the location of a censored normal.
    expression : TensorVariable
    value : ndarray or None
        The value, when it depends on constants and data only.
    parents : tuple of str
        Random variables of the model it depends on.
    """

    role: str
    expression: Any
    value: np.ndarray | None
    parents: tuple[str, ...]

    def number(self) -> float | None:
        """Return the value when it is the same number everywhere, else None."""
        if self.value is None or self.value.size == 0 or self.value.dtype.kind not in "biuf":
            return None
        first = float(self.value.flat[0])
        return first if bool(np.all(self.value == first)) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One random variable of a model.

    Attributes
    ----------
    name, family : str
        ``family`` is PyMC's name of the distribution.
    observed : bool
    shape : tuple of int
    dims : tuple of str
        Empty where none are named.
    support : Support
    transform : str
        Class of the transform to the unconstrained scale; empty without one.
    parameters : mapping of str to Parameter
    reaches_data : bool
        Whether a likelihood or a potential depends on it.
    values : ndarray or None
        The data of an observed variable, as PyMC uses them.
    raw : ndarray or None
        The same before PyMC cast them, where they were cast.
    rv : TensorVariable
        The variable itself.
    line : int or None
        Line of the spec that creates it.
    """

    name: str
    family: str
    observed: bool
    shape: tuple[int, ...]
    dims: tuple[str, ...]
    support: Support
    transform: str
    parameters: Mapping[str, Parameter]
    reaches_data: bool
    values: np.ndarray | None
    raw: np.ndarray | None
    rv: Any
    line: int | None

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape))

    @property
    def op(self) -> Any:
        """The distribution's operation, behind minibatches and partly observed data."""
        return distribution(self.rv).owner.op

    @property
    def parents(self) -> tuple[str, ...]:
        """Random variables that any parameter depends on."""
        return tuple(dict.fromkeys(p for q in self.parameters.values() for p in q.parents))

    def number(self, role: str) -> float | None:
        """Return a parameter that is one constant number, else None."""
        parameter = self.parameters.get(role)
        return None if parameter is None else parameter.number()

    @property
    def is_standardised(self) -> bool:
        """Whether its prior is a standard normal (or sum-to-zero normal) with constant parameters.

        Such a vector is the raw part of a non-centred effect.
        """
        if self.family == "ZeroSumNormal":
            return self.number("scale") == 1
        return self.family == "Normal" and self.number("loc") == 0 and self.number("scale") == 1


@dataclass(frozen=True, slots=True)
class Variables(Mapping[str, Variable]):
    """The random variables of a model by name, free ones first.

    Attributes
    ----------
    model : pymc.Model
    line_of : callable
        From the name of a variable to its line in the spec.
    """

    model: pm.Model
    by_name: dict[str, Variable]
    line_of: LineOf = field(default=lambda name: None)
    _children: dict[str, set[str]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Variable:
        return self.by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_name)

    def __len__(self) -> int:
        return len(self.by_name)

    @property
    def free(self) -> list[Variable]:
        """Variables to be sampled."""
        return [v for v in self.by_name.values() if not v.observed]

    @property
    def observed(self) -> list[Variable]:
        """Outcomes."""
        return [v for v in self.by_name.values() if v.observed]

    def children_of(self, name: str) -> set[str]:
        """Return the random variables whose parameters depend on a variable directly."""
        if not self._children:
            for child in self.by_name.values():
                for parent in child.parents:
                    self._children.setdefault(parent, set()).add(child.name)
        return self._children.get(name, set())

    def parents_of(self, expression: Any) -> tuple[str, ...]:
        """Return the random variables an expression depends on directly."""
        return _parents(expression, set(self.model.basic_RVs))


def read_variables(model: pm.Model, line_of: LineOf | None = None) -> Variables:
    """Read the random variables of a model.

    Parameters
    ----------
    model : pymc.Model
    line_of : callable, optional
        From the name of a variable to its line in the spec.
    """
    with uncompiled():
        return _read(model, line_of or (lambda name: None))


def _read(model: pm.Model, line_of: LineOf) -> Variables:
    from pytensor.graph.traversal import ancestors

    named = set(model.basic_RVs)
    reached = set(ancestors([*model.observed_RVs, *model.potentials]))
    shapes = shapes_of(model)
    found = {rv: list(parameter_expressions(rv, named)) for rv in model.basic_RVs}
    parents = {p: _parents(p, named) for pairs in found.values() for _, p in pairs}
    values = constant_values([p for p, above in parents.items() if not above])
    observed = set(model.observed_RVs)
    variables = {}
    for rv in [*model.free_RVs, *model.observed_RVs]:
        parameters = {role: Parameter(role, p, values.get(p), parents[p]) for role, p in found[rv]}
        family, transform = family_of(rv), _transform(model, rv)
        data, raw = observed_data(model, rv) if rv in observed else (None, None)
        name = str(rv.name)
        variables[name] = Variable(
            name=name,
            family=family,
            observed=rv in observed,
            shape=shapes[rv] if data is None else data.shape,
            dims=tuple(str(d) for d in model.named_vars_to_dims.get(name, ()) if d is not None),
            support=_support(rv, family, transform, parameters),
            transform=transform,
            parameters=parameters,
            reaches_data=rv in reached,
            values=data,
            raw=raw,
            rv=rv,
            line=line_of(name),
        )
    return Variables(model, variables, line_of)


def _parents(expression: Any, named: set[Any]) -> tuple[str, ...]:
    from pytensor.graph.traversal import ancestors

    return tuple(dict.fromkeys(str(v.name) for v in ancestors([expression], named) if v in named))


def _transform(model: pm.Model, rv: Any) -> str:
    transform = model.rvs_to_transforms.get(rv)
    return "" if transform is None else type(transform).__name__


def _support(rv: Any, family: str, transform: str, parameters: Mapping[str, Parameter]) -> Support:
    if np.dtype(rv.dtype).kind in "biu":
        return Support.DISCRETE
    if family in FAMILY_SUPPORT:
        return FAMILY_SUPPORT[family]
    lower, upper = (_bound(parameters, role) for role in ("lower", "upper"))
    if lower is not None and lower >= 0:
        unit = lower == 0 and upper == 1
        return Support.UNIT if unit else Support.POSITIVE
    if lower is not None and upper is not None:
        return Support.BOUNDED
    return TRANSFORM_SUPPORT.get(transform, Support.REAL)


def _bound(parameters: Mapping[str, Parameter], role: str) -> float | None:
    if role not in parameters:
        return None
    value = parameters[role].value
    if value is None or value.size == 0 or not np.all(np.isfinite(value)):
        return None
    return float(np.min(value) if role == "lower" else np.max(value))
