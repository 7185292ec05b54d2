"""PRI2xx: are data simulated from the prior plausible?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from . import examples
from .check import check
from .draws import Array, summarise
from .evidence import Evidence, fact
from .expect import Expect, Met, meet
from .finding import Finding, Verdict, inconclusive, judge, skipped
from .own_data import mean_weight
from .words import number


@fact
def simulated(
    prior_predictive: xr.Dataset, observed_data: xr.Dataset
) -> dict[str, tuple[Array, Array]]:
    """Per outcome: data sets simulated from the prior (draws, rows), and the observed rows."""
    return {
        str(name): (flat(prior_predictive[name]), np.ravel(observed_data[name].values))
        for name in observed_data.data_vars
        if name in prior_predictive
    }


#: Integers from here on are no counts but overflows.
_LARGEST_COUNT = 2.0**62


def flat(draws: xr.DataArray) -> Array:
    """Return draws of an outcome as an array of shape (draws, rows); an overflow becomes NaN."""
    values = draws.transpose("chain", "draw", ...).values
    flattened = np.asarray(values, dtype=float).reshape(values.shape[0] * values.shape[1], -1)
    if values.dtype.kind in "iu":
        # A count that overflowed comes back as the largest or smallest integer there is.
        flattened[np.abs(flattened) >= _LARGEST_COUNT] = np.nan
    return flattened


def _expecting(low: float, high: float, stat: str = "sd", prob: float = 0.9) -> Evidence:
    evidence = examples.eight_schools()
    draws = flat(evidence.get("prior_predictive")["y"])
    met = meet(Expect(of="y", stat=stat, between=(low, high), prob=prob), draws)
    return replace(evidence, declared={**evidence.declared, "expectations": [met]})


@check("PRI201")
def expectation_not_met(expectations: Sequence[Met]) -> list[Finding]:
    """Data simulated from the prior do not look as the spec expects.

    **Asks**: of the data sets simulated from the prior, is at least the declared share inside the
    declared bounds?
    **Why it matters**: such a prior puts its weight on data that the scientist calls implausible;
    with few groups the posterior inherits that weight.
    **What to do**: change the scale of the prior that moves the statistic, or the expectation if
    it was wrong, and say why.
    **Thresholds**: the bounds and the share are the spec's own; it fails, or passes, when the 99%
    Clopper-Pearson interval of the share is wholly below, or above, the declared one.
    **Source**: Gabry et al. (2019), doi:10.1111/rssa.12378, section 3.
    """
    return [_judge_expectation(met) for met in expectations]


def _judge_expectation(met: Met) -> Finding:
    said = (
        f"{met.label} is between {number(met.low)} and {number(met.high)} in {met.share:.0%} of "
        f"{met.draws} simulated data sets (90% of them: {number(met.q05)} to {number(met.q95)})"
    )
    details: dict[str, Any] = {
        "value": met.share,
        "mcse": met.mcse,
        "threshold": met.prob,
        "result": f"{met.share:.0%}",
        "needs": f"≥ {met.prob:.0%}",
        "where": met.label,
    }
    if met.lower < met.prob <= met.upper:
        return inconclusive(f"{said}; too close to {met.prob:.0%} to tell", **details)
    return judge(met.upper < met.prob, said, **details)


expectation_not_met.passes(lambda: _expecting(1, 1000))
expectation_not_met.fails(lambda: _expecting(1, 12))
expectation_not_met.false_alarm(lambda: _expecting(-1e6, 1e6, stat="max", prob=0.99))


@check("PRI202")
def prior_scale_far_from_data(
    simulated: dict[str, tuple[Array, Array]], *, ratio: float = 10.0
) -> list[Finding]:
    """Data simulated from the prior vary on another scale than the data.

    **Asks**: is the median spread of simulated data sets more than ``ratio`` times the spread of
    the observed one, or less than 1/``ratio`` of it?
    **Why it matters**: no scientist is likely to have meant a prior that is an order of magnitude
    off; a wrong unit or a missing standardisation usually stands behind it.
    **What to do**: declare what you expect (``expect=``), so that this default need not guess;
    then check the units of the priors.
    **Thresholds**: ``ratio`` 10, an order of magnitude: a convention of poolwise. It is a note and
    never a failure, because it looks at the data.
    **Source**: Gabry et al. (2019), doi:10.1111/rssa.12378, section 3.
    """
    findings = []
    for name, (draws, observed) in simulated.items():
        needs = f"{1 / ratio:g} to {ratio:g}"
        spread = np.std(observed)
        if observed.size < 2 or spread == 0:
            findings.append(skipped(f"{name} has no spread to compare with", where=name))
            continue
        with np.errstate(all="ignore"):
            relative = np.nanmedian(np.std(draws, axis=1)) / spread
        if not np.isfinite(relative):
            findings.append(inconclusive(f"the spread of simulated {name} is not finite"))
            continue
        findings.append(
            judge(
                not 1 / ratio <= relative <= ratio,
                f"Data sets of {name} simulated from the prior vary {number(relative)} times as "
                "much as the data",
                otherwise=Verdict.NOTE,
                value=relative,
                threshold=ratio,
                result=f"× {number(relative)}",
                needs=needs,
                where=name,
            )
        )
    return findings


prior_scale_far_from_data.passes(examples.eight_schools)
prior_scale_far_from_data.fails(lambda: examples.eight_schools(tau_scale=500.0), Verdict.NOTE)
prior_scale_far_from_data.false_alarm(lambda: examples.eight_schools(tau_scale=25.0))


@check("PRI203")
def data_outside_prior(
    simulated: dict[str, tuple[Array, Array]],
    *,
    interval: float = 0.89,
    surprise: float = 0.01,
) -> list[Finding]:
    """Observed data are outside what the prior expects.

    **Asks**: do fewer rows lie inside their ``interval`` prior predictive interval than all but a
    share ``surprise`` of the data sets that the prior itself simulates?
    **Why it matters**: data in the tails of the prior mean that prior and data disagree; the
    posterior is then a compromise that depends on the tails of the prior.
    **What to do**: find out which of the two is wrong before reading the posterior.
    **Thresholds**: ``interval`` 89%, the interval of the whole review; ``surprise`` 1%, compared
    with the model's own simulations, so that dependence between rows is accounted for. A note: the
    comparison uses the data.
    **Source**: Box (1980), doi:10.2307/2982063; Evans and Moshonov (2006), doi:10.1214/06-BA129.
    """
    findings = []
    tail = (1 - interval) / 2
    for name, (draws, observed) in simulated.items():
        finite = np.isfinite(draws).all(axis=1)
        if finite.sum() < 100:
            findings.append(inconclusive(f"too few finite simulated data sets of {name}"))
            continue
        low, high = np.quantile(draws[finite], [tail, 1 - tail], axis=0)
        inside = int(((observed >= low) & (observed <= high)).sum())
        simulated_inside = ((draws[finite] >= low) & (draws[finite] <= high)).sum(axis=1)
        p = float(np.mean(simulated_inside <= inside))
        findings.append(
            judge(
                p < surprise,
                f"{inside} of {observed.size} rows of {name} lie inside their {interval:.0%} prior "
                f"predictive interval; so few, or fewer, do in {p:.1%} of simulated data sets",
                otherwise=Verdict.NOTE,
                value=p,
                mcse=np.sqrt(p * (1 - p) / finite.sum()),
                threshold=surprise,
                result=f"{inside} of {observed.size}",
                needs=f"p ≥ {surprise:g}",
                where=name,
            )
        )
    return findings


data_outside_prior.passes(examples.eight_schools)
data_outside_prior.fails(
    lambda: examples.eight_schools(y=[200.0, 180, 190, 210, 205, 195, 188, 199], tau_scale=1.0),
    Verdict.NOTE,
)
data_outside_prior.false_alarm(lambda: examples.eight_schools(y=[60.0, 8, -3, 7, -1, 1, 18, 12]))


@check("PRI204")
def prior_simulates_no_numbers(simulated: dict[str, tuple[Array, Array]]) -> list[Finding]:
    """The prior simulates values that are not numbers.

    **Asks**: is every simulated value finite?
    **Why it matters**: an overflow in the prior predictive means that the prior gives weight to
    parameters at which the likelihood cannot be computed; the sampler meets them in warm-up.
    **What to do**: look for an exponential of a wide location or coefficient, and narrow it.
    **Thresholds**: none; any value that is not finite fails.
    **Source**: Gelman et al. (2020), Bayesian Workflow, arXiv:2011.01808, section 2.4.
    """
    findings = []
    for name, (draws, _) in simulated.items():
        bad = ~np.isfinite(draws).all(axis=1)
        findings.append(
            judge(
                bad.any(),
                f"{int(bad.sum())} of {bad.size} data sets of {name} simulated from the prior hold "
                "a value that is not finite",
                value=bad.mean(),
                threshold=0,
                result=f"{int(bad.sum())} of {bad.size}",
                needs="0",
                where=name,
            )
        )
    return findings


prior_simulates_no_numbers.passes(examples.eight_schools)
prior_simulates_no_numbers.fails(lambda: examples.eight_schools(prior_nan=True))
prior_simulates_no_numbers.false_alarm(lambda: examples.eight_schools(tau_scale=500.0))


@check("PRI205")
def prior_ignores_support(
    simulated: dict[str, tuple[Array, Array]], *, share: float = 0.05
) -> list[Finding]:
    """The prior simulates values of a kind that the data never take.

    **Asks**: when all data are non-negative (or counts: non-negative whole numbers), is that also
    so for all but a ``share`` of the simulated values?
    **Why it matters**: a likelihood with the wrong support predicts impossible values; intervals
    near the boundary are then wrong, however well the mean is fitted.
    **What to do**: model positive outcomes on the log scale or with a positive family, and counts
    with a count family. If negative values are possible and were just not seen, ignore the note.
    **Thresholds**: ``share`` 5%, a convention of poolwise; a note, because only the data say so.
    **Source**: Gelman et al. (2020), Bayesian Workflow, arXiv:2011.01808, section 2.1.
    """
    findings = []
    for name, (draws, observed) in simulated.items():
        finite = draws[np.isfinite(draws)]
        kinds = []
        if (observed >= 0).all():
            kinds.append(("negative", float(np.mean(finite < 0))))
        counts = (observed >= 0).all() and (observed == np.round(observed)).all()
        if counts and np.unique(observed).size > 2:
            kinds.append(("not a whole number", float(np.mean(finite != np.round(finite)))))
        if not kinds:
            findings.append(
                judge(
                    False,
                    f"{name} takes values of every kind, so no simulated value is out of place",
                    result="any kind",
                    needs=f"≤ {share:.0%}",
                    where=name,
                )
            )
            continue
        kind, value = max(kinds, key=lambda k: k[1])
        findings.append(
            judge(
                value > share,
                f"{value:.0%} of simulated values of {name} are {kind}; the data never are",
                otherwise=Verdict.NOTE,
                value=value,
                threshold=share,
                result=f"{value:.0%}",
                needs=f"≤ {share:.0%}",
                where=name,
            )
        )
    return findings


_UNROUNDED = (28.39, 7.94, -2.75, 6.82, -0.64, 0.63, 18.01, 12.16)

prior_ignores_support.passes(lambda: examples.eight_schools(y=_UNROUNDED))
prior_ignores_support.fails(
    lambda: examples.eight_schools(y=[float(abs(v)) + 0.25 for v in _UNROUNDED]), Verdict.NOTE
)
# Measurements below zero that were rounded when they were published are no counts.
prior_ignores_support.false_alarm(examples.eight_schools)


@check("PRI206")
def prior_fixes_pooling(
    prior_levels: dict[str, xr.Dataset], *, width: float = 0.5
) -> list[Finding]:
    """The prior leaves the strength of pooling no room.

    **Asks**: is the 89% prior interval of the mean weight on a group's own data narrower than
    ``width``?
    **Why it matters**: a prior on the scale that is far from the noise decides before the data
    whether groups are pooled: the fit then only repeats it.
    **What to do**: put the prior on the scale near the size of differences that you would find
    plausible between groups, or say that complete (or no) pooling is intended.
    **Thresholds**: ``width`` 0.5 of the range from 0 to 1, a convention of poolwise; a note.
    **Source**: Gelman (2006), doi:10.1214/06-BA117A.
    """
    findings = []
    for name, level in prior_levels.items():
        if "information" not in level:
            reason = level.attrs.get("why_no_information", "no information per group is known")
            findings.append(skipped(reason, where=name))
            continue
        prior_weight = summarise(mean_weight(level))
        reach = prior_weight.high - prior_weight.low
        findings.append(
            judge(
                reach < width,
                "Before seeing data, the mean weight on a group's own data is between "
                f"{prior_weight.low:.2f} and {prior_weight.high:.2f} ({name}, 89%)",
                otherwise=Verdict.NOTE,
                value=reach,
                threshold=width,
                result=f"{prior_weight.low:.2f} to {prior_weight.high:.2f}",
                needs=f"width ≥ {width:g}",
                where=name,
            )
        )
    return findings


prior_fixes_pooling.passes(examples.eight_schools)
prior_fixes_pooling.fails(lambda: examples.eight_schools(tau_scale=0.05), Verdict.NOTE)
prior_fixes_pooling.false_alarm(lambda: examples.eight_schools(tau_scale=25.0))
