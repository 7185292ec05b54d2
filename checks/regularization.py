"""REG6xx: how strongly each level pools, and whether the data or the prior decided that."""

from __future__ import annotations

import numpy as np
import xarray as xr

from . import examples
from .check import SAMPLED, check
from .draws import mcse_of_mean
from .finding import Finding, Verdict, inconclusive, judge, skipped
from .own_data import mean_weight
from .pooling import LevelPooling
from .who_set_it import who_set_it
from .words import number


@check("REG601", after=(*SAMPLED, "REG605"))
def prior_sets_pooling(
    pooling: dict[str, LevelPooling], *, limit: float = 0.5, pull: float = 0.05
) -> list[Finding]:
    """The prior, not the data, sets how strongly a level pools.

    **Asks**: did the data remove less than ``limit`` of the prior variance of the mean weight on
    own data, or does that weight follow a power of the top-level priors (sensitivity of ``pull`` or
    more) at least as much as a power of the likelihood? Where weights are not known, the log of the
    scale takes their place.
    **Why it matters**: the strength of pooling then repeats what was put in; it is an assumption to
    state, not a finding to report.
    **What to do**: quote the range of pooling over reasonable priors (the sweep) next to every
    pooled estimate, or bring in more groups: rows within groups inform the scale little.
    **Thresholds**: ``limit`` 0.5, half of the prior variance: a convention of poolwise; ``pull``
    0.05, the threshold of power-scaling, not applied to a weight whose 89% interval is narrower
    than 0.05.
    **Source**: Betancourt (2018), arXiv:1803.08393; Kallioinen et al. (2023),
    doi:10.1007/s11222-023-10366-5; Gelman (2006), doi:10.1214/06-BA117A.
    """
    findings = []
    for name, level in pooling.items():
        who, why = who_set_it(level, limit=limit, pull=pull)
        if who in ("", "model"):
            findings.append(skipped(why, where=name, needs="data"))
            continue
        learned = level.weight_contraction
        findings.append(
            judge(
                who == "prior",
                f"{name}, J = {len(level.groups)}: {why}",
                otherwise=Verdict.WARN,
                value=level.contraction if learned is None else learned,
                threshold=limit,
                result=who,
                needs="data",
                where=name,
            )
        )
    return findings


prior_sets_pooling.passes(examples.forty_groups)
prior_sets_pooling.fails(examples.eight_schools, Verdict.WARN)
# Without any spread between many groups the scale is only bounded from above: that is learned too.
prior_sets_pooling.false_alarm(
    lambda: examples.many_alike(groups=200, mu_scale=20.0, tau_scale=25.0)
)
prior_sets_pooling.false_alarm(
    lambda: examples.eight_schools(
        y=[v * 10 for v in (28.0, 8, -3, 7, -1, 1, 18, 12)], sigma=(1.0,) * 8, tau_scale=100.0
    )
)


@check("REG602", after=(*SAMPLED, "REG605"))
def pooling_uncertain(pooling: dict[str, LevelPooling], *, width: float = 0.5) -> list[Finding]:
    """How strongly a level pools is itself uncertain.

    **Asks**: is the 89% posterior interval of the mean weight on own data wider than ``width``?
    **Why it matters**: a single pooling factor then hides that both little and much pooling agree
    with the data.
    **What to do**: report the interval of the weight, and estimates as draws, not as plug-ins at
    one value of the scale.
    **Thresholds**: ``width`` 0.5 of the range from 0 to 1, a convention of poolwise. Weights of an
    outcome that is not normal are those of the normal approximation, by the curvature of the
    log-likelihood.
    **Source**: Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., section 5.5.
    """
    findings = []
    for name, level in pooling.items():
        if level.mean_weight is None:
            findings.append(skipped(level.why_no_weights, where=name))
            continue
        weight = level.mean_weight
        reach = weight.high - weight.low
        # Rounded up, so that a share is never called none.
        bent = (
            f"; in {np.ceil(1000 * level.negative) / 10:g}% of draws and groups the log-likelihood "
            "was not concave, and was taken to say nothing"
            if level.negative
            else ""
        )
        findings.append(
            judge(
                reach > width,
                f"Estimates of {name} put weight {weight.mean:.2f} on their own data "
                f"(89% interval {weight.low:.2f} to {weight.high:.2f}, mean over groups){bent}",
                otherwise=Verdict.WARN,
                value=reach,
                threshold=width,
                result=f"{weight.low:.2f} to {weight.high:.2f}",
                needs=f"width ≤ {width:g}",
                where=name,
            )
        )
    return findings


pooling_uncertain.passes(examples.forty_groups)
pooling_uncertain.fails(
    lambda: examples.eight_schools(tau_scale=25.0, mu_scale=100.0, sigma=(8.0,) * 8), Verdict.WARN
)
pooling_uncertain.false_alarm(lambda: examples.eight_schools(tau_scale=1.0))


