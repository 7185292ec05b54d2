"""Results as plain data, for JSON and every format made from it."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import xarray as xr

from ..checks import Evidence
from ..checks.decomposition import Decomposition
from ..checks.draws import Summary
from ..checks.estimates import Estimate
from ..checks.own_data import row_noise, standard_error
from ..checks.penalty import Choices
from ..checks.pooling import LevelPooling
from ..checks.power_scaling import PowerScaling
from ..checks.ridge_equivalent import equivalent_penalty, has_penalty
from ..checks.sweep import Change
from ..checks.who_set_it import who_set_it


def _number(value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return float(value)


def _summary(summary: Summary | None) -> dict[str, float | None] | None:
    return None if summary is None else {k: _number(v) for k, v in asdict(summary).items()}


def regularization(evidence: Evidence) -> dict[str, Any]:
    """Return how strongly each level pools."""
    if not evidence.has("pooling"):
        return {}
    pooling: dict[str, LevelPooling] = evidence.get("pooling")
    datasets, choices = evidence.get("levels"), evidence.get("penalty_choices")
    return {
        name: _level(level, datasets[name]) | _choices(choices[name], datasets[name])
        for name, level in pooling.items()
    }


def _choices(found: Choices, level: xr.Dataset) -> dict[str, Any]:
    """Return what classical methods choose, in place of the posterior of the penalty."""
    penalty = equivalent_penalty(level).values if found.markers and has_penalty(level) else None
    return {
        "choices": [
            {
                "method": marker.method,
                "outcome": str(marker.outcome),
                "penalty": _number(marker.penalty),
                "effective": _number(marker.effective),
                "below": None
                if penalty is None or math.isnan(marker.penalty)
                else float((penalty < marker.penalty).mean()),
                "why": marker.why,
            }
            for marker in found.markers
        ],
        "why_no_choices": found.why,
    }


def _level(level: LevelPooling, data: xr.Dataset) -> dict[str, Any]:
    factor = level.factor
    groups = []
    if level.weight_mean is not None and level.weight_low is not None:
        assert level.weight_high is not None
        groups = [
            {
                "group": group,
                "rows": _number(rows),
                "weight": _number(mean),
                "low": _number(low),
                "high": _number(high),
                "noise": _number(noise),
                "standard_error": _number(error),
            }
            for group, rows, mean, low, high, noise, error in zip(
                level.groups,
                level.rows,
                level.weight_mean,
                level.weight_low,
                level.weight_high,
                row_noise(data),
                standard_error(data),
                strict=True,
            )
        ]
    return {
        "groups": len(level.groups),
        "pooling_factor": None
        if factor is None
        else {
            "value": _number(factor.factor),
            "mcse": _number(factor.mcse),
            "r_squared": _number(factor.r_squared),
            "r_squared_mcse": _number(factor.r_squared_mcse),
        },
        "mean_weight": _summary(level.mean_weight),
        "effective_groups": _summary(level.effective_groups),
        "penalty": _summary(level.penalty),
        "prior_penalty": _summary(level.prior_penalty),
        "scale": _summary(level.scale),
        "prior_scale": _summary(level.prior_scale),
        "contraction": _number(level.contraction),
        "weight_contraction": _number(level.weight_contraction),
        "prior_pull": _number(level.prior_pull),
        "data_pull": _number(level.data_pull),
        "set_by": who_set_it(level)[0],
        "weights": groups,
        "why_no_weights": level.why_no_weights,
    }


def estimates(evidence: Evidence) -> dict[str, Any]:
    """Return every reported quantity with its Monte Carlo errors."""
    found: list[Estimate] = evidence.get("estimates")
    return {
        "quantities": [
            {
                "name": estimate.name,
                "kind": estimate.kind,
                **{
                    name: {"value": _number(s.value), "mcse": _number(s.mcse)}
                    for name, s in estimate.statistics.items()
                },
            }
            for estimate in found
        ],
        "levels_not_listed": dict(evidence.get("unlisted_groups")),
    }


def uncertainty(evidence: Evidence) -> dict[str, Any]:
    """Return where each target's variance comes from, by level."""
    if not evidence.has("uncertainty"):
        return {}
    found: dict[str, list[Decomposition]] = evidence.get("uncertainty")
    return {
        level: {
            d.target: {
                "total": _number(d.total),
                "epistemic_share": _number(d.epistemic_share),
                "mcse_of_share": _number(d.share_mcse),
                "heavy_tailed": d.heavy_tailed,
                "parts": [
                    {
                        "name": p.name,
                        "epistemic": p.epistemic,
                        "value": _number(p.value),
                        "mcse": _number(p.mcse),
                    }
                    for p in d.parts
                ],
            }
            for d in targets
        }
        for level, targets in found.items()
    }


def sensitivity(evidence: Evidence) -> dict[str, Any]:
    """Return power-scaling and the sweep."""
    found: dict[str, Any] = {}
    if evidence.has("power_scaling"):
        scaling: PowerScaling = evidence.get("power_scaling")
        found["power_scaling"] = {
            "scaled": scaling.scaled,
            "prior_k": _number(scaling.prior_k),
            "likelihood_k": _number(scaling.likelihood_k),
            "quantities": [
                {"quantity": label, "prior": _number(prior), "likelihood": _number(data)}
                for label, prior, data in zip(
                    scaling.labels, scaling.prior, scaling.likelihood, strict=True
                )
            ],
        }
    if evidence.has("changes"):
        changes: list[Change] = evidence.get("changes")
        found["sweep"] = [
            {
                "parameter": c.parameter,
                "prior": c.prior,
                "quantity": c.label,
                "mean": _number(c.other.mean),
                "low": _number(c.other.low),
                "high": _number(c.other.high),
                "shift": _number(c.shift),
                "mcse": _number(c.mcse),
            }
            for c in changes
        ]
    return found
