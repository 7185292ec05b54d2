"""SEN505: intervals that exclude zero under one prior and not under another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from . import examples
from .check import SAMPLED, check
from .evidence import fact
from .finding import Finding, Verdict, inconclusive, judge, skipped
from .shares import Share
from .weighted import labelled
from .words import counted


@dataclass(frozen=True, slots=True)
class SignChange:
    """What one alternative prior does to the probability that a value is positive.

    Attributes
    ----------
    alternative, title : str
        Key of the alternative, and how a reader should see it.
    name, label : str
        Of the variable, and of its element: ``school: above location[A]``, ``mu > 0``.
    base, other : Share
        The probability, with its Monte Carlo error.
    """

    alternative: str
    title: str
    name: str
    label: str
    base: Share
    other: Share


@fact
def sign_changes(
    base_summaries: xr.Dataset, sweep_in_order: dict[str, xr.Dataset]
) -> list[SignChange]:
    """Probability that effects lie above their location, and others above zero, by alternative."""
    found = []
    for name, base in base_summaries.data_vars.items():
        if base.attrs.get("kind") != "sign":
            continue
        mine = {k: Share(s.mean, s.mcse) for k, s in labelled(str(name), base)}
        for key, fit in sweep_in_order.items():
            if name not in fit:
                continue
            for label, other in labelled(str(name), fit[name]):
                if label not in mine:
                    continue
                theirs = Share(other.mean, other.mcse)
                title = str(fit.attrs["title"])
                found.append(SignChange(key, title, str(name), label, mine[label], theirs))
    return found


def excludes_zero(probability: float, interval: float) -> int:
    """Return 1 or -1 where an equal-tailed interval lies above or below zero, otherwise 0."""
    tail = (1 - interval) / 2
    return int(probability >= 1 - tail) - int(probability <= tail)


def is_sure(share: Share, interval: float) -> bool:
    """Whether a probability is two Monte Carlo errors away from where the interval ends at zero."""
    tail = (1 - interval) / 2
    nearest = min(abs(share.value - tail), abs(share.value - 1 + tail))
    return bool(nearest > 2 * share.mcse)


def flips(change: SignChange, interval: float, factor: float) -> bool:
    """Whether an interval excludes zero under one prior only, and not by a hair.

    The odds of the less likely sign must change ``factor`` times: an interval that ends at zero
    flips under any other prior.
    """
    one, other = change.base.value, change.other.value
    if excludes_zero(one, interval) == excludes_zero(other, interval):
        return False
    if not (0 < one < 1 and 0 < other < 1):
        return True
    odds = (one / (1 - one)) / (other / (1 - other))
    return bool(max(odds, 1 / odds) >= factor)


@check("SEN505", after=SAMPLED)
def interval_flips(
    sign_changes: list[SignChange],
    sweep_rhat: dict[str, float],
    *,
    interval: float = 0.95,
    factor: float = 2.0,
    rhat: float = 1.05,
) -> list[Finding]:
    """An interval excludes zero under one prior and not under another.

    **Asks**: does the equal-tailed interval of probability ``interval`` of a location, a
    coefficient, or an effect less its location, exclude zero under the spec's own priors and not
    under an alternative, or the other way round, with odds of the sign that differ by ``factor``?
    **Why it matters**: many readers take such an interval for a discovery. Whether there is one is
    then the prior's decision.
    **What to do**: report the probability of the sign with its range over the sweep, not whether an
    interval excludes zero.
    **Thresholds**: ``interval`` 0.95; ``factor`` 2, a convention of poolwise: an interval that
    ends at zero flips under any other prior. Undecided when a probability is within two Monte
    Carlo errors of the end of the interval, or the alternative fit has an R-hat above ``rhat``
    1.05.
    **Source**: Depaoli, Winter and Visser (2020), doi:10.3389/fpsyg.2020.608045; Gelman and Stern
    (2006), doi:10.1198/000313006X152649.
    """
    findings = []
    for name in dict.fromkeys(c.name for c in sign_changes):
        mine = [c for c in sign_changes if c.name == name]
        bad = [c for c in mine if flips(c, interval, factor)]
        sure = [
            c
            for c in bad
            if is_sure(c.base, interval)
            and is_sure(c.other, interval)
            and sweep_rhat[c.alternative] <= rhat
        ]
        worst = max(sure or bad or mine, key=lambda c: abs(c.other.value - c.base.value))
        before, after = (excludes_zero(s.value, interval) for s in (worst.base, worst.other))
        said = (
            f"P({worst.label}) is {worst.base.value:.3f}, and {worst.other.value:.3f} under "
            f"{worst.title}"
        )
        verb = {0: "does not exclude zero"}
        said += (
            f": the {interval:.0%} interval {verb.get(before, 'excludes zero')} as specified and "
            f"{verb.get(after, 'excludes zero')} then"
            if before != after
            else " at the most; no interval flips"
        )
        many = len({c.label for c in sure or bad})
        if many > 1:
            said += f"; so for {counted(many - 1, 'other effect')}"
        details: dict[str, Any] = {
            "value": abs(worst.other.value - worst.base.value),
            "mcse": float(np.hypot(worst.base.mcse, worst.other.mcse)),
            "threshold": interval,
            "result": f"{worst.base.value:.3f} to {worst.other.value:.3f}",
            "needs": "one answer",
            "where": name,
        }
        if bad and not sure:
            findings.append(inconclusive(f"{said}; within Monte Carlo error", **details))
        else:
            findings.append(judge(bool(sure), said, otherwise=Verdict.WARN, **details))
    return findings or [skipped("nothing whose sign is a conclusion was followed")]


_APART = (40.0, 35.0, -30.0, -45.0, 2.0, 30.0, -38.0, 5.0)
interval_flips.passes(
    lambda: examples.eight_schools(y=_APART, sigma=(5.0,) * 8, sweep_scales=(2.5, 10.0))
)
# Eight schools that are taken to be alike have a mean above zero; schools that may differ have not.
interval_flips.fails(
    lambda: examples.eight_schools(
        sigma=(10.0,) * 8, mu_scale=20.0, tau_scale=0.05, sweep_scales=(50.0,)
    ),
    Verdict.WARN,
)
# No effect of eight schools is told from the mean of all, whatever the prior of the spread.
interval_flips.false_alarm(lambda: examples.eight_schools(sweep_scales=(2.5, 10.0, 40.0)))
