"""Which free variables carry a prior that a reader may replace, and which are part of the model.

Top-level priors are the priors of every free variable that is neither a group effect (it has random
parents) nor an offset (the standardised part of a non-centred effect).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .cheap import value_of
from .level import Level

if TYPE_CHECKING:
    import pymc as pm


@dataclass(frozen=True, slots=True)
class Roles:
    """Roles of the free variables of a model, by name.

    Attributes
    ----------
    top_level : list of str
        Variables whose priors power-scaling and sweeps act on.
    scales : list of str
        Those of them that set the spread between groups.
    assumed_offsets : list of str
        Variables taken to be offsets without a declaration that says so.
    """

    top_level: list[str]
    scales: list[str]
    assumed_offsets: list[str]


def roles(model: pm.Model, levels: Mapping[str, Level]) -> Roles:
    """Sort the free variables of a model into roles.

    Parameters
    ----------
    model : pymc.Model
    levels : mapping of str to Level
        What the spec declares. Without levels, every positive top-level variable counts as a scale.
    """
    free = {rv.name: rv for rv in model.free_RVs}
    parents = {name: _random_parents(rv, model) for name, rv in free.items()}
    declared = _declared_offsets(model, levels)
    assumed = [
        name
        for name, rv in free.items()
        if not parents[name] and name not in declared and _standardised_vector(rv)
    ]
    top = [n for n in free if not parents[n] and n not in declared and n not in assumed]
    if levels:
        behind = {n for level in levels.values() for n in _free_ancestors(model, level.scale)}
    else:
        behind = set(top)
    scales = [n for n in top if n in behind and is_positive(model, n)]
    return Roles(top, scales, assumed)


def is_positive(model: pm.Model, name: str) -> bool:
    """Whether a free variable takes positive values only, going by its default transform."""
    from pymc.distributions.transforms import Interval
    from pymc.logprob.transforms import IntervalTransform, LogTransform

    transform = model.rvs_to_transforms[model[name]]
    if isinstance(transform, LogTransform):
        return True
    if isinstance(transform, Interval | IntervalTransform):
        return _lower_bound(model[name]) >= 0
    return False


def _lower_bound(rv: Any) -> float:
    params = rv.owner.op.dist_params(rv.owner)
    if rv.owner.op._print_name[0] == "Uniform":
        lower = constant_value(params[0])
        return float("-inf") if lower is None else lower
    return float("-inf")


def constant_value(variable: Any) -> float | None:
    """Return the value of a parameter that is the same number everywhere, or None."""
    import numpy as np
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


def _random_parents(rv: Any, model: pm.Model) -> set[str]:
    from pytensor.graph.traversal import ancestors

    basic = set(model.basic_RVs)
    parents = ancestors(list(rv.owner.inputs), blockers=basic)
    return {str(v.name) for v in parents if v in basic}


def _free_ancestors(model: pm.Model, name: str) -> set[str]:
    from pytensor.graph.traversal import ancestors

    if name not in model.named_vars:
        return set()
    free = set(model.free_RVs)
    return {str(v.name) for v in ancestors([model[name]]) if v in free}


def _declared_offsets(model: pm.Model, levels: Mapping[str, Level]) -> set[str]:
    """Free variables that reach an effect other than through its location and scale."""
    free = {rv.name for rv in model.free_RVs}
    offsets: set[str] = set()
    for level in levels.values():
        if level.effect in free:
            continue
        above = _free_ancestors(model, level.scale)
        if isinstance(level.location, str):
            above |= _free_ancestors(model, level.location)
        offsets |= _free_ancestors(model, level.effect) - above
    return offsets


def _standardised_vector(rv: Any) -> bool:
    op = rv.owner.op
    if rv.ndim == 0 or getattr(op, "_print_name", ("",))[0] not in ("Normal", "ZeroSumNormal"):
        return False
    params = op.dist_params(rv.owner)
    if op._print_name[0] == "ZeroSumNormal":
        return constant_value(params[0]) == 1
    return constant_value(params[0]) == 0 and constant_value(params[1]) == 1
