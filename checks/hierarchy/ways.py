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
    as_scalar,
    depends_on_values,
    is_cumulative,
    is_distribution,
    is_linear_in,
    is_permutation,
    is_product,
    is_single,
    is_view,
    picks_rows,
    scalar_of,
    substituted,
    unbroadcast,
)
from .points import Point
from .rows import Reader


class NoLevel(Exception):
    """What is no part of a level, beyond doubt: a latent process, coefficients, indicators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way of offsets to the data.

    Attributes
    ----------
    origin : TensorVariable
        The offsets; or the variable that they were mixed in, or their mean was taken out of.
    spread : TensorVariable or None
        Standard deviation of the origin, arranged as the base; None stands for 1.
    at : TensorVariable
        The origin, arranged as the base.
    base : TensorVariable
        The last variable on the way that has only been scaled and rearranged.
    gain : TensorVariable or None
        What the origin was scaled by on the way to the base, arranged as the base; None for 1.
    total, location : TensorVariable or None
        The sum of the base and what was added to it group by group, and that.
    used : TensorVariable or None
        The origin, arranged as what is picked for the rows; None before.
    later : TensorVariable or None
        What scales it after rows were picked.
    shift : TensorVariable or None
        One number that was added to all rows.
    columns : int or None
        Axis of the origin that a random matrix mixed.
    dims : tuple of (str or None)
        Names of the axes of the origin.
    designed, ended, centred, flipped : bool
        Whether data were multiplied, something else was added, the mean was taken out, the base
        was taken off the location.
    loadings : tuple of TensorVariable
        Random expressions that multiply the sum that the offsets are part of.
    """

    origin: Any
    at: Any
    base: Any
    spread: Any | None = None
    gain: Any | None = None
    columns: int | None = None
    dims: tuple[str | None, ...] = ()
    total: Any | None = None
    location: Any | None = None
    used: Any | None = None
    later: Any | None = None
    shift: Any | None = None
    designed: bool = False
    ended: bool = False
    centred: bool = False
    flipped: bool = False
    loadings: tuple[Any, ...] = ()

    @property
    def by_group(self) -> bool:
        """Whether the way has not left the groups for the rows."""
        return not (self.used is not None or self.designed or self.ended)

    @property
    def base_or_total(self) -> Any:
        """The variable of the groups that the way has come to."""
        return self.base if self.total is None else self.total

    @property
    def is_scaled(self) -> bool:
        """Whether anything random scales the offsets."""
        return any(v is not None for v in (self.gain, self.later, self.spread))


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


def without_mean(reader: Reader, variable: Any, point: Point) -> Any | None:
    """Return the variable less its mean, where the model uses it in no other way."""
    if variable.ndim != 1:
        return None
    for node in reader.graph.clients(variable):
        if scalar_of(node) != "Sub" or node.inputs[0] is not variable:
            continue
        gate = node.outputs[0]
        if not reader.graph.depends(node.inputs[1], variable):
            continue
        if not reader.graph.passes(variable, gate):
            continue
        size = reader.points.value(variable, point).size
        values = np.random.default_rng(5).normal(size=size)
        less = reader.points.value(gate, point, {variable: values})
        if less.shape == values.shape and np.allclose(less, values - values.mean()):
            return gate
    return None


def mixed(reader: Reader, way: Way, offsets: Any, output: Any, point: Point) -> Way:
    """Go on behind a product with a random matrix.

    With offsets that are one in one column and zero in the others, the result is one column of the
    matrix; the spread is the root of the sum of their squares.

    Raises
    ------
    NoLevel
        If all groups are mixed with each other.
    """
    import pytensor.tensor as pt

    axis, groups = _group_axes(reader, offsets, output, point)
    shape = reader.points.value(offsets, point).shape
    squares = []
    for column in range(shape[1 - axis]):
        one_group = (1, shape[1]) if axis == 0 else (shape[0], 1)
        unit = np.zeros(one_group)
        unit[(0, column) if axis == 0 else (column, 0)] = 1.0
        squares.append(substituted(output, offsets, pt.constant(unit)) ** 2)
    dims = (way.dims[axis], way.dims[1 - axis])
    return replace(
        way,
        origin=output,
        at=output,
        base=output,
        gain=None,
        spread=pt.sqrt(sum(squares[1:], start=squares[0])),
        columns=1 - groups,
        dims=dims if groups == 0 else dims[::-1],
    )


def _group_axes(reader: Reader, offsets: Any, output: Any, point: Point) -> tuple[int, int]:
    """Return the axis of the offsets, and of what they are mixed to, along which groups lie.

    Offsets of the first or the last group reach that group only.
    """
    shape = reader.points.value(offsets, point).shape
    for axis in (0, 1):
        alone: set[tuple[int, ...]] = set()
        for end in (0, -1):
            step = np.zeros(shape)
            step[(end, slice(None)) if axis == 0 else (slice(None), end)] = 1.0
            moved = reader.points.value(output, point, {offsets: step}) != 0
            reached = [int(moved.any(axis=1 - a).sum()) for a in (0, 1)]
            alone.add(tuple(a for a in (0, 1) if reached[a] == 1 < moved.shape[a]))
        if len(alone) == 1 and len(found := alone.pop()) == 1:
            return axis, found[0]
    raise NoLevel("is mixed over all of its elements")


def again(node: Any, current: Any, other: Any) -> Any:
    """Apply an operation to another variable in place of the one it was applied to."""
    if other is current:
        return node.outputs[0]
    inputs = [other if v is current else v for v in node.inputs]
    return node.clone_with_new_inputs(inputs, strict=False).outputs[0]


def picked_again(node: Any, other: Any) -> Any:
    """Pick from another variable, all elements where a node picks by an array of positions."""
    from pytensor.tensor.subtensor import indices_from_subtensor

    indices = indices_from_subtensor(node.inputs[1:], node.op.idx_list)
    index = tuple(
        slice(None) if getattr(i, "ndim", 0) > 0 and not isinstance(i, slice) else i
        for i in indices
    )
    return other[index]


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
