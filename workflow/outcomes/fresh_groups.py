"""New groups drawn from the model itself: for effects that are not normal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ...checks.draws import Array
from ...checks.hierarchy import Hierarchy
from .new_groups import NewGroups, entries_of
from .on_draws import OnDraws, replaced

if TYPE_CHECKING:
    import pymc as pm


class Fresh:
    """An expression with freshly drawn effects, and partners that share the outer ones.

    Parameters
    ----------
    model : pymc.Model
        Of plain tensors.
    hierarchy : Hierarchy
    new : NewGroups
        With L links.
    expressions : sequence of TensorVariable
    draws : xarray.Dataset
    seed : int
    """

    def __init__(
        self,
        model: pm.Model,
        hierarchy: Hierarchy,
        new: NewGroups,
        expression: Any,
        draws: xr.Dataset,
        seed: int,
    ) -> None:
        import pytensor.tensor as pt

        entries = entries_of(model, hierarchy, new)
        link_of = {
            hierarchy.levels[name].entry: k for k, link in enumerate(new.links) for name in link
        }
        zero = pt.scalar("zero", dtype="float64")
        one, other = _copies(entries, zero)
        outputs = []
        for partner in range(len(new.links) + 1):
            # Partner k draws the first k links anew; partner 0 is the one they are compared with.
            swaps = [(rv, (other if link_of[rv] < partner else one)[rv]) for rv in entries]
            outputs += replaced([expression], swaps)
        self._on = OnDraws(model, outputs, draws, batched=[zero], random_seed=seed)

    def draw(self, at: np.ndarray) -> list[Array]:
        """Return the expression with new groups, and the same for every partner."""
        return self._on(at, batched=[np.zeros(len(at))])


def _copies(entries: Sequence[Any], zero: Any) -> list[dict[Any, Any]]:
    """Return two sets of random variables like the given ones, each drawn at every draw anew."""
    return [{rv: drawn_again(rv, zero, copy) for rv in entries} for copy in ("one", "other")]


def drawn_again(rv: Any, zero: Any, copy: str) -> Any:
    """Return a random variable with a source of randomness of its own.

    Adding a ``zero`` that has a value for every draw makes a variable without parameters that vary
    be drawn for every draw.
    """
    import pytensor
    from pytensor.tensor.random.type import RandomType

    node = rv.owner
    parameters = {id(p) for p in node.op.dist_params(node)}
    inputs = [
        pytensor.shared(np.random.default_rng(), name=f"{rv.name}_{copy}")
        if isinstance(v.type, RandomType)
        else (v + zero.astype(v.dtype) if id(v) in parameters else v)
        for v in node.inputs
    ]
    return node.op.make_node(*inputs).outputs[node.outputs.index(rv)]
