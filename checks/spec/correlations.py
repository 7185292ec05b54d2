"""SPC11x: priors of covariance and correlation matrices."""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Verdict
from ..hierarchy.variables import Variables
from . import examples
from .rule import Fault, rule


@rule("SPC110", Verdict.WARN)
def correlation_prior_extreme(
    variables: Variables, *, least: float = 1.0, most: float = 20.0
) -> Iterator[Fault]:
    """A correlation matrix has a prior that decides.

    **Asks**: is the ``eta`` of an LKJ prior below ``least`` or above ``most``?
    **Why it matters**: below 1 it favours correlations near plus and minus one; far above 1 it
    fixes them at zero. Few groups cannot correct either.
    **What to do**: ``pm.LKJCholeskyCov("chol", n=2, eta=2, sd_dist=pm.Exponential.dist(1))``.
    **Thresholds**: ``least`` 1, where all matrices are equally likely; ``most`` 20, a convention
    of poolwise.
    **Source**: Lewandowski, Kurowicka and Joe (2009), doi:10.1016/j.jmva.2009.04.008.
    """
    for variable in variables.free:
        eta = variable.number("eta")
        if variable.family not in ("_lkjcholeskycov", "LKJCorr") or eta is None:
            continue
        if not least <= eta <= most:
            effect = "favours correlations of ±1" if eta < least else "fixes correlations at zero"
            yield Fault(
                variable,
                f"eta={eta:g} of {variable.name} {effect}",
                "use eta=2",
                value=eta,
                threshold=least if eta < least else most,
            )


correlation_prior_extreme.passes(lambda: examples.correlated(2.0))
correlation_prior_extreme.fails(lambda: examples.correlated(0.5), Verdict.WARN)
correlation_prior_extreme.false_alarm(lambda: examples.correlated(1.0))


@rule("SPC111", Verdict.WARN)
def wishart_prior(variables: Variables) -> Iterator[Fault]:
    """A covariance matrix has a Wishart prior.

    **Asks**: does a free variable follow a Wishart distribution?
    **Why it matters**: it ties large variances to strong correlations, and the sampler has to keep
    a matrix positive definite that it cannot transform well.
    **What to do**: ``pm.LKJCholeskyCov("chol", n=2, eta=2, sd_dist=pm.Exponential.dist(1))``.
    **Thresholds**: none.
    **Source**: the Stan user's guide, "Multivariate priors for hierarchical models"; the
    documentation of ``pm.Wishart``.
    """
    for variable in variables.free:
        if variable.family == "Wishart":
            yield Fault(
                variable,
                f"The Wishart prior of {variable.name} ties variances to correlations",
                f'use pm.LKJCholeskyCov("{variable.name}", ...)',
            )


wishart_prior.passes(lambda: examples.correlated(2.0))
wishart_prior.fails(lambda: examples.correlated(prior="Wishart"), Verdict.WARN)
wishart_prior.false_alarm(lambda: examples.correlated(2.0, prior="LKJCorr"))


@rule("SPC305", Verdict.NOTE)
def correlation_not_factored(variables: Variables) -> Iterator[Fault]:
    """A correlation matrix is sampled whole.

    **Asks**: does a free variable follow ``LKJCorr``?
    **Why it matters**: the matrix has to be factorised for every gradient, which is slow and
    breaks down near singular matrices.
    **What to do**: ``pm.LKJCholeskyCov("chol", n=2, eta=2, sd_dist=pm.Exponential.dist(1))``.
    **Thresholds**: none.
    **Source**: the Stan user's guide, "Optimization through Cholesky factorization".
    """
    for variable in variables.free:
        if variable.family == "LKJCorr":
            yield Fault(
                variable,
                f"{variable.name} is factorised for every gradient",
                "use pm.LKJCholeskyCov",
            )


correlation_not_factored.passes(lambda: examples.correlated(2.0))
correlation_not_factored.fails(lambda: examples.correlated(prior="LKJCorr"), Verdict.NOTE)
correlation_not_factored.false_alarm(examples.grouped)
