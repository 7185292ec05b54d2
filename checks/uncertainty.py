"""UNC7xx: is the predictive uncertainty what the review says it is?"""

from __future__ import annotations

import numpy as np
import xarray as xr

from . import examples
from .check import SAMPLED, check
from .decomposition import TARGETS, Decomposition, decompose
from .draws import SAMPLE, mcse_of_mean
from .evidence import Evidence, fact
from .finding import Finding, Verdict, inconclusive, judge, skipped
from .words import number


@fact
def uncertainty(levels: dict[str, xr.Dataset]) -> dict[str, list[Decomposition]]:
    """Return the decomposition of every level whose noise, or whose parts, are known."""
    return {name: decompose(level, name) for name, level in levels.items() if _known(level)}


def _known(level: xr.Dataset) -> bool:
    return "noise_variance" in level or "variance_parts" in level


@check("UNC701", after=(*SAMPLED, "REG605"))
def variance_has_no_mean(
    uncertainty: dict[str, list[Decomposition]], levels: dict[str, xr.Dataset]
) -> list[Finding]:
    """The variance of a prediction is too heavy-tailed for a mean.

    **Asks**: for each target, does every component of the predictive variance have a mean that
    describes it?
    **Why it matters**: with few groups the scale between groups has a long right tail; the
    predictive variance of a new group is then set by a handful of draws, or does not exist. Behind
    a log link effects are exponentiated, and the variance of a new group has no mean under any
    prior of the scale with a tail as heavy as an exponential, or a half-normal wider than 1/2.
    **What to do**: read medians and intervals instead of variances; a lighter-tailed prior on the
    scale, or more groups, brings the mean back. Behind a log link only the prior can.
    **Thresholds**: mean of a variance over twice its median, or Pareto k of its tail at least 1
    (1/2 for the variance of a location); behind a log link, the prior of the scale.
    **Source**: Gelman (2006), doi:10.1214/06-BA117A; Vehtari et al. (2024), Pareto smoothed
    importance sampling, JMLR 25(72).
    """
    findings: list[Finding] = _without_noise(levels)
    for name, targets in uncertainty.items():
        for found in targets:
            where = f"{name}: {found.target}"
            if found.heavy_tailed:
                findings.append(
                    inconclusive(
                        f"Variance of the {found.target} ({name}): {found.heavy_tailed}; "
                        "medians are shown",
                        where=where,
                        result="medians",
                        needs="mean exists",
                    )
                )
            else:
                findings.append(
                    judge(
                        not np.isfinite(found.total),
                        f"Variance of the {found.target} ({name}) is {number(found.total, 3)}, "
                        f"of which {found.epistemic_share:.0%} is epistemic",
                        value=found.total,
                        mcse=np.sqrt(sum(p.mcse**2 for p in found.parts)),
                        result=number(found.total, 3),
                        needs="mean exists",
                        where=where,
                    )
                )
    return findings


def _without_noise(levels: dict[str, xr.Dataset]) -> list[Finding]:
    found = []
    for name, level in levels.items():
        why = level.attrs.get("why_no_outcome", "")
        if not _known(level):
            why = why or level.attrs.get("why_no_information", "the noise is not known")
        if why:
            found.append(skipped(f"observations are not predicted: {why}", where=name))
    return found


variance_has_no_mean.passes(examples.forty_groups)
variance_has_no_mean.fails(examples.eight_schools, Verdict.INCONCLUSIVE)
variance_has_no_mean.false_alarm(
    lambda: examples.eight_schools(
        y=[v * 30 for v in examples.RUBIN_Y], sigma=(1.0,) * 8, tau_scale=1e4, mu_scale=1e3
    )
)


@check("UNC702", after=(*SAMPLED, "REG605"))
def parts_disagree_with_simulation(
    evidence: Evidence,
    levels: dict[str, xr.Dataset],
    posterior_predictive: xr.Dataset,
    *,
    errors: float = 5.0,
) -> list[Finding]:
    """The components do not add up to the variance of simulated data.

    **Asks**: for each level, is the sum of noise and effect variance within ``errors`` Monte Carlo
    standard errors of the variance of the data simulated from the posterior?
    **Why it matters**: both are the predictive variance of the same rows, one computed from the
    law of total variance, one by simulation from the model, whatever the likelihood. A difference
    means that the noise or the rows of a group were declared wrongly, and that weights and shares
    are wrong with them.
    **What to do**: check ``noise=`` and ``rows=`` of the level.
    **Thresholds**: ``errors`` 5 standard errors of the difference.
    **Source**: Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., section 1.8.
    """
    findings = _without_noise(levels)
    for name, level in levels.items():
        split = level.attrs.get("split_of", "") if "split_group" in level else ""
        outcome = str(split or level.attrs.get("outcome", ""))
        if not _known(level) or outcome not in posterior_predictive:
            continue
        group = "split_group" if split else "row_group"
        if group not in level:
            findings.append(skipped(f"the rows of {name} are not known", where=name))
            continue
        simulated = posterior_predictive[outcome]
        codes = np.asarray(level[group].values, dtype=int)
        rows = int(np.prod([n for d, n in simulated.sizes.items() if d not in SAMPLE]))
        if codes.size != rows:
            why = f"{outcome} has {rows} values for the {codes.size} rows of {name}"
            findings.append(skipped(why, where=name))
            continue
        if split:
            parts = _of_parts(level)
            if parts is None:
                continue
            if why := _infinite(parts):
                findings.append(inconclusive(why, where=name, result="infinite"))
                continue
        else:
            parts = _of_rows(level, codes)
        findings.append(_compare(name, parts, _by_simulation(codes, simulated), errors))
    return findings


