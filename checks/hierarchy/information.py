r"""How much the rows of a level tell about its effects, as expressions of the model's graph.

The information of group j is the curvature of the log-likelihood in its effect, all other
parameters as they are: :math:`I_j = -\partial^2 \log p(y \mid \theta) / \partial\theta_j^2`, by
automatic differentiation where the effects enter the graph. Rows belong to one group of a level at
most, so that all groups are differentiated at once; how effects enter (behind a link, multiplied by
loadings, in mean and noise, in several likelihoods) does not matter.

This is the *observed* information, which for binomial and Poisson outcomes with their canonical
links is the expected one too. Where the log density is not concave in its location and the expected
information has a closed form (Student-t, Laplace, Cauchy), the expected one takes its place: the
observed information of an outlier is negative, that of a Laplace outcome zero. Elsewhere (zero
inflation, mixtures) the rows of a group may still sum up to a negative curvature: at such a draw
they do not hold the effect, and their information counts as zero.

References
----------
Efron and Hinkley (1978), doi:10.1093/biomet/65.3.457 (observed against expected information);
Lange, Little and Taylor (1989), doi:10.1080/01621459.1989.10478852 (Student-t).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .distributions import distribution, family_of
from .hierarchy import GroupLevel, Hierarchy
from .row_densities import densities
from .rows import holds_batch, in_one_line
from .spread import NORMAL

if TYPE_CHECKING:
    import pymc as pm

_WHY_NOT_NORMAL = {
    "ZeroSumNormal": "sum to zero, so that each depends on the data of all",
    "Cauchy": "are Cauchy, which has neither mean nor standard deviation: location and scale are "
    "its median and half the distance between its quartiles",
}


class NoInformation(Exception):
    """The information of the rows of a level is not known; the message says why."""


@dataclass(frozen=True, slots=True)
class Curvature:
    """The log-likelihood of a level around its effects.

    Attributes
    ----------
    entry : TensorVariable
        Where effects are moved: stands for the entry of the level, and is no part of the model.
    score, information, effect : TensorVariable
        One value per group, per unit of the effect and its square; the effect itself.
    free : tuple of TensorVariable
        Free variables of the model that they depend on besides.
    """

    entry: Any
    score: Any
    information: Any
    effect: Any
    free: tuple[Any, ...]


def mean_and_sd(outcome: Any) -> tuple[Any, Any]:
    """Return the mean and standard deviation expressions of a normal outcome."""
    base = distribution(outcome)
    mean, sd = base.owner.op.dist_params(base.owner)
    return mean, sd


def why_no_weights(hierarchy: Hierarchy, name: str) -> str:
    """Return why a level has no weights on own data; empty where its effects are normal."""
    level = hierarchy.levels[name]
    if level.family in NORMAL:
        return ""
    said = _WHY_NOT_NORMAL.get(level.family, f"are {level.family}")
    return (
        f"the effects {level.effect_name} {said}; weights and variances are computed for normal "
        "effects"
    )


def why_not_linear(model: pm.Model, hierarchy: Hierarchy, name: str) -> str:
    """Return why a level is no term of the mean of one normal outcome; empty where it is.

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
    if also := [m.enters for m in hierarchy.also.get(name, ())]:
        return f"{effect} enters more than one likelihood ({', '.join([enters, *also])})"
    outcome = next((rv for rv in model.observed_RVs if rv.name == enters), None)
    if outcome is None:
        return f"{enters} is a potential, which has no mean and no noise"
    if (family := family_of(outcome)) != "Normal":
        return f"{enters} is {family}, and not normal"
    if membership.why_no_design:
        return membership.why_no_design
    mean, _ = mean_and_sd(outcome)
    if membership.predictor is not mean:
        return f"{effect} enters {enters} otherwise than as a part of its mean"
    return ""


def curvature(model: pm.Model, level: GroupLevel, enters: Sequence[str]) -> Curvature:
    """Return score and information of the rows of a level.

    Parameters
    ----------
    model : pymc.Model
        Of plain tensors.
    level : GroupLevel
        Of which every row depends on one group at most.
    enters : sequence of str
        Outcomes and potentials whose log densities are summed up.

    Raises
    ------
    NoInformation
        If a log density is not known, or cannot be differentiated twice.
    """
    import pytensor.tensor as pt
    from pytensor.graph.traversal import ancestors

    entry = level.entry.type(f"{level.entry.name}_moved")
    free = {rv: rv.type(rv.name) for rv in model.free_RVs if rv is not level.entry}
    observed = {str(rv.name): rv for rv in model.observed_RVs}
    ends = [observed.get(name, model[name]) for name in enters]
    for end in ends:
        if end in model.observed_RVs and holds_batch(end):
            raise NoInformation(f"{end.name} holds one batch of the data")
    unit = pt.ones(()) if level.unit is None else level.unit
    # Cut at the entry first: what lies above it no longer matters.
    cut = _replaced([*ends, level.effect, unit], {level.entry: entry})
    *ends, effect, unit = _replaced(cut, free)
    where: Any = ... if level.where is None else level.where
    values = [model.rvs_to_values.get(observed.get(name)) for name in enters]
    groups = len(level.labels)
    try:
        grad: Callable[..., Any] = pt.grad
        pairs = [densities(end, v, entry) for end, v in zip(ends, values, strict=True)]
        density, bent = (sum(parts) for parts in zip(*pairs, strict=True))
        score = grad(density, entry)[where].reshape((groups,))
        slope = score if density is bent else grad(bent, entry)[where]
        second = grad(slope.sum(), entry, disconnected_inputs="ignore")
    except Exception as error:  # families without a density, operations without a derivative
        raise NoInformation(
            f"the log-likelihood of {', '.join(enters)} cannot be differentiated twice "
            f"({in_one_line(error)})"
        ) from error
    information = -second[where].reshape((groups,)) / unit**2
    found = [score / unit, information, effect.reshape((groups,))]
    above = set(ancestors(found))
    back = {dummy: rv for rv, dummy in free.items() if dummy in above}
    score, information, effect = _replaced(found, back) if back else found
    return Curvature(entry, score, information, effect, tuple(back.values()))


def _replaced(expressions: Sequence[Any], by: Mapping[Any, Any]) -> list[Any]:
    from pytensor.graph.replace import graph_replace

    found: list[Any] = graph_replace(list(expressions), by, strict=False)
    return found
