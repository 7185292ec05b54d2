"""Which variables set the spread of something: of group effects, of coefficients, of the noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..draws import Array
from ..evidence import Evidence, fact
from ..hierarchy.predictor import Grouped, Predictor
from ..hierarchy.response import Response
from ..hierarchy.variables import Support, Variable, Variables
from .quantiles import prior_quantile

#: What doubling a variable multiplies a standard deviation with, and what the variable then is.
_KINDS = {"sd": 2.0, "variance": 2**0.5, "precision": 0.5**0.5}

#: Families of effects whose scale is their spread around a common location.
_LOCATION_SCALE = ("Cauchy", "Laplace", "Logistic", "Normal", "StudentT", "ZeroSumNormal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A variable that sets the spread of another one.

    Attributes
    ----------
    variable : Variable
    of : Variable
        The centred effect, the standardised offset, or the outcome.
    kind : str
        ``sd``, ``variance``, ``precision`` or ``log sd``: what the prior is put on.
    noise : bool
        Whether ``of`` is an outcome.
    local : bool
        One value per element of ``of``, as in a horseshoe.
    shrinkage : bool
        Whether ``of`` has a local scale: then tight and heavy-tailed priors are meant.
    groups : int or None
        Number of elements that share the spread; None for noise.
    unit : float or None
        An ordinary size of the standard deviation, on the scale of the predictor.
    """

    variable: Variable
    of: Variable
    kind: str
    noise: bool = False
    local: bool = False
    shrinkage: bool = False
    groups: int | None = None
    unit: float | None = None

    def sd_quantile(self, probability: float) -> float | None:
        """Return a prior quantile of the standard deviation (the largest of its elements)."""
        if self.kind == "precision":
            probability = 1 - probability
        found = prior_quantile(self.variable, probability)
        if found is None or found.size == 0:
            return None
        with np.errstate(all="ignore"):
            match self.kind:
                case "precision":
                    found = 1 / np.sqrt(found)
                case "variance":
                    found = np.sqrt(found)
                case "log sd":
                    found = np.exp(found)
        largest = float(np.max(found))
        return largest if np.isfinite(largest) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEffect:
    """A vector with one value per group, and how it is written.

    Attributes
    ----------
    variable : Variable
        The effect itself when ``style`` is ``centred`` or ``unpooled``; the standardised offset
        when it is ``non-centred``.
    style : str
        ``centred``: its prior has a random scale. ``non-centred``: it is standardised and
        multiplied by one. ``unpooled``: neither.
    grouped : Grouped
        How it enters the predictor.
    predictor : Predictor
    spreads : tuple of Spread
    """

    variable: Variable
    style: str
    grouped: Grouped
    predictor: Predictor
    spreads: tuple[Spread, ...] = ()

    @property
    def pooled(self) -> bool:
        """Whether the data choose how strongly groups are pooled."""
        return self.style != "unpooled"


@fact
def spreads(variables: Variables, response: Response, evidence: Evidence) -> list[Spread]:
    """Find every variable that sets a spread."""
    known = evidence.get("predictors") if evidence.has("predictors") else []
    found = [*_centred(variables, response, known), *_noise(variables, response, known)]
    for predictor in known:
        found.extend(_non_centred(variables, predictor))
    return list({(s.variable.name, s.of.name): s for s in found}.values())


@fact
def group_effects(
    variables: Variables, predictors: Sequence[Predictor], spreads: Sequence[Spread]
) -> list[GroupEffect]:
    """Find every vector of which each row of an outcome uses one element."""
    found = []
    for predictor in predictors:
        moving = {g.variable for g in predictor.grouped if not g.fixed}
        for grouped in predictor.grouped:
            variable = variables[grouped.variable]
            own = tuple(s for s in spreads if s.of.name == variable.name and not s.noise)
            if own:
                style = "centred" if variable.parents else "non-centred"
            elif variable.parents or variable.name in moving:
                continue  # a latent process, correlated effects, a loading: not understood here
            else:
                style = "unpooled"
            found.append(
                GroupEffect(
                    variable=variable,
                    style=style,
                    grouped=grouped,
                    predictor=predictor,
                    spreads=own,
                )
            )
    return found


def _centred(
    variables: Variables, response: Response, predictors: Sequence[Predictor]
) -> Iterator[Spread]:
    for effect in variables.free:
        scale = effect.parameters.get("scale")
        if scale is None or effect.size < 2 or effect.name.endswith("_unobserved"):
            continue
        if effect.family not in _LOCATION_SCALE:
            continue
        parents = [variables[p] for p in scale.parents if response.moves(scale.expression, p)]
        local = any(p.shape == effect.shape for p in parents)
        for parent in parents:
            kind = _kind(response, scale.expression, parent)
            if kind is not None:
                yield Spread(
                    variable=parent,
                    of=effect,
                    kind=kind,
                    local=parent.shape == effect.shape,
                    shrinkage=local,
                    groups=effect.size // max(parent.size, 1),
                    unit=_unit(effect.name, predictors, offset=1.0),
                )


