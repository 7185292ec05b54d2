"""What the operations of a graph do to what they are applied to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .distributions import is_random

#: Operations that only rearrange or select elements of their first input.
_VIEWS = {
    "DimShuffle",
    "Reshape",
    "ScalarFromTensor",
    "Squeeze",
    "SpecifyShape",
    "TensorFromScalar",
    "TensorFromXTensor",
    "Unbroadcast",
    "ViewOp",
    "XTensorFromTensor",
}
_PICKS = {"AdvancedSubtensor", "AdvancedSubtensor1", "AdvancedBooleanSubtensor", "Subtensor"}
_PLACES = {"AdvancedIncSubtensor", "AdvancedIncSubtensor1", "AdvancedSetSubtensor", "IncSubtensor"}
SHAPES = {"Shape", "Shape_i", "MakeSlice"}
_SUMS = {"Sum", "CumOp", "Mean"}
_GATHERS = {"Alloc", "AllocDiag", "ExtractDiag", "Repeat"}
_PRODUCTS = {"BatchedDot", "Dot", "Einsum", "Gemv", "StructuredDot", "TrueDot", "Usmm"}


def depends_on_values(node: Any, dependent: Sequence[int]) -> bool:
    """Whether a node uses more than the shape of some of its inputs."""
    if type(node.op).__name__ in SHAPES:
        return False
    return any(not sets_shape(node, k) for k in dependent)


def is_linear_in(node: Any, dependent: Sequence[int]) -> bool:
    """Whether a node adds, scales or rearranges some of its inputs, all of them taken together."""
    kind, scalar = _kind(node), scalar_of(node)
    if is_distribution(node):
        return False
    if scalar in ("Add", "Sub", "Neg", "Identity", "Cast"):
        return True
    if scalar == "Mul" or kind in _PRODUCTS:
        return len(dependent) == 1
    if scalar in ("TrueDiv",):
        return tuple(dependent) == (0,)
    if scalar == "Second":
        return True
    if scalar == "Switch":
        return 0 not in dependent
    if kind in _VIEWS | _PICKS | _GATHERS:
        return tuple(dependent) == (0,)
    if kind in _PLACES:
        return max(dependent) <= 1
    if kind in _SUMS:
        return getattr(node.op, "mode", "add") == "add"
    return kind in ("Join", "MakeVector")


def is_view(node: Any) -> bool:
    """Whether a node keeps all or some elements of its first input, in an order of its own."""
    scalar = scalar_of(node)
    return (
        _kind(node) in _VIEWS | {"Subtensor"}
        or scalar in ("Identity", "Cast")
        or (scalar == "Second")
    )


def is_permutation(node: Any) -> bool:
    """Whether a node only reorders axes, or nothing at all."""
    if type(node.op).__name__ != "DimShuffle":
        return scalar_of(node) == "Identity" or _kind(node) in ("ViewOp", "MatrixTranspose")
    return sorted(map(str, node.op.new_order)) == sorted(map(str, range(node.inputs[0].ndim)))


def adds_axes(node: Any) -> bool:
    """Whether a node adds axes to be broadcast along."""
    return type(node.op).__name__ == "DimShuffle" and "x" in node.op.new_order


def picks_rows(node: Any) -> bool:
    """Whether a node selects elements by arrays of positions."""
    return _kind(node) in _PICKS - {"Subtensor"}


def is_product(node: Any) -> bool:
    """Whether a node is a matrix product."""
    return _kind(node) in _PRODUCTS


def is_cumulative(node: Any) -> bool:
    """Whether a node sums along an axis step by step, as a random walk does."""
    return _kind(node) == "CumOp"


def scalar_of(node: Any) -> str:
    """Return the name of an operation that works element by element, or an empty string."""
    return type(node.op.scalar_op).__name__ if type(node.op).__name__ == "Elemwise" else ""


def is_distribution(node: Any) -> bool:
    """Whether a node draws from a distribution."""
    return any(is_random(v) for v in node.outputs)


def unbroadcast(variable: Any) -> Any:
    """Undo broadcasting, so that the same number met in two places is one."""
    while variable.owner is not None and type(variable.owner.op).__name__ == "DimShuffle":
        variable = variable.owner.inputs[0]
    return variable


def is_single(variable: Any) -> bool:
    """Whether a variable is known to hold one number."""
    return all(n == 1 for n in variable.type.shape) or unbroadcast(variable).ndim == 0


def as_scalar(variable: Any) -> Any:
    """Return a variable that holds one number without its axes."""
    stripped = unbroadcast(variable)
    return stripped if stripped.ndim == 0 else variable.ravel()[0]


def substituted(expression: Any, old: Any, new: Any) -> Any:
    """Return an expression with a variable replaced; what does not depend on it is shared."""
    below: dict[Any, bool] = {old: True}
    order: list[Any] = []
    todo = [expression]
    while todo:
        variable = todo[-1]
        if variable in below:
            todo.pop()
            continue
        inputs = [] if variable.owner is None else list(variable.owner.inputs)
        waiting = [v for v in inputs if v not in below]
        if waiting:
            todo += waiting
            continue
        below[variable] = any(below[v] for v in inputs)
        if below[variable]:
            order.append(variable)
        todo.pop()
    replaced = {old: new}
    for variable in order:
        node = variable.owner
        inputs = [replaced.get(v, v) for v in node.inputs]
        clone = node.clone_with_new_inputs(inputs, strict=False)
        replaced[variable] = clone.outputs[node.outputs.index(variable)]
    return replaced.get(expression, expression)


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


def before_sums(variable: Any) -> Any:
    """Undo sums over all elements, so that the rows of a density are seen."""
    while variable.owner is not None and (
        type(variable.owner.op).__name__ in _SUMS | _VIEWS
        or scalar_of(variable.owner) == "Identity"
    ):
        variable = variable.owner.inputs[0]
    return variable


def _kind(node: Any) -> str:
    name = type(node.op).__name__
    return type(node.op.core_op).__name__ if name == "Blockwise" else name


def is_copy(node: Any) -> bool:
    """Whether a node returns what it is given, under another name or type."""
    return scalar_of(node) == "Identity" or _kind(node) in (
        "TensorFromXTensor",
        "ViewOp",
        "XTensorFromTensor",
    )


def sets_shape(node: Any, position: int) -> bool:
    """Whether an input of a node sets the shape of the output and no value."""
    if scalar_of(node) == "Second":
        return position == 0
    kind = type(node.op).__name__
    if kind in ("Alloc", "Reshape", "SpecifyShape"):
        return position > 0
    if kind in SHAPES:
        return True
    if is_distribution(node):
        return node.inputs[position] not in parameters_of(node)
    return False


def parameters_of(node: Any) -> list[Any]:
    """Return the parameters of the distribution that a node draws from."""
    if not hasattr(node.op, "dist_params") or not getattr(node.op, "extended_signature", "known"):
        return list(node.inputs)
    return list(node.op.dist_params(node))
