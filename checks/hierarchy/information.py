"""Whether the rows of a level say how much they tell about its effects.

Weights on own data, penalties and the parts of a variance are computed for normal effects in the
mean of a normal outcome. For every other level this module says why there are none. The outcome and
the linear predictor that a level enters are in its :class:`Membership`, from where to go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .hierarchy import Hierarchy
from .spread import NORMAL
from .variables import distribution, family_of

if TYPE_CHECKING:
    import pymc as pm

_WHY_NOT_NORMAL = {
    "ZeroSumNormal": "sum to zero, so that each depends on the data of all",
    "Cauchy": "are Cauchy, which has neither mean nor standard deviation: location and scale are "
    "its median and half the distance between its quartiles",
}


def mean_and_sd(outcome: Any) -> tuple[Any, Any]:
    """Return the mean and standard deviation expressions of a normal outcome."""
    base = distribution(outcome)
    mean, sd = base.owner.op.dist_params(base.owner)
    return mean, sd


def why_no_information(model: pm.Model, hierarchy: Hierarchy, name: str) -> str:
    """Return why nothing is computed from the rows of a level; empty where it is.

    Parameters
    ----------
    model : pymc.Model
        Of plain tensors.
    hierarchy : Hierarchy
    name : str
        Of a level whose rows are known.
    """
    level, membership = hierarchy.levels[name], hierarchy.members[name]
    effect, enters = level.effect_name, membership.enters
    if enters in hierarchy.levels:
        return f"{effect} enters {enters} (a level below it), and through that the data"
    if also := [m.enters for m in hierarchy.also.get(name, ()) if m.enters not in hierarchy.levels]:
        return f"{effect} enters more than one likelihood ({', '.join([enters, *also])})"
    outcome = next((rv for rv in model.observed_RVs if rv.name == enters), None)
    if outcome is None:
        return f"{enters} is a potential; weights and variances need a normal likelihood"
    if (family := family_of(outcome)) != "Normal":
        return f"{enters} is {family}; weights and variances are computed for normal likelihoods"
    if level.family not in NORMAL:
        said = _WHY_NOT_NORMAL.get(level.family, f"are {level.family}")
        return f"the effects {effect} {said}; weights and variances are computed for normal effects"
    if membership.why_no_design:
        return membership.why_no_design
    mean, _ = mean_and_sd(outcome)
    if membership.predictor is not mean:
        return f"{effect} enters {enters} otherwise than as a part of its mean"
    return ""
