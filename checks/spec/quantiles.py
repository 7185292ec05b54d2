"""Prior quantiles in closed form, for priors whose parameters are constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..draws import Array
from ..hierarchy.variables import Variable

#: From the parameters of a family, by role, to the frozen distribution of ``scipy.stats``.
_FROZEN: dict[str, Callable[[Any, dict[str, Array]], Any]] = {
    "Beta": lambda s, p: s.beta(p["a"], p["b"]),
    "Cauchy": lambda s, p: s.cauchy(p["loc"], p["scale"]),
    "Exponential": lambda s, p: s.expon(scale=p["scale"]),
    "Gamma": lambda s, p: s.gamma(p["shape"], scale=p["scale"]),
    "Gumbel": lambda s, p: s.gumbel_r(p["loc"], p["scale"]),
    "HalfCauchy": lambda s, p: s.halfcauchy(scale=p["scale"]),
    "HalfNormal": lambda s, p: s.halfnorm(p["loc"], p["scale"]),
    "HalfStudentT": lambda s, p: _HalfT(s.t(p["df"], scale=p["scale"])),
    "InverseGamma": lambda s, p: s.invgamma(p["shape"], scale=p["scale"]),
    "Laplace": lambda s, p: s.laplace(p["loc"], p["scale"]),
    "LogNormal": lambda s, p: s.lognorm(p["scale"], scale=np.exp(p["loc"])),
    "Logistic": lambda s, p: s.logistic(p["loc"], p["scale"]),
    "Normal": lambda s, p: s.norm(p["loc"], p["scale"]),
    "StudentT": lambda s, p: s.t(p["df"], p["loc"], p["scale"]),
    "TruncatedNormal": lambda s, p: s.truncnorm(
        (p["lower"] - p["loc"]) / p["scale"],
        (p["upper"] - p["loc"]) / p["scale"],
        p["loc"],
        p["scale"],
    ),
    "Uniform": lambda s, p: s.uniform(p["lower"], p["upper"] - p["lower"]),
    "Weibull": lambda s, p: s.weibull_min(p["shape"], scale=p["scale"]),
}


class _HalfT:
    """The absolute value of a symmetric variable centred at zero."""

    def __init__(self, whole: Any) -> None:
        self.whole = whole

    def ppf(self, probability: float) -> Any:
        return self.whole.ppf((1 + probability) / 2)


def prior_quantile(variable: Variable, probability: float) -> Array | None:
    """Return a quantile of each element under the prior.

    Returns
    -------
    ndarray or None
        None for an improper prior, for one that depends on other variables, and for families
        without a closed form here.
    """
    from scipy import stats

    if variable.family == "_lkjcholeskycov" or variable.family not in _FROZEN:
        return None
    values: dict[str, Array] = {}
    for role, parameter in variable.parameters.items():
        if parameter.value is None:
            return None
        values[role] = np.asarray(parameter.value, dtype=float)
    with np.errstate(all="ignore"):
        found = np.asarray(_FROZEN[variable.family](stats, values).ppf(probability), dtype=float)
    if not np.isfinite(found).all():
        return None
    return found if found.ndim > len(variable.shape) else np.broadcast_to(found, variable.shape)


def centre_and_sd(variable: Variable) -> tuple[Array, Array] | None:
    """Return the median and half the width of the central 68% of each element under the prior."""
    low, middle, high = (prior_quantile(variable, p) for p in (0.158655, 0.5, 0.841345))
    if low is None or middle is None or high is None:
        return None
    return middle, (high - low) / 2
