"""Prior sensitivity as plain data: what the report shows of it, with Monte Carlo errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import xarray as xr

from ...checks.few_groups import CommonPrior
from ...checks.more_data import DataNeeded
from ...checks.powers import PowerScaling, Scaled
from ...checks.share_shifts import ShareChange
from ...checks.sign_flips import SignChange
from ...checks.sweep import Change
from ...checks.weighted import effective_size
from ..record import ReviewRecord
from ..sweep import ShareRange, SignRange, changes, share_ranges, sign_ranges, unconverged
from .values import Numbers, number, statistic, summary

#: Why a level has no answer of some kind, where there is nothing to report.
_NOTHING = {
    "signs": "nothing whose sign is a conclusion was followed",
    "shares": "no level with two or more groups was followed",
    "data_needed": "no level has both a prior of its spread that was replaced and known "
    "information",
    "few_groups": "no level of five groups or fewer has a prior on its spread",
}


def sensitivity(record: ReviewRecord) -> dict[str, Any]:
    """Return power-scaling, the sweep, and what follows from it; why a part is not there.

    A part that cannot be computed costs only itself.
    """
    parts: dict[str, tuple[str, Callable[[ReviewRecord], Any]]] = {
        "power_scaling": ("power_scaling", _power_scaling),
        "alternatives": ("sweep", _alternatives),
        "sweep": ("changes", _sweep),
        "signs": ("sign_changes", _signs),
        "shares": ("share_changes", _shares),
        "data_needed": ("data_needed", _data_needed),
        "few_groups": ("common_priors", _few_groups),
    }
    found: dict[str, Any] = {}
    why: dict[str, str] = {}
    for name, (evidence, make) in parts.items():
        try:
            reason = record.evidence.why_missing(evidence)
            if not reason:
                found[name] = make(record)
                reason = "" if found[name] else _NOTHING.get(name, "")
        except Exception as error:
            reason = f"it could not be computed: {type(error).__name__}: {error}"
        if reason:
            why[name] = reason
    return found | {"why_not": why}


def _power_scaling(record: ReviewRecord) -> dict[str, Any]:
    scaling: PowerScaling = record.evidence.get("power_scaling")
    return {
        "scaled": list(scaling.scaled),
        "largest_k": number(scaling.largest_k),
        "parts": [
            {
                "part": part.name,
                "pareto_k": number(part.pareto_k),
                "source": "open" if part.why_open else "refit" if part.refitted else "weights",
                "why_open": part.why_open,
            }
            for part in scaling.parts
        ],
        "quantities": [
            {
                "quantity": label,
                "prior": _sensitivity(scaling.prior, i),
                "likelihood": _sensitivity(scaling.likelihood, i),
                "each_prior": {n: _sensitivity(s, i) for n, s in scaling.each_prior.items()},
            }
            for i, label in enumerate(scaling.labels)
        ],
    }


def _sensitivity(part: Scaled, quantity: int) -> Numbers:
    return {
        "value": number(part.sensitivity[quantity]),
        "mcse": number(part.mcse[quantity]),
        "floor": number(part.floor[quantity]),
    }


def _alternatives(record: ReviewRecord) -> list[dict[str, Any]]:
    fits: dict[str, xr.Dataset] = record.evidence.get("sweep_in_order")
    bad = unconverged(record)
    return [_alternative(key, fit, converged=key not in bad) for key, fit in fits.items()]


def _alternative(key: str, fit: xr.Dataset, *, converged: bool) -> dict[str, Any]:
    attrs = fit.attrs
    divergences = attrs.get("divergences")
    return {
        "key": key,
        "parameter": str(attrs["parameter"]),
        "prior": str(attrs["prior"]),
        "title": str(attrs["title"]),
        "replaces": str(attrs["base"]),
        "means": str(attrs.get("means", "")),
        "declared": bool(attrs.get("declared", False)),
        "level": str(attrs.get("level", "")),
        "source": str(attrs.get("source", "")),
        "fallback": str(attrs.get("fallback", "")),
        "pareto_k": number(attrs.get("pareto_k")),
        "effective_draws": number(effective_size(fit)),
        "rhat": number(attrs["rhat"]),
        "converged": converged,
        "divergences": None if divergences is None else int(divergences),
    }


def _sweep(record: ReviewRecord) -> list[dict[str, Any]]:
    return [_change(c) for c in changes(record)]


def _change(c: Change) -> dict[str, Any]:
    return {
        "alternative": c.alternative,
        "parameter": c.parameter,
        "prior": c.prior,
        "quantity": c.label,
        "kind": c.kind,
        "mean": number(c.other.mean),
        "mean_mcse": number(c.other.mcse),
        "sd": number(c.other.sd),
        "median": number(c.other.median),
        "low": number(c.other.low),
        "high": number(c.other.high),
        "shift": number(c.shift),
        "mcse": number(c.mcse),
    }


def _signs(record: ReviewRecord) -> list[dict[str, Any]]:
    return [{"event": r.label, **_over_sweep(r), "flips": r.flips} for r in sign_ranges(record)]


def _shares(record: ReviewRecord) -> list[dict[str, Any]]:
    return [{"number": r.label, **_over_sweep(r), "moves": r.moves} for r in share_ranges(record)]


def _over_sweep(found: SignRange | ShareRange) -> dict[str, Any]:
    return {
        "base": statistic(found.base),
        "lowest": _under(found.lowest),
        "highest": _under(found.highest),
        "furthest": _under(found.furthest),
    }


def _under(change: SignChange | ShareChange) -> dict[str, Any]:
    return {"alternative": change.alternative, **statistic(change.other)}


def _data_needed(record: ReviewRecord) -> dict[str, Any]:
    found: dict[str, DataNeeded] = record.evidence.get("data_needed")
    return {name: _needed(one) for name, one in found.items()}


def _needed(one: DataNeeded) -> dict[str, Any]:
    needed = dict(zip(("low", "median", "high"), map(number, one.needed), strict=True))
    times = number(one.rows)
    why = {f"groups_needed: {k}": "more than a million" for k, v in needed.items() if v is None}
    if times is None:
        why["times_rows"] = "no number of rows in each group would do"
    return {
        "groups": one.groups,
        "groups_needed": needed,
        "times_rows": times,
        "hardest": one.title,
        "why_no_number": why,
    }


def _few_groups(record: ReviewRecord) -> dict[str, Any]:
    found: dict[str, list[CommonPrior]] = record.evidence.get("common_priors")
    bad = unconverged(record)
    return {
        name: {
            "priors": [_common(p) for p in priors if p.alternative not in bad],
            "did_not_converge": [p.title for p in priors if p.alternative in bad],
        }
        for name, priors in found.items()
    }


def _common(prior: CommonPrior) -> dict[str, Any]:
    effects: dict[str, Numbers | None] = {k: summary(s) for k, s in prior.effects.items()}
    return {
        "title": prior.title,
        "alternative": prior.alternative,
        "spread": summary(prior.spread),
        "mean_weight": summary(prior.weight),
        "pooling_factor": None if prior.factor is None else statistic(prior.factor),
        "effects": effects,
    }
