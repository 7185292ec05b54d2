"""Whether exponentials of normal effects have a mean, given the prior of their scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...checks.hierarchy.distributions import family_of
from ..priors.families import parameters_of

if TYPE_CHECKING:
    import pymc as pm

#: Families of positive variables whose tail falls too slowly for exp(c τ²), however small c is.
_TOO_SLOW = frozenset(
    {"HalfCauchy", "HalfStudentT", "Exponential", "Gamma", "InverseGamma", "LogNormal"}
    | {"HalfFlat", "Flat", "ChiSquared", "Pareto"}
)


def no_mean_of_exponentials(model: pm.Model, scales: Sequence[Any]) -> str:
    r"""Return why the variance of an exponential of new effects does not exist, or nothing.

    Given its scale, :math:`E[e^{2\theta}] = e^{2\mu + 2\tau^2}`. The likelihood of a scale falls no
    faster than a power of it, so that the mean over scales exists only where the prior falls
    faster than :math:`e^{-2\tau^2}`: for a half-normal, where its scale is below 1/2.

    Parameters
    ----------
    model : pymc.Model
    scales : sequence of TensorVariable
        Standard deviations of the effects; those that are no variables of the model say nothing.
    """
    for scale in scales:
        rv = _parameter(model, scale)
        if rv is None:
            continue
        family = family_of(rv)
        if family in _TOO_SLOW:
            return (
                f"the variance does not exist: the tail of {rv.name} ~ {family} is too heavy for "
                "the exponential of normal effects"
            )
        if family in ("HalfNormal", "Normal", "TruncatedNormal"):
            values = parameters_of(rv)
            width = None if values is None else values.get("sigma")
            if width is not None and width >= 0.5:
                return (
                    f"the variance does not exist: {rv.name} ~ {family} is wider than 0.5, too "
                    "wide for the exponential of normal effects"
                )
    return ""


def _parameter(model: pm.Model, scale: Any) -> Any | None:
    """Return the free variable that a scale is, or is an element of."""
    from pytensor.graph.traversal import ancestors

    if scale in model.free_RVs:
        return scale
    above = [rv for rv in model.free_RVs if rv in set(ancestors([scale], blockers=model.free_RVs))]
    is_part = scale.owner is not None and "Subtensor" in type(scale.owner.op).__name__
    return above[0] if len(above) == 1 and is_part else None
