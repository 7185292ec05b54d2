"""Tables of power-scaling: what a power of the priors, or of the likelihood, moves."""

from __future__ import annotations

import numpy as np

from ..checks import Verdict
from ..checks.power_scaling import Diagnosis, diagnoses, sides
from ..checks.powers import LIKELIHOOD, PowerScaling, Scaled
from ..checks.words import ALL_HYPERPRIORS
from .blocks import Cell, Column, Table, folded_after
from .numbers import NONE, fixed, fixed_error
from .record import ReviewRecord
from .sweep import limits

#: Rows of a table that are always visible.
_VISIBLE = 10

_VERDICTS = {
    Diagnosis.STRONG_PRIOR: Verdict.WARN,
    Diagnosis.COMPROMISE: Verdict.NOTE,
    Diagnosis.MOVED: Verdict.INCONCLUSIVE,
    Diagnosis.CLOSE: Verdict.INCONCLUSIVE,
    Diagnosis.UNDEFINED: Verdict.INCONCLUSIVE,
}


def power_tables(record: ReviewRecord) -> list[Table]:
    """Return what prior and likelihood say of every quantity, and how that is known."""
    scaling: PowerScaling = record.evidence.get("power_scaling")
    limit = limits(record, "SEN501")["limit"]
    return [_by_quantity(scaling, limit), _by_part(scaling, limit)]


def _by_quantity(scaling: PowerScaling, limit: float) -> Table:
    """Rows are quantities, the most sensitive to the priors first."""
    order = np.argsort(-np.nan_to_num(scaling.prior.sensitivity, nan=np.inf), kind="stable")
    is_open = bool(scaling.prior.why_open or scaling.likelihood.why_open)
    said = diagnoses(scaling, limit)
    rows = [
        [
            scaling.labels[i],
            _sensitivity(scaling.prior, i),
            _sensitivity(scaling.likelihood, i),
            _strongest(scaling, i),
            Cell("left open", Verdict.INCONCLUSIVE) if is_open else _diagnosis(said[i]),
        ]
        for i in order
    ]
    together = " together" if len(scaling.scaled) > 1 else ""
    return Table(
        "Power-scaling sensitivity",
        [
            Column("Quantity", number=False),
            Column("Prior"),
            Column("Likelihood"),
            Column("Most to prior of", number=False),
            Column("Diagnosis", number=False),
        ],
        rows,
        caption="How fast does each quantity change when the priors of "
        f"{', '.join(scaling.scaled)}{together}, or the likelihood, are made to count more or "
        f"less? {limit:g} or more counts",
        shown=folded_after(_VISIBLE, rows),
        note="Distance between the distributions per doubling of the power (Kallioinen et al. "
        f"2023), ± Monte Carlo standard error; {limit:g} is about the shift of a normal mean by "
        f"{0.3 * limit / 0.05:.2g} posterior sd.{_by_chance(scaling)}",
    )


def _by_chance(scaling: PowerScaling) -> str:
    """Say what sensitivity a quantity has that does not move at all."""
    known = [p.floor for p in (scaling.prior, scaling.likelihood) if np.isfinite(p.floor).any()]
    if len(known) < 2:
        return ""
    prior, likelihood = (fixed(float(np.nanmedian(floor))) for floor in known)
    return (
        f" By chance alone a quantity that does not move has about {prior} (prior) and "
        f"{likelihood} (likelihood): that is taken off before the comparison."
    )


def _sensitivity(part: Scaled, quantity: int) -> str:
    return fixed_error(float(part.sensitivity[quantity]), float(part.mcse[quantity]))


def _strongest(scaling: PowerScaling, quantity: int) -> str:
    """Return the prior that moves a quantity most, by itself."""
    known = {
        name: float(part.sensitivity[quantity])
        for name, part in scaling.each_prior.items()
        if np.isfinite(part.sensitivity[quantity])
    }
    return max(known, key=lambda n: known[n]) if known else NONE


def _diagnosis(found: Diagnosis) -> str | Cell:
    verdict = _VERDICTS.get(found)
    return str(found) if verdict is None else Cell(str(found), verdict)


def _by_part(scaling: PowerScaling, limit: float) -> Table:
    """Rows are what was scaled: each prior, all of them, the likelihood."""
    parts = scaling.parts
    return Table(
        "What was made to count more or less",
        [
            Column("Part of the model", number=False),
            Column("Pareto k"),
            Column("Numbers from", number=False, prose=True),
            Column("Moves most", number=False),
            Column("By"),
            Column("Quantities it moves"),
        ],
        [_part_row(scaling, part, limit) for part in parts],
        caption="Each prior alone, all of them, and the likelihood: can the numbers be trusted?",
        note="Draws are weighted to powers of 0.99 and 1.01. The weights can be trusted up to a "
        f"Pareto k of {fixed(scaling.largest_k)}; beyond it the model is fitted again under both "
        "powers, and the draws of all three fits are combined.",
    )


def _part_row(scaling: PowerScaling, part: Scaled, limit: float) -> list[str | Cell]:
    row: list[str | Cell] = [_part_name(part.name), fixed(part.pareto_k)]
    if part.why_open:
        return [*row, Cell(part.why_open, Verdict.INCONCLUSIVE, "left open"), NONE, NONE, NONE]
    source = Cell("fits under both powers", Verdict.NOTE, "fitted again")
    finite = np.nan_to_num(part.sensitivity, nan=-1.0)
    most = int(np.argmax(finite))
    surely, perhaps = (int((sides(part, limit) == side).sum()) for side in (1, 0))
    return [
        *row,
        source if part.refitted else "weighted draws",
        scaling.labels[most],
        _sensitivity(part, most),
        f"{surely} of {len(scaling.labels)}" + (f", {perhaps} unclear" if perhaps else ""),
    ]


def _part_name(name: str) -> str:
    if name == LIKELIHOOD:
        return "likelihood"
    return name if name == ALL_HYPERPRIORS else f"prior of {name}"
