"""The ways of standardised offsets through the graph: by what they are scaled, and added to what.

Every operation on a way rearranges elements, scales them, mixes the columns of a matrix, takes out
a mean, adds something, or picks one element for each row. The effects of a level are what the
offsets have become before rows are picked, times the random numbers that they are scaled by later.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .blocks import Unclear
from .names import dims_of
from .operations import (
    adds_axes,
    again,
    as_scalar,
    depends_on_values,
    is_cumulative,
    is_distribution,
    is_linear_in,
    is_permutation,
    is_product,
    is_single,
    is_view,
    picked_again,
    picks_rows,
    scalar_of,
    unbroadcast,
)
from .origins import mixed, without_mean
from .points import Point
from .rows import Reader
from .way import NoLevel, Way


@dataclass(slots=True)
class Follower:
    """Follows offsets on all ways to the data."""

    reader: Reader
    offsets: Any
    point: Point
    _shapes: dict[Any, tuple[int, ...]] = field(default_factory=dict)

    def ways(self) -> list[Way]:
        """Return all ways.

        Raises
        ------
        NoLevel
            If the offsets belong to a latent process, or are switched on and off.
        Unclear
            If they are combined in a way that hides their groups.
        """
        start = Way(
            origin=self.offsets,
            at=self.offsets,
            base=self.offsets,
            dims=dims_of(self.reader.graph.model, self.offsets),
        )
        found, todo = [], [(start, self.offsets)]
        while todo:
            way, current = todo.pop()
            further = self._further(way, current)
            todo += reversed(further)
            if not further:
                found.append(way)
        return found

    def _further(self, way: Way, current: Any) -> list[tuple[Way, Any]]:
        """Return the way behind every use of where it has come to."""
        if way.by_group and way.total is None and not way.centred and way.columns is None:
            gate = without_mean(self.reader, current, self.point)
            if gate is not None:
                return [(self._centred(way, gate), gate)]
        found = []
        for node in self.reader.graph.clients(current):
            positions = [k for k, v in enumerate(node.inputs) if v is current]
            if depends_on_values(node, positions):
                further = self._step(way, node, current)
                if further is not None:
                    found.append((further, node.outputs[0]))
        return found

    def _step(self, way: Way, node: Any, current: Any) -> Way | None:
        """Return the way behind a node, or None where nothing more can be learned."""
        if is_distribution(node) or len(node.outputs) > 1:
            return None
        if is_cumulative(node):
            raise NoLevel("is summed step by step")
        others = [v for v in node.inputs if v is not current]
        scalar, first = scalar_of(node), node.inputs[0] is current
        if scalar == "Mul" and len(others) < len(node.inputs) - 1:
            return None
        if is_view(node) or (picks_rows(node) and first):
            return self._rearranged(way, node, current)
        if scalar == "Mul" or (scalar == "TrueDiv" and first):
            return self._scaled(way, node, others, inverted=scalar == "TrueDiv")
        if scalar in ("Add", "Sub"):
            sign = -1 if scalar == "Sub" and first else 1
            return self._added(way, node, others, sign, flipped=scalar == "Sub" and not first)
        if is_product(node):
            return self._multiplied(way, node, others)
        positions = [k for k, v in enumerate(node.inputs) if v is current]
        return replace(way, ended=True) if is_linear_in(node, positions) else None

    def _rearranged(self, way: Way, node: Any, current: Any) -> Way:
        output = node.outputs[0]
        if way.ended or way.designed:
            return way
        if way.used is not None:
            return replace(way, used=again(node, current, way.used))
        if picks_rows(node):
            return replace(way, used=picked_again(node, way.at))
        if adds_axes(node):
            return replace(way, used=again(node, current, way.at))
        if way.total is None:
            return replace(way, base=output, **self._alike(node, current, way))
        if not is_permutation(node):
            return replace(way, used=again(node, current, way.at))
        return replace(way, total=output, **self._alike(node, current, way))

    def _alike(self, node: Any, current: Any, way: Way) -> dict[str, Any]:
        """Rearrange what is arranged as the base in the same way."""
        import pytensor.tensor as pt

        shape, found = self._shape(current), {}
        for name in ("at", "spread", "gain", "location"):
            value = getattr(way, name)
            if value is not None and not is_single(value):
                value = again(node, current, pt.broadcast_to(value, shape))
            found[name] = value
        return found

    def _scaled(self, way: Way, node: Any, others: list[Any], *, inverted: bool) -> Way:
        graph = self.reader.graph
        random = [v for v in others if graph.is_random(v)]
        if any(np.dtype(p.dtype).kind in "biu" for v in random for p in graph.parents(v)):
            raise NoLevel("is switched on and off by indicators")
        if way.ended or way.total is not None or way.shift is not None:
            return replace(way, ended=True, loadings=(*way.loadings, *random))
        factors = [1 / v if inverted else v for v in others if v in random or is_single(v)]
        designed = way.designed or len(factors) < len(others)
        if way.by_group and not designed:
            if self._shape(node.outputs[0]) != self._shape(way.base):
                raise Unclear("it has one offset for several effects")
            return replace(way, base=node.outputs[0], gain=_times(way.gain, factors))
        for factor in factors:
            if not is_single(factor) and not self._fits(factor, way):
                raise Unclear(f"it is multiplied by {_called(factor, graph)}, which differs by row")
        return replace(way, later=_times(way.later, factors), designed=designed)

    def _fits(self, factor: Any, way: Way) -> bool:
        """Whether a factor met after rows were picked differs by column only."""
        wide = way.used is not None and way.used.ndim == way.at.ndim > 1
        return wide and (factor.ndim < way.at.ndim or factor.type.shape[0] == 1)

    def _added(self, way: Way, node: Any, others: list[Any], sign: int, *, flipped: bool) -> Way:
        graph = self.reader.graph
        if way.ended:
            return way
        if any(graph.depends(v, self.offsets) for v in others):
            return replace(way, ended=True)
        if way.by_group and self._shape(node.outputs[0]) == self._shape(way.base_or_total):
            if flipped and way.total is not None:
                return replace(way, ended=True)
            location = _sum(way.location, others, sign)
            flipped = flipped or way.flipped
            return replace(way, total=node.outputs[0], location=location, flipped=flipped)
        if flipped or way.designed or not all(is_single(v) for v in others):
            return replace(way, ended=True)
        return replace(way, shift=_sum(way.shift, others, sign))

    def _multiplied(self, way: Way, node: Any, others: list[Any]) -> Way | None:
        if not any(self.reader.graph.is_random(v) for v in others):
            return replace(way, designed=True)
        if way.ended:
            return replace(way, loadings=(*way.loadings, *others))
        if self._shape(way.base) and len(self._shape(self.offsets)) == 1:
            raise NoLevel("is mixed over all of its elements")
        if not way.by_group or way.total is not None or way.columns is not None:
            raise Unclear("it is mixed by a random matrix after rows are picked or sums are taken")
        if len(self._shape(node.outputs[0])) != 2 or len(self._shape(self.offsets)) != 2:
            raise Unclear("it is mixed by a random matrix in more than two dimensions")
        return mixed(self.reader, way, self.offsets, node.outputs[0], self.point)

    def _centred(self, way: Way, gate: Any) -> Way:
        return replace(
            way, origin=gate, at=gate, base=gate, spread=way.gain, gain=None, centred=True
        )

    def _shape(self, variable: Any) -> tuple[int, ...]:
        if variable not in self._shapes:
            self._shapes[variable] = self.reader.points.value(variable, self.point).shape
        return self._shapes[variable]


def _times(start: Any | None, factors: list[Any]) -> Any:
    found = start
    for factor in factors:
        factor = as_scalar(factor) if is_single(factor) else factor
        found = factor if found is None else found * factor
    return found


def _sum(start: Any | None, others: list[Any], sign: int) -> Any:
    found = start
    for other in others:
        term = other if sign > 0 else -other
        found = term if found is None else found + term
    return found


def _called(expression: Any, graph: Any) -> str:
    names = sorted(str(v.name) for v in graph.parents(expression))
    return unbroadcast(expression).name or " and ".join(names)
