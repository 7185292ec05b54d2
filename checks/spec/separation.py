"""SPC207: predictors that split the outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..finding import Verdict
from ..hierarchy.predictor import Predictor, element_of, slopes_of
from ..hierarchy.variables import Variable, Variables
from ..words import number
from . import examples
from .quantiles import centre_and_sd
from .rule import Fault, rule

_X = examples.DATA["x"]


@rule("SPC207", Verdict.WARN)
def separation_with_weak_prior(
    variables: Variables, predictors: Sequence[Predictor], *, widest: float = 5.0
) -> Iterator[Fault]:
    """A predictor separates the outcomes, and the prior does not stop its coefficient.

    **Asks**: does a predictor of a binary outcome split zeros from ones without an exception,
    while the prior of its coefficient is flat, has Cauchy-like tails (3 degrees of freedom or
    fewer) or an sd above ``widest`` per sd of the predictor?
    **Why it matters**: the likelihood rises for ever: the estimate is whatever the tail of the
    prior allows. With Cauchy tails the posterior mean may not exist.
    **What to do**: ``pm.Normal("b", 0, 2.5)`` on a standardised predictor.
    **Thresholds**: ``widest`` 5, twice the scale that the second source recommends.
    **Source**: Ghosh, Li and Mitra (2018), doi:10.1214/17-BA1051; Gelman et al. (2008),
    doi:10.1214/08-AOAS191.
    """
    for predictor, column in slopes_of(predictors):
        y = predictor.values
        if predictor.outcome.family != "Bernoulli" or np.unique(y).size != 2:
            continue
        variable = variables[column.variable]
        for k, x in enumerate(column.design.T):
            zeros, ones = x[y == 0], x[y == 1]
            if not (zeros.max() < ones.min() or ones.max() < zeros.min()):
                continue
            weak = _weak(variable, k, float(x.std()), widest)
            if weak:
                yield Fault(
                    variable,
                    f"The predictor of {element_of(variable, k)} splits the zeros of "
                    f"{predictor.outcome.name} from its ones, and the prior {weak}",
                    f'use pm.Normal("{variable.name}", 0, {number(2.5 / float(x.std()))})',
                )
                break


def _weak(variable: Variable, k: int, spread: float, widest: float) -> str:
    if variable.family in ("Flat", "HalfFlat"):
        return "is flat"
    if variable.family == "Cauchy" or (variable.number("df") or np.inf) <= 3:
        return "has heavy tails"
    prior = centre_and_sd(variable)
    if prior is not None and float(prior[1].ravel()[k]) * spread > widest:
        return f"has an sd of {number(float(prior[1].ravel()[k]) * spread)} per sd of x"
    return ""


_SPLIT = (_X > 0.2).astype(int)

separation_with_weak_prior.passes(lambda: examples.logistic(_X))
separation_with_weak_prior.fails(
    lambda: examples.logistic(_X, _SPLIT, prior=lambda pm: pm.Cauchy("b", 0, 2.5)), Verdict.WARN
)
separation_with_weak_prior.false_alarm(lambda: examples.logistic(_X, _SPLIT))
