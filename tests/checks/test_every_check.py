"""Every check proves itself on its own examples, and is documented."""

import inspect

import pytest

from poolwise.checks import REGISTRY, Check, Evidence, Verdict, run_checks
from poolwise.checks.check import Example
from poolwise.checks.finding import Finding

CASES = [
    pytest.param(check, verdict, make, id=f"{check.code}-{kind.replace(' ', '-')}-{i}")
    for check in REGISTRY.values()
    for i, (kind, verdict, make) in enumerate(check.examples)
]
SECTIONS = ("Asks", "Why it matters", "What to do", "Thresholds", "Source")


def verdicts(findings: list[Finding]) -> set[Verdict]:
    return {f.verdict for f in findings}


@pytest.mark.parametrize(("check", "verdict", "make"), CASES)
def test_example(check: Check, verdict: Verdict, make: Example) -> None:
    findings = check.run(make())
    if verdict is Verdict.PASS:
        assert verdicts(findings) == {Verdict.PASS}, findings
    else:
        assert verdict in verdicts(findings), findings
    for finding in findings:
        assert finding.message
        assert finding.code == check.code


@pytest.mark.parametrize("check", REGISTRY.values(), ids=REGISTRY)
def test_is_documented(check: Check) -> None:
    assert check.title.endswith(".")
    for heading in SECTIONS:
        assert check.section(heading), f"{check.code} says nothing under {heading}"
    doc = inspect.getdoc(check.question) or ""
    for name in check.thresholds:
        assert f"``{name}``" in doc, f"{check.code} does not document {name}"


@pytest.mark.parametrize("check", REGISTRY.values(), ids=REGISTRY)
def test_has_examples_of_every_kind(check: Check) -> None:
    kinds = {kind for kind, _, _ in check.examples}
    assert kinds == {"passes", "fails", "false alarm"}
    for kind, verdict, _ in check.examples:
        assert kind != "passes" or verdict is Verdict.PASS
        assert kind != "fails" or verdict not in (Verdict.PASS, Verdict.SKIPPED)


#: Checks of the family RUN ask about the run itself, which is always there.
NEEDING = {code: check for code, check in REGISTRY.items() if not code.startswith("RUN")}


@pytest.mark.parametrize("check", NEEDING.values(), ids=NEEDING)
def test_skips_with_a_reason_without_evidence(check: Check, nothing: Evidence) -> None:
    findings = check.run(nothing)
    assert verdicts(findings) == {Verdict.SKIPPED}
    assert all(f.message for f in findings)


def test_thresholds_can_be_overridden() -> None:
    from poolwise.checks import examples

    evidence = examples.eight_schools()
    strict = run_checks(
        evidence, thresholds={"SMP301": {"limit": 0.5, "unusable": 0.6}}, select=["SMP301"]
    )
    assert strict[0].verdict is Verdict.FAIL
    assert strict[0].threshold == 0.5
