"""The density of a group's rows with its effects integrated out, by adaptive quadrature."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from ...checks.draws import Array
from .group_density import Draws, GroupDensity

#: Nodes per effect, by effects per group; and those that a few draws are done again with.
_NODES = {1: (11, 21), 2: (5, 9)}

#: For rows: what a group says without one of its rows is wider than what it says with it.
_WIDER, _NODES_OF_ROWS = {1: 2.0, 2: 1.5}, {1: (21, 31), 2: (9, 13)}

#: Draws that are integrated again with more nodes.
_CHECKED = 40

#: Newton steps, and the squared distance to the mode (in sds) at which they end.
_STEPS, _NEAR = 50, 1e-6


@dataclass(frozen=True, slots=True)
class Marginal:
    """Densities with the effects of every group integrated out.

    Attributes
    ----------
    of_groups : ndarray of shape (draws, J)
        Log density of all rows of a group, given everything but its own effects.
    of_rows : ndarray of shape (draws, rows)
        Log density of a row, given the other rows of its group and everything but the group's
        effects; of a row that no group holds, given everything.
    group_error : ndarray of shape (J,)
    row_error : ndarray of shape (rows,)
        Largest difference, among a few draws, to the same with more nodes.
    """

    of_groups: Array
    of_rows: Array
    group_error: Array
    row_error: Array


def integrated(density: GroupDensity, draws: Draws) -> Marginal:
    r"""Integrate the effects of every group out of the density of its rows.

    Gauss–Hermite quadrature around the mode of every group at every draw, with nodes scaled by the
    curvature there: exact for normal rows with normal effects. Of a row,
    :math:`p(y_i|y_{j,-i}) = \int p(y_j,\theta)d\theta / \int p(y_j,\theta)/p(y_i|\theta)d\theta`.

    Parameters
    ----------
    density : GroupDensity
        With one or two effects per group.
    draws : mapping of str to ndarray
        Every free variable.

    References
    ----------
    Liu and Pierce (1994), doi:10.1093/biomet/81.3.624 (adaptive Gauss–Hermite quadrature); Li et
    al. (2016), doi:10.1007/s11222-015-9577-2 (integrated importance sampling).
    """
    mode, factor = _modes(density, draws)
    count = min(_CHECKED, len(mode))
    some = np.linspace(0, len(mode) - 1, count).round().astype(int)
    few = {name: values[some] for name, values in draws.items()}
    fine, finer = _NODES[density.size]
    of_groups = _of_groups(density, draws, mode, factor, fine)
    again = _of_groups(density, few, mode[some], factor[some], finer)
    wide = _WIDER[density.size] * factor
    fine, finer = _NODES_OF_ROWS[density.size]
    of_rows = _of_rows(density, draws, mode, wide, fine, of_groups)
    more = _of_rows(density, few, mode[some], wide[some], finer, of_groups[some])
    group = np.concatenate(list(density.group.values()))
    group_error, row_error = _apart(again, of_groups[some]), _apart(more, of_rows[some])
    only = _alone(group, len(density.labels))
    row_error = np.where(only, group_error[group], row_error)
    return Marginal(of_groups, of_rows, group_error, row_error)


def _alone(group: np.ndarray, groups: int) -> np.ndarray:
    """Whether a row is the only one of its group."""
    count = np.bincount(group[group >= 0], minlength=groups)
    return np.asarray((group >= 0) & (count[group] == 1))


def _apart(one: Array, other: Array) -> Array:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nan_to_num(np.abs(one - other), nan=np.inf).max(0))


def _modes(density: GroupDensity, draws: Draws) -> tuple[Array, Array]:
    """Return the mode of every group, and the Cholesky factor of the inverse curvature there.

    Newton's method from the draws themselves; a step that does not go up is shortened.
    """
    at = density.entries(draws)
    value, step, curvature = _climb(density, draws, at)
    length = np.ones(value.shape)
    for _ in range(_STEPS):
        squared = np.einsum("...i,...ij,...j->...", step, curvature, step)
        far = squared * length**2 > _NEAR
        todo = np.flatnonzero(far.any(axis=1))
        if not todo.size:
            break
        part = {name: values[todo] for name, values in draws.items()}
        to = at[todo] + np.where(far[todo, :, None], length[todo, :, None] * step[todo], 0.0)
        new_value, new_step, new_curvature = _climb(density, part, to)
        up = new_value >= value[todo] - 1e-9 * (1 + np.abs(value[todo]))
        at[todo] = np.where(up[..., None], to, at[todo])
        value[todo] = np.where(up, new_value, value[todo])
        step[todo] = np.where(up[..., None], new_step, step[todo])
        curvature[todo] = np.where(up[..., None, None], new_curvature, curvature[todo])
        length[todo] = np.where(up, 1.0, length[todo] / 4)
    return at, np.linalg.cholesky(np.linalg.inv(curvature))


def _climb(density: GroupDensity, draws: Draws, at: Array) -> tuple[Array, Array, Array]:
    """Return the density at some entries, Newton's step from there, and the curvature."""
    found = density.derivatives(density.moved(draws, at))
    curvature = _positive(-found.rows_hessian - found.prior_hessian, -found.prior_hessian)
    step = np.linalg.solve(curvature, np.nan_to_num(found.gradient)[..., None])[..., 0]
    return np.nan_to_num(found.value, nan=-np.inf), step, curvature


