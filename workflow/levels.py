"""A declared level, evaluated on draws: what pooling and uncertainty are computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ..checks.draws import SAMPLE, Array
from ..checks.hierarchy import (
    Level,
    NotUnderstood,
    Rows,
    mean_and_sd,
    normal_outcome,
    rows_of,
    value_of,
)
from .preflight import observed_values

if TYPE_CHECKING:
    import pymc as pm

#: Rows times draws evaluated at once, so that memory stays near 200 MB.
_CHUNK = 4_000_000


def level_dataset(
    model: pm.Model, level: Level, draws: xr.Dataset, *, with_rows: Rows | NotUnderstood
) -> xr.Dataset:
    """Evaluate one level on posterior or prior draws.

    Parameters
    ----------
    model : pymc.Model
    level : Level
    draws : xarray.Dataset
        Every free variable and Deterministic, dims ``chain`` and ``draw`` first.
    with_rows : Rows or NotUnderstood
        From :func:`find_rows`; with a reason instead of rows, the parts that need rows are left out
        and the reason is kept in ``attrs["why_no_information"]``.

    Returns
    -------
    xarray.Dataset
        ``effect``, ``location``, ``scale``; and, for a normal outcome, ``information``,
        ``noise_variance``, ``other``, ``raw``, ``rows``, ``design``, ``design_squared``,
        ``row_group``, ``row_mean_variance``, ``residual_variance``, ``mean_residual_variance`` and
        ``outcome_variance``; see :mod:`poolwise.checks.pooling` and
        :mod:`poolwise.checks.uncertainty` for their meaning.
    """
    effect = _by_group(draws[level.effect])
    data: dict[str, Any] = {
        "effect": effect,
        "location": _evaluated(draws, level.location, effect),
        "scale": _evaluated(draws, level.scale, effect),
    }
    found = xr.Dataset(data).assign_attrs(
        effect=level.effect, location=str(level.location), scale=level.scale
    )
    if isinstance(with_rows, NotUnderstood):
        return found.assign_attrs(why_no_information=str(with_rows))
    return found.merge(_from_rows(model, level, draws, effect, with_rows)).assign_attrs(
        outcome=with_rows.outcome
    )


def find_rows(
    model: pm.Model, level: Level, draws: xr.Dataset, points: int = 2
) -> Rows | NotUnderstood:
    """Return the rows of a level, declared or read off the model; or why they are not known."""
    try:
        if level.rows is not None:
            return _declared_rows(model, level)
        names = {rv.name for rv in model.free_RVs} | {level.effect}
        flat = draws[sorted(names)].stack(sample=SAMPLE)
        # Spread over the draws, so that a design that depends on a parameter shows.
        chosen = np.linspace(0, flat.sizes["sample"] - 1, points + 2).astype(int)[1:-1]
        point = {n: _point(flat[n].isel(sample=chosen)) for n in sorted(names)}
        return rows_of(model, level.effect, point)
    except NotUnderstood as reason:
        return reason


def _declared_rows(model: pm.Model, level: Level) -> Rows:
    outcome = normal_outcome(model, level.effect)
    size = observed_values(model)[outcome.name].size
    codes = value_of(model[str(level.rows)]).ravel()
    if codes.size != size:
        raise NotUnderstood(
            f"rows={level.rows!r} has {codes.size} values, {outcome.name} has {size} rows"
        )
    return Rows(str(outcome.name), codes.astype(int), np.ones(size))


def _point(values: xr.DataArray) -> np.ndarray:
    return np.asarray(values.transpose("sample", ...).values)


def _by_group(values: xr.DataArray) -> xr.DataArray:
    dim = next(d for d in values.dims if d not in SAMPLE)
    renamed = values.rename({dim: "group"}) if dim != "group" else values
    if "group" not in renamed.coords:
        renamed = renamed.assign_coords(group=np.arange(renamed.sizes["group"]))
    labels = [str(v) for v in renamed["group"].values]
    kept = renamed.drop_vars([c for c in renamed.coords if c not in (*SAMPLE, "group")])
    return kept.assign_coords(group=labels).transpose(*SAMPLE, "group")


def _evaluated(draws: xr.Dataset, what: str | float, effect: xr.DataArray) -> xr.DataArray:
    if not isinstance(what, str):
        return xr.full_like(effect.isel(group=0, drop=True), float(what))
    values = draws[what]
    extra = [d for d in values.dims if d not in SAMPLE]
    if not extra:
        return values
    by_group = _by_group(values)
    if by_group.sizes["group"] == 1:
        return by_group.isel(group=0, drop=True)
    return by_group.assign_coords(group=effect["group"])


@dataclass(slots=True)
class _Sums:
    """Sums over the rows of each group, as a sparse matrix product."""

    matrix: Any

    @classmethod
    def over(cls, rows: Rows, weights: Array, groups: int) -> _Sums:
        from scipy import sparse

        used = rows.group >= 0
        index = (np.flatnonzero(used), rows.group[used])
        shape = (rows.group.size, groups)
        return cls(sparse.csr_matrix((weights[used], index), shape=shape))

    def __call__(self, values: Array) -> Array:
        return np.asarray(values @ self.matrix)


def _from_rows(
    model: pm.Model, level: Level, draws: xr.Dataset, effect: xr.DataArray, rows: Rows
) -> xr.Dataset:
    groups = effect.sizes["group"]
    ones = np.ones(rows.group.size)
    counts = _Sums.over(rows, ones, groups)
    count = counts(ones)
    squared = _Sums.over(rows, rows.design**2, groups)
    linear = _Sums.over(rows, rows.design, groups)
    y = observed_values(model)[rows.outcome].ravel()
    theta = effect.values.reshape(-1, groups)
    total = len(theta)
    information, noise, other = (np.empty((total, groups)) for _ in range(3))
    score = np.zeros(groups)
    mean_sum, mean_square = np.zeros(y.size), np.zeros(y.size)
    residual_variance = np.empty(total)
    reference: Array | None = None
    safe = np.maximum(count, 1)
    for chunk, mean, sd in _mean_and_sd_on(model, level, draws, rows):
        variance = sd**2
        information[chunk] = squared(1 / variance)
        noise[chunk] = counts(variance) / safe
        share = np.where(rows.group >= 0, rows.design, 0) * theta[chunk][:, rows.group]
        other[chunk] = counts(mean - share) / safe
        with np.errstate(divide="ignore", invalid="ignore"):
            score += (linear((y - mean + share) / variance) / information[chunk]).sum(0)
        residual_variance[chunk] = (y - mean).var(1, ddof=1) if y.size > 1 else np.nan
        if reference is None:
            reference = mean.mean(0)
        mean_sum += (mean - reference).sum(0)
        mean_square += ((mean - reference) ** 2).sum(0)
    row_variance = mean_square / total - (mean_sum / total) ** 2
    residual = y - (0 if reference is None else reference) - mean_sum / total
    # Groups without rows are predicted at the noise and covariates of the others.
    empty = count == 0
    if empty.any():
        noise[:, empty] = noise[:, ~empty].mean(1, keepdims=True)
        other[:, empty] = other[:, ~empty].mean(1, keepdims=True)
    dims, shape = (*SAMPLE, "group"), effect.shape
    design = np.where(empty, linear(ones)[~empty].sum() / count.sum(), linear(ones) / safe)
    return xr.Dataset(
        {
            "information": (dims, information.reshape(shape)),
            "noise_variance": (dims, noise.reshape(shape)),
            "other": (dims, other.reshape(shape)),
            "raw": ("group", np.where(empty, np.nan, score / total)),
            "rows": ("group", count),
            "design": ("group", design),
            "design_squared": ("group", squared(ones)),
            "row_group": ("row", rows.group),
            "row_mean_variance": ("group", counts(row_variance) / safe),
            "residual_variance": (SAMPLE, residual_variance.reshape(shape[:2])),
            "mean_residual_variance": residual.var(ddof=1) if y.size > 1 else np.nan,
            "outcome_variance": y.var(ddof=1) if y.size > 1 else np.nan,
        },
        coords={"group": effect["group"]},
    )


def _mean_and_sd_on(model: pm.Model, level: Level, draws: xr.Dataset, rows: Rows) -> Any:
    """Yield slices of the draws with the mean and standard deviation of every row."""
    import pytensor
    from pytensor.graph.replace import vectorize_graph
    from pytensor.tensor.type import TensorType

    outcome = model[rows.outcome]
    mean, sd = mean_and_sd(outcome)
    if level.noise is not None:
        import pytensor.tensor as pt

        sd = model[level.noise] if isinstance(level.noise, str) else pt.constant(level.noise)
    batched = {
        rv: TensorType(rv.dtype, (None, *rv.type.shape))(f"{rv.name}_draws")
        for rv in model.free_RVs
    }
    expressions = vectorize_graph([mean, sd], replace=batched)
    evaluate = pytensor.function(
        list(batched.values()), expressions, mode="FAST_COMPILE", on_unused_input="ignore"
    )
    flat = {
        rv: np.asarray(draws[rv.name].transpose(*SAMPLE, ...).values).reshape(
            -1, *draws[rv.name].transpose(*SAMPLE, ...).shape[2:]
        )
        for rv in model.free_RVs
    }
    total = draws.sizes["chain"] * draws.sizes["draw"]
    n = rows.group.size
    row_shape = observed_values(model)[rows.outcome].shape
    step = max(1, _CHUNK // n)
    for start in range(0, total, step):
        chunk = slice(start, min(start + step, total))
        size = chunk.stop - chunk.start
        means, sds = evaluate(*[v[chunk].astype(rv.dtype) for rv, v in flat.items()])
        yield (
            chunk,
            _rowwise(means, mean.ndim, size, row_shape),
            _rowwise(sds, sd.ndim, size, row_shape),
        )


def _rowwise(values: np.ndarray, core: int, size: int, shape: tuple[int, ...]) -> Array:
    """Broadcast (draws, ...) or (...) to (draws, rows)."""
    values = np.asarray(values, dtype=float)
    if values.ndim == core:  # does not depend on any draw
        values = values[None]
    padded = values.reshape(values.shape[0], *(1,) * (len(shape) - core), *values.shape[1:])
    return np.broadcast_to(padded, (size, *shape)).reshape(size, -1)


def level_datasets(
    model: pm.Model,
    levels: Mapping[str, Level],
    draws: xr.Dataset,
    rows: Mapping[str, Rows | NotUnderstood],
) -> dict[str, xr.Dataset]:
    """Evaluate every declared level on draws."""
    return {
        name: level_dataset(model, level, draws, with_rows=rows[name])
        for name, level in levels.items()
    }
