"""Evidence, prerequisites, selection and what a review concludes."""

from __future__ import annotations

import json

import pytest
import xarray as xr

from poolwise.checks import Evidence, Finding, Missing, Verdict, examples, run_checks, selected
from poolwise.checks.check import check
from poolwise.checks.conclusion import conclude
from poolwise.checks.expect import Expect, meet
from poolwise.checks.words import counted, listed, number


def test_missing_evidence_keeps_its_reason() -> None:
    evidence = Evidence(xr.DataTree(), reasons={"prior": "mu has a flat prior"})
    with pytest.raises(Missing, match="flat prior"):
        evidence.get("prior")
    found = run_checks(evidence, select=["PRI206"])
    assert found[0].verdict is Verdict.SKIPPED
    assert not evidence.has("posterior")
    assert evidence.why_missing("posterior") == "no posterior draws"


def test_facts_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from poolwise.checks import evidence as module

    calls = []

    def counted_fact(posterior: xr.Dataset) -> int:
        calls.append(1)
        return len(posterior)

    monkeypatch.setitem(module._FACTS, "counted_fact", counted_fact)
    evidence = examples.eight_schools()
    assert evidence.get("counted_fact") == evidence.get("counted_fact")
    assert len(calls) == 1


def test_failed_sampling_silences_what_rests_on_it() -> None:
    findings = run_checks(examples.eight_schools(stuck_chain=30.0))
    assert any(f.code == "SMP301" and f.verdict is Verdict.FAIL for f in findings)
    after = [f for f in findings if f.code[:3] in ("PPC", "SEN", "REG", "UNC")]
    after = [f for f in after if f.code != "REG605"]  # looks at the prior only
    assert {f.verdict for f in after} <= {Verdict.INCONCLUSIVE, Verdict.SKIPPED}
    assert all("SMP301" in f.untrusted for f in after if f.verdict is Verdict.INCONCLUSIVE)
    before = [f for f in findings if f.code.startswith("PRI")]
    assert before
    assert not any(f.untrusted for f in before)


def test_prerequisites_run_even_when_not_selected() -> None:
    findings = run_checks(examples.eight_schools(stuck_chain=30.0), select=["REG604"])
    assert {f.code for f in findings} == {"REG604"}
    assert findings[0].untrusted


def test_selection() -> None:
    assert {c.code[:3] for c in selected(["SMP", "PPC402"])} == {"SMP", "PPC"}
    assert "SMP301" not in {c.code for c in selected(ignore=["SMP301"])}
    with pytest.raises(ValueError, match="XYZ"):
        selected(["XYZ"])


def test_codes_are_unique_and_well_formed() -> None:
    with pytest.raises(ValueError, match="is already"):
        check("SMP301")(lambda: Finding(verdict=Verdict.PASS, message="x"))
    with pytest.raises(ValueError, match="known family"):
        check("ZZZ1")(lambda: Finding(verdict=Verdict.PASS, message="x"))


def test_findings_survive_json() -> None:
    for finding in run_checks(examples.eight_schools(sweep_scales=(10.0,))):
        text = json.dumps(finding.as_dict(), allow_nan=False)
        assert Finding.from_dict(json.loads(text)) == finding


@pytest.mark.parametrize(
    ("verdicts", "headline", "code", "strict"),
    [
        (["pass", "pass"], "Usable", 0, 0),
        (["pass", "note"], "Usable", 0, 0),
        (["pass", "skipped"], "Usable", 0, 0),
        (["pass", "inconclusive"], "Usable, with 1 open question", 0, 1),
        (["pass", "warn", "warn"], "Usable, with 2 warnings", 0, 1),
        (["warn", "fail"], "Not usable as it stands: 1 check failed", 1, 1),
        (["fail", "error"], "Not finished", 2, 2),
        (["skipped"], "Nothing could be judged", 0, 0),
    ],
)
def test_conclusion(verdicts: list[str], headline: str, code: int, strict: int) -> None:
    findings = [
        Finding(verdict=Verdict(v), message="m", code="PPC402", where="y") for v in verdicts
    ]
    conclusion = conclude(findings)
    assert conclusion.headline == headline
    assert conclusion.exit_code() == code
    assert conclusion.exit_code("warn") == strict
    assert sum(conclusion.counts.values()) == len(verdicts)


def test_conclusion_speaks_of_the_prior_when_it_decides() -> None:
    sentence = conclude(run_checks(examples.eight_schools(sweep_scales=(25.0,)))).sentence
    assert "set mainly by the prior" in sentence
    sampled = conclude(run_checks(examples.eight_schools(stuck_chain=30.0)))
    assert sampled.headline.startswith("Not to be believed")
    assert "set mainly" not in sampled.sentence


def test_expectation_shares_are_binomial() -> None:
    import numpy as np
    from scipy import stats

    draws = np.arange(100.0)[:, None]
    met = meet(Expect(of="y", between=(0, 79.5)), draws)
    assert met.share == 0.8
    interval = stats.beta.ppf([0.005, 0.995], [80, 81], [21, 20])
    assert met.lower == pytest.approx(interval[0])
    assert met.upper == pytest.approx(interval[1])
    assert meet(Expect(of="y", between=(0, 1), stat="each"), np.full((10, 3), np.nan)).share == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"of": "y", "between": (2, 1)}, "not in order"),
        ({"of": "y", "between": (0, 1), "stat": "modus"}, "modus"),
        ({"of": "y", "between": (0, 1), "prob": 0.0}, "prob"),
    ],
)
def test_bad_expectations_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Expect(**options)  # type: ignore[arg-type]


def test_words() -> None:
    assert number(0.000123456) == "0.00012"
    assert number(1234567.0) == "1.2e+06"
    assert number(float("nan")) == "–"
    assert number(100.0, 3) == "100"
    assert counted(1, "check") == "1 check"
    assert counted(2, "check") == "2 checks"
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_rules_about_a_spec_are_asked_where_there_is_a_model() -> None:
    """A saved run holds none, whatever is selected; a linter does."""
    from poolwise.checks.spec import examples as specs

    for select in ([], ["SPC"], ["SPC101", "SMP"]):
        codes = {f.code for f in run_checks(examples.eight_schools(), select=select)}
        assert not [c for c in codes if c.startswith("SPC")]
    assert {f.code for f in run_checks(specs.grouped(), select=["SPC101"])} == {"SPC101"}
