"""Which groups have an estimate of their own: their rows alone have a peak at a finite effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from ...checks.draws import SAMPLE, Array
from ...checks.hierarchy import GroupLevel
from ..levels.evaluate import by_draw, evaluate_on
from .densities import Densities
from .group_density import GroupDensity

if TYPE_CHECKING:
    import pymc as pm

#: Draws that information is averaged over, and those that the unit of an effect is.
_SOME, _FEW = 50, 25


class OwnEstimates:
    """What the rows of each group of a level say without the others.

    Parameters
    ----------
    densities : Densities
    density : GroupDensity
        Of the one level.
    level : GroupLevel

    Attributes
    ----------
    information : ndarray of shape (J,)
        Of the rows of a group on its effect: the median over draws; 0 without an estimate.
    has_estimate : ndarray of bool, shape (J,)
        Whether the rows of a group alone give its effect a finite estimate.
    has_without : ndarray of bool, shape (rows,)
        Whether they still do without that row.
    """

    def __init__(self, densities: Densities, density: GroupDensity, level: GroupLevel) -> None:
        posterior = densities.posterior
        unit = _unit(densities.model, level, posterior)
        some = density.arrays(posterior, _SOME)
        curvature = -density.derivatives(some).rows_hessian[..., 0, 0]
        information = np.maximum(np.median(curvature, axis=0), 0.0) / unit**2
        middle = {
            str(rv.name): posterior[rv.name].mean(SAMPLE).values for rv in densities.model.free_RVs
        }
        self.has_estimate, self.has_without = _finite(density, middle, information, unit)
        self.information = np.where(self.has_estimate, information, 0.0)


def _unit(model: pm.Model, level: GroupLevel, posterior: xr.Dataset) -> Array:
    """Return the change of each effect per change of its entry."""
    groups = len(level.labels)
    if level.unit is None:
        return np.ones(groups)
    thin = posterior.isel(draw=slice(None, None, max(1, posterior.sizes["draw"] // _FEW)))
    pieces = [
        by_draw(value, level.unit.ndim, chunk.stop - chunk.start, (groups,))
        for chunk, (value,) in evaluate_on(model, [level.unit], thin, width=groups)
    ]
    return np.asarray(np.median(np.abs(np.concatenate(pieces)), axis=0))


def _finite(
    density: GroupDensity, middle: Mapping[str, Array], information: Array, unit: Array
) -> tuple[np.ndarray, np.ndarray]:
    """Whether the rows of a group, all or without one, have their peak at a finite effect."""
    told = information > 0
    if not told.any():
        return told, np.zeros(density.rows, dtype=bool)
    steps = np.geomspace(0.03, 1e4, 40) / np.sqrt(np.median(information[told]))
    grid = np.concatenate([-steps[::-1], [0.0], steps])
    points = {n: np.broadcast_to(v, (grid.size, *v.shape)) for n, v in middle.items()}
    start = density.entries(points)
    moved = density.moved(points, start + (grid[:, None] / unit)[..., None])
    value = np.nan_to_num(density.of_rows(moved), nan=-np.inf)
    group = density.row_group
    with np.errstate(invalid="ignore"):
        others = np.nan_to_num(value[:, group] - density.by_row(moved), nan=-np.inf)
    return _has_peak(value), _has_peak(others) & (group >= 0)


def _has_peak(value: Array) -> np.ndarray:
    """Whether log densities along the first axis are higher inside than at both ends."""
    top = value.max(0)
    return np.asarray((value[0] < top - 2) & (value[-1] < top - 2))
