"""A level, evaluated on draws: what pooling and uncertainty are computed from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ..checks.draws import SAMPLE
from ..checks.hierarchy import GroupLevel, Hierarchy, Membership, plain_model
from ..checks.hierarchy.information import mean_and_sd, why_no_information
from .dense_rows import dense_rows
from .evaluate import by_draw, evaluate_on
from .preflight import observed_values
from .priors import parameters_of
from .ridge_rows import NoRows, row_arrays
from .row_sums import Rows, by_group

if TYPE_CHECKING:
    import pymc as pm


def level_dataset(
    model: pm.Model, hierarchy: Hierarchy, name: str, draws: xr.Dataset, *, rows: bool = True
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
    rows : bool, default True
        Whether to add the rows that a penalty is searched on (:mod:`poolwise.workflow.ridge_rows`),
        which no draws enter; where there are none, ``attrs["why_no_rows"]`` says why.

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
        found = found.assign_attrs(why_no_information=why)
        if name not in hierarchy.why_no_rows:
            return found.assign_attrs(why_no_rows=why)
        return _with_shared_rows(found, plain, hierarchy, name, draws, rows)
    member = hierarchy.members[name]
    y = observed_values(plain)[member.enters]
    mean, sd = _mean_and_sd(plain, level, member)
    chunks = _mean_and_sd_on(plain, mean, sd, draws, y.shape)
    sums = by_group(found, member.group, member.design, y.ravel(), chunks)
    found = found.merge(sums).assign_attrs(outcome=member.enters)
    return _with_rows(found, plain, hierarchy, name, (mean, sd)) if rows else found


def _with_rows(
    found: xr.Dataset, model: pm.Model, hierarchy: Hierarchy, name: str, normal: tuple[Any, Any]
) -> xr.Dataset:
    """Add the rows that a penalty is searched on, or the reason why there are none."""
    try:
        return found.merge(row_arrays(model, hierarchy, name, *normal))
    except NoRows as why:
        return found.assign_attrs(why_no_rows=str(why))


def _with_shared_rows(
    found: xr.Dataset,
    model: pm.Model,
    hierarchy: Hierarchy,
    name: str,
    draws: xr.Dataset,
    rows: bool,
) -> xr.Dataset:
    """Add the rows of effects that share them, or the reason why there are none."""
    try:
        return found.merge(dense_rows(model, hierarchy, name, draws, rows=rows))
    except NoRows as why:
        said = f"{hierarchy.why_no_rows[name]}; and {why}"
        return found.assign_attrs(why_no_rows=said)


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
    model: pm.Model, hierarchy: Hierarchy, draws: xr.Dataset, *, rows: bool = True
) -> dict[str, xr.Dataset]:
    """Evaluate every level on draws; see :func:`level_dataset`."""
    return {
        name: level_dataset(model, hierarchy, name, draws, rows=rows) for name in hierarchy.levels
    }


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


def _mean_and_sd(model: pm.Model, level: GroupLevel, rows: Membership) -> tuple[Any, Any]:
    """Return the mean and the standard deviation of a normal outcome; declared noise counts."""
    import pytensor.tensor as pt

    mean, sd = mean_and_sd(model[rows.enters])
    noise = level.declared.noise if level.declared is not None else None
    if noise is not None:
        sd = model[noise] if isinstance(noise, str) else pt.constant(float(noise))
    return mean, sd


def _mean_and_sd_on(
    model: pm.Model, mean: Any, sd: Any, draws: xr.Dataset, shape: tuple[int, ...]
) -> Iterator[Rows]:
    """Yield slices of the draws with the mean and standard deviation of every row."""
    for chunk, (means, sds) in evaluate_on(model, [mean, sd], draws, width=int(np.prod(shape))):
        size = chunk.stop - chunk.start
        yield (
            chunk,
            by_draw(means, mean.ndim, size, shape),
            by_draw(sds, sd.ndim, size, shape),
        )
