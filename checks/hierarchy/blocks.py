"""Arrays of effects, taken apart into levels: one for each column."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from .hierarchy import GroupLevel
from .names import column_label, labels_along, level_name
from .operations import as_scalar, unbroadcast

if TYPE_CHECKING:
    import pymc as pm

    from ..draws import Array

#: More columns than this are read as a curve or a table, not as terms.
MOST_COLUMNS = 20


class Unclear(Exception):
    """What looks like a level cannot be settled; the message says why, after its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Effects with a common origin, before they are sorted into groups and columns.

    Attributes
    ----------
    variable : str
        Free variable that holds them or their offsets.
    effect : TensorVariable
        Of any shape.
    location, scale : TensorVariable
        Broadcast against the effects.
    location_at, scale_at, unit_at : ndarray
        Their values at an ordinary point.
    shape : tuple of int
    entry : TensorVariable
    positions : ndarray of int
        Of every effect among the elements of the entry, in C order.
    entry_shape : tuple of int
    used : ndarray of bool
        Which effects go anywhere.
    unit : TensorVariable or None
        Change of the effects per change of the entry; None stands for 1.
    dims : tuple of (str or None)
    columns : tuple of int or None
        Axes that are columns, where the construction shows them.
    name : str
        Of the effects, or of their offsets.
    called : str
        What a report calls them, with ``{}`` for the name.
    """

    variable: str
    effect: Any
    location: Any
    scale: Any
    location_at: Array
    scale_at: Array
    shape: tuple[int, ...]
    entry: Any
    positions: np.ndarray
    entry_shape: tuple[int, ...]
    used: np.ndarray
    dims: tuple[str | None, ...]
    columns: tuple[int, ...] | None
    form: str
    family: str
    name: str
    unit: Any | None = None
    unit_at: Array | None = None
    called: str = "{}"


def levels_of(
    model: pm.Model, block: Block, one_per_row: Callable[[GroupLevel], bool]
) -> Iterator[GroupLevel]:
    """Yield one level for each column of effects.

    Parameters
    ----------
    model : pymc.Model
    block : Block
    one_per_row : callable
        Whether every row depends on at most one of the effects of a level.

    Raises
    ------
    Unclear
        If groups and columns cannot be told apart.
    """
    if len(block.shape) == 1:
        yield _level(model, block, (slice(None),), ())
        return
    columns = block.columns or _columns_by_use(block) or _columns_by_scale(block)
    if columns is None:
        cells = _level(model, block, (slice(None),) * len(block.shape), ())
        if one_per_row(cells):
            yield cells
            return
        columns = _columns_by_rows(model, block, one_per_row)
    if np.prod([block.shape[axis] for axis in columns]) > MOST_COLUMNS:
        raise Unclear(f"it is a table with {'×'.join(map(str, block.shape))} elements")
    for where in _columns(block, columns):
        if block.used[where].any():
            yield _level(model, block, where, columns)


def _columns_by_use(block: Block) -> tuple[int, ...] | None:
    """Return the axis of which only some columns go anywhere."""
    for axis in range(len(block.shape)):
        by_column = np.moveaxis(block.used, axis, 0).reshape(block.shape[axis], -1)
        if (
            not by_column.any(axis=1).all()
            and (by_column.all(axis=1) | ~by_column.any(axis=1)).all()
        ):
            return (axis,)
    return None


def _columns_by_scale(block: Block) -> tuple[int, ...] | None:
    """Return the axis along which the scale differs, where there is one."""
    differs = axes_that_differ(block.scale_at, block.shape)
    if len(differs) > 1:
        raise Unclear("every element has a scale of its own")
    return differs or None


def _columns_by_rows(
    model: pm.Model, block: Block, one_per_row: Callable[[GroupLevel], bool]
) -> tuple[int, ...]:
    """Return the axis of which a row uses several elements, one of each column."""
    axes = list(range(len(block.shape)))
    differs = axes_that_differ(block.location_at, block.shape)
    for axis in sorted(axes, key=lambda a: (a not in differs, -a)):
        if block.shape[axis] <= MOST_COLUMNS and all(
            one_per_row(_level(model, block, where, (axis,)))
            for where in _columns(block, (axis,))
            if block.used[where].any()
        ):
            return (axis,)
    raise Unclear("it is used in several elements by one row, along every axis")


def axes_that_differ(values: Array, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes along which values are not all the same."""
    full = np.broadcast_to(values, shape)
    return tuple(
        axis
        for axis, size in enumerate(shape)
        if size > 1 and not np.allclose(full, full.take([0], axis=axis), rtol=1e-9, atol=0)
    )


