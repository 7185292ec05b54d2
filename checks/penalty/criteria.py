"""What the classical choices of a penalty minimise, as functions of the variance ratio τ²/σ²."""

from __future__ import annotations

import numpy as np

from ..draws import Array
from .ridge import Ridge


def restricted_deviance(ridge: Ridge, ratio: Array) -> Array:
    r"""Return -2 log of the restricted likelihood, noise at its estimate unless it is known.

    :math:`\log|V| + \log|X'V^{-1}X| + (n-p)\log y'Py`, up to a constant; with known noise
    :math:`y'Py/\sigma^2` takes the place of the last term.

    References
    ----------
    Patterson and Thompson (1971), doi:10.1093/biomet/58.3.545; Harville (1977),
    doi:10.1080/01621459.1977.10480998.
    """
    path = ridge.at(ratio)
    return path.restricted_log_determinant + _misfit(ridge, path.criterion, ridge.columns)


def deviance(ridge: Ridge, ratio: Array) -> Array:
    r"""Return -2 log of the likelihood, up to a constant: :math:`\log|V| + n\log y'Py`.

    References
    ----------
    Harville (1977), doi:10.1080/01621459.1977.10480998.
    """
    path = ridge.at(ratio)
    return path.log_determinant + _misfit(ridge, path.criterion, 0)


def _misfit(ridge: Ridge, criterion: Array, lost: int) -> Array:
    if ridge.noise_variance is not None:
        return criterion / ridge.noise_variance
    free = ridge.rows - lost
    return np.asarray(free * np.log(criterion / free))


def cross_validation(ridge: Ridge, ratio: Array) -> Array:
    r"""Return n log of generalised cross-validation.

    :math:`\mathrm{GCV} = n\lVert Py\rVert^2/\mathrm{tr}(P)^2`.

    References
    ----------
    Golub, Heath and Wahba (1979), doi:10.1080/00401706.1979.10489751; with unpenalised columns
    Wahba (1990), Spline Models for Observational Data, chapter 4.
    """
    path = ridge.at(ratio)
    free = ridge.rows - ridge.columns - path.effective
    with np.errstate(divide="ignore", invalid="ignore"):
        value = ridge.rows * np.log(ridge.rows * path.residual / free**2)
    return np.where(free > 1e-9 * ridge.rows, value, np.nan)


def leave_one_out(ridge: Ridge, ratio: Array) -> Array:
    r"""Return n log of the mean squared error of predicting each row from all others.

    :math:`\frac1n\sum_i (Py)_i^2/P_{ii}^2`, in closed form; NaN where a row alone determines a
    coefficient.

    References
    ----------
    Allen (1974), doi:10.1080/00401706.1974.10489157; Golub, Heath and Wahba (1979),
    doi:10.1080/00401706.1979.10489751.
    """
    found = np.empty(np.size(ratio))
    for i, one in enumerate(np.ravel(ratio)):
        left, diagonal = ridge.leave_one_out(float(one))
        if diagonal.min() < 1e-10:
            found[i] = np.nan
        else:
            found[i] = ridge.rows * np.log(np.mean((left / diagonal) ** 2))
    return found
