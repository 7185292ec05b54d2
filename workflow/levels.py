"""A level, evaluated on draws: what pooling and uncertainty are computed from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ..checks.draws import SAMPLE, Array
from ..checks.hierarchy import GroupLevel, Hierarchy, Membership, plain_model
from ..checks.hierarchy.cheap import uncompiled
from ..checks.hierarchy.information import mean_and_sd, why_no_information
from .preflight import observed_values
from .priors import parameters_of
from .row_sums import CHUNK, Rows, by_group

if TYPE_CHECKING:
    import pymc as pm


def level_dataset(
    model: pm.Model, hierarchy: Hierarchy, name: str, draws: xr.Dataset
) -> xr.Dataset:
    """Evaluate one level on posterior or prior draws.

    Parameters
    ----------
    model : pymc.Model
    hierarchy : Hierarchy
        Of that model.
    name : str
        Of the level.
    draws : xarray.Dataset
        Every free variable, dims ``chain`` and ``draw`` first.

    Returns
    -------
    xarray.Dataset
        ``effect``, ``location``, ``scale``; and, for normal effects on a normal outcome,
        ``information``, ``noise_variance``, ``other``, ``raw``, ``rows``, ``design``,
        ``design_squared``, ``row_group``, ``row_mean_variance``, ``row_location_variance``,
        ``residual_variance``, ``mean_residual_variance`` and ``outcome_variance``; see
        :mod:`poolwise.checks.pooling` and :mod:`poolwise.checks.decomposition` for their meaning.
        Where these are not known, the reason is in ``attrs["why_no_information"]``. The family
        of the effects is in ``attrs["family"]``, the standard deviation of a normal prior of the
        location (infinite for a flat one) in ``attrs["location_sd"]``.
    """
    plain, level = plain_model(model), hierarchy.levels[name]
    found = _by_group(plain, level, draws).assign_attrs(
        effect=level.effect_name,
        form=level.form,
        family=level.family,
        scale=str(level.scale.name or "scale"),
    )
    width = _prior_sd(plain, level.location)
    if width is not None:
        found = found.assign_attrs(location_sd=width)
    why = hierarchy.why_no_rows.get(name) or why_no_information(plain, hierarchy, name)
    if why:
        return found.assign_attrs(why_no_information=why)
    member = hierarchy.members[name]
    y = observed_values(plain)[member.enters]
    chunks = _mean_and_sd_on(plain, level, draws, member, y.shape)
    rows = by_group(found, member.group, member.design, y.ravel(), chunks)
    return found.merge(rows).assign_attrs(outcome=member.enters)


def _prior_sd(model: pm.Model, location: Any) -> float | None:
    """Return the sd of the prior of a location that is a parameter: infinite for a flat one."""
    if location.ndim or location not in model.free_RVs:
        return None
    family = str(location.owner.op._print_name[0])
    if family == "Flat":
        return float("inf")
    values = parameters_of(location)
    return values["sigma"] if family == "Normal" and values is not None else None


def level_datasets(
    model: pm.Model, hierarchy: Hierarchy, draws: xr.Dataset
) -> dict[str, xr.Dataset]:
    """Evaluate every level on draws."""
    return {name: level_dataset(model, hierarchy, name, draws) for name in hierarchy.levels}


def _by_group(model: pm.Model, level: GroupLevel, draws: xr.Dataset) -> xr.Dataset:
    """Evaluate effect, location and scale; what is the same for every group has no such axis."""
    parts = {"effect": level.effect, "location": level.location, "scale": level.scale}
    sizes, groups = (draws.sizes["chain"], draws.sizes["draw"]), len(level.labels)
    chunks: dict[str, list[np.ndarray]] = {name: [] for name in parts}
    for chunk, values in evaluate_on(model, list(parts.values()), draws, width=groups):
        for (name, expression), value in zip(parts.items(), values, strict=True):
            per_draw = value if value.ndim > expression.ndim else value[None]
            per_draw = per_draw.reshape(per_draw.shape[0], -1)
            size = chunk.stop - chunk.start
            chunks[name].append(np.broadcast_to(per_draw, (size, per_draw.shape[1])))
    found: dict[str, tuple[tuple[str, ...], np.ndarray]] = {}
    for name, pieces in chunks.items():
        whole = np.concatenate(pieces)
        if name == "effect" or (whole.shape[1] == groups and not _same_across(whole)):
            found[name] = ((*SAMPLE, "group"), whole.reshape(*sizes, groups))
        else:
            found[name] = (SAMPLE, whole[:, 0].reshape(sizes))
    coords = {d: draws[d].values for d in SAMPLE}
    return xr.Dataset(found, coords={**coords, "group": list(level.labels)})


def _same_across(values: np.ndarray) -> bool:
    """Whether every draw has one value for all groups, but for rounding."""
    reach = np.ptp(values, axis=1).max()
    return bool(reach <= 1e-9 * max(float(np.abs(values).max()), 1e-300))


def evaluate_on(
    model: pm.Model, expressions: Sequence[Any], draws: xr.Dataset, width: int
) -> Iterator[tuple[slice, list[np.ndarray]]]:
    """Evaluate expressions of free variables on draws, a chunk at a time.

    Parameters
    ----------
    model : pymc.Model
        Of plain tensors.
    expressions : sequence of TensorVariable
    draws : xarray.Dataset
        Every free variable.
    width : int
        Largest number of values per draw, which sets the size of a chunk.

    Yields
    ------
    chunk : slice
        Of the draws, chains one after the other.
    values : list of ndarray
        One per expression, first axis the draws; without that axis where no draw matters.
    """
    import pytensor
    from pytensor.graph.replace import vectorize_graph
    from pytensor.graph.traversal import ancestors
    from pytensor.tensor.type import TensorType

    needed = set(ancestors(expressions))
    batched = {
        rv: TensorType(rv.dtype, (None, *rv.type.shape))(f"{rv.name}_draws")
        for rv in model.free_RVs
        if rv in needed
    }
    with uncompiled():
        evaluate = pytensor.function(
            list(batched.values()),
            vectorize_graph(list(expressions), replace=batched),
            mode="FAST_COMPILE",
            on_unused_input="ignore",
        )
    flat = {rv: _one_axis(draws[rv.name]) for rv in batched}
    total = draws.sizes["chain"] * draws.sizes["draw"]
    step = max(1, CHUNK // max(width, 1))
    for start in range(0, total, step):
        chunk = slice(start, min(start + step, total))
        values = evaluate(*[v[chunk].astype(rv.dtype) for rv, v in flat.items()])
        yield chunk, [np.asarray(v, dtype=float) for v in values]


def _one_axis(draws: xr.DataArray) -> np.ndarray:
    values = draws.transpose(*SAMPLE, ...).values
    return np.asarray(values).reshape(-1, *values.shape[2:])


def _mean_and_sd_on(
    model: pm.Model,
    level: GroupLevel,
    draws: xr.Dataset,
    rows: Membership,
    shape: tuple[int, ...],
) -> Iterator[Rows]:
    """Yield slices of the draws with the mean and standard deviation of every row."""
    import pytensor.tensor as pt

    mean, sd = mean_and_sd(model[rows.enters])
    noise = level.declared.noise if level.declared is not None else None
    if noise is not None:
        sd = model[noise] if isinstance(noise, str) else pt.constant(float(noise))
    for chunk, (means, sds) in evaluate_on(model, [mean, sd], draws, width=rows.group.size):
        size = chunk.stop - chunk.start
        yield (
            chunk,
            _rowwise(means, mean.ndim, size, shape),
            _rowwise(sds, sd.ndim, size, shape),
        )


def _rowwise(values: np.ndarray, core: int, size: int, shape: tuple[int, ...]) -> Array:
    """Broadcast (draws, ...) or (...) to (draws, rows)."""
    values = np.asarray(values, dtype=float)
    if values.ndim == core:  # does not depend on any draw
        values = values[None]
    padded = values.reshape(values.shape[0], *(1,) * (len(shape) - core), *values.shape[1:])
    return np.broadcast_to(padded, (size, *shape)).reshape(size, -1)
