"""Uncertainty by level and target: what more data would remove, and what not."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ..checks.decomposition import Decomposition
from ..checks.draws import SAMPLE
from . import next_data
from .blocks import Block, Column, Note, Plot, Table
from .figures import variances
from .numbers import NONE, num, of_unit, percent, squared
from .record import ReviewRecord
from .svg import inline_svg
from .trust import attempt, distrust, gap


def blocks(record: ReviewRecord) -> list[tuple[str, list[Block]]]:
    """Return the blocks of every level, by its name."""
    evidence = record.evidence
    reason = distrust(record) or evidence.why_missing("uncertainty")
    if reason:
        return [("", [gap(f"Uncertainty by level is not shown: {reason}")])]
    found: dict[str, list[Decomposition]] = evidence.get("uncertainty")
    datasets: dict[str, xr.Dataset] = evidence.get("levels")
    return [
        (name, _level(record, i, name, data, found.get(name)))
        for i, (name, data) in enumerate(datasets.items())
    ]


def _level(
    record: ReviewRecord,
    i: int,
    name: str,
    data: xr.Dataset,
    targets: list[Decomposition] | None,
) -> list[Block]:
    if targets is None:
        why = data.attrs.get("why_no_outcome") or data.attrs.get("why_no_information")
        return [gap(f"The variance of {name} is not split: {why or 'noise is not known'}")]
    found: list[Block] = [Note(_sentence(targets))]
    design = data["design"].values if "design" in data else np.ones(1)
    same_unit = bool(data.attrs.get("same_scale", 1)) and bool(np.allclose(design, 1))
    drawn = targets if same_unit else [d for d in targets if d.target.startswith("new obs")]
    found += attempt("Variances", lambda: _plot(record, i, name, targets, drawn))
    found += attempt("Entropies", lambda: _entropies(name, targets))
    unit = record.unit if same_unit else ""
    found += attempt("A new group", lambda: next_data.new_group(name, data, unit=unit))
    found += attempt("What to collect next", lambda: _collecting(record, name, data, unit))
    return found


def _collecting(record: ReviewRecord, name: str, data: xr.Dataset, unit: str) -> list[Block]:
    """Compare rows with groups: exactly where groups and their mean are all that is not known."""
    levels: dict[str, xr.Dataset] = record.evidence.get("levels")
    exact = (
        len(levels) == 1
        and "location_sd" in data.attrs
        and "other" in data
        and float(data["other"].std(SAMPLE).max()) <= 1e-9 * float(data["effect"].std())
    )
    if exact:
        sd = float(data.attrs["location_sd"])
        return next_data.collecting(name, data, unit=unit, location_sd=sd)
    return next_data.by_level(name, levels)


def _sentence(targets: list[Decomposition]) -> str:
    said = []
    for d in targets:
        if not d.target.startswith("new observation") or not np.isfinite(d.total):
            continue
        largest = max(d.parts, key=lambda p: p.value)
        kind = "epistemic" if largest.epistemic else "aleatory"
        medians = ", in medians" if d.heavy_tailed else ""
        said.append(
            f"Of the variance of a {d.target}{medians}, {percent(d.epistemic_share)} is epistemic; "
            f"its largest part is {largest.name} ({percent(largest.value / d.total)}, {kind})."
        )
    return " ".join([*said, "All of this is given this model."])


def _plot(
    record: ReviewRecord,
    i: int,
    name: str,
    targets: list[Decomposition],
    drawn: list[Decomposition],
) -> Plot | Table:
    unit = squared(record.unit)
    table = _numbers(name, targets, unit if len(drawn) == len(targets) else "")
    figure = variances.draw(drawn, of_unit("predictive variance", unit))
    if figure is None:
        return table
    question = "How much of the predictive uncertainty could more data remove?"
    heavy = [d for d in drawn if d.heavy_tailed]
    caption = (
        f"Predictive variance by source, averaged over {name} groups. Blue would shrink with more "
        "data, orange would not; for a new group the spread between groups is aleatory. "
        "Variances add; standard deviations (beside the bars) do not."
    )
    if heavy:
        reasons = "; ".join(dict.fromkeys(d.heavy_tailed for d in heavy))
        caption += f" Dashed outlines show medians instead of means: {reasons}."
    if len(drawn) < len(targets):
        caption += (
            " The variance of the effect itself is on another scale than the outcome (a link or a "
            "covariate lies between), and in the table only."
        )
    key = f"variance{i}"
    svg = inline_svg(figure, key, question, caption)
    return Plot(key, question, svg, caption, table)


def _numbers(name: str, targets: list[Decomposition], unit: str) -> Table:
    sources = variances.sources(targets)
    columns = [
        Column("Target", number=False),
        *(Column(s.capitalize()) for s in sources),
        Column("Total"),
        Column("sd"),
        Column("Epistemic"),
        Column("Summary", number=False),
    ]
    rows = []
    for d in targets:
        parts = {p.name: p for p in d.parts}
        rows.append(
            [
                d.target,
                *(_part(parts[s].value, parts[s].mcse) if s in parts else NONE for s in sources),
                num(d.total),
                num(float(np.sqrt(d.total))) if d.total >= 0 else NONE,
                percent(d.epistemic_share),
                "medians" if d.heavy_tailed else "means",
            ]
        )
    caption = of_unit(f"Variance by source for {name}, ± Monte Carlo standard error", unit)
    return Table(f"Variances of {name}", columns, rows, caption=caption)


def _entropies(name: str, targets: list[Decomposition]) -> list[Block]:
    """Show entropy and mutual information where outcomes are categories."""
    shown = [d for d in targets if d.entropy]
    if not shown:
        return []
    sources = list(dict.fromkeys(p.name for d in shown for p in d.entropy))
    columns = [
        Column("Target", number=False),
        *(Column(s.capitalize()) for s in sources),
        Column("Entropy"),
        Column("Epistemic"),
    ]
    rows = []
    for d in shown:
        parts = {p.name: p for p in d.entropy}
        total = sum(p.value for p in d.entropy)
        unknown = sum(p.value for p in d.entropy if p.epistemic)
        rows.append(
            [
                d.target,
                *(_part(parts[s].value, parts[s].mcse) if s in parts else NONE for s in sources),
                num(total),
                percent(unknown / total if total > 0 else float("nan")),
            ]
        )
    return [
        Table(
            f"Entropy of {name}",
            columns,
            rows,
            caption=f"Entropy of a new observation by source for {name}, in nats, ± Monte Carlo "
            "standard error",
            note="What is epistemic is the mutual information of outcome and parameters. The "
            "variances above count categories as 0, 1, 2, ….",
        )
    ]


def _part(value: float, mcse: float) -> str:
    return f"{num(value)} ± {num(mcse, 2)}" if np.isfinite(mcse) else num(value)
