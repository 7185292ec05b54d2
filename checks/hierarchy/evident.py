"""What needs no more than a look at a variable, what is noise, and what belongs to a level."""

from __future__ import annotations

import numpy as np

from .discovery import free_names
from .faces import in_location
from .hierarchy import Role
from .notes import Notes
from .outcomes import Likelihood
from .spread import LOCATION_SCALE
from .variables import Support, Variable

#: Families of values along time or space.
PROCESSES = ("AR", "CAR", "EulerMaruyama", "GARCH11", "ICAR", "RandomWalk")


def read_plain(notes: Notes) -> None:
    """Settle what a variable's own prior and support say."""
    for v in notes.variables.free:
        if v.name.endswith("_unobserved"):
            notes.roles[v.name] = Role.IMPUTED
        elif not v.reaches_data:
            notes.roles[v.name] = Role.UNUSED
        elif v.support is Support.DISCRETE:
            notes.roles[v.name] = Role.DISCRETE
        elif v.family in PROCESSES or _is_field(notes, v):
            notes.roles[v.name] = Role.PROCESS


def _is_field(notes: Notes, v: Variable) -> bool:
    """Whether a vector is one draw from a multivariate normal with a kernel of parameters."""
    cov = v.parameters.get("cov")
    if v.family not in ("MultivariateNormal", "MvStudentT") or cov is None:
        return False
    parents = [notes.variables[p] for p in cov.parents]
    kernel = [p for p in parents if p.support is not Support.COVARIANCE and p.size == 1]
    return len(v.shape) == 1 and bool(kernel) and len(kernel) == len(parents)


def read_declared(notes: Notes) -> None:
    """Settle what the spec declares."""
    for names in notes.noise.values():
        notes.roles |= dict.fromkeys(names, Role.NOISE)
    for name, offset in notes.scales.items():
        if offset is not None:
            notes.roles.setdefault(name, Role.SCALE)
            centred = bool(notes.variables[offset].parents)
            notes.roles.setdefault(offset, Role.GROUP_EFFECT if centred else Role.OFFSET)


def read_noise(notes: Notes) -> None:
    """Note what sets the weights and the noise of outcomes."""
    for likelihood in notes.likelihoods:
        for name in likelihood.weights:
            notes.suggest(name, Role.MIXTURE_WEIGHT)
        for name in likelihood.noise:
            notes.suggest(name, _kind_of_noise(notes, likelihood, name))


def _kind_of_noise(notes: Notes, likelihood: Likelihood, name: str) -> Role:
    """Tell tails, and the kernel of a marginal Gaussian process, from noise."""
    roles = [r for r, p in likelihood.variable.parameters.items() if name in p.parents]
    if all(r.rpartition(".")[2] == "df" for r in roles):
        return Role.DEGREES_OF_FREEDOM
    cov = likelihood.variable.parameters.get("cov")
    v = notes.variables[name]
    if cov is None or notes.response is None or name not in cov.parents or v.size > 1:
        return Role.NOISE
    if len(likelihood.variable.shape) > 1:
        return Role.NOISE
    before = notes.response.evaluate(cov.expression)
    after = notes.response.evaluate(cov.expression, {name: notes.response.nudged(name)})
    change = after - before
    off = change - np.diag(np.diag(change))
    return Role.NOISE if np.allclose(off, 0) else Role.PROCESS_PARAMETER


def read_levels(notes: Notes) -> None:
    """Settle effects and offsets of the levels that were found; note their scales and locations."""
    model, levels = notes.variables.model, list(notes.hierarchy.levels.values())
    for level in levels:
        for name in level.variables or (str(level.entry.name),):
            if name in notes.variables and not notes.variables[name].observed:
                centred = bool(notes.variables[name].parents)
                role = Role.GROUP_EFFECT if centred else Role.OFFSET
                notes.roles.setdefault(name, role)
    for name in notes.hierarchy.offsets:
        notes.roles.setdefault(name, Role.OFFSET)
    # Elsewhere one parameter sets the mean and the spread: its place in the distribution decides.
    levels = [level for level in levels if level.family in LOCATION_SCALE]
    for level in levels:
        setting = [notes.variables[n] for n in free_names([level.scale], model)]
        correlated = any(v.support is Support.COVARIANCE for v in setting)
        for v in setting:
            if v.name not in notes.roles:
                several = correlated and v.support is not Support.REAL
                notes.suggest(v.name, Role.COVARIANCE if several else Role.SCALE)
    for level in levels:
        for name in free_names([level.location], model):
            if name not in notes.roles:
                notes.suggest(name, in_location(notes, level.location, notes.variables[name]))
