"""The hierarchy in the report: boxes within boxes that say what the model says."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from poolwise.reports.drawing import bars
from poolwise.reports.hierarchy import (
    Grouping,
    HierarchySketch,
    Outcome,
    Quantity,
    Rows,
    Term,
    Variable,
)
from poolwise.reports.html import render
from poolwise.reports.record import ReviewRecord

Make = Callable[..., ReviewRecord]
Read = Callable[[str], Any]

ZERO = Quantity(value=0.0)


def of(name: str) -> Quantity:
    return Quantity(name=name, made_of=(name,))


def term(effect: str, scale: str, location: Quantity = ZERO, **details: Any) -> Term:
    return Term(
        **{
            "level": effect,
            "effect": effect,
            "design": "intercept",
            "form": "centred",
            "family": "Normal",
            "variables": (effect,),
            "location": location,
            "scale": of(scale),
            **details,
        }
    )


def rows(*profile: int) -> tuple[Rows, ...]:
    some = [n for n in profile if n]
    return (
        Rows(
            outcome="y",
            fewest=min(some),
            median=float(sorted(some)[len(some) // 2]),
            most=max(some),
            empty=len(profile) - len(some),
            profile=profile,
        ),
    )


PLOT = Grouping(
    name="plot",
    groups=3,
    rows=rows(4, 2, 0),
    crossed=("observer",),
    terms=(term("plot_mean", "s_plot", Quantity(made_of=("site_mean",))),),
)
SITE = Grouping(
    name="site",
    groups=2,
    rows=rows(4, 2),
    terms=(term("site_mean", "s_site", of("mu")),),
    inside=(PLOT,),
    crossed=("observer",),
)
OBSERVER = Grouping(
    name="observer",
    groups=2,
    rows=rows(3, 3),
    crossed=("site", "plot"),
    terms=(term("seen", "s_o"), term("bias", "s_b", design="slope", predictor="rain")),
)
NAMES = ("mu", "b", "s_site", "s_plot", "s_o", "s_b", "site_mean", "plot_mean", "seen", "bias")
SKETCH = HierarchySketch(
    name="schools",
    outcomes=(Outcome(name="y", family="Poisson", link="log", rows=6),),
    groupings=(SITE, OBSERVER),
    variables=tuple(
        Variable(name=n, role="scale" if n.startswith("s_") else "location", prior="P(1)", size=1)
        for n in NAMES
    ),
)


class Boxes(HTMLParser):
    """The boxes of the drawing with what they stand in, from a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[tuple[str, str]] = []
        self.found: dict[str, list[str]] = {}
        self.kinds: dict[str, str] = {}
        self.naming = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        kind = dict(attrs).get("class") or ""
        if tag in ("li", "div") and "h-box" in kind:
            self.open.append((tag, ""))
            self.kind = kind
        elif tag in ("li", "div"):
            self.open.append((tag, "-"))
        self.naming = tag == "strong" and bool(self.open) and self.open[-1][1] == ""

    def handle_data(self, data: str) -> None:
        if self.naming and data.strip():
            self.found[data] = [name for _, name in self.open if name not in ("", "-")]
            self.kinds[data] = self.kind
            self.open[-1] = (self.open[-1][0], data)
            self.naming = False

    def handle_endtag(self, tag: str) -> None:
        if tag in ("li", "div"):
            self.open.pop()


def figure(html: str) -> str:
    found = re.search(r'<figure class="hier".*?</figure>', html, re.S)
    assert found
    return found.group(0)


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.fixture(scope="module")
def page(schools: ReviewRecord) -> str:
    return render(replace(schools, hierarchy=SKETCH))


def test_the_page_is_well_formed_and_loads_nothing(page: str, read: Read) -> None:
    found = read(page)
    assert not found.faults
    assert len(set(found.ids)) == len(found.ids)
    assert not found.unnamed_tables
    assert all(link.startswith(("#", "data:,")) for link in found.loads)
    assert "#model" in found.links


def test_levels_stand_inside_the_levels_they_are_nested_in(page: str) -> None:
    boxes = Boxes(figure(page))
    assert boxes.found == {
        "Population": [],
        "site": [],
        "plot": ["site"],
        "observer": [],
        "y": [],
    }


def test_only_crossed_neighbours_are_marked(page: str) -> None:
    kinds = Boxes(figure(page)).kinds
    assert [name for name, kind in kinds.items() if "h-cross" in kind] == ["observer"]


