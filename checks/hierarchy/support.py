"""Where a free variable may lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .cheap import constant_value

if TYPE_CHECKING:
    import pymc as pm


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
    place = {"Uniform": 0, "TruncatedNormal": 2}.get(rv.owner.op._print_name[0])
    if place is not None:
        lower = constant_value(params[place])
        return float("-inf") if lower is None else lower
    return float("-inf")
