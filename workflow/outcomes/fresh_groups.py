"""New groups drawn from the model itself: for effects that are not normal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...checks.draws import Array
from .new_groups import InNewGroups
from .on_draws import OnDraws, replaced


class Fresh:
    """An expression with freshly drawn effects, and partners that share the outer ones.

    Parameters
    ----------
    of : InNewGroups
    seed : int
    """

    def __init__(self, of: InNewGroups, seed: int) -> None:
        import pytensor.tensor as pt

        entries, links = of.entries(), of.new.links
        levels = of.hierarchy.levels
        link_of = {levels[name].entry: k for k, link in enumerate(links) for name in link}
        zero = pt.scalar("zero", dtype="float64")
        one, other = _copies(entries, zero)
        outputs = []
        for partner in range(len(links) + 1):
            # Partner k draws the first k links anew; partner 0 is the one they are compared with.
            swaps = [(rv, (other if link_of[rv] < partner else one)[rv]) for rv in entries]
            outputs += replaced([of.expression], swaps)
        self._on = OnDraws(of.model, outputs, of.draws, batched=[zero], random_seed=seed)

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
