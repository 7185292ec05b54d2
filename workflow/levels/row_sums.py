"""What the rows of a normal outcome say of each group, summed over rows at every draw."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr

from ...checks.draws import SAMPLE, Array

#: A slice of the draws with the mean and the standard deviation of every row, (draws, rows).
Rows = tuple[slice, Array, Array]


def by_group(
    level: xr.Dataset, group: np.ndarray, design: Array, y: Array, chunks: Iterable[Rows]
) -> xr.Dataset:
    """Sum the rows of a normal outcome up by the groups of a level.

    Parameters
    ----------
    level : xarray.Dataset
        ``effect`` (chain, draw, group) and ``location`` (chain, draw[, group]).
    group : ndarray of int, shape (rows,)
        Zero-based group of each row; -1 where the level does not enter.
    design : ndarray of shape (rows,)
        What the effect is multiplied with in each row.
    y : ndarray of shape (rows,)
        The outcome.
    chunks : iterable of (slice, ndarray, ndarray)
        Mean and standard deviation of every row, for slices that cover all draws in order.

    Returns
    -------
    xarray.Dataset
        ``information``, ``noise_variance`` and ``other`` (chain, draw, group); ``raw``, ``rows``,
        ``design``, ``design_squared``, ``row_mean_variance`` and ``row_location_variance``
        (group); ``row_group`` (row); ``residual_variance`` (chain, draw);
        ``mean_residual_variance`` and ``outcome_variance``.
    """
    effect = level["effect"]
    groups = effect.sizes["group"]
    location = level["location"].broadcast_like(effect).values.reshape(-1, groups)
    ones = np.ones(group.size)
    counts, linear, squared = (membership(group, w, groups) for w in (ones, design, design**2))
    count = ones @ counts
    theta = effect.values.reshape(-1, groups)
    total = len(theta)
    information, noise, other = (np.empty((total, groups)) for _ in range(3))
    score = np.zeros(groups)
    fitted, elsewhere = _RowVariance(), _RowVariance()
    residual_variance = np.empty(total)
    safe = np.maximum(count, 1)
    design_here = np.where(group >= 0, design, 0)
    for chunk, mean, sd in chunks:
        variance = sd**2
        information[chunk] = (1 / variance) @ squared
        noise[chunk] = (variance @ counts) / safe
        rest = mean - design_here * theta[chunk][:, group]
        other[chunk] = (rest @ counts) / safe
        with np.errstate(divide="ignore", invalid="ignore"):
            score += ((((y - rest) / variance) @ linear) / information[chunk]).sum(0)
        residual_variance[chunk] = (y - mean).var(1, ddof=1) if y.size > 1 else np.nan
        fitted.add(mean)
        elsewhere.add(rest + design_here * location[chunk][:, group])
    residual = y - fitted.mean
    # Groups without rows are predicted at the noise and covariates of the others.
    empty = count == 0
    if empty.any():
        noise[:, empty] = noise[:, ~empty].mean(1, keepdims=True)
        other[:, empty] = other[:, ~empty].mean(1, keepdims=True)
    dims, shape = (*SAMPLE, "group"), effect.shape
    weight = ones @ linear
    return xr.Dataset(
        {
            "information": (dims, information.reshape(shape)),
            "noise_variance": (dims, noise.reshape(shape)),
            "other": (dims, other.reshape(shape)),
            "raw": ("group", np.where(empty, np.nan, score / total)),
            "rows": ("group", count),
            "design": ("group", np.where(empty, weight.sum() / count.sum(), weight / safe)),
            "design_squared": ("group", ones @ squared),
            "row_group": ("row", group),
            "row_mean_variance": ("group", (fitted.variance @ counts) / safe),
            "row_location_variance": ("group", (elsewhere.variance @ counts) / safe),
            "residual_variance": (SAMPLE, residual_variance.reshape(shape[:2])),
            "mean_residual_variance": residual.var(ddof=1) if y.size > 1 else np.nan,
            "outcome_variance": y.var(ddof=1) if y.size > 1 else np.nan,
        },
        coords={"group": effect["group"]},
    )


def group_sums(group: np.ndarray, design: Array, groups: xr.DataArray) -> xr.Dataset:
    """Count rows and sum the design up by group, whatever the outcome.

    Parameters
    ----------
    group : ndarray of int, shape (rows,)
        Zero-based group of each row; -1 where the level does not enter.
    design : ndarray of shape (rows,)
        What the effect is multiplied with in each row; NaN where that is no fixed number: rows
        then count as those of an intercept.
    groups : xarray.DataArray
        Labels.

    Returns
    -------
    xarray.Dataset
        ``rows``, ``design`` and ``design_squared`` (group); ``row_group`` (row).
    """
    ones, total = np.ones(group.size), groups.size
    count = ones @ membership(group, ones, total)
    fixed = np.isfinite(design[group >= 0]).all()
    linear = ones @ membership(group, design, total)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(count > 0, linear / count, linear.sum() / count.sum())
    squared = ones @ membership(group, design**2 if fixed else ones, total)
    return xr.Dataset(
        {
            "rows": ("group", count),
            "design": ("group", mean),
            "design_squared": ("group", squared),
            "row_group": ("row", group),
        },
        coords={"group": groups},
    )


def membership(group: np.ndarray, weights: Array, groups: int) -> Any:
    """Return a sparse matrix of shape (rows, groups) that sums weighted rows up by group."""
    from scipy import sparse

    used = group >= 0
    index = (np.flatnonzero(used), group[used])
    return sparse.csr_matrix((weights[used], index), shape=(group.size, groups))


class _RowVariance:
    """Mean and variance of each row over draws that come in chunks.

    Sums are taken around the mean of the first chunk, so that large means cost no digits.
    """

    def __init__(self) -> None:
        self._start: Array | None = None
        self._sum: Array | float = 0.0
        self._square: Array | float = 0.0
        self._count = 0

    def add(self, values: Array) -> None:
        """Take in a chunk of shape (draws, rows)."""
        if self._start is None:
            self._start = values.mean(0)
        self._sum = self._sum + (values - self._start).sum(0)
        self._square = self._square + ((values - self._start) ** 2).sum(0)
        self._count += len(values)

    @property
    def mean(self) -> Array:
        """Of each row."""
        start = 0.0 if self._start is None else self._start
        return np.asarray(start + self._sum / self._count)

    @property
    def variance(self) -> Array:
        """Of each row, over all draws."""
        return np.asarray(self._square / self._count - (self._sum / self._count) ** 2)
