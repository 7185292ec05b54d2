"""Another prior on one variable of a model: in words, as a distribution, in a copy of the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .families import identity_of

if TYPE_CHECKING:
    import pymc as pm

    from ..engine.densities import LogDensity


@dataclass(frozen=True, slots=True)
class Replacement:
    """Another prior for one variable.

    Attributes
    ----------
    parameter : str
        Variable whose prior is replaced.
    prior, base : str
        The new prior and the spec's own, in words.
    make : callable
        Returns the new distribution, unregistered.
    same_support : bool
        Whether it lies where the spec's own prior lies, and keeps its transform.
    means : str
        What it means in the terms of the model; empty where that is not known.
    densities : mapping of str to LogDensity
        Its numbers by what of the variable they are put on: the variable itself, or parts of it
        (see :mod:`.engine.parts`). Empty where they are not known.
    identity : str
        Hash of the distribution itself: two priors that read alike are told apart.
    """

    parameter: str
    prior: str
    base: str
    make: Callable[[], Any]
    same_support: bool = False
    means: str = ""
    densities: Mapping[str, LogDensity] = field(default_factory=dict)
    identity: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "identity", identity_of(self.make()))

    @property
    def density(self) -> LogDensity | None:
        """Numbers of the prior of the variable itself, or None."""
        return self.densities.get(self.parameter)


def with_priors(model: pm.Model, replacements: Sequence[Replacement]) -> pm.Model:
    """Return a copy of a model in which some variables have other priors.

    The model itself is not touched. A changed variable keeps its name, dims and place in the graph,
    and brings the default transform of its own family.

    Raises
    ------
    ValueError
        If a new distribution does not have the variable's shape.
    """
    from pymc.model.fgraph import fgraph_from_model, model_from_fgraph
    from pymc.pytensorf import toposort_replace

    with without_starts(model) as starts:
        graph, memo = fgraph_from_model(model)
    swaps = [(memo[model[r.parameter]], r) for r in replacements]
    toposort_replace(graph, [(old, _replaced(old, r)) for old, r in swaps])
    changed: pm.Model = model_from_fgraph(graph, mutate_fgraph=True)
    replaced = {r.parameter for r in replacements}
    for name, start in starts.items():
        if name not in replaced:
            changed.set_initval(changed[name], start)
    return changed


def _replaced(old: Any, replacement: Replacement) -> Any:
    """Return a variable of a model's graph with another distribution."""
    import pymc as pm
    from pymc.distributions.shape_utils import change_dist_size
    from pymc.model.fgraph import model_free_rv

    op, name = old.owner.op, replacement.parameter
    dist = replacement.make()
    if dist.ndim != old.ndim:
        if dist.ndim:
            raise ValueError(
                f"{replacement.prior} has {dist.ndim} dimensions, {name} has {old.ndim}"
            )
        dist = change_dist_size(dist, old.owner.inputs[0].shape)
    with pm.Model() as scratch:
        # Registered in a model of its own to learn its value variable and default transform.
        rv = scratch.register_rv(dist, name=name)
        value, transform = scratch.rvs_to_values[rv], scratch.rvs_to_transforms[rv]
    if replacement.same_support:
        transform = op.transform
    return model_free_rv(rv, value, transform, op.name, *op.dims)


@contextmanager
def without_starts(model: pm.Model) -> Iterator[dict[str, Any]]:
    """Take the starting values off a model for a while: PyMC copies no model that has any.

    Yields
    ------
    dict
        The starting values that were taken off, by variable.
    """
    kept = dict(model.rvs_to_initial_values)
    for rv in kept:
        model.rvs_to_initial_values[rv] = None
    try:
        yield {str(rv.name): start for rv, start in kept.items() if start is not None}
    finally:
        model.rvs_to_initial_values.update(kept)
