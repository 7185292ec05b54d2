"""SPC108: parameters that leave the domain of their distribution."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..finding import Verdict
from ..hierarchy.response import Response
from ..hierarchy.variables import Support, Variable, Variables
from ..words import number
from . import examples
from .quantiles import prior_quantile
from .rule import Fault, rule

_POSITIVE = (0.0, np.inf)
_PROBABILITY = (0.0, 1.0)

#: Domains by role; ``p`` of a categorical is normalised by PyMC and left alone.
_DOMAINS = {
    "scale": _POSITIVE,
    "shape": _POSITIVE,
    "df": _POSITIVE,
    "a": _POSITIVE,
    "b": _POSITIVE,
    "concentration": _POSITIVE,
    "mean": _POSITIVE,
    "p": _PROBABILITY,
}
_FAMILIES_LEFT_ALONE = (
    "AsymmetricLaplace",
    "Categorical",
    "Multinomial",
    "SkewNormal",
    "SkewStudentT",
    "Triangular",
    "Uniform",
)


@rule("SPC108", Verdict.FAIL)
def parameter_outside_domain(
    variables: Variables, response: Response, *, tail: float = 0.01
) -> Iterator[Fault]:
    """A parameter can take a value that its distribution does not allow.

    **Asks**: with one parent at its ``tail`` or 1 - ``tail`` prior quantile and the others at
    their medians, is a scale, rate or shape negative, or a probability outside 0 to 1?
    **Why it matters**: the density is zero there: the sampler runs into walls that it cannot see,
    and draws from the prior fail.
    **What to do**: use a link, ``pm.Poisson("y", mu=pm.math.exp(eta))`` or
    ``pm.Bernoulli("y", logit_p=eta)``, or a positive prior, ``pm.HalfNormal("sigma", 1)``.
    **Thresholds**: ``tail`` 1%: rarer trouble is left to the sampler.
    **Source**: the Stan reference manual on constraints; stanc3, pedantic mode.
    """
    middle = {n: _quantile(v, 0.5) for n, v in variables.items() if not v.observed}
    middle = {n: m for n, m in middle.items() if m is not None}
    for variable in variables.values():
        for role, parameter in variable.parameters.items():
            domain = _DOMAINS.get(role)
            if domain is None or variable.family in _FAMILIES_LEFT_ALONE:
                continue
            if (variable.name, role) not in response.keys:
                continue
            for parent in parameter.parents:
                reached = _furthest(response, parameter.expression, middle, variables[parent], tail)
                if reached is not None and (reached[0] < domain[0] or reached[1] > domain[1]):
                    bad = reached[0] if reached[0] < domain[0] else reached[1]
                    yield Fault(
                        variable,
                        f"The {role} of {variable.name} ({variable.family}) reaches {number(bad)} "
                        f"within the prior of {parent}",
                        "use a link or a prior with the right support",
                        value=bad,
                        threshold=domain[0] if bad < domain[0] else domain[1],
                    )
                    break


def _furthest(
    response: Response,
    expression: object,
    middle: dict[str, np.ndarray | None],
    parent: Variable,
    tail: float,
) -> tuple[float, float] | None:
    """Return the lowest and highest value of a parameter as one parent goes to its tails."""
    values = []
    for probability in (tail, 1 - tail):
        at = _quantile(parent, probability)
        if at is None:
            return None
        values.append(response.evaluate(expression, {**middle, parent.name: at}))
    both = np.concatenate([np.ravel(v) for v in values])
    return (float(np.min(both)), float(np.max(both))) if np.isfinite(both).all() else None


def _quantile(variable: Variable, probability: float) -> np.ndarray | None:
    found = None if variable.parents else prior_quantile(variable, probability)
    if found is None and variable.support is Support.DISCRETE:
        return None
    return found


parameter_outside_domain.passes(
    lambda: examples.outcome(
        lambda pm, a, s: pm.Poisson("y", pm.math.exp(a), observed=examples.DATA["counts"])
    )
)
parameter_outside_domain.fails(
    lambda: examples.outcome(lambda pm, a, s: pm.Poisson("y", a, observed=examples.DATA["counts"]))
)
parameter_outside_domain.false_alarm(
    lambda: examples.outcome(
        lambda pm, a, s: pm.Poisson("y", pm.Normal("rate", 20, 2), observed=examples.DATA["counts"])
    )
)
