"""The three poolings in a report: for three groups, and for three hundred."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from poolwise.checks import Evidence, examples
from poolwise.checks.poolings import Compared, compare_poolings
from poolwise.reports.blocks import Note, Plot, Table
from poolwise.reports.figures import three_poolings
from poolwise.reports.poolings import blocks
from poolwise.reports.record import ReviewRecord
from poolwise.reports.svg import figure_style, inline_svg


def compared(between: float = 10.0, believed: float = 10.0) -> Compared:
    level = examples.with_poolings(between=between, believed=believed).get("poolings")["school"]
    return compare_poolings(level, "school")


def of_groups(count: int) -> Compared:
    """Groups of which the first has no finite estimate of its own."""
    own = np.linspace(-5, 5, count)
    own[0] = np.nan
    means = {"no": own, "partial": np.linspace(-2, 2, count), "complete": np.zeros(count)}
    return Compared(
        level="site",
        effect="theta",
        shares="",
        groups=[f"site {j}" for j in range(count)],
        rows=np.full(count, 4),
        mean=means,
        sd={p: np.ones(count) for p in means},
        low={p: m - 1.6 for p, m in means.items()},
        high={p: m + 1.6 for p, m in means.items()},
        mcse={p: np.zeros(count) for p in means},
        contrasts=[],
        why={},
        scales={},
        trusted=dict.fromkeys(means, True),
    )


@pytest.mark.parametrize(("count", "drawn"), [(3, 3), (15, 15), (300, three_poolings.FURTHEST)])
def test_few_groups_are_all_drawn_and_of_many_the_furthest(count: int, drawn: int) -> None:
    found = of_groups(count)
    order = three_poolings.shown(found)
    assert len(order) == drawn
    assert list(found.mean["partial"][order]) == sorted(found.mean["partial"][order], reverse=True)
    left = np.setdiff1d(np.arange(count), order)
    reach = three_poolings.reach(found)
    assert not left.size or reach[order].min() >= reach[left].max()
    with figure_style():
        svg, again = (
            inline_svg(three_poolings.draw(found, "theta"), "three0", "?", "…") for _ in range(2)
        )
    assert svg == again
    assert len(svg) < 60_000
    for j in order:
        assert f"site {j}" in svg


def test_a_group_without_own_estimate_has_the_distance_of_the_others() -> None:
    reach = three_poolings.reach(of_groups(3))
    assert reach[0] == 2.0  # from the model's -2 to complete pooling at 0
    assert reach[2] == 5.0


def test_a_report_shows_what_pooling_bought(schools: ReviewRecord) -> None:
    more = examples.with_poolings(between=10.0, believed=10.0)
    tree = schools.evidence.tree.copy()
    tree["poolings/school"] = more.get("poolings")["school"]
    note, table, plot = blocks(replace(schools, evidence=Evidence(tree, schools.evidence.declared)))
    assert isinstance(note, Note)
    assert "Partial pooling predicts new rows of the observed groups better" in note.text
    assert isinstance(table, Table)
    assert [r[1] for r in table.rows] == ["no pooling", "complete pooling"]
    contrast = compared().contrast("complete", "row")
    assert contrast is not None
    assert table.rows[1][2] == f"{contrast.difference:.3g}".replace("-", "−")
    assert isinstance(plot, Plot)
    assert plot.numbers is not None
    assert len(plot.numbers.rows) == 40
    assert all(len(r) == len(plot.numbers.columns) for r in plot.numbers.rows)


def test_without_poolings_the_report_says_why(schools: ReviewRecord) -> None:
    (only,) = blocks(schools)
    assert isinstance(only, Note)
    assert only.gap
