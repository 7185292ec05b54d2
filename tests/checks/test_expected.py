"""Expected failures: set apart until their day has passed, and noticed when they are over."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from poolwise.checks import ExpectedFailure, Finding, Tier, Verdict, expect_failures
from poolwise.checks.conclusion import conclude

TODAY = date(2026, 11, 22)


def finding(verdict: Verdict, **details: Any) -> Finding:
    base = {"code": "PPC401", "name": "misfit", "stage": "posterior predictive", "where": "y"}
    return Finding(**{"verdict": verdict, "message": "p is 0.001", **base, **details})


def known(**details: Any) -> ExpectedFailure:
    base = {"code": "PPC401", "reason": "zeros are counted elsewhere", "until": "2027-03-01"}
    return ExpectedFailure(**{**base, **details})


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.WARN, Verdict.INCONCLUSIVE])
def test_an_expected_failure_is_set_apart_with_reason_and_day(verdict: Verdict) -> None:
    (found,) = expect_failures([finding(verdict)], [known()], TODAY)
    assert found.verdict is Verdict.EXPECTED
    assert found.found is verdict
    assert found.message == ("Expected until 2027-03-01 (zeros are counted elsewhere): p is 0.001")


def test_it_holds_on_its_last_day_and_not_after() -> None:
    last = known(until="2026-11-22")
    assert expect_failures([finding(Verdict.FAIL)], [last], TODAY)[0].verdict is Verdict.EXPECTED
    (after,) = expect_failures([finding(Verdict.FAIL)], [last], date(2026, 11, 23))
    assert after.verdict is Verdict.FAIL
    assert "until 2026-11-22" in after.message
    assert "that day has passed" in after.message
    assert after.expected


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.NOTE])
def test_one_that_does_not_happen_is_a_note_that_asks_to_remove_it(verdict: Verdict) -> None:
    kept, note = expect_failures([finding(verdict)], [known()], TODAY)
    assert kept.verdict is verdict
    assert (note.verdict, note.code) == (Verdict.NOTE, "PPC401")
    assert "remove the expected failure" in note.message


@pytest.mark.parametrize(
    "found",
    [
        finding(Verdict.SKIPPED),
        finding(Verdict.INCONCLUSIVE, untrusted="SMP301"),
        finding(Verdict.ERROR),
    ],
)
def test_what_was_not_judged_is_left_alone(found: Finding) -> None:
    assert expect_failures([found], [known()], TODAY) == [found]


def test_a_check_that_was_not_asked_says_nothing() -> None:
    assert expect_failures([], [known()], TODAY) == []


def test_another_place_is_not_covered() -> None:
    other = finding(Verdict.FAIL, where="z")
    failed, note = expect_failures([other], [known(where="y")], TODAY)
    assert failed == other
    assert "for y" in note.message


def test_a_variable_covers_its_elements() -> None:
    first, second = finding(Verdict.FAIL, where="theta[A]"), finding(Verdict.FAIL, where="thetas")
    found = expect_failures([first, second], [known(where="theta")], TODAY)
    assert [f.verdict for f in found] == [Verdict.EXPECTED, Verdict.FAIL]


def test_one_of_two_that_holds_is_enough() -> None:
    old, new = known(until="2020-01-01"), known()
    assert expect_failures([finding(Verdict.FAIL)], [old, new], TODAY)[0].verdict is (
        Verdict.EXPECTED
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"code": "PPC"}, "names one check"),
        ({"code": "ppc401"}, "names one check"),
        ({"reason": " "}, "has no reason"),
        ({"until": "soon"}, "until a day"),
        ({"where": 3}, "where of an expected failure is a text"),
        ({"until": None}, "until a day"),
    ],
)
def test_nonsense_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        known(**wrong)


def test_days_may_be_dates() -> None:
    for day in (date(2027, 3, 1), datetime(2027, 3, 1, 12, 0)):
        assert known(until=day) == known()


def test_plain_data_and_back() -> None:
    assert ExpectedFailure.from_dict(known(where="y").as_dict()) == known(where="y")
    (found,) = expect_failures([finding(Verdict.FAIL)], [known()], TODAY)
    assert Finding.from_dict(found.as_dict()) == found


def sampled(verdict: Verdict, message: str = "R-hat is 1.2") -> Finding:
    return finding(verdict, code="SMP301", name="chains_disagree", stage="fit", message=message)


def test_an_expected_failure_is_neither_a_pass_nor_a_failure() -> None:
    findings = expect_failures([sampled(Verdict.PASS), finding(Verdict.FAIL)], [known()], TODAY)
    summed = conclude(findings)
    assert summed.counts["expected"] == 1
    assert (summed.counts["pass"], summed.counts["fail"]) == (1, 0)
    assert summed.verdict is Verdict.EXPECTED
    assert summed.headline == "Usable, with 1 expected failure"
    assert (summed.exit_code(), summed.exit_code("warn")) == (0, 0)
    # It is true all the same.
    assert "does not reproduce the data" in summed.sentence


def test_a_sampler_that_fails_as_expected_is_not_believed() -> None:
    expected = [known(code="SMP301")]
    findings = expect_failures([sampled(Verdict.FAIL)], expected, TODAY)
    unjudged = replace(finding(Verdict.INCONCLUSIVE), untrusted="SMP301")
    summed = conclude([*findings, unjudged])
    assert summed.headline == "Not to be believed: the sampler fails, as was expected"
    assert "nothing after it is judged" in summed.sentence
    assert "converged" not in summed.sentence
    assert (summed.exit_code(), summed.exit_code("warn")) == (0, 1)


@pytest.mark.parametrize("tier", [Tier.LINT, Tier.PRIOR])
@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.WARN, Verdict.INCONCLUSIVE])
def test_a_lower_tier_never_calls_a_model_usable(tier: Tier, verdict: Verdict) -> None:
    summed = conclude([finding(verdict, code="PRI201")], tier)
    assert "sable" not in summed.headline
    assert summed.headline.endswith(f"so far; {tier.left_out}")
    assert "is not known" in summed.sentence


def test_a_failure_is_one_at_every_tier() -> None:
    summed = conclude([finding(Verdict.FAIL, code="PRI201")], Tier.PRIOR)
    assert summed.headline == "Not usable as it stands: 1 check failed"
    assert summed.exit_code() == 1


def test_nothing_judged_is_never_a_pass() -> None:
    for tier in Tier:
        summed = conclude([finding(Verdict.SKIPPED)], tier)
        assert summed.headline == "Nothing could be judged"
        assert summed.verdict is Verdict.INCONCLUSIVE
