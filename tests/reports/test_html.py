"""The report as a document: complete, well formed, self-contained, small, always the same."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
import pytest
import xarray as xr

from poolwise.checks import REGISTRY, Evidence, Finding, Verdict
from poolwise.reports.advice import actions
from poolwise.reports.html import render
from poolwise.reports.notebook import summary_html
from poolwise.reports.numbers import between, fixed, num, percent
from poolwise.reports.record import ReviewRecord, StageRecord
from poolwise.reports.stages import anchors
from poolwise.reports.tiles import tiles

Make = Callable[..., ReviewRecord]
Read = Callable[[str], Any]
Figures = Callable[[str], list[Element]]

NOT_DRAWN = "could not be drawn"

#: What a run may lack, as options of the made-up run, and what the report then says.
LACKING = {
    "no levels": ({"drop": ["levels/school", "prior_levels/school"]}, "The line to add"),
    "no prior": (
        {"drop": ["prior", "prior_predictive", "prior_levels/school"]},
        "no data were simulated from the prior",
    ),
    "no posterior predictive": (
        {"drop": ["posterior_predictive"]},
        "no data were simulated from the posterior",
    ),
    "no sweep": ({}, "no alternative prior was fitted"),
    "no decisions": ({"drop": ["decisions"], "sweep_scales": (10.0,)}, "declares no decisions"),
    "no quantities": (
        {"drop": ["quantities"], "sweep_scales": (10.0,)},
        "The same data under other priors",
    ),
    "no log prior": ({"drop": ["log_prior"]}, "no log-prior per draw"),
    "no data": ({"drop": ["observed_data"]}, "no observed data"),
    "one group": ({"y": [5.0], "sigma": [3.0]}, "school has one group"),
    "values that are not numbers": ({"prior_nan": True}, "not finite"),
    "whole numbers": ({"rounded": True}, "Posterior predictive"),
    "a stuck sweep": ({"sweep_scales": (2.5, 10.0), "sweep_stuck": True}, "did not converge"),
}

NO_FIT = (
    "posterior",
    "sample_stats",
    "log_likelihood",
    "log_prior",
    "posterior_predictive",
    "quantities",
    "decisions",
    "levels/school",
    "prior_levels/school",
)


def many(n: int) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    sigma = rng.choice([2.0, 5.0, 10.0], size=n)
    y = 3 + 4 * rng.normal(size=n) + sigma * rng.normal(size=n)
    return {"y": tuple(y), "sigma": tuple(sigma), "sweep_scales": (2.5, 10.0)}


def unlike(record: ReviewRecord, change: Callable[[xr.DataTree], None]) -> ReviewRecord:
    """Return the review with other draws."""
    tree = record.evidence.tree.copy(deep=True)
    change(tree)
    return replace(record, evidence=Evidence(tree, record.evidence.declared))


def test_the_first_screen_holds_what_the_evidence_says(
    schools: ReviewRecord, page: str, read: Read
) -> None:
    words = read(page).words
    level = schools.evidence.get("pooling")["school"]
    observed = schools.evidence.get("uncertainty")["school"][1]
    assert schools.conclusion.headline in words
    assert schools.conclusion.sentence in words
    values = [t.value for t in tiles(schools)]
    assert values == [
        fixed(1 - level.mean_weight.mean),
        num(level.penalty.median, 2),
        percent(observed.epistemic_share),
    ]
    for value in values:
        assert f'<span class="value">{value}</span>' in page
    assert f"89% interval {between(level.penalty.low, level.penalty.high, 2)}" in words
    assert f"is {fixed(level.factor.factor)} ± {num(level.factor.mcse, 2)}" in words
    assert f"{num(observed.total)} points²" in words


def test_every_verdict_is_counted_with_its_word(schools: ReviewRecord, read: Read) -> None:
    words = read(render(schools)).words
    counts = schools.conclusion.counts
    assert f"{counts['pass']} passed" in words
    assert f"{counts['warn']} warnings" in words
    assert f"{counts['fail']} failed" in words
    assert f"{counts['inconclusive']} inconclusive" in words


def test_every_finding_has_a_row_with_its_message(schools: ReviewRecord, page: str) -> None:
    for i, anchor in anchors(schools.findings).items():
        row = re.search(rf'<tr id="{anchor}">.*?</tr>', page, re.S)
        assert row
        assert schools.findings[i].code in row.group(0)
        assert schools.findings[i].needs.replace(">", "&gt;").replace("<", "&lt;") in row.group(0)


def test_actions_are_the_checks_own_advice_worst_first(schools: ReviewRecord) -> None:
    found = actions(schools.findings, anchors(schools.findings))
    assert found
    assert len({a.code for a in found}) == len(found)
    assert all(a.todo == REGISTRY[a.code].section("What to do") for a in found)
    verdicts = [a.verdict for a in found]
    assert verdicts == sorted(verdicts, key=[Verdict.WARN, Verdict.INCONCLUSIVE].index)


def test_the_page_is_well_formed(page: str, read: Read, figures: Figures) -> None:
    found = read(page)
    assert not found.faults
    assert not found.open
    assert len(found.ids) == len(set(found.ids))
    inside = [link[1:] for link in found.links if link.startswith("#")]
    assert set(inside) <= set(found.ids)
    steps = np.diff(found.headings)
    assert found.headings[0] == 1
    assert found.headings.count(1) == 1
    assert steps.max() == 1
    for svg in figures(page):
        named = (svg.get("aria-labelledby") or "").split()
        ids = {e.get("id") for e in svg.iter()}
        assert set(named) <= ids
        assert all((svg[i].text or "").strip() for i in (0, 1))


def test_figures_follow_the_page(page: str, figures: Figures) -> None:
    found = figures(page)
    assert len(found) >= 7
    drawn = " ".join(re.findall(r'<svg viewBox="[^"]*" role="img".*?</svg>', page, re.S))
    assert not re.search(r"#[0-9a-f]{6}\b", drawn), "a colour that does not follow the scheme"
    assert "DejaVu" not in drawn
    assert "points²" in drawn


def test_nothing_is_requested(page: str, read: Read) -> None:
    found = read(page)
    assert all(a.startswith(("#", "data:")) for a in found.loads)
    assert "@import" not in page
    assert {link for link in found.links if not link.startswith("#")} == {"run.nc", "run.json"}
    assert page.count("<script") == 1


def test_rendering_twice_gives_the_same_bytes(make: Make) -> None:
    pages = [render(make(sweep_scales=(2.5, 10.0))) for _ in range(2)]
    assert pages[0] == pages[1]


@pytest.mark.parametrize("groups", [8, 85, 300])
def test_usual_reviews_stay_under_a_megabyte(make: Make, read: Read, groups: int) -> None:
    page = render(make(**many(groups)))
    assert len(page.encode()) < 1_000_000
    assert NOT_DRAWN not in page
    assert len(read(page).ids) == len(set(read(page).ids))


@pytest.mark.parametrize(("options", "said"), LACKING.values(), ids=LACKING)
def test_what_is_missing_is_said(
    make: Make, read: Read, options: dict[str, Any], said: str
) -> None:
    page = render(make(**options))
    found = read(page)
    assert said in found.words
    assert NOT_DRAWN not in page
    assert not found.faults
    assert " nan" not in found.words


def test_a_run_without_a_fit_shows_the_error_and_the_prior(make: Make, read: Read) -> None:
    error = Finding(verdict=Verdict.ERROR, message="fit: the matrix is singular", line=7)
    stages = [
        StageRecord(name="prior predictive", status="done", seconds=1.0),
        StageRecord(name="fit", status="failed", message="the matrix is singular"),
        StageRecord(name="hierarchy", status="skipped", message="no posterior draws"),
    ]
    record = make(drop=NO_FIT, declared={"stage_errors": [error]}, details={"stages": stages})
    page = render(record)
    words = read(page).words
    assert "Not finished" in words
    assert "This stage stopped: the matrix is singular" in words
    assert "before fitting?" in words
    assert [t.value for t in tiles(record)] == ["–"] * 3
    assert NOT_DRAWN not in page


def test_draws_that_did_not_converge_give_no_number(make: Make, read: Read) -> None:
    record = make(stuck_chain=30.0, sweep_scales=(10.0,))
    page = render(record)
    words = read(page).words
    assert [t.value for t in tiles(record)] == ["–"] * 3
    assert all("SMP301" in t.say for t in tiles(record))
    assert "Untrusted: SMP301" in words
    for title in ("Regularization strength", "Uncertainty by level", "Prior sensitivity"):
        assert f"{title} is not shown: SMP301" in words
    assert "Did the chains mix" in words
    assert "How far does each" not in words
    assert "after fitting" not in words


def test_sampling_is_judged_even_where_its_checks_were_not_selected(make: Make) -> None:
    record = make(stuck_chain=30.0)
    left_out = [f for f in record.findings if f.code.startswith("PRI")]
    assert [t.value for t in tiles(replace(record, findings=left_out))] == ["–"] * 3


def test_a_level_without_information_has_its_pooling_factor_only(
    schools: ReviewRecord, read: Read
) -> None:
    def forget(tree: xr.DataTree) -> None:
        kept = tree["levels/school"].to_dataset()[["effect", "location", "scale"]]
        attrs = {**kept.attrs, "why_no_information": "y is not normal"}
        tree["levels/school"] = xr.DataTree(kept.assign_attrs(attrs))
        prior = tree["prior_levels/school"].to_dataset()[["effect", "location", "scale"]]
        tree["prior_levels/school"] = xr.DataTree(prior)

    record = unlike(schools, forget)
    page = render(record)
    first, second, third = tiles(record)
    assert first.value == fixed(record.evidence.get("pooling")["school"].factor.factor)
    assert "y is not normal" in first.say
    assert (second.value, third.value) == ("–", "–")
    assert "Raw estimates are not drawn: y is not normal" in read(page).words
    assert NOT_DRAWN not in page


def test_several_levels_and_outcomes_have_a_place_each(schools: ReviewRecord, read: Read) -> None:
    def add(tree: xr.DataTree) -> None:
        tree["levels/class"] = tree["levels/school"].copy()
        tree["prior_levels/class"] = tree["prior_levels/school"].copy()
        for group in ("observed_data", "prior_predictive", "posterior_predictive"):
            data = tree[group].to_dataset()
            tree[group] = xr.DataTree(data.assign(x=data["y"]))

    page = render(unlike(schools, add))
    found = read(page)
    assert len(found.ids) == len(set(found.ids))
    assert "Level school" in found.words
    assert "Level class" in found.words
    assert "produce x like ours" in found.words
    assert NOT_DRAWN not in page


def test_many_rows_are_drawn_as_shares_per_bin(make: Make, read: Read) -> None:
    words = read(render(make(**many(60)))).words
    assert "Share of the 60 rows per bin" in words
    assert "Are predictions of left-out rows of y calibrated?" in words


def test_names_cannot_break_the_page(make: Make, read: Read, figures: Figures) -> None:
    evil = '<script>alert("1")</script> & $x_1$ id="z" #18202c'
    record = make(sweep_scales=(10.0,), details={"name": evil, "source": evil, "unit": evil})

    def rename(tree: xr.DataTree) -> None:
        for group in ("levels/school", "prior_levels/school"):
            data = tree[group].to_dataset()
            names = [evil, *(str(g) for g in data["group"].values[1:])]
            tree[group] = xr.DataTree(data.assign_coords(group=names))

    page = render(unlike(record, rename))
    found = read(page)
    assert page.count("<script") == 1
    assert not found.faults
    assert evil in found.words
    assert figures(page)
    assert NOT_DRAWN not in page


def test_changed_thresholds_are_told(make: Make, read: Read) -> None:
    record = make(details={"thresholds": {"REG601": {"limit": 0.9}}})
    assert "REG601 limit 0.9 (default 0.5)" in read(render(record)).words


def test_notebooks_show_verdict_numbers_and_link(schools: ReviewRecord, read: Read) -> None:
    html = summary_html(schools, Path("poolwise_runs/a b/report.html"))
    found = read(html)
    assert schools.conclusion.headline in found.words
    assert all(t.value in found.words for t in tiles(schools))
    assert found.links == ["poolwise_runs/a%20b/report.html"]
    assert not found.faults
    assert "<style" not in html


def test_a_report_says_what_to_collect_next(make: Callable[..., ReviewRecord]) -> None:
    page = render(make())
    assert "twice the rows per group would leave" in page
    assert "the effect of a school without data lies between" in page


def _without_prior(tree: xr.DataTree) -> None:
    del tree["levels/school"].attrs["location_sd"]


def _with_covariates(tree: xr.DataTree) -> None:
    level = tree["levels/school"].to_dataset()
    noise = np.random.default_rng(1).normal(size=level["other"].shape)
    tree["levels/school"] = xr.DataTree(level.assign(other=(level["other"].dims, noise)))


def test_what_to_collect_is_approximate_without_a_prior_of_the_location(
    make: Callable[..., ReviewRecord],
) -> None:
    page = render(unlike(make(), _without_prior))
    assert "An approximation: the mean of all groups is taken to have a flat prior" in page
    assert "twice the rows per school" in page


def test_what_to_collect_says_that_other_terms_are_taken_as_known(
    make: Callable[..., ReviewRecord],
) -> None:
    page = render(unlike(make(), _with_covariates))
    assert "other terms of the mean are taken as known" in page
