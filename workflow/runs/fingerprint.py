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

from ..expressions.expression import Expression

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
    if isinstance(function, Expression):
        return function.text
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


def text_key(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def array_key(values: np.ndarray) -> str:
    """Return a short hash of one array, its type and its shape."""
    digest = hashlib.sha256()
    _hash_value(values, digest)
    return digest.hexdigest()[:20]


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


def graph_keys(outputs: Sequence[Any], *, known: Mapping[Any, str], about: Any) -> tuple[str, str]:
    """Return hashes of how expressions are computed from known variables, and of their arrays.

    Parameters
    ----------
    outputs : sequence of Variable
    known : mapping of Variable to str
        Variables behind which nothing is looked at, and what they are called.
    about : tuple
        An operation and text that count as structure too.

    Returns
    -------
    structure, arrays : str
        Operations and single numbers; and the values of constants with several elements, which
        usually come with the data. ``arrays`` is empty where there are none.
    """
    digest, arrays = hashlib.sha256(), hashlib.sha256()
    empty = arrays.hexdigest()
    op, text = about
    digest.update(f"{_op_text(op)}|{text}".encode())
    inner = getattr(op, "fgraph", None)
    for graph in ([] if inner is None else [list(inner.outputs)]) + [list(outputs)]:
        _hash_graph(graph, digest, known, arrays)
    found = arrays.hexdigest()
    return digest.hexdigest()[:20], "" if found == empty else found[:20]


def _hash_graph(
    outputs: Sequence[Any],
    digest: Any,
    known: Mapping[Any, str] | None = None,
    arrays: Any = None,
) -> None:
    """Feed the graph behind ``outputs`` to ``digest``; arrays to ``arrays`` if that is given."""
    from pytensor.graph.traversal import ancestors, io_toposort

    known = known or {}
    reached = dict.fromkeys(ancestors(outputs, blockers=list(known)))
    leaves = [v for v in reached if v.owner is None or v in known]
    numbers: dict[Any, int] = {}
    for leaf in leaves:
        numbers[leaf] = len(numbers)
        if leaf in known:
            digest.update(f"known {known[leaf]}".encode())
        else:
            _hash_leaf(leaf, digest, arrays)
    for node in io_toposort([v for v in leaves if v in known], outputs):
        digest.update(_op_text(node.op).encode())
        digest.update(repr([numbers[v] for v in node.inputs]).encode())
        inner = getattr(node.op, "fgraph", None)
        if inner is not None:
            _hash_graph(list(inner.outputs), digest, known, arrays)
        for out in node.outputs:
            numbers.setdefault(out, len(numbers))
    digest.update(repr([numbers[v] for v in outputs]).encode())


def _hash_leaf(leaf: Any, digest: Any, arrays: Any) -> None:
    from pytensor.compile.sharedvalue import SharedVariable
    from pytensor.graph.basic import Constant
    from pytensor.tensor.random.type import RandomType

    if isinstance(leaf.type, RandomType):
        digest.update(b"generator")
    elif isinstance(leaf, Constant | SharedVariable):
        value = leaf.data if isinstance(leaf, Constant) else leaf.get_value(borrow=True)
        if arrays is not None and np.size(value) > 1:
            digest.update(f"array {np.asarray(value).dtype.kind}{np.ndim(value)}".encode())
            _hash_value(value, arrays)
        else:
            _hash_value(value, digest)
    else:
        digest.update(f"input{leaf.type}".encode())


def _op_text(op: Any) -> str:
    # Some ops print the address of an object they hold.
    return f"{type(op).__name__}|{re.sub(r'0x[0-9a-fA-F]+', '', str(op))}"


def _hash_value(value: Any, digest: Any) -> None:
    array = np.asarray(value)
    digest.update(f"{array.dtype}{array.shape}".encode())
    digest.update(repr(value).encode() if array.dtype == object else array.tobytes())
