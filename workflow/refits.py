"""One fit under other conditions, summarised where it is made: here, in a thread, on a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

import xarray as xr

from ..checks.followed import MOST_GROUPS, equal_weights, fits, of_fit
from ..checks.hierarchy import Role
from ..checks.weighted import largest_rhat
from .conclusions import evaluate
from .execution.programs import Program
from .levels.datasets import level_datasets
from .sampler import Sampler, sample
from .settings import Settings
from .stages.stage import plain

if TYPE_CHECKING:
    import pymc as pm

    from ..checks.hierarchy import Hierarchy, Roles
    from .specs.spec import ModelSpec

#: Whether such a variable is positive is a conclusion.
_SIGNED = (Role.LOCATION, Role.INTERCEPT, Role.COEFFICIENT, Role.SHRUNKEN)


@dataclass(frozen=True, slots=True)
class Refit:
    """A fit to make; it can be sent to another process.

    Attributes
    ----------
    program : Program
        Of the review, with spec, hierarchy and roles: these say what is followed.
    settings : Settings
    seed : int
        Its own, so that the numbers do not depend on who makes it.
    switches : mapping
        Priors, data or weights, as :meth:`.Engine.sample` takes them.
    model : pymc.Model or None
        Sampled on a program of its own instead, without switches.
    """

    program: Program
    settings: Settings
    seed: int
    switches: Mapping[str, Any] = field(default_factory=dict)
    model: pm.Model | None = None


def refit(task: Refit) -> xr.Dataset:
    """Make one fit and summarise what is followed.

    Returns
    -------
    xarray.Dataset
        As :func:`.fits` summarises, with the attributes ``source`` (``refit`` or ``own program``),
        ``rhat``, ``divergences`` and ``fallback``: empty, or how it was sampled instead.
    """
    if task.model is None:
        sampler = Sampler(task.program)
        tree = sampler.run(task.settings, task.seed, **task.switches)
        source, fallback = "refit", ""
    else:
        tree, fallback = sample(task.model, task.settings, task.seed, lambda *_: None)
        source = "own program"
    of = cast("Reviewed", task.program)
    draws, levels = followed(of, plain(tree["posterior"].to_dataset()))
    (summarised,) = fits(draws, levels, equal_weights(draws))
    return plain(summarised).assign_attrs(
        source=source,
        rhat=largest_rhat(few(draws)),
        divergences=divergences(tree),
        fallback=fallback,
    )


class Reviewed(Protocol):
    """What is known of a model under review: a stage's context, or a program."""

    @property
    def model(self) -> pm.Model: ...
    @property
    def spec(self) -> ModelSpec: ...
    @property
    def hierarchy(self) -> Hierarchy: ...
    @property
    def roles(self) -> Roles: ...


def followed(of: Reviewed, posterior: xr.Dataset) -> tuple[xr.Dataset, dict[str, xr.Dataset]]:
    """Return the draws of what is followed, and the levels that they were computed from."""
    # Levels are expressions of the free variables, whatever prior these were drawn under.
    levels = level_datasets(of.model, of.hierarchy, posterior, rows=False)
    found = of_fit(
        posterior,
        of.roles.top_level,
        [n for n, role in of.hierarchy.roles.items() if role in _SIGNED],
        evaluate(of.spec, of.spec.quantities, posterior, boolean=False),
        evaluate(of.spec, of.spec.decisions, posterior, boolean=True),
        levels,
    )
    return plain(found), levels


def few(draws: xr.Dataset) -> xr.Dataset:
    """Leave out all but the first groups of large levels: chains that disagree do so anywhere."""
    return draws.isel({d: slice(MOST_GROUPS) for d in draws.dims if str(d).startswith("group of")})


def divergences(tree: xr.DataTree) -> int:
    """Count divergent transitions; samplers that know none have none."""
    statistics = tree["sample_stats"].to_dataset()
    return int(statistics["diverging"].sum()) if "diverging" in statistics else 0
