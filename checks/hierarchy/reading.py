"""Reading the whole hierarchy of a model: the one place where its parts come together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..evidence import Missing
from .discovery import discover, free_names
from .hierarchy import Hierarchy
from .level import Level, Noise, noise_by_outcome
from .plain import plain_model
from .predictor import Predictor
from .predictor import predictors as read_predictors
from .relations import relate
from .response import Response
from .response import response as read_response
from .roles import assign_roles
from .variables import Variables, read_variables

if TYPE_CHECKING:
    import pymc as pm


def read_hierarchy(
    model: pm.Model,
    *,
    levels: Mapping[str, Level] | None = None,
    scales: Mapping[str, str | None] | None = None,
    noise: Noise | None = None,
) -> Hierarchy:
    """Read the hierarchy of a model, without sampling and without compiling.

    Parameters
    ----------
    model : pymc.Model
    levels : mapping of str to Level, optional
        What is declared settles what it names.
    scales : mapping of str to str or None, optional
        The variable that another is the scale of; None for one that is no scale.
    noise : str, sequence of str, or mapping, optional
        Noise variables of the outcome, or by outcome.

    Returns
    -------
    Hierarchy
        Levels, the group of every row, how levels hang together, roles, outcomes; and what could
        not be settled, with the line that would settle it.

    Examples
    --------
    >>> import pymc as pm
    >>> with pm.Model(coords={"school": list("ABC")}) as model:
    ...     mu, tau = pm.Normal("mu", 0, 10), pm.HalfNormal("tau", 5)
    ...     theta = pm.Normal("theta", mu, tau, dims="school")
    ...     y = pm.Normal("y", theta, 1, observed=[1.0, 2.0, 4.0])
    >>> read_hierarchy(model)
    Hierarchy
      y ~ Normal, identity link, 3 rows
      school: 3 groups, 1 row each; intercept theta
    """
    variables = read_variables(plain_model(model))
    answers, linear = _predictors(variables)
    return hierarchy_of(variables, answers, linear, levels=levels, scales=scales, noise=noise)


def hierarchy_of(
    variables: Variables,
    response: Response | None,
    predictors: Sequence[Predictor],
    *,
    levels: Mapping[str, Level] | None = None,
    scales: Mapping[str, str | None] | None = None,
    noise: Noise | None = None,
) -> Hierarchy:
    """Read the hierarchy of a model whose variables and predictors are read already.

    Parameters
    ----------
    variables : Variables
        Of the plain form of the model.
    response : Response or None
        None for a model that cannot be evaluated.
    predictors : sequence of Predictor
    levels, scales, noise : optional
        As for :func:`read_hierarchy`.
    """
    model = variables.model
    found = discover(model, levels)
    _drop_unscaled(found, model, {n for n, of in (scales or {}).items() if of is None})
    found.relations = relate(
        found.entering,
        {name: len(level.labels) for name, level in found.levels.items()},
        columns={name: level.entry for name, level in found.levels.items()},
    )
    outcomes = [str(v.name) for v in (*model.observed_RVs, *model.potentials)]
    settled = noise_by_outcome(noise or {}, outcomes)
    assign_roles(found, variables, response, predictors, scales=scales, noise=settled)
    return found


def _drop_unscaled(found: Hierarchy, model: pm.Model, no_scales: set[str]) -> None:
    """Drop levels whose scale is made of nothing but what is declared to be no scale."""
    for name, level in list(found.levels.items()):
        made_of = free_names([level.scale], model)
        if level.declared is None and made_of and made_of <= no_scales:
            del found.levels[name]
            for known in (found.members, found.also, found.why_no_rows):
                known.pop(name, None)
    held = {v for level in found.levels.values() for v in level.variables}
    found.offsets &= held


def _predictors(variables: Variables) -> tuple[Response | None, Sequence[Predictor]]:
    answers: Response | None = None
    linear: Sequence[Predictor] = ()
    try:
        answers = read_response(variables)
        linear = read_predictors(variables, answers)
    except Missing:
        pass
    return answers, linear
