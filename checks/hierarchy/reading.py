"""Reading the whole hierarchy of a model: the one place where its parts come together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..evidence import Missing
from .discovery import discover
from .hierarchy import GroupLevel, Hierarchy, Membership
from .level import Level, Noise, noise_by_outcome
from .predictor import Predictor, _grouped, predictors
from .probe import Probe
from .relations import relate
from .response import Response, base_point, response
from .roles import assign_roles
from .rows import NotUnderstood, rows_of
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
    found = discover(model, levels)
    variables = read_variables(model)
    answers, linear = _predictors(variables, found)
    entering: list[tuple[str, Membership]] = []
    for name, level in found.levels.items():
        memberships = _memberships(model, level, found, answers, linear)
        entering += [(name, m) for m in memberships]
        if memberships:
            found.members[name] = memberships[0]
        else:
            found.why_no_rows.setdefault(
                name, f"how {level.effect_name} enters the data could not be read"
            )
    found.relations = relate(entering, {n: len(v.labels) for n, v in found.levels.items()})
    outcomes = [str(v.name) for v in (*model.observed_RVs, *model.potentials)]
    settled = noise_by_outcome(noise or {}, outcomes)
    assign_roles(found, variables, answers, linear, scales=scales, noise=settled)
    return found


def _predictors(
    variables: Variables, found: Hierarchy
) -> tuple[Response | None, Sequence[Predictor]]:
    answers: Response | None = None
    linear: Sequence[Predictor] = ()
    try:
        answers = response(variables)
        linear = predictors(variables, answers)
    except Missing as reason:
        found.why_no_rows |= dict.fromkeys(found.levels, str(reason))
    return answers, linear


def _memberships(
    model: pm.Model,
    level: GroupLevel,
    found: Hierarchy,
    answers: Response | None,
    linear: Sequence[Predictor],
) -> list[Membership]:
    """Return what a level enters."""
    entry = str(level.entry.name)
    if answers is None:
        return []
    if entry not in answers.variables:
        return _by_cutting(model, level, found, answers)
    entering = []
    for p in linear:
        for grouped in (g for g in p.grouped if g.variable == entry):
            unit = 1.0 if level.unit is None else answers.evaluate(level.unit, p.probe.points[0])
            entering.append(
                Membership(enters=p.outcome.name, group=grouped.group, design=grouped.design / unit)
            )
    points = (base_point(answers.variables, seed=7), base_point(answers.variables, seed=8))
    for below in found.levels.values():
        inner = answers.variables.get(str(below.entry.name))
        if inner is None or entry not in answers.variables.parents_of(below.location):
            continue
        probe = Probe(answers, below.location, inner, points)
        entering += [
            Membership(enters=below.name, group=g.group, design=g.design)
            for g in _grouped(answers.variables[entry], probe)
        ]
    return entering


def _by_cutting(
    model: pm.Model, level: GroupLevel, found: Hierarchy, answers: Response
) -> list[Membership]:
    """Read the rows of effects that are no random variable, by cutting the graph there."""
    points = [dict(base_point(answers.variables, seed=seed)) for seed in (7, 8)]
    for point in points:
        point[str(level.entry.name)] = answers.evaluate(level.entry, point)
    try:
        rows = rows_of(model, level, points)
    except NotUnderstood as reason:
        found.why_no_rows[level.name] = str(reason)
        return []
    return [Membership(enters=rows.outcome, group=rows.group, design=rows.design)]
