r"""Log densities of hyperpriors as numbers in one formula.

With :math:`x = (v - m)/s`, every family below is

.. math::

    \log p(v) = c + a\log|x| + b\log^2|x| + d\,|x| + e\,x^2 + f\log(1 + |x|^q/\nu) + g\,|x|^r
    + h\log(1 - x)

between two bounds and :math:`-\infty` outside of them. A program that is compiled for the formula
changes from one family to another by changing numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from ...checks.draws import Array
from ...checks.hierarchy import value_of
from ..priors.families import family_of, in_double_precision, parameters_of


@dataclass(frozen=True, slots=True, kw_only=True)
class LogDensity:
    """The numbers of one prior in the formula of this module.

    Attributes
    ----------
    constant, log, log_squared, linear, squared, tail, power, complement : float
        Coefficients c, a, b, d, e, f, g, h.
    centre, scale : float
        m and s, in the unit of the variable.
    freedom, bend : float
        ν and q of the term with coefficient ``tail``.
    exponent : float
        r of the term with coefficient ``power``.
    lower, upper : float
        Bounds; infinite where there is none.
    """

    constant: float = 0.0
    log: float = 0.0
    log_squared: float = 0.0
    linear: float = 0.0
    squared: float = 0.0
    tail: float = 0.0
    power: float = 0.0
    complement: float = 0.0
    centre: float = 0.0
    scale: float = 1.0
    freedom: float = 1.0
    bend: float = 2.0
    exponent: float = -1.0
    lower: float = -math.inf
    upper: float = math.inf

    def __call__(self, values: Array) -> Array:
        """Evaluate at values of any shape."""
        return evaluate(self, values)

    def covers(self, other: LogDensity) -> bool:
        """Whether this prior is positive wherever another one is."""
        return self.lower <= other.lower and other.upper <= self.upper


#: Rows of the table that a program takes: one column per prior.
ROWS = tuple(LogDensity.__dataclass_fields__)


def table(priors: Sequence[LogDensity]) -> Array:
    """Return the numbers of several priors, shape ``(len(ROWS), priors)``."""
    return np.array([astuple(p) for p in priors], dtype=float).T


def evaluate(prior: LogDensity, values: Array) -> Array:
    """Evaluate the formula at values of any shape."""
    x = np.asarray((values - prior.centre) / prior.scale)
    with np.errstate(all="ignore"):
        found = prior.constant + prior.linear * np.abs(x) + prior.squared * x**2
        found = found + prior.tail * np.log1p(np.abs(x) ** prior.bend / prior.freedom)
        if prior.log or prior.log_squared:
            log = np.log(np.abs(x))
            found = found + prior.log * log + prior.log_squared * log**2
        if prior.power:
            found = found + prior.power * np.abs(x) ** prior.exponent
        if prior.complement:
            found = found + prior.complement * np.log(1 - x)
    inside = (values >= prior.lower) & (values <= prior.upper)
    return np.where(inside, found, -np.inf)


_Numbers = Mapping[str, float]

_SHAPES: Mapping[str, Callable[[_Numbers], LogDensity]] = {
    "Beta": lambda p: LogDensity(
        log=p["alpha"] - 1, complement=p["beta"] - 1, lower=0.0, upper=1.0
    ),
    "Cauchy": lambda p: LogDensity(centre=p["alpha"], scale=p["beta"], tail=-1.0),
    "Exponential": lambda p: LogDensity(scale=p["scale"], linear=-1.0, lower=0.0),
    "Gamma": lambda p: LogDensity(scale=p["scale"], log=p["alpha"] - 1, linear=-1.0, lower=0.0),
    "HalfCauchy": lambda p: LogDensity(scale=p["beta"], tail=-1.0, lower=0.0),
    "HalfNormal": lambda p: LogDensity(scale=p["sigma"], squared=-0.5, lower=0.0),
    "HalfStudentT": lambda p: LogDensity(
        scale=p["sigma"], tail=-(p["nu"] + 1) / 2, freedom=p["nu"], lower=0.0
    ),
    "InverseGamma": lambda p: LogDensity(
        scale=p["beta"], log=-p["alpha"] - 1, power=-1.0, lower=0.0
    ),
    "Laplace": lambda p: LogDensity(centre=p["mu"], scale=p["b"], linear=-1.0),
    "LogNormal": lambda p: LogDensity(
        scale=math.exp(p["mu"]), log=-1.0, log_squared=-0.5 / p["sigma"] ** 2, lower=0.0
    ),
    "Normal": lambda p: LogDensity(centre=p["mu"], scale=p["sigma"], squared=-0.5),
    "StudentT": lambda p: LogDensity(
        centre=p["mu"], scale=p["sigma"], tail=-(p["nu"] + 1) / 2, freedom=p["nu"]
    ),
    "TruncatedNormal": lambda p: LogDensity(
        centre=p["mu"], scale=p["sigma"], squared=-0.5, lower=p["lower"], upper=p["upper"]
    ),
    "Uniform": lambda p: LogDensity(lower=p["lower"], upper=p["upper"]),
    "Wald": lambda p: LogDensity(
        centre=p["alpha"],
        scale=p["mu"],
        log=-1.5,
        linear=-p["lam"] / (2 * p["mu"]),
        power=-p["lam"] / (2 * p["mu"]),
        lower=p["alpha"],
    ),
    "Weibull": lambda p: LogDensity(
        scale=p["beta"], log=p["alpha"] - 1, power=-1.0, exponent=p["alpha"], lower=0.0
    ),
}


def log_density_of(rv: Any) -> LogDensity | None:
    """Return the numbers of a distribution, or None where the formula does not hold it.

    The constant is taken from PyMC's own density at one point, and the formula is compared with
    PyMC's at others, so a family whose parametrisation changed is refused rather than wrong.

    Parameters
    ----------
    rv : TensorVariable
        Of a univariate distribution with constant parameters, the same for all elements.
    """
    values = parameters_of(rv)
    return None if values is None else _of_family(family_of(rv), tuple(values.items()))


@lru_cache(maxsize=1000)
def _of_family(family: str, parameters: tuple[tuple[str, float], ...]) -> LogDensity | None:
    shape, values = _SHAPES.get(family), dict(parameters)
    if shape is None:
        return None
    found = shape(values)
    points = _points(found)
    theirs = _their_log_density(family, values, points)
    found = replace(found, constant=float(theirs[0] - found(points)[0]))
    agrees = np.allclose(found(points), theirs, rtol=1e-9, atol=1e-9)
    return found if agrees and np.isfinite(theirs).all() else None


def _points(shape: LogDensity) -> Array:
    """Return points inside the bounds, near and far from where the prior has its mass."""
    if math.isfinite(shape.lower) and math.isfinite(shape.upper):
        return np.asarray(shape.lower + (shape.upper - shape.lower) * np.array([0.5, 0.1, 0.8]))
    if math.isfinite(shape.lower):
        return np.asarray(shape.lower + shape.scale * np.array([1.0, 0.3, 2.7]))
    if math.isfinite(shape.upper):
        return np.asarray(shape.upper - shape.scale * np.array([1.0, 0.3, 2.7]))
    return np.asarray(shape.centre + shape.scale * np.array([1.0, -0.3, 2.7]))


def _their_log_density(family: str, parameters: _Numbers, points: Array) -> Array:
    import pymc as pm

    # The parameters are the same for every element, so a scalar stands for all.
    return value_of(pm.logp(in_double_precision(family, parameters), points))


def of_power(density: LogDensity, power: float) -> LogDensity:
    """Return the density of v where that of a positive scale s = v**power is known.

    Parameters
    ----------
    density : LogDensity
        Of the scale: positive, centred on zero, with at most one of the terms ``linear``,
        ``squared`` and ``power``.
    power : float
        1/2 where v is a variance, -1/2 where it is a precision.
    """
    grown = {1.0: density.linear, 2.0: density.squared, density.exponent: density.power}
    terms = {exponent: factor for exponent, factor in grown.items() if factor}
    if density.lower < 0 or density.centre or density.complement or len(terms) > 1:
        raise ValueError("not the density of a scale with one growing term")
    ((exponent, factor),) = terms.items() or [(1.0, 0.0)]
    scale = density.scale ** (1 / power)
    ends = sorted(_end(end, power) for end in (density.lower, density.upper))
    return LogDensity(
        constant=density.constant + math.log(abs(power)) + (power - 1) * math.log(scale),
        log=density.log * power + power - 1,
        log_squared=density.log_squared * power**2,
        tail=density.tail,
        power=factor,
        scale=scale,
        freedom=density.freedom,
        bend=density.bend * power,
        exponent=exponent * power,
        lower=ends[0],
        upper=ends[1],
    )


def _end(end: float, power: float) -> float:
    """Return where a bound of a scale lies for v, whose power it is."""
    if end == 0:
        return 0.0 if power > 0 else math.inf
    if math.isinf(end):
        return math.inf if power > 0 else 0.0
    return float(end ** (1 / power))


def quantiles(density: LogDensity, at: Array) -> Array:
    """Return quantiles of a prior, by summing its density over a fine grid.

    The grid reaches a million scales to each side, and is fine to a part in a thousand; NaN where
    the prior reaches further.
    """
    steps = np.geomspace(1e-6, 1e6, 20_001) * density.scale
    low, high = density.lower, density.upper
    if math.isfinite(low) and math.isfinite(high):
        grid = np.linspace(low, high, 20_002)[1:-1]
    elif math.isfinite(low):
        grid = low + steps
    elif math.isfinite(high):
        grid = high - steps[::-1]
    else:
        grid = density.centre + np.concatenate([-steps[::-1], steps])
    logs = density(grid)
    heights = np.exp(logs - logs.max())
    ends = np.abs(grid - density.centre) * heights
    if max(ends[0], ends[-1]) > 1e-3 * ends.max() and math.isinf(high - low):
        return np.full(np.shape(at), math.nan)
    mass = np.concatenate([[0.0], np.cumsum(np.diff(grid) * (heights[1:] + heights[:-1]) / 2)])
    return np.asarray(np.interp(at, mass / mass[-1], grid))
