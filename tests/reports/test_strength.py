"""Who is shrunk, what sets it, and all levels on one axis: 3 groups, 300, and what is missing."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
import xarray as xr

from poolwise.checks import Evidence
from poolwise.checks.conclusion import conclude
from poolwise.checks.draws import SAMPLE
from poolwise.checks.pooling import LevelPooling
from poolwise.checks.ridge_equivalent import row_variance
from poolwise.reports import plain, shrinkage, strength
from poolwise.reports.blocks import Plot, Table
from poolwise.reports.figures import shrinkage as arrows
from poolwise.reports.figures.penalty import pooling_of
from poolwise.reports.figures.strength import thinned
from poolwise.reports.hierarchy import Grouping, HierarchySketch, Outcome, Quantity, Term
from poolwise.reports.numbers import num
from poolwise.reports.pooling_tables import movement_table, weight_range_table, weight_table
from poolwise.reports.record import ReviewRecord
from poolwise.reports.svg import figure_style
from poolwise.reports.units import effect_unit, row_unit


def level(groups: int, *, seed: int = 0, raw: bool = True, normal: bool = True) -> xr.Dataset:
    """Return a level whose groups differ in rows, as a run would save it."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 60, groups).astype(float)
    tau = 0.5 * np.exp(0.1 * rng.normal(size=(4, 100)))
    information = counts / (0.8 * np.exp(0.05 * rng.normal(size=(4, 100)))[..., None]) ** 2
    own = 1.0 + 0.5 * rng.normal(size=groups) + 0.8 * rng.normal(size=groups) / np.sqrt(counts)
    weight = 1 / (1 + 1 / (tau[..., None] ** 2 * information))
    noise = np.sqrt(1 - weight) * tau[..., None] * rng.normal(size=(4, 100, groups))
    found = xr.Dataset(
        {
            "effect": ((*SAMPLE, "group"), 1 + weight * (own - 1) + noise),
            "location": (SAMPLE, 1 + 0.05 * rng.normal(size=(4, 100))),
            "scale": (SAMPLE, tau),
            "information": ((*SAMPLE, "group"), information),
            "design_squared": ("group", counts),
            "design": ("group", np.ones(groups)),
            "rows": ("group", counts),
        },
        coords={"group": [f"group {j}" for j in range(groups)]},
        attrs={"effect": "theta", "scale": "tau"},
    )
    if raw:
        found["raw"] = ("group", own)
    if normal:
        found["noise_variance"] = ((*SAMPLE, "group"), counts / information)
    return found


def reviewed(levels: dict[str, xr.Dataset], *, link: str = "identity") -> ReviewRecord:
    """Return a review of nothing but these levels."""
    groups = {f"/levels/{name}": data for name, data in levels.items()}
    wide = {n: data.assign(scale=data["scale"] ** 3) for n, data in levels.items()}
    groups |= {f"/prior_levels/{name}": data for name, data in wide.items()}
    evidence = Evidence(xr.DataTree.from_dict(groups))
    terms = tuple(
        Term(
            level=name,
            effect="theta",
            design="intercept",
            enters=("y",),
            form="centred",
            family="Normal",
            location=Quantity(name="mu"),
            scale=Quantity(name="tau"),
        )
        for name in levels
    )
    sketch = HierarchySketch(
        name="made up",
        outcomes=(Outcome(name="y", family="Normal", link=link, rows=10),),
        groupings=(Grouping(name="group", groups=3, terms=terms),),
    )
    return ReviewRecord(
        name="made up",
        path="made_up.py",
        line=1,
        source="",
        created="2026-11-22T09:07:36Z",
        seconds=1.0,
        unit="points",
        settings={},
        environment={},
        data={},
        stages=[],
        evidence=evidence,
        findings=[],
        conclusion=conclude([]),
        command="",
        hierarchy=sketch,
    )


def poolings(record: ReviewRecord) -> dict[str, LevelPooling]:
    found: dict[str, LevelPooling] = record.evidence.get("pooling")
    return found


def texts(svg: str) -> list[str]:
    return ["".join(e.itertext()) for e in ElementTree.fromstring(svg).iter() if e.tag == "text"]


def drawn(record: ReviewRecord, name: str, data: xr.Dataset) -> list[Plot]:
    with figure_style():
        found = shrinkage.blocks(record, 0, poolings(record)[name], data)
    plots = [block for block in found if isinstance(block, Plot)]
    assert len(plots) == len(found)
    return plots


def cells(table: Table | None) -> list[list[str]]:
    assert table is not None
    return [[str(cell) for cell in row] for row in table.rows]


