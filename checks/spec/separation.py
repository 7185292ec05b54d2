"""SPC207, SPC208: coefficients of binary outcomes that the data do not bound."""

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

    **Asks**: does a predictor of a binary outcome split zeros from ones without an exception
    (ties on the border count as split), while the prior of its coefficient is flat, has
    Cauchy-like tails (3 degrees of freedom or fewer) or an sd above ``widest`` per sd of the
    predictor?
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
            split = zeros.max() <= ones.min() or ones.max() <= zeros.min()
            if not split or np.ptp(x) == 0:
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

_RARE = (np.arange(_X.size) < 4).astype(float)


def _all_ones_where_rare() -> np.ndarray:
    """Every row with the rare property is a one; other rows are mixed."""
    return np.where(_RARE > 0, 1, np.arange(_X.size) % 2)


separation_with_weak_prior.fails(
    lambda: examples.logistic(_RARE, _all_ones_where_rare(), prior=lambda pm: pm.Flat("b")),
    Verdict.WARN,
)
separation_with_weak_prior.false_alarm(
    lambda: examples.logistic(_RARE, np.arange(_X.size) % 2, prior=lambda pm: pm.Flat("b"))
)


@rule("SPC208", Verdict.WARN)
def heavy_tail_left_to_prior(
    variables: Variables, predictors: Sequence[Predictor], *, error: float = 2.5, df: float = 3.0
) -> Iterator[Fault]:
    """The data do not bound a coefficient on a logit scale, and its prior has heavy tails.

    **Asks**: does a coefficient of a binary outcome have a prior with Cauchy-like tails (``df``
    degrees of freedom or fewer), while the data alone would leave a standard error above
    ``error``?
    **Why it matters**: where the data say little, the posterior has the tails of the prior:
    log-odds beyond 10 keep their weight, draws are far apart and mix slowly, and with Cauchy tails
    the posterior mean may not exist.
    **What to do**: ``pm.Normal("b", 0, 2.5)`` on a standardised predictor; or
    ``pm.StudentT("b", nu=7, mu=0, sigma=2.5)``, which still allows for large effects.
    **Thresholds**: ``error`` 2.5, the scale the second source recommends for the prior: beyond it
    the prior knows more than the data; ``df`` 3, below which the variance is hardly finite. The
    standard error is that of one coefficient at the observed share of ones.
    **Source**: Ghosh, Li and Mitra (2018), doi:10.1214/17-BA1051; Gelman et al. (2008),
    doi:10.1214/08-AOAS191.
    """
    for predictor, column in slopes_of(predictors):
        variable = variables[column.variable]
        if predictor.outcome.family != "Bernoulli" or predictor.link not in ("logit", "probit"):
            continue
        tails = 1.0 if variable.family == "Cauchy" else variable.number("df")
        if tails is None or tails > df or variable.family not in ("Cauchy", "StudentT"):
            continue
        share = float(np.clip(predictor.values.mean(), 0.5 / predictor.values.size, 1.0))
        share = min(share, 1 - 0.5 / predictor.values.size)
        for k, x in enumerate(column.design.T):
            information = share * (1 - share) * float(((x - x.mean()) ** 2).sum())
            if information * error**2 >= 1:
                continue
            told = "without end" if information == 0 else number(information**-0.5)
            yield Fault(
                variable,
                f"The data leave {element_of(variable, k)} a standard error {told}, and its prior "
                f"{variable.family} has heavy tails: the prior decides how large it is",
                f'use pm.Normal("{variable.name}", 0, {number(error)}) on a standardised predictor',
                value=None if information == 0 else information**-0.5,
                threshold=error,
            )
            break


_FEW_ONES = (np.arange(_X.size) % 80 == 0).astype(int)
_SMALL = 0.1 * _X

heavy_tail_left_to_prior.passes(lambda: examples.logistic(_SMALL, _FEW_ONES))
heavy_tail_left_to_prior.fails(
    lambda: examples.logistic(_SMALL, _FEW_ONES, prior=lambda pm: pm.Cauchy("b", 0, 2.5)),
    Verdict.WARN,
)
heavy_tail_left_to_prior.false_alarm(
    lambda: examples.logistic(_X, prior=lambda pm: pm.Cauchy("b", 0, 2.5))  # enough data
)
