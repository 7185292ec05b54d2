"""The penalty beside its classical choices: few groups, many groups, a boundary, no rows."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from poolwise.checks import examples
from poolwise.checks.draws import SAMPLE
from poolwise.checks.penalty import Marker, Outcome, choices_of
from poolwise.reports.blocks import Note, Pair
from poolwise.reports.choices import choice_table, classical, compared
from poolwise.reports.figures.canvas import Margins, add_axes
from poolwise.reports.figures.log_axis import apart, round_values, written
from poolwise.reports.figures.penalty import Pooling
from poolwise.reports.svg import figure_style

CHOICES = ["REML", "ML", "GCV", "leave-one-out", "L-curve corner", "discrepancy"]


def many(groups: int, tau: float, seed: int = 0) -> xr.Dataset:
    """Return a level as a run would save it, its draws near the truth."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(3, 12, groups)
    group = np.repeat(np.arange(groups), counts)
    y = 3 + (tau * rng.normal(size=groups))[group] + rng.normal(size=group.size)
    size = (4, 250)
    sigma = np.exp(rng.normal(size=size) / np.sqrt(2 * group.size))
    scale = tau * np.exp(rng.normal(size=size) / np.sqrt(2 * groups))
    return xr.Dataset(
        {
            "scale": (SAMPLE, scale),
            "information": ((*SAMPLE, "group"), counts / sigma[..., None] ** 2),
            "design_squared": ("group", counts.astype(float)),
            "row_outcome": ("row", y),
            "row_group": ("row", group),
            "row_design": ("row", np.ones(group.size)),
            "row_population": (("row", "column"), np.ones((group.size, 1))),
        },
        coords={"group": [f"group {j}" for j in range(groups)]},
    )


def eight_schools() -> xr.Dataset:
    level: xr.Dataset = examples.eight_schools().get("levels")["school"]
    return level.assign(
        row_outcome=("row", np.array(examples.RUBIN_Y)),
        row_design=("row", np.ones(8)),
        row_population=(("row", "column"), np.ones((8, 1))),
        row_noise=("row", np.array(examples.RUBIN_SIGMA)),
    )


def drawn(level: xr.Dataset, prior: xr.Dataset | None = None) -> Pair:
    with figure_style():
        (pair,) = classical(3, "school", choices_of(level), level, prior)
    assert isinstance(pair, Pair)
    return pair


def texts(svg: str) -> list[str]:
    return ["".join(e.itertext()) for e in ElementTree.fromstring(svg).iter() if e.tag == "text"]


@pytest.mark.parametrize("groups", [3, 300])
@pytest.mark.parametrize("with_prior", [False, True])
def test_few_and_many_groups_stay_small_and_readable(groups: int, with_prior: bool) -> None:
    pair = drawn(many(groups, 0.6), many(groups, 5.0, seed=1) if with_prior else None)
    for plot in pair.plots:
        assert len(plot.svg) < 40_000
        assert "#" not in re.sub(r'(?:href="|url\()#', "", plot.svg)  # colours follow the page
        assert plot.caption
        assert plot.question.endswith("?")
        ids = re.findall(r'\bid="([^"]+)"', plot.svg)
        assert len(ids) == len(set(ids))
        assert all(name.startswith(plot.key) for name in ids)
    words = texts(pair.plots[0].svg)
    assert set(CHOICES) <= set(words)
    assert ("prior" in words) == with_prior
    labels = [w for w in words if re.fullmatch(r"[\d.]+|10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", w)]
    assert len(labels) >= 4  # both axes have numbers, also where λ is known to one digit


def test_the_table_says_the_same_as_the_figure() -> None:
    pair = drawn(many(300, 0.6))
    table = pair.plots[0].numbers
    assert table is not None
    assert [row[0] for row in table.rows] == ["posterior median", *CHOICES]
    reml = table.rows[1]
    assert reml[5] == "found"
    assert 0.05 < float(str(reml[4])) < 0.95
    assert "noise to be known" in str(table.rows[6][5])
    assert "no clear corner" in pair.plots[1].caption
    assert "inside the 89% interval" in pair.plots[0].caption


def test_a_boundary_is_written_where_it_lies() -> None:
    pair = drawn(eight_schools())
    words = texts(pair.plots[0].svg)
    assert words.count("boundary (τ = 0) →") == 3
    assert "REML, ML and discrepancy lie above" in pair.plots[0].caption
    table = pair.plots[0].numbers
    assert table is not None
    assert [table.rows[1][i] for i in (1, 2, 3, 4)] == ["∞", "1.00", "0", "1.00"]


def test_without_rows_the_reason_is_given() -> None:
    level = many(3, 0.6).drop_vars("row_population")
    for wanted, data in (
        ("does not hold row_population", level),
        ("not linear", level.assign_attrs(why_no_rows="its mean is not linear")),
    ):
        (note,) = classical(0, "school", choices_of(data), data, None)
        assert isinstance(note, Note)
        assert note.gap
        assert wanted in note.text


def test_a_fixed_penalty_has_no_figure() -> None:
    level = many(3, 0.6)
    fixed = level.assign(scale=level["scale"] * 0 + 1, information=level["information"] * 0 + 1)
    assert classical(0, "school", choices_of(fixed), fixed, None) == []


def test_choices_are_placed_beside_the_interval() -> None:
    posterior = np.linspace(0, 2, 1001)  # λ from 1 to 100
    found = [
        Marker("REML", Outcome.FOUND, 10.0),
        Marker("GCV", Outcome.FOUND, 0.1),
        Marker("ML", Outcome.POOLED, float("inf")),
        Marker("leave-one-out", Outcome.UNPOOLED, 0.0),
        Marker("L-curve corner", Outcome.NO_CORNER),
    ]
    said = compared(found, posterior)
    assert said == (
        "REML lies inside the 89% interval; GCV and leave-one-out lie below it: less pooling; "
        "ML lies above it: more pooling."
    )
    assert compared(found[1:2], posterior).startswith("GCV lies below the 89% interval, 1.3 to 78")
    assert compared(found[4:], posterior) == "None of them has an answer here."
    rows = choice_table(
        "school", found, posterior, Pooling("pooling of a group with 10 rows", 10.0)
    ).rows
    assert [row[4] for row in rows] == ["0.50", "0.50", "0.00", "1.00", "0.00", "–"]
    assert [row[2] for row in rows] == ["0.50", "0.50", "0.01", "1.00", "0.00", "–"]


@pytest.mark.parametrize(
    ("low", "high"),
    [(0.03, 40), (0.8, 6), (46, 50), (1e-9, 1e9), (6.0, 6.3), (0.99, 1.01), (3, 20)],
)
def test_ticks_are_round_inside_and_few(low: float, high: float) -> None:
    found = round_values(low, high, most=6)
    assert 2 <= len(found) <= 8
    assert all(low <= v <= high for v in found)
    assert found == sorted(found)
    labels = [written(v) for v in found]
    assert len(set(labels)) == len(labels)


def test_labels_do_not_touch() -> None:
    figure = Figure(figsize=(3, 2))
    axes = add_axes(figure, Margins(left=0.5, right=0.5))
    axes.set_xlim(0, 1)
    # Two inches: labels of five characters take half an inch each.
    assert apart([0, 0.1, 0.3, 0.6, 0.9], ["12345"] * 5, axes) == [0, 2, 3, 4]
    assert apart([0.2], ["a"], axes) == [0]
