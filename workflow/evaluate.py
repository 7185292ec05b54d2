"""Expressions of a model's free variables, evaluated on draws in chunks of bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ..checks.draws import SAMPLE, Array
from ..checks.hierarchy.cheap import uncompiled

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
    from pytensor.tensor.type import TensorType

    needed = set(ancestors(expressions))
    batched = {
        rv: TensorType(rv.dtype, (None, *rv.type.shape))(f"{rv.name}_draws")
        for rv in model.free_RVs
        if rv in needed
    }
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
