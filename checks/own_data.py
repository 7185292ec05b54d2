"""How much the estimate of every group rests on its own rows, and how well these alone know it."""

from __future__ import annotations

import numpy as np
import xarray as xr

from .draws import SAMPLE, Array
from .needs import needs


def own_data_weight(level: xr.Dataset) -> xr.DataArray:
    r"""Weight of each group's own data in its estimate, at every draw.

    :math:`w_j = \tau^2 / (\tau^2 + 1/I_j)`, the weight in
    :math:`E[\theta_j|y] = w_j \bar y_j + (1 - w_j)\mu`.

    Parameters
    ----------
    level : xarray.Dataset
        ``scale`` (chain, draw[, group]) and ``information`` (chain, draw, group), the Fisher
        information that the group's rows carry on its effect, the other parameters as they are:
        n/σ² for a normal likelihood, the curvature of the log-likelihood for any other, where the
        weight is that of the normal approximation. What reaches a level through the effects of
        another (sites through their plots) has these averaged out.

    Returns
    -------
    xarray.DataArray of shape (chain, draw, group)
        Between 0 (complete pooling) and 1 (no pooling). Shrinkage is one minus this.

    Raises
    ------
    ValueError
        If the information of rows is not known; the message says why.

    References
    ----------
    Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., section 5.4.
    """
    needs(level, "scale", "information")
    with np.errstate(divide="ignore"):
        # Information may be zero or, at draws from a wide prior, infinite.
        noise = 1 / (level["scale"] ** 2 * level["information"])
    weight: xr.DataArray = 1 / (1 + noise)
    return weight.transpose(..., "group")


def mean_weight(level: xr.Dataset) -> xr.DataArray:
    """Return the mean over groups with rows of the weight on own data, at every draw."""
    weight = own_data_weight(level)
    if "rows" in level:
        weight = weight.isel(group=np.asarray(level["rows"].values) > 0)
    return weight.mean("group")


def weight_label(level: str) -> str:
    """How the mean weight of a level is called among the quantities that are followed."""
    return f"{level}: mean weight"


def row_noise(level: xr.Dataset) -> Array:
    r"""Noise of a row of every group: its standard deviation, as the data hold it.

    Of a normal outcome the root of the mean noise variance. Of any other the standard deviation of
    a normal observation with the same information, :math:`\sqrt{\sum_i z_i^2/I_j}`, on the scale
    of the predictor, at the mean information.

    Parameters
    ----------
    level : xarray.Dataset
        ``noise_variance`` (chain, draw, group), or ``information`` and ``design_squared``.

    Returns
    -------
    ndarray of shape (group,)
        NaN for groups whose rows say nothing.
    """
    if "noise_variance" in level:
        return np.asarray(np.sqrt(level["noise_variance"].mean(SAMPLE).values))
    needs(level, "information", "design_squared")
    information = level["information"].mean(SAMPLE).values
    with np.errstate(divide="ignore", invalid="ignore"):
        noise = np.sqrt(level["design_squared"].values / information)
    return np.where(np.isfinite(noise), noise, np.nan)


def standard_error(level: xr.Dataset) -> Array:
    r"""Standard error of the estimate from every group's own rows.

    Parameters
    ----------
    level : xarray.Dataset
        ``information`` (chain, draw, group).

    Returns
    -------
    ndarray of shape (J,)
        :math:`1/\sqrt{I_j}`, in the unit of the effect; NaN for groups without information.
    """
    information = level["information"].mean(SAMPLE).values
    with np.errstate(divide="ignore"):
        return np.where(information > 0, 1 / np.sqrt(information), np.nan)
