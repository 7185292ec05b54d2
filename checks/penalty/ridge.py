"""Ridge regression with unpenalised columns, at many penalties from one reduction of the rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..draws import Array

_Product = Callable[[Array], Array]


@dataclass(frozen=True, slots=True)
class Directions:
    """The singular vectors of Z, as products with them; r of them have a singular value above 0.

    Attributes
    ----------
    gather : callable
        U' times an array of shape (n, ...).
    spread : callable
        U times an array of shape (r, ...).
    squared_spread : callable
        The squared elements of U times an array of shape (r,).
    rotate : callable
        R times an array of shape (r,).
    """

    gather: _Product
    spread: _Product
    squared_spread: _Product
    rotate: _Product


@dataclass(frozen=True, slots=True)
class Ridge:
    r"""Rows reduced to what every penalty needs.

    The problem is to minimise :math:`\lVert y - X\beta - Z\epsilon\rVert^2 +
    \lambda\lVert\epsilon\rVert^2`, rows divided by their relative noise. With
    :math:`Z = U\sqrt{D}R'`, everything follows from D, :math:`U'[X\;y]` and the cross-product of
    what is left of :math:`[X\;y]` beside U: per penalty the work grows with the number of effects,
    not with that of rows. Every formula is one of :math:`V = I + ZZ'/\lambda` and of
    :math:`P = V^{-1} - V^{-1}X(X'V^{-1}X)^{-1}X'V^{-1}`, for which Py is the residual and I - P
    the hat matrix (Robinson 1991, doi:10.1214/ss/1177011926).

    Attributes
    ----------
    rows : int
        n.
    effects : int
        q, columns of Z.
    columns : int
        p, the rank of X.
    strength : ndarray of shape (r,)
        Squared singular values of Z above zero: the number of rows per group, for an intercept.
    between : ndarray of shape (r, p + 1)
        U'[X y], X orthonormal and y less its projection on X.
    within : ndarray of shape (p + 1, p + 1)
        Cross-product of [X y] less its projection on U.
    noise_variance : float or None
        The known σ²; where noise differs between rows, its harmonic mean. None when not known.
    """

    rows: int
    effects: int
    columns: int
    strength: Array
    between: Array
    within: Array
    noise_variance: float | None
    _population: Array
    _outcome: Array
    _directions: Directions
    _coefficients: Array
    _projected: Array

    @property
    def explained(self) -> float:
        """Sum of squares of the outcome along the population columns."""
        return float((self._projected**2).sum())

    def at(self, ratio: Array) -> Path:
        """Return what REML, GCV and the others are made of at the variance ratios 1/λ = τ²/σ²."""
        return Path(self, np.atleast_1d(np.asarray(ratio, dtype=float)))

    def penalties(self, per_decade: int = 8) -> Array:
        """Return a grid of λ from almost no to almost complete pooling."""
        low = max(float(self.strength.min()), 1e-20 * float(self.strength.max()))
        low, high = np.log10(low) - 6, np.log10(self.strength.max()) + 6
        return np.logspace(low, high, int(np.ceil((high - low) * per_decade)) + 1)

    def leave_one_out(self, ratio: float) -> tuple[Array, Array]:
        r"""Return residuals Py and the diagonal of P at one variance ratio, both of shape (n,).

        Their quotient is the error of predicting a row from all others at the same λ.

        References
        ----------
        Allen (1974), doi:10.1080/00401706.1974.10489157; Golub, Heath and Wahba (1979),
        doi:10.1080/00401706.1979.10489751.
        """
        path = self.at(np.array([ratio]))
        weight = 1 - path.factor[0]
        beta = path.beta[0]
        kept = self._population - self._directions.spread(weight[:, None] * self.between[:, :-1])
        left = (
            self._outcome
            - self._population @ beta
            - self._directions.spread(weight * path.error[0])
        )
        leverage = np.einsum("ij,jk,ik->i", kept, path.inverse[0], kept)
        return left, 1 - self._directions.squared_spread(weight) - leverage

    def effect(self, ratio: float) -> Array:
        """Return the penalised coefficients, shape (q,), at one variance ratio."""
        return self._directions.rotate(self.at(np.array([ratio])).rotated[0])

    def population(self, ratio: float) -> Array:
        """Return the unpenalised coefficients at one variance ratio.

        The shortest of them, where the columns of X depend on each other.
        """
        beta = self.at(np.array([ratio])).beta[0]
        return np.asarray(self._coefficients @ (beta + self._projected))


class Path:
    """The ridge problem at T variance ratios; every attribute has T as its first axis.

    Attributes
    ----------
    factor : ndarray of shape (T, r)
        k = λ/(λ + D): the weight of every singular direction on the population.
    beta : ndarray of shape (T, p)
        Of the orthonormal columns of X.
    inverse : ndarray of shape (T, p, p)
        Inverse of X'V⁻¹X.
    error : ndarray of shape (T, r)
        U'(y - Xβ).
    """

    def __init__(self, ridge: Ridge, ratio: Array) -> None:
        self.ridge, self.ratio = ridge, ratio
        p = ridge.columns
        self.factor = 1 / (1 + ratio[:, None] * ridge.strength)
        moments = ridge.within + np.einsum(
            "tr,ri,rj->tij", self.factor, ridge.between, ridge.between, optimize=True
        )
        self._precision = moments[:, :p, :p]
        self.inverse = np.linalg.inv(self._precision)
        self.beta = np.einsum("tij,tj->ti", self.inverse, moments[:, :p, p])
        self._signed = np.concatenate([-self.beta, np.ones((ratio.size, 1))], axis=1)
        self.error = self._signed @ ridge.between.T

    @property
    def rotated(self) -> Array:
        """R'ε of shape (T, r): the penalised coefficients along singular directions."""
        root = np.sqrt(self.ridge.strength)
        return np.asarray(root * self.ratio[:, None] * self.factor * self.error)

    @property
    def effective(self) -> Array:
        """Effective degrees of freedom of the penalised part: the trace of I - P, less p.

        References
        ----------
        Ruppert, Wand and Carroll (2003), Semiparametric Regression, section 3.13.
        """
        lost = self.factor * (1 - self.factor)
        x = self.ridge.between[:, :-1]
        shared = np.einsum("tij,tr,ri,rj->t", self.inverse, lost, x, x, optimize=True)
        return np.asarray((1 - self.factor).sum(1) - shared)

    @property
    def criterion(self) -> Array:
        """y'Py: the smallest value of the penalised sum of squares."""
        return self._left(self.factor)

    @property
    def residual(self) -> Array:
        """The squared norm of y - Xβ - Zε."""
        return self._left(self.factor**2)

    @property
    def size(self) -> Array:
        """The squared norm of ε."""
        return np.asarray((self.rotated**2).sum(1))

    @property
    def log_determinant(self) -> Array:
        """The logarithm of the determinant of V."""
        return -np.log(self.factor).sum(1)

    @property
    def restricted_log_determinant(self) -> Array:
        """The same plus that of X'V⁻¹X relative to X'X."""
        return np.asarray(self.log_determinant + np.linalg.slogdet(self._precision)[1])

    @property
    def size_slopes(self) -> tuple[Array, Array]:
        r"""First and second derivative of the squared norm of ε to λ.

        :math:`-2\epsilon'(M+\lambda)^{-1}\epsilon` and
        :math:`6\epsilon'(M+\lambda)^{-2}\epsilon` with :math:`M = Z'(I - X(X'X)^{-1}X')Z`.
        """
        root = np.sqrt(self.ridge.strength)
        x = root[:, None] * self.ridge.between[:, :-1]
        inner = self.ratio[:, None] * self.factor
        effect = self.rotated
        solved = inner * effect
        solved = solved + inner * (np.einsum("tij,tj->ti", self.inverse, solved @ x) @ x.T)
        return -2 * (effect * solved).sum(1), 6 * (solved**2).sum(1)

    def _left(self, weight: Array) -> Array:
        within = np.einsum("ti,ij,tj->t", self._signed, self.ridge.within, self._signed)
        return np.asarray(within + (weight * self.error**2).sum(1))
