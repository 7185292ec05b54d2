"""Expressions of a model's free variables as functions of draws and of other inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ...checks.draws import Array
from ...checks.hierarchy.cheap import uncompiled
from ..levels.evaluate import one_axis

if TYPE_CHECKING:
    import pymc as pm


def replaced(outputs: Sequence[Any], swaps: Sequence[tuple[Any, Any]]) -> list[Any]:
    """Replace variables one after the other, so that a replacement may hold what comes later."""
    from pytensor.graph.replace import graph_replace

    found = list(outputs)
    for old, new in swaps:
        found = list(graph_replace(found, {old: new}, strict=False))
    return found


class OnDraws:
    """Expressions of free variables as functions of numbers of draws and of other inputs.

    Parameters
    ----------
    model : pymc.Model
    expressions : sequence of TensorVariable
    draws : xarray.Dataset
    batched : sequence of TensorVariable
        Inputs besides the free variables that have a value for every draw.
    shared : sequence of TensorVariable
        Inputs that are the same for all draws.
    random_seed : int or None
        For expressions that hold random variables which are to be drawn.
    """

    def __init__(
        self,
        model: pm.Model,
        expressions: Sequence[Any],
        draws: xr.Dataset,
        *,
        batched: Sequence[Any] = (),
        shared: Sequence[Any] = (),
        random_seed: int | None = None,
    ) -> None:
        import pytensor
        from pytensor.graph.replace import vectorize_graph
        from pytensor.graph.traversal import ancestors
        from pytensor.tensor.type import TensorType

        needed = set(ancestors(expressions))
        self._free = [rv for rv in model.free_RVs if rv in needed]
        swaps = {
            v: TensorType(v.dtype, (None, *v.type.shape))(f"{v.name}_draws")
            for v in (*self._free, *batched)
        }
        outputs = vectorize_graph(list(expressions), replace=swaps)
        inputs = [*swaps.values(), *shared]
        options: dict[str, Any] = {"mode": "FAST_COMPILE", "on_unused_input": "ignore"}
        with uncompiled():
            if random_seed is None:
                self._function = pytensor.function(inputs, outputs, **options)
            else:
                import pymc as pm

                self._function = pm.compile(inputs, outputs, random_seed=random_seed, **options)
        self._dtypes = [v.dtype for v in swaps]
        self._ndim = [e.ndim for e in expressions]
        self._values = [one_axis(draws[rv.name]) for rv in self._free]

    def __call__(
        self, at: np.ndarray, batched: Sequence[Array] = (), shared: Sequence[Array] = ()
    ) -> list[Array]:
        """Return every expression with the draws as its first axis."""
        given = [*(v[at] for v in self._values), *batched]
        cast = [np.asarray(v, dtype=d) for v, d in zip(given, self._dtypes, strict=True)]
        with np.errstate(all="ignore"), uncompiled():
            values = self._function(*cast, *shared)
        return list(self._full(values, len(at)))

    def _full(self, values: Sequence[Any], size: int) -> Iterator[Array]:
        for value, ndim in zip(values, self._ndim, strict=True):
            found = np.asarray(value, dtype=float)
            if found.ndim == ndim:  # the same at every draw
                found = np.broadcast_to(found, (size, *found.shape))
            yield found


class OneByOne:
    """Random variables drawn for one draw of the parameters after the other."""

    def __init__(
        self,
        model: pm.Model,
        expressions: Sequence[Any],
        draws: xr.Dataset,
        inputs: Sequence[Any],
        seed: int,
    ) -> None:
        import pymc as pm
        from pytensor.graph.traversal import ancestors

        needed = set(ancestors(expressions))
        free = [rv for rv in model.free_RVs if rv in needed]
        fixed = {rv: rv.type(f"{rv.name}_value") for rv in free}
        with uncompiled():
            self._function = pm.compile(
                [*fixed.values(), *inputs],
                replaced(expressions, list(fixed.items())),
                random_seed=seed,
                mode="FAST_COMPILE",
                on_unused_input="ignore",
            )
        self._values = [one_axis(draws[rv.name]).astype(rv.dtype) for rv in free]

    def __call__(self, at: np.ndarray, batched: Sequence[Array]) -> list[Array]:
        """Return every expression with the draws as its first axis."""
        with uncompiled():
            found = [
                self._function(*(v[i] for v in self._values), *(b[k] for b in batched))
                for k, i in enumerate(at)
            ]
        return [np.asarray(values, dtype=float) for values in zip(*found, strict=True)]
