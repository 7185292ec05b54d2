"""Where offsets begin anew: behind a mean that is taken out, or a matrix that mixes columns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .operations import scalar_of, substituted
from .points import Point
from .rows import Reader
from .way import NoLevel, Way


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