@check("REG603", after=(*SAMPLED, "REG605"))
def scale_at_boundary(levels: dict[str, xr.Dataset], *, density: float = 0.5) -> list[Finding]:
    """The data do not exclude that all groups of a level are the same.

    **Asks**: is more than a share ``density`` of the posterior of the scale below one tenth of the
    noise of a group mean?
    **Why it matters**: the level then adds parameters and no information; estimates are those of
    complete pooling, and differences between groups should not be read from it.
    **What to do**: report the pooled estimate, and the upper end of the interval of the scale as
    what the data do exclude.
    **Thresholds**: one tenth of the noise means a weight on own data under 1%; ``density`` 0.5,
    more likely than not: conventions of poolwise. A note.
    **Source**: Chung et al. (2013), doi:10.1007/s11336-013-9328-2.
    """
    findings = []
    for name, level in levels.items():
        if "information" not in level:
            reason = str(level.attrs.get("why_no_information", "no information per group"))
            findings.append(skipped(reason, where=name))
            continue
        weight = mean_weight(level)
        p = float((weight < 0.01).mean())
        findings.append(
            judge(
                p > density,
                f"With probability {p:.2f} the weight on own data of {name} is below 0.01",
                otherwise=Verdict.NOTE,
                value=p,
                mcse=mcse_of_mean((weight < 0.01).astype(float)),
                threshold=density,
                result=f"{p:.2f}",
                needs=f"≤ {density:g}",
                where=name,
            )
        )
    return findings


scale_at_boundary.passes(examples.eight_schools)
scale_at_boundary.fails(lambda: examples.eight_schools(tau_scale=0.1), Verdict.NOTE)
scale_at_boundary.false_alarm(lambda: examples.eight_schools(tau_scale=2.0))


@check("REG604", after=(*SAMPLED, "REG605"))
def pooling_not_defined(pooling: dict[str, LevelPooling]) -> list[Finding]:
    """A level has too few groups for its pooling to be measured.

    **Asks**: does the level have at least two groups, and does the scale between groups move?
    **Why it matters**: with one group, location and effect cannot be told apart and every summary
    of pooling is empty.
    **What to do**: leave the level out, or declare the variable that really holds the groups.
    **Thresholds**: none.
    **Source**: Gelman and Pardoe (2006), doi:10.1198/004017005000000517.
    """
    findings = []
    for name, level in pooling.items():
        if level.factor is None:
            findings.append(inconclusive(f"{name} has one group", where=name))
            continue
        found = level.factor
        findings.append(
            judge(
                not np.isfinite(found.factor),
                f"Pooling factor of {name} is {found.factor:.2f} ± {number(found.mcse)} over "
                f"{len(level.groups)} groups (Gelman and Pardoe)",
                value=found.factor,
                mcse=found.mcse,
                result=f"{found.factor:.2f}",
                needs="defined",
                where=name,
            )
        )
    return findings


pooling_not_defined.passes(examples.eight_schools)
pooling_not_defined.fails(
    lambda: examples.eight_schools(y=[5.0], sigma=[3.0]), Verdict.INCONCLUSIVE
)
pooling_not_defined.false_alarm(lambda: examples.eight_schools(y=[5.0, 5.0], sigma=[3.0, 3.0]))


#: Families of effects whose scale the model itself says to be their standard deviation.
_WITH_SD_DECLARED = ("Normal", "MultivariateNormal", "ZeroSumNormal")


@check("REG605")
def scale_is_no_sd(prior_levels: dict[str, xr.Dataset], *, errors: float = 5.0) -> list[Finding]:
    """What was declared as a scale is not the standard deviation of the effects.

    **Asks**: under the prior, do the effects less their location, divided by their scale, have a
    variance within ``errors`` Monte Carlo standard errors of 1?
    **Why it matters**: weights, penalties and variances between groups are computed from that
    scale. A precision, a variance or the scale of a Student-t makes all of them wrong.
    **What to do**: add a Deterministic with the standard deviation to the model and declare that:
    ``pm.Deterministic("tau", 1 / pm.math.sqrt(precision))``.
    **Thresholds**: ``errors`` 5 standard errors, from the draws of the prior.
    **Source**: the definition of a scale; Gelman et al. (2013), Bayesian Data Analysis,
    3rd ed., section 5.4.
    """
    findings = []
    for name, level in prior_levels.items():
        family = str(level.attrs.get("family", "Normal"))
        if level.attrs.get("form") != "declared" and family not in _WITH_SD_DECLARED:
            findings.append(skipped(f"the scale of {family} effects is not declared", where=name))
            continue
        with np.errstate(all="ignore"):
            z = ((level["effect"] - level["location"]) / level["scale"]).values
        z = z.reshape(-1, level.sizes["group"])
        z = z[np.isfinite(z).all(axis=1)]
        if len(z) < 100:
            findings.append(skipped(f"too few finite prior draws of {name}", where=name))
            continue
        # Of effects that sum to zero, one follows from the others.
        freedom = z.shape[1] - (family == "ZeroSumNormal")
        squares = (z**2).sum(axis=1) / max(freedom, 1)
        value, mcse = float(squares.mean()), float(squares.std(ddof=1) / np.sqrt(len(z)))
        findings.append(
            judge(
                not abs(value - 1) <= errors * mcse + 1e-9,
                f"Under the prior, deviations of {name} divided by their scale have a mean square "
                f"of {number(value, 3)} ± {number(mcse)}",
                value=value,
                mcse=mcse,
                threshold=1,
                result=number(value, 3),
                needs="1",
                where=name,
            )
        )
    return findings


scale_is_no_sd.passes(examples.eight_schools)
scale_is_no_sd.fails(lambda: examples.eight_schools(scale_claimed=0.5))
scale_is_no_sd.false_alarm(lambda: examples.eight_schools(tau_scale=500.0))
