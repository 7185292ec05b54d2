"""The ridge penalty that pools as a level does, and the degrees of freedom that it leaves."""

from __future__ import annotations

import numpy as np
import xarray as xr

from .draws import over_groups
from .needs import needs
from .own_data import own_data_weight
from .penalty import ridge_of


def equivalent_penalty(level: xr.Dataset) -> xr.DataArray:
    r"""Ridge penalty that pools as the prior does, at every draw.

    :math:`\lambda = \sigma^2/\tau^2`: the posterior mode of the deviations minimises
    :math:`\lVert y - X\epsilon\rVert^2 + \lambda\lVert\epsilon\rVert^2`. Where the noise differs
    between groups, σ² is the harmonic mean over rows; where the outcome is not normal, the working
    variance of a row (:func:`row_variance`) at that draw.

    Parameters
    ----------
    level : xarray.Dataset
        ``scale``, ``information`` and ``design_squared`` (group), the sum of squares of the design
        column over the group's rows (the number of rows for an intercept). Where rows depend on
        several effects at once, ``row_variance`` (chain, draw), σ², in place of the last two.

    Returns
    -------
    xarray.DataArray of shape (chain, draw)
        In the squared unit of the design column, so without unit for an intercept.

    Raises
    ------
    ValueError
        If the information of rows is not known; the message says why.

    References
    ----------
    Hoerl and Kennard (1970), doi:10.1080/00401706.1970.10488634.
    """
    needs(level, "scale")
    with np.errstate(divide="ignore"):
        return row_variance(level) / over_groups(level["scale"] ** 2)


def row_variance(level: xr.Dataset) -> xr.DataArray:
    r"""Noise variance of a row on the scale of the predictor, at every draw.

    The harmonic mean over rows of σ². For an outcome that is not normal, the inverse of the mean
    information of a row, :math:`\sum_i z_i^2 / \sum_j I_j`: the working variance of iteratively
    reweighted least squares, with which an effect is found as in a normal model.

    Parameters
    ----------
    level : xarray.Dataset
        ``row_variance`` (chain, draw), or ``information`` and ``design_squared``.

    Returns
    -------
    xarray.DataArray of shape (chain, draw)

    Raises
    ------
    ValueError
        If the information of rows is not known; the message says why.

    References
    ----------
    Breslow and Clayton (1993), doi:10.1080/01621459.1993.10594284.
    """
    if "row_variance" in level:
        return level["row_variance"]
    needs(level, "information", "design_squared")
    with np.errstate(divide="ignore"):
        noise: xr.DataArray = float(level["design_squared"].sum()) / level["information"].sum(
            "group"
        )
    return noise


def has_penalty(level: xr.Dataset) -> bool:
    """Whether a level holds what :func:`equivalent_penalty` reads."""
    return "information" in level or "row_variance" in level


def effective_groups(level: xr.Dataset) -> xr.DataArray:
    r"""Effective degrees of freedom of the effects, at every draw.

    :math:`\sum_j w_j`, the trace of the map from own estimates to effects given the location. Where
    rows depend on several effects at once, the trace of the smoother at that draw's λ,
    :math:`\mathrm{tr}(I - P)` less the number of population columns.

    Parameters
    ----------
    level : xarray.Dataset
        What :func:`own_data_weight` takes; or ``scale`` and ``row_variance`` (chain, draw) with the
        rows that :func:`poolwise.checks.penalty.ridge_of` reads.

    Returns
    -------
    xarray.DataArray of shape (chain, draw)
        From 0 (complete pooling) to the number of groups with rows, or of effects that the rows can
        tell apart.

    Raises
    ------
    ValueError
        If the information of rows is not known; the message says why.
    poolwise.checks.penalty.NotLinear
        If rows depend on several effects and were not saved.

    References
    ----------
    Ruppert, Wand and Carroll (2003), Semiparametric Regression, section 3.13.
    """
    needs(level, "scale")
    if "information" in level or "row_variance" not in level:
        return own_data_weight(level).sum("group")
    penalty = equivalent_penalty(level)
    return penalty.copy(
        data=ridge_of(level).at(1 / penalty.values.ravel()).effective.reshape(penalty.shape)
    )