def _noise(
    variables: Variables, response: Response, predictors: Sequence[Predictor]
) -> Iterator[Spread]:
    for outcome in variables.observed:
        scale = outcome.parameters.get("scale")
        if scale is None or outcome.family not in ("Normal", "StudentT", "Laplace", "Logistic"):
            continue
        unit = next((p.unit for p in predictors if p.outcome is outcome), None)
        for name in scale.parents:
            parent = variables[name]
            if parent.parents or not response.moves(scale.expression, name):
                continue
            kind = _kind(response, scale.expression, parent)
            if kind is not None:
                yield Spread(variable=parent, of=outcome, kind=kind, noise=True, unit=unit)


def offsets_of(variables: Variables, predictor: Predictor) -> list[Variable]:
    """Return the vectors with a constant prior that others may scale."""
    fixed = {g.variable for g in predictor.grouped if g.fixed}
    inside = {*predictor.others, *(g.variable for g in predictor.grouped)}
    moving = {g.variable for g in predictor.grouped if not g.fixed}
    found = [variables[n] for n in sorted(inside - (fixed - moving))]
    return [v for v in found if v.size > 1 and v.support is Support.REAL and not v.parents]


def scales_of(variables: Variables, predictor: Predictor, offset: Variable) -> dict[str, str]:
    """Return the variables that multiply an offset, and what they are: sd, variance, ..."""
    candidates = [variables[n] for n in predictor.others if _may_be_scale(variables[n])]
    plain = [v for v in candidates if v.support is Support.REAL]
    found = {}
    for scale in candidates:
        if scale is offset or not _fits(scale, offset):
            continue
        kind = _kind_of_gate(predictor, offset, scale)
        # A factor in front of everything else, too, is an amplitude and no spread.
        if kind is not None and not any(
            _kind_of_gate(predictor, other, scale) for other in plain if other is not scale
        ):
            found[scale.name] = kind
    return found


def _non_centred(variables: Variables, predictor: Predictor) -> Iterator[Spread]:
    for offset in offsets_of(variables, predictor):
        if not offset.is_standardised:
            continue
        found = scales_of(variables, predictor, offset)
        local = any(variables[s].shape == offset.shape for s in found)
        grouped = [g for g in predictor.grouped if g.variable == offset.name]
        for name, kind in found.items():
            scale = variables[name]
            unit: float | None = predictor.unit
            if kind == "sd" and len(found) == 1:
                at = float(np.mean(predictor.probe.points[0][name]))
                unit = _unit(offset.name, [predictor], offset=at)
            yield Spread(
                variable=scale,
                of=offset,
                kind=kind,
                local=scale.shape == offset.shape,
                shrinkage=local,
                groups=grouped[0].groups if grouped else offset.size,
                unit=unit,
            )


def _may_be_scale(variable: Variable) -> bool:
    if variable.support in (Support.POSITIVE, Support.UNIT):
        return True
    return variable.support is Support.REAL and variable.size == 1


def _fits(scale: Variable, offset: Variable) -> bool:
    """Whether a scale can belong to an offset: a number, one per column, or one per element."""
    return (
        scale.size == 1
        or scale.shape == offset.shape
        or (len(offset.shape) > 1 and scale.shape in (offset.shape[-1:], offset.shape[:1]))
    )


def _kind(response: Response, expression: Any, variable: Variable) -> str | None:
    """Return what a variable is to a standard deviation, from what doubling it does."""
    base = response.base[variable.name]
    before = response.evaluate(expression)
    if variable.support is Support.REAL:
        after = response.evaluate(expression, {variable.name: base + np.log(2)})
        return "log sd" if _ratio(before, after) == 2.0 else None
    ratio = _ratio(before, response.evaluate(expression, {variable.name: 2 * base}))
    return next((k for k, r in _KINDS.items() if ratio == r), None)


def _kind_of_gate(predictor: Predictor, offset: Variable, scale: Variable) -> str | None:
    """Return what a variable is to the effect of an offset on the predictor."""
    base = np.asarray(predictor.probe.points[0][scale.name], dtype=float)
    grown = base + np.log(2) if scale.support is Support.REAL else 2 * base
    before = predictor.effect_of(offset, {})
    after = predictor.effect_of(offset, {scale.name: grown})
    ratio = _ratio(before, after)
    if scale.support is Support.REAL:
        return "log sd" if ratio == 2.0 else None
    return next((k for k, r in _KINDS.items() if ratio == r), None)


def _ratio(before: Array, after: Array) -> float | None:
    """Return which of the known factors takes one array to the other, if one does everywhere."""
    if before.shape != after.shape or not np.isfinite(before).all():
        return None
    if np.abs(before).max(initial=0) == 0:
        return None
    return next((f for f in _KINDS.values() if np.allclose(after, f * before, rtol=1e-5)), None)


def _unit(name: str, predictors: Sequence[Predictor], offset: float) -> float | None:
    """Return an ordinary sd of an effect: that of the predictor, per unit of its design."""
    for predictor in predictors:
        for grouped in predictor.grouped:
            if grouped.variable == name:
                design = grouped.design[grouped.group >= 0] / offset
                size = float(np.sqrt(np.mean(design**2)))
                return predictor.unit / size if size > 0 else None
        for column in predictor.columns:
            if column.variable == name:
                size = float(np.sqrt(np.mean(column.design**2)))
                return predictor.unit / size if size > 0 else None
    return predictors[0].unit if len(predictors) == 1 else None
