"""How strongly each level pools, as plain data."""

from __future__ import annotations

import math
from typing import Any

import xarray as xr

from ...checks import Evidence
from ...checks.estimates import MOST_GROUPS
from ...checks.own_data import row_noise, standard_error
from ...checks.penalty import Choices
from ...checks.pooling import LevelPooling
from ...checks.pooling_factors import PoolingFactor
from ...checks.poolings import POOLINGS, Compared, Contrast
from ...checks.ridge_equivalent import equivalent_penalty, has_penalty
from ...checks.who_set_it import who_set_it
from .values import Numbers, number, summary


def regularization(evidence: Evidence) -> dict[str, Any]:
    """Return how strongly each level pools."""
    if not evidence.has("pooling"):
        return {}
    pooling: dict[str, LevelPooling] = evidence.get("pooling")
    datasets, choices = evidence.get("levels"), evidence.get("penalty_choices")
    why = evidence.why_missing("compared_poolings")
    compared: dict[str, Compared] = {} if why else evidence.get("compared_poolings")
    return {
        name: _level(level, datasets[name])
        | _choices(choices[name], datasets[name])
        | {
            "poolings": _poolings(compared[name]) if name in compared else None,
            "why_no_poolings": "" if name in compared else why or "they were not compared",
        }
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
                "penalty": number(marker.penalty),
                "effective": number(marker.effective),
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
    groups = []
    if level.weight_mean is not None and level.weight_low is not None:
        assert level.weight_high is not None
        groups = [
            {
                "group": group,
                "rows": number(rows),
                "weight": number(mean),
                "low": number(low),
                "high": number(high),
                "noise": number(noise),
                "standard_error": number(error),
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
        "pooling_factor": _factor(level.factor),
        "data_level": _factor(level.data_level),
        "mean_weight": summary(level.mean_weight),
        "prior_weight": summary(level.prior_weight),
        "effective_groups": summary(level.effective_groups),
        "penalty": summary(level.penalty),
        "prior_penalty": summary(level.prior_penalty),
        "scale": summary(level.scale),
        "prior_scale": summary(level.prior_scale),
        "contraction": number(level.contraction),
        "weight_contraction": number(level.weight_contraction),
        "prior_pull": number(level.prior_pull),
        "data_pull": number(level.data_pull),
        "set_by": who_set_it(level)[0],
        "weights": groups,
        "why_no_weights": level.why_no_weights,
        "not_concave": number(level.negative),
    }


def _factor(factor: PoolingFactor | None) -> Numbers | None:
    if factor is None:
        return None
    return {
        "value": number(factor.factor),
        "mcse": number(factor.mcse),
        "r_squared": number(factor.r_squared),
        "r_squared_mcse": number(factor.r_squared_mcse),
    }


def _poolings(level: Compared) -> dict[str, Any]:
    """Return what each pooling estimates of every group, and how well each predicts."""
    there = [p for p in POOLINGS if p not in level.why]
    listed = level.groups if len(level.groups) <= MOST_GROUPS else []
    return {
        "effect": level.effect,
        "shares": level.shares,
        "estimates": [
            {"group": group, "rows": number(level.rows[j])}
            | {p: _estimate(level, p, j) if p in there else None for p in POOLINGS}
            for j, group in enumerate(listed)
        ],
        "groups_not_listed": len(level.groups) - len(listed),
        "unestimated": level.unestimated,
        "scales": {p: number(s) for p, s in level.scales.items()},
        "converged": {p: level.trusted[p] for p in there},
        "contrasts": [_contrast(c) for c in level.contrasts],
        "why_not": dict(level.why),
    }


def _estimate(level: Compared, pooling: str, j: int) -> Numbers | None:
    mean, mcse, sd, low, high = (
        number(statistic[pooling][j])
        for statistic in (level.mean, level.mcse, level.sd, level.low, level.high)
    )
    if mean is None:
        return None
    return {"mean": mean, "mcse": mcse, "sd": sd, "low": low, "high": high}


def _contrast(c: Contrast) -> dict[str, Any]:
    return {
        "left_out": c.part,
        "compared_with": c.other,
        "difference": number(c.difference),
        "se": number(c.se),
        "mcse": number(c.mcse),
        "clear": c.clear,
        "compared": c.compared,
        "undefined": c.undefined,
        "unreliable": c.unreliable,
    }