def _positive(curvature: Array, instead: Array) -> Array:
    """Return curvatures, replaced by those of the prior where they are not positive."""
    good = np.isfinite(curvature).all((-1, -2))
    good[good] = np.linalg.eigvalsh(curvature[good])[:, 0] > 0
    safe = np.where(good[..., None, None], curvature, instead)
    bad = ~np.isfinite(safe).all((-1, -2))
    bad[~bad] = np.linalg.eigvalsh(safe[~bad])[:, 0] <= 0
    safe[bad] = np.eye(curvature.shape[-1])
    return np.asarray(safe)


def _nodes(mode: Array, factor: Array, count: int) -> Iterator[tuple[Array, float]]:
    """Yield entries of every group, and the log weight that they have in an integral."""
    points, weights = np.polynomial.hermite.hermgauss(count)
    for index in product(range(count), repeat=mode.shape[-1]):
        x = points[list(index)]
        at = mode + np.sqrt(2) * np.einsum("...ij,j->...i", factor, x)
        yield at, float(np.log(weights[list(index)]).sum() + x @ x)


def _of_groups(
    density: GroupDensity, draws: Draws, mode: Array, factor: Array, count: int
) -> Array:
    peak, _ = density.both(density.moved(draws, mode))
    total: Array = np.zeros(peak.shape)
    for at, weight in _nodes(mode, factor, count):
        value, _ = density.both(density.moved(draws, at))
        with np.errstate(all="ignore"):
            total += np.exp(np.nan_to_num(value, nan=-np.inf) - peak + weight)
    scale = np.log(np.diagonal(factor, axis1=-2, axis2=-1)).sum(-1)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(total) + peak + scale + 0.5 * mode.shape[-1] * np.log(2))


def _of_rows(
    density: GroupDensity,
    draws: Draws,
    mode: Array,
    factor: Array,
    count: int,
    of_groups: Array,
) -> Array:
    group = np.concatenate(list(density.group.values()))
    peak, at_peak = density.both(density.moved(draws, mode))
    whole: Array = np.zeros(peak.shape)
    without_row: Array = np.zeros(at_peak.shape)
    for at, weight in _nodes(mode, factor, count):
        value, row = density.both(density.moved(draws, at))
        with np.errstate(all="ignore"):
            term = np.exp(np.nan_to_num(value, nan=-np.inf) - peak + weight)
            part = term[:, group] * np.exp(at_peak - row)
        whole += term
        without_row += np.where(term[:, group] > 0, part, 0.0)
    with np.errstate(all="ignore"):
        ratio = np.log(whole)[:, group] - np.log(without_row) + at_peak
    # Without its only row, a group says nothing: its effects have their prior, which sums to 1.
    only = _alone(group, peak.shape[1])
    found = np.where(only, of_groups[:, group], ratio)
    return np.asarray(np.where(group >= 0, found, at_peak))
