"""Tiers and expected failures of real reviews, as far as the prior."""

from __future__ import annotations

import json
import re
import textwrap
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import poolwise
from poolwise.checks import Verdict
from poolwise.workflow.cli import main
from poolwise.workflow.errors import SpecError
from poolwise.workflow.review import Review
from poolwise.workflow.specs.loading import load_specs
from poolwise.workflow.stages.fit import Fit
from poolwise.workflow.stages.prior import PriorPredictive

TODAY = date(2026, 11, 22)
MODEL = """
import numpy as np
import pymc as pm
import poolwise
from poolwise import Expect, ExpectedFailure

Y = np.random.default_rng(1).normal(3, 1, 40)

@poolwise.spec({options})
def model():
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 5)
        pm.Normal("y", mu, pm.HalfNormal("sigma", {scale}), observed=Y)
    return model
"""
#: An expectation that the prior does not meet.
TOO_WIDE = "expect=[Expect(of='y', stat='max', between=(0, 1), prob=0.9, why='a share')]"
KNOWN = "expected_failures=[ExpectedFailure(code='PRI201', reason='why not', until='2027-03-01')]"


def write(folder: Path, options: str = "", scale: int = 2) -> Path:
    file = folder / "models.py"
    file.write_text(MODEL.format(options=options, scale=scale))
    return file


def review(file: Path, **options: Any) -> Review:
    (spec,) = load_specs(str(file))
    return poolwise.review(spec, output=file.parent / "run", **{"tier": "prior", **options})


