"""SEN507: what the common priors of a spread conclude where there are few groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from . import examples
from .check import SAMPLED, check
from .draws import Summary
from .evidence import Evidence, fact
from .finding import Finding, Verdict, inconclusive, judge, skipped
from .followed import equal_weights, shares_in
from .own_data import weight_label
from .shares import Share, shares_of
from .weighted import labelled
from .words import number


@dataclass(frozen=True, slots=True)
class CommonPrior:
    """What one common prior of the spread concludes for a level of few groups.

    Attributes
    ----------
    title : str
        The prior, as a reader should see it.
    alternative : str
        Key of the fit; empty for the spec's own prior.
    spread, weight : Summary or None
        The standard deviation between groups, and the mean weight on own data.
    factor : Share or None
        Pooling factor of Gelman and Pardoe.
    effects : dict of str to Summary
        By label.
    """

    title: str
    alternative: str
    spread: Summary | None
    weight: Summary | None
    factor: Share | None
    effects: dict[str, Summary]


@fact
def common_priors(
    evidence: Evidence, base_summaries: xr.Dataset, sweep_in_order: dict[str, xr.Dataset]
) -> dict[str, list[CommonPrior]]:
    """What the common priors of a spread conclude, by level of few groups; the spec's own first."""
    found: dict[str, list[CommonPrior]] = {}
    for key, fit in sweep_in_order.items():
        name = str(fit.attrs.get("few_groups", ""))
        if not name:
            continue
        level: xr.Dataset = evidence.get("levels")[name]
        parameter, power = str(fit.attrs["parameter"]), float(fit.attrs["power"])
        effect = str(level.attrs.get("effect", name))
        if name not in found:
            title = f"As specified: {fit.attrs['base']}"
            mine = shares_of(name, level, equal_weights(level))[0]
            found[name] = [_prior(title, "", name, parameter, power, effect, base_summaries, mine)]
        title = str(fit.attrs["prior"])
        theirs = shares_in(fit)
        found[name].append(_prior(title, key, name, parameter, power, effect, fit, theirs))
    return found


def _prior(
    title: str,
    key: str,
    level: str,
    parameter: str,
    power: float,
    effect: str,
    fit: xr.Dataset,
    shares: dict[str, Share],
) -> CommonPrior:
    one = {n: dict(labelled(n, fit[n])) for n in (parameter, weight_label(level)) if n in fit}
    spread = one.get(parameter, {}).get(parameter)
    return CommonPrior(
        title=title,
        alternative=key,
        spread=None if spread is None else _as_spread(spread, power),
        weight=one.get(weight_label(level), {}).get(weight_label(level)),
        factor=shares.get(f"{level}: pooling factor"),
        effects=dict(labelled(effect, fit[effect])) if effect in fit else {},
    )


def _as_spread(summary: Summary, power: float) -> Summary:
    """Return quantiles of a standard deviation from those of a variance, a precision, a log."""
    if power == 1:
        return summary
    ends = np.array([summary.low, summary.median, summary.high])
    with np.errstate(all="ignore"):
        turned = np.sort(np.exp(ends) if power == 0 else ends**power)
    low, median, high = (float(v) for v in turned)
    # Means do not follow from means.
    nan = float("nan")
    return Summary(mean=nan, mcse=nan, sd=nan, median=median, low=low, high=high)


@check("SEN507", after=SAMPLED)
def few_groups_follow_the_prior(
    common_priors: dict[str, list[CommonPrior]],
    sweep_rhat: dict[str, float],
    *,
    limit: float = 0.2,
    rhat: float = 1.05,
) -> list[Finding]:
    """With few groups, common priors of the spread pool differently.

    **Asks**: in a level of five groups or fewer, does the pooling factor change by more than
    ``limit`` between the spec's own prior of the spread and an inverse gamma with both parameters
    small, a uniform, a half-Cauchy and a half-normal?
    **Why it matters**: so few groups say little about their spread. An inverse gamma that is meant
    to say nothing has a spike near zero and pools too much where the spread is small; a uniform
    that reaches far lets the spread be larger than anybody believes, and pools too little.
    **What to do**: choose a half-Cauchy or half-normal whose scale says how large a spread could
    be, defend that scale, and report the table of what the others conclude.
    **Thresholds**: ``limit`` 0.2 of the range from 0 to 1, a convention of poolwise; fits with an
    R-hat above ``rhat`` 1.05 are left out; undecided within two Monte Carlo errors.
    **Source**: Gelman (2006), doi:10.1214/06-BA117A, sections 4 and 5.
    """
    findings = []
    for name, rows in common_priors.items():
        base, *others = [
            r
            for r in rows
            if r.factor is not None and (not r.alternative or sweep_rhat[r.alternative] <= rhat)
        ] or [rows[0]]
        if base.alternative or base.factor is None or not others:
            findings.append(skipped("no pooling factor to compare", where=name))
            continue
        mine, theirs = base.factor, [r.factor for r in others if r.factor is not None]
        moved = [abs(f.value - mine.value) for f in theirs]
        worst = int(np.argmax(moved))
        error = float(np.hypot(mine.mcse, theirs[worst].mcse))
        said = (
            f"The pooling factor of {name} is {mine.value:.2f} ± {number(mine.mcse)} as specified, "
            f"and {theirs[worst].value:.2f} ± {number(theirs[worst].mcse)} under "
            f"{others[worst].title}"
        )
        details: dict[str, Any] = {
            "value": moved[worst],
            "mcse": error,
            "threshold": limit,
            "result": f"{mine.value:.2f} to {theirs[worst].value:.2f}",
            "needs": f"change ≤ {limit:g}",
            "where": name,
        }
        if abs(moved[worst] - limit) < 2 * error:
            findings.append(inconclusive(f"{said}; too close to {limit:g} to tell", **details))
        else:
            findings.append(judge(moved[worst] > limit, said, otherwise=Verdict.WARN, **details))
    return findings or [skipped("no level of five groups or fewer has a prior on its spread")]


_THREE: dict[str, Any] = {"y": (28.0, 0.0, -10.0), "sigma": (10.0, 10.0, 10.0)}
few_groups_follow_the_prior.passes(
    lambda: examples.eight_schools(
        y=(50.0, 5.0, -45.0), sigma=(2.0,) * 3, tau_scale=30.0, sweep_scales=(15.0, 60.0)
    )
)
few_groups_follow_the_prior.fails(
    lambda: examples.eight_schools(**_THREE, sweep_scales=(0.5, 60.0)), Verdict.WARN
)
few_groups_follow_the_prior.false_alarm(
    lambda: examples.eight_schools(sweep_scales=(2.5, 40.0)), Verdict.SKIPPED
)
