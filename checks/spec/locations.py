"""SPC2xx: priors of intercepts, population means and coefficients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..draws import Array
from ..finding import Verdict
from ..hierarchy.predictor import Predictor, element_of, is_constant, slopes_of
from ..hierarchy.response import Response
from ..hierarchy.variables import Support, Variable, Variables
from ..words import number
from . import examples
from .quantiles import centre_and_sd, prior_quantile
from .rule import Fault, rule
from .scales import prior_in_words
from .spreads import GroupEffect, Spread

#: Bounds that a quantity has by nature: probabilities, correlations, angles.
_NATURAL_BOUNDS = ((0, 1), (-1, 1), (0, 2 * np.pi), (-np.pi, np.pi))


def locations_of(
    variables: Variables, predictor: Predictor, effects: Sequence[GroupEffect]
) -> list[Variable]:
    """Return what shifts rows: intercepts, means of group effects, effects without a scale."""
    names = list(predictor.intercepts)
    for effect in effects:
        if effect.predictor is not predictor or not effect.grouped.is_intercept:
            continue
        if effect.style == "unpooled":
            names.append(effect.variable.name)
        location = effect.variable.parameters.get("loc")
        if effect.style == "centred" and location is not None and len(location.parents) == 1:
            names.extend(location.parents)
    found = [variables[n] for n in dict.fromkeys(names)]
    return [v for v in found if v.support is Support.REAL and not v.is_standardised]


@rule("SPC201", Verdict.WARN)
def location_prior_too_wide(
    variables: Variables,
    predictors: Sequence[Predictor],
    group_effects: Sequence[GroupEffect],
    *,
    units: float = 100.0,
    link_scale: float = 10.0,
) -> Iterator[Fault]:
    """A location could be anywhere.

    **Asks**: is the prior sd of an intercept or population mean more than ``units`` times the
    larger of sd(y) and the mean of y, or more than ``link_scale`` on a log or logit scale?
    **Why it matters**: on a logit scale such a prior says that the probability is 0 or 1; on a log
    scale data sets simulated from it overflow. With an identity link it does little harm to the
    posterior, but ends prior predictive checks and model comparison. Often a unit is wrong.
    **What to do**: ``pm.Normal("mu", plausible_centre, plausible_sd)``; on a logit scale
    ``pm.Normal("a", 0, 1.5)``.
    **Thresholds**: ``units`` 100 and ``link_scale`` 10 are conventions of poolwise, far beyond
    what any study needs.
    **Source**: Gabry et al. (2019), doi:10.1111/rssa.12378, section 3.
    """
    for predictor in predictors:
        centre = predictor.centre_of_data()
        for variable in locations_of(variables, predictor, group_effects):
            prior = centre_and_sd(variable)
            if prior is None or predictor.unit == 0:
                continue
            sd = float(np.max(prior[1]))
            if predictor.link == "identity":
                size = max(predictor.unit, abs(centre or 0.0))
                limit, told = units * size, f"{number(sd / size)} times the size of the data"
            else:
                limit, told = link_scale, f"on the {predictor.link} scale"
            if sd > limit:
                yield Fault(
                    variable,
                    f"The prior of {variable.name} has an sd of {number(sd)}, {told}",
                    f'use pm.Normal("{variable.name}", {number(centre or 0.0)}, '
                    f"{number(2.5 * max(predictor.unit, 0.6))})",
                    value=sd,
                    threshold=limit,
                )


location_prior_too_wide.passes(examples.grouped)
location_prior_too_wide.fails(
    lambda: examples.grouped(mu=lambda pm: pm.Normal("mu", 0, 1e4)), Verdict.WARN
)
location_prior_too_wide.false_alarm(lambda: examples.grouped(mu=lambda pm: pm.Normal("mu", 0, 100)))


@rule("SPC202", Verdict.WARN)
def prior_far_from_data(
    variables: Variables,
    response: Response,
    predictors: Sequence[Predictor],
    *,
    sds: float = 4.0,
) -> Iterator[Fault]:
    """The data lie where the prior does not expect them.

    **Asks**: is the mean of the outcome further from where the prior puts it than ``sds`` prior
    standard deviations and one sd of the data?
    **Why it matters**: prior and data disagree, and the posterior is a compromise that neither
    side means. Usually the outcome has another unit or was not centred.
    **What to do**: move the prior, ``pm.Normal("mu", plausible_centre, plausible_sd)``, or centre
    the outcome.
    **Thresholds**: ``sds`` 4, a convention of poolwise.
    **Source**: Evans and Moshonov (2006), doi:10.1214/06-BA129.
    """
    for predictor in predictors:
        expected = _expected_mean(variables, response, predictor)
        centre = predictor.centre_of_data()
        if expected is None or centre is None:
            continue
        where, sd = expected
        if abs(centre - where) > sds * sd + predictor.unit:
            scale = "" if predictor.link == "identity" else f" ({predictor.link} scale)"
            names = ", ".join(predictor.intercepts) or "the prior"
            yield Fault(
                variables[predictor.intercepts[0]] if predictor.intercepts else predictor.outcome,
                f"The mean of {predictor.outcome.name} is {number(centre)}{scale}, where {names} "
                f"expects {number(where)} ± {number(sd)}",
                "check the unit, or centre the prior there",
                value=abs(centre - where) / max(sd, 1e-300),
                threshold=sds,
            )


def _expected_mean(
    variables: Variables, response: Response, predictor: Predictor
) -> tuple[float, float] | None:
    """Return centre and sd of the mean of the linear predictor under the prior."""
    middle: dict[str, Array] = {}
    high_scales: dict[str, Array] = {}
    offsets: list[Variable] = []
    variance = 0.0
    for name in [*predictor.others, *(g.variable for g in predictor.grouped)]:
        variable = variables[name]
        if variable.support is Support.REAL and variable.parents and "loc" in variable.parameters:
            above = {n: m for n in variable.parents if (m := _median(variables[n])) is not None}
            location = variable.parameters["loc"]
            if set(location.parents) - set(above):
                return None
            middle[name] = np.broadcast_to(
                response.evaluate(location.expression, above), variable.shape
            )
            for parent in location.parents:
                spread = centre_and_sd(variables[parent])
                variance += np.inf if spread is None else float(np.max(spread[1])) ** 2
            scale = variable.parameters.get("scale")
            for parent in scale.parents if scale else ():
                high = prior_quantile(variables[parent], 0.9)
                variance += np.inf if high is None else float(np.max(high)) ** 2 / variable.size
        elif (found := _median(variable)) is not None:
            middle[name] = found
            high = prior_quantile(variable, 0.9)
            if variable.is_standardised and variable.size > 1:
                offsets.append(variable)
            elif variable.support is Support.REAL and high is not None and name in predictor.others:
                return None  # not linear: its spread cannot be added
            elif high is not None and variable.support is Support.POSITIVE:
                high_scales[name] = high
        else:
            return None
    for column in predictor.columns:
        spread = centre_and_sd(variables[column.variable])
        if spread is None or variables[column.variable].family in ("Cauchy", "StudentT"):
            return None
        middle[column.variable] = spread[0]
        shares = column.design.mean(axis=0) * spread[1].ravel()
        variance += float(np.sum(shares**2))
    with np.errstate(all="ignore"):
        where = float(np.mean(predictor.probe.at(middle)))
        for offset in offsets:
            wide = {**middle, **high_scales}
            moved = predictor.probe.at({**wide, offset.name: np.ones(offset.shape)})
            shift = float(np.mean(moved - predictor.probe.at(wide)))
            variance += shift**2 / offset.size
    return (where, float(np.sqrt(variance))) if np.isfinite([where, variance]).all() else None


def _median(variable: Variable) -> Array | None:
    return None if variable.parents else prior_quantile(variable, 0.5)


prior_far_from_data.passes(examples.grouped)
prior_far_from_data.fails(
    lambda: examples.grouped(mu=lambda pm: pm.Normal("mu", 50, 2)), Verdict.WARN
)
prior_far_from_data.false_alarm(lambda: examples.grouped(mu=lambda pm: pm.Normal("mu", 10, 2)))
# Without an intercept, the groups themselves reach the data.
prior_far_from_data.false_alarm(
    lambda: examples.grouped(mu=lambda pm: 0.0, tau=lambda pm: pm.HalfNormal("tau", 5))
)


@rule("SPC203", Verdict.WARN)
def flat_prior(variables: Variables, spreads: Sequence[Spread]) -> Iterator[Fault]:
    """A prior is flat without end.

    **Asks**: is a prior ``Flat`` or ``HalfFlat`` (scales between groups are SPC102)?
    **Why it matters**: nothing can be simulated from it, so the prior cannot be checked, and the
    marginal likelihood does not exist.
    **What to do**: ``pm.Normal("mu", plausible_centre, wide_sd)``.
    **Thresholds**: none.
    **Source**: Gabry et al. (2019), doi:10.1111/rssa.12378, section 3.
    """
    between = {s.variable.name for s in spreads if not s.noise}
    for variable in variables.free:
        if variable.family in ("Flat", "HalfFlat") and variable.name not in between:
            proper = "HalfNormal" if variable.family == "HalfFlat" else "Normal"
            yield Fault(
                variable,
                f"The prior of {variable.name}, {variable.family}, is improper: nothing can be "
                "simulated from it",
                f'use pm.{proper}("{variable.name}", ...)',
            )


flat_prior.passes(examples.grouped)
flat_prior.fails(lambda: examples.grouped(mu=lambda pm: pm.Flat("mu")), Verdict.WARN)
flat_prior.false_alarm(lambda: examples.grouped(mu=lambda pm: pm.Uniform("mu", -100, 100)))


@rule("SPC204", Verdict.WARN)
def coefficient_prior_too_wide(
    variables: Variables, predictors: Sequence[Predictor], *, units: float = 20.0
) -> Iterator[Fault]:
    """A coefficient is expected to explain far more than there is.

    **Asks**: does one prior sd of a coefficient, times the sd of its predictor, move the linear
    predictor by more than ``units`` ordinary sizes: sd(y), or 0.5 on the log and logit scales?
    **Why it matters**: on log and logit scales the prior then puts all its weight on rates of zero
    and infinity, probabilities of zero and one. Usually the predictor was not standardised.
    **What to do**: ``x = (x - x.mean()) / x.std()`` and ``pm.Normal("b", 0, 1)``.
    **Thresholds**: ``units`` 20, a convention of poolwise.
    **Source**: the Stan prior choice recommendations; Gabry et al. (2019),
    doi:10.1111/rssa.12378.
    """
    for predictor, column in slopes_of(predictors):
        variable = variables[column.variable]
        prior = centre_and_sd(variable)
        if prior is None or predictor.unit == 0:
            continue
        moved = prior[1].ravel() * column.design.std(axis=0) / predictor.unit
        worst = int(np.argmax(moved))
        if moved[worst] > units:
            spread = float(column.design[:, worst].std())
            yield Fault(
                variable,
                f"One prior sd of {element_of(variable, worst)} moves the predictor by "
                f"{number(moved[worst])} ordinary sizes (its x has sd {number(spread)})",
                f"standardise x, or use sigma={number(2.5 * predictor.unit / spread)}",
                value=float(moved[worst]),
                threshold=units,
            )


_X = examples.DATA["x"]

coefficient_prior_too_wide.passes(lambda: examples.regression(_X))
coefficient_prior_too_wide.fails(lambda: examples.regression(1000 * _X), Verdict.WARN)
coefficient_prior_too_wide.false_alarm(lambda: examples.regression(3 * _X))


@rule("SPC205", Verdict.NOTE)
def predictor_not_standardised(
    variables: Variables,
    predictors: Sequence[Predictor],
    *,
    largest: float = 100.0,
    offset: float = 10.0,
) -> Iterator[Fault]:
    """A predictor has an awkward scale.

    **Asks**: is the sd of a predictor above ``largest`` or below 1/``largest``, or its mean
    further than ``offset`` standard deviations from zero?
    **Why it matters**: the coefficient and the intercept are then strongly correlated or of very
    different size; sampling is slow, and the prior of the intercept speaks of a place where there
    are no data.
    **What to do**: ``x = (x - x.mean()) / x.std()``.
    **Thresholds**: ``largest`` 100 and ``offset`` 10 are conventions of poolwise.
    **Source**: Gelman et al. (2020), Bayesian Workflow, arXiv:2011.01808.
    """
    for _, column in slopes_of(predictors):
        for k, x in enumerate(column.design.T):
            spread, centre = float(x.std()), abs(float(x.mean()))
            if is_constant(x) or np.unique(x[:1000]).size <= 2:
                continue  # an intercept or an indicator
            if not 1 / largest <= spread <= largest or centre > offset * spread:
                variable = variables[column.variable]
                yield Fault(
                    variable,
                    f"The predictor of {element_of(variable, k)} has mean "
                    f"{number(float(x.mean()))} and sd {number(spread)}",
                    "standardise it",
                    value=spread,
                    threshold=largest,
                )
                break


predictor_not_standardised.passes(lambda: examples.regression(_X))
predictor_not_standardised.fails(lambda: examples.regression(2000 + _X), Verdict.NOTE)
predictor_not_standardised.false_alarm(lambda: examples.regression(np.arange(160) == 3))


@rule("SPC206", Verdict.WARN)
def location_prior_bounded(
    variables: Variables,
    predictors: Sequence[Predictor],
    *,
    room: float = 3.0,
) -> Iterator[Fault]:
    """A location has hard bounds near the data.

    **Asks**: does a uniform prior of an intercept or coefficient end, in either direction, less
    than ``room`` ordinary sizes from the middle of the data (from zero for a coefficient)?
    **Why it matters**: the posterior is cut off at a number nobody believes in, and piles up
    there. Bounds that a quantity has by nature (0 and 1, ±1, angles) are left alone.
    **What to do**: ``pm.Normal("mu", middle, quarter_of_the_range)``.
    **Thresholds**: ``room`` 3, a convention of poolwise.
    **Source**: the Stan prior choice recommendations: hard constraints only where they are real.
    """
    for predictor in predictors:
        centre = predictor.centre_of_data()
        for column in predictor.columns:
            variable = variables[column.variable]
            low, high = variable.number("lower"), variable.number("upper")
            if variable.family != "Uniform" or low is None or high is None or predictor.unit == 0:
                continue
            if any(np.allclose((low, high), natural) for natural in _NATURAL_BOUNDS):
                continue
            middle = 0.0 if not column.is_intercept else centre
            if middle is None:
                continue
            size = float(np.abs(column.design).mean())
            ends = np.array([middle - low * size, high * size - middle]) / predictor.unit
            if not column.is_intercept and low >= 0:
                ends = ends[1:]  # a sign that is known is no hard bound near the data
            if ends.min() < room:
                yield Fault(
                    variable,
                    f"The prior of {variable.name}, {prior_in_words(variable)}, ends "
                    f"{number(float(ends.min()))} ordinary sizes from the middle of the data",
                    f'use pm.Normal("{variable.name}", {(low + high) / 2:g}, {(high - low) / 4:g})',
                    value=float(ends.min()),
                    threshold=room,
                )


location_prior_bounded.passes(examples.grouped)
location_prior_bounded.fails(
    lambda: examples.grouped(mu=lambda pm: pm.Uniform("mu", 0, 4)), Verdict.WARN
)
location_prior_bounded.false_alarm(
    lambda: examples.grouped(mu=lambda pm: pm.Uniform("mu", -100, 100))
)
