"""Every machine format is read back by something that did not write it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from junitparser import JUnitXml, Properties
from markdown_it import MarkdownIt

from poolwise.checks import REGISTRY, Finding, Verdict
from poolwise.checks.conclusion import conclude
from poolwise.reports import machine
from poolwise.reports.machine import github, markdown

SARIF = Path(__file__).parents[1] / "data" / "sarif" / "sarif-2.1.0-rtm.5.json"

#: Text that breaks a writer that forgets to escape.
NASTY = 'a|b <script> & "q" `c` *d* _e_ [f](g) 100% :: x,y\r\nnext ]]> \x00\x1b \ud7ff ✓'


def finding(code: str, verdict: Verdict, **details: Any) -> Finding:
    check = REGISTRY[code]
    options = {"message": f"{verdict} of {code}", "where": "tau", **details}
    return Finding(verdict=verdict, code=code, name=check.name, stage=check.stage, **options)


ALL = [
    finding("SPC104", Verdict.SKIPPED, line=4),
    finding("SMP301", Verdict.FAIL, value=1.2, threshold=1.01, line=7, needs="<= 1.01"),
    finding("SMP302", Verdict.PASS, value=900.0, threshold=400.0, where=""),
    finding("PPC402", Verdict.WARN, value=0.001, mcse=0.0004, message=NASTY),
    finding("PPC402", Verdict.NOTE, where="other"),
    finding("PPC403", Verdict.EXPECTED, found=Verdict.WARN, expected="until 2027-01-01 (why)"),
    finding("SEN503", Verdict.INCONCLUSIVE),
    finding("RUN001", Verdict.ERROR, where="prior sensitivity", message="it stopped", line=9),
]


def stage(name: str, status: str = "done", message: str = "") -> dict[str, Any]:
    return {"name": name, "status": status, "seconds": 1.5, "message": message, "key": "k"}


def result(findings: list[Finding], **details: Any) -> dict[str, Any]:
    conclusion = conclude(findings)
    lint = machine.lint_result(
        findings,
        name="schools",
        path="models/a b.py",
        line=3,
        source="def schools(): ...",
        tool="1",
    )
    return {
        **lint,
        "kind": "review",
        "spec": {**lint["spec"], "path": "models/a b.py"},
        "headline": conclusion.headline,
        "sentence": conclusion.sentence,
        "stages": [
            stage("prior predictive"),
            stage("fit"),
            stage("posterior predictive", "cached"),
            stage("hierarchy", "skipped", "no level was recognised"),
            stage("prior sensitivity", "failed", "it stopped"),
        ],
        "created": "2026-11-22T09:07:36Z",
        "duration_s": 34.1,
        "command": "poolwise review models/a",
        **details,
    }


@pytest.fixture
def one() -> dict[str, Any]:
    return result(ALL)


def suites(results: list[dict[str, Any]]) -> dict[str, Any]:
    read = JUnitXml.fromstring(machine.junit(results).encode())
    return {suite.name.partition(": ")[2]: suite for suite in read}


def cases(results: list[dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    for suite in suites(results).values():
        for case in suite:
            yield case.name, case


def outcome(case: Any) -> str:
    kinds = [type(r).__name__ for r in case.result]
    assert len(kinds) <= 1
    return kinds[0] if kinds else "passed"


def test_junit_passes_only_what_passed(one: dict[str, Any]) -> None:
    assert {name: outcome(case) for name, case in cases([one])} == {
        f"SPC104 {REGISTRY['SPC104'].name} [tau]": "Skipped",
        "stage: prior predictive": "passed",
        "stage: fit": "passed",
        "stage: posterior predictive": "passed",
        "SMP301 chains_disagree [tau]": "Failure",
        "SMP302 too_few_effective_draws": "passed",
        "PPC402 feature_not_reproduced [tau]": "passed",
        "PPC402 feature_not_reproduced [other]": "passed",
        "PPC403 rows_drive_the_fit [tau]": "Skipped",
        "stage: hierarchy": "Skipped",
        "SEN503 conclusion_shifts [tau]": "Skipped",
        "RUN001 stage_failed [prior sensitivity]": "Error",
    }


def test_junit_has_a_suite_per_stage_in_the_order_of_a_review(one: dict[str, Any]) -> None:
    assert list(suites([one])) == [
        "specification",
        "prior predictive",
        "fit",
        "posterior predictive",
        "hierarchy",
        "prior sensitivity",
    ]


def test_a_stage_that_stopped_is_an_error_of_its_own_suite(one: dict[str, Any]) -> None:
    assert suites([one])["prior sensitivity"].errors == 1
    without = result([f for f in ALL if f.code != "RUN001"])
    assert suites([without])["prior sensitivity"].errors == 1


def test_junit_counts_and_properties(one: dict[str, Any]) -> None:
    read = JUnitXml.fromstring(machine.junit([one]).encode())
    assert (read.tests, read.failures, read.errors, read.skipped) == (12, 1, 1, 4)
    case = dict(cases([one]))["SMP301 chains_disagree [tau]"]
    properties = {p.name: p.value for p in case.child(Properties)}
    assert properties["value"] == "1.2"
    assert properties["threshold"] == "1.01"
    assert case.result[0].message == "fail of SMP301"


def test_junit_says_what_a_warning_is(one: dict[str, Any]) -> None:
    case = dict(cases([one]))["PPC402 feature_not_reproduced [tau]"]
    assert case.system_out.startswith("warning: a|b <script> & ")
    assert "\ufffd" in case.system_out, "a character XML cannot hold is replaced"


def test_junit_names_are_distinct() -> None:
    twice = [finding("PPC402", Verdict.PASS), finding("PPC402", Verdict.FAIL)]
    names = [name for name, _ in cases([result(twice)])]
    assert len(set(names)) == len(names)


def log(results: list[dict[str, Any]]) -> Any:
    text = json.loads(machine.sarif(results))
    validator = jsonschema.Draft4Validator(json.loads(SARIF.read_text("utf-8")))
    assert [e.message for e in validator.iter_errors(text)] == []
    return text["runs"][0]


def test_sarif_is_valid_and_holds_what_needs_attention(one: dict[str, Any]) -> None:
    run = log([one])
    found = {r["ruleId"]: (r["kind"], r["level"]) for r in run["results"]}
    assert found == {
        "SMP301": ("fail", "error"),
        "PPC402": ("fail", "note"),
        "PPC403": ("fail", "warning"),
        "SEN503": ("open", "none"),
        "RUN001": ("fail", "error"),
    }
    assert not run["invocations"][0]["executionSuccessful"]
    rules = run["tool"]["driver"]["rules"]
    for r in run["results"]:
        assert rules[r["ruleIndex"]]["id"] == r["ruleId"]
        assert "What to do" in rules[r["ruleIndex"]]["help"]["text"]
        where = r["locations"][0]["physicalLocation"]
        assert where["artifactLocation"]["uri"] == "models/a%20b.py"
        assert where["region"]["startLine"] >= 1


def test_sarif_leaves_passes_out_and_skips_as_notifications(one: dict[str, Any]) -> None:
    run = log([one])
    said = [n["message"]["text"] for n in run["invocations"][0]["toolExecutionNotifications"]]
    assert said == ["schools: skipped: skipped of SPC104"]
    assert "SMP302" not in {r["ruleId"] for r in run["results"]}


def test_sarif_suppresses_expected_failures(one: dict[str, Any]) -> None:
    suppressed = [r for r in log([one])["results"] if r.get("suppressions")]
    assert [r["ruleId"] for r in suppressed] == ["PPC403"]
    assert suppressed[0]["suppressions"][0]["justification"] == "until 2027-01-01 (why)"


def prints(results: list[dict[str, Any]]) -> list[str]:
    return [r["partialFingerprints"]["poolwise/v1"] for r in log(results)["results"]]


def test_sarif_fingerprints_outlive_values_and_lines() -> None:
    def of(**details: Any) -> list[str]:
        return prints([result([finding("SMP301", Verdict.FAIL, **details)])])

    assert of(value=1.2, line=7, message="a") == of(value=1.3, line=9, message="b")
    assert of(where="mu") != of(where="tau")


def test_sarif_fingerprints_tell_findings_apart(one: dict[str, Any]) -> None:
    two = {**one, "spec": {**one["spec"], "name": "other"}}
    found = prints([one, two, result([finding("SMP301", Verdict.FAIL)] * 2)])
    assert len(set(found)) == len(found)


def test_annotations_follow_the_runner(one: dict[str, Any]) -> None:
    lines = machine.commands([one]).splitlines()
    read = [parsed(line) for line in lines]
    assert [c[0] for c in read] == ["error", "error", "warning", "warning", "notice", "notice"]
    kind, properties, message = read[2]
    assert kind == "warning"
    assert properties["file"] == "models/a b.py"
    assert properties["line"] == "3"
    assert properties["title"] == "PPC402 feature not reproduced: schools"
    assert message.startswith(NASTY)


def parsed(line: str) -> tuple[str, dict[str, str], str]:
    """Read a workflow command as the runner of GitHub Actions does."""
    head, message = re.fullmatch(r"::(\S+ .*?)::(.*)", line, re.S).groups()  # type: ignore[union-attr]
    kind, _, listed = head.partition(" ")
    properties = dict(item.split("=", 1) for item in listed.split(","))

    def unescape(text: str) -> str:
        for code, sign in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
            text = text.replace(code, sign)
        return text

    return kind, {k: unescape(v) for k, v in properties.items()}, unescape(message)


@pytest.mark.parametrize("n", [10, 11, 40])
def test_annotations_say_how_many_they_leave_out(n: int) -> None:
    many = result([finding("PPC402", Verdict.WARN, where=str(i)) for i in range(n)])
    lines = machine.commands([many]).splitlines()
    assert len(lines) == github.MOST == 10
    left = 0 if n == 10 else n - 9
    assert ("more" in lines[-1]) == bool(left)
    assert not left or parsed(lines[-1])[2].startswith(f"{left} more")


def rendered(results: list[dict[str, Any]], **options: Any) -> str:
    return str(
        MarkdownIt("gfm-like").disable("linkify").render(machine.summary(results, **options))
    )


def test_the_summary_is_a_table_with_failures_first(one: dict[str, Any]) -> None:
    html = rendered([one])
    rows = [re.findall(r"<td>(.*?)</td>", row, re.S) for row in html.split("<tr>")[1:]]
    codes = [row[1].split()[0] for row in rows if row]
    assert codes[:5] == ["RUN001", "SMP301", "PPC402", "SEN503", "PPC403"]
    assert sorted(codes) == sorted(f.code for f in ALL)
    assert all(len(row) == 6 for row in rows if row)


def test_the_summary_takes_nothing_for_markup(one: dict[str, Any]) -> None:
    html = rendered([one])
    assert "<script>" not in html
    assert "<em>" not in html
    assert "<a " not in html
    assert "a|b &lt;script&gt; &amp; &quot;q&quot; `c` *d* _e_ [f](g) 100% :: x,y next" in html


def test_the_summary_puts_the_worst_spec_first(one: dict[str, Any]) -> None:
    good = result([finding("SMP302", Verdict.PASS)])
    good["spec"] = {**good["spec"], "name": "good"}
    text = machine.summary([good, one])
    assert text.index("schools") < text.index("good")


@pytest.mark.parametrize("most", [200, 3_000, 100_000, markdown.MOST_BYTES])
def test_the_summary_keeps_to_its_room(most: int) -> None:
    many = [
        *(finding("PPC402", Verdict.PASS, where=str(i), message="é" * 300) for i in range(3000)),
        *(finding("PPC403", Verdict.FAIL, where=str(i), message="ß" * 300) for i in range(3000)),
    ]
    text = machine.summary([result(many)], most=most)
    assert len(text.encode()) < most
    assert "schools" in text
    assert most < 100_000 or "❌" in text
    assert "no room" in text


@pytest.mark.parametrize("view", [machine.json_text, machine.junit, machine.sarif])
def test_the_same_result_gives_the_same_bytes(view: Any, one: dict[str, Any]) -> None:
    assert view([one]) == view([json.loads(json.dumps(one))])
    assert view([one, one]) == view([json.loads(json.dumps(one))] * 2)


def test_one_result_is_an_object_and_several_a_list(one: dict[str, Any]) -> None:
    assert json.loads(machine.json_text([one])) == json.loads(json.dumps(one))
    assert len(json.loads(machine.json_text([one, one]))) == 2
