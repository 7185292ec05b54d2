"""Priors that are put on parts of a variable: on the spreads and correlations of a Cholesky factor.

The prior of a Cholesky factor ``diag(s) L`` of a covariance matrix, with standard deviations s and
a correlation matrix ``R = L L'``, is that of the standard deviations, times ``c(eta) det(R)**eta``,
times what depends on no parameter of the prior. Both are in the formula of :mod:`.densities`.

References
----------
Lewandowski, Kurowicka and Joe (2009), doi:10.1016/j.jmva.2009.04.008 (the prior, and its constant
as PyMC writes it).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import mul
from typing import Any

import numpy as np

from ...checks.hierarchy import constant_value
from ..priors.families import family_of
from .densities import LogDensity, log_density_of

#: PyMC's name of the family.
CHOLESKY = "_lkjcholeskycov"


@dataclass(frozen=True, slots=True)
class Part:
    """What a prior is put on.

    Attributes
    ----------
    variable : str
    density : LogDensity
        The model's own prior of it.
    of : callable
        Computes it from the variable: of its draws, along the last axis, or of a graph.
    """

    variable: str
    density: LogDensity
    of: Callable[[Any], Any]


def spreads(name: str) -> str:
    """Name of the standard deviations of a Cholesky factor."""
    return f"{name}: spreads"


def correlations(name: str) -> str:
    """Name of the determinant of its correlation matrix."""
    return f"{name}: correlations"


def parts_of(rv: Any) -> dict[str, Part]:
    """Return the parts of a variable whose priors are in the formula; none where there are none."""
    name = str(rv.name)
    if family_of(rv) != CHOLESKY:
        own = log_density_of(rv)
        return {} if own is None else {name: Part(name, own, lambda values: values)}
    n, eta, sd = rv.owner.op.dist_params(rv.owner)
    size, concentration = constant_value(n), constant_value(eta)
    if size is None or concentration is None:
        return {}
    variances, ratios = _of_factor(int(size))
    found = {
        correlations(name): Part(
            name,
            of_correlations(int(size), concentration),
            lambda values: reduce(mul, (ratios(values)[..., i] for i in range(int(size)))),
        )
    }
    spread = log_density_of(sd)
    if spread is not None:
        found[spreads(name)] = Part(name, spread, lambda values: variances(values) ** 0.5)
    return found


def _of_factor(size: int) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Return functions of a packed Cholesky factor: variances, and squares of the diagonal of L."""
    row = np.repeat(np.arange(size), np.arange(1, size + 1))
    adds = (row[:, None] == np.arange(size)).astype(float)
    diagonal = np.cumsum(np.arange(1, size + 1)) - 1

    def variances(values: Any) -> Any:
        return (values**2) @ adds

    def ratios(values: Any) -> Any:
        return values[..., diagonal] ** 2 / variances(values)

    return variances, ratios


def of_correlations(size: int, eta: float) -> LogDensity:
    """Return the numbers of an LKJ prior, as a density of the determinant of the correlations.

    Parameters
    ----------
    size : int
        Rows of the matrix.
    eta : float
        Concentration around no correlation.
    """
    constant = (size - 1) * math.lgamma(eta + (size - 1) / 2)
    for k in range(1, size):
        constant -= k / 2 * math.log(math.pi) + math.lgamma(eta + (size - 1 - k) / 2)
    return LogDensity(constant=constant, log=eta, lower=0.0)
