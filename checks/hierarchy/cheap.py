"""Evaluating small graphs without compiling them.

The default mode compiles with numba, which takes seconds for what plain Python does in
milliseconds.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pymc as pm


def python_mode() -> Any:
    """Return the mode in which a graph is evaluated node by node in Python, unoptimised."""
    from pytensor.compile.mode import Mode

    return Mode(linker="py", optimizer=None)  # type: ignore[arg-type]


#: PyTensor's configuration is the process's: one thread at a time builds or compiles graphs.
_GRAPHS = threading.RLock()


@contextmanager
def graphs() -> Iterator[None]:
    """Build or compile graphs while no other thread does."""
    with _GRAPHS:
        yield


@contextmanager
def uncompiled() -> Iterator[None]:
    """Keep ops that hold a graph of their own from compiling it with numba or a C compiler."""
    from pytensor import config

    with graphs(), config.change_flags(mode="FAST_COMPILE", cxx=""):
        yield


def value_of(variable: Any) -> np.ndarray:
    """Return the value of a variable that depends on constants and data only."""
    from pytensor.graph.basic import Constant

    if isinstance(variable, Constant):
        return np.array(variable.data)
    with uncompiled():
        return np.asarray(variable.eval(mode=python_mode()))


def shape_of(model: pm.Model, variable: Any) -> tuple[int, ...]:
    """Return the shape of a named variable without drawing from it.

    From its dims, else from its type, else by inferring it from the graph.
    """
    dims = model.named_vars_to_dims.get(variable.name)
    if dims and all(d is not None for d in dims):
        return tuple(int(value_of(model.dim_lengths[d])) for d in dims)
    if all(n is not None for n in variable.type.shape):
        return tuple(int(n) for n in variable.type.shape)
    return tuple(int(n) for n in variable.shape.eval(mode="FAST_COMPILE"))


def constant_value(variable: Any) -> float | None:
    """Return the value of a parameter that is the same number everywhere, or None."""
    from pytensor.graph.traversal import explicit_graph_inputs
    from pytensor.tensor.random.type import RandomType

    if any(isinstance(v.type, RandomType) for v in _inputs(variable)):
        return None
    if list(explicit_graph_inputs([variable])):
        return None
    values = np.unique(value_of(variable))
    return float(values[0]) if values.size == 1 else None


def _inputs(variable: Any) -> Any:
    from pytensor.graph.traversal import graph_inputs

    return graph_inputs([variable])
