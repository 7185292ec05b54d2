"""Figures of the first three stages: data before and after fitting, chains, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import xarray as xr

from ..checks import REGISTRY
from ..checks.draws import Array, chains_first, scalars
from ..checks.predictive import Loo
from ..checks.sampling import Convergence
from ..checks.words import counted
from .blocks import Block, Column, Plot, Table
from .figures import before_after, calibration, chains, learned
from .figures.canvas import quantiles
from .numbers import between, estimate, fixed, num, of_unit, percent
from .record import ReviewRecord
from .svg import inline_svg
from .trust import attempt, distrust, gap


def prior_blocks(record: ReviewRecord) -> list[Block]:
    """Return what the prior predictive stage shows when there are no fitted data to show."""
    reason = record.evidence.why_missing("simulated")
    return [gap(f"Data from the prior are not shown: {reason}")] if reason else []


def outcomes(record: ReviewRecord) -> list[before_after.Outcome]:
    """Return every outcome with the data sets that were simulated and may be shown."""
    evidence = record.evidence
    if not evidence.has("observed_data"):
        return []
    observed: xr.Dataset = evidence.get("observed_data")
    before = evidence.get("simulated") if evidence.has("simulated") else {}
    fitted = evidence.has("replicated") and not distrust(record)
    after = evidence.get("replicated") if fitted else {}
    found = []
    for name, values in observed.data_vars.items():
        seen = np.ravel(np.asarray(values.values, dtype=float))
        labels = [label[len(str(name)) + 1 : -1] for label, _ in scalars(values)]
        found.append(
            before_after.Outcome(
                name=str(name),
                labels=labels if len(labels) == seen.size and labels[0] else ["1"] * seen.size,
                observed=seen,
                before=_enough(before[name][0]) if name in before else None,
                after=_enough(after[name][0]) if name in after else None,
            )
        )
    return found


def _enough(draws: Array) -> Array | None:
    """Keep the draws that are numbers, if there are any to speak of."""
    finite = draws[np.isfinite(draws).all(axis=1)]
    return finite if len(finite) > 50 else None


def data_blocks(record: ReviewRecord) -> list[Block]:
    """Return one figure per outcome: simulated data before and after fitting, and the data."""
    blocks: list[Block] = []
    shown = [o for o in outcomes(record) if o.before is not None or o.after is not None]
    for i, outcome in enumerate(shown):
        blocks += attempt(
            f"Simulated {outcome.name}", partial(_data_plot, record, outcome, f"data{i}")
        )
    return blocks


def _data_plot(record: ReviewRecord, outcome: before_after.Outcome, key: str) -> Plot:
    when = [
        word
        for word, there in (("before", outcome.before), ("after", outcome.after))
        if there is not None
    ]
    question = f"Does the model produce {outcome.name} like ours, {' and '.join(when)} fitting?"
    axis = of_unit(outcome.name, record.unit)
    if outcome.observed.size <= before_after.MOST:
        return _rows_plot(outcome, key, question, axis)
    edges = before_after.bins(outcome)
    panels = [
        (f"{word} fitting", before_after.binned(outcome.observed, draws, edges))
        for word, draws in (("before", outcome.before), ("after", outcome.after))
        if draws is not None
    ]
    said = []
    for title, panel in panels:
        inside = int(np.sum((panel.observed >= panel.low) & (panel.observed <= panel.high)))
        lost = f"; {percent(panel.outside)} of a typical data set lies outside the axis"
        said.append(
            f"{title.capitalize()}, {inside} of {counted(len(panel.observed), 'bin')} hold a share "
            f"of rows inside the 89% interval{lost if panel.outside > 0.01 else ''}."
        )
    caption = (
        f"Share of the {outcome.observed.size} rows per bin: observed (dots) against data sets "
        f"simulated from the model (line: median; band: 89%). {' '.join(said)} "
        "Orange diamonds are outside the bands."
    )
    svg = inline_svg(before_after.draw_bins(panels, axis), key, question, caption)
    columns = [Column(f"{outcome.name} from"), Column("to"), Column("Observed")]
    columns += [Column(f"{title.capitalize()}, 89%") for title, _ in panels]
    rows = [
        [num(edges[b]), num(edges[b + 1]), percent(panels[0][1].observed[b])]
        + [f"{percent(p.low[b])} to {percent(p.high[b])}" for _, p in panels]
        for b in range(len(edges) - 1)
    ]
    return Plot(
        key, question, svg, caption, Table(f"Rows of {outcome.name} per bin", columns, rows)
    )


def _rows_plot(outcome: before_after.Outcome, key: str, question: str, axis: str) -> Plot:
    n, intervals, said = outcome.observed.size, [], []
    for word, draws in (("prior", outcome.before), ("posterior", outcome.after)):
        if draws is None:
            continue
        low, _, _, _, high = quantiles(draws)
        intervals.append((word, low, high))
        inside = int(np.sum((outcome.observed >= low) & (outcome.observed <= high)))
        said.append(f"{inside} of {n} lie inside their {word} predictive interval")
    parts = ["89% prior predictive intervals (grey)"] * (outcome.before is not None)
    parts += ["89% and 50% posterior predictive intervals (blue)"] * (outcome.after is not None)
    caption = (
        f"Observed values (dots) against {' and '.join(parts)}. "
        f"Look for values outside the lines (orange diamonds): {', '.join(said)}."
    )
    svg = inline_svg(before_after.draw_rows(outcome, axis), key, question, caption)
    columns = [Column("Row", number=False), Column("Observed")]
    columns += [Column(f"{word.capitalize()} predictive 89%") for word, _, _ in intervals]
    rows = [
        [label, num(outcome.observed[j])] + [between(low[j], high[j]) for _, low, high in intervals]
        for j, label in enumerate(outcome.labels)
    ]
    return Plot(key, question, svg, caption, Table(f"Intervals of {outcome.name}", columns, rows))


def calibration_blocks(record: ReviewRecord) -> list[Block]:
    """Return the LOO-PIT figure of every outcome that has enough rows to be judged."""
    evidence = record.evidence
    if distrust(record) or not evidence.has("loo"):
        return []
    code = "PPC401"
    needed = (REGISTRY[code].thresholds | dict(record.thresholds.get(code, {})))["rows"]
    found: dict[str, Loo] = evidence.get("loo")
    blocks: list[Block] = []
    for i, (name, loo) in enumerate(found.items()):
        if loo.pit is not None and loo.pit.size >= needed and np.isfinite(loo.pit).all():
            blocks += attempt(
                f"Calibration of {name}",
                partial(_calibration_plot, record, name, loo.pit, f"pit{i}"),
            )
    return blocks


def _calibration_plot(record: ReviewRecord, name: str, pit: Array, key: str) -> Plot:
    question = f"Are predictions of left-out rows of {name} calibrated?"
    left = calibration.outside(pit)
    judged = next(
        (f for f in record.findings if f.code == "PPC401" and f.where in (name, "") and f.result),
        None,
    )
    test = f" The test that is judged (PPC401) gives {judged.result}." if judged else ""
    caption = (
        f"Distribution of the leave-one-out probability integral transforms of {pit.size} rows, "
        "minus the uniform one. Look for the line outside the band: an S that starts upwards means "
        "intervals that are too narrow, one that starts downwards too wide. It is outside over "
        f"{percent(left)} of the range. The band holds for independent rows.{test}"
    )
    svg = inline_svg(calibration.draw(pit), key, question, caption)
    grid = np.linspace(0, 1, 11)[1:-1]
    found = calibration.difference(pit, grid)
    rows = [
        [fixed(g, 1), percent(float(np.mean(pit <= g))), fixed(d, 3)]
        for g, d in zip(grid, found, strict=True)
    ]
    columns = [Column("LOO-PIT"), Column("Share of rows at or below"), Column("Difference")]
    return Plot(key, question, svg, caption, Table(f"LOO-PIT of {name}", columns, rows))


def chain_blocks(record: ReviewRecord) -> list[Block]:
    """Return the rank figure of the quantity whose chains agree least."""
    evidence = record.evidence
    if not evidence.has("convergence") or evidence.get("convergence").chains < 2:
        return []
    found: Convergence = evidence.get("convergence")
    if not found.labels:
        return []
    return attempt("Ranks of the chains", lambda: _chain_plot(record, found))


def _chain_plot(record: ReviewRecord, found: Convergence) -> Plot | None:
    worst = int(np.argmax(np.nan_to_num(found.rhat, nan=np.inf)))
    label = found.labels[worst]
    draws = _scalar(record, label)
    if draws is None or not np.isfinite(draws).all():
        return None
    question = f"Did the chains mix, where they agree least ({label})?"
    counts = chains.rank_counts(draws)
    _, low, high = chains.expected_band(draws.shape[1], draws.shape[0])
    out = int(np.sum((counts < low) | (counts > high)))
    caption = (
        f"Ranks of the draws of {label}, the quantity with the largest R-hat "
        f"({fixed(found.rhat[worst], 3)}) of {len(found.labels)}. Chains that mix are level lines; "
        f"{out} of {counts.size} bins are outside the grey 89% band of independent draws "
        f"(about {round(0.11 * counts.size)} are expected). Look for a chain that stays apart."
    )
    svg = inline_svg(chains.draw(draws), "ranks", question, caption)
    columns = [Column("Chain"), Column("Smallest bin"), Column("Largest bin"), Column("Mean rank")]
    centre = (np.arange(counts.shape[1]) + 0.5) / counts.shape[1]
    rows = [
        [str(i), num(c.min(), 4), num(c.max(), 4), fixed(float(c @ centre / c.sum()), 3)]
        for i, c in enumerate(counts)
    ]
    return Plot("ranks", question, svg, caption, Table(f"Ranks of {label}", columns, rows))


def _scalar(record: ReviewRecord, label: str) -> Array | None:
    for group in ("posterior", "quantities"):
        if not record.evidence.has(group):
            continue
        for variable in record.evidence.get(group).data_vars.values():
            if not label.startswith(str(variable.name)):
                continue
            for name, draws in scalars(variable):
                if name == label:
                    return chains_first(draws)
    return None


def learned_blocks(record: ReviewRecord) -> list[Block]:
    """Return prior and posterior of the top-level parameters."""
    names: Sequence[str] = record.evidence.declared.get("top_level_priors", ())
    if distrust(record) or not names:
        return []
    return attempt("Prior and posterior", lambda: _learned_plot(record, names))


def _learned_plot(record: ReviewRecord, names: Sequence[str]) -> Plot | None:
    evidence = record.evidence
    posterior: xr.Dataset = evidence.get("posterior")
    prior: xr.Dataset | None = evidence.get("prior") if evidence.has("prior") else None
    parameters = []
    for name in names:
        if name not in posterior or not np.issubdtype(posterior[name].dtype, np.number):
            continue
        before = dict(scalars(prior[name])) if prior is not None and name in prior else {}
        parameters += [
            learned.Learned(
                label,
                np.ravel(chains_first(before[label])) if label in before else None,
                np.ravel(chains_first(draws)),
            )
            for label, draws in scalars(posterior[name])
        ]
    parameters = [p for p in parameters if p.posterior is not None and np.ptp(p.posterior) > 0]
    if not parameters:
        return None
    question = "What did the data teach about the top-level parameters?"
    shown = parameters[: learned.MOST]
    clipped = [f"{percent(p.outside)} of the prior of {p.label}" for p in shown if p.outside > 0.1]
    if all(p.prior is None for p in parameters):
        drawn = f"Posterior (blue); {evidence.why_missing('prior')}."
    else:
        drawn = "Prior (dashed) and posterior (blue) with its median, 50% and 89% intervals."
    more = (
        f" The first {len(shown)} of {len(parameters)} are drawn."
        if len(parameters) > len(shown)
        else ""
    )
    outside = f" Outside the axes: {', '.join(clipped)}." if clipped else ""
    caption = (
        f"{drawn} Look for a posterior that is no narrower than its prior: {_taught(parameters)}."
        f"{outside}{more}"
    )
    svg = inline_svg(learned.draw(shown), "learned", question, caption)
    columns = [
        Column("Parameter", number=False),
        Column("Prior median (89%)"),
        Column("Posterior median (89%)"),
    ]
    rows = [[p.label, _summary(p.prior), _summary(p.posterior)] for p in parameters]
    return Plot(
        "learned", question, svg, caption, Table("Prior and posterior", columns, rows, shown=30)
    )


def _summary(draws: Array | None) -> str:
    if draws is None:
        return "–"
    low, _, median, _, high = quantiles(draws[np.isfinite(draws)])
    return estimate(float(median), float(low), float(high), 3)


def _taught(parameters: Sequence[learned.Learned]) -> str:
    def width(draws: Array) -> float:
        low, _, _, _, high = quantiles(draws[np.isfinite(draws)])
        return float(high - low)

    ratios = [
        (width(p.posterior) / width(p.prior), p.label)
        for p in parameters
        if p.prior is not None and p.posterior is not None and width(p.prior) > 0
    ]
    if not ratios:
        return "no prior to compare with"
    ratio, label = max(ratios)
    return f"the 89% interval of {label}, which narrowed least, is {num(ratio, 2)} times as wide"
