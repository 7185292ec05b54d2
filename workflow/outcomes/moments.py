"""Mean and variance of an outcome given its parameters, as expressions of the model's graph."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Any

from ...checks.hierarchy.distributions import distribution, family_of

_EULER = 0.5772156649015329


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean and variance of every row given the parameters.

    Attributes
    ----------
    mean, variance : TensorVariable
        One value per row. The variance is infinite where it does not exist. Categories count as
        0, 1, 2, ...
    probabilities : TensorVariable or None
        Of the categories, along the last axis; None for outcomes that are numbers.
    """

    mean: Any
    variance: Any
    probabilities: Any | None = None


def moments_of(rv: Any) -> Moments | None:
    """Return mean and variance of an outcome, None for families that are not known.

    Parameters
    ----------
    rv : TensorVariable
        An outcome of a model of plain tensors, or any distribution.

    References
    ----------
    Johnson, Kemp and Kotz (2005), Univariate Discrete Distributions; Johnson, Kotz and
    Balakrishnan (1994, 1995), Continuous Univariate Distributions. Mixtures: law of total variance.
    """
    import pytensor.tensor as pt

    base = distribution(rv)
    op = base.owner.op
    if hasattr(op, "base_rv_op"):  # truncated: the parameters are those of the whole distribution
        return None
    family = family_of(base)
    if "ixture" in type(op).__name__:
        return _of_mixture(base)
    if not hasattr(op, "dist_params"):
        return None
    # Whole numbers in few bits would overflow.
    q = [p.astype("float64") for p in op.dist_params(base.owner)]
    match family:
        case "Normal":
            found = q[0], q[1] ** 2
        case "StudentT":
            nu, mean, scale = q
            ratio = pt.switch(nu > 2, nu / pt.maximum(nu - 2, 1e-300), float("inf"))
            found = pt.switch(nu > 1, mean, float("nan")), scale**2 * ratio
        case "Laplace":
            found = q[0], 2 * q[1] ** 2
        case "Logistic":
            found = q[0], (pi * q[1]) ** 2 / 3
        case "Gumbel":
            found = q[0] + _EULER * q[1], (pi * q[1]) ** 2 / 6
        case "LogNormal":
            mean = pt.exp(q[0] + q[1] ** 2 / 2)
            found = mean, mean**2 * pt.expm1(q[1] ** 2)
        case "Uniform":
            found = (q[0] + q[1]) / 2, (q[1] - q[0]) ** 2 / 12
        case "Poisson":
            found = q[0], q[0]
        case "NegativeBinomial":
            mean = q[0] * (1 - q[1]) / q[1]
            found = mean, mean / q[1]
        case "Geometric":
            found = 1 / q[0], (1 - q[0]) / q[0] ** 2
        case "Binomial":
            mean = q[0] * q[1]
            found = mean, mean * (1 - q[1])
        case "BetaBinomial":
            n, a, b = q
            total = a + b
            mean = n * a / total
            found = mean, mean * b / total * (total + n) / (total + 1)
        case "Exponential":
            found = q[0], q[0] ** 2
        case "Gamma":
            found = q[0] * q[1], q[0] * q[1] ** 2
        case "InverseGamma":
            a, b = q
            mean = pt.switch(a > 1, b / pt.maximum(a - 1, 1e-300), float("inf"))
            exists = mean**2 / pt.maximum(a - 2, 1e-300)
            found = mean, pt.switch(a > 2, exists, float("inf"))
        case "Beta":
            total = q[0] + q[1]
            mean = q[0] / total
            found = mean, mean * (1 - mean) / (total + 1)
        case "Weibull":
            first, second = pt.gamma(1 + 1 / q[0]), pt.gamma(1 + 2 / q[0])
            found = q[1] * first, q[1] ** 2 * (second - first**2)
        case "DiracDelta":
            found = q[0], pt.zeros_like(q[0])
        case "Bernoulli":
            p = q[0]
            return Moments(*_full(p, p * (1 - p)), pt.stack([1 - p, p], axis=-1))
        case "Categorical":
            return _of_categories(q[0])
        case _:
            return None
    return Moments(*_full(*found))


def _full(mean: Any, variance: Any) -> tuple[Any, Any]:
    """Give mean and variance the same shape."""
    import pytensor.tensor as pt

    zero = pt.zeros_like(mean) * pt.zeros_like(variance)
    return mean + zero, variance + zero


def _of_categories(p: Any) -> Moments:
    import pytensor.tensor as pt

    score = pt.arange(p.shape[-1]).astype("float64")
    mean = (p * score).sum(-1)
    return Moments(mean, (p * score**2).sum(-1) - mean**2, p)


def _of_mixture(base: Any) -> Moments | None:
    """Combine the components of a mixture, stacked in one distribution or one for each."""
    op = base.owner.op
    _, weights, *components = (
        op.dist_params(base.owner)
        if _has_rng(op, base)
        else (
            None,
            *op.dist_params(base.owner),
        )
    )
    parts = [moments_of(c) for c in components]
    if any(p is None for p in parts):
        return None
    known = [p for p in parts if p is not None]
    if len(known) == 1:  # components are the last axis of one distribution
        mean = (weights * known[0].mean).sum(-1)
        square = (weights * (known[0].variance + known[0].mean ** 2)).sum(-1)
    else:
        mean = sum(weights[..., i] * p.mean for i, p in enumerate(known))
        square = sum(weights[..., i] * (p.variance + p.mean**2) for i, p in enumerate(known))
    return Moments(*_full(mean, square - mean**2))


def _has_rng(op: Any, base: Any) -> bool:
    from pytensor.tensor.random.type import RandomType

    first = op.dist_params(base.owner)[0]
    return isinstance(getattr(first, "type", None), RandomType)