@pytest.mark.parametrize("groups", [3, 300])
def test_arrows_of_few_and_of_many(groups: int) -> None:
    data = level(groups)
    record = reviewed({"site": data})
    plots = drawn(record, "site", data)
    assert len(plots) == (1 if groups == 3 else 2)
    moved = arrows.movement(data)
    furthest = int(np.argmax(moved.distance))
    for plot in plots:
        assert len(plot.svg) < 80_000
        assert "#" not in re.sub(r'(?:href="|url\()#', "", plot.svg)
    words = texts(plots[0].svg)
    shown = [w for w in words if w.startswith("group ")]
    assert len(shown) == min(groups, 12)
    assert f"group {furthest}" in shown
    assert f"group {furthest} moves furthest" in plots[0].caption
    assert "theta (points)" in words
    lines = cells(plots[0].numbers)
    assert len(lines) == groups
    assert lines[0][0] == f"group {furthest}"
    if groups == 300:
        assert "12 of 300 groups that move furthest" in plots[0].caption
        ends = [f"group {int(i)}" for i in (np.argmin(moved.raw), np.argmax(moved.raw))]
        assert set(ends) <= set(texts(plots[1].svg))


def test_figures_are_the_same_bytes_every_time() -> None:
    data = level(300)
    record = reviewed({"site": data, "plot": level(3)})
    once, again = ([p.svg for p in drawn(record, "site", data)] for _ in range(2))
    assert once == again
    assert overview(record).svg == overview(record).svg


def test_groups_without_a_raw_estimate_are_counted() -> None:
    data = level(40)
    data["raw"] = data["raw"].where(np.arange(40) != 7)
    record = reviewed({"site": data})
    plots = drawn(record, "site", data)
    assert "1 group has no raw estimate" in plots[0].caption
    assert "one of 39 groups" in plots[1].caption
    assert cells(plots[0].numbers)[-1][:2] == ["group 7", "–"]
    without = drawn(record, "site", level(40, raw=False))
    assert len(without) == 1
    assert "lie furthest from the population" in without[0].question
    assert "Raw estimates are not drawn" in without[0].caption


def overview(record: ReviewRecord) -> Plot:
    with figure_style():
        (plot,) = strength.overview(record, poolings(record))
    assert isinstance(plot, Plot)
    return plot


def test_all_levels_stand_on_one_axis() -> None:
    record = reviewed({"site": level(300), "plot": level(3, seed=1)})
    plot = overview(record)
    words = texts(plot.svg)
    found = poolings(record)
    for name, count in (("site", 300), ("plot", 3)):
        pooled = found[name].effective_groups
        assert pooled is not None
        assert f"{count} groups" in words
        assert f"{num(pooled.mean, 2)} of {count}" in {w.strip() for w in words}
        assert f"{name}: " in plot.caption
    assert len(plot.svg) < 40_000
    lines = cells(plot.numbers)
    assert [line[0] for line in lines] == ["site", "plot"]
    weight, factor = found["site"].mean_weight, found["site"].factor
    assert weight is not None
    assert factor is not None
    assert lines[0][3] == f"{1 - weight.mean:.2f}"
    assert lines[0][6].startswith(f"{factor.factor:.2f} ±")
    assert lines[0][7].startswith(f"{factor.r_squared:.2f} ±")


def test_a_level_without_weights_says_why() -> None:
    bare = level(4).drop_vars(["information", "noise_variance"])
    bare.attrs["why_no_information"] = "its rows are not known"
    record = reviewed({"site": bare})
    plot = overview(record)
    assert "site has no weights: its rows are not known." in plot.caption
    assert cells(plot.numbers)[0][3] == "–"


def test_many_weights_are_thinned_to_quantiles() -> None:
    values = np.random.default_rng(2).normal(size=1000)
    few = thinned(values)
    assert few.size == 120
    assert (few.min(), few.max()) == (values.min(), values.max())
    assert thinned(values[:5]).size == 5


