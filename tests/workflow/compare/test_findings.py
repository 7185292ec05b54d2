"""Which findings changed, what matters, and what a comparison says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from markdown_it import MarkdownIt

from poolwise.reports.compare_html import render_comparison
from poolwise.reports.compare_markdown import MOST_BYTES, markdown
from poolwise.reports.comparison import Cause, Comparison, FindingChange, Move, Shift, Side
from poolwise.workflow.comparing.compare import finding_changes, matters


def finding(code: str, verdict: str, target: str = "", **details: Any) -> dict[str, Any]:
    return {
        "code": code,
        "name": "a_fault",
        "verdict": verdict,
        "target": target,
        "value": None,
        "mcse": None,
        "result": "",
        "message": "what was found",
        "untrusted": "",
        **details,
    }


def changes(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(c.code, c.old, c.new) for c in finding_changes(old, new)]


def test_the_same_findings_have_not_changed() -> None:
    same = [finding("PPC402", "pass", "mean of y"), finding("PPC402", "pass", "sd of y")]
    assert changes(same, same[::-1]) == []


def test_findings_are_paired_by_target() -> None:
    old = [finding("PPC402", "pass", "mean"), finding("PPC402", "warn", "sd")]
    new = [finding("PPC402", "fail", "sd"), finding("PPC402", "pass", "mean")]
    assert changes(old, new) == [("PPC402", "warn", "fail")]


def test_the_worst_of_many_is_followed_though_it_is_another() -> None:
    old, new = finding("SMP301", "pass", "mu"), finding("SMP301", "pass", "tau")
    assert changes([old], [new]) == []
    assert changes([old], [{**new, "verdict": "fail"}]) == [("SMP301", "pass", "fail")]


@pytest.mark.parametrize(
    ("old", "new", "worse"),
    [
        ("pass", "warn", True),
        ("pass", "note", False),
        ("pass", "skipped", True),
        ("pass", "inconclusive", True),
        ("warn", "pass", False),
        ("fail", "warn", False),
        ("note", "error", True),
        ("", "warn", True),
        ("", "pass", False),
        ("pass", "", True),
        ("warn", "", False),
    ],
)
def test_what_is_worse(old: str, new: str, worse: bool) -> None:
    before = [finding("PPC402", old)] if old else []
    after = [finding("PPC402", new)] if new else []
    (change,) = finding_changes(before, after)
    assert change.worse is worse


def test_a_verdict_that_flipped_by_chance_says_so() -> None:
    old = finding("PPC402", "pass", "sd", value=0.012, mcse=0.002)
    new = finding("PPC402", "warn", "sd", value=0.009, mcse=0.002)
    assert [c.within_error for c in finding_changes([old], [new])] == [True]
    far = {**new, "value": 0.001}
    assert [c.within_error for c in finding_changes([old], [far])] == [False]


def side(name: str) -> Side:
    return Side(
        source=name,
        name="sch|ools",
        verdict="warn",
        headline="Usable, with 1 warning",
        seed=1,
        quantities=20,
        findings=40,
    )


def move(name: str = "tau", **details: Any) -> Move:
    shifts = [
        Shift(statistic="mean", old=3.0, new=5.0, mcse=0.1, moved=True),
        Shift(statistic="sd", old=2.0, new=2.1, mcse=0.1, moved=False),
    ]
    return Move(**{"name": name, "kind": "parameter", "shifts": shifts, "spread": 2.0, **details})


CHANGE = FindingChange(
    code="REG601",
    name="prior_sets_pooling",
    target="school",
    old="pass",
    new="warn",
    old_result="data",
    new_result="prior",
    message="the prior | decides <b>",
    within_error=False,
)
PRIOR = Cause(part="spec", what="the prior of tau", old="HalfCauchy(5)", new="HalfNormal(1)")
SEED = Cause(part="seed", what="", old="1", new="2")
NOTHING = Comparison(old=side("a"), new=side("b"), tests=100, smallest=0.1)
MOVED = replace(NOTHING, causes=[PRIOR], moves=[move()], findings=[CHANGE])


@pytest.mark.parametrize(
    ("comparison", "fail_on", "expected"),
    [
        (NOTHING, ["worse", "moved", "findings", "flips"], False),
        (MOVED, ["moved"], True),
        (MOVED, ["worse"], True),
        (MOVED, ["flips"], False),
        (MOVED, ["nothing"], False),
        (replace(MOVED, moves=[]), ["moved"], False),
        (replace(MOVED, moves=[], went=["best"]), ["moved"], True),
        (replace(MOVED, findings=[replace(CHANGE, new="note")]), ["worse"], False),
        (replace(MOVED, findings=[replace(CHANGE, new="note")]), ["findings"], True),
        (replace(MOVED, moves=[move(flips=True)]), ["flips"], True),
    ],
)
def test_what_matters(comparison: Comparison, fail_on: list[str], expected: bool) -> None:
    assert matters(comparison, fail_on) is expected


def test_a_tolerance_lets_small_moves_pass_but_no_flip() -> None:
    assert matters(MOVED, ["moved"], tolerance=0.9)
    assert not matters(MOVED, ["moved"], tolerance=1.1)
    assert matters(replace(MOVED, moves=[move(flips=True)]), ["moved"], tolerance=1.1)


def test_one_cause_is_named_and_several_are_not_guessed_among() -> None:
    assert MOVED.cause == "The cause is the spec: the prior of tau: HalfCauchy(5) → HalfNormal(1)."
    assert "cannot tell" in replace(MOVED, causes=[PRIOR, SEED]).cause
    assert "should move no conclusion" in replace(MOVED, causes=[SEED]).cause
    assert "Nothing that poolwise records differs" in replace(MOVED, causes=[]).cause
    assert "are the same" in NOTHING.cause
    assert replace(NOTHING, causes=[SEED]).cause == "Only the seed differs: 1 → 2."


def test_a_cause_that_moves_nothing_is_not_blamed_for_a_move() -> None:
    threshold = Cause(part="spec", what="the thresholds of SMP301", moves=False)
    assert replace(MOVED, causes=[PRIOR, threshold]).cause == MOVED.cause


def test_markdown_is_read_as_tables() -> None:
    html = MarkdownIt("gfm-like").disable("linkify").render(markdown(MOVED))
    assert html.count("<table>") == 2
    assert "<td>the prior | decides &lt;b&gt;</td>" in html
    assert "<td>3</td>\n<td>5</td>\n<td>1 sd</td>\n<td>20.0</td>" in html
    assert "sch|ools: 1 conclusion moved and 1 finding changed" in html


def test_a_comment_keeps_to_its_room() -> None:
    many = replace(MOVED, findings=[replace(CHANGE, message="ß" * 500)] * 500)
    assert len(markdown(many).encode()) < MOST_BYTES


def test_the_page_is_whole_and_asks_for_nothing() -> None:
    page = render_comparison(MOVED)
    assert page == render_comparison(MOVED)
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "the prior | decides &lt;b&gt;" in page
    assert "HalfCauchy(5)" in page
    assert "Nothing changed" in render_comparison(NOTHING)
