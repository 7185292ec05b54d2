"""Vectors that something multiplies: offsets, shrunken coefficients, processes, components."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..draws import Array
from .gates import LAWFUL, Gate, Gates, fits, gates_of
from .hierarchy import Role
from .notes import Notes
from .outcomes import Face
from .shapes import is_cumulative, is_disguised, terms_in_one
from .variables import Support, Variable


def read_multiplied(notes: Notes) -> None:
    """Sort every vector whose effect on an outcome others change, and those others."""
    faces = [f for it in notes.likelihoods for f in it.faces]
    for face in faces:
        _gated_in(notes, face)


def _gated_in(notes: Notes, face: Face) -> None:
    predictor = face.predictor
    moving = [*predictor.others, *(g.variable for g in predictor.grouped if not g.fixed)]
    gated = []
    for name in dict.fromkeys(moving):
        v = notes.variables[name]
        if v.support is not Support.REAL or v.size < 2:
            continue
        if predictor.probe.is_linear_in(v):
            no_scales = {n for n, offset in notes.scales.items() if offset != name}
            gates = gates_of(predictor, v, no_scales)
            if gates.by:
                gated.append(gates)
            elif _is_grouped(face, v):  # what multiplies it is declared to be no scale
                notes.suggest(v.name, Role.UNPOOLED)
    _loadings(notes, gated)
    for gates in gated:
        if gates.vector.name not in notes.unclear:
            _vector(notes, face, gates)


def _loadings(notes: Notes, gated: Sequence[Gates]) -> None:
    """Set apart what multiplies effects of several shapes: a loading, or a scale?"""
    for name in dict.fromkeys(n for g in gated for n in g.of(*LAWFUL, Gate.FACTOR, Gate.BENDS)):
        v = notes.variables[name]
        under = [g.vector for g in gated if name in g.by]
        if v.size == 1 or v.support is Support.COVARIANCE:
            continue
        if notes.roles.get(name) in (Role.GROUP_EFFECT, Role.OFFSET):
            # Effects of a level by themselves: what they can be no scale of, they load.
            _load(notes, name, [u for u in under if not fits(v, u)])
        elif name in notes.roles:
            continue
        elif v.support is Support.REAL or any(not fits(v, u) for u in under):
            if v.support is Support.REAL and Gate.LOG_SD in {g.by.get(name) for g in gated}:
                continue
            _load(notes, name, under)
            also = " and ".join(u.name for u in under)
            notes.say(name, f"it multiplies {also}", _no_scale(name))


def _load(notes: Notes, name: str, vectors: Sequence[Variable]) -> None:
    """Note that a variable may be a loading of vectors, or their scale."""
    for vector in vectors:
        if vector.name not in notes.roles:
            why = f"{name} multiplies it and may be its scale or a loading"
            notes.say(vector.name, why, _no_scale(name))


def _no_scale(name: str) -> str:
    return f'add to the spec: scales={{"{name}": None}} if it is no scale'


def _vector(notes: Notes, face: Face, gates: Gates) -> None:
    """Sort a vector that others multiply, and what multiplies it."""
    v = gates.vector
    if gates.of(Gate.INDEX):
        notes.take(v.name, Role.COMPONENT)
        return
    if gates.of(Gate.SWITCH):
        notes.take(v.name, Role.SHRUNKEN)
        _spread(notes, gates, Role.GLOBAL_SCALE)
        return
    settled = notes.roles.get(v.name)
    grouped = _is_grouped(face, v)
    of_level = settled in (Role.GROUP_EFFECT, Role.OFFSET)
    positive = (Support.POSITIVE, Support.SIMPLEX, Support.UNIT)
    local = [
        n
        for n in gates.by
        if notes.variables[n].shape == v.shape
        and (notes.variables[n].support in positive or gates.by[n] is Gate.LOG_SD)
    ]
    shared = {n for n in gates.by if notes.variables[n].support is Support.COVARIANCE}
    if settled is Role.PROCESS:
        _spread(notes, gates, Role.PROCESS_PARAMETER)
    elif of_level:
        for n in local:
            notes.suggest(n, Role.LOCAL_SCALE)
    elif shared:
        notes.take(v.name, Role.OFFSET if v.is_standardised else Role.GROUP_EFFECT)
        _spread(notes, gates, Role.COVARIANCE)
    elif local:
        notes.take(v.name, Role.OFFSET if grouped and v.is_standardised else Role.SHRUNKEN)
        for n in gates.by:
            wide = Role.SCALE if grouped else Role.GLOBAL_SCALE
            notes.suggest(n, Role.LOCAL_SCALE if n in local else wide)
    elif v.is_standardised and not v.parents:
        _standardised(notes, face, gates, grouped=grouped)
    elif grouped and not v.parents and v.number("loc") == 0:
        _not_standardised(notes, gates)


def _standardised(notes: Notes, face: Face, gates: Gates, *, grouped: bool) -> None:
    """Sort a standard normal vector that single numbers multiply."""
    v = gates.vector
    lawful = gates.of(*LAWFUL)
    if grouped:
        if lawful:
            notes.take(v.name, Role.OFFSET)
            _spread(notes, gates, Role.SCALE)
        return
    # All columns are asked for last: along a kernel they are dear, and its first moves every row.
    bent = bool(gates.of(Gate.BENDS))
    columns = None if bent and _moves_every_row(face, v) else _columns(notes, face, v)
    if columns is not None and (terms := terms_in_one(columns)):
        notes.say_several_terms(v.name, terms)
        _spread(notes, gates, Role.SCALE)
        return
    if bent:
        notes.take(v.name, Role.PROCESS)
        _spread(notes, gates, Role.PROCESS_PARAMETER)
        return
    if columns is None or not lawful:
        return
    if is_cumulative(columns):
        notes.take(v.name, Role.PROCESS)
        _spread(notes, gates, Role.PROCESS_PARAMETER)
    elif is_disguised(columns):
        notes.say(
            v.name,
            "its elements are mixed before they reach the rows, as in a basis of effects that sum "
            "to zero",
            "give the effects a Deterministic, and add to the spec: "
            'levels={"group": Level(effect=..., scale=...)}',
        )
        _spread(notes, gates, Role.SCALE)
    else:
        notes.take(v.name, Role.SHRUNKEN)
        _spread(notes, gates, Role.GLOBAL_SCALE)


def _not_standardised(notes: Notes, gates: Gates) -> None:
    """Name a vector that would be an offset if its prior were a standard one."""
    v, lawful = gates.vector, gates.of(*LAWFUL)
    for name in [v.name, *lawful] if lawful else []:
        notes.say(
            name,
            f"{v.name} is {v.family}(0, {v.number('scale'):g}) and multiplied by "
            f"{' and '.join(lawful)}, which is then not the sd between groups",
            f'write pm.Normal("{v.name}", 0, 1)',
        )


def _moves_every_row(face: Face, v: Variable) -> bool:
    first = np.eye(1, v.size).reshape(v.shape)
    return bool((face.predictor.probe.by(v, first) != 0).all())


def _columns(notes: Notes, face: Face, v: Variable) -> Array | None:
    if v.size > 300:
        return None
    eye = np.eye(v.size)
    by = [face.predictor.probe.by(v, row.reshape(v.shape)) for row in eye]
    return np.stack(by, axis=1)


def _spread(notes: Notes, gates: Gates, role: Role) -> None:
    """Suggest a role for what multiplies a vector, unless it multiplies everything."""
    for name, kind in gates.by.items():
        if kind not in (Gate.SWITCH, Gate.INDEX) and notes.variables[name].size >= 1:
            notes.suggest(name, role)


def _is_grouped(face: Face, v: Variable) -> bool:
    return any(g.variable == v.name for g in face.predictor.grouped)
