"""Group, mean and noise of every row of a declared level, checked against the log-likelihood."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ...checks.draws import SAMPLE, Array
from .declaration import Declaration, Unknown
from .evaluate import one_axis

#: Largest difference of a log density, in single precision, that still is the same density.
_SAME_DENSITY = 1e-3


def codes_of(declared: Declaration, labels: list[str], dim: str, y: xr.DataArray) -> np.ndarray:
    """Return the zero-based group of every row."""
    groups = len(labels)
    if declared.level.rows is None:
        if y.dims == (dim,) and y.size == groups:
            declared.note(f"each row of {y.name} was taken for the group of its {dim}")
            return np.arange(groups)
        raise Unknown(
            "it is not known which group each row belongs to; declare rows= (a variable of "
            "the constant data)"
        )
    constant = declared.groups.get("constant_data", xr.Dataset())
    if declared.level.rows not in constant:
        raise declared.error(
            f"rows={declared.level.rows!r} is not among the constant data",
            f"one of {', '.join(str(v) for v in constant.data_vars) or 'none'}",
        )
    values = np.ravel(constant[declared.level.rows].values)
    if values.size != y.size:
        raise declared.error(
            f"rows={declared.level.rows!r} has {values.size} values, {y.name} has {y.size} rows",
            "one group per row",
        )
    if values.dtype.kind in "US":
        return _by_label(declared, values, labels)
    codes = values.astype(int)
    if not np.array_equal(codes, values):
        raise declared.error(
            f"rows={declared.level.rows!r} are no whole numbers", "zero-based groups"
        )
    if codes.min() >= 1 and codes.max() == groups:
        declared.note(f"{declared.level.rows} runs to {groups}, so groups are counted from 1")
        codes = codes - 1
    elif codes.min() >= 1 and codes.max() < groups:
        raise declared.error(
            f"rows={declared.level.rows!r} runs from {codes.min()} to {codes.max()} for {groups} "
            "groups: it may count from 0 or from 1",
            "the names of the groups instead of numbers, or a group 0",
        )
    if codes.min() < 0 or codes.max() >= groups:
        raise declared.error(
            f"rows={declared.level.rows!r} runs from {codes.min()} to {codes.max()}",
            f"groups from 0 to {groups - 1}, or from 1 to {groups}",
        )
    return codes


def _by_label(declared: Declaration, values: np.ndarray, labels: list[str]) -> np.ndarray:
    places = {label: i for i, label in enumerate(labels)}
    unknown = sorted({str(v) for v in values} - set(places))
    if unknown:
        raise declared.error(
            f"rows={declared.level.rows!r} names no group {unknown[0]}",
            f"one of {', '.join(labels[:10])}",
        )
    return np.array([places[str(v)] for v in values])


def noise_of(declared: Declaration, draws: xr.Dataset, y: xr.DataArray) -> Array:
    """Return the standard deviation of rows: shape (draws or 1, rows)."""
    noise = declared.level.noise
    if not isinstance(noise, str):
        return np.full((1, y.size), float(noise or 0.0))
    constant = declared.groups.get("constant_data", xr.Dataset())
    if noise in draws:
        values = draws[noise].transpose(*SAMPLE, ...).values
        flat = values.reshape(values.shape[0] * values.shape[1], -1)
    elif noise in constant:
        flat = np.ravel(constant[noise].values)[None]
    else:
        known = [str(v) for v in (*draws.data_vars, *constant.data_vars)]
        raise declared.error(
            f"noise={noise!r} names no variable of the posterior or the constant data",
            f"one of {', '.join(known)}",
        )
    if flat.shape[1] not in (1, y.size):
        raise declared.error(
            f"noise={noise!r} has {flat.shape[1]} values, {y.name} has {y.size} rows",
            "one value, or one per row",
        )
    return np.broadcast_to(flat.astype(float), (len(flat), y.size))


def mean_of(
    declared: Declaration,
    effect: xr.DataArray,
    codes: np.ndarray,
    draws: xr.Dataset,
    y: xr.DataArray,
) -> Array:
    """Return the mean of every row: shape (draws, rows)."""
    if not declared.mean:
        return flat_of(effect)[:, codes]
    values = flat_of(declared.variable(draws, "mean", declared.mean))
    if values.shape[1] != y.size:
        raise declared.error(
            f"mean={declared.mean!r} has {values.shape[1]} values, {y.name} has {y.size} rows",
            "one value per row",
        )
    return values


def refuse_other_density(declared: Declaration, y: xr.DataArray, mean: Array, noise: Array) -> None:
    """Refuse a mean and a noise that do not give the log-likelihood of the fit."""
    likelihood = declared.groups.get("log_likelihood", xr.Dataset())
    if y.name not in likelihood:
        if not declared.mean:
            raise Unknown(
                f"the fit holds no log-likelihood of {y.name} that could show whether other "
                f"terms enter its mean; declare mean= ({declared.level.effect!r} itself, if it has "
                "one value per row and nothing else enters)"
            )
        declared.note(
            f"mean {declared.mean} and noise {declared.level.noise} are as declared: without a "
            "log-likelihood they could not be checked"
        )
        return
    said = flat_of(likelihood[y.name])
    some = np.linspace(0, len(said) - 1, 20).astype(int)
    z = (np.ravel(y.values) - mean[some]) / noise[some % len(noise)]
    normal = -0.5 * z**2 - np.log(noise[some % len(noise)]) - 0.5 * np.log(2 * np.pi)
    wrong = ~(np.abs(normal - said[some]) <= _SAME_DENSITY * (1 + np.abs(normal)))
    if wrong.any():
        row = int(np.argmax(wrong.any(0)))
        what = f"mean {declared.mean or declared.level.effect} and noise {declared.level.noise}"
        raise Unknown(
            f"the log-likelihood of {y.name} is not that of a normal outcome with {what} "
            f"(row {row}: {said[some][0, row]:.4g}, not {normal[0, row]:.4g}); "
            + ("check both" if declared.mean else "declare mean= if other terms enter it")
        )


def flat_of(draws: xr.DataArray) -> Array:
    """Return draws as an array of shape (draws, elements)."""
    values = one_axis(draws).astype(float)
    return values.reshape(len(values), -1)
