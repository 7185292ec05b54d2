"""SPC1xx: priors of scales, precisions and correlations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..finding import Verdict
from ..hierarchy.variables import Variable
from ..words import number
from . import examples
from .rule import Fault, rule
from .spreads import Spread


def prior_in_words(variable: Variable) -> str:
    """Return a prior with constant parameters as ``HalfNormal(scale=2)``."""
    shown = []
    for role, parameter in variable.parameters.items():
        value = parameter.number()
        if value is not None and not (variable.family == "HalfNormal" and role == "loc"):
            shown.append(f"{role}={value:g}")
    return f"{variable.family}({', '.join(shown)})"


def _half_normal(variable: Variable, sd: float | None) -> str:
    size = "sigma=..." if sd is None else f"sigma={sd:.2g}"
    return f'use pm.HalfNormal("{variable.name}", {size})'


def _of_groups(spreads: Sequence[Spread]) -> Iterator[Spread]:
    """Yield the spreads between groups or coefficients, each variable once."""
    seen = set()
    for spread in spreads:
        if not spread.noise and spread.variable.name not in seen:
            seen.add(spread.variable.name)
            yield spread


def _once(spreads: Sequence[Spread]) -> Iterator[Spread]:
    """Yield spreads whose prior should resemble a plausible size, each variable once."""
    seen = set()
    for spread in spreads:
        if not spread.shrinkage and spread.variable.name not in seen:
            seen.add(spread.variable.name)
            yield spread


@rule("SPC101", Verdict.FAIL)
def scale_prior_depends_on_epsilon(
    spreads: Sequence[Spread], *, epsilon: float = 0.1
) -> Iterator[Fault]:
    """A scale between groups has a gamma prior with tiny parameters.

    **Asks**: is the prior of a standard deviation, variance or precision between groups a gamma or
    inverse-gamma whose shape and rate are both at most ``epsilon``?
    **Why it matters**: the prior looks vague and is not: it has a spike, and the posterior depends
    on how small the parameters are, most of all when groups are alike or few.
    **What to do**: put a prior with a plausible size on the standard deviation:
    ``tau = pm.HalfNormal("tau", sigma=plausible_sd)``.
    **Thresholds**: ``epsilon`` 0.1, a convention of poolwise; 0.001 is what is usually seen.
    **Source**: Gelman (2006), doi:10.1214/06-BA117A.
    """
    for spread in _of_groups(spreads):
        prior = spread.variable
        shape, scale = prior.number("shape"), prior.number("scale")
        if prior.family not in ("Gamma", "InverseGamma") or not shape or not scale:
            continue
        rate = 1 / scale if prior.family == "Gamma" else scale
        if shape <= epsilon and rate <= epsilon:
            yield Fault(
                prior,
                f"The prior of {prior.name}, {prior.family}({shape:g}, {rate:g}), is not vague: "
                f"the posterior of the {spread.kind} of {spread.of.name} depends on these numbers",
                _half_normal(prior, spread.unit),
                value=max(shape, rate),
                threshold=epsilon,
            )


scale_prior_depends_on_epsilon.passes(examples.grouped)
scale_prior_depends_on_epsilon.fails(
    lambda: examples.grouped(tau=lambda pm: pm.InverseGamma("tau", 0.001, 0.001))
)
scale_prior_depends_on_epsilon.false_alarm(
    lambda: examples.grouped(tau=lambda pm: pm.Gamma("tau", 2, 0.1))
)


@rule("SPC102", Verdict.FAIL)
def scale_prior_improper(spreads: Sequence[Spread]) -> Iterator[Fault]:
    """A scale between groups has a flat prior without end.

    **Asks**: is the prior of a spread between groups ``Flat`` or ``HalfFlat``?
    **Why it matters**: no data can be simulated from such a prior, so it cannot be checked; with
    one or two groups the posterior does not exist either, and the sampler does not say so.
    **What to do**: ``tau = pm.HalfNormal("tau", sigma=plausible_sd)``.
    **Thresholds**: none.
    **Source**: Gelman (2006), doi:10.1214/06-BA117A.
    """
    for spread in _of_groups(spreads):
        prior = spread.variable
        if prior.family in ("Flat", "HalfFlat"):
            yield Fault(
                prior,
                f"The prior of {prior.name}, {prior.family}, is improper: nothing can be simulated "
                "from it",
                _half_normal(prior, spread.unit),
            )


scale_prior_improper.passes(examples.grouped)
scale_prior_improper.fails(lambda: examples.grouped(tau=lambda pm: pm.HalfFlat("tau")))
scale_prior_improper.false_alarm(
    lambda: examples.grouped(mu=lambda pm: pm.Flat("mu"))  # a location: SPC203
)


@rule("SPC103", Verdict.WARN)
def scale_prior_bounded(
    spreads: Sequence[Spread], *, room: float = 2.0, few: int = 5
) -> Iterator[Fault]:
    """A scale has a uniform prior that decides.

    **Asks**: does a uniform prior on a scale end below ``room`` times an ordinary size, or belong
    to ``few`` groups or fewer?
    **Why it matters**: the bound cuts the posterior off where it is too low; with few groups the
    posterior otherwise reaches up to wherever the bound happens to be, and groups are pooled too
    little.
    **What to do**: ``tau = pm.HalfNormal("tau", sigma=plausible_sd)``.
    **Thresholds**: ``room`` 2, a convention of poolwise; ``few`` 5 as in the source.
    **Source**: Gelman (2006), doi:10.1214/06-BA117A.
    """
    for spread in _once(spreads):
        prior = spread.variable
        upper = prior.number("upper")
        if prior.family != "Uniform" or upper is None or spread.kind != "sd":
            continue
        if spread.unit is not None and upper < room * spread.unit:
            yield Fault(
                prior,
                f"The prior of {prior.name} ends at {upper:g}, {number(upper / spread.unit)} times "
                "an ordinary size: the posterior is cut off there",
                _half_normal(prior, spread.unit),
                value=upper / spread.unit,
                threshold=room,
            )
        elif spread.groups is not None and spread.groups <= few:
            yield Fault(
                prior,
                f"The prior of {prior.name} is uniform to {upper:g} with {spread.groups} groups: "
                "its posterior reaches up to the bound",
                _half_normal(prior, spread.unit),
                value=spread.groups,
                threshold=few,
            )


scale_prior_bounded.passes(examples.grouped)
scale_prior_bounded.fails(
    lambda: examples.grouped(tau=lambda pm: pm.Uniform("tau", 0, 1)), Verdict.WARN
)
scale_prior_bounded.false_alarm(
    lambda: examples.grouped(tau=lambda pm: pm.Uniform("tau", 0, 100))  # harmless with 8 groups
)


@rule("SPC104", Verdict.WARN)
def heavy_tail_with_few_groups(
    spreads: Sequence[Spread], *, few: int = 5, tail: float = 10.0, units: float = 10.0
) -> Iterator[Fault]:
    """A heavy-tailed scale is left to a handful of groups.

    **Asks**: with ``few`` groups or fewer, is the prior's 99% quantile of the standard deviation
    above ``tail`` times its median and above ``units`` ordinary sizes?
    **Why it matters**: so few groups say little about how large the spread may be, so the tail of
    the prior passes into the posterior: groups are pooled too little and new groups are predicted
    with absurd width.
    **What to do**: ``tau = pm.HalfNormal("tau", sigma=plausible_sd)``.
    **Thresholds**: ``few`` 5, below which the source finds the data to say little; ``tail`` 10 and
    ``units`` 10 are conventions of poolwise. A half-Cauchy that is scaled to the problem passes.
    **Source**: Gelman (2006), doi:10.1214/06-BA117A.
    """
    for spread in _of_groups(spreads):
        if spread.shrinkage or spread.unit is None or not spread.groups or spread.groups > few:
            continue
        median, high = spread.sd_quantile(0.5), spread.sd_quantile(0.99)
        if median is None or high is None:
            continue
        if high > tail * median and high > units * spread.unit:
            prior = spread.variable
            yield Fault(
                prior,
                f"{spread.groups} groups cannot bound {prior.name}, whose prior "
                f"{prior_in_words(prior)} reaches {number(high / spread.unit)} times an ordinary "
                "size (99% quantile)",
                _half_normal(prior, spread.unit),
                value=high / spread.unit,
                threshold=units,
            )


_FOUR = examples.DATA["group"] % 4

heavy_tail_with_few_groups.passes(lambda: examples.grouped(group=_FOUR, groups=4))
heavy_tail_with_few_groups.fails(
    lambda: examples.grouped(tau=lambda pm: pm.HalfCauchy("tau", 1), group=_FOUR, groups=4),
    Verdict.WARN,
)
heavy_tail_with_few_groups.false_alarm(
    lambda: examples.grouped(tau=lambda pm: pm.HalfCauchy("tau", 1))  # 8 groups bound it
)


@rule("SPC105", Verdict.WARN)
def scale_prior_too_wide(spreads: Sequence[Spread], *, units: float = 5.0) -> Iterator[Fault]:
    """A scale is expected to be far larger than the data allow.

    **Asks**: is the prior median of a standard deviation more than ``units`` times an ordinary
    size: sd(y) for an identity link, 0.5 on the log and logit scales?
    **Why it matters**: more than half of the prior then lies where no data set like this one can
    come from. With few groups, pooling is lost to it; prior predictive checks and Bayes factors
    are lost in any case. Often a unit is wrong.
    **What to do**: ``pm.HalfNormal("tau", sigma=plausible_sd)``, or standardise the outcome.
    **Thresholds**: ``units`` 5, a convention of poolwise.
    **Source**: Gelman (2006), doi:10.1214/06-BA117A; the Stan prior choice recommendations.
    """
    for spread in _once(spreads):
        median = spread.sd_quantile(0.5)
        prior = spread.variable
        if not spread.unit or median is None or median <= units * spread.unit:
            continue
        if (prior.number("shape") or 1.0) <= 0.1:
            continue  # SPC101 says it better
        yield Fault(
            prior,
            f"The prior of {prior.name} expects a standard deviation of {number(median)}, "
            f"{number(median / spread.unit)} times an ordinary size ({number(spread.unit)})",
            _half_normal(prior, 2.5 * spread.unit) if spread.kind == "sd" else "narrow it",
            value=median / spread.unit,
            threshold=units,
        )


scale_prior_too_wide.passes(examples.grouped)
scale_prior_too_wide.fails(
    lambda: examples.grouped(tau=lambda pm: pm.HalfNormal("tau", 100)), Verdict.WARN
)
scale_prior_too_wide.false_alarm(
    lambda: examples.grouped(tau=lambda pm: pm.HalfCauchy("tau", 2.5))  # a tail, not a size
)


@rule("SPC106", Verdict.NOTE)
def scale_prior_excludes_zero(spreads: Sequence[Spread], *, share: float = 0.1) -> Iterator[Fault]:
    """A scale between groups cannot be zero.

    **Asks**: is the prior's 0.1% quantile of the standard deviation more than ``share`` of its
    median?
    **Why it matters**: the prior rules out that groups are alike, so they are never pooled
    completely, whatever the data say. That may be meant.
    **What to do**: if groups may be alike, use a prior with mass at zero:
    ``pm.HalfNormal("tau", sigma=plausible_sd)``.
    **Thresholds**: ``share`` 0.1, a convention of poolwise.
    **Source**: Gelman (2006), doi:10.1214/06-BA117A; Chung et al. (2013),
    doi:10.1007/s11336-013-9328-2, on when zero-avoiding priors are meant.
    """
    for spread in _of_groups(spreads):
        low, median = spread.sd_quantile(0.001), spread.sd_quantile(0.5)
        if low is None or not median or spread.kind == "log sd" or low <= share * median:
            continue
        yield Fault(
            spread.variable,
            f"The prior of {spread.variable.name} has 99.9% of its mass above a standard deviation "
            f"of {number(low)} (median {number(median)}): groups that are alike are ruled out",
            _half_normal(spread.variable, median / 0.674) + " if they may be alike",
            value=low / median,
            threshold=share,
        )


scale_prior_excludes_zero.passes(examples.grouped)
scale_prior_excludes_zero.fails(
    lambda: examples.grouped(tau=lambda pm: pm.InverseGamma("tau", 5, 5)), Verdict.NOTE
)
scale_prior_excludes_zero.false_alarm(
    lambda: examples.grouped(tau=lambda pm: pm.Gamma("tau", 2, 1))
)


@rule("SPC107", Verdict.WARN)
def scale_prior_too_tight(spreads: Sequence[Spread], *, units: float = 0.02) -> Iterator[Fault]:
    """A scale is all but fixed at zero.

    **Asks**: is the prior's 99% quantile of a standard deviation below ``units`` times an ordinary
    size?
    **Why it matters**: groups are then pooled completely, or rows explained without noise, before
    any data are seen. Often a unit is wrong.
    **What to do**: widen the prior to the plausible size, ``pm.HalfNormal("tau", sigma=...)``, or
    drop the effect if none is expected.
    **Thresholds**: ``units`` 0.02, a convention of poolwise. Scales of sparse coefficients
    (horseshoes) are left alone.
    **Source**: Gabry et al. (2019), doi:10.1111/rssa.12378, section 3.
    """
    for spread in _once(spreads):
        high = spread.sd_quantile(0.99)
        if not spread.unit or high is None or high >= units * spread.unit:
            continue
        prior = spread.variable
        yield Fault(
            prior,
            f"The prior of {prior.name} keeps the standard deviation below {number(high)} (99%), "
            f"{number(high / spread.unit)} of an ordinary size ({number(spread.unit)})",
            _half_normal(prior, spread.unit),
            value=high / spread.unit,
            threshold=units,
        )


scale_prior_too_tight.passes(examples.grouped)
scale_prior_too_tight.fails(
    lambda: examples.grouped(tau=lambda pm: pm.HalfNormal("tau", 0.005)), Verdict.WARN
)
scale_prior_too_tight.false_alarm(
    lambda: examples.grouped(tau=lambda pm: pm.HalfNormal("tau", 0.1))
)


@rule("SPC109", Verdict.NOTE)
def prior_on_precision_or_variance(spreads: Sequence[Spread]) -> Iterator[Fault]:
    """The prior of a spread is put on a precision or a variance.

    **Asks**: is the variable that sets the spread between groups a precision or a variance?
    **Why it matters**: nobody can judge whether such a prior is plausible; a vague one implies
    standard deviations that nobody meant.
    **What to do**: put the prior on the standard deviation, in the unit of the effects:
    ``pm.Normal("theta", mu, sigma=pm.HalfNormal("tau", 1))``.
    **Thresholds**: none.
    **Source**: Gelman (2006), doi:10.1214/06-BA117A.
    """
    for spread in _of_groups(spreads):
        if spread.kind in ("precision", "variance"):
            low, high = spread.sd_quantile(0.05), spread.sd_quantile(0.95)
            implied = (
                f", which puts the standard deviation between {number(low)} and {number(high)} "
                "(90%)"
                if low is not None and high is not None
                else ""
            )
            yield Fault(
                spread.variable,
                f"The prior of {spread.variable.name} is put on a {spread.kind}{implied}",
                "put it on the standard deviation",
            )


prior_on_precision_or_variance.passes(lambda: examples.grouped(centred=True))
prior_on_precision_or_variance.fails(
    lambda: examples.grouped(
        tau=lambda pm: 1 / pm.math.sqrt(pm.Gamma("precision", 2, 2)), centred=True
    ),
    Verdict.NOTE,
)
prior_on_precision_or_variance.false_alarm(
    lambda: examples.grouped(tau=lambda pm: pm.math.exp(pm.Normal("log_tau", 0, 1)))
)
