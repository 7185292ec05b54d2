"""The HTML report: one file, no request, readable without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..checks import STAGES, Verdict
from . import stages
from .advice import actions
from .blocks import Block, Drawing, Note, Pair, Plot, Section
from .numbers import seconds
from .pages import environment
from .record import ReviewRecord
from .tiles import tiles
from .trust import gap

#: Actions listed on the first screen.
_MOST_ACTIONS = 6

#: Families of checks with a section of their own; every other one is listed before the stages.
_PLACED = ("PRI", "SMP", "PPC", "SEN", "CAL", "REG", "UNC", "RUN")

#: What the verdict panel says to readers who do not see its sign.
_SIGNS = {
    Verdict.PASS: "Passed",
    Verdict.NOTE: "Note",
    Verdict.WARN: "Warning",
    Verdict.FAIL: "Failed",
    Verdict.SKIPPED: "Skipped",
    Verdict.INCONCLUSIVE: "Inconclusive",
    Verdict.ERROR: "Error",
    Verdict.EXPECTED: "Expected failure",
}


def render(record: ReviewRecord) -> str:
    """Return the whole report as one HTML document.

    Parameters
    ----------
    record : ReviewRecord
        A saved run, judged.

    Returns
    -------
    str
        The same bytes for the same record.
    """
    from .svg import figure_style

    with figure_style():
        sections = _numbered(_sections(record))
    anchors = stages.anchors(record.findings)
    found = actions(record.findings, anchors)
    page: str = (
        environment()
        .get_template("report.html.j2")
        .render(
            record=record,
            **_header(record),
            tiles=tiles(record),
            actions=found[:_MOST_ACTIONS],
            more_actions=max(0, len(found) - _MOST_ACTIONS),
            cards=stages.cards(record),
            sections=sections,
            **_appendix(record),
        )
    )
    return page


def _header(record: ReviewRecord) -> dict[str, Any]:
    counts = record.conclusion.counts
    shown = (
        Verdict.PASS,
        Verdict.WARN,
        Verdict.FAIL,
        Verdict.INCONCLUSIVE,
        Verdict.EXPECTED,
        Verdict.NOTE,
        Verdict.SKIPPED,
        Verdict.ERROR,
    )
    return {
        "verdict": record.conclusion.verdict,
        "sign": _SIGNS[record.conclusion.verdict],
        "counts": [(v, counts.get(v, 0), stages.count(v, counts.get(v, 0))) for v in shown],
        "where": f"{record.path}:{record.line}" if record.path and record.line else record.path,
        "when": _when(record.created),
        "took": seconds(record.seconds),
    }


def _appendix(record: ReviewRecord) -> dict[str, Any]:
    from . import appendix

    return {
        "facts": appendix.facts(record),
        "definitions": appendix.DEFINITIONS,
        "changed": appendix.changed_thresholds(record),
        "documentation": appendix.documentation(record.findings),
    }


def _sections(record: ReviewRecord) -> list[Section]:
    from . import (
        appendix,
        calibrated,
        drawing,
        poolings,
        predictive,
        regularization,
        sensitivity,
        uncertainty,
    )

    anchor = stages.anchors(record.findings)

    def checks(prefix: str) -> list[Block]:
        found = stages.table(record.findings, prefix, anchor, STAGES[prefix])
        return [found if found else gap("No check of this part was asked")]

    four: dict[str, list[Block]] = {
        "PRI": predictive.prior_blocks(record),
        "SMP": predictive.chain_blocks(record) + predictive.learned_blocks(record),
        "PPC": predictive.data_blocks(record) + predictive.calibration_blocks(record),
        "SEN": [Note("Numbers behind these checks are under “Would another prior matter?”.")],
    }
    model = drawing.blocks(record)
    sections = [Section("model", "The model", blocks=model)] if model else []
    sections += [Section("stages", "The four stages", short="Stages")]
    sections += [
        _section(record, prefix, prefix.lower(), STAGES[prefix].capitalize(), checks(prefix), 3)
        for prefix in STAGES
        if prefix not in _PLACED and stages.of(record, prefix)
    ]
    for i, (prefix, key) in enumerate(stages.FOUR, 1):
        title = f"{i} {STAGES[prefix].capitalize()}"
        stopped = _stopped(record, STAGES[prefix])
        blocks = [*stopped, *checks(prefix), *four[prefix]]
        sections.append(_section(record, prefix, key, title, blocks, depth=3))
    asked = checks("CAL") if stages.of(record, "CAL") else []
    mine = [*asked, *calibrated.blocks(record)]
    sections.append(_section(record, "CAL", "cal", STAGES["CAL"].capitalize(), mine, depth=3))
    sections += _by_level(
        record,
        "REG",
        "reg",
        "Regularization strength",
        regularization.blocks(record),
        regularization.overview(record),
    )
    sections.append(
        Section("poolings", "What pooling bought", blocks=poolings.blocks(record), short="Poolings")
    )
    sections += _by_level(
        record, "UNC", "unc", "Uncertainty by level and target", uncertainty.blocks(record)
    )
    sections.append(
        Section(
            "priors",
            "Would another prior matter?",
            blocks=sensitivity.blocks(record),
            short="Other priors",
        )
    )
    run = appendix.stage_table(record)
    sections.append(
        _section(record, "RUN", "run", "This run", [*checks("RUN"), *([run] if run else [])])
    )
    return sections


def _section(
    record: ReviewRecord,
    prefix: str,
    key: str,
    title: str,
    blocks: Sequence[Block],
    depth: int = 2,
) -> Section:
    mine = stages.of(record, prefix)
    return Section(
        key, title, depth, stages.worst(mine), stages.said(mine), blocks, title.partition(" by ")[0]
    )


def _by_level(
    record: ReviewRecord,
    prefix: str,
    key: str,
    title: str,
    levels: Sequence[tuple[str, list[Block]]],
    overview: Sequence[Block] = (),
) -> list[Section]:
    """Return a section with the findings and an overview, and one per level below it.

    A single level has no section of its own.
    """
    anchor = stages.anchors(record.findings)
    table = stages.table(record.findings, prefix, anchor, STAGES[prefix])
    checks = [table if table else gap("No check of this part was asked"), *overview]
    if len(levels) == 1:
        return [_section(record, prefix, key, title, [*checks, *levels[0][1]])]
    return [
        _section(record, prefix, key, title, checks),
        *(
            Section(f"{key}-{i}", f"Level {name}", depth=3, blocks=blocks)
            for i, (name, blocks) in enumerate(levels)
        ),
    ]


def _stopped(record: ReviewRecord, stage: str) -> list[Block]:
    return [
        gap(f"This stage {'stopped' if s.status == 'failed' else 'was skipped'}: {s.message}")
        for s in record.stages
        if s.name == stage and s.status in ("failed", "skipped")
    ]


def _numbered(sections: Sequence[Section]) -> list[Section]:
    """Number the figures in the order of the page."""
    n = 0

    def number[Figure: Plot | Drawing](plot: Figure) -> Figure:
        nonlocal n
        n += 1
        return replace(plot, figure=n)

    def block(this: Block) -> Block:
        if isinstance(this, Plot | Drawing):
            return number(this)
        if isinstance(this, Pair):
            return Pair([number(p) for p in this.plots])
        return this

    return [replace(s, blocks=[block(b) for b in s.blocks]) for s in sections]


def _when(created: str) -> str:
    """Format ``2026-11-22T09:07:36Z`` for readers; anything else is left as it is."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d)?(?:\.\d+)?Z", created)
    return f"{found.group(1)} {found.group(2)} UTC" if found else created
