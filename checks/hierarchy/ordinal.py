"""Linear predictors of outcomes with several categories: one number for every row and threshold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .distributions import as_tensor
from .probe import LINKS, Probe, finite_probe
from .response import Response
from .variables import Support, Variable

#: Links of the cumulative probabilities of ordinal outcomes, and what PyMC calls the family.
CUMULATIVE = {"logit": "OrderedLogistic", "probit": "OrderedProbit"}


def cumulative(response: Response, outcome: Variable) -> tuple[str, Probe] | None:
    """Return the link of an ordinal outcome, and its thresholds minus its predictor.

    An outcome with the categories 0 to K is ordinal when the probabilities of "k or less" are, on
    the scale of a link, a threshold minus a predictor.

    Returns
    -------
    (link, Probe) or None
        Values of the probe have shape (rows * K,), thresholds last. None where the outcome is not
        ordinal.
    """
    import pytensor.tensor as pt

    if outcome.family != "Categorical":
        return None
    p = as_tensor(outcome.parameters["p"].expression)
    return _first_linear(response, outcome, pt.cumsum(p, axis=-1)[..., :-1], CUMULATIVE)


def softmax(response: Response, outcome: Variable) -> Probe | None:
    """Return the log odds of every category against the first, where they are linear."""
    import pytensor.tensor as pt

    if outcome.family not in ("Categorical", "Multinomial"):
        return None
    log_p = pt.log(as_tensor(outcome.parameters["p"].expression))
    found = _first_linear(response, outcome, log_p[..., 1:] - log_p[..., 0, None], ["identity"])
    return None if found is None else found[1]


def _first_linear(
    response: Response, outcome: Variable, expression: Any, links: Iterable[str]
) -> tuple[str, Probe] | None:
    variables = response.variables
    probe = finite_probe(response, expression, outcome)
    if probe is None:
        return None
    above = [variables[n] for n in variables.parents_of(expression) if n != outcome.name]
    moving = [
        v for v in above if v.support in (Support.REAL, Support.POSITIVE) and probe.responds_to(v)
    ]
    for name in links:
        linked = probe.through(LINKS[name])
        if any(linked.is_linear_in(v) for v in moving):
            return name, linked
    return None
