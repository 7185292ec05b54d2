"""What levels, groups and columns are called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pymc as pm


def dims_of(model: pm.Model, variable: Any) -> tuple[str | None, ...]:
    """Return the dimensions of a variable, None for each without a name."""
    dims = tuple(model.named_vars_to_dims.get(variable.name) or ())
    named = [None if d is None else str(d) for d in dims]
    return tuple((named + [None] * variable.ndim)[: variable.ndim])


def labels_along(model: pm.Model, dim: str | None, size: int) -> tuple[str, ...]:
    """Return the labels of a dimension, or numbers from 0."""
    labels = None if dim is None else model.coords.get(dim)
    if labels is None or len(labels) != size:
        return tuple(str(i) for i in range(size))
    return tuple(str(v) for v in labels)


def level_name(dims: Sequence[str | None], variable: str) -> str:
    """Return the name of a level: its dimensions, or the variable that holds its effects."""
    named = [d for d in dims if d]
    name = " × ".join(named) if named and len(named) == len(dims) else variable
    return name.replace("/", "|").replace("__factor_dim", "")


def column_label(model: pm.Model, dim: str | None, position: int, variable: str) -> str:
    """Return what a column of effects is called: its label, or ``b[0]`` where it has none."""
    labels = None if dim is None else model.coords.get(dim)
    if labels is None or position >= len(labels):
        return f"{variable}[{position}]"
    label = str(labels[position])
    return f"{variable}[{label}]" if label.lstrip("-").isdigit() else label.replace("/", "|")


def how_to_declare(effect: str = "") -> str:
    """Say what to add to a spec that settles what a variable is."""
    quoted = f'"{effect}"' if effect else "..."
    first = "" if effect else "give its effects a Deterministic and "
    line = f'levels={{"group": Level(effect={quoted}, location=..., scale=...)}}'
    return f"if it is one, {first}add to the spec: {line}"
