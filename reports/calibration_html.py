"""A calibration as one HTML page in the look of the report: no request, no script needed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from ..checks import REGISTRY, Verdict
from ..checks.calibration import Calibrated, power_of
from ..checks.words import counted, listed
from . import appendix, stages
from .advice import actions
from .blocks import Block, Cell, Column, Note, Plot, Section, Table
from .calibration import CalibrationRecord
from .figures import ranks
from .numbers import NONE, fixed, num, percent, seconds
from .pages import environment
from .svg import figure_style, inline_svg
from .trust import gap

#: Rows of the table of quantities before the rest is unfolded.
_SHOWN = 12

_HOW = {
    "prior": "Parameters were drawn from the prior, data were simulated from each, and the program "
    "was fitted to each data set. If it is right, each true value and the draws of its fit have "
    "one distribution: the rank of the true value among the draws is uniform.",
    "posterior": "True values were drawn from the posterior given the observed data, data were "
    "simulated from each in the same rows, and the program was fitted to the observed and the "
    "simulated data together. If it is right, the rank of each true value among the draws of its "
    "fit is uniform. This judges the program where the data say that parameters are.",
}


def render_calibration(record: CalibrationRecord) -> str:
    """Return the page; the same bytes for the same record."""
    conclusion = record.conclusion
    anchors = stages.anchors(record.findings)
    with figure_style():
        sections = _sections(record)
    page: str = (
        environment()
        .get_template("calibration.html.j2")
        .render(
            record=record,
            verdict=conclusion.verdict,
            sign=conclusion.verdict.value.capitalize(),
            counts=[
                (v, conclusion.counts[v], stages.count(v, conclusion.counts[v]))
                for v in (
                    Verdict.PASS,
                    Verdict.WARN,
                    Verdict.FAIL,
                    Verdict.INCONCLUSIVE,
                    Verdict.EXPECTED,
                    Verdict.NOTE,
                    Verdict.SKIPPED,
                    Verdict.ERROR,
                )
            ],
            where=f"{record.path}:{record.line}" if record.path and record.line else record.path,
            when=record.created.replace("T", " ").replace("Z", " UTC"),
            took=seconds(record.seconds),
            tiles=_tiles(record),
            actions=actions(record.findings, anchors),
            sections=sections,
            documentation=appendix.documentation(record.findings),
        )
    )
    return page


def _tiles(record: CalibrationRecord) -> list[tuple[str, str, str]]:
    """Return label, value and a sentence of the three headline numbers."""
    calibration: xr.Dataset = record.evidence.get("calibration")
    fitted = calibration["status"].values == "fitted"
    found = [
        (
            "Fits",
            str(int(fitted.sum())),
            f"of {counted(fitted.size, 'simulated data set')}, from the "
            f"{record.settings['kind']}; {record.settings['chains']} × "
            f"({record.settings['tune']} + {record.settings['draws']}) draws each",
        )
    ]
    if record.quantities:
        worst = record.quantities[0]
        found.append(
            (
                "Worst quantity",
                worst.label,
                f"p = {num(worst.adjusted, 2)}, corrected for "
                f"{counted(len(record.quantities), 'quantity', 'quantities')}",
            )
        )
        _, bias, narrow = power_of(record.evidence)
        found.append(
            (
                "Would be seen",
                f"{fixed(bias)} sd" if np.isfinite(bias) else "> 4 sd",
                "the smallest bias, in posterior standard deviations, that as many fits show with "
                "probability 0.8"
                + (f"; or intervals too narrow by {percent(narrow - 1)}" if narrow < 16 else ""),
            )
        )
    return found


def _sections(record: CalibrationRecord) -> list[Section]:
    anchor = stages.anchors(record.findings)

    def checks(prefix: str, label: str) -> list[Block]:
        table = stages.table(record.findings, prefix, anchor, label)
        return [table] if table else [gap("No check of this part was asked")]

    mine = [f for f in record.findings if f.code.startswith("CAL")]
    run = [f for f in record.findings if f.code.startswith("RUN")]
    return [
        Section(
            "ranks",
            "Are the fits right?",
            verdict=stages.worst(mine),
            said=stages.said(mine),
            blocks=[
                Note(_HOW[record.settings["kind"]]),
                *checks("CAL", "calibration"),
                *_rank_blocks(record),
            ],
            short="Ranks",
        ),
        Section("fits", "Single fits", blocks=_fit_blocks(record)),
        Section(
            "run",
            "This run",
            verdict=stages.worst(run),
            said=stages.said(run),
            blocks=[*checks("RUN", "run"), *(Note(f"{said}.") for said in record.notes)],
        ),
    ]


def _rank_blocks(record: CalibrationRecord) -> list[Block]:
    quantities = record.quantities
    if not quantities:
        return [gap(f"Ranks are not shown: {record.evidence.why_missing('calibrated') or 'few'}")]
    limit = float(REGISTRY["CAL901"].thresholds["limit"])
    shown = quantities[: ranks.MOST]
    figure = ranks.draw(shown, limit)
    uneven = [q for q in quantities if q.adjusted < limit]
    caption = (
        f"The empirical distribution of the ranks minus the uniform one, of the "
        f"{counted(len(shown), 'worst quantity', 'worst quantities')}. All quantities of a right "
        f"program stay inside their grey bands in 95% of calibrations: the bands hold for the "
        f"whole line, and for {counted(len(quantities), 'quantity', 'quantities')} at once "
        "(Bonferroni). Above zero at the left: fits are too high. An S-shape: too narrow, or, "
        "mirrored, too wide."
    )
    said = f"Outside: {listed([q.label for q in uneven])}." if uneven else "None leaves its band."
    numbers = Table(
        "Distribution of ranks",
        [Column("Quantity", number=False), *(Column(f"≤ {x:.1f}") for x in _TENTHS)],
        [[q.label, *(fixed(float(np.mean(q.pit <= x))) for x in _TENTHS)] for q in shown],
        caption="Share of ranks up to a value; its difference from that value is drawn.",
    )
    plot = Plot(
        "ranks-figure",
        "Do the ranks of true values spread evenly?",
        inline_svg(figure, "ranks-figure", "Ranks of true values against uniform ranks", said),
        f"{caption} {said}",
        numbers,
        figure=1,
    )
    return [plot, _table(quantities, limit)]


_TENTHS = [round(0.1 * k, 1) for k in range(1, 10)]


def _table(quantities: Sequence[Calibrated], limit: float) -> Table:
    rows: list[list[str | Cell]] = [
        [
            q.label,
            num(q.adjusted, 2),
            num(q.chance, 2),
            Cell(q.how, Verdict.FAIL, "uneven") if q.adjusted < limit else NONE,
            fixed(q.z),
            fixed(q.contraction),
            num(q.ess, 3),
            str(q.pit.size),
        ]
        for q in quantities
    ]
    return Table(
        "Quantities, the worst first",
        [
            Column("Quantity", number=False),
            Column("p, corrected"),
            Column("p"),
            Column("How", number=False),
            Column("z-score"),
            Column("Contraction"),
            Column("Draws"),
            Column("Fits"),
        ],
        rows,
        shown=_SHOWN,
        note="p: how likely a right program gives ranks as uneven, exactly, and corrected for the "
        "number of quantities. z-score: root mean square of (posterior mean − truth) / posterior "
        "sd, near 1 if fits are right. Contraction: median of 1 − (IQR of the fit / IQR of the "
        "true values)², the share of prior variance that data remove; – where a quantity depends "
        "on the data. Draws: median effective number, to which fits are thinned.",
    )


def _fit_blocks(record: CalibrationRecord) -> list[Block]:
    calibration: xr.Dataset = record.evidence.get("calibration")
    fitted = calibration.isel(simulation=calibration["status"].values == "fitted")
    total = fitted.sizes["simulation"]
    thresholds = REGISTRY["CAL902"].thresholds
    rhat, ess = thresholds["rhat"], thresholds["ess"]
    counts = [
        (f"R-hat above {rhat:g}", int((fitted["largest_rhat"] > rhat).sum())),
        (f"fewer than {ess:g} effective draws", int((fitted["smallest_ess"] < ess).sum())),
        ("divergences", int((fitted["divergences"] > 0).sum())),
        ("the same value in every row", int(fitted["constant"].sum())),
    ]
    rows = [[what, str(n), percent(n / total) if total else NONE] for what, n in counts]
    lost = calibration["reason"].values[calibration["status"].values != "fitted"].astype(str)
    reasons, often = np.unique(lost, return_counts=True)
    many = calibration.sizes["simulation"]
    rows += [
        [f"not fitted: {why}", str(int(n)), percent(int(n) / many)]
        for why, n in zip(reasons, often, strict=True)
    ]
    return [
        Table(
            "Problems of single fits",
            [Column("Fits with", number=False), Column("Number"), Column("Share")],
            rows,
            note="Fits with a problem stay among the ranks: leaving them out would hide what "
            "calibration looks for. Every fit is a row of calibration.nc.",
        )
    ]
