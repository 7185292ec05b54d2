"""What every free variable of a model is: :class:`Role`.

Variables are taken from the data upwards, children before their parents. What a variable is follows
from where it enters: the location of an outcome, its noise, or a parameter of another variable that
has its role already. Levels that were found are taken as they are. Where two readings are possible
the role is ``unclear``, with a reason and the line that settles it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .evident import read_declared, read_levels, read_noise, read_plain
from .faces import in_location, may_be_offset, role_on
from .hierarchy import Hierarchy, Role
from .multiplied import read_multiplied
from .notes import Notes
from .outcomes import Likelihood, outcomes_of, read_likelihoods
from .predictor import Predictor
from .response import EXPECTED, Response
from .shapes import terms_in_one
from .variables import Variable, Variables

#: Where a variable has several roles, the first of these is the one it keeps.
_FIRST = (
    Role.NOISE,
    Role.COVARIANCE,
    Role.LOCAL_SCALE,
    Role.GLOBAL_SCALE,
    Role.SCALE,
    Role.PROCESS_PARAMETER,
    Role.MIXTURE_WEIGHT,
    Role.DEGREES_OF_FREEDOM,
    Role.LOCATION,
    Role.COMPONENT,
    Role.CUTPOINTS,
    Role.GROUP_EFFECT,
    Role.SHRUNKEN,
    Role.UNPOOLED,
    Role.INTERCEPT,
    Role.COEFFICIENT,
    Role.NONLINEAR,
)

#: Roles that the parents of a single number share with it.
_HANDED_UP = (
    Role.COVARIANCE,
    Role.CUTPOINTS,
    Role.DEGREES_OF_FREEDOM,
    Role.GLOBAL_SCALE,
    Role.MIXTURE_WEIGHT,
    Role.NOISE,
    Role.PROCESS_PARAMETER,
    Role.SCALE,
)

#: Roles of vectors that look like a level and are none.
_NO_LEVELS = (Role.COMPONENT, Role.PROCESS, Role.SHRUNKEN)

#: Roles of variables that set how wide others are.
_SPREADS = (Role.GLOBAL_SCALE, Role.LOCAL_SCALE, Role.NOISE, Role.PROCESS_PARAMETER, Role.SCALE)


def roles_of(
    variables: Variables,
    hierarchy: Hierarchy,
    response: Response | None,
    likelihoods: Sequence[Likelihood],
    *,
    scales: Mapping[str, str | None] | None = None,
    noise: Mapping[str, Sequence[str]] | None = None,
) -> Notes:
    """Find the role of every free variable; the result holds roles and what is unclear.

    Parameters
    ----------
    variables : Variables
    hierarchy : Hierarchy
        With the levels that were found.
    response : Response or None
        None for a model that cannot be evaluated: then the graph alone decides.
    likelihoods : sequence of Likelihood
    scales : mapping of str to str or None, optional
        Declared: the offset a variable is the scale of; None for one that is no scale.
    noise : mapping of str to sequence of str, optional
        Declared: the noise variables of an outcome or potential.
    """
    notes = Notes(variables, hierarchy, response, likelihoods, scales or {}, noise or {})
    for read in (read_plain, read_declared, read_noise, read_levels, read_multiplied):
        read(notes)
    children = _children(notes)
    for variable in reversed(variables.free):
        if variable.name not in notes.roles:
            _settle(notes, variable, children.get(variable.name, ()))
    return notes


def assign_roles(
    hierarchy: Hierarchy,
    variables: Variables,
    response: Response | None,
    predictors: Sequence[Predictor],
    *,
    scales: Mapping[str, str | None] | None = None,
    noise: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Fill in roles and outcomes of a hierarchy whose levels are known.

    What turns out to be no level (a process, shrunken coefficients) is taken off its list of
    unclear variables, and what has no clear role is added with the reason.

    Parameters
    ----------
    hierarchy : Hierarchy
    variables : Variables
    response : Response or None
        None for a model that cannot be evaluated.
    predictors : sequence of Predictor
    scales, noise : mapping, optional
        As declared on the spec.
    """
    likelihoods = read_likelihoods(variables, response, predictors)
    hierarchy.outcomes = outcomes_of(variables, likelihoods, noise)
    found = roles_of(variables, hierarchy, response, likelihoods, scales=scales, noise=noise)
    hierarchy.roles = found.roles
    hierarchy.unclear |= found.unclear
    settled = {n for n, role in found.roles.items() if role in _NO_LEVELS} | set(scales or ())
    if scales:
        settled |= {n for n, role in found.roles.items() if role is Role.UNPOOLED}
    for name in settled - set(found.unclear):
        hierarchy.unclear.pop(name, None)


