"""How the parameters of a model answer when one of its variables is moved.

One function takes every random variable as an input, which cuts the graph there, and returns every
parameter that depends on one. It runs in plain Python: nothing is compiled and nothing is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..draws import Array
from ..evidence import Missing, fact
from .cheap import python_mode, uncompiled
from .distributions import as_tensor, is_labelled, is_random
from .location import location_of
from .variables import Support, Variable, Variables

#: A variable and the role of one of its parameters; ``expected`` is its location.
Key = tuple[str, str]
Values = Mapping[str, Any]
EXPECTED = "expected"

#: From how many points on it pays to evaluate them together, and how many numbers at a time.
FEWEST_SIDE_BY_SIDE = 12
MOST_SIDE_BY_SIDE = 2_000_000


class Response:
    """The parameters of a model as functions of its random variables.

    Attributes
    ----------
    base : dict of str to ndarray
        A value for every random variable: an ordinary one for free variables, chosen without
        regard to the prior, and the data for outcomes.
    """

    def __init__(self, variables: Variables) -> None:
        self.variables = variables
        self.base = base_point(variables)
        self._expressions: dict[Key, Any] = dict(_expressions(variables))
        self._functions: dict[Any, Any] = {}
        self._side_by_side: dict[Any, Any] = {}
        self._movers: dict[Any, set[str]] = {}

    @property
    def keys(self) -> list[Key]:
        """Parameters that depend on a random variable."""
        return list(self._expressions)

    def expression(self, key: Key) -> Any:
        """Return the graph of a parameter."""
        return self._expressions[key]

    def value(self, key: Key, moved: Values | None = None) -> Array:
        """Return a parameter with some variables moved away from the base point."""
        return self.evaluate(self._expressions[key], moved)

    def evaluate(self, expression: Any, moved: Values | None = None) -> Array:
        """Return any expression of the model's random variables, at moved values."""
        moved = moved or {}
        inputs, function = self._function(expression)
        point = [
            np.asarray(moved.get(name, self.base[name]), dtype=dtype) for name, dtype in inputs
        ]
        with np.errstate(all="ignore"), uncompiled():
            return np.asarray(function(*point), dtype=float)

    def evaluate_many(self, expression: Any, moves: Sequence[Values], point: Values) -> list[Array]:
        """Return an expression after several moves away from a point, together where quicker.

        A graph that handles one variable after the other costs more in steps than in numbers, so
        that all moves are evaluated side by side.
        """
        if len(moves) >= FEWEST_SIDE_BY_SIDE and expression not in self._side_by_side:
            self._side_by_side[expression] = self._vectorised(expression)
        together = self._side_by_side.get(expression)
        if len(moves) < FEWEST_SIDE_BY_SIDE or together is None:
            return [self.evaluate(expression, {**point, **moved}) for moved in moves]
        inputs, function = together
        rows = max(self.evaluate(expression).size, 1)
        step = max(1, MOST_SIDE_BY_SIDE // rows)
        found: list[Array] = []
        for start in range(0, len(moves), step):
            chunk = moves[start : start + step]
            points = {
                name: np.repeat(np.asarray(point[name], dtype=dtype)[None], len(chunk), axis=0)
                for name, dtype in inputs
            }
            for row, moved in enumerate(chunk):
                for name in points.keys() & moved.keys():
                    points[name][row] = moved[name]
            with np.errstate(all="ignore"), uncompiled():
                found += list(np.asarray(function(*points.values()), dtype=float))
        return found

    def _vectorised(self, expression: Any) -> Any:
        """Return a function of a batch of points, or None for a graph that allows none."""
        import pytensor
        from pytensor.graph.replace import vectorize_graph
        from pytensor.tensor.type import TensorType

        above = set(self.variables.parents_of(expression))
        inputs = [rv for rv in self.variables.model.basic_RVs if rv.name in above]
        if any(map(is_labelled, (*inputs, expression))):
            return None
        batches = {
            rv: TensorType(rv.dtype, (None, *self.variables[str(rv.name)].shape))() for rv in inputs
        }
        try:
            with uncompiled():
                together = vectorize_graph(expression, replace=batches)
                function = pytensor.function(
                    list(batches.values()),
                    together,
                    mode=python_mode(),
                    on_unused_input="ignore",
                    allow_input_downcast=True,
                )
                names = [(str(rv.name), rv.dtype) for rv in inputs]
                one = np.asarray(
                    function(*[np.asarray(self.base[n], dtype=d)[None] for n, d in names])
                )
            same = np.allclose(one[0], self.evaluate(expression), equal_nan=True)
        except Exception:  # an op that knows no batches
            return None
        return (names, function) if same else None

    def moves(self, expression: Any, name: str) -> bool:
        """Whether moving a variable really changes an expression (and not only its shape)."""
        return name in self.movers(expression)

    def movers(self, expression: Any) -> set[str]:
        """Return the variables that really change an expression (and not only its shape)."""
        if expression not in self._movers:
            names = self.variables.parents_of(expression)
            before = self.evaluate(expression)
            moves = [{name: self.nudged(name)} for name in names]
            after = self.evaluate_many(expression, moves, self.base)
            self._movers[expression] = {
                name
                for name, value in zip(names, after, strict=True)
                if value.shape != before.shape
                or not np.allclose(before, value, rtol=1e-9, atol=0, equal_nan=True)
            }
        return self._movers[expression]

    def nudged(self, name: str, size: float = 0.5) -> np.ndarray:
        """Return the base value of a variable moved by unequal steps inside its support."""
        variable, base = self.variables[name], self.base[name]
        if variable.support is Support.DISCRETE:
            return np.asarray(1 - base)
        steps = np.random.default_rng(11).uniform(0.5, 1.5, size=base.shape)
        return np.asarray(base + size * step_of(variable) * steps)

    def _function(self, expression: Any) -> Any:
        import pytensor

        if expression not in self._functions:
            above = set(self.variables.parents_of(expression))
            inputs = [rv for rv in self.variables.model.basic_RVs if rv.name in above]
            with uncompiled():
                function = pytensor.function(
                    inputs,
                    as_tensor(expression),
                    mode=python_mode(),
                    on_unused_input="ignore",
                    allow_input_downcast=True,
                )
            names = [(str(rv.name), as_tensor(rv).dtype) for rv in inputs]
            self._functions[expression] = names, function
        return self._functions[expression]


@fact
def response(variables: Variables) -> Response:
    """Make the function and evaluate it once; say so when it cannot be evaluated."""
    try:
        found = Response(variables)
        for outcome in variables.observed:
            if (outcome.name, EXPECTED) in found.keys:
                found.value((outcome.name, EXPECTED))
    except Exception as error:
        line = (str(error).splitlines() or [""])[0][:160]
        raise Missing(
            "not understood, because the model cannot be evaluated "
            f"({type(error).__name__}: {line})"
        ) from error
    return found


def _expressions(variables: Variables) -> Any:
    draws: dict[Any, bool] = {}
    for variable in variables.values():
        for parameter in variable.parameters.values():
            expression = first_batch(parameter.expression)
            if parameter.parents and not _draws(variables, expression, draws):
                yield (variable.name, parameter.role), expression
        mean = first_batch(location_of(variable.rv))
        if mean is None or not variables.parents_of(mean) or _draws(variables, mean, draws):
            continue
        yield (variable.name, EXPECTED), mean


def first_batch(expression: Any) -> Any:
    """Return an expression of minibatches for the first rows of the data, others as they are."""
    from pymc.data import MinibatchOp
    from pytensor.graph.replace import graph_replace
    from pytensor.graph.traversal import ancestors

    if expression is None:
        return None
    first = {
        batch: data[: batch.type.shape[0]]
        for node in {v.owner for v in ancestors([expression]) if v.owner is not None}
        if isinstance(node.op, MinibatchOp)
        for batch, data in zip(node.outputs, node.inputs, strict=False)
        if getattr(batch.type, "shape", None) and batch.type.shape[0] is not None
    }
    return graph_replace(expression, first, strict=False) if first else expression


def _draws(variables: Variables, expression: Any, known: dict[Any, bool]) -> bool:
    """Whether an expression holds an unnamed draw: a minibatch, or a component of a mixture."""
    from pytensor.graph.traversal import ancestors

    if expression not in known:
        named = set(variables.model.basic_RVs)
        known[expression] = any(
            is_random(v) and v not in named for v in ancestors([expression], blockers=named)
        )
    return known[expression]


def step_of(variable: Variable) -> float:
    """Return how far a variable may be moved from its base value without leaving its support."""
    inside = (Support.UNIT, Support.SIMPLEX, Support.BOUNDED)
    return 0.1 if variable.support in inside else 1.0


def base_point(variables: Variables, *, seed: int = 7, size: float = 0.3) -> dict[str, np.ndarray]:
    """Return an ordinary value for every variable, inside its support.

    Parameters
    ----------
    variables : Variables
    seed : int, optional
        Other seeds give other points; discrete variables are 1 at odd seeds and 0 at even ones.
    size : float, optional
        How far real variables lie from zero, and positive ones from one.
    """
    rng = np.random.default_rng(seed)
    return {
        name: variable.values
        if variable.values is not None
        else _ordinary(variable, size * rng.normal(size=variable.shape), indicator=seed % 2)
        for name, variable in variables.items()
    }


def _ordinary(variable: Variable, z: Array, indicator: int) -> np.ndarray:
    match variable.support:
        case Support.POSITIVE:
            value = np.exp(z) + (_lowest(variable) if "lower" in variable.parameters else 0)
            highest = _highest(variable)
            return np.asarray(np.minimum(value, (value + highest) / 2) if highest < 2 else value)
        case Support.UNIT:
            return np.asarray(1 / (1 + np.exp(-z)))
        case Support.BOUNDED:
            low, high = _lowest(variable), _highest(variable)
            return np.asarray(low + (high - low) / (1 + np.exp(-z)))
        case Support.SIMPLEX:
            weights = np.exp(z)
            return np.asarray(weights / weights.sum(-1, keepdims=True))
        case Support.COVARIANCE:
            return _ordinary_covariance(variable, z)
        case Support.DISCRETE:
            return np.full(variable.shape, indicator)
        case _:
            return np.asarray(np.sort(z) if variable.transform == "Ordered" else z)


def _ordinary_covariance(variable: Variable, z: Array) -> np.ndarray:
    if len(variable.shape) >= 2:
        return np.broadcast_to(np.eye(variable.shape[-1]), variable.shape).copy()
    # The rows of a Cholesky factor, packed: positive on the diagonal.
    packed = 0.3 + 0.1 * z
    diagonal = np.cumsum(np.arange(1, variable.size + 1)) - 1
    inside = diagonal[diagonal < variable.size]
    packed[..., inside] = np.exp(z[..., inside])
    return np.asarray(packed)


def _lowest(variable: Variable) -> float:
    value = variable.parameters["lower"].value
    return 0.0 if value is None else float(np.max(value))


def _highest(variable: Variable) -> float:
    parameter = variable.parameters.get("upper")
    if parameter is None or parameter.value is None:
        return float("inf")
    return float(np.min(parameter.value))