def _columns(block: Block, axes: tuple[int, ...]) -> list[tuple[Any, ...]]:
    """Return the index of every column."""
    choices = [range(n) if a in axes else [slice(None)] for a, n in enumerate(block.shape)]
    return [tuple(where) for where in product(*choices)]


def _level(
    model: pm.Model, block: Block, where: tuple[Any, ...], columns: tuple[int, ...]
) -> GroupLevel:
    groups = tuple(a for a in range(len(block.shape)) if a not in columns)
    axes = [labels_along(model, block.dims[a], block.shape[a]) for a in groups]
    name = level_name([block.dims[a] for a in groups], block.variable)
    effect, title = block.effect, block.name
    if columns:
        label = ", ".join(
            column_label(model, block.dims[a], int(where[a]), block.name) for a in columns
        )
        name = f"{name} ({label})"
        title = f"{block.name}[{', '.join(_label(model, block, a, where) for a in columns)}]"
    if len(block.shape) > 1:
        effect = block.effect[where].ravel()
    if effect.name is None:
        effect = effect.copy(name=block.called.format(title))
    positions = block.positions[where].ravel()
    whole = np.array_equal(positions, np.arange(int(np.prod(block.entry_shape))))
    scale = part(block.scale, block.scale_at, block.shape, where)
    unit = None
    if block.unit is not None and block.unit_at is not None:
        same = block.unit is block.scale
        unit = scale if same else part(block.unit, block.unit_at, block.shape, where)
    return GroupLevel(
        name=name,
        labels=tuple(", ".join(labels) for labels in product(*axes)),
        effect=effect,
        location=part(block.location, block.location_at, block.shape, where),
        scale=scale,
        entry=block.entry,
        where=None if whole else np.unravel_index(positions, block.entry_shape),
        unit=unit,
        form=block.form,
        family=block.family,
        variables=(block.variable,),
    )


def _label(model: pm.Model, block: Block, axis: int, where: tuple[Any, ...]) -> str:
    return labels_along(model, block.dims[axis], block.shape[axis])[int(where[axis])]


def part(expression: Any, values: Array, shape: tuple[int, ...], where: tuple[Any, ...]) -> Any:
    """Return the part of a parameter that belongs to a column of effects.

    What is the same number for all groups becomes one number.

    Parameters
    ----------
    expression : TensorVariable
        Broadcast against the effects.
    values : ndarray
        Of the expression at a point where different variables have different values.
    shape : tuple of int
        Of the effects.
    where : tuple of int or slice
        Of the column among the effects.
    """
    import pytensor.tensor as pt

    missing = len(shape) - values.ndim
    differs = {axis + missing for axis in axes_that_differ(values, values.shape)}
    if not any(isinstance(where[axis], slice) for axis in differs):
        index = tuple(where[axis] if axis in differs else 0 for axis in range(missing, len(shape)))
        if not differs:
            return as_scalar(expression) if values.size == 1 else expression[index]
        found = expression[index]
        if (source := unbroadcast(expression)).name:
            found.name = f"{source.name}[{', '.join(str(where[a]) for a in sorted(differs))}]"
        return found
    if values.ndim == 1 == len(shape):
        return expression
    return pt.broadcast_to(expression, shape)[where].ravel()