def of(done: Review, code: str) -> list[tuple[str, str]]:
    return [(f.verdict.value, f.message) for f in done.findings if f.code == code]


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse to fit."""

    def refuse(*_: Any) -> None:
        raise AssertionError("a stage ran that the tier leaves out")

    monkeypatch.setattr(Fit, "run", refuse)


@pytest.mark.usefixtures("refused")
def test_tier_lint_simulates_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PriorPredictive, "run", Fit.run)
    done = review(write(tmp_path), tier="lint")
    assert done.verdict == "No fault so far; nothing was simulated or fitted"
    assert "is not known" in done.record.conclusion.sentence
    by_family: dict[str, Counter[Verdict]] = {}
    for f in done.findings:
        by_family.setdefault(f.code[:3], Counter())[f.verdict] += 1
    assert by_family["SPC"][Verdict.PASS] > 20
    for family in ("PRI", "SMP", "PPC", "SEN", "REG", "UNC"):
        assert set(by_family[family]) == {Verdict.SKIPPED}
    reasons = {f.message for f in done.findings if f.code.startswith("SMP")}
    assert reasons == {"tier lint: nothing was simulated or fitted; ask with --tier full"}
    assert {s.status for s in done.record.stages} == {"skipped"}
    assert "--tier lint" in done.record.command
    assert done.exit_code("warn") == 0


@pytest.mark.usefixtures("refused")
def test_tier_prior_judges_the_prior_and_nothing_else(tmp_path: Path) -> None:
    done = review(write(tmp_path, TOO_WIDE))
    assert of(done, "PRI201")[0][0] == "fail"
    for code in ("PRI202", "PRI203", "PRI204"):
        assert {v for v, _ in of(done, code)} <= {"pass", "note"}
    judged = {f.code[:3] for f in done.findings if f.verdict is not Verdict.SKIPPED}
    assert judged == {"PRI", "RUN"}
    assert done.exit_code() == 1
    record = json.loads((done.folder / "run.json").read_text())
    assert record["tier"] == "prior"
    assert "is not known" in record["not_known"]
    page = re.sub(r"<[^>]+>", " ", done.report.read_text())
    assert "tier prior" in page


@pytest.mark.usefixtures("refused")
def test_a_tier_is_kept_when_a_run_is_judged_again(tmp_path: Path) -> None:
    done = review(write(tmp_path, f"{TOO_WIDE}, {KNOWN}"), today=TODAY)
    again = poolwise.load_run(done.folder)
    assert again.tier == done.record.tier
    assert again.conclusion == done.record.conclusion
    assert [f.as_dict() for f in again.findings] == [f.as_dict() for f in done.findings]


def test_there_is_no_other_tier(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no tier 'quick'"):
        review(write(tmp_path), tier="quick")


@pytest.mark.usefixtures("refused")
def test_exit_codes_of_the_command_line(tmp_path: Path) -> None:
    folder = str(tmp_path / "run")
    for options, scale, words, code in (
        ("", 2, [], 0),
        ("", 500, [], 0),
        ("", 500, ["--fail-on", "warn"], 1),
        (TOO_WIDE, 2, [], 1),
        (TOO_WIDE, 2, ["--tier", "lint"], 0),
        (TOO_WIDE, 2, ["--ignore", "PRI201"], 0),
        (f"{TOO_WIDE}, {KNOWN.replace('2027', '2999')}", 2, ["--fail-on", "warn"], 0),
    ):
        file = write(tmp_path, options, scale)
        call = ["review", str(file), "-q", "-o", folder, "--tier", "prior", *words]
        result = CliRunner().invoke(main, call)
        assert result.exit_code == code, (options, scale, words, result.output)


def test_no_selection_hides_that_a_stage_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stops(*_: Any) -> None:
        raise ValueError("no good")

    monkeypatch.setattr(PriorPredictive, "run", stops)
    for options in ({"select": ["PRI"]}, {"ignore": ["RUN"]}):
        done = review(write(tmp_path), **options)
        assert of(done, "RUN001") == [("error", "prior predictive: ValueError: no good")]
        assert done.exit_code() == 2


@pytest.mark.usefixtures("refused")
def test_an_expected_failure_is_shown_and_fails_again_after_its_day(tmp_path: Path) -> None:
    file = write(tmp_path, f"{TOO_WIDE}, {KNOWN}")
    done = review(file, today=TODAY)
    ((verdict, message),) = of(done, "PRI201")
    assert verdict == "expected"
    assert message.startswith("Expected until 2027-03-01 (why not): max of y")
    assert done.exit_code("warn") == 0
    assert done.verdict == "1 expected failure so far; nothing was fitted"
    page = done.report.read_text()
    assert "1 expected failure" in page
    assert "Nothing: no check that was asked warned" in page
    assert "Ask the others with <code>--tier full</code>" in page
    assert "Expected until 2027-03-01 (why not)" in page
    assert re.search(r'id="i-expected"', page)
    late = review(file, today=date(2027, 3, 2))
    ((verdict, message),) = of(late, "PRI201")
    assert verdict == "fail"
    assert "that day has passed" in message
    assert late.exit_code() == 1


@pytest.mark.usefixtures("refused")
def test_one_that_does_not_happen_is_noted(tmp_path: Path) -> None:
    meets = TOO_WIDE.replace("(0, 1)", "(-99, 99)")
    done = review(write(tmp_path, f"{meets}, {KNOWN}"), today=TODAY)
    assert [verdict for verdict, _ in of(done, "PRI201")] == ["pass", "note"]
    assert "remove the expected failure" in of(done, "PRI201")[1][1]


@pytest.mark.usefixtures("refused")
def test_a_project_may_expect_failures_of_its_specs(tmp_path: Path) -> None:
    entry = """
    [[tool.poolwise.expected_failures]]
    spec = "{}"
    code = "SPC105"
    where = "sigma"
    reason = "from the protocol"
    until = 2027-03-01
    """
    file = write(tmp_path, scale=500)
    for name, verdict in (("model", "expected"), ("", "expected"), ("other", "warn")):
        (tmp_path / "pyproject.toml").write_text(textwrap.dedent(entry.format(name)))
        done = review(file, tier="lint", today=TODAY)
        assert [v for v, _ in of(done, "SPC105")] == [verdict]
    result = CliRunner().invoke(main, ["lint", str(file), "--fail-on", "warn"])
    assert result.exit_code == 1
    (tmp_path / "pyproject.toml").write_text(
        textwrap.dedent(entry.format("")).replace("2027", "2999")
    )
    result = CliRunner().invoke(main, ["lint", str(file), "--fail-on", "warn", "-v"])
    assert result.exit_code == 0
    assert "SPC105 Expected until 2999-03-01 (from the protocol)" in result.stdout
    assert "1 expected failure" in result.stderr


@pytest.mark.usefixtures("refused")
def test_what_a_project_ignores_is_not_asked(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.poolwise]\nignore = ["PRI201", "SMP", "SPC"]\n')
    done = review(write(tmp_path, TOO_WIDE))
    assert done.exit_code() == 0
    asked = {f.code for f in done.findings}
    assert "PRI202" in asked
    assert not any(code.startswith(("PRI201", "SMP", "SPC")) for code in asked)
    assert of(done, "RUN003") == [("pass", "No part of a stage that ran is missing")]
    again = poolwise.load_run(done.folder)
    assert {f.code for f in again.findings} == asked


def test_what_is_no_expected_failure_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, "expected_failures=[{'code': 'PPC401'}]")
    with pytest.raises(SpecError, match="is no expected failure"):
        review(file)
    result = CliRunner().invoke(main, ["lint", str(file)])
    assert result.exit_code == 2
    assert "is no expected failure" in result.output


@pytest.mark.parametrize(
    ("code", "said"), [("PPC499", "there is no check PPC499"), ("RUN001", "cannot be expected")]
)
def test_what_cannot_be_expected_is_refused_with_its_line(
    tmp_path: Path, code: str, said: str
) -> None:
    file = write(tmp_path, KNOWN.replace("PRI201", code))
    with pytest.raises(SpecError, match=said) as raised:
        review(file)
    line = raised.value.line
    assert line is not None
    assert code in file.read_text().splitlines()[line - 1]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("expected_failure = []", "has no option expected_failure"),
        ("expected_failures = 3", "it is no list of tables"),
        ("expected_failures = [3]", "expected_failures"),
        ('expected_failures = [{code = "PPC401"}]', "an entry missing 2 required"),
        (
            'expected_failures = [{code = "PPC401", reason = "r", until = "soon"}]',
            "until a day",
        ),
        (
            'expected_failures = [{code = "PPC401", reason = "r", until = 2027-03-01, on = 1}]',
            "unexpected keyword argument 'on'",
        ),
    ],
)
def test_settings_that_are_wrong_are_named(tmp_path: Path, table: str, said: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.poolwise]\n{table}\n")
    with pytest.raises(SpecError, match=said) as raised:
        review(write(tmp_path))
    assert raised.value.path == str(tmp_path / "pyproject.toml")
