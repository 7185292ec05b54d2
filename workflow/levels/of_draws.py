"""The levels of a fit without its model: declared variables, evaluated on the draws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from ...checks.draws import SAMPLE, Array
from ...checks.hierarchy.level import Level
from .declaration import Declaration, Unknown
from .declared_rows import codes_of, mean_of, noise_of, refuse_other_density
from .evaluate import CHUNK
from .row_sums import Rows, by_group


@dataclass(slots=True)
class FittedLevels:
    """The levels of a fit.

    Attributes
    ----------
    posterior, prior : dict of str to Dataset
        By level, in the layout of :mod:`poolwise.workflow.levels.datasets`.
    notes : list of str
        What was taken for what.
    """

    posterior: dict[str, xr.Dataset]
    prior: dict[str, xr.Dataset]
    notes: list[str]


def fitted_levels(
    groups: Mapping[str, xr.Dataset],
    levels: Mapping[str, Level],
    *,
    outcome: str = "",
    mean: str = "",
) -> FittedLevels:
    r"""Evaluate declared levels on draws, without a model.

    Effect, location and scale are variables of the posterior. Weights and penalties need the noise
    of every row and its group, and a normal outcome :math:`y_i \sim N(m_i, \sigma_i)` in which the
    effect of the group is one of the terms of :math:`m_i`, with the factor 1. The mean is the
    effect itself, or the variable ``mean``. Both are checked against the pointwise log-likelihood;
    without one, only a declared mean is believed.

    Parameters
    ----------
    groups : mapping of str to Dataset
        Of the fit, by ArviZ's names.
    levels : mapping of str to Level
        ``rows`` and ``noise`` may name variables of ``constant_data``; without ``rows``, an outcome
        with the dim of the effect has one row per group.
    outcome : str, optional
        Of ``observed_data``; may be left out when there is only one.
    mean : str, optional
        Variable of the posterior with the mean of every row.

    Raises
    ------
    SpecError
        If a level names a variable that is not there or has other dims.
    """
    found = FittedLevels({}, {}, [])
    for name, level in levels.items():
        declared = Declaration(groups, name, level, outcome, mean, found.notes)
        found.posterior[name] = _evaluated(declared, "posterior")
        if "prior" in groups and all(v in groups["prior"] for v in _drawn(level)):
            found.prior[name] = _evaluated(declared, "prior")
    return found


def _drawn(level: Level) -> list[str]:
    return [v for v in (level.effect, level.location, level.scale) if isinstance(v, str)]


def _evaluated(declared: Declaration, group: str) -> xr.Dataset:
    """Return a level on the draws of the posterior or the prior."""
    draws = declared.groups[group]
    found, dim = _by_group(declared, draws)
    try:
        sums = _from_rows(declared, found, dim, draws, is_prior=group != "posterior")
    except Unknown as why:
        said = f"{declared.name}: {why}"
        return found.assign_attrs(why_no_information=said, why_no_noise=said, why_no_rows=said)
    return found.merge(sums).assign_attrs(sums.attrs)


def _by_group(declared: Declaration, draws: xr.Dataset) -> tuple[xr.Dataset, str]:
    """Return effect, location and scale, and the dim that the groups have in the fit."""
    level = declared.level
    effect = declared.variable(draws, "effect", level.effect)
    dims = [str(d) for d in effect.dims if d not in SAMPLE]
    if len(dims) != 1:
        raise declared.error(
            f"effect={level.effect!r} has the dims {', '.join(dims) or 'of a scalar'}",
            "a vector with one value per group",
        )
    (dim,) = dims
    location = (
        declared.variable(draws, "location", level.location)
        if isinstance(level.location, str)
        else xr.full_like(effect.isel({dim: 0}, drop=True), float(level.location))
    )
    scale = declared.variable(draws, "scale", level.scale)
    for role, values in (("location", location), ("scale", scale)):
        others = [str(d) for d in values.dims if d not in SAMPLE]
        if others not in ([], dims):
            raise declared.error(
                f"{role} has the dims {', '.join(others)}",
                f"one value per draw, or one per group ({dim})",
            )
    parts = {"effect": effect, "location": location, "scale": scale}
    found = xr.Dataset(
        {
            role: values.astype(float)
            .rename({dim: "group"} if dim in values.dims else {})
            .reset_coords(drop=True)
            for role, values in parts.items()
        }
    ).assign_coords(group=_labels(effect, dim))
    found = found.transpose(*SAMPLE, ...)
    return found.assign_attrs(effect=level.effect, form="declared", scale=level.scale), dim


def _from_rows(
    declared: Declaration, found: xr.Dataset, dim: str, draws: xr.Dataset, *, is_prior: bool
) -> xr.Dataset:
    """Return the sums over rows, and of the posterior the rows that a penalty is searched on."""
    noise_of_row = declared.level.noise
    if noise_of_row is None:
        raise Unknown(
            "the noise of a row is not known; for a normal outcome declare noise= (a variable "
            "of the posterior or the constant data, or a number)"
        )
    y = declared.observed()
    from_draws = [v for v in (declared.mean, noise_of_row) if isinstance(v, str) and v]
    if absent := [v for v in from_draws if v in declared.groups["posterior"] and v not in draws]:
        raise Unknown(f"the draws from the prior hold no {absent[0]}")
    codes = codes_of(declared, [str(label) for label in found["group"].values], dim, y)
    noise = noise_of(declared, draws, y)
    mean = mean_of(declared, found["effect"], codes, draws, y)
    if not is_prior:
        refuse_other_density(declared, y, mean, noise)
    # Every row has the effect of its group with factor 1.
    values = np.ravel(y.values).astype(float)
    sums = by_group(found, codes, np.ones(y.size), values, _chunks(mean, noise))
    sums = sums.assign_attrs(outcome=str(y.name))
    if is_prior:
        return sums
    try:
        return sums.merge(_ridge(declared, values, noise))
    except Unknown as why:
        return sums.assign_attrs(why_no_rows=f"{declared.name}: {why}")


def _ridge(declared: Declaration, y: Array, noise: Array) -> xr.Dataset:
    """Return the rows that a penalty is searched on (:mod:`.ridge_rows`)."""
    location = declared.level.location
    if declared.mean:
        raise Unknown("which covariates enter the mean is not known without the model")
    posterior = declared.groups["posterior"]
    if isinstance(location, str) and posterior[location].ndim > len(SAMPLE):
        raise Unknown("which covariates set the location is not known without the model")
    if len(noise) > 1 and (np.ptp(noise, axis=1) > 0).any():
        raise Unknown("the noise is estimated and differs between rows")
    known = 0.0 if isinstance(location, str) else float(location)
    columns = np.ones((y.size, 1 if isinstance(location, str) else 0))
    found = {
        "row_outcome": ("row", y - known),
        "row_design": ("row", np.ones(y.size)),
        "row_population": (("row", "column"), columns),
    }
    if len(noise) == 1:
        found["row_noise"] = ("row", noise[0])
    return xr.Dataset(found)


def _labels(effect: xr.DataArray, dim: str) -> list[str]:
    values: Any = effect[dim].values if dim in effect.coords else range(effect.sizes[dim])
    return [str(v) for v in values]


def _chunks(mean: Array, noise: Array) -> Iterator[Rows]:
    """Yield slices of the draws with the mean and standard deviation of every row."""
    total, rows = mean.shape
    step = max(1, CHUNK // rows)
    for start in range(0, total, step):
        at = slice(start, min(start + step, total))
        here = noise[at if len(noise) > 1 else slice(0, 1)]
        yield at, mean[at], np.broadcast_to(here, mean[at].shape)
