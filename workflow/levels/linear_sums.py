r"""What the rows of a normal outcome say of each group, from sums over rows instead of the rows.

Where the mean of row i is :math:`z_i\epsilon_{j[i]} + a_i'b` with the same few coefficients b for
all rows (:class:`poolwise.workflow.levels.ridge_rows.Affine`; :math:`a_i` begins with
:math:`f_{0i}`, b with 1) and all rows have one standard deviation, everything that
:func:`poolwise.workflow.levels.row_sums.by_group` sums over rows at every draw is a function of
sums that no draw enters. The work is draws × groups and not draws × rows. Squares are taken
around the posterior means, so that no digits cancel.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from ...checks.draws import SAMPLE, Array
from .ridge_rows import Affine
from .row_sums import group_sums, membership


def linear_sums(
    level: xr.Dataset,
    group: np.ndarray,
    design: Array,
    y: Array,
    rest: Affine,
    coefficients: Array,
    sd: Array,
) -> xr.Dataset:
    """Sum the rows of a normal outcome up by the groups of a level.

    Parameters
    ----------
    level : xarray.Dataset
        ``effect`` (chain, draw, group) and ``location`` (chain, draw[, group]).
    group, design, y : ndarray of shape (rows,)
        As for :func:`poolwise.workflow.levels.row_sums.by_group`.
    rest : Affine
        Mean of every row less the deviations of the level.
    coefficients : ndarray of shape (draws, coefficients)
        Draws of the variables of ``rest``.
    sd : ndarray of shape (draws,)
        Standard deviation of a row.

    Returns
    -------
    xarray.Dataset
        As :func:`poolwise.workflow.levels.row_sums.by_group`.
    """
    effect = level["effect"]
    shape, groups = effect.shape, effect.sizes["group"]
    location = level["location"].broadcast_like(effect).values.reshape(-1, groups)
    deviation = effect.values.reshape(-1, groups) - location
    total = len(deviation)
    a = np.column_stack([rest.start, rest.columns])
    b = np.column_stack([np.ones(total), coefficients])
    z = np.where(group >= 0, design, 0.0)
    to_groups = membership(group, np.ones(group.size), groups).T
    sums = group_sums(group, design, effect["group"])
    count, squared = sums["rows"].values, sums["design_squared"].values
    sum_z, sum_a, sum_za = to_groups @ z, to_groups @ a, to_groups @ (a * z[:, None])
    b_mean, deviation_mean = b.mean(0), deviation.mean(0)
    b_off, off = b - b_mean, deviation - deviation_mean

    residual = y - a @ b_mean - z * deviation_mean[group]
    squares = _squared_residuals(residual, a, z, to_groups, b_off, off, sum_za, squared)
    linear = residual.sum() - b_off @ a.sum(0) - off @ sum_z
    freedom = y.size - 1
    residual_variance = (
        (squares - linear**2 / y.size) / freedom if freedom else np.full(total, np.nan)
    )

    spread = b_off.T @ b_off / total
    with_effect = b_off.T @ off / total
    of_rest = np.empty(groups)
    of_rest[:] = sum((to_groups @ (a * a[:, k : k + 1])) @ spread[k] for k in range(a.shape[1]))
    of_mean = of_rest + 2 * (sum_za * with_effect.T).sum(1) + squared * (off**2).mean(0)

    safe = np.maximum(count, 1)
    empty = count == 0
    other = (b @ sum_a.T - location * sum_z) / safe
    noise = np.broadcast_to(sd[:, None] ** 2, other.shape).copy()
    if empty.any():
        # Groups without rows are predicted at the covariates of the others.
        other[:, empty] = other[:, ~empty].mean(1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        raw = (to_groups @ (z * y) - sum_za @ b_mean) / squared + location.mean(0)
    dims = (*SAMPLE, "group")
    return sums.assign(
        {
            "information": (dims, (squared / sd[:, None] ** 2).reshape(shape)),
            "noise_variance": (dims, noise.reshape(shape)),
            "other": (dims, other.reshape(shape)),
            "raw": ("group", np.where(empty, np.nan, raw)),
            "row_mean_variance": ("group", of_mean / safe),
            "row_location_variance": ("group", of_rest / safe),
            "residual_variance": (SAMPLE, residual_variance.reshape(shape[:2])),
            "mean_residual_variance": residual.var(ddof=1) if freedom else np.nan,
            "outcome_variance": y.var(ddof=1) if freedom else np.nan,
        }
    )


def _squared_residuals(
    residual: Array,
    a: Array,
    z: Array,
    to_groups: object,
    b_off: Array,
    off: Array,
    sum_za: Array,
    squared: Array,
) -> Array:
    """Return the sum over rows of squared residuals at every draw."""
    cross = to_groups @ (z * residual)  # type: ignore[operator]
    of_rest = np.einsum("dk,kl,dl->d", b_off, a.T @ a, b_off, optimize=True)
    of_effects = off**2 @ squared
    both = ((b_off @ sum_za.T) * off).sum(1)
    from_mean = b_off @ (a.T @ residual) + off @ cross
    return np.asarray(residual @ residual - 2 * from_mean + of_rest + 2 * both + of_effects)
