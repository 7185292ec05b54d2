"""The levels of any fit, evaluated on its draws: what every function on a level takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ...checks.draws import SAMPLE
from ...checks.hierarchy.hierarchy import Hierarchy
from ...checks.hierarchy.level import Level
from ..errors import SpecError
from ..fitted.fit import read_fit
from .of_draws import fitted_levels

if TYPE_CHECKING:
    import pymc as pm

_GROUPS = ("posterior", "prior")


def evaluate_levels(
    draws: xr.DataTree | str | Path,
    model: pm.Model | None = None,
    *,
    hierarchy: Hierarchy | None = None,
    levels: Mapping[str, Level] | None = None,
    group: str = "posterior",
    outcome: str = "",
    mean: str = "",
) -> dict[str, xr.Dataset]:
    r"""Evaluate the levels of a hierarchy on draws.

    Every function of :mod:`poolwise.checks` that takes a level takes one of these datasets:
    :func:`~poolwise.checks.pooling_factor`, :func:`~poolwise.checks.own_data_weight`,
    :func:`~poolwise.checks.decompose` and the others.

    Parameters
    ----------
    draws : xarray.DataTree, or path of a netCDF file
        ArviZ's groups; of these ``posterior``, with dims ``chain`` and ``draw``.
    model : pymc.Model or bambi.Model, optional
        What the draws are of. Its levels are read as :func:`poolwise.read_hierarchy` does. Without
        it, for fits of other programs, ``levels`` must be declared, and weights and variances need
        a normal outcome in ``observed_data``.
    hierarchy : Hierarchy, optional
        What :func:`poolwise.read_hierarchy` returned for this model, if it was read already.
    levels : mapping of str to Level, optional
        Levels that are declared, by name.
    group : {"posterior", "prior"}, default "posterior"
        Group of draws to evaluate.
    outcome, mean : str, optional
        Without a model: the outcome in ``observed_data``, needed where there are several, and the
        variable of the posterior with the mean of every row, needed where more than the effect of
        its group enters it.

    Returns
    -------
    dict of str to xarray.Dataset
        By level. With J groups and n rows:

        ``effect`` (chain, draw, group), ``location``, ``scale`` (chain, draw[, group])
            :math:`\theta_j`, :math:`\mu` and :math:`\tau`, in the unit of the linear predictor.
        ``information`` (chain, draw, group)
            Fisher information that the rows of a group carry on its effect, in the inverse squared
            unit of the effect.
        ``noise_variance``, ``other`` (chain, draw, group), ``rows``, ``design`` (group), …
            What the rows say, where it is known; ``attrs["why_no_information"]`` says why where it
            is not.

    Raises
    ------
    SpecError
        If there are no such draws, they do not belong to the model, or no level is known.

    Examples
    --------
    >>> levels = poolwise.evaluate_levels(tree, model)  # doctest: +SKIP
    >>> poolwise.checks.pooling_factor(levels["school"]).factor  # doctest: +SKIP
    0.84
    """
    if group not in _GROUPS:
        raise SpecError(f"group={group!r}", expected=f"one of {', '.join(_GROUPS)}")
    if not isinstance(draws, str | Path | xr.DataTree):
        raise SpecError(
            f"the draws are {_kind(draws)}",
            expected="an xarray.DataTree with the group posterior, as ArviZ makes it, or the path "
            "of a netCDF file",
            do="wrap a dataset: xr.DataTree.from_dict({'posterior': dataset})"
            if isinstance(draws, xr.Dataset)
            else "",
        )
    fit = read_fit(draws)
    if group not in fit.groups:
        raise SpecError(
            f"the draws hold no group {group}", expected=f"found {', '.join(fit.groups)}"
        )
    if model is None:
        return _declared(fit.groups, levels, hierarchy, group, outcome, mean, fit.notes)
    return _of_model(model, fit.groups[group], hierarchy, levels, group)


def _declared(
    groups: Mapping[str, xr.Dataset],
    levels: Mapping[str, Level] | None,
    hierarchy: Hierarchy | None,
    group: str,
    outcome: str,
    mean: str,
    notes: list[str],
) -> dict[str, xr.Dataset]:
    if not levels:
        raise SpecError(
            "a hierarchy without its model cannot be evaluated"
            if hierarchy is not None
            else "without the model, it is not known which variables are the levels",
            expected="the model, or levels={...}",
            do="pass the model; for draws of another program declare levels={'school': "
            "poolwise.Level(effect='theta', location='mu', scale='tau')}",
        )
    found = fitted_levels(groups, levels, outcome=outcome, mean=mean)
    by_group = found.posterior if group == "posterior" else found.prior
    absent = [name for name in levels if name not in by_group]
    if absent:
        raise SpecError(
            f"the group {group} does not hold every variable of the level {absent[0]!r}",
            expected=", ".join(_drawn(levels[absent[0]])),
        )
    said = "; ".join([*notes, *found.notes])
    return {name: d.assign_attrs(notes=said) if said else d for name, d in by_group.items()}


def _drawn(level: Level) -> list[str]:
    return [v for v in (level.effect, level.location, level.scale) if isinstance(v, str)]


def _of_model(
    model: Any,
    draws: xr.Dataset,
    hierarchy: Hierarchy | None,
    levels: Mapping[str, Level] | None,
    group: str,
) -> dict[str, xr.Dataset]:
    import pymc as pm

    from ...checks.hierarchy import plain_model, read_hierarchy
    from ..specs.preflight import of_bambi
    from .datasets import level_datasets

    model = of_bambi(model)
    if not isinstance(model, pm.Model):
        raise SpecError(f"the model is {_kind(model)}", expected="a pm.Model or a Bambi model")
    if hierarchy is not None and levels:
        raise SpecError(
            "both hierarchy= and levels= are given",
            do="declare levels where the hierarchy is read: read_hierarchy(model, levels={...})",
        )
    plain = plain_model(model)
    _check_draws(plain, draws, group)
    if hierarchy is None:
        _check_names(plain, levels or {})
        hierarchy = read_hierarchy(model, levels=levels)
    elif (stranger := _of_another(plain, hierarchy)) is not None:
        raise SpecError(
            f"the hierarchy was read from another model: its {stranger} is not of this one",
            do="read it from the model that is passed: read_hierarchy(model)",
        )
    if not hierarchy.levels:
        raise SpecError(
            "; ".join(dict.fromkeys(hierarchy.unclear.values()))
            or "no level of the hierarchy was recognised",
            expected="effects of groups that share a location and a scale",
            do="declare it: levels={'school': poolwise.Level(effect='theta', location='mu', "
            "scale='tau')}",
        )
    return level_datasets(model, hierarchy, draws)


def _check_names(model: pm.Model, levels: Mapping[str, Level]) -> None:
    for level, said in levels.items():
        for role, name in said.names().items():
            if name not in model.named_vars:
                raise SpecError(
                    f"level {level!r}: {role}={name!r} names no variable of the model",
                    expected=f"one of {', '.join(sorted(model.named_vars))}",
                )


def _check_draws(model: pm.Model, draws: xr.Dataset, group: str) -> None:
    """Refuse draws that are not of every free variable, in its shape."""
    absent = [str(rv.name) for rv in model.free_RVs if rv.name not in draws]
    if absent:
        raise SpecError(
            f"the {group} holds no {', '.join(absent)}: it is not of this model, or not whole",
            expected=f"draws of {', '.join(str(rv.name) for rv in model.free_RVs)}",
        )
    shapes = model.eval_rv_shapes()
    for rv in model.free_RVs:
        values = draws[rv.name]
        found = tuple(n for d, n in values.sizes.items() if d not in SAMPLE)
        wanted = tuple(int(n) for n in shapes[rv.name])
        if found != wanted:
            raise SpecError(
                f"{rv.name} has shape {found} in every draw of the {group}, and {wanted} in the "
                "model: the draws are of another model or of other data"
            )
        if not np.isfinite(values.values).all():
            raise SpecError(
                f"draws of {rv.name} in the {group} are not finite",
                do="leave out the draws of chains that failed",
            )


def _of_another(model: pm.Model, hierarchy: Hierarchy) -> str | None:
    """Return the name of an effect that is not made of this model's variables."""
    from pytensor.graph.traversal import ancestors

    known = set(model.free_RVs)
    for level in hierarchy.levels.values():
        if known.isdisjoint(ancestors([level.effect])):
            return level.effect_name
    return None


def _kind(value: object) -> str:
    name = type(value).__name__
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"
