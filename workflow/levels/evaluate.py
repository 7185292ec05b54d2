"""Expressions of a model's free variables, evaluated on draws in chunks of bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ...checks.draws import SAMPLE, Array
from ...checks.hierarchy.cheap import uncompiled

if TYPE_CHECKING:
    import pymc as pm

#: Numbers per expression that are evaluated at once, so that memory stays near 200 MB.
CHUNK = 4_000_000


def evaluate_on(
    model: pm.Model, expressions: Sequence[Any], draws: xr.Dataset, width: int
) -> Iterator[tuple[slice, list[np.ndarray]]]:
    """Evaluate expressions of free variables on draws, a chunk at a time.

    Parameters
    ----------
    model : pymc.Model
        Of plain tensors.
    expressions : sequence of TensorVariable
    draws : xarray.Dataset
        Every free variable.
    width : int
        Largest number of values per draw, which sets the size of a chunk.

    Yields
    ------
    chunk : slice
        Of the draws, chains one after the other.
    values : list of ndarray
        One per expression, first axis the draws; without that axis where no draw matters.
    """
    import pytensor
    from pytensor.graph.replace import vectorize_graph
    from pytensor.graph.traversal import ancestors

    needed = set(ancestors(expressions))
    batched = {rv: _batch_of(rv) for rv in model.free_RVs if rv in needed}
    with uncompiled():
        evaluate = pytensor.function(
            list(batched.values()),
            vectorize_graph(list(expressions), replace=batched),
            mode="FAST_COMPILE",
            on_unused_input="ignore",
        )
    flat = {rv: one_axis(draws[rv.name]) for rv in batched}
    total = draws.sizes["chain"] * draws.sizes["draw"]
    step = max(1, CHUNK // max(width, 1))
    for start in range(0, total, step):
        chunk = slice(start, min(start + step, total))
        values = evaluate(*[v[chunk].astype(rv.dtype) for rv, v in flat.items()])
        yield chunk, [np.asarray(v, dtype=float) for v in values]


def vectorised(
    inputs: Sequence[Any], outputs: Sequence[Any], *, compiled: bool = False
) -> Callable[..., list[np.ndarray]]:
    """Return a function of draws, one array per input with the draws as its first axis.

    For graphs that need more than a few steps: simplified and made stable as PyTensor does it.

    Parameters
    ----------
    inputs : sequence of TensorVariable
        Each is replaced by its draws.
    outputs : sequence of TensorVariable
        For one draw.
    compiled : bool, default False
        Whether to compile it with numba, which takes seconds and then is some ten times as fast;
        else it is run by NumPy.
    """
    import pytensor
    from pytensor.compile.mode import Mode
    from pytensor.graph.fg import FunctionGraph
    from pytensor.graph.replace import vectorize_graph
    from pytensor.graph.rewriting.db import RewriteDatabaseQuery

    batched = [_batch_of(v) for v in inputs]
    replaced = _values_of_containers(outputs) | dict(zip(inputs, batched, strict=True))
    function: Callable[..., list[np.ndarray]]
    if compiled:
        many = vectorize_graph(list(outputs), replaced)
        function = pytensor.function(batched, many, mode="NUMBA", on_unused_input="ignore")
        return function
    with uncompiled():
        # Fused and in-place operations are for compilers.
        query = RewriteDatabaseQuery(include=["fast_run"], exclude=["fusion", "inplace", "BlasOpt"])
        graph = FunctionGraph(batched, vectorize_graph(list(outputs), replaced), clone=True)
        Mode(linker="vm", optimizer=query).optimizer.rewrite(graph)
        _without_loops(graph)
        function = pytensor.function(
            graph.inputs,
            graph.outputs,
            mode=Mode(linker="vm", optimizer=None),  # type: ignore[arg-type]
            on_unused_input="ignore",
        )
    return function


def _values_of_containers(expressions: Sequence[Any]) -> dict[Any, Any]:
    """Return the values of the data containers that expressions are made of, by container.

    A graph that is copied has copies of the containers, and nothing to fill them.
    """
    import pytensor.tensor as pt
    from pytensor.graph.traversal import graph_inputs
    from pytensor.tensor.sharedvar import TensorSharedVariable

    return {
        v: pt.constant(v.get_value(), dtype=v.dtype, name=v.name)
        for v in graph_inputs(list(expressions))
        if isinstance(v, TensorSharedVariable)
    }


def _without_loops(graph: Any) -> None:
    """Replace scalar operations that NumPy does not know, and would loop over in Python."""
    import pytensor.tensor as pt
    from pytensor.tensor.elemwise import Elemwise

    def softplus(x: Any) -> Any:
        return pt.maximum(x, 0) + pt.log1p(pt.exp(-abs(x)))

    def log1mexp(x: Any) -> Any:
        # Maechler (2012), Accurately computing log(1 - exp(-|a|)).
        return pt.switch(x < -0.6931471805599453, pt.log1p(-pt.exp(x)), pt.log(-pt.expm1(x)))

    def second(x: Any, y: Any) -> Any:
        return pt.alloc(y, *x.shape)

    known: dict[str, Callable[..., Any]] = {
        "Softplus": softplus,
        "Log1mexp": log1mexp,
        "TriGamma": lambda x: pt.polygamma(1, x),
        "Second": second,
    }
    for node in graph.toposort():
        name = type(node.op.scalar_op).__name__ if isinstance(node.op, Elemwise) else ""
        if name in known:
            (old,) = node.outputs
            graph.replace(old, old.type.filter_variable(known[name](*node.inputs)))


def _batch_of(variable: Any) -> Any:
    """Return the variable that holds the draws of another."""
    from pytensor.tensor.type import TensorType

    return TensorType(variable.dtype, (None, *variable.type.shape))(f"{variable.name}_draws")


def one_axis(draws: xr.DataArray) -> np.ndarray:
    """Return draws with chains one after the other along the first axis."""
    values = draws.transpose(*SAMPLE, ...).values
    return np.asarray(values).reshape(-1, *values.shape[2:])


def by_draw(values: np.ndarray, core: int, size: int, shape: tuple[int, ...]) -> Array:
    """Broadcast (draws, ...) or (...) to (draws, elements of a shape).

    Parameters
    ----------
    values : ndarray
        Of an expression with ``core`` axes, with or without an axis of draws before them.
    core, size : int
        Axes of the expression; draws.
    shape : tuple of int
    """
    values = np.asarray(values, dtype=float)
    if values.ndim == core:  # does not depend on any draw
        values = values[None]
    padded = values.reshape(values.shape[0], *(1,) * (len(shape) - core), *values.shape[1:])
    return np.broadcast_to(padded, (size, *shape)).reshape(size, -1)
