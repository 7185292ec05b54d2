"""SEN503 and SEN504: does another reasonable prior change a conclusion?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from . import examples
from .check import SAMPLED, check
from .draws import Summary, scalars
from .evidence import Evidence, fact
from .finding import Finding, Verdict, inconclusive, judge, skipped
from .followed import MOST_GROUPS, of_fit
from .weighted import labelled, summaries
from .words import number

#: Of the effects of a level with many groups, so many are reported: those that move most.
EXTREMES = 5


@dataclass(frozen=True, slots=True)
class Change:
    """What one alternative prior does to one quantity.

    Attributes
    ----------
    alternative, parameter, prior : str
        Key of the alternative, the parameter whose prior was replaced, and the new prior.
    title : str
        The alternative as a reader should see it: ``tau ~ HalfNormal(5)``.
    label, kind : str
        The quantity, and what it is (see :func:`.followed.of_fit`).
    base, other : Summary
    shift, mcse : float
        Difference of the means in posterior standard deviations of the base fit.
    """

    alternative: str
    parameter: str
    prior: str
    title: str
    label: str
    kind: str
    base: Summary
    other: Summary
    shift: float
    mcse: float


@fact
def base_followed(evidence: Evidence) -> xr.Dataset:
    """Draws of everything that the sweep follows, under the spec's own priors."""
    fits: dict[str, xr.Dataset] = evidence.get("sweep")
    signed = {str(v.attrs["of"]) for fit in fits.values() for v in _of_kind(fit, "sign", "of")}
    return of_fit(
        evidence.get("posterior"),
        evidence.get("top_level_priors"),
        sorted(signed),
        evidence.get("quantities") if evidence.has("quantities") else xr.Dataset(),
        evidence.get("decisions") if evidence.has("decisions") else xr.Dataset(),
        evidence.get("levels") if evidence.has("levels") else {},
    )


def _of_kind(fit: xr.Dataset, kind: str, with_: str = "kind") -> list[xr.DataArray]:
    return [v for v in fit.data_vars.values() if v.attrs.get("kind") == kind and with_ in v.attrs]


@fact
def base_summaries(base_followed: xr.Dataset) -> xr.Dataset:
    """Summaries of everything that the sweep follows, under the spec's own priors."""
    return summaries(base_followed)


