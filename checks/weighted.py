"""Summaries of draws under many sets of weights at once, each with its Monte Carlo error."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from .draws import SAMPLE, Array, Summary, chains_first, element_labels, interval_ends
from .mixing import rhat

#: What is kept of every scalar, along the dimension ``summary``.
SUMMARY = ("mean", "mcse", "sd", "sd_mcse", "median", "low", "high")

#: Scalars that are summarised at once, which bounds memory.
_AT_ONCE = 500

#: R-hat is computed on at most so many draws of each chain: chains that disagree still do.
_DRAWS_FOR_RHAT = 1000


def summaries(draws: xr.Dataset) -> xr.Dataset:
    """Summarise every scalar of a dataset of draws.

    Parameters
    ----------
    draws : xarray.Dataset
        Dims ``chain`` and ``draw``, and any others.

    Returns
    -------
    xarray.Dataset
        The same variables with the dimension ``summary`` (see ``SUMMARY``) instead of the draws.
    """
    sizes = draws.sizes["chain"], draws.sizes["draw"]
    return weighted_summaries(draws, np.ones((1, *sizes)))[0]


def weighted_summaries(draws: xr.Dataset, weights: Array) -> list[xr.Dataset]:
    r"""Summarise every scalar of a dataset of draws under each of several sets of weights.

    With weights :math:`w_s` that sum to 1, the mean is :math:`m = \sum_s w_s x_s`, and its error
    :math:`\sum_s w_s (x_s - m)`, whose variance is taken from batches of consecutive draws: it
    counts the dependence between draws as well as the spread of the weights. That of the standard
    deviation comes from :math:`\sum_s w_s ((x_s - m)^2 - v)`, divided by twice the standard
    deviation.

    Parameters
    ----------
    draws : xarray.Dataset
        Dims ``chain`` and ``draw``, and any others.
    weights : ndarray of shape (sets, chain, draw)

    Returns
    -------
    list of xarray.Dataset
        As :func:`summaries` returns it, one for each set of weights.

    References
    ----------
    Owen (2013), Monte Carlo theory, methods and examples, section 9.2 (self-normalised importance
    sampling); Flegal, Haran and Jones (2008), doi:10.1214/08-STS257 (batch means).
    """
    flat_weights = weights.reshape(len(weights), -1)
    shares = flat_weights / flat_weights.sum(axis=1, keepdims=True)
    starts = batches(*weights.shape[1:])
    found: list[dict[str, xr.DataArray]] = [{} for _ in shares]
    for name, variable in draws.data_vars.items():
        values = chains_first(variable)
        columns = values.reshape(-1, shares.shape[1])
        pieces = [
            _rows(columns[i : i + _AT_ONCE], shares, starts, truth=variable.dtype == bool)
            for i in range(0, len(columns), _AT_ONCE)
        ]
        rows = np.concatenate(pieces, axis=1).reshape(len(shares), *values.shape[:-2], -1)
        dims = [d for d in variable.dims if d not in SAMPLE]
        coords = {d: variable.coords[d] for d in dims if d in variable.coords}
        for one, row in zip(found, rows, strict=True):
            one[str(name)] = xr.DataArray(
                row, dims=[*dims, "summary"], coords=coords, attrs=variable.attrs
            )
    return [xr.Dataset(one, coords={"summary": list(SUMMARY)}) for one in found]


def batches(chains: int, draws: int) -> np.ndarray:
    """Return the first index of each batch of consecutive draws, chains one after the other.

    A batch is as long as the number of draws of a chain to the power of 2/3: far longer than the
    dependence between draws, and still many batches.
    """
    length = max(1, round(draws ** (2 / 3)))
    per_chain = np.arange(max(1, draws // length)) * length
    return np.concatenate([chain * draws + per_chain for chain in range(chains)])


def mcse_of_total(influence: Array, starts: np.ndarray) -> Array:
    """Return the Monte Carlo error of a sum of dependent terms with mean zero.

    Parameters
    ----------
    influence : ndarray of shape (..., draws)
        What every draw adds.
    starts : ndarray of int
        First draw of each batch.
    """
    return _error(np.add.reduceat(influence, starts, axis=-1))


def _error(totals: Array) -> Array:
    """Monte Carlo error from the totals of batches, last axis."""
    count = totals.shape[-1]
    return np.asarray(np.sqrt((totals**2).sum(axis=-1) * count / max(count - 1, 1)))


def _rows(columns: Array, shares: Array, starts: np.ndarray, *, truth: bool) -> Array:
    """Summarise scalars, shape (scalars, draws), as (sets, scalars, len(SUMMARY))."""
    size = columns.shape[1]
    finite = np.isfinite(columns).all(axis=1)
    middle = np.where(finite, np.where(finite[:, None], columns, 0).mean(axis=1), 0)
    constant = finite & (np.ptp(np.where(finite[:, None], columns, 0), axis=1) == 0)
    x = np.where((finite & ~constant)[:, None], columns - middle[:, None], 0.0)
    # Totals of weights, of values and of squares in each batch: (sets, scalars, batches).
    ends = [*starts[1:], size]
    spans = [slice(a, b) for a, b in zip(starts, ends, strict=True)]
    w = np.add.reduceat(shares, starts, axis=1)[:, None, :]
    wx = np.stack([shares[:, s] @ x[:, s].T for s in spans], axis=-1)
    wxx = np.stack([shares[:, s] @ (x[:, s] ** 2).T for s in spans], axis=-1)
    mean, second = wx.sum(axis=-1), wxx.sum(axis=-1)
    variance = np.maximum(second - mean**2, 0.0)
    m, v = mean[..., None], variance[..., None]
    sd = np.sqrt(variance * size / (size - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        sd_error = _error(wxx - 2 * m * wx + (m**2 - v) * w) / (2 * sd)
    ends_of = interval_ends()
    if truth:
        # Quantiles of a truth value follow from its probability.
        quantiles = [(mean + middle > 1 - q).astype(float) - middle for q in (0.5, *ends_of)]
    else:
        quantiles = list(np.moveaxis(_quantiles(x, shares, (0.5, *ends_of)), -1, 0))
    found = np.stack(
        [mean, _error(wx - m * w), sd, np.where(sd > 0, sd_error, 0.0), *quantiles], axis=-1
    )
    found[..., [0, 4, 5, 6]] += middle[:, None]
    found[:, ~finite] = np.nan
    return found


def _quantiles(x: Array, shares: Array, at: tuple[float, ...]) -> Array:
    """Return weighted quantiles, shape (sets, scalars, len(at))."""
    found = np.empty((len(shares), len(x), len(at)))
    for i, values in enumerate(x):
        order = np.argsort(values)
        own = np.take(shares, order, axis=1)
        reached = np.cumsum(own, axis=1) - 0.5 * own
        ordered = values[order]
        for k, row in enumerate(reached):
            found[k, i] = np.interp(at, row, ordered)
    return found


def effective_size(fit: xr.Dataset) -> float:
    """Return the smallest effective number of draws over scalars that vary: ``(sd / mcse)²``.

    Truth values are left out: of what is all but certain, few draws say anything.
    """
    sizes = [np.inf]
    for variable in fit.data_vars.values():
        if "summary" not in variable.dims or variable.attrs.get("kind") in ("decision", "sign"):
            continue
        sd, mcse = (variable.sel(summary=s).values.ravel() for s in ("sd", "mcse"))
        moves = (sd > 0) & (mcse > 0)
        sizes += list((sd[moves] / mcse[moves]) ** 2)
    return float(min(sizes))


def summarised(fit: xr.Dataset) -> Iterator[tuple[str, Summary]]:
    """Yield label and summary of every scalar that :func:`summaries` kept."""
    for name, variable in fit.data_vars.items():
        if "summary" in variable.dims:
            yield from labelled(str(name), variable)


def labelled(name: str, variable: xr.DataArray) -> Iterator[tuple[str, Summary]]:
    """Yield label and summary of every element of one variable that :func:`summaries` kept."""
    dims = [d for d in variable.dims if d != "summary"]
    rows = variable.transpose(*dims, "summary").values.reshape(-1, len(SUMMARY))
    labels = element_labels(variable, dims) if dims else [""]
    for label, row in zip(labels, rows, strict=True):
        values = {k: float(v) for k, v in zip(SUMMARY, row, strict=True) if k != "sd_mcse"}
        yield f"{name}[{label}]" if dims else name, Summary(**values)


def largest_rhat(draws: xr.Dataset) -> float:
    """Return the largest R-hat of the scalars that vary; NaN when none does."""
    found = []
    thin = max(1, draws.sizes["draw"] // _DRAWS_FOR_RHAT)
    for variable in draws.data_vars.values():
        values = chains_first(variable)[..., ::thin]
        values = values.reshape(-1, *values.shape[-2:])
        moving = values[np.ptp(values, axis=(1, 2)) > 0]
        if len(moving) and variable.dtype != bool:
            found.append(float(np.max(rhat(moving))))
    return max(found, default=float("nan"))
