"""SEN506: pooling factors and aleatory shares that follow the prior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from . import examples
from .check import SAMPLED, check
from .evidence import Evidence, fact
from .finding import Finding, Verdict, inconclusive, judge, skipped
from .followed import equal_weights, shares_in
from .shares import ALEATORY, IN_MEDIANS, Share, shares_of
from .words import counted, number


@dataclass(frozen=True, slots=True)
class ShareChange:
    """What one alternative prior does to a number that belongs to a whole posterior.

    Attributes
    ----------
    alternative, title, label : str
    base, other : Share
    """

    alternative: str
    title: str
    label: str
    base: Share
    other: Share

    @property
    def difference(self) -> float:
        """Change of the number, which has no unit."""
        return self.other.value - self.base.value

    @property
    def mcse(self) -> float:
        """Monte Carlo error of the difference."""
        return float(np.hypot(self.base.mcse, self.other.mcse))


@fact
def share_changes(evidence: Evidence, sweep_in_order: dict[str, xr.Dataset]) -> list[ShareChange]:
    """Pooling factor, R² and aleatory shares of every level under every alternative prior.

    Where the mean of a variance is far above its median under any prior, aleatory shares are
    compared in medians: under another definition they would differ by more than the prior.
    """
    base: dict[str, Share] = {}
    levels: dict[str, xr.Dataset] = evidence.get("levels") if evidence.has("levels") else {}
    for name, level in levels.items():
        base |= shares_of(name, level, equal_weights(level))[0]
    fits = {key: shares_in(fit) for key, fit in sweep_in_order.items()}
    found = []
    for label, mine in base.items():
        known = [fit[label] for fit in fits.values() if label in fit]
        heavy = not all(np.isfinite(s.value) for s in (mine, *known))
        plain = label.replace(f"{ALEATORY}{IN_MEDIANS}", ALEATORY)
        if heavy or (plain != label and all(np.isfinite(_all(plain, base, fits)))):
            continue
        for key, fit in fits.items():
            if label in fit:
                title = str(sweep_in_order[key].attrs["title"])
                found.append(ShareChange(key, title, label, mine, fit[label]))
    return found


def _all(label: str, base: dict[str, Share], fits: dict[str, dict[str, Share]]) -> list[float]:
    return [base[label].value, *(fit[label].value for fit in fits.values() if label in fit)]


@check("SEN506", after=SAMPLED)
def shares_move(
    share_changes: list[ShareChange],
    sweep_rhat: dict[str, float],
    *,
    limit: float = 0.2,
    rhat: float = 1.05,
) -> list[Finding]:
    """Another prior changes how strongly a level pools, or which part of a variance can be removed.

    **Asks**: under any alternative prior, does the pooling factor or R² of a level, or the
    aleatory share of a target, change by more than ``limit``?
    **Why it matters**: these numbers answer what the hierarchy was built for, and depend on the
    spread between groups, of which few groups say little.
    **What to do**: quote them with their range over the sweep.
    **Thresholds**: ``limit`` 0.2 of the range from 0 to 1, a convention of poolwise; undecided
    within two Monte Carlo errors of it, or when the alternative fit has an R-hat above ``rhat``
    1.05.
    **Source**: Gelman and Pardoe (2006), doi:10.1198/004017005000000517.
    """
    findings = []
    for label in dict.fromkeys(c.label for c in share_changes):
        mine = [c for c in share_changes if c.label == label and np.isfinite(c.difference)]
        if not mine:
            findings.append(skipped("it is not defined under every prior", where=label))
            continue
        low = min(mine, key=lambda c: c.other.value)
        high = max(mine, key=lambda c: c.other.value)
        worst = max(low, high, key=lambda c: abs(c.difference))
        said = (
            f"{label} is {worst.base.value:.2f} ± {number(worst.base.mcse)}, and "
            f"{low.other.value:.2f} ({low.title}) to {high.other.value:.2f} ({high.title}) under "
            f"{counted(len(mine), 'alternative prior')}"
        )
        details: dict[str, Any] = {
            "value": abs(worst.difference),
            "mcse": worst.mcse,
            "threshold": limit,
            "result": f"{low.other.value:.2f} to {high.other.value:.2f}",
            "needs": f"change ≤ {limit:g}",
            "where": label,
        }
        near = abs(abs(worst.difference) - limit) < 2 * worst.mcse
        if near or not sweep_rhat[worst.alternative] <= rhat:
            findings.append(inconclusive(f"{said}; too close or too rough to tell", **details))
        else:
            findings.append(
                judge(abs(worst.difference) > limit, said, otherwise=Verdict.WARN, **details)
            )
    return findings or [skipped("no level with two or more groups was followed")]


shares_move.passes(
    lambda: examples.forty_groups(mu_scale=100.0, tau_scale=20.0, sweep_scales=(10.0, 40.0))
)
shares_move.fails(lambda: examples.eight_schools(sweep_scales=(0.5, 40.0)), Verdict.WARN)
shares_move.false_alarm(lambda: examples.eight_schools(sweep_scales=(4.5,)))
