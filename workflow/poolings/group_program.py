"""Programs of the log densities of rows and effects, and of their derivatives by the effects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...checks.hierarchy.cheap import python_mode, uncompiled
from ..specs.preflight import observed_values

if TYPE_CHECKING:
    import pymc as pm

#: A free variable that holds one effect of every group, and where in it, flattened, they are.
Effect = tuple[Any, np.ndarray]

Function = Callable[..., list[np.ndarray]]


@dataclass(frozen=True, slots=True)
class Program:
    """Log densities of rows and of effects, by draw.

    Attributes
    ----------
    inputs : dict of str to dtype
        Free variables whose draws are the arguments, in order.
    densities : callable
        Returns the log densities of the rows by outcome, then those of the priors by entry.
    derivatives : callable
        Returns the same, then the gradient by every entry, then the columns of the Hessians of the
        rows and of the priors, effect by effect.
    """

    inputs: dict[str, np.dtype[Any]]
    densities: Function
    derivatives: Function


def program_of(
    model: pm.Model, outcomes: Iterable[str], priors: Sequence[Any], effects: Sequence[Effect]
) -> Program:
    """Build the program of some effects.

    Parameters
    ----------
    model : pymc.Model
        Of plain tensors.
    outcomes : iterable of str
    priors : sequence of TensorVariable
        Log densities of the entries.
    effects : sequence of Effect
        One for each of a group's effects.
    """
    import pymc as pm
    import pytensor
    from pytensor.graph.replace import vectorize_graph
    from pytensor.graph.traversal import ancestors
    from pytensor.tensor.type import TensorType

    data = observed_values(model)
    with uncompiled():
        rows = [pm.logp(model[name], data[name], warn_rvs=False).ravel() for name in outcomes]
        flat = [expression.ravel() for expression in priors]
        wanted = [*rows, *flat]
        needed = set(ancestors(wanted))
        batched = {
            rv: TensorType(rv.dtype, (None, *rv.type.shape))(f"{rv.name}_draws")
            for rv in model.free_RVs
            if rv in needed
        }
        inputs = list(batched.values())
        outputs: Any = vectorize_graph([*wanted, *_slopes(rows, flat, effects)], replace=batched)
        outputs = _evaluable([_with_draws(v, inputs[0]) for v in outputs])
        plain, full = (
            pytensor.function(inputs, some, mode=python_mode(), on_unused_input="ignore")
            for some in (outputs[: len(wanted)], outputs)
        )
    return Program({str(rv.name): np.dtype(rv.dtype) for rv in batched}, plain, full)


def _slopes(rows: list[Any], priors: list[Any], effects: Sequence[Effect]) -> list[Any]:
    """Return gradients by the entries, then the columns of both Hessians."""
    import pytensor

    entries = list(dict.fromkeys(entry for entry, _ in effects))
    of_rows = sum(r.sum() for r in rows)
    of_prior = sum(p.sum() for p in priors)

    def slopes(total: Any) -> dict[Any, Any]:
        found: Any = pytensor.grad(total, entries, disconnected_inputs="ignore")
        return {entry: g.ravel() for entry, g in zip(entries, found, strict=True)}

    found = list(slopes(of_rows + of_prior).values())
    for total in (of_rows, of_prior):
        first = slopes(total)
        for entry, places in effects:
            found += slopes(first[entry][places].sum()).values()
    return found


def _with_draws(values: Any, like: Any) -> Any:
    """Return a value with an axis of draws in front, also where no draw enters it."""
    import pytensor.tensor as pt

    if values.ndim == 2:
        return values
    return pt.broadcast_to(values, (like.shape[0], values.shape[0]))


def _evaluable(outputs: Sequence[Any]) -> list[Any]:
    """Return expressions that are stable far from the data and fast without a compiler.

    NumPy has no softplus: PyTensor would call Python for every number.
    """
    import pytensor.tensor as pt
    from pytensor.graph.fg import FunctionGraph
    from pytensor.graph.rewriting.utils import rewrite_graph
    from pytensor.tensor.elemwise import Elemwise

    stable: Any = rewrite_graph(list(outputs), include=("canonicalize", "stabilize"))
    graph = FunctionGraph(outputs=stable, clone=False)
    for node in list(graph.toposort()):
        if isinstance(node.op, Elemwise) and type(node.op.scalar_op).__name__ == "Softplus":
            x: Any = node.inputs[0]
            instead: Any = pt.maximum(x, 0) + pt.log1p(pt.exp(-pt.abs(x)))
            graph.replace(node.outputs[0], instead.astype(x.type.dtype), import_missing=True)
    return list(graph.outputs)
