"""Summaries of weighted draws, each with its Monte Carlo error."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from .draws import SAMPLE, Array, Summary, chains_first, element_labels, interval_ends
from .lazy import array_stats

#: What is kept of every scalar, along the dimension ``summary``.
SUMMARY = ("mean", "mcse", "sd", "sd_mcse", "median", "low", "high")


def summaries(draws: xr.Dataset, weights: xr.DataArray | None = None) -> xr.Dataset:
    r"""Summarise every scalar of a dataset of draws.

    With weights :math:`w_s` that sum to 1, the mean is :math:`m = \sum_s w_s x_s`; its Monte Carlo
    error is that of the mean of :math:`S w_s (x_s - m)`, which counts the dependence between draws
    as well as the spread of the weights. That of the standard deviation is that of
    :math:`S w_s ((x_s - m)^2 - v)`, divided by twice the standard deviation.

    Parameters
    ----------
    draws : xarray.Dataset
        Dims ``chain`` and ``draw``, and any others.
    weights : DataArray of shape (chain, draw), optional
        Equal when left out.

    Returns
    -------
    xarray.Dataset
        The same variables with the dimension ``summary`` (see ``SUMMARY``) instead of the draws.

    References
    ----------
    Owen (2013), Monte Carlo theory, methods and examples, section 9.2 (self-normalised importance
    sampling).
    """
    found = {}
    for name, variable in draws.data_vars.items():
        values = chains_first(variable)
        flat = values.reshape(-1, *values.shape[-2:])
        share = np.full(flat.shape[1:], 1 / flat[0].size) if weights is None else _share(weights)
        rows = np.array([_summary(x, share) for x in flat]).reshape(*values.shape[:-2], -1)
        dims = [d for d in variable.dims if d not in SAMPLE]
        coords = {d: variable.coords[d] for d in dims if d in variable.coords}
        found[name] = xr.DataArray(rows, dims=[*dims, "summary"], coords=coords)
    return xr.Dataset(found, coords={"summary": list(SUMMARY)})


def effective_size(fit: xr.Dataset) -> float:
    """Return the smallest effective number of draws over scalars that vary: ``(sd / mcse)²``."""
    sizes = [(s.sd / s.mcse) ** 2 for _, s in summarised(fit) if s.sd > 0 and s.mcse > 0]
    return min(sizes, default=float("inf"))


def summarised(fit: xr.Dataset) -> Iterator[tuple[str, Summary]]:
    """Yield label and summary of every scalar that :func:`summaries` kept."""
    for name, variable in fit.data_vars.items():
        dims = [d for d in variable.dims if d != "summary"]
        rows = variable.transpose(*dims, "summary").values.reshape(-1, len(SUMMARY))
        labels = element_labels(variable, dims) if dims else [""]
        for label, row in zip(labels, rows, strict=True):
            values = {k: float(v) for k, v in zip(SUMMARY, row, strict=True) if k != "sd_mcse"}
            yield f"{name}[{label}]" if dims else str(name), Summary(**values)


def largest_rhat(draws: xr.Dataset) -> float:
    """Return the largest R-hat of the scalars that vary; NaN when none does."""
    found = []
    for variable in draws.data_vars.values():
        values = chains_first(variable).reshape(-1, draws.sizes["chain"], draws.sizes["draw"])
        moving = values[np.ptp(values, axis=(1, 2)) > 0]
        if len(moving) and variable.dtype != bool:
            found.append(float(np.max(array_stats.rhat(moving))))
    return max(found, default=float("nan"))


def _share(weights: xr.DataArray) -> Array:
    values = np.asarray(weights.transpose(*SAMPLE).values, dtype=float)
    return np.asarray(values / values.sum())


def _summary(values: Array, share: Array) -> list[float]:
    if not np.isfinite(values).all():
        return [float("nan")] * len(SUMMARY)
    if np.ptp(values) == 0:
        value = float(values.flat[0])
        return [value, 0.0, 0.0, 0.0, value, value, value]
    size = values.size
    mean = float((share * values).sum())
    deviation = values - mean
    variance = float((share * deviation**2).sum()) * size / (size - 1)
    sd = float(np.sqrt(variance))
    sd_mcse = _mcse(size * share * (deviation**2 - variance)) / (2 * sd) if sd > 0 else 0.0
    low, high = interval_ends()
    median, low, high = _quantiles(values.ravel(), share.ravel(), (0.5, low, high))
    return [mean, _mcse(size * share * deviation), sd, sd_mcse, median, low, high]


def _mcse(values: Array) -> float:
    return 0.0 if np.ptp(values) == 0 else float(array_stats.mcse(values, method="mean"))


def _quantiles(values: Array, share: Array, at: tuple[float, ...]) -> Array:
    order = np.argsort(values)
    reached = np.cumsum(share[order]) - 0.5 * share[order]
    return np.interp(at, reached, values[order])
