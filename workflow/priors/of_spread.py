"""What a prior and its alternative say of the spread between groups, on a grid."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from ..engine import LogDensity, log_density_of
from .alternative import Alternative

if TYPE_CHECKING:
    import pymc as pm

#: Log of the spread over its posterior median.
_GRID = np.linspace(-7, 7, 400)


def priors_of_spread(model: pm.Model, alternative: Alternative, draws: xr.DataArray) -> xr.Dataset:
    """Return densities of the log spread of a level under a prior and its alternative.

    Parameters
    ----------
    model : pymc.Model
    alternative : Alternative
    draws : xarray.DataArray
        Posterior draws of the parameter, under its own prior.

    Returns
    -------
    xarray.Dataset
        ``base_prior``, the log density of the log spread, and ``prior_ratio``, that of the
        alternative less that, along ``log_spread_at``: log of the spread over its posterior
        median. Empty where the alternative sets no spread of one level, or its density is not
        known in numbers.
    """
    if not alternative.level or draws.ndim != 2:
        return xr.Dataset()
    (replacement,) = alternative.replacements
    own = log_density_of(model[replacement.parameter])
    other = replacement.density
    if own is None or other is None:
        return xr.Dataset()
    middle, power = float(np.median(draws.values)), alternative.power
    values = middle + _GRID if power == 0 else middle * np.exp(_GRID / power)
    jacobian = np.zeros_like(values) if power == 0 else np.log(values / abs(power))
    base = _finite(own, values)
    return xr.Dataset(
        {
            "base_prior": ("log_spread_at", base + jacobian),
            "prior_ratio": ("log_spread_at", _finite(other, values) - base),
        },
        coords={"log_spread_at": _GRID},
    )


def _finite(density: LogDensity, values: np.ndarray) -> np.ndarray:
    """Return log densities, with a number far below all others where there is none."""
    found = density(values)
    return np.where(np.isfinite(found), found, math.log(np.finfo(float).tiny))