def test_every_level_says_its_groups_effects_and_priors(page: str) -> None:
    said = words(figure(page))
    assert "site 2 groups 2 to 4 rows each, median 4" in said
    assert "plot 3 groups 2 to 4 rows each, median 4, 1 group without any" in said
    assert "intercept plot_mean around site_mean of its site, spread s_plot ~ P(1) centred" in said
    assert "slope on rain bias around 0 , spread s_b ~ P(1)" in said
    assert "Poisson , log link: the log of the mean is a sum of its effects" in said
    drawn, _ = said.split("Numbers behind")[:2]
    assert drawn.count("crossed with observer") == 1, "said of the site, not again of its plots"


def test_the_population_holds_what_no_level_does(page: str) -> None:
    drawn = re.search(r'<div class="h-box h-pop">.*?</div>', page, re.S)
    assert drawn
    assert re.findall(r"<code>(\w+) ~", drawn.group(0)) == ["mu", "b"]
    assert "location of site" in drawn.group(0)


def test_a_table_says_the_same(page: str) -> None:
    table = figure(page)[figure(page).index("<details>") :]
    said = words(table)
    for grouping in SKETCH.walk():
        for this in grouping.terms:
            assert this.effect in said
            assert this.scale.name in said
    assert "nested in site; crossed with observer" in said


def test_the_figure_is_the_first_one(page: str) -> None:
    numbers = re.findall(r"<b>Figure (\d+)\.</b>", page)
    assert numbers == [str(i) for i in range(1, len(numbers) + 1)]
    assert page.index('id="model"') < page.index('id="stages"')


def test_names_of_users_are_escaped(schools: ReviewRecord, read: Read) -> None:
    nasty = '<script>"&'
    bad = replace(
        SKETCH,
        groupings=(replace(PLOT, name=nasty, terms=(term(nasty, nasty),)),),
        variables=(Variable(name=nasty, role="scale", prior=nasty, size=1),),
        outcomes=(Outcome(name=nasty, family=nasty, link="", rows=1, noise=(nasty,)),),
        unclear=(nasty,),
    )
    html = render(replace(schools, hierarchy=bad))
    assert "<script>&" not in html
    assert '<script>"' not in html
    assert not read(html).faults


def test_without_a_level_the_line_to_add_is_said(schools: ReviewRecord) -> None:
    none = replace(SKETCH, groupings=())
    html = render(replace(schools, hierarchy=none))
    assert "No level of a hierarchy was found" in html
    assert "h-level" not in figure(html)
    unclear = replace(none, unclear=("u may be a level, but it is not clear",))
    html = render(replace(schools, hierarchy=unclear))
    assert "Not settled: u may be a level, but it is not clear" in html
    assert "No level of a hierarchy was found" not in html


def test_without_a_sketch_there_is_no_section(schools: ReviewRecord) -> None:
    html = render(schools)
    assert 'id="model"' not in html
    assert "hierarchy-cap" not in html


def test_a_large_population_is_cut_short_and_listed_in_the_table(schools: ReviewRecord) -> None:
    many = tuple(
        Variable(name=f"beta_{i}", role="coefficient", prior="Normal(0, 1)", size=1)
        for i in range(25)
    )
    html = figure(render(replace(schools, hierarchy=replace(SKETCH, variables=many))))
    drawn, table = html.split("<details>", 1)
    assert drawn.count("<code>beta_") == 10
    assert "and 15 more, in the table below" in drawn
    assert table.count("beta_") == 25


def test_two_outcomes_are_told_apart(schools: ReviewRecord) -> None:
    both = replace(
        SKETCH,
        outcomes=(*SKETCH.outcomes, Outcome(name="z", family="Normal", link="", rows=9)),
        groupings=(replace(OBSERVER, rows=(*rows(3, 3), replace(rows(5, 4)[0], outcome="z"))),),
    )
    said = words(figure(render(replace(schools, hierarchy=both))))
    assert "y: 3 rows each" in said
    assert "z: 4 to 5 rows each" in said


@pytest.mark.parametrize("profile", [(4, 2), (7, 7, 1, 0), tuple(range(60, 0, -1))])
def test_bars_are_as_high_as_the_rows(profile: tuple[int, ...]) -> None:
    paths = re.findall(r"M([\d.]+) 24V([\d.]+)H([\d.]+)V24Z", bars(profile))
    high = [24 - float(top) for _, top, _ in paths]
    assert high == pytest.approx([24 * n / max(profile) for n in profile], abs=0.01)
    edges = [float(x) for left, _, right in paths for x in (left, right)]
    assert edges == sorted(edges)
    assert edges[-1] <= 120


def test_no_bars_without_rows() -> None:
    assert bars([]) == bars([0, 0]) == ""
