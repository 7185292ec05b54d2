"""Tables of regularization strength: which definition each number uses, and every group."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from ..checks.draws import Array
from ..checks.own_data import row_noise, standard_error
from ..checks.pooling import LevelPooling
from .blocks import Column, Table
from .figures import shrinkage
from .numbers import NONE, beside, between, fixed, fixed_between, num, of_unit
from .record import ReviewRecord
from .units import effect_unit, row_unit

#: Groups whose weights are always visible; of more, the extremes.
_VISIBLE = 12


def movement_table(level: LevelPooling, moved: shrinkage.Movement, unit: str) -> Table:
    """Return where every group starts and ends, in one unit; the furthest moves first."""
    low, _, _, _, high = moved.quantiles
    columns = [
        Column(level.name, number=False),
        Column("Raw"),
        Column("Pooled mean"),
        Column("89% interval"),
        Column("Population mean"),
        Column("Moves by"),
    ]
    moves = moved.pooled - moved.raw
    order = np.argsort(-np.nan_to_num(np.abs(moves), nan=-1.0), kind="stable")
    rows = [
        [
            moved.groups[j],
            num(moved.raw[j]),
            beside(moved.pooled[j], low[j], high[j]),
            between(low[j], high[j]),
            num(moved.location[j]),
            num(moves[j]),
        ]
        for j in order
    ]
    return Table(of_unit(f"Raw and pooled estimates of {level.name}", unit), columns, rows)


def summary_table(level: LevelPooling) -> Table:
    """Return the numbers of a level, each with its definition."""
    columns = [
        Column("Quantity", number=False),
        Column("After the data"),
        Column("89% interval"),
        Column("MCSE"),
        Column("Before the data"),
        Column("Definition", number=False, prose=True),
    ]
    rows: list[list[str]] = []
    factor = level.factor
    if factor is not None:
        rows += [
            [
                "Pooling factor",
                fixed(factor.factor),
                NONE,
                num(factor.mcse, 2),
                NONE,
                "Gelman and Pardoe (2006): 1 − Var(E[ε|y]) / E[Var(ε)|y], ε = θ − μ over groups",
            ],
            [
                "R²",
                fixed(factor.r_squared),
                NONE,
                NONE,
                NONE,
                "Gelman and Pardoe (2006): 1 − E[Var(ε)|y] / E[Var(θ)|y]",
            ],
        ]
    weight, before = level.mean_weight, level.prior_weight
    if weight is not None:
        rows += [
            [
                "Weight on the population",
                fixed(1 - weight.mean),
                fixed_between(1 - weight.high, 1 - weight.low),
                num(weight.mcse, 2),
                NONE if before is None else fixed(1 - before.mean),
                "Posterior mean of 1 − w, averaged over groups; w = τ²/(τ² + 1/I)",
            ],
            [
                "Weight on own data",
                fixed(weight.mean),
                fixed_between(weight.low, weight.high),
                num(weight.mcse, 2),
                NONE if before is None else fixed(before.mean),
                "Posterior mean of w, averaged over groups",
            ],
        ]
    if level.effective_groups is not None:
        e = level.effective_groups
        rows.append(
            [
                "Effective groups",
                f"{num(e.mean, 2)} of {len(level.groups)}",
                between(e.low, e.high, 2),
                num(e.mcse, 2),
                NONE,
                "Effective degrees of freedom: the sum of w over groups, posterior mean",
            ]
        )
    if level.penalty is not None:
        p, q = level.penalty, level.prior_penalty
        rows.append(
            [
                "Penalty λ",
                num(p.median, 2),
                between(p.low, p.high, 2),
                NONE,
                NONE if q is None else num(q.median, 2),
                "Median of σ²/τ²; σ² the harmonic mean over rows",
            ]
        )
    s, t = level.scale, level.prior_scale
    rows.append(
        [
            "Scale τ",
            beside(s.median, s.low, s.high),
            between(s.low, s.high),
            NONE,
            NONE if t is None else num(t.median),
            "Median of the sd between groups",
        ]
    )
    if level.weight_contraction is not None:
        rows.append(
            [
                "Contraction of the weight",
                fixed(level.weight_contraction),
                NONE,
                NONE,
                NONE,
                "1 − Var(w|y) / Var(w), w the mean weight on own data: what the data removed",
            ]
        )
    if level.contraction is not None:
        rows.append(
            [
                "Contraction of log τ",
                fixed(level.contraction),
                NONE,
                NONE,
                NONE,
                "1 − Var(log τ|y) / Var(log τ)",
            ]
        )
    return Table(
        f"How strongly {level.name} is pooled",
        columns,
        rows,
        caption=f"How strongly {level.name} is pooled, and which definition each number uses",
        note="These are different quantities: pooling factor and weight on the population "
        "need not agree."
        if weight is not None and factor is not None
        else "",
    )


def weight_table(record: ReviewRecord, level: LevelPooling, data: xr.Dataset) -> Table | None:
    """Return what sets the weight of every group, the extremes first."""
    weights = level.weight_mean
    if weights is None or level.weight_low is None or level.weight_high is None:
        return None
    low, high = level.weight_low, level.weight_high
    noise, error = row_noise(data), standard_error(data)
    order = _extremes_first(weights)
    unit = effect_unit(record, level.name, data)
    columns = [
        Column(level.name, number=False),
        Column("Rows"),
        Column(of_unit("Noise of a row", row_unit(record, level.name))),
        Column(of_unit("Standard error", unit)),
        Column("Weight on own data"),
        Column("89% interval"),
    ]
    rows = [
        [
            level.groups[j],
            num(level.rows[j], 6),
            num(noise[j]),
            num(error[j]),
            fixed(weights[j]),
            fixed_between(low[j], high[j]),
        ]
        for j in order
    ]
    many = len(weights) > _VISIBLE
    half = _VISIBLE // 2
    extremes = f": the {half} largest and the {half} smallest" if many else ""
    spread = of_unit(
        f"median {num(level.scale.median)}, 89% {between(level.scale.low, level.scale.high)}", unit
    )
    return Table(
        f"What sets the weight of {level.name}",
        columns,
        rows,
        caption=f"What sets the weight: rows, noise and τ ({spread}){extremes}",
        shown=_VISIBLE if many else None,
        note=""
        if "noise_variance" in data
        else "Noise of a row: the standard deviation of a normal row that would say as much, on "
        "the scale on which effects add up. Standard error: 1/√I, I the information of the rows.",
    )


def weight_range_table(level: LevelPooling, data: xr.Dataset, unit: str) -> Table:
    """Return smallest, median and largest of the weights and of what sets them."""
    columns = [
        Column("Over groups", number=False),
        Column("Smallest"),
        Column("Median"),
        Column("Largest"),
    ]
    found: list[tuple[str, Array | None, Callable[[float], str]]] = [
        ("weight on own data", level.weight_mean, fixed),
        ("rows", level.rows, lambda v: num(v, 6)),
        ("noise of a row", row_noise(data), num),
        (of_unit("standard error of own estimate", unit), standard_error(data), num),
    ]
    rows = []
    for name, values, written in found:
        known = np.empty(0) if values is None else values[np.isfinite(values)]
        if known.size:
            ends = (known.min(), np.median(known), known.max())
            rows.append([name, *(written(float(v)) for v in ends)])
    spread = level.scale
    rows.append(
        ["spread τ: 89% ends and median", num(spread.low), num(spread.median), num(spread.high)]
    )
    return Table("What sets the weights", columns, rows)


def _extremes_first(weights: Array) -> list[int]:
    order = [int(j) for j in np.argsort(-weights, kind="stable")]
    if len(order) <= _VISIBLE:
        return order
    half = _VISIBLE // 2
    return order[:half] + order[-half:] + order[half:-half]
