"""The density of a group's rows with its effects integrated out, by adaptive quadrature."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
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


class Marginal:
    r"""The density of a group's rows with its effects integrated out, at some draws.

    Gauss–Hermite quadrature around the mode of every group at every draw, with nodes scaled by the
    curvature there: exact for normal rows with normal effects. Of a row,
    :math:`p(y_i|y_{j,-i}) = \int p(y_j,\theta)d\theta / \int p(y_j,\theta)/p(y_i|\theta)d\theta`.
    What is not asked for is not computed.

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

    def __init__(self, density: GroupDensity, draws: Draws) -> None:
        self._density, self._draws = density, draws
        total = len(next(iter(draws.values())))
        self._some = np.linspace(0, total - 1, min(_CHECKED, total)).round().astype(int)

    @cached_property
    def of_groups(self) -> Array:
        """Log density of all rows of a group, given everything but its own effects: (draws, J)."""
        fine, _ = _NODES[self._density.size]
        return _of_groups(self._density, self._draws, *self._modes, fine)

    @cached_property
    def group_error(self) -> Array:
        """Largest difference, among a few draws, to ``of_groups`` with more nodes, shape (J,)."""
        _, finer = _NODES[self._density.size]
        again = _of_groups(self._density, self._few, *self._few_modes, finer)
        return _apart(again, self.of_groups[self._some])

    @cached_property
    def of_rows(self) -> Array:
        """Log density of a row given the other rows of its group, shape (draws, rows).

        And given everything but the group's effects; of a row that no group holds, everything.
        """
        fine, _ = _NODES_OF_ROWS[self._density.size]
        found = _of_rows(self._density, self._draws, *self._wider(self._modes), fine)
        return self._with_alone(found, lambda: self.of_groups)

    @cached_property
    def row_error(self) -> Array:
        """Largest difference, among a few draws, to ``of_rows`` with more nodes, shape (rows,)."""
        _, finer = _NODES_OF_ROWS[self._density.size]
        more = _of_rows(self._density, self._few, *self._wider(self._few_modes), finer)
        error = _apart(more, self.of_rows[self._some])
        return self._with_alone(error, lambda: self.group_error)

    @cached_property
    def _modes(self) -> tuple[Array, Array]:
        return _modes(self._density, self._draws)

    @property
    def _few_modes(self) -> tuple[Array, Array]:
        mode, factor = self._modes
        return mode[self._some], factor[self._some]

    @property
    def _few(self) -> Draws:
        return {name: values[self._some] for name, values in self._draws.items()}

    def _wider(self, modes: tuple[Array, Array]) -> tuple[Array, Array]:
        """Return modes with the factors that rows are left out with."""
        mode, factor = modes
        return mode, _WIDER[self._density.size] * factor

    def _with_alone(self, of_rows: Array, of_groups: Callable[[], Array]) -> Array:
        """Return what is known of rows, with that of its group for a row that is the only one.

        Without its only row, a group says nothing: its effects have their prior, which sums to 1.
        """
        group = self._density.row_group
        only = (group >= 0) & (self._density.rows_per_group[group] == 1)
        return np.where(only, of_groups()[..., group], of_rows) if only.any() else of_rows


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


def _terms(
    density: GroupDensity, draws: Draws, mode: Array, factor: Array, count: int, peak: Array
) -> Iterator[tuple[Array, Array]]:
    """Yield what every node adds to the integrals over ``exp(peak)``, and densities of rows."""
    for at, weight in _nodes(mode, factor, count):
        value, row = density.both(density.moved(draws, at))
        with np.errstate(all="ignore"):
            term = np.exp(np.nan_to_num(value, nan=-np.inf) - peak + weight)
        yield term, row


def _of_groups(
    density: GroupDensity, draws: Draws, mode: Array, factor: Array, count: int
) -> Array:
    peak, _ = density.both(density.moved(draws, mode))
    total: Array = np.zeros(peak.shape)
    for term, _ in _terms(density, draws, mode, factor, count, peak):
        total += term
    scale = np.log(np.diagonal(factor, axis1=-2, axis2=-1)).sum(-1)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(total) + peak + scale + 0.5 * mode.shape[-1] * np.log(2))


def _of_rows(density: GroupDensity, draws: Draws, mode: Array, factor: Array, count: int) -> Array:
    group = density.row_group
    peak, at_peak = density.both(density.moved(draws, mode))
    whole: Array = np.zeros(peak.shape)
    without_row: Array = np.zeros(at_peak.shape)
    for term, row in _terms(density, draws, mode, factor, count, peak):
        of_group = term[:, group]
        with np.errstate(all="ignore"):
            part = of_group * np.exp(at_peak - row)
        whole += term
        without_row += np.where(of_group > 0, part, 0.0)
    with np.errstate(all="ignore"):
        ratio = np.log(whole)[:, group] - np.log(without_row) + at_peak
    return np.asarray(np.where(group >= 0, ratio, at_peak))