def _of_parts(level: xr.Dataset) -> xr.DataArray | None:
    """Return what the parts of observed rows sum to at every draw."""
    target = TARGETS[1]
    if target not in level["target"].values:
        return None
    one = level["variance_parts"].sel(target=target).rename(used_draw="draw")
    return one.sum("part", skipna=True)


def _infinite(parts: xr.DataArray) -> str:
    if bool(np.isfinite(parts).all()):
        return ""
    return "the variance of the outcome is infinite at some draws: there is nothing to compare"


def _of_rows(level: xr.Dataset, codes: np.ndarray) -> xr.DataArray:
    """Return what noise and effects of normal rows sum to at every draw."""
    sizes = np.bincount(codes[codes >= 0], minlength=level.sizes["group"])
    if "row_mean_variance" in level:
        between_rows = level["row_mean_variance"].isel(group=sizes > 0).mean()
        return level["noise_variance"].isel(group=sizes > 0).mean("group") + between_rows
    mean = (level["effect"] * level["design"] + level["other"]).isel(group=sizes > 0)
    noise = level["noise_variance"].isel(group=sizes > 0)
    return (noise + (mean - mean.mean(SAMPLE)) ** 2).mean("group")


def _by_simulation(codes: np.ndarray, simulated: xr.DataArray) -> xr.DataArray:
    """Return the squared deviation of simulated rows at every draw, averaged over groups."""
    rows = simulated.transpose(*SAMPLE, ...)
    values = np.asarray(rows.values, dtype=float).reshape(*rows.shape[:2], -1)
    squared = (values - values.mean((0, 1))) ** 2
    sizes = np.bincount(codes[codes >= 0])
    used = codes >= 0
    weight = np.where(used, 1 / np.maximum(sizes[codes], 1), 0) / np.count_nonzero(sizes)
    return xr.DataArray(squared @ weight, dims=SAMPLE)


def _compare(name: str, parts: xr.DataArray, by_simulation: xr.DataArray, errors: float) -> Finding:
    difference = float(by_simulation.mean() - parts.mean())
    mcse = float(np.hypot(mcse_of_mean(by_simulation), mcse_of_mean(parts)))
    z = difference / mcse if mcse > 0 else float("nan")
    return judge(
        abs(z) > errors,
        f"Components of a new observation in an observed group ({name}) sum to "
        f"{number(float(parts.mean()), 3)}; simulated data have "
        f"{number(float(by_simulation.mean()), 3)}",
        value=difference,
        mcse=mcse,
        threshold=errors,
        result=f"z = {z:.1f}",
        needs=f"|z| ≤ {errors:g}",
        where=name,
    )


parts_disagree_with_simulation.passes(examples.eight_schools)
parts_disagree_with_simulation.fails(lambda: examples.eight_schools(noise_claimed=0.8))
parts_disagree_with_simulation.false_alarm(examples.forty_groups)


@check("UNC703", after=(*SAMPLED, "REG605"))
def prediction_mostly_unknown(
    uncertainty: dict[str, list[Decomposition]],
    levels: dict[str, xr.Dataset],
    *,
    share: float = 0.5,
) -> list[Finding]:
    """Most of a prediction's variance is lack of knowledge.

    **Asks**: is more than ``share`` of the variance of a new observation epistemic?
    **Why it matters**: then more data would help more than anything else, and a decision taken now
    is taken on ignorance rather than on variation in the world.
    **What to do**: look at which component is largest: for the location more groups help, for the
    effect of a group more rows in it.
    **Thresholds**: ``share`` 0.5, more unknown than variable: a convention of poolwise. A note.
    **Source**: Der Kiureghian and Ditlevsen (2009), doi:10.1016/j.strusafe.2008.06.020.
    """
    findings: list[Finding] = _without_noise(levels)
    for name, targets in uncertainty.items():
        for found in targets:
            if not found.target.startswith("new observation"):
                continue
            where = f"{name}: {found.target}"
            said = f"{found.epistemic_share:.0%} of the variance of a {found.target} is epistemic"
            if found.heavy_tailed:
                findings.append(
                    inconclusive(
                        f"{said}, in medians: {found.heavy_tailed}",
                        where=where,
                        result=f"{found.epistemic_share:.0%}, medians",
                        needs=f"≤ {share:.0%}",
                    )
                )
                continue
            findings.append(
                judge(
                    found.epistemic_share > share,
                    said,
                    otherwise=Verdict.NOTE,
                    value=found.epistemic_share,
                    mcse=found.share_mcse,
                    threshold=share,
                    result=f"{found.epistemic_share:.0%}",
                    needs=f"≤ {share:.0%}",
                    where=where,
                )
            )
    return findings


prediction_mostly_unknown.passes(examples.forty_groups)
prediction_mostly_unknown.fails(
    lambda: examples.eight_schools(
        y=(10.0, -4, 6, 1, 3, -8, 2, 5, 9, -3, 4, 0, 7, -6, 2, 3),
        sigma=(0.5,) * 16,
        mu_scale=1e3,
        tau_scale=0.01,
    ),
    Verdict.NOTE,
)
prediction_mostly_unknown.false_alarm(
    lambda: examples.eight_schools(mu_scale=1e3), Verdict.INCONCLUSIVE
)
