"""What is known of every likelihood: family, link, what sets its location and what its noise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .custom import location_parameter
from .distributions import as_tensor
from .hierarchy import Outcome, Role
from .location import components_of, likelihood_name, location_of
from .ordinal import CUMULATIVE, cumulative, softmax
from .predictor import Predictor, read_predictor, sort_variables
from .response import EXPECTED, Response
from .variables import Support, Variable, Variables

#: Parameters that say how likely components or excess zeros are.
_WEIGHTS = "weights"


@dataclass(frozen=True, slots=True)
class Face:
    """A linear predictor of an outcome; several numbers for every row where there is more than one.

    Attributes
    ----------
    predictor : Predictor
    width : int
        Numbers for every row: thresholds of an ordinal outcome, components of a mixture.
    along : Role or None
        What a variable is that takes another value for each of them.
    """

    predictor: Predictor
    width: int = 1
    along: Role | None = None


@dataclass(slots=True)
class Likelihood:
    """How free variables enter one outcome.

    Attributes
    ----------
    variable : Variable
    family, link : str
    faces : list of Face
        Empty where the location is not linear behind a known link.
    location : set of str
        Variables that move the location.
    noise : list of str
        Variables that set spread, dispersion or shape around it.
    weights : set of str
        Variables that set the weights of components, or of excess zeros.
    why : str
        Why the location is not known; empty where it is.
    """

    variable: Variable
    family: str
    link: str = ""
    faces: list[Face] = field(default_factory=list)
    location: set[str] = field(default_factory=set)
    noise: list[str] = field(default_factory=list)
    weights: set[str] = field(default_factory=set)
    why: str = ""

    def as_outcome(self, declared: Sequence[str] | None = None) -> Outcome:
        """Return what a hierarchy keeps of it; declared noise replaces what was found."""
        noise = self.noise if declared is None else declared
        return Outcome(
            name=self.variable.name,
            family=self.family,
            link=self.link,
            noise=tuple(noise),
            rows=_rows(self.variable),
        )


def _rows(outcome: Variable) -> int:
    """Return the number of rows: of a multivariate outcome, of its vectors."""
    core = int(getattr(outcome.op, "ndim_supp", 0) or 0)
    return int(np.prod(outcome.shape[: len(outcome.shape) - core]))


def read_likelihoods(
    variables: Variables, response: Response | None, predictors: Sequence[Predictor]
) -> list[Likelihood]:
    """Read every outcome of a model; of one that cannot be evaluated, the families only."""
    if response is None:
        return [Likelihood(v, likelihood_name(v)) for v in variables.observed]
    linear = {p.outcome.name: p for p in predictors}
    return [_read(outcome, response, linear.get(outcome.name)) for outcome in variables.observed]


def outcomes_of(
    variables: Variables,
    likelihoods: Sequence[Likelihood],
    noise: Mapping[str, Sequence[str]] | None = None,
) -> list[Outcome]:
    """Return family, link, noise and rows of every likelihood, potentials that hold data included.

    Parameters
    ----------
    variables : Variables
    likelihoods : sequence of Likelihood
    noise : mapping of str to sequence of str, optional
        Declared noise variables by outcome.
    """
    noise = noise or {}
    found = [it.as_outcome(noise.get(it.variable.name)) for it in likelihoods]
    for name, rows in potentials_with_data(variables).items():
        said = tuple(noise.get(name, ()))
        found.append(Outcome(name=name, family="Potential", link="", noise=said, rows=rows))
    return found


def potentials_with_data(variables: Variables, rows: int = 5) -> dict[str, int]:
    """Return potentials that hold an array of at least ``rows`` numbers, and its size.

    Shorter arrays are usually constants of a constraint.
    """
    from pytensor.compile.sharedvalue import SharedVariable
    from pytensor.graph.basic import Constant
    from pytensor.graph.traversal import ancestors

    named = set(variables.model.basic_RVs)
    found = {}
    for potential in variables.model.potentials:
        held = [
            np.asarray(node.data if isinstance(node, Constant) else node.get_value(borrow=True))
            for node in ancestors([as_tensor(potential)], blockers=named)
            if isinstance(node, Constant | SharedVariable) and getattr(node, "ndim", 0) >= 1
        ]
        largest = max((v.size for v in held if v.dtype.kind == "f"), default=0)
        if largest >= rows:
            found[str(potential.name)] = largest
    return found


def _read(outcome: Variable, response: Response, linear: Predictor | None) -> Likelihood:
    found = Likelihood(outcome, likelihood_name(outcome))
    components = components_of(outcome.rv)
    location: list[Any] = []
    if len(components) > 1 or _is_stacked(outcome, components):
        location = [e for e in map(location_of, components) if e is not None]
        _add_components(found, response, location)
    elif outcome.family == "Categorical" or outcome.family == "Multinomial":
        location = [outcome.parameters["p"].expression]
        _add_categories(found, response)
    elif (outcome.name, EXPECTED) in response.keys:
        location = [response.expression((outcome.name, EXPECTED))]
        linear = linear or read_predictor(response, outcome, location[0])
        if linear is not None:
            found.link, found.faces = linear.link, [Face(linear)]
    elif "loc" in outcome.parameters and not outcome.parameters["loc"].parents:
        found.link = "identity"  # a location that is known, as of returns around zero
    elif found.family == "CustomDist":
        role = location_parameter(response, outcome)
        location = [outcome.parameters[role].expression] if role else []
        _add_components(found, response, location, along=None)
    found.location = {name for e in location for name in response.movers(e)}
    for face in found.faces:
        predictor = face.predictor
        found.location |= {c.variable for c in predictor.columns}
        found.location |= {g.variable for g in predictor.grouped}
    if outcome.size == 0:
        found.why = f"the data of {outcome.name} are empty"
    elif not found.faces:
        found.why = (
            f"the location of {outcome.name} ({found.family}) is not linear behind a known link"
            if location
            else f"the location of {outcome.name} ({found.family}) is not known"
        )
    _add_noise(found, response)
    return found


def _is_stacked(outcome: Variable, components: Sequence[Any]) -> bool:
    """Whether the components of a mixture are the last axis of one distribution."""
    return outcome.family == "Mixture" and len(components) == 1


def _add_components(
    found: Likelihood,
    response: Response,
    locations: Sequence[Any],
    along: Role | None = Role.COMPONENT,
) -> None:
    for expression in locations:
        predictor = read_predictor(response, found.variable, expression)
        if predictor is None:
            continue
        shape = response.evaluate(expression).shape
        width = shape[-1] if along and len(locations) == 1 and shape else 1
        found.faces.append(Face(predictor, width, along))
        found.link = predictor.link


def _add_categories(found: Likelihood, response: Response) -> None:
    outcome = found.variable
    ordered = cumulative(response, outcome)
    probe = ordered[1] if ordered is not None else softmax(response, outcome)
    if probe is None:
        return
    width = response.evaluate(probe.mean).shape[-1]
    along = None
    if ordered is not None:
        found.link, along = ordered[0], Role.CUTPOINTS
        found.family = CUMULATIVE[ordered[0]] if width > 1 else found.family
    else:
        found.link = "softmax"
    predictor = Predictor(outcome, found.link, probe)
    sort_variables(predictor)
    found.faces.append(Face(predictor, width, along))


def _add_noise(found: Likelihood, response: Response) -> None:
    """Sort what enters an outcome besides its location into weights and noise."""
    outcome, variables = found.variable, response.variables
    fixed = {n for face in found.faces for n in _fixed(face.predictor)}
    noise: dict[str, None] = {}
    for role in outcome.parameters:
        for name in _movers(response, outcome, role):
            if role == _WEIGHTS:
                found.weights.add(name)
            elif name in found.location and (name in fixed or not _is_spread(outcome, role)):
                continue  # moves the location, and other parameters with it
            elif variables[name].support is not Support.DISCRETE:
                noise[name] = None
    found.weights -= found.location
    found.noise = [n for n in noise if n not in found.weights]


def _is_spread(outcome: Variable, role: str) -> bool:
    """Whether a parameter is a spread around a location that is a parameter of its own."""
    prefix, _, last = role.rpartition(".")
    location = f"{prefix}.loc" if prefix else "loc"
    return last in ("scale", "cov") and location in outcome.parameters


def _fixed(predictor: Predictor) -> Iterator[str]:
    """Yield variables whose effect on the location does not depend on others."""
    yield from (c.variable for c in predictor.columns)
    yield from (g.variable for g in predictor.grouped if g.fixed)


def _movers(response: Response, outcome: Variable, role: str) -> Iterable[str]:
    parameter = outcome.parameters[role]
    if (outcome.name, role) not in response.keys:
        return parameter.parents  # holds a draw: what the graph says is all there is
    if outcome.family in ("Categorical", "Multinomial") and role == "p":
        return ()
    moving = response.movers(response.expression((outcome.name, role)))
    return [n for n in parameter.parents if n in moving]
