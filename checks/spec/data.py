"""SPC5xx: data that the model cannot have been meant for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..draws import Array
from ..evidence import Evidence
from ..finding import Verdict
from ..hierarchy.variables import Variable, Variables
from ..words import counted, number
from . import examples
from .rule import Fault, rule

#: Lower end of the support, and whether it belongs to it.
_LOWEST: dict[str, tuple[float, bool]] = {
    "Beta": (0, False),
    "BetaBinomial": (0, True),
    "Binomial": (0, True),
    "Exponential": (0, True),
    "Gamma": (0, False),
    "HalfNormal": (0, True),
    "InverseGamma": (0, False),
    "LogNormal": (0, False),
    "NegativeBinomial": (0, True),
    "Poisson": (0, True),
    "Weibull": (0, False),
}

_COUNTS = examples.DATA["counts"]


def data_of(outcome: Variable) -> Array:
    """Return the data as they were handed over, one after the other."""
    values = outcome.raw if outcome.raw is not None else outcome.values
    return np.asarray(values, dtype=float).ravel()


def whole(values: Array) -> bool:
    return bool(np.array_equal(values, np.round(values)))


def normal_outcome(y: Array) -> Evidence:
    return examples.outcome(lambda pm, a, s: pm.Normal("y", a, s, observed=y))


@rule("SPC501", Verdict.FAIL)
def data_cut_to_integers(variables: Variables) -> Iterator[Fault]:
    """Data were cut to whole numbers on their way into the model.

    **Asks**: does an outcome with a discrete family get data that are not whole numbers?
    **Why it matters**: PyMC casts them without a word: 1.7 becomes 1, a missing value a large
    negative number. The model is fitted to other data than the user has. (This shows for
    ``pm.Data`` only: arrays are cast before the model sees them.)
    **What to do**: check the column; round deliberately, or use a continuous family:
    ``pm.Gamma("y", mu=mu, sigma=sigma, observed=y)``.
    **Thresholds**: none.
    **Source**: the documentation of ``pm.Data``; no number stands behind this rule.
    """
    for outcome in variables.observed:
        if outcome.raw is None or np.dtype(outcome.rv.dtype).kind not in "iu":
            continue
        raw = data_of(outcome)
        cut = raw[raw != np.floor(raw)]
        if cut.size:
            yield Fault(
                outcome,
                f"{counted(cut.size, 'value')} of {outcome.name} were cut to whole numbers "
                f"(the first is {number(float(cut[0]), 4)})",
                f"check the column, or use a continuous family instead of {outcome.family}",
                value=cut.size,
                threshold=0,
            )


data_cut_to_integers.passes(
    lambda: examples.outcome(
        lambda pm, a, s: pm.Poisson("y", pm.math.exp(a), observed=pm.Data("d", _COUNTS))
    )
)
data_cut_to_integers.fails(
    lambda: examples.outcome(
        lambda pm, a, s: pm.Poisson("y", pm.math.exp(a), observed=pm.Data("d", _COUNTS + 0.5))
    )
)
data_cut_to_integers.false_alarm(
    lambda: examples.outcome(
        lambda pm, a, s: pm.Poisson("y", pm.math.exp(a), observed=pm.Data("d", _COUNTS + 0.0))
    )
)


@rule("SPC504", Verdict.FAIL)
def successes_exceed_trials(variables: Variables) -> Iterator[Fault]:
    """There are more successes than trials.

    **Asks**: is any value of a binomial outcome larger than its number of trials?
    **Why it matters**: such data have probability zero: the sampler cannot start, or the columns
    were swapped.
    **What to do**: check the columns of ``pm.Binomial("y", n=trials, p=p, observed=successes)``.
    **Thresholds**: none.
    **Source**: the definition of the binomial distribution.
    """
    for outcome in variables.observed:
        trials = outcome.parameters.get("n")
        if outcome.family not in ("Binomial", "BetaBinomial") or trials is None:
            continue
        if trials.value is None:
            continue
        y = np.asarray(outcome.values, dtype=float)
        over = y > np.broadcast_to(trials.value, y.shape)
        if over.any():
            yield Fault(
                outcome,
                f"{counted(int(over.sum()), 'row')} of {outcome.name} have more successes than "
                f"trials (the first is row {int(np.argmax(over.ravel()))})",
                "check which column is passed as n",
                value=int(over.sum()),
                threshold=0,
            )


def _binomial(n: int, y: list[int]) -> Evidence:
    return examples.outcome(lambda pm, a, s: pm.Binomial("y", n=n, logit_p=a, observed=np.array(y)))


successes_exceed_trials.passes(lambda: _binomial(5, [1, 2, 3]))
successes_exceed_trials.fails(lambda: _binomial(5, [1, 2, 7]))
successes_exceed_trials.false_alarm(lambda: _binomial(5, [1, 2, 5]))


@rule("SPC505", Verdict.FAIL)
def data_outside_support(variables: Variables) -> Iterator[Fault]:
    """Data lie outside the support of their distribution, or are no numbers.

    **Asks**: is every observed value finite and inside the support of the outcome's family?
    **Why it matters**: such data have probability zero (or none): no sampler can start.
    **What to do**: drop or mend the rows, or use a family that allows the value: a gamma outcome
    cannot be 0, a beta outcome neither 0 nor 1.
    **Thresholds**: none.
    **Source**: the definitions of the distributions.
    """
    for outcome in variables.observed:
        y = data_of(outcome)
        finite = np.isfinite(y)
        if not finite.all():
            yield Fault(
                outcome,
                f"{counted(int((~finite).sum()), 'value')} of {outcome.name} are not finite "
                f"(the first in row {int(np.argmax(~finite))})",
                "drop or mend these rows",
                value=int((~finite).sum()),
                threshold=0,
            )
        if outcome.family not in _LOWEST:
            continue
        lowest, included = _LOWEST[outcome.family]
        bad = (y < lowest) | ((y == lowest) & (not included))
        if outcome.family == "Beta":
            bad |= y >= 1
        bad &= finite
        if bad.any():
            yield Fault(
                outcome,
                f"{counted(int(bad.sum()), 'value')} of {outcome.name} lie outside the support of "
                f"{outcome.family} (the first is {number(float(y[bad][0]), 4)})",
                "check the data or the family",
                value=int(bad.sum()),
                threshold=0,
            )


def _gamma(y: list[float]) -> Evidence:
    return examples.outcome(
        lambda pm, a, s: pm.Gamma("y", mu=pm.math.exp(a), sigma=s, observed=np.array(y))
    )


data_outside_support.passes(lambda: _gamma([0.1, 1, 2]))
data_outside_support.fails(lambda: _gamma([0.0, 1, 2]))
data_outside_support.false_alarm(
    lambda: examples.outcome(
        lambda pm, a, s: pm.Poisson("y", pm.math.exp(a), observed=np.array([0, 1, 2]))
    )
)


@rule("SPC508", Verdict.NOTE)
def missing_data_imputed(variables: Variables) -> Iterator[Fault]:
    """Missing data became parameters.

    **Asks**: did PyMC split an outcome into observed and unobserved values?
    **Why it matters**: the missing values are sampled and are missing from predictive checks and
    from LOO; one imputed row costs one parameter.
    **What to do**: drop the rows before the model is built, unless the imputed values are wanted:
    ``data = data.dropna(subset=["y"])``.
    **Thresholds**: none.
    **Source**: the documentation of PyMC on automatic imputation.
    """
    for variable in variables.free:
        outcome = variable.name.removesuffix("_unobserved")
        if outcome != variable.name and f"{outcome}_observed" in variables:
            yield Fault(
                f"{outcome}",
                f"{counted(variable.size, 'missing value')} of {outcome} became parameters",
                "drop these rows unless you want them imputed",
                value=variable.size,
                line=variables.line_of(outcome),
            )


missing_data_imputed.passes(lambda: normal_outcome(examples.DATA["y"]))
missing_data_imputed.fails(lambda: normal_outcome(np.r_[np.nan, examples.DATA["y"]]), Verdict.NOTE)
missing_data_imputed.false_alarm(
    lambda: examples.grouped(
        sigma=lambda pm: pm.HalfNormal("sigma_unobserved", 1)  # only called so
    )
)


@rule("SPC509", Verdict.NOTE)
def outcome_scale_extreme(
    variables: Variables, *, smallest: float = 1e-4, largest: float = 1e4
) -> Iterator[Fault]:
    """The outcome has an awkward unit.

    **Asks**: is the sd of a normal outcome below ``smallest`` or above ``largest``?
    **Why it matters**: default priors and starting values are made for numbers near one; the
    sampler adapts slowly, and priors written by habit are off by orders of magnitude.
    **What to do**: ``y = (y - y.mean()) / y.std()``, or another unit.
    **Thresholds**: ``smallest`` 1e-4 and ``largest`` 1e4 are conventions of poolwise.
    **Source**: Gelman et al. (2020), Bayesian Workflow, arXiv:2011.01808.
    """
    for outcome in variables.observed:
        y = data_of(outcome)
        if outcome.family not in ("Normal", "StudentT") or y.size < 2 or not np.isfinite(y).all():
            continue
        sd = float(y.std())
        if sd > 0 and not smallest <= sd <= largest:
            yield Fault(
                outcome,
                f"The sd of {outcome.name} is {number(sd)}",
                "standardise it or change the unit",
                value=sd,
                threshold=largest if sd > largest else smallest,
            )


outcome_scale_extreme.passes(lambda: normal_outcome(examples.DATA["y"]))
outcome_scale_extreme.fails(lambda: normal_outcome(1e6 * examples.DATA["y"]), Verdict.NOTE)
outcome_scale_extreme.false_alarm(lambda: normal_outcome(1e6 + examples.DATA["y"]))


@rule("SPC510", Verdict.FAIL)
def outcome_constant(variables: Variables, *, rows: int = 2) -> Iterator[Fault]:
    """The outcome never varies.

    **Asks**: do ``rows`` or more observed values all equal each other?
    **Why it matters**: a constant holds no information about any difference; a noise scale goes
    to zero and the density to infinity. The wrong column was passed, or a filter left one kind.
    **What to do**: check which column is passed as ``observed``.
    **Thresholds**: ``rows`` 2: one value cannot vary.
    **Source**: a convention of poolwise.
    """
    for outcome in variables.observed:
        y = data_of(outcome)
        if y.size >= rows and np.isfinite(y).all() and np.ptp(y) == 0:
            yield Fault(
                outcome,
                f"Every value of {outcome.name} is {number(float(y[0]), 4)}",
                "check which column is passed as observed",
                value=0,
                threshold=0,
            )


outcome_constant.passes(lambda: normal_outcome(examples.DATA["y"]))
outcome_constant.fails(lambda: normal_outcome(np.full(20, 3.0)))
outcome_constant.false_alarm(lambda: normal_outcome(np.array([3.0])))
