"""Which variables set the spread of something: of group effects, of coefficients, of the noise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..evidence import Evidence, Missing, fact
from ..hierarchy.gates import Gate
from ..hierarchy.hierarchy import Hierarchy
from ..hierarchy.predictor import Grouped, Predictor
from ..hierarchy.reading import hierarchy_of
from ..hierarchy.response import Response
from ..hierarchy.settings import Setting, settings_of, vectors_of_levels
from ..hierarchy.variables import Variable, Variables
from .quantiles import prior_quantile


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
def hierarchy(variables: Variables, evidence: Evidence) -> Hierarchy:
    """Read the hierarchy of the model, with what the spec declares of it."""
    declared = evidence.get("declared_hierarchy") if evidence.has("declared_hierarchy") else {}
    response = evidence.get("response") if evidence.has("response") else None
    predictors = evidence.get("predictors") if evidence.has("predictors") else []
    try:
        return hierarchy_of(variables, response, predictors, **declared)
    except Exception as error:
        line = (str(error).splitlines() or [""])[0][:160]
        raise Missing(f"not understood, because of {type(error).__name__}: {line}") from error


@fact
def spreads(
    variables: Variables, response: Response, hierarchy: Hierarchy, evidence: Evidence
) -> list[Spread]:
    """Find every variable that sets a spread."""
    predictors = evidence.get("predictors") if evidence.has("predictors") else []
    found = settings_of(variables, hierarchy, response, predictors)
    shrunk = {s.of.name for s in found if not s.noise and _is_local(s)}
    several = Counter(s.of.name for s in found)
    return [
        Spread(
            variable=s.variable,
            of=s.of,
            kind=str(s.kind),
            noise=s.noise,
            local=not s.noise and _is_local(s),
            shrinkage=s.of.name in shrunk,
            groups=_elements(s),
            unit=_unit(s, predictors, alone=several[s.of.name] == 1),
        )
        for s in found
    ]


@fact
def group_effects(
    variables: Variables,
    predictors: Sequence[Predictor],
    spreads: Sequence[Spread],
    hierarchy: Hierarchy,
) -> list[GroupEffect]:
    """Find every vector of which each row of an outcome uses one element."""
    found = []
    levels = vectors_of_levels(hierarchy)
    for predictor in predictors:
        moving = {g.variable for g in predictor.grouped if not g.fixed}
        for grouped in predictor.grouped:
            variable = variables[grouped.variable]
            own = tuple(s for s in spreads if s.of.name == variable.name and not s.noise)
            if own or variable.name in levels:
                style = "centred" if variable.parents else "non-centred"
            elif variable.parents or variable.name in moving:
                continue  # a latent process, a loading: no groups of a level
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


def _is_local(setting: Setting) -> bool:
    """Whether a variable holds one spread for every element, as in a horseshoe."""
    return setting.variable.size > 1 and setting.variable.shape == setting.of.shape


def _elements(setting: Setting) -> int | None:
    """Return how many elements share a spread; None for noise."""
    if setting.noise:
        return None
    if setting.level is not None:
        return len(setting.level.labels)
    return setting.of.size // max(setting.variable.size, 1)


def _unit(setting: Setting, predictors: Sequence[Predictor], *, alone: bool) -> float | None:
    """Return an ordinary sd: that of the predictor, per unit of what it is multiplied with."""
    name = setting.of.name
    if setting.noise:
        return next((p.unit for p in predictors if p.outcome.name == name), None)
    for predictor in predictors:
        designs = [g.design[g.group >= 0] for g in predictor.grouped if g.variable == name]
        designs += [c.design for c in predictor.columns if c.variable == name]
        at = 1.0
        if not setting.of.parents:  # an offset moves the predictor by its scale
            if not alone or setting.kind is not Gate.SD:
                return predictor.unit
            at = float(np.mean(predictor.probe.points[0][setting.variable.name]))
        for design in designs:
            size = float(np.sqrt(np.mean((design / at) ** 2)))
            return predictor.unit / size if size > 0 else None
    return predictors[0].unit if len(predictors) == 1 else None
