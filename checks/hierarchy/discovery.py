"""Levels of the hierarchy, read off the graph of a model.

A level is a vector of exchangeable effects with a common, unknown scale. Two forms are recognised:

centred
    a vector random variable whose scale is random: ``theta ~ Normal(mu, tau)``;
non-centred
    a standardised vector times a random scale: ``tau * z``, alone or inside a Deterministic such as
    ``theta = mu + tau * z``.

What has neither form is left alone. What has one but is not clear (a scale for every element, a
matrix of effects, a product with several random factors of the effects' shape) is reported with the
reason, never guessed: a wrong hierarchy would be worse than none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .cheap import constant_value, python_mode, shape_of
from .hierarchy import GroupLevel, Hierarchy
from .level import Level
from .support import is_positive

if TYPE_CHECKING:
    import pymc as pm


def discover(model: pm.Model, declared: Mapping[str, Level] | None = None) -> Hierarchy:
    """Find the levels of a model; what the spec declares settles what it names.

    Parameters
    ----------
    model : pymc.Model
    declared : mapping of str to Level, optional
    """
    found = Hierarchy()
    settled: set[str] = set()
    for name, level in (declared or {}).items():
        this = _declared(model, name, level)
        found.levels[name] = this
        offsets = _offsets_of(model, this)
        found.offsets |= offsets
        settled |= offsets | {level.effect}
    if any(hasattr(rv.type, "dims") for rv in model.basic_RVs):
        found.unclear["pymc.dims"] = "models written with pymc.dims are not read yet"
        return found
    for rv in model.free_RVs:
        if rv.name in settled or rv.ndim == 0:
            continue
        recognised = _centred(model, rv, found) or _non_centred(model, rv, found)
        if recognised is not None:
            _add(found, recognised)
    _mention_shared_scales(model, found)
    return found


def _mention_shared_scales(model: pm.Model, found: Hierarchy) -> None:
    """Say when two levels have one scale: two halves of a level, or two levels that share it."""
    by_scale: dict[frozenset[str], list[GroupLevel]] = {}
    for level in found.levels.values():
        if level.declared is None:
            by_scale.setdefault(frozenset(free_names([level.scale], model)), []).append(level)
    for scale, levels in by_scale.items():
        if len(levels) > 1:
            names = " and ".join(level.effect_name for level in levels)
            found.unclear[names] = (
                f"{names} share the scale {', '.join(sorted(scale))} and are reviewed as "
                f"{len(levels)} levels; if they are parts of one, declare it with levels={{...}}"
            )


def _declared(model: pm.Model, name: str, level: Level) -> GroupLevel:
    import pytensor.tensor as pt

    effect = model[level.effect]
    location = (
        model[level.location] if isinstance(level.location, str) else pt.constant(level.location)
    )
    return GroupLevel(
        name=name,
        labels=_labels(model, effect),
        effect=effect,
        location=location,
        scale=model[level.scale],
        entry=effect,
        unit=None,
        form="declared",
        declared=level,
    )


def _offsets_of(model: pm.Model, level: GroupLevel) -> set[str]:
    """Standardised vectors that reach a declared effect other than through its location."""
    if level.effect in model.free_RVs:
        return set()
    reached = free_names([level.effect], model) - free_names([level.location, level.scale], model)
    return {name for name in reached if is_standardised(model[name])}


def _centred(model: pm.Model, rv: Any, found: Hierarchy) -> GroupLevel | None:
    family = _family(rv)
    params = rv.owner.op.dist_params(rv.owner)
    if rv.name.endswith("_unobserved") or not free_names(list(params), model):
        return None
    if family != "Normal":
        # Pooling weights rest on the standard deviation between groups and on normal effects.
        found.unclear[rv.name] = _say(rv.name, f"its effects are {family}, not normal")
        return None
    location, scale = params
    if not free_names([scale], model):
        return None
    why = ""
    if model.rvs_to_transforms[rv] is not None:
        why = "it is constrained by a transform"
    elif rv.ndim > 1:
        why = f"it is a matrix with {rv.ndim} dimensions"
    elif scale.ndim and not _one_value(scale):
        why = "every element has a scale of its own"
    if why:
        found.unclear[rv.name] = _say(rv.name, why)
        return None
    return GroupLevel(
        name=_level_name(model, rv),
        labels=_labels(model, rv),
        effect=rv,
        location=location,
        scale=_as_scalar(scale),
        entry=rv,
        unit=None,
        form="centred",
    )


def _non_centred(model: pm.Model, rv: Any, found: Hierarchy) -> GroupLevel | None:
    if not is_standardised(rv):
        return None
    try:
        factors = _random_factors(model, rv)
    except _Unclear as reason:
        found.unclear[rv.name] = _say(rv.name, f"it {reason}")
        return None
    if not factors:
        return None
    why = ""
    if _family(rv) != "Normal":
        why = "its effects sum to zero"
    elif rv.ndim > 1:
        why = f"it is a matrix with {rv.ndim} dimensions"
    elif any(f.ndim and not _one_value(f) for f in factors):
        why = "every element has a scale of its own"
    if why:
        found.unclear[rv.name] = _say(rv.name, why)
        return None
    scale = _as_scalar(factors[0])
    for factor in factors[1:]:
        scale = scale * _as_scalar(factor)
    if not _always_positive(model, scale):
        return None
    effect, location = _effect_around(model, rv, scale)
    found.offsets.add(str(rv.name))
    return GroupLevel(
        name=_level_name(model, rv),
        labels=_labels(model, rv),
        effect=effect,
        location=location,
        scale=scale,
        entry=rv,
        unit=scale,
        form="non-centred",
    )


def is_standardised(rv: Any) -> bool:
    """Whether a vector has a normal prior with mean 0 and sd 1, free or summing to zero."""
    family = _family(rv)
    if rv.ndim == 0 or family not in ("Normal", "ZeroSumNormal"):
        return False
    params = rv.owner.op.dist_params(rv.owner)
    if family == "ZeroSumNormal":
        return constant_value(params[0]) == 1
    return constant_value(params[0]) == 0 and constant_value(params[1]) == 1


class _Unclear(Exception):
    """A vector takes part in something that is neither a sum nor a product of elements."""


def _random_factors(model: pm.Model, rv: Any) -> list[Any]:
    """Random expressions that a vector is multiplied with on its way to the data.

    Returns
    -------
    list of TensorVariable
        Empty when it enters the data without one.

    Raises
    ------
    _Unclear
        If it takes several ways with different factors, or is mixed with random variables in
        another way than element by element.
    """
    ways = set(_ways_up(rv, _clients(model), model))
    if len(ways) > 1:
        raise _Unclear("is multiplied by different scales in different places")
    return list(next(iter(ways), ()))


def _ways_up(
    variable: Any, clients: Mapping[Any, list[Any]], model: pm.Model
) -> list[tuple[Any, ...]]:
    """Follow a vector through views and products; return the random factors met on each way."""
    ways: list[tuple[Any, ...]] = []
    for node in clients.get(variable, ()):
        others = [v for v in node.inputs if v is not variable]
        random = [v for v in others if free_names([v], model)]
        if _is_view(node, variable):
            ways += _ways_up(node.outputs[0], clients, model)
        elif _is_scalar(node, "Mul") or (
            _is_scalar(node, "TrueDiv") and node.inputs[0] is variable
        ):
            product = _is_scalar(node, "Mul")
            met = tuple(_stripped(v if product else 1 / v) for v in random)
            further = _ways_up(node.outputs[0], clients, model) or [()]
            ways += [met + way for way in further]
        elif _is_scalar(node, "Add", "Sub") or _is_random_variable(node) or not random:
            ways += _after_mixing(node, clients, model)
        else:
            raise _Unclear(f"is mixed with other random variables by {type(node.op).__name__}")
    return ways


def _after_mixing(
    node: Any, clients: Mapping[Any, list[Any]], model: pm.Model
) -> list[tuple[Any, ...]]:
    """End a way at a sum; look on behind a product with a constant matrix."""
    if "Dot" not in str(node.op) and "MatMul" not in str(node.op):
        return [()]
    further = [way for out in node.outputs for way in _ways_up(out, clients, model)]
    if any(further):
        raise _Unclear("is multiplied by a matrix before it is scaled")
    return [()]


def _clients(model: pm.Model) -> dict[Any, list[Any]]:
    """Return the nodes that use each variable on its way to data, potentials or Deterministics."""
    from pytensor.graph.traversal import io_toposort

    ends = [*model.observed_RVs, *model.potentials, *model.deterministics, *model.free_RVs]
    clients: dict[Any, list[Any]] = {}
    for node in io_toposort([], ends):
        for variable in dict.fromkeys(node.inputs):
            clients.setdefault(variable, []).append(node)
    return clients


def _is_view(node: Any, variable: Any) -> bool:
    """Whether a node only rearranges or selects elements of ``variable``."""
    name = type(node.op).__name__
    if name in ("DimShuffle", "SpecifyShape", "Reshape", "ViewOp", "TensorFromScalar"):
        return node.inputs[0] is variable
    if "Subtensor" in name and not name.startswith(("Inc", "AdvancedInc")):
        return node.inputs[0] is variable
    return _is_scalar(node, "Identity") or (
        _is_scalar(node, "Second") and node.inputs[-1] is variable
    )


def _is_scalar(node: Any, *kinds: str) -> bool:
    """Whether a node applies one of these operations element by element."""
    return type(getattr(node.op, "scalar_op", None)).__name__ in kinds


def _is_random_variable(node: Any) -> bool:
    return hasattr(node.op, "dist_params")


def _stripped(variable: Any) -> Any:
    """Undo broadcasting, so that the same scale met in two places is one."""
    while variable.owner is not None and type(variable.owner.op).__name__ == "DimShuffle":
        variable = variable.owner.inputs[0]
    return variable


def _effect_around(model: pm.Model, rv: Any, scale: Any) -> tuple[Any, Any]:
    """Return the Deterministic ``location + scale * z`` and its location, or the product and 0."""
    import pytensor.tensor as pt

    for candidate in model.deterministics:
        if candidate.ndim != 1 or rv.name not in free_names([candidate], model):
            continue
        if shape_of(model, candidate) != shape_of(model, rv):
            continue
        location = candidate - scale * rv
        if _is_free_of(model, location, rv):
            return candidate, location
    return scale * rv, pt.constant(0.0)


def _is_free_of(model: pm.Model, expression: Any, rv: Any) -> bool:
    """Check on numbers that an expression does not change with ``rv``, although it names it."""
    import pytensor

    free = list(model.free_RVs)
    evaluate = pytensor.function(free, expression, mode=python_mode(), on_unused_input="ignore")
    rng = np.random.default_rng(1)
    point = [rng.uniform(0.3, 0.9, shape_of(model, v)).astype(v.dtype) for v in free]
    moved = [
        rng.uniform(0.3, 0.9, shape_of(model, v)).astype(v.dtype) if v is rv else at
        for v, at in zip(free, point, strict=True)
    ]
    try:
        return bool(np.allclose(evaluate(*point), evaluate(*moved), rtol=1e-9, atol=1e-9))
    except Exception:
        # A graph that cannot be evaluated at made-up values is not taken for anything.
        return False


def _always_positive(model: pm.Model, scale: Any) -> bool:
    """Whether a factor is a scale: positive wherever its parameters may be."""
    import pytensor

    free = list(model.free_RVs)
    evaluate = pytensor.function(free, scale, mode=python_mode(), on_unused_input="ignore")
    rng = np.random.default_rng(2)
    for _ in range(8):
        point = []
        for rv in free:
            value = rng.normal(size=shape_of(model, rv))
            value = np.abs(value) if is_positive(model, str(rv.name)) else value
            point.append(np.asarray(value).astype(rv.dtype))
        if not float(evaluate(*point)) > 0:
            return False
    return True


def _add(found: Hierarchy, level: GroupLevel) -> None:
    """Add a level; one more on the same groups is told apart by its effect."""
    name = level.name
    if name in found.levels:
        first = found.levels.pop(name)
        if first.declared is None:
            first = replace(first, name=f"{name} ({first.effect_name})")
        found.levels[first.name] = first
        level = replace(level, name=f"{name} ({level.effect_name})")
    elif any(n.startswith(f"{name} (") for n in found.levels):
        level = replace(level, name=f"{name} ({level.effect_name})")
    found.levels[level.name] = level


def _family(rv: Any) -> str:
    return str(getattr(rv.owner.op, "_print_name", ("",))[0])


def free_names(expressions: list[Any], model: pm.Model) -> set[str]:
    """Names of the free variables that expressions depend on."""
    from pytensor.graph.traversal import ancestors

    free = set(model.free_RVs)
    return {str(v.name) for v in ancestors(expressions) if v in free}


def _one_value(variable: Any) -> bool:
    return all(variable.type.broadcastable) or _stripped(variable).ndim == 0


def _as_scalar(variable: Any) -> Any:
    stripped = _stripped(variable)
    return stripped if stripped.ndim == 0 else variable.ravel()[0]


def _labels(model: pm.Model, variable: Any) -> tuple[str, ...]:
    dims = model.named_vars_to_dims.get(variable.name) or ()
    if dims and model.coords.get(dims[0]) is not None:
        return tuple(str(v) for v in model.coords[dims[0]])
    return tuple(str(i) for i in range(shape_of(model, variable)[0]))


def _level_name(model: pm.Model, rv: Any) -> str:
    dims = model.named_vars_to_dims.get(rv.name) or ()
    name = str(dims[0]) if dims and dims[0] else str(rv.name)
    return name.replace("/", "|").removesuffix("__factor_dim")


def _say(name: str, what: str) -> str:
    return (
        f"{name} may be a level, but {what}; if it is one, give its effects a Deterministic "
        'and add to the spec: levels={"group": Level(effect=..., location=..., scale=...)}'
    )
