"""Where a distribution lies, as an expression of its parameters, and what a likelihood is called.

The location is what a linear predictor sets: the mean where one parameter is the mean, else the
parameter that shifts or stretches the distribution. It leaves out what inflates zeros, censors or
truncates: those hide part of the data and do not move the rest.
"""

from __future__ import annotations

from typing import Any

from .distributions import as_tensor, distribution, family_of, is_random, named_parameters
from .variables import Variable

#: Families whose mean is a probability, or a number of successes.
PROBABILITIES = ("Bernoulli", "Beta", "BetaBinomial", "Binomial", "Kumaraswamy")

#: Families in which one parameter is the location.
_ONE_PARAMETER = {
    **dict.fromkeys(["Bernoulli", "Binomial"], "p"),
    **dict.fromkeys(["Exponential", "HalfCauchy", "HalfStudentT", "InverseGamma"], "scale"),
    **dict.fromkeys(["HalfNormal", "Weibull"], "scale"),
    **dict.fromkeys(["Poisson", "Wald"], "mean"),
}

#: Components of a mixture that stand for zeros only.
_ATOM = "DiracDelta"


def location_of(rv: Any) -> Any:
    """Return the location of a distribution, or None where it has none that is known."""
    family, parameters = family_of(rv), dict(named_parameters(rv))
    components = [p for p in parameters.values() if _is_component(p)]
    if "base" in parameters:
        return location_of(parameters["base"])
    if family in ("Mixture", "Hurdle"):
        return _of_mixture(rv, components)
    q = {role: as_tensor(p) for role, p in parameters.items() if not _is_component(p)}
    if family in _ONE_PARAMETER:
        return q[_ONE_PARAMETER[family]]
    return _from_several(rv, family, q)


def _from_several(rv: Any, family: str, q: dict[str, Any]) -> Any:
    import pytensor.tensor as pt

    match family:
        case "Categorical":
            return None
        case "Beta" | "BetaBinomial" | "Kumaraswamy":
            return q["a"] / (q["a"] + q["b"])
        case "Gamma":
            return q["shape"] * q["scale"]
        case "Geometric":
            return 1 / q["p"]
        case "LogNormal":
            return pt.exp(q["loc"])
        case "NegativeBinomial":
            return q["n"] * (1 - q["p"]) / q["p"]
    return q["loc"] if "loc" in q else _mean(rv)


def _of_mixture(rv: Any, components: list[Any]) -> Any:
    """Return the location of what is not an atom; of several components, their mean."""
    living = [c for c in components if family_of(c) != _ATOM]
    if len(living) == 1 and len(components) > 1:
        return location_of(living[0])
    return _mean(rv)


def components_of(rv: Any) -> list[Any]:
    """Return the components of a mixture that are no atoms at one value; else an empty list.

    A zero-inflated or hurdle distribution has one such component, which is not told apart from
    others, and returns an empty list too.
    """
    if family_of(rv) != "Mixture":
        return []
    components = [p for _, p in named_parameters(rv) if _is_component(p)]
    if len(components) > 1 and any(family_of(c) == _ATOM for c in components):
        return []
    return components


def _is_component(parameter: Any) -> bool:
    return is_random(parameter) and parameter.name is None


def _mean(rv: Any) -> Any:
    from pymc.distributions.moments import mean

    try:
        return mean(distribution(rv))
    except Exception:  # PyMC knows no mean
        return None


def base_family(rv: Any) -> str:
    """Return the family behind censoring, truncation, excess zeros and hurdles."""
    family = family_of(rv)
    parameters = [p for _, p in named_parameters(rv)]
    if family in ("Mixture", "Hurdle"):
        living = [c for c in parameters if _is_component(c) and family_of(c) != _ATOM]
        return base_family(living[0]) if len(living) == 1 and not components_of(rv) else family
    base = dict(named_parameters(rv)).get("base")
    return family if base is None else base_family(base)


def likelihood_name(outcome: Variable) -> str:
    """Return what a likelihood is called: ``ZeroInflatedPoisson``, ``Censored Normal``, ..."""
    family, base = outcome.family, base_family(outcome.rv)
    if family.startswith("CustomDist"):
        return "CustomDist"
    if family == "Hurdle":
        return f"Hurdle{base}"
    if family == "Censored":
        return f"Censored {base}"
    if family != "Mixture":
        return "MvNormal" if family == "MultivariateNormal" else family
    components = components_of(outcome.rv)
    if not components:
        return f"ZeroInflated{base}"
    families = {family_of(c) for c in components}
    return "NormalMixture" if families == {"Normal"} else "Mixture"
