"""Rows of a linear problem with a penalty, reduced to what every penalty needs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..draws import Array
from .ridge import Directions, Ridge


class NotLinear(ValueError):
    """The rows do not form a linear problem with a penalty; the message says why."""


def one_way(
    outcome: Array,
    population: Array,
    group: NDArray[np.integer[Any]],
    *,
    design: Array | None = None,
    noise: Array | None = None,
    groups: int | None = None,
) -> Ridge:
    """Reduce rows of which each belongs to one group at most.

    Parameters
    ----------
    outcome : array of shape (n,)
    population : array of shape (n, p)
        Columns without a penalty: the intercept, and every covariate of rows or of groups.
    group : integer array of shape (n,)
        From 0; -1 for rows of no group.
    design : array of shape (n,), optional
        What the effect of its group is multiplied by in a row; 1 for an intercept.
    noise : array of shape (n,), optional
        Known standard deviation of every row. Without it rows have the same, unknown noise.
    groups : int, optional
        Number of groups, with those that have no rows.

    Returns
    -------
    Ridge

    Raises
    ------
    NotLinear
        If rows disagree in number, hold values that are not finite, or no group has rows.
    """
    y, x, scale = _checked(outcome, population, noise)
    index = np.asarray(group, dtype=int)
    z = np.ones(y.size) if design is None else np.asarray(design, dtype=float)
    if index.shape != y.shape or z.shape != y.shape:
        raise NotLinear(f"{y.size} rows have {index.size} groups and {z.size} values of the design")
    total = int(index.max(initial=-1)) + 1 if groups is None else groups
    if index.min(initial=0) < -1 or index.max(initial=-1) >= total:
        raise NotLinear(f"groups are numbered from 0 to {total - 1}, or -1 for none")
    z = np.where(index >= 0, z, 0.0)
    known = None if noise is None else _typical_variance(scale, z**2)
    if known is not None:
        scale = scale / np.sqrt(known)
    y, x, z = y / scale, x / scale[:, None], z / scale
    safe = np.where(index >= 0, index, 0)
    strength = np.bincount(safe, z**2, minlength=total)
    seen = strength > 0
    place = np.cumsum(seen) - 1
    unit = np.where(seen[safe], z / np.sqrt(np.where(seen, strength, 1))[safe], 0)
    at = np.where(seen[safe], place[safe], 0)
    count = int(seen.sum())

    def gather(values: Array) -> Array:
        columns = [np.bincount(at, unit * v, minlength=count) for v in values.T]
        return np.stack(columns, axis=1) if columns else np.zeros((count, 0))

    def spread(values: Array) -> Array:
        return np.asarray((unit * values[at].T).T)

    def rotate(values: Array) -> Array:
        whole = np.zeros(total)
        whole[seen] = values
        return whole

    return _reduced(
        y,
        x,
        strength[seen],
        total,
        known,
        Directions(gather, spread, lambda v: unit**2 * v[at], rotate),
    )


def dense(
    outcome: Array, population: Array, effects: Array, *, noise: Array | None = None
) -> Ridge:
    """Reduce rows of any linear problem, by one singular value decomposition.

    Parameters
    ----------
    outcome : array of shape (n,)
    population : array of shape (n, p)
        Columns without a penalty; p may be 0.
    effects : array of shape (n, q)
        Columns with a penalty.
    noise : array of shape (n,), optional
        Known standard deviation of every row.

    Returns
    -------
    Ridge

    Raises
    ------
    NotLinear
        If rows disagree in number, hold values that are not finite, or no effect enters them.
    """
    y, x, scale = _checked(outcome, population, noise)
    z = np.asarray(effects, dtype=float)
    if z.ndim != 2 or z.shape[0] != y.size or not np.isfinite(z).all():
        raise NotLinear(f"the penalised columns need {y.size} finite rows")
    known = None if noise is None else _typical_variance(scale, np.ones(y.size))
    if known is not None:
        scale = scale / np.sqrt(known)
    y, x, z = y / scale, x / scale[:, None], z / scale[:, None]
    left, values, right = np.linalg.svd(z, full_matrices=False)
    kept = values > max(z.shape) * np.finfo(float).eps * values.max(initial=0)
    u, r = left[:, kept], right[kept]
    return _reduced(
        y,
        x,
        values[kept] ** 2,
        z.shape[1],
        known,
        Directions(lambda v: u.T @ v, lambda v: u @ v, lambda v: u**2 @ v, lambda v: r.T @ v),
    )


def _checked(outcome: Array, population: Array, noise: Array | None) -> tuple[Array, Array, Array]:
    y, x = np.asarray(outcome, dtype=float), np.asarray(population, dtype=float)
    if y.ndim != 1 or x.ndim != 2 or len(x) != y.size:
        raise NotLinear(f"{y.size} rows of the outcome have population columns of shape {x.shape}")
    scale = np.ones(y.size) if noise is None else np.asarray(noise, dtype=float)
    if scale.shape != y.shape or not (np.isfinite(scale).all() and (scale > 0).all()):
        raise NotLinear("the known noise needs one standard deviation above 0 per row")
    if not (np.isfinite(y).all() and np.isfinite(x).all()):
        raise NotLinear("rows hold values that are missing or not finite")
    return y, x, scale


def _typical_variance(noise: Array, weight: Array) -> float:
    """Harmonic mean of the noise variance over rows, as in the equivalent penalty."""
    total = float(weight.sum())
    return total / float((weight / noise**2).sum()) if total > 0 else 1.0


def _reduced(
    y: Array,
    x: Array,
    strength: Array,
    effects: int,
    noise_variance: float | None,
    directions: Directions,
) -> Ridge:
    if strength.size == 0:
        raise NotLinear("no row depends on the effects")
    left, values, right = np.linalg.svd(x, full_matrices=False)
    kept = values > max(x.shape) * np.finfo(float).eps * values.max(initial=0)
    x = left[:, kept]
    coefficients = right[kept].T / values[kept]
    projected = x.T @ y
    y = y - x @ projected
    both = np.column_stack([x, y])
    between = directions.gather(both)
    rest = both - directions.spread(between)
    return Ridge(
        rows=y.size,
        effects=effects,
        columns=x.shape[1],
        strength=strength,
        between=between,
        within=rest.T @ rest,
        noise_variance=noise_variance,
        _population=x,
        _outcome=y,
        _directions=directions,
        _coefficients=coefficients,
        _projected=projected,
    )