@pytest.mark.parametrize("normal", [True, False])
def test_what_sets_the_weight_stands_beside_it(normal: bool) -> None:
    data = level(300, normal=normal)
    record = reviewed({"site": data}, link="identity" if normal else "logit")
    table = weight_table(record, poolings(record)["site"], data)
    assert table is not None
    titles = [column.title for column in table.columns]
    unit = "points" if normal else "log odds"
    assert titles[1:4] == ["Rows", f"Noise of a row ({unit})", f"Standard error ({unit})"]
    assert "spread" not in titles
    assert "τ (median" in table.caption
    assert table.shown == 12
    assert len(table.rows) == 300
    assert bool(table.note) != normal
    information = data["information"].mean(SAMPLE).values
    weights = poolings(record)["site"].weight_mean
    assert weights is not None
    first = int(np.argmax(weights))
    line = cells(table)[0]
    assert line[0] == f"group {first}"
    noise = float(np.sqrt(data["rows"].values[first] / information[first]))
    assert float(line[2]) == pytest.approx(noise, rel=0.02)
    assert float(line[3]) == pytest.approx(1 / np.sqrt(information[first]), rel=0.01)
    ranges = cells(weight_range_table(poolings(record)["site"], data, unit))
    assert [r[0] for r in ranges][:3] == ["weight on own data", "rows", "noise of a row"]
    assert ranges[0][3] == f"{weights.max():.2f}"


def test_units_follow_the_link_and_the_design() -> None:
    data = level(3)
    for link, unit in (
        ("identity", "points"),
        ("log", "log points"),
        ("logit", "log odds"),
        ("", ""),
    ):
        record = reviewed({"site": data}, link=link)
        assert effect_unit(record, "site", data) == unit
        assert row_unit(record, "site") == unit
    sketch = reviewed({"site": data}, link="logit").hierarchy
    assert sketch is not None
    (grouping,) = sketch.groupings
    slope = replace(grouping.terms[0], design="slope", predictor="dose")
    above = replace(grouping.terms[0], level="region", enters=("site",))
    nested = replace(sketch, groupings=(replace(grouping, terms=(slope, above)),))
    record = replace(record, hierarchy=nested)
    assert effect_unit(record, "site", data) == "log odds per dose"
    assert effect_unit(record, "region", data) == "log odds"


def test_json_holds_weights_and_choices() -> None:
    data = level(5)
    group = np.repeat(np.arange(5), 4)
    rng = np.random.default_rng(3)
    data = data.assign(
        row_outcome=("row", rng.normal(size=20) + group),
        row_group=("row", group),
        row_design=("row", np.ones(20)),
        row_population=(("row", "column"), np.ones((20, 1))),
    )
    found = plain.regularization(reviewed({"site": data, "plot": level(3)}).evidence)
    choices = {c["method"]: c for c in found["site"]["choices"]}
    assert list(choices) == ["REML", "ML", "GCV", "leave-one-out", "L-curve corner", "discrepancy"]
    assert choices["REML"]["outcome"] == "found"
    assert choices["REML"]["penalty"] > 0
    assert 0 <= choices["REML"]["below"] <= 1
    assert choices["discrepancy"]["why"]
    assert choices["discrepancy"]["penalty"] is None
    assert found["site"]["why_no_choices"] == ""
    assert found["plot"]["choices"] == []
    assert "row_outcome" in found["plot"]["why_no_choices"]
    first = found["plot"]["weights"][0]
    assert set(first) == {"group", "rows", "weight", "low", "high", "noise", "standard_error"}
    assert first["noise"] == pytest.approx(0.8, rel=0.1)


def test_tables_of_moves_start_with_the_furthest() -> None:
    data = level(30)
    record = reviewed({"site": data})
    moved = arrows.movement(data)
    lines = cells(movement_table(poolings(record)["site"], moved, "points"))
    moves = [abs(float(line[5].replace("−", "-"))) for line in lines]
    assert moves == sorted(moves, reverse=True)


def test_effects_that_share_their_rows_are_pooled_by_their_number() -> None:
    rng = np.random.default_rng(5)
    bare = level(6).drop_vars(["information", "noise_variance", "raw", "design_squared", "rows"])
    data = bare.assign(
        row_variance=(SAMPLE, 0.5 + 0.1 * rng.random((4, 100))),
        row_outcome=("row", rng.normal(size=9)),
        row_effects=(("row", "group"), rng.normal(size=(9, 6))),
        row_population=(("row", "column"), np.ones((9, 1))),
    )
    record = reviewed({"piece": data})
    effective = poolings(record)["piece"].effective_groups
    assert effective is not None
    assert 0 < effective.mean < 6
    plot = overview(record)
    assert f"piece: {1 - effective.mean / 6:.2f}" in plot.caption
    assert cells(plot.numbers)[0][3] == f"{1 - effective.mean / 6:.2f}"


def test_rows_that_share_an_effect_below_count_as_fewer() -> None:
    data = level(5)
    whole = pooling_of(data)
    assert whole.label.startswith("pooling of a group with")
    shared = data.assign(information=0.1 * data["information"], row_variance=row_variance(data))
    less = pooling_of(shared)
    assert less.rows == pytest.approx(0.1 * whole.rows, rel=0.05)
    assert "counting as" in less.label
