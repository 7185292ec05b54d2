"""Penalties that a classical analyst would have chosen from the same rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from ..draws import Array
from .criteria import cross_validation, deviance, leave_one_out, restricted_deviance
from .l_curve import LCurve, corner, l_curve
from .ridge import Ridge

#: Criteria that differ by less over all penalties (in units of a deviance) say nothing about it.
_FLAT = 1e-6

#: In the order of :func:`classical_markers`.
METHODS = ("REML", "ML", "GCV", "leave-one-out", "L-curve corner", "discrepancy")

_Criterion = Callable[[Ridge, Array], Array]


class Outcome(StrEnum):
    """How the search for a penalty ended."""

    FOUND = "found"
    POOLED = "boundary (τ = 0)"
    UNPOOLED = "boundary (λ = 0)"
    NO_CORNER = "no clear corner"
    UNDEFINED = "not defined"


@dataclass(frozen=True, slots=True)
class Marker:
    """One classical choice of the penalty.

    Attributes
    ----------
    method : str
        ``REML``, ``ML``, ``GCV``, ``leave-one-out``, ``L-curve corner`` or ``discrepancy``.
    outcome : Outcome
    penalty : float
        λ = σ²/τ², as in :func:`poolwise.checks.equivalent_penalty`: infinite on the boundary of
        complete pooling, 0 on that of none, NaN where the outcome is neither ``FOUND`` nor a
        boundary.
    effective : float
        Effective degrees of freedom of the penalised effects there.
    noise, scale : float
        σ and τ there, where the method estimates or knows them: REML, ML and discrepancy.
    why : str
        In words, what the outcome rests on; empty when found.
    """

    method: str
    outcome: Outcome
    penalty: float = float("nan")
    effective: float = float("nan")
    noise: float = float("nan")
    scale: float = float("nan")
    why: str = ""


def classical_markers(ridge: Ridge, curve: LCurve | None = None) -> list[Marker]:
    """Choose the penalty as REML, ML, GCV, leave-one-out, the L-curve and discrepancy do.

    Parameters
    ----------
    ridge : Ridge
        From :func:`one_way` or :func:`dense`.
    curve : LCurve, optional
        From :func:`l_curve`, when it is known already.

    Returns
    -------
    list of Marker
        One per method, in that order, also where a method has no answer.

    References
    ----------
    Each criterion names its own; boundaries: Chung et al. (2013), doi:10.1007/s11336-013-9328-2.
    """
    why = _undetermined(ridge)
    if why:
        return [Marker(method, Outcome.UNDEFINED, why=why) for method in METHODS]
    return [
        _by_likelihood(METHODS[0], ridge, restricted_deviance, ridge.columns),
        _by_likelihood(METHODS[1], ridge, deviance, 0),
        _minimiser(METHODS[2], ridge, cross_validation),
        _minimiser(METHODS[3], ridge, leave_one_out),
        _by_corner(ridge, l_curve(ridge) if curve is None else curve),
        _by_discrepancy(ridge),
    ]


def _undetermined(ridge: Ridge) -> str:
    """Return why no method has an answer, or an empty string."""
    if ridge.rows <= ridge.columns:
        return f"{ridge.rows} rows do not determine {ridge.columns} population coefficients"
    ends = ridge.at(np.array([0.0, 1 / ridge.penalties()[0]]))
    if ends.effective[1] < 1e-6:
        return "the population columns take up all of the effects"
    if ends.criterion[0] <= 1e-24 * (ends.criterion[0] + ridge.explained):
        return "the population columns fit every row exactly"
    return ""


def _minimiser(method: str, ridge: Ridge, criterion: _Criterion) -> Marker:
    """Minimise over all penalties: on a grid, then between the neighbours of every minimum."""
    from scipy.optimize import minimize_scalar

    penalty = ridge.penalties()
    pooled = float(criterion(ridge, np.zeros(1))[0])
    values = criterion(ridge, 1 / penalty)
    known = np.isfinite(values)
    if not (np.isfinite(pooled) and known.any()):
        why = "one row alone determines a population coefficient"
        return Marker(method, Outcome.UNDEFINED, why=why)
    if np.ptp(np.append(values[known], pooled)) < _FLAT:
        why = "every penalty does equally well: rows and groups cannot be told apart"
        return Marker(method, Outcome.UNDEFINED, why=why)
    filled = np.where(known, values, np.inf)
    best, where = float(filled[0]), 0.0
    dips = (filled[1:-1] <= filled[:-2]) & (filled[1:-1] <= filled[2:]) & known[1:-1]
    for i in np.flatnonzero(dips) + 1:
        found = minimize_scalar(
            lambda u: float(criterion(ridge, np.exp([-u]))[0]),
            bounds=tuple(np.log(penalty[[i - 1, i + 1]])),
            method="bounded",
            options={"xatol": 1e-9},
        )
        if found.fun < best:
            best, where = float(found.fun), float(np.exp(found.x))
    if pooled <= min(best, float(filled.min())) + 1e-9:
        return _pooled(method, "a spread between groups makes the criterion no better")
    if where == 0:
        why = "the criterion falls all the way to no pooling"
        most = float(ridge.at(1 / penalty[:1]).effective[0])
        return Marker(method, Outcome.UNPOOLED, 0.0, most, scale=np.inf, why=why)
    return Marker(method, Outcome.FOUND, where, float(ridge.at(np.array([1 / where])).effective[0]))


def _pooled(method: str, why: str) -> Marker:
    return Marker(method, Outcome.POOLED, float("inf"), 0.0, scale=0.0, why=why)


def _by_likelihood(method: str, ridge: Ridge, criterion: _Criterion, lost: int) -> Marker:
    found = _minimiser(method, ridge, criterion)
    if found.outcome not in (Outcome.FOUND, Outcome.POOLED):
        return found
    ratio = 1 / found.penalty
    variance = ridge.noise_variance
    if variance is None:
        variance = float(ridge.at(np.array([ratio])).criterion[0]) / (ridge.rows - lost)
    noise = float(np.sqrt(variance))
    return replace(found, noise=noise, scale=noise * float(np.sqrt(ratio)))


def _by_corner(ridge: Ridge, curve: LCurve) -> Marker:
    method = METHODS[4]
    found = corner(ridge, curve)
    if found.unclear:
        return Marker(method, Outcome.NO_CORNER, why=found.unclear)
    effective = float(ridge.at(np.array([1 / found.penalty])).effective[0])
    return Marker(method, Outcome.FOUND, found.penalty, effective)


def _by_discrepancy(ridge: Ridge) -> Marker:
    """Choose λ so that the residuals are as large as the known noise: ‖Py‖² = nσ².

    References
    ----------
    Morozov (1966), Soviet Mathematics Doklady 7, 414-417.
    """
    from scipy.optimize import brentq

    method = METHODS[5]
    if ridge.noise_variance is None:
        return Marker(method, Outcome.UNDEFINED, why="it needs the noise to be known")
    target = ridge.rows * ridge.noise_variance
    penalty = ridge.penalties()
    noise = float(np.sqrt(ridge.noise_variance))

    def excess(u: float) -> float:
        return float(ridge.at(np.exp([-u])).residual[0]) / target - 1

    ends = np.log(penalty[0]), np.log(penalty[-1])
    if ridge.at(np.zeros(1)).residual[0] <= target or excess(ends[1]) <= 0:
        return replace(
            _pooled(method, "complete pooling leaves no more than the noise"), noise=noise
        )
    if excess(ends[0]) >= 0:
        return Marker(
            method, Outcome.UNDEFINED, why="even without pooling, residuals exceed the known noise"
        )
    found = float(np.exp(brentq(excess, *ends, xtol=1e-11)))
    effective = float(ridge.at(np.array([1 / found])).effective[0])
    return Marker(method, Outcome.FOUND, found, effective, noise, noise / float(np.sqrt(found)))
