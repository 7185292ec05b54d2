"""Prior sensitivity: power-scaling, the sweep, and decisions that flip."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from ..checks import Verdict
from ..checks.draws import Summary
from ..checks.sweep import Change
from ..checks.words import ALL_HYPERPRIORS, counted
from .blocks import Block, Cell, Column, Plot, Table, folded_after
from .figures import shifts
from .numbers import NONE, estimate, fixed, fixed_error, fixed_estimate, num
from .power_tables import power_tables
from .prior_tables import data_table, few_groups, share_table, sign_table
from .record import ReviewRecord
from .svg import inline_svg
from .sweep import changes, converged, limits, unconverged
from .trust import attempt, distrust, gap

#: Rows of a table that are always visible, and columns of the sweep.
_VISIBLE = 10
_COLUMNS = 4


def blocks(record: ReviewRecord) -> list[Block]:
    """Return every part that can be shown, and the reason of every other."""
    reason = distrust(record)
    if reason:
        return [gap(f"Prior sensitivity is not shown: {reason}")]
    evidence = record.evidence
    found: list[Block] = []
    if changes(record):
        found += _of_the_sweep(record)
    else:
        why = evidence.why_missing("sweep") or "no quantity could be compared"
        found.append(gap(f"The sweep is not shown: {why}"))
    if evidence.has("power_scaling"):
        return found + attempt("Power-scaling", lambda: [*power_tables(record)])
    why = evidence.why_missing("power_scaling")
    return [*found, gap(f"Power-scaling is not shown: {why}")]


def _of_the_sweep(record: ReviewRecord) -> list[Block]:
    """Return what alternative priors conclude: first what may flip, then how far it moves."""
    found: list[Block] = []
    bad = unconverged(record)
    if bad:
        names = {c.alternative: c.title for c in changes(record)}
        said = ", ".join(f"{names.get(k, k)} (R-hat {fixed(r, 3)})" for k, r in bad.items())
        found.append(gap(f"Numbers are left out for fits that did not converge: {said}"))
    found += attempt("Decisions", lambda: _decisions(record))
    found += attempt("Signs", lambda: sign_table(record))
    found += attempt("Shifts", lambda: _shifts(record))
    found += attempt("Shares", lambda: share_table(record))
    found += attempt("More data", lambda: data_table(record))
    for table in few_groups(record):
        found.append(table)
    found += attempt("Sweep", lambda: _sweep(record))
    return found


def _decision_names(record: ReviewRecord) -> set[str]:
    found: set[str] = record.evidence.get("decision_names")
    return found


def _decisions(record: ReviewRecord) -> Block | None:
    names = [
        c for c in dict.fromkeys(c.label for c in changes(record)) if c in _decision_names(record)
    ]
    if not names:
        why = record.evidence.why_missing("decisions") or "no decision was followed"
        return gap(f"The decision-flip table is not shown: {why}")
    even = limits(record, "SEN504")["even"]
    bad = unconverged(record)
    every = {(c.alternative, c.label): c for c in changes(record)}
    base = {c.label: c.base for c in changes(record)}
    rows: list[list[str | Cell]] = [
        ["As specified", *(fixed_error(base[n].mean, base[n].mcse) for n in names)],
    ]
    for key, title in _alternatives(record).items():
        cells: list[str | Cell] = [title]
        for name in names:
            change = every.get((key, name))
            if change is None or key in bad:
                cells.append(
                    NONE if change is None else Cell("–", Verdict.INCONCLUSIVE, "did not converge")
                )
            else:
                cells.append(_flip(change, even))
        rows.append(cells)
    # Priors under which something flips, or is left open, come first.
    rows[1:] = sorted(rows[1:], key=lambda row: -sum(isinstance(c, Cell) for c in row))
    flips = sum(isinstance(c, Cell) and c.verdict is Verdict.WARN for row in rows for c in row)
    return Table(
        "Decisions under other priors",
        [Column("Prior", number=False), *(Column(n) for n in names)],
        rows,
        caption="Posterior probability of each declared decision under every alternative prior, "
        f"± Monte Carlo standard error: {counted(flips, 'flip')} across {even:g}",
        shown=folded_after(1 + _VISIBLE, rows),
    )


def _flip(change: Change, even: float) -> str | Cell:
    said = fixed_error(change.other.mean, change.other.mcse)
    if (change.other.mean > even) == (change.base.mean > even):
        return said
    sure = all(abs(s.mean - even) > 2 * s.mcse for s in (change.other, change.base))
    return (
        Cell(said, Verdict.WARN, "flips")
        if sure
        else Cell(said, Verdict.INCONCLUSIVE, "within error of even")
    )


def _alternatives(record: ReviewRecord) -> dict[str, str]:
    """Return every alternative by its key, as a reader should see it."""
    return {c.alternative: c.title for c in changes(record)}


def _shifts(record: ReviewRecord) -> Plot | None:
    decisions = _decision_names(record)
    every = shifts.rows([c for c in converged(record) if c.label not in decisions])
    if not every:
        return None
    # Of many elements of one variable, and of what moves as the mean weight does, one is drawn.
    rows = every if len(every) <= shifts.MOST else shifts.one_of_each(every)
    limit = limits(record, "SEN503")["limit"]
    question = "Which answers move under another prior, and how far?"
    worst = rows[0].furthest
    beyond = [r.label for r in every if abs(r.furthest.shift) > limit]
    drawn = min(len(rows), shifts.MOST)
    caption = (
        "Each mark is one alternative prior (line: ± 2 Monte Carlo standard errors); grey: within "
        f"{limit:g} posterior sd. Under a name stands the prior that moves it most. "
        f"{worst.label} moves most: {num(worst.shift, 2)} sd under {worst.title}. "
        f"Further than the grey band: {len(beyond)} of "
        f"{counted(len(every), 'quantity', 'quantities')}."
    )
    if drawn < len(every):
        caption += (
            f" {drawn} are drawn: of several elements of a variable, the one that moves most."
        )
    svg = inline_svg(shifts.draw(rows, limit), "shifts", question, caption)
    return Plot("shifts", question, svg, caption, _every_change(record))


def _every_change(record: ReviewRecord) -> Table:
    """Return every quantity with the alternative that moves it most, furthest first."""
    decisions = _decision_names(record)
    rows = [
        [
            row.label,
            _median(row.label, row.furthest.base),
            row.furthest.title,
            _median(row.label, row.furthest.other),
            f"{fixed(row.furthest.shift)} ± {num(row.furthest.mcse, 2)}",
        ]
        for row in shifts.rows([c for c in converged(record) if c.label not in decisions])
    ]
    return Table(
        "Every quantity, and the prior that moves it most",
        [
            Column("Quantity", number=False),
            Column("As specified: median (89% interval)"),
            Column("Moves most under", number=False),
            Column("Then"),
            Column("Shift (posterior sd)"),
        ],
        rows,
    )


def _sweep(record: ReviewRecord) -> Table | None:
    """Rows are alternatives, columns what a reader quotes: scale, weight, quantities."""
    labels = _columns(record)
    if not labels:
        return None
    good = {(c.alternative, c.label): c for c in converged(record)}
    base = {c.label: c.base for c in changes(record)}
    rows: list[list[str | Cell]] = [
        ["As specified" + _base_priors(record), *(_median(x, base[x]) for x in labels)]
    ]
    means = _meanings(record)
    for key, title in _alternatives(record).items():
        cells: list[str | Cell] = [f"{title} ({means[key]})" if means.get(key) else title]
        for label in labels:
            change = good.get((key, label))
            cells.append(_median(label, change.other) if change else NONE)
        rows.append(cells)
    return Table(
        "Prior sweep",
        [
            Column("Prior", number=False, prose=True),
            *(Column(label) for label in labels),
        ],
        rows,
        caption="The same data under other priors: median (89% interval)",
        shown=folded_after(1 + _VISIBLE, rows),
    )


def _columns(record: ReviewRecord) -> list[str]:
    decisions = _decision_names(record)
    available = [x for x in dict.fromkeys(c.label for c in changes(record)) if x not in decisions]
    varied = list(dict.fromkeys(c.parameter for c in changes(record)))
    weights = [x for x in available if x.endswith(": mean weight")]
    quantities: list[str] = []
    if record.evidence.has("quantities"):
        declared: xr.Dataset = record.evidence.get("quantities")
        names = {str(n) for n in declared.data_vars}
        quantities = [x for x in available if x.partition("[")[0] in names]
    top = [x for x in available if x.partition("[")[0] in varied]
    rest = [
        x
        for x in available
        if x not in {*top, *weights, *quantities} and not x.startswith(_weights_of(weights))
    ]
    return [*top[:2], *weights[:1], *quantities, *rest][:_COLUMNS]


def _weights_of(means: Sequence[str]) -> tuple[str, ...]:
    """Return what the weights of single groups, and their sum, are called."""
    levels = [label.removesuffix(": mean weight") for label in means]
    return tuple(f"{level}: {what}" for level in levels for what in ("weight[", "effective groups"))


def _median(label: str, summary: Summary) -> str:
    if label.endswith(": mean weight"):
        return fixed_estimate(summary.median, summary.low, summary.high)
    return estimate(summary.median, summary.low, summary.high)


def _meanings(record: ReviewRecord) -> dict[str, str]:
    fits: dict[str, xr.Dataset] = record.evidence.get("sweep")
    return {key: str(fit.attrs.get("means", "")) for key, fit in fits.items()}


def _base_priors(record: ReviewRecord) -> str:
    if not record.evidence.has("sweep"):
        return ""
    fits: dict[str, xr.Dataset] = record.evidence.get("sweep")
    said = dict.fromkeys(
        f"{f.attrs['parameter']} ~ {f.attrs['base']}"
        for f in fits.values()
        if f.attrs["parameter"] != ALL_HYPERPRIORS
    )
    return f": {', '.join(said)}" if said else ""
