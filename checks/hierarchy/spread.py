"""Location and spread of a distribution given its parameters, as expressions."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt
from typing import Any

from .distributions import distribution, family_of

_EULER = 0.5772156649015329

#: Families that follow a line, a time or a map: their elements are not exchangeable groups.
PROCESSES = frozenset(
    {"AR", "CAR", "EulerMaruyama", "GARCH11", "GaussianRandomWalk", "ICAR", "MatrixNormal"}
    | {"KroneckerNormal", "MvGaussianRandomWalk", "MvStudentTRandomWalk", "RandomWalk"}
)

#: Families whose columns are correlated: the last axis is one draw.
MULTIVARIATE = frozenset({"MultivariateNormal", "MvStudentT"})

#: Families with a parameter for the location and another for the scale.
LOCATION_SCALE = frozenset(
    {"Cauchy", "Gumbel", "Laplace", "Logistic", "MultivariateNormal", "MvStudentT", "Normal"}
    | {"SkewNormal", "StudentT", "ZeroSumNormal"}
)

#: Families for which weights between a group's own data and its location are known.
NORMAL = frozenset({"Normal", "MultivariateNormal"})


@dataclass(frozen=True, slots=True)
class Spread:
    """Where the effects of a level lie given its hyperparameters, and how far apart.

    Attributes
    ----------
    family : str
    location, scale : TensorVariable
        Mean and standard deviation given the parameters, along the axes of the distribution. For
        a Student-t the scale is what its prior is put on, and for a Cauchy, which has neither,
        location and scale are the median and half the distance between the quartiles.
    """

    family: str
    location: Any
    scale: Any


def spread_of(rv: Any) -> Spread | None:
    """Return location and spread of a random variable, None for families that are not known.

    References
    ----------
    Johnson, Kotz and Balakrishnan (1994, 1995), Continuous Univariate Distributions.
    """
    import pytensor.tensor as pt

    base = distribution(rv)
    family = family_of(base)
    q = list(base.owner.op.dist_params(base.owner))
    match family:
        case "Normal" | "Cauchy":
            found = q[0], q[1]
        case "StudentT":
            found = q[1], q[2]
        case "Laplace":
            found = q[0], sqrt(2) * q[1]
        case "Logistic":
            found = q[0], pi / sqrt(3) * q[1]
        case "Gumbel":
            found = q[0] + _EULER * q[1], pi / sqrt(6) * q[1]
        case "HalfNormal":
            found = q[0] + sqrt(2 / pi) * q[1], sqrt(1 - 2 / pi) * q[1]
        case "Exponential":
            found = q[0], q[0]
        case "Gamma":
            found = q[0] * q[1], pt.sqrt(q[0]) * q[1]
        case "Weibull":
            first, second = pt.gamma(1 + 1 / q[0]), pt.gamma(1 + 2 / q[0])
            found = q[1] * first, q[1] * pt.sqrt(second - first**2)
        case "LogNormal":
            mean = pt.exp(q[0] + q[1] ** 2 / 2)
            found = mean, mean * pt.sqrt(pt.expm1(q[1] ** 2))
        case "Beta":
            total = q[0] + q[1]
            found = q[0] / total, pt.sqrt(q[0] * q[1] / (total + 1)) / total
        case "SkewNormal":
            lean = sqrt(2 / pi) * q[2] / pt.sqrt(1 + q[2] ** 2)
            found = q[0] + q[1] * lean, q[1] * pt.sqrt(1 - lean**2)
        case "ZeroSumNormal":
            found = pt.zeros(()), q[0]
        case "MultivariateNormal":
            found = q[0], _root_of_diagonal(q[1])
        case "MvStudentT":
            found = q[1], _root_of_diagonal(q[2])
        case _:
            return None
    return Spread(family, *found)


def _root_of_diagonal(covariance: Any) -> Any:
    import pytensor.tensor as pt

    return pt.sqrt(pt.diagonal(covariance, axis1=-2, axis2=-1))


def constant_spread(rv: Any) -> float | None:
    """Return the spread of a vector centred at 0 with a constant scale; None for other variables.

    Such a vector times something random is the raw part of a non-centred effect. The spread is the
    scale, except for families whose standard deviation is a multiple of it.
    """
    scale = _constant_scale(rv)
    return None if scale is None else scale * _SD_AT_SCALE_ONE[family_of(rv)]


def is_standard(rv: Any) -> bool:
    """Whether a vector is centred at 0 with scale 1."""
    return _constant_scale(rv) == 1


_SD_AT_SCALE_ONE = {
    **dict.fromkeys(["Cauchy", "Normal", "StudentT", "ZeroSumNormal"], 1.0),
    "Laplace": sqrt(2),
    "Logistic": pi / sqrt(3),
}


def _constant_scale(rv: Any) -> float | None:
    from .cheap import constant_value

    if rv.owner is None or rv.ndim == 0 or family_of(rv) not in _SD_AT_SCALE_ONE:
        return None
    base = distribution(rv)
    *locations, scale = {
        "ZeroSumNormal": lambda q: q[:1],
        "StudentT": lambda q: q[1:3],
    }.get(family_of(base), lambda q: q[:2])(list(base.owner.op.dist_params(base.owner)))
    if any(constant_value(location) != 0 for location in locations):
        return None
    return constant_value(scale)