def _children(notes: Notes) -> dict[str, list[tuple[Variable, str]]]:
    """Return the free variables that each variable is a parent of, with the parameter."""
    found: dict[str, list[tuple[Variable, str]]] = {}
    for child in notes.variables.free:
        for role, parameter in child.parameters.items():
            for name in parameter.parents:
                if _really(notes, child, role, name):
                    found.setdefault(name, []).append((child, role))
    return found


def _really(notes: Notes, child: Variable, role: str, name: str) -> bool:
    if notes.response is None or (child.name, role) not in notes.response.keys:
        return True
    return notes.response.moves(child.parameters[role].expression, name)


def _settle(notes: Notes, v: Variable, children: Sequence[tuple[Variable, str]]) -> None:
    suggested = set(notes.suggested.get(v.name, ()))
    for child, role in children:
        found = _above(notes, v, child, role)
        if found is not None:
            suggested.add(found)
    spread = suggested & {*_SPREADS, Role.COVARIANCE, Role.MIXTURE_WEIGHT}
    if v.parents and v.shape and not spread:
        notes.roles[v.name] = _conditional(notes, v, suggested)
        return
    if v.name in notes.unclear:
        notes.roles[v.name] = Role.UNCLEAR
        return
    if v.parents and v.size == 1 and not suggested and _in_a_loop(notes, v):
        notes.roles[v.name] = Role.UNCLEAR
        return
    if not spread and not suggested & {Role.LOCATION, Role.DEGREES_OF_FREEDOM}:
        suggested |= _in_means(notes, v)
    chosen = next((role for role in _FIRST if role in suggested), None)
    if chosen is None:
        chosen = Role.UNCLEAR
        notes.unclear.setdefault(v.name, _why_unclear(notes, v))
    notes.roles[v.name] = chosen


def _above(notes: Notes, v: Variable, child: Variable, parameter: str) -> Role | None:
    """Return what a variable is to one of its children."""
    role, last = notes.roles.get(child.name), parameter.rpartition(".")[2]
    if role in (Role.IMPUTED, Role.UNUSED):
        return None
    if role is Role.PROCESS:
        return Role.PROCESS_PARAMETER
    if parameter.startswith("weights") or role in (Role.DISCRETE, Role.MIXTURE_WEIGHT):
        return Role.MIXTURE_WEIGHT
    if role is Role.LOCAL_SCALE:
        return Role.GLOBAL_SCALE
    if child.size == 1 and role in _HANDED_UP:
        return role
    if last == "df":
        return Role.DEGREES_OF_FREEDOM
    if last == "cov":
        return Role.COVARIANCE
    if last == "scale" or last == "precision":
        if v.size > 1 and v.shape == child.shape:
            return Role.LOCAL_SCALE
        alone = role is Role.SHRUNKEN or child.family == "Mixture" or _has_local(notes, child)
        return Role.GLOBAL_SCALE if alone and role is not Role.GROUP_EFFECT else Role.SCALE
    return _location_or_scale(notes, v, child, parameter)


def _has_local(notes: Notes, child: Variable) -> bool:
    scale = child.parameters.get("scale")
    if scale is None or child.size == 1:
        return False
    return any(notes.variables[p].shape == child.shape for p in scale.parents)


