"""The L-curve: misfit against size of the effects over all penalties, and its corner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..draws import Array
from .ridge import Ridge

#: A corner as wide as this or wider is none (Castellanos, Gómez and Guerra 2002).
WIDEST = 7 * np.pi / 8


@dataclass(frozen=True, slots=True)
class LCurve:
    """Points of the L-curve, from weak to strong penalties.

    Attributes
    ----------
    penalty : ndarray of shape (T,)
        λ.
    residual, size : ndarray of shape (T,)
        Norms of y - Xβ - Zε (rows divided by their relative noise) and of ε.
    curvature : ndarray of shape (T,)
        In natural log-log coordinates; positive where the curve turns as an L does.
    """

    penalty: Array
    residual: Array
    size: Array
    curvature: Array


@dataclass(frozen=True, slots=True)
class Corner:
    """Point of largest curvature of an L-curve.

    Attributes
    ----------
    penalty : float
        λ there; NaN when the curve nowhere turns as an L does.
    curvature : float
    angle : float
        Smallest angle, in radians, of a triangle with its vertex there and its ends on the curve.
    unclear : str
        Why this is no clear corner; empty when it is one.
    """

    penalty: float
    curvature: float
    angle: float
    unclear: str = ""


def l_curve(ridge: Ridge, penalty: Array | None = None) -> LCurve:
    r"""Compute points of the L-curve with their exact curvature.

    With :math:`\rho = \lVert y - X\beta - Z\epsilon\rVert^2`,
    :math:`\eta = \lVert\epsilon\rVert^2` and :math:`u = \log\lambda`, the identity
    :math:`d\rho/du = -\lambda\,d\eta/du` gives all derivatives from those of η.

    Parameters
    ----------
    ridge : Ridge
    penalty : ndarray of shape (T,), optional
        λ, increasing; twenty per decade over the whole range when left out.

    Returns
    -------
    LCurve

    References
    ----------
    Hansen (1992), doi:10.1137/1034115; Hansen and O'Leary (1993), doi:10.1137/0914086.
    """
    penalty = ridge.penalties(per_decade=20) if penalty is None else penalty
    path = ridge.at(1 / penalty)
    rho, eta = path.residual, path.size
    first, second = path.size_slopes
    eta_u = penalty * first
    eta_uu = eta_u + penalty**2 * second
    rho_u, rho_uu = -penalty * eta_u, -penalty * (eta_u + eta_uu)
    with np.errstate(divide="ignore", invalid="ignore"):
        x1, y1 = rho_u / (2 * rho), eta_u / (2 * eta)
        x2, y2 = rho_uu / (2 * rho) - 2 * x1**2, eta_uu / (2 * eta) - 2 * y1**2
        curvature = (x1 * y2 - x2 * y1) / (x1**2 + y1**2) ** 1.5
    return LCurve(penalty, np.sqrt(rho), np.sqrt(eta), curvature)


def corner(ridge: Ridge, curve: LCurve | None = None) -> Corner:
    r"""Find the point of largest curvature, and how sharply the curve turns there.

    An L-curve whose sharpest triangle there is as wide as :math:`7\pi/8` has no clear corner: the
    limit of the triangle method. Problems with more rows than effects often have none, because
    misfit and size both stay finite as λ goes to 0.

    Parameters
    ----------
    ridge : Ridge
    curve : LCurve, optional
        From :func:`l_curve`, over a range that holds the corner.

    Returns
    -------
    Corner

    References
    ----------
    Hansen and O'Leary (1993), doi:10.1137/0914086 (largest curvature); Castellanos, Gómez and
    Guerra (2002), doi:10.1016/S0168-9274(01)00179-9 (triangles).
    """
    from scipy.optimize import minimize_scalar

    curve = l_curve(ridge) if curve is None else curve
    bent = np.where(np.isfinite(curve.curvature), curve.curvature, -np.inf)
    at = int(np.argmax(bent))
    nowhere = float("nan")
    if not bent[at] > 0:
        return Corner(nowhere, nowhere, nowhere, "the curve nowhere turns as an L does")
    if at in (0, bent.size - 1):
        pooled = "nothing" if at == 0 else "everything"
        why = f"the curve bends most at its end, where {pooled} is pooled"
        return Corner(float(curve.penalty[at]), float(bent[at]), nowhere, why)
    ends = np.log(curve.penalty[[at - 1, at + 1]])
    found = minimize_scalar(
        lambda u: -l_curve(ridge, np.exp([u])).curvature[0],
        bounds=tuple(ends),
        method="bounded",
        options={"xatol": 1e-9},
    )
    penalty = float(np.exp(found.x))
    here = l_curve(ridge, np.array([penalty]))
    angle = _sharpest(curve, here)
    unclear = ""
    if not angle < WIDEST:
        unclear = (
            f"the sharpest angle at the largest curvature is {np.degrees(angle):.0f}°, not below "
            f"{np.degrees(WIDEST):.1f}°"
        )
    return Corner(penalty, float(here.curvature[0]), angle, unclear)


def _sharpest(curve: LCurve, here: LCurve) -> float:
    """Return the smallest angle of a triangle at a point that turns as an L does."""
    points = np.log(np.column_stack([curve.residual, curve.size]))
    arms = points - np.log([here.residual[0], here.size[0]])
    arms = arms[np.isfinite(arms).all(1) & (np.hypot(*arms.T) > 1e-9)]
    # Weaker penalties lie above the vertex, stronger ones to its right.
    before, after = arms[arms[:, 1] > 0], arms[arms[:, 1] < 0]
    if not (before.size and after.size):
        return float(np.pi)
    up = np.arctan2(before[:, 1], before[:, 0])[:, None]
    down = np.arctan2(after[:, 1], after[:, 0])[None, :]
    inside = up - down
    return float(inside[inside < np.pi].min(initial=np.pi))
