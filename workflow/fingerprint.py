"""What a result depends on, as a key: model graph, data, code, settings and versions."""

from __future__ import annotations

import hashlib
import inspect
import json
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from types import CodeType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pymc as pm

#: Packages whose version can change a number.
PACKAGES = (
    "poolwise",
    "pymc",
    "pytensor",
    "nutpie",
    "numba",
    "numpy",
    "scipy",
    "xarray",
    "arviz-base",
    "arviz-stats",
)


def versions() -> dict[str, str]:
    """Return the version of Python and of every package that can change a number."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "unknown"
    return found


def key_of(*parts: Any) -> str:
    """Return a short hash of plain data."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def code_key(functions: Mapping[str, Callable[..., Any]]) -> dict[str, str]:
    """Return a key of functions by name, that comments and layout do not change.

    It covers the compiled code and the plain values (numbers, text) the code refers to, so that a
    cut-off moved to a constant of the file is noticed.
    """
    return {
        name: key_of(_code_text(inspect.unwrap(function))) for name, function in functions.items()
    }


def _code_text(function: Callable[..., Any]) -> str:
    code = getattr(function, "__code__", None)
    if code is None:
        return repr(type(function))
    values = inspect.getclosurevars(function)
    plain = {
        name: value
        for name, value in {**values.globals, **values.nonlocals}.items()
        if isinstance(value, int | float | str | bool | tuple)
    }
    return _compiled(code) + repr(sorted(plain.items())) + repr(function.__defaults__)


def _compiled(code: CodeType) -> str:
    inner = [_compiled(c) if inspect.iscode(c) else repr(c) for c in code.co_consts]
    return f"{code.co_code.hex()}{inner}{code.co_names}"


def data_key(values: Mapping[str, np.ndarray]) -> str:
    """Return the SHA-256 of named arrays."""
    digest = hashlib.sha256()
    for name in sorted(values):
        array = np.ascontiguousarray(values[name])
        digest.update(f"{name}{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def model_key(model: pm.Model) -> str:
    """Return a hash of a model's graph, its constants and its data.

    Two builds of the same function agree; a changed prior, datum or index does not. Names of
    temporary variables and states of random generators do not matter.
    """
    digest = hashlib.sha256()
    named: Sequence[Any] = [*model.basic_RVs, *model.deterministics, *model.potentials]
    for variable in named:
        transform = model.rvs_to_transforms.get(variable)
        dims = model.named_vars_to_dims.get(variable.name)
        digest.update(f"{variable.name}|{dims}|{type(transform).__name__}".encode())
    values = [model.rvs_to_values[rv] for rv in model.observed_RVs]
    _hash_graph([*named, *values, *model.data_vars], digest)
    for dim, labels in sorted(model.coords.items()):
        digest.update(f"{dim}={None if labels is None else [str(v) for v in labels]}".encode())
    initial = {rv.name: repr(v) for rv, v in model.rvs_to_initial_values.items()}
    digest.update(json.dumps(initial, sort_keys=True).encode())
    return digest.hexdigest()


def graph_key(outputs: Sequence[Any]) -> str:
    """Return a hash of what expressions compute: operations, constants and data."""
    digest = hashlib.sha256()
    _hash_graph(outputs, digest)
    return digest.hexdigest()


def _hash_graph(outputs: Sequence[Any], digest: Any) -> None:
    from pytensor.compile.sharedvalue import SharedVariable
    from pytensor.graph.basic import Constant
    from pytensor.graph.traversal import graph_inputs, io_toposort
    from pytensor.tensor.random.type import RandomType

    numbers: dict[Any, int] = {}
    for leaf in dict.fromkeys(graph_inputs(outputs)):
        numbers[leaf] = len(numbers)
        if isinstance(leaf.type, RandomType):
            digest.update(b"generator")
        elif isinstance(leaf, Constant):
            _hash_value(leaf.data, digest)
        elif isinstance(leaf, SharedVariable):
            _hash_value(leaf.get_value(borrow=True), digest)
        else:
            digest.update(f"input{leaf.type}".encode())
    for node in io_toposort([], outputs):
        digest.update(_op_text(node.op).encode())
        digest.update(repr([numbers[v] for v in node.inputs]).encode())
        inner = getattr(node.op, "fgraph", None)
        if inner is not None:
            _hash_graph(list(inner.outputs), digest)
        for out in node.outputs:
            numbers[out] = len(numbers)
    digest.update(repr([numbers[v] for v in outputs]).encode())


def _op_text(op: Any) -> str:
    # Some ops print the address of an object they hold.
    return f"{type(op).__name__}|{re.sub(r'0x[0-9a-fA-F]+', '', str(op))}"


def _hash_value(value: Any, digest: Any) -> None:
    array = np.asarray(value)
    digest.update(f"{array.dtype}{array.shape}".encode())
    digest.update(repr(value).encode() if array.dtype == object else array.tobytes())