def _location_or_scale(notes: Notes, v: Variable, child: Variable, parameter: str) -> Role:
    """Tell a location from a concentration by whether it moves the child's location."""
    if notes.response is None:
        return Role.LOCATION
    key = (child.name, EXPECTED)
    if parameter == "loc" or key not in notes.response.keys:
        expression = child.parameters[parameter].expression
        return in_location(notes, expression, v) if parameter == "loc" else Role.SCALE
    if notes.response.moves(notes.response.expression(key), v.name):
        return in_location(notes, notes.response.expression(key), v)
    return Role.SCALE


def _conditional(notes: Notes, v: Variable, suggested: set[Role]) -> Role:
    """Return the role of a vector whose prior depends on other variables."""
    if v.name in notes.unclear:
        return Role.UNCLEAR
    means = _in_means(notes, v)
    for role in (Role.COMPONENT, Role.CUTPOINTS):
        if role in means:
            return role
    if v.family != "Mixture" and (terms := _terms_in(notes, v)):
        notes.say_several_terms(v.name, terms)
        return Role.UNCLEAR
    if v.family == "Mixture" or Role.COEFFICIENT in means:
        return Role.SHRUNKEN
    if _has_local(notes, v) and not _is_grouped(notes, v):
        return Role.SHRUNKEN
    return Role.GROUP_EFFECT


def _terms_in(notes: Notes, v: Variable) -> int:
    """Return how many terms a vector may hold one after the other; 0 if it holds one."""
    for predictor in (face.predictor for it in notes.likelihoods for face in it.faces):
        for column in predictor.columns:
            if column.variable == v.name and (terms := terms_in_one(column.design)):
                return terms
    return 0


def _is_grouped(notes: Notes, v: Variable) -> bool:
    return any(
        g.variable == v.name
        for it in notes.likelihoods
        for face in it.faces
        for g in face.predictor.grouped
    )


def _in_a_loop(notes: Notes, v: Variable) -> bool:
    """Whether other single numbers have the same prior with random parameters."""
    alike = [
        w.name
        for w in notes.variables.free
        if w.size == 1 and w.family == v.family and set(w.parents) == set(v.parents)
    ]
    if len(alike) < 2:
        return False
    notes.unclear[v.name] = (
        f"{alike[0]} to {alike[-1]} look like a level written as {len(alike)} single "
        'variables; stack them, theta = pm.Deterministic("theta", pt.stack([...])), and add to '
        'the spec: levels={"group": Level(effect="theta", location=..., scale=...)}'
    )
    return True


def _in_means(notes: Notes, v: Variable) -> set[Role]:
    """Return what a variable is in the locations of the outcomes."""
    found = {r for it in notes.likelihoods if (r := _in_mean(notes, it, v)) is not None}
    return found - {Role.NONLINEAR} or found


def _in_mean(notes: Notes, likelihood: Likelihood, v: Variable) -> Role | None:
    if v.name not in likelihood.location or likelihood.variable.size == 0:
        return None
    found = {r for face in likelihood.faces if (r := role_on(face, v)) is not None}
    entered = [f for f in likelihood.faces if role_on(f, v) is not None]
    several = len(likelihood.faces) > 1
    if several and len(entered) < len(likelihood.faces) and found <= {Role.INTERCEPT}:
        return Role.COMPONENT
    chosen = next((role for role in _FIRST if role in found), None)
    return chosen or (None if may_be_offset(v) else Role.NONLINEAR)


def _why_unclear(notes: Notes, v: Variable) -> str:
    if v.name in notes.hierarchy.unclear:
        return notes.hierarchy.unclear[v.name]
    if notes.response is None:
        return f"{v.name}: the model cannot be evaluated; poolwise lint says why"
    reasons = [it.why for it in notes.likelihoods if it.why and v.name in it.variable.parents]
    if reasons:
        return f"{v.name}: {'; '.join(reasons)}"
    potentials = [
        str(p.name)
        for p in notes.variables.model.potentials
        if v.name in notes.variables.parents_of(p)
    ]
    if potentials:
        declare = f'noise={{"{potentials[0]}": "{v.name}"}}'
        return (
            f"{v.name} enters through the potential {potentials[0]}, whose parts cannot be "
            f"told apart; if it is noise, add to the spec: {declare}"
        )
    return f"{v.name}: how it enters the model is not understood"