@fact
def sweep_in_order(sweep: dict[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    """Fits of the alternatives in the order in which they were planned."""
    return dict(sorted(sweep.items(), key=lambda item: int(item[1].attrs.get("order", 0))))


@fact
def decision_names(evidence: Evidence) -> set[str]:
    """Labels of the declared decisions."""
    if not evidence.has("decisions"):
        return set()
    decisions: xr.Dataset = evidence.get("decisions")
    return {label for v in decisions.data_vars.values() for label, _ in scalars(v)}


@fact
def sweep_rhat(sweep: dict[str, xr.Dataset]) -> dict[str, float]:
    """Largest R-hat of what each alternative reports, or of the run it is weighted from."""
    return {key: float(fit.attrs["rhat"]) for key, fit in sweep.items()}


@fact
def changes(base_summaries: xr.Dataset, sweep_in_order: dict[str, xr.Dataset]) -> list[Change]:
    """What every alternative prior does to every quantity that the sweep follows.

    Of the effects of a level with many groups, the few that move most.
    """
    names = [str(n) for n, v in base_summaries.data_vars.items() if v.attrs.get("kind") != "sign"]
    base = {
        n: dict(labelled(n, _furthest(n, base_summaries[n], sweep_in_order.values())))
        for n in names
    }
    found = []
    for key, fit in sweep_in_order.items():
        for name in (n for n in names if n in fit):
            kept = base[name]
            for label, other in labelled(name, fit[name]):
                if label not in kept:
                    continue
                mine = kept[label]
                scale = mine.sd if mine.sd > 0 else float("nan")
                found.append(
                    Change(
                        alternative=key,
                        parameter=str(fit.attrs["parameter"]),
                        prior=str(fit.attrs["prior"]),
                        title=str(fit.attrs["title"]),
                        label=label,
                        kind=str(base_summaries[name].attrs["kind"]),
                        base=mine,
                        other=other,
                        shift=(other.mean - mine.mean) / scale,
                        mcse=float(np.hypot(mine.mcse, other.mcse)) / scale,
                    )
                )
    return found


def _furthest(name: str, base: xr.DataArray, fits: Iterable[xr.Dataset]) -> xr.DataArray:
    """Return a variable, or of many groups those that any alternative moves most."""
    dims = [d for d in base.dims if d != "summary"]
    if len(dims) != 1 or base.sizes[dims[0]] <= MOST_GROUPS:
        return base
    sd = base.sel(summary="sd").values
    moves = [
        np.abs(fit[name].sel(summary="mean").values - base.sel(summary="mean").values)
        for fit in fits
        if name in fit
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        furthest = np.nan_to_num(np.max(moves, axis=0) / sd)
    return base.isel({dims[0]: np.sort(np.argsort(-furthest, kind="stable")[:EXTREMES])})


@check("SEN503", after=SAMPLED)
def conclusion_shifts(
    changes: list[Change],
    sweep_rhat: dict[str, float],
    decision_names: set[str],
    *,
    limit: float = 0.3,
    rhat: float = 1.05,
) -> list[Finding]:
    """Another prior on a scale moves a quantity.

    **Asks**: under any alternative prior, does the mean of a quantity move by more than ``limit``
    of its posterior standard deviations?
    **Why it matters**: it is what a reader with another prior would have concluded.
    **What to do**: quote the range over the sweep next to the estimate.
    **Thresholds**: ``limit`` 0.3 posterior standard deviations: a convention of poolwise (a 95%
    interval is about four wide); undecided within two Monte Carlo errors of it, or when the
    alternative fit has an R-hat above ``rhat`` 1.05.
    **Source**: Depaoli, Winter and Visser (2020), doi:10.3389/fpsyg.2020.608045.
    """
    moved = [c for c in changes if c.label not in decision_names and np.isfinite(c.shift)]
    findings = []
    for parameter in dict.fromkeys(c.parameter for c in changes):
        mine = [c for c in moved if c.parameter == parameter]
        needs = f"≤ {limit:g} sd"
        bad_fit = sorted({c.prior for c in mine if not sweep_rhat[c.alternative] <= rhat})
        if bad_fit:
            findings.append(
                inconclusive(
                    f"the fit under {', '.join(bad_fit)} on {parameter} did not converge",
                    where=parameter,
                    needs=needs,
                )
            )
            continue
        if not mine:
            findings.append(skipped("no quantity to compare", where=parameter, needs=needs))
            continue
        worst = max(mine, key=lambda c: abs(c.shift))
        said = (
            f"{worst.label} moves by {abs(worst.shift):.2f} ± {number(worst.mcse)} posterior sd "
            f"under {worst.title} "
            f"({number(worst.base.mean, 3)} to {number(worst.other.mean, 3)}; 89% interval "
            f"{_interval(worst.base)} becomes {_interval(worst.other)})"
        )
        details: dict[str, Any] = {
            "value": abs(worst.shift),
            "mcse": worst.mcse,
            "threshold": limit,
            "result": f"{abs(worst.shift):.2f} sd",
            "needs": needs,
            "where": parameter,
        }
        if abs(abs(worst.shift) - limit) < 2 * worst.mcse:
            findings.append(inconclusive(f"{said}; too close to {limit:g} to tell", **details))
        else:
            findings.append(
                judge(abs(worst.shift) > limit, said, otherwise=Verdict.WARN, **details)
            )
    return findings


def _interval(summary: Summary) -> str:
    return f"{number(summary.low, 3)} to {number(summary.high, 3)}"


conclusion_shifts.passes(
    lambda: examples.forty_groups(mu_scale=100.0, tau_scale=20.0, sweep_scales=(10.0, 40.0))
)
conclusion_shifts.fails(
    lambda: examples.eight_schools(sweep_scales=(2.5, 10.0, 40.0)), Verdict.WARN
)
conclusion_shifts.false_alarm(
    lambda: examples.eight_schools(sweep_scales=(10.0,), sweep_stuck=True), Verdict.INCONCLUSIVE
)


@check("SEN504", after=SAMPLED)
def decision_flips(
    changes: list[Change],
    decision_names: set[str],
    sweep_rhat: dict[str, float],
    *,
    even: float = 0.5,
    rhat: float = 1.05,
) -> list[Finding]:
    """A declared decision flips under another prior.

    **Asks**: does the posterior probability of a declared decision cross ``even`` under any
    alternative prior?
    **Why it matters**: then the decision is the prior's, not the data's.
    **What to do**: report both answers, and what would have to be believed to prefer one.
    **Thresholds**: ``even`` 0.5, even odds; undecided when a probability is within two Monte Carlo
    errors of it, or when an alternative fit has an R-hat above ``rhat`` 1.05.
    **Source**: Depaoli, Winter and Visser (2020), doi:10.3389/fpsyg.2020.608045.
    """
    if not decision_names:
        return [skipped("the spec declares no decisions")]
    findings = []
    for label in sorted(decision_names):
        mine = [c for c in changes if c.label == label]
        if not mine:
            findings.append(skipped("no alternative prior was fitted", where=label))
            continue
        base = mine[0].base
        low = min(mine, key=lambda c: c.other.mean)
        high = max(mine, key=lambda c: c.other.mean)
        said = (
            f"P({label}) is {base.mean:.2f}, and {low.other.mean:.2f} to {high.other.mean:.2f} "
            f"under {len(mine)} alternative priors"
        )
        flips = [c for c in mine if (c.other.mean > even) != (base.mean > even)]
        sure = [
            c
            for c in flips
            if abs(c.other.mean - even) > 2 * c.other.mcse
            and abs(base.mean - even) > 2 * base.mcse
            and sweep_rhat[c.alternative] <= rhat
        ]
        near = [
            c
            for c in mine
            if abs(c.other.mean - even) <= 2 * c.other.mcse or not sweep_rhat[c.alternative] <= rhat
        ]
        details: dict[str, Any] = {
            "value": max(abs(c.other.mean - base.mean) for c in mine),
            "mcse": float(np.hypot(base.mcse, max(c.other.mcse for c in mine))),
            "threshold": even,
            "result": f"{low.other.mean:.2f} to {high.other.mean:.2f}",
            "needs": f"one side of {even:g}",
            "where": label,
        }
        if sure:
            flip = sure[0]
            message = f"{said}: it flips under {flip.title}"
            findings.append(judge(True, message, otherwise=Verdict.WARN, **details))
        elif near or abs(base.mean - even) <= 2 * base.mcse:
            findings.append(inconclusive(f"{said}; too close to {even:g} to tell", **details))
        else:
            findings.append(judge(False, said, **details))
    return findings


decision_flips.passes(lambda: examples.eight_schools(sweep_scales=(2.5, 10.0)))
decision_flips.fails(
    lambda: examples.eight_schools(sigma=(8.0,) * 8, tau_scale=0.05, sweep_scales=(25.0,)),
    Verdict.WARN,
)
decision_flips.false_alarm(
    lambda: examples.eight_schools(sweep_scales=(2.5,), drop=["decisions"]), Verdict.SKIPPED
)
