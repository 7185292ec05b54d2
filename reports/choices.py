"""The penalty beside what REML, cross-validation and others choose: figures and their table."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ..checks.draws import Array
from ..checks.penalty import Choices, Marker, Outcome, Ridge, l_curve
from ..checks.words import listed
from .blocks import Block, Column, Pair, Plot, Table
from .figures import choices, penalty
from .numbers import NONE, between, fixed, num
from .svg import inline_svg
from .trust import gap

#: What every method minimises or solves.
DEFINITIONS = {
    "REML": "Largest restricted likelihood of τ and σ (Patterson and Thompson 1971)",
    "ML": "Largest likelihood of τ and σ, location and coefficients at their estimates",
    "GCV": "Smallest n‖r‖²/(n − df)² (Golub, Heath and Wahba 1979)",
    "leave-one-out": "Smallest squared error of predicting each row from all others (Allen 1974)",
    "L-curve corner": "Largest curvature of log ‖ε‖ against log ‖r‖ (Hansen and O’Leary 1993), "
    "an angle under 157.5° (Castellanos et al. 2002)",
    "discrepancy": "Residuals as large as the known noise: ‖r‖² = nσ² (Morozov 1966)",
}


def classical(
    i: int, level: str, found: Choices, data: xr.Dataset, prior: xr.Dataset | None
) -> list[Block]:
    """Return λ of one level beside its classical choices, or why these are not shown.

    Parameters
    ----------
    i : int
        Number of the level, for ids.
    level : str
        Its name.
    found : Choices
        Of that level.
    data, prior : xarray.Dataset
        The level on posterior and on prior draws.
    """
    posterior = penalty.penalty_draws(data)
    if posterior is None or posterior.size < 10 or np.ptp(posterior) == 0:
        return []
    if found.ridge is None:
        return [gap(f"Classical choices of λ are not shown for {level}: {found.why}")]
    markers, axis = list(found.markers), penalty.pooling_of(data)
    table = choice_table(level, markers, posterior, axis)
    return [
        Pair(
            [
                _posterior(i, posterior, penalty.penalty_draws(prior), markers, axis, table),
                _curve(i, found.ridge, markers, posterior),
            ]
        )
    ]


def _posterior(
    i: int,
    posterior: Array,
    prior: Array | None,
    markers: list[Marker],
    axis: penalty.Pooling,
    table: Table,
) -> Plot:
    question = "Where is the penalty, and how certain is it?"
    against = " against its prior (dashed)" if prior is not None and prior.size > 10 else ""
    caption = (
        f"Posterior of λ (blue){against}, with medians, 50% and 89% intervals; below, what a "
        f"classical analyst would have chosen from the same rows. {compared(markers, posterior)}"
    )
    key = f"choices{i}"
    figure = choices.draw_posterior(posterior, prior, markers, axis)
    return Plot(key, question, inline_svg(figure, key, question, caption), caption, table)


def _curve(i: int, ridge: Ridge, markers: list[Marker], posterior: Array) -> Plot:
    question = "What does a stronger penalty cost?"
    corner = next(m for m in markers if m.method == "L-curve corner")
    said = (
        f"Its corner is at λ = {num(corner.penalty, 2)}."
        if corner.outcome is Outcome.FOUND
        else f"It has no clear corner: {corner.why}."
    )
    caption = (
        "Every λ is a point of the L-curve: stronger penalties lie to the right, with smaller "
        f"effects and larger residuals. Thick: 50% and 89% of the posterior of λ. {said} "
        "The angle is that of equal axes; here each axis is stretched to its range."
    )
    key = f"lcurve{i}"
    svg = inline_svg(choices.draw_curve(ridge, markers, posterior), key, question, caption)
    return Plot(key, question, svg, caption, curve_table(ridge, markers, posterior))


def curve_table(ridge: Ridge, markers: list[Marker], posterior: Array) -> Table:
    """Return points of the L-curve: quantiles of the posterior and every choice, by λ."""
    quantiles = (0.055, 0.25, 0.5, 0.75, 0.945)
    words = [f"posterior {q:.1%} quantile".replace(".0%", "%") for q in quantiles]
    points = [
        (10 ** float(np.quantile(posterior, q)), w) for q, w in zip(quantiles, words, strict=True)
    ]
    points += [(m.penalty, m.method) for m in markers if m.outcome is Outcome.FOUND]
    points.sort(key=lambda point: point[0])
    curve = l_curve(ridge, np.array([penalty for penalty, _ in points]))
    effective = ridge.at(1 / curve.penalty).effective
    columns = [
        Column("Point", number=False),
        Column("λ"),
        Column("Norm of residuals"),
        Column("Norm of effects"),
        Column("Effective groups"),
    ]
    rows = [
        [word, num(penalty, 3), num(curve.residual[i], 4), num(curve.size[i]), num(effective[i])]
        for i, (penalty, word) in enumerate(points)
    ]
    return Table("Points of the L-curve", columns, rows)


def compared(markers: list[Marker], posterior: Array) -> str:
    """Say which choices lie inside the 89% interval of λ, and which do not."""
    low, high = (10**q for q in np.quantile(posterior, [0.055, 0.945]))
    placed = [m for m in markers if np.isfinite(m.penalty) or m.outcome is Outcome.POOLED]
    if not placed:
        return "None of them has an answer here."
    inside = [m.method for m in placed if low <= m.penalty <= high]
    weaker = [m.method for m in placed if m.penalty < low]
    stronger = [m.method for m in placed if m.penalty > high]
    said = []
    if inside:
        said.append(f"{listed(inside)} {_lie(inside)} inside the 89% interval")
    if weaker:
        said.append(f"{listed(weaker)} {_lie(weaker)} below it: less pooling")
    if stronger:
        said.append(f"{listed(stronger)} {_lie(stronger)} above it: more pooling")
    text = "; ".join(said)
    if not inside:
        text = text.replace("it:", f"the 89% interval, {between(low, high, 2)}:", 1)
    return text + "."


def _lie(names: list[str]) -> str:
    return "lies" if len(names) == 1 else "lie"


def choice_table(
    level: str, markers: list[Marker], posterior: Array, axis: penalty.Pooling
) -> Table:
    """Return every choice of λ with what it means, the posterior first."""
    median = float(10 ** np.median(posterior))
    low, high = (float(10**q) for q in np.quantile(posterior, [0.055, 0.945]))
    columns = [
        Column("Choice", number=False),
        Column("λ"),
        Column(axis.label[0].upper() + axis.label[1:]),
        Column("Effective groups"),
        Column("Posterior below"),
        Column("Outcome", number=False, prose=True),
        Column("Definition", number=False, prose=True),
    ]
    lines = [
        [
            "posterior median",
            num(median, 3),
            fixed(axis.at(median)),
            NONE,
            "0.50",
            f"89% interval {between(low, high, 3)}",
            "Median of σ²/τ²",
        ]
    ]
    for marker in markers:
        value = marker.penalty
        with np.errstate(divide="ignore"):
            below = float(np.mean(posterior < np.log10(value))) if not np.isnan(value) else np.nan
        outcome = str(marker.outcome)
        lines.append(
            [
                marker.method,
                "∞" if np.isinf(value) else num(value, 3),
                fixed(axis.at(value)),
                num(marker.effective, 3),
                fixed(below),
                f"{outcome}: {marker.why}" if marker.why else outcome,
                DEFINITIONS[marker.method],
            ]
        )
    return Table(f"Choices of λ for {level}", columns, lines)
