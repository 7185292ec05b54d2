"""What is known of a model without a draw: data, constants, shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .cheap import python_mode, value_of
from .distributions import as_tensor, is_random

if TYPE_CHECKING:
    import pymc as pm


def observed_data(model: pm.Model, rv: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the data of an outcome, and the data before PyMC cast them where it did."""
    from pytensor.tensor.elemwise import Elemwise

    variable = as_tensor(model.rvs_to_values[rv])
    owner = variable.owner
    cast = owner is not None and isinstance(owner.op, Elemwise) and "Cast" in str(owner.op)
    raw = np.asarray(value_of(owner.inputs[0])) if owner is not None and cast else None
    return np.asarray(_value(variable)), raw


def _value(variable: Any) -> Any:
    from pytensor.compile.sharedvalue import SharedVariable
    from pytensor.graph.basic import Constant

    if isinstance(variable, Constant):
        return variable.data
    if isinstance(variable, SharedVariable):
        return variable.get_value(borrow=True)
    return value_of(variable)


def constant_values(expressions: Sequence[Any]) -> dict[Any, np.ndarray]:
    """Evaluate expressions of constants and data; those that cannot be evaluated are left out."""
    from pytensor.graph.basic import Constant

    values = {p: np.asarray(p.data) for p in expressions if isinstance(p, Constant)}
    rest = [p for p in expressions if p not in values and not _holds_a_draw(p)]
    try:
        found = _evaluate_all(rest)
    except Exception:  # one of them cannot be evaluated: find out which
        found = {}
        for p in rest:
            try:
                found |= _evaluate_all([p])
            except Exception:
                continue
    return values | found


def _evaluate_all(expressions: Sequence[Any]) -> dict[Any, np.ndarray]:
    import pytensor

    if not expressions:
        return {}
    function = pytensor.function([], [as_tensor(p) for p in expressions], mode=python_mode())
    return dict(zip(expressions, map(np.asarray, function()), strict=True))


def _holds_a_draw(expression: Any) -> bool:
    from pytensor.graph.traversal import ancestors

    return any(is_random(v) for v in ancestors([expression]))


def shapes_of(model: pm.Model) -> dict[Any, tuple[int, ...]]:
    """Shapes of the free variables: from types and dims where those say, else evaluated."""
    shapes: dict[Any, tuple[int, ...]] = {}
    unknown = []
    for rv in model.free_RVs:
        dims = model.named_vars_to_dims.get(rv.name, ())
        known = [
            size if size is not None else _length(model, dims[axis] if axis < len(dims) else None)
            for axis, size in enumerate(as_tensor(rv).type.shape)
        ]
        if None in known:
            unknown.append(rv)
        else:
            shapes[rv] = tuple(int(size) for size in known if size is not None)
    if unknown:
        shapes |= _evaluated_shapes(model, unknown)
    return shapes


def _length(model: pm.Model, dim: str | None) -> int | None:
    if dim is None or dim not in model.dim_lengths:
        return None
    return int(_value(model.dim_lengths[dim]))


def _evaluated_shapes(model: pm.Model, rvs: Sequence[Any]) -> dict[Any, tuple[int, ...]]:
    found = model.eval_rv_shapes()
    return {rv: tuple(int(size) for size in found[rv.name]) for rv in rvs}
