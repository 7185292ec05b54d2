"""What a variable is in a linear predictor, or in what effects are centred on."""

from __future__ import annotations

from typing import Any

import numpy as np

from .hierarchy import Role
from .notes import Notes
from .outcomes import Face
from .predictor import is_constant
from .shapes import uses_matrix
from .variables import Support, Variable


def role_on(face: Face, v: Variable) -> Role | None:
    """Return what a variable is in one linear predictor."""
    predictor = face.predictor
    for column in predictor.columns:
        if column.variable == v.name:
            if _varies_along(column.design, face.width):
                return face.along or Role.COEFFICIENT
            if not column.is_intercept:
                return Role.COEFFICIENT
            # Thresholds of an ordinal outcome enter with the other sign than its predictor.
            threshold = face.along is Role.CUTPOINTS and column.design.max() > 0
            return Role.CUTPOINTS if threshold else Role.INTERCEPT
    for grouped in predictor.grouped:
        if grouped.variable == v.name:
            if _varies_along(grouped.group[:, None], face.width):
                plain = Role.INTERCEPT if is_constant(grouped.design) else Role.COEFFICIENT
                return face.along or plain
            if not grouped.fixed:
                return None if may_be_offset(v) else Role.NONLINEAR
            partial = bool((grouped.group < 0).any())
            return Role.COEFFICIENT if partial and uses_matrix(predictor, v) else Role.UNPOOLED
    return None


def may_be_offset(v: Variable) -> bool:
    """Whether a variable is a vector of standard normals."""
    return v.size > 1 and v.is_standardised


def _varies_along(values: np.ndarray, width: int) -> bool:
    """Whether every row has the same numbers, which differ along its width."""
    if width < 2 or values.shape[0] % width:
        return False
    rows = values.reshape(-1, width, values.shape[1])
    size = max(float(np.abs(values).max(initial=0)), 1e-300)
    return bool(np.allclose(rows, rows[:1]) and np.ptp(rows[0], axis=0).max() > 1e-6 * size)


def in_location(notes: Notes, expression: Any, v: Variable) -> Role:
    """Tell what effects are centred on from the coefficient of a predictor of groups."""
    if notes.response is None:
        return Role.LOCATION
    before = notes.response.evaluate(expression)
    base = np.asarray(notes.response.base[v.name], dtype=float)
    for k in range(min(v.size, 20)):
        step = np.zeros(v.size)
        step[k] = 0.1
        after = notes.response.evaluate(expression, {v.name: base + step.reshape(v.shape)})
        change = np.ravel(after - before) if after.shape == before.shape else np.ones(1)
        moved = change[np.abs(change) > 1e-9]
        if (
            moved.size
            and np.ptp(moved) > 1e-6 * np.abs(moved).max()
            and v.support is (Support.REAL)
        ):
            return Role.COEFFICIENT
    return Role.LOCATION
