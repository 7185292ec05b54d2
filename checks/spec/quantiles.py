"""Prior quantiles in closed form, for priors whose parameters are constants."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy import special

from ..draws import Array
from ..hierarchy.variables import Variable

Parameters = Mapping[str, Array]


def _truncated_normal(parameters: Parameters, probability: float) -> Array:
    loc, scale = parameters["loc"], parameters["scale"]
    low, high = (special.ndtr((parameters[end] - loc) / scale) for end in ("lower", "upper"))
    return np.asarray(loc + scale * special.ndtri(low + probability * (high - low)))


#: From the parameters of a family, by role, and a probability to the quantile.
_QUANTILES: dict[str, Callable[[Parameters, float], Array]] = {
    "Beta": lambda q, p: special.betaincinv(q["a"], q["b"], p),
    "Cauchy": lambda q, p: q["loc"] + q["scale"] * np.tan(np.pi * (p - 0.5)),
    "Exponential": lambda q, p: -q["scale"] * np.log1p(-p),
    "Gamma": lambda q, p: q["scale"] * special.gammaincinv(q["shape"], p),
    "Gumbel": lambda q, p: q["loc"] - q["scale"] * np.log(-np.log(p)),
    "HalfCauchy": lambda q, p: q["scale"] * np.tan(np.pi * p / 2),
    "HalfNormal": lambda q, p: q["loc"] + q["scale"] * special.ndtri((1 + p) / 2),
    "HalfStudentT": lambda q, p: q["scale"] * special.stdtrit(q["df"], (1 + p) / 2),
    "InverseGamma": lambda q, p: q["scale"] / special.gammainccinv(q["shape"], p),
    "Laplace": lambda q, p: q["loc"] - q["scale"] * np.sign(p - 0.5) * np.log1p(-2 * abs(p - 0.5)),
    "LogNormal": lambda q, p: np.exp(q["loc"] + q["scale"] * special.ndtri(p)),
    "Logistic": lambda q, p: q["loc"] + q["scale"] * np.log(p / (1 - p)),
    "Normal": lambda q, p: q["loc"] + q["scale"] * special.ndtri(p),
    "StudentT": lambda q, p: q["loc"] + q["scale"] * special.stdtrit(q["df"], p),
    "TruncatedNormal": _truncated_normal,
    "Uniform": lambda q, p: q["lower"] + p * (q["upper"] - q["lower"]),
    "Weibull": lambda q, p: q["scale"] * (-np.log1p(-p)) ** (1 / q["shape"]),
}


def prior_quantile(variable: Variable, probability: float) -> Array | None:
    """Return a quantile of each element under the prior.

    Returns
    -------
    ndarray or None
        None for an improper prior, for one that depends on other variables, and for families
        without a closed form here.
    """
    if variable.family not in _QUANTILES:
        return None
    values: dict[str, Array] = {}
    for role, parameter in variable.parameters.items():
        if parameter.value is None:
            return None
        values[role] = np.asarray(parameter.value, dtype=float)
    with np.errstate(all="ignore"):
        found = np.asarray(_QUANTILES[variable.family](values, probability), dtype=float)
    if not np.isfinite(found).all():
        return None
    return found if found.ndim > len(variable.shape) else np.broadcast_to(found, variable.shape)


def centre_and_sd(variable: Variable) -> tuple[Array, Array] | None:
    """Return the median and half the width of the central 68% of each element under the prior."""
    low, middle, high = (prior_quantile(variable, p) for p in (0.158655, 0.5, 0.841345))
    if low is None or middle is None or high is None:
        return None
    return middle, (high - low) / 2
