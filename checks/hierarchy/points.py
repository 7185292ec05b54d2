"""Expressions of a model at made-up values of its free variables.

The graph is cut at the random variables, and at any other variable that is moved: what lies below
a cut no longer matters. Everything runs in plain Python; nothing is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..draws import Array
from .cheap import python_mode, uncompiled
from .distributions import is_random
from .response import base_point
from .variables import Support, Variables

#: How far from zero real variables may lie: near enough that no inverse link saturates, whatever
#: the unit of a predictor; and farther, where rounding would hide a product of small numbers.
SIZES = (1e-2, 1e-9)
CORRELATION = 0.3

Point = Mapping[str, np.ndarray]


class Points:
    """Values for all free variables, and what expressions are there.

    Attributes
    ----------
    variables : Variables
    """

    def __init__(self, variables: Variables) -> None:
        self.variables = variables
        self._named = {variables[name].rv: name for name in variables}
        self._functions: dict[Any, Any] = {}
        self._points: dict[tuple[int, float], Point] = {}
        self._known: dict[Any, list[Array]] = {}

    def at(self, seed: int, size: float = 0.3) -> Point:
        """Return an ordinary value for every variable; other seeds give other values."""
        if (seed, size) not in self._points:
            point = base_point(self.variables, seed=seed, size=size)
            for name, variable in self.variables.items():
                if variable.support is Support.COVARIANCE and len(variable.shape) > 1:
                    # A diagonal matrix would hide what correlations do.
                    off = CORRELATION * (1 - np.eye(variable.shape[-1]))
                    point[name] = np.asarray(point[name] + off)
            self._points[seed, size] = point
        return self._points[seed, size]

    def values(
        self, expressions: Sequence[Any], point: Point, moved: Mapping[Any, Array] | None = None
    ) -> list[Array]:
        """Evaluate expressions, with the graph cut at what is moved.

        Parameters
        ----------
        expressions : sequence of TensorVariable
        point : mapping of str to ndarray
        moved : mapping of TensorVariable to ndarray, optional
            Any variables of the graph, with their values.
        """
        if not moved:
            return self._unmoved(tuple(expressions), point)
        # Random variables are cuts anyway, so that one function serves all of them.
        cuts = tuple(v for v in moved if v not in self._named)
        inputs, function = self._function(tuple(expressions), cuts)
        typed = [
            np.asarray(moved[v]).astype(v.dtype) if v in moved else self._typed(point, v)
            for v in inputs
        ]
        with np.errstate(all="ignore"), uncompiled():
            return [np.asarray(v) for v in function(*typed)]

    def _typed(self, point: Point, variable: Any) -> np.ndarray:
        return np.asarray(point[self._named[variable]]).astype(variable.dtype)

    def _unmoved(self, expressions: tuple[Any, ...], point: Point) -> list[Array]:
        key = (expressions, id(point))
        if key not in self._known:
            inputs, function = self._function(expressions, ())
            with np.errstate(all="ignore"), uncompiled():
                found = function(*[self._typed(point, v) for v in inputs])
            self._known[key] = [np.asarray(v) for v in found]
        return self._known[key]

    def value(self, expression: Any, point: Point, moved: Any = None) -> Array:
        """Evaluate one expression as floating-point numbers."""
        return np.asarray(self.values([expression], point, moved)[0], dtype=float)

    def holds_draws(self, expressions: Sequence[Any], cuts: Sequence[Any] = ()) -> bool:
        """Whether expressions hold draws without a name: a minibatch, or a component."""
        return any(is_random(v) for v in self._below(expressions, cuts) if v not in self._named)

    def _below(self, expressions: Sequence[Any], cuts: Sequence[Any]) -> list[Any]:
        from pytensor.graph.traversal import ancestors

        return list(dict.fromkeys(ancestors(expressions, blockers={*self._named, *cuts})))

    def _function(self, expressions: tuple[Any, ...], cuts: tuple[Any, ...]) -> Any:
        import pytensor

        key = (expressions, cuts)
        if key not in self._functions:
            below = self._below(expressions, cuts)
            inputs = [v for v in below if v in self._named and v not in cuts] + list(cuts)
            with uncompiled():
                function = pytensor.function(
                    inputs, list(expressions), mode=python_mode(), on_unused_input="ignore"
                )
            self._functions[key] = inputs, function
        return self._functions[key]
