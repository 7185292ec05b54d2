"""Nodes of a graph that are draws from a distribution: families and parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .families import PARAMETERS


def family_of(rv: Any) -> str:
    """Return PyMC's name of the distribution of a random variable."""
    op = distribution(rv).owner.op
    return str(getattr(op, "_print_name", (type(op).__name__,))[0])


def distribution(rv: Any) -> Any:
    """Return the distribution behind wrappers (minibatches, partly observed data)."""
    while not is_random(rv) and rv.owner.inputs:
        rv = rv.owner.inputs[0]
        if rv.owner is None:
            raise ValueError("a random variable without a distribution")
    return rv


def is_labelled(variable: Any) -> bool:
    """Whether a variable is one of ``pymc.dims``."""
    return hasattr(variable.type, "dims")


def as_tensor(variable: Any) -> Any:
    """Return the plain tensor of a variable of ``pymc.dims``, and other variables as they are."""
    return variable.values if is_labelled(variable) else variable


def named_parameters(rv: Any) -> list[tuple[str, Any]]:
    """Return the parameters of a distribution by role; a component is an unnamed distribution."""
    rv = distribution(rv)
    op, inputs = rv.owner.op, rv.owner.inputs
    if hasattr(op, "base_rv_op"):  # pm.Truncated keeps no list of its parameters
        *of_base, lower, upper = inputs
        base = op.base_rv_op.make_node(*of_base).default_output()
        return [("base", base), ("lower", lower), ("upper", upper)]
    roles = PARAMETERS.get(family_of(rv), ())
    rest = "component" if roles else "parameter"
    return [
        (roles[k] if k < len(roles) else f"{rest} {k}", parameter)
        for k, parameter in enumerate(op.dist_params(rv.owner))
    ]


def parameter_expressions(rv: Any, named: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Yield roles and expressions, going into unnamed components (mixtures, censored, LKJ)."""
    named = set(named)
    for role, parameter in named_parameters(rv):
        if parameter not in named and is_random(parameter):
            for inner, expression in parameter_expressions(parameter, named):
                yield f"{role}.{inner}", expression
        else:
            yield role, parameter


def is_random(variable: Any) -> bool:
    """Whether a node of the graph is a draw from a distribution."""
    from pymc.distributions.distribution import SymbolicRandomVariable
    from pytensor.tensor.random.op import RandomVariable

    owner = getattr(variable, "owner", None)
    if owner is None:
        return False
    return isinstance(owner.op, RandomVariable | SymbolicRandomVariable) or hasattr(
        owner.op, "dist_params"
    )
