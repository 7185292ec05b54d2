"""``pytest --poolwise``: what is collected, how each verdict ends, and what is never run."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pymc  # noqa: F401  # pytester forgets what is imported inside; PyMC must not load twice
import pytest
import xarray as xr
from junitparser import JUnitXml, Properties

from poolwise.checks import REGISTRY, Evidence, Finding, Verdict, selected
from poolwise.checks.conclusion import conclude
from poolwise.reports.record import ReviewRecord
from poolwise.workflow import pytest_plugin
from poolwise.workflow.errors import SpecError
from poolwise.workflow.review import Review

pytest_plugins = "pytester"

SPECS = """
    import numpy as np
    import pymc as pm
    import poolwise

    GROUP = np.repeat(np.arange(8), 10)
    Y = np.random.default_rng(1).normal(3, 1, 80) + np.linspace(-1, 1, 8)[GROUP]

    @poolwise.spec
    def schools():
        with pm.Model(coords={"group": range(8)}) as model:
            mu = pm.Normal("mu", 0, 5)
            tau = pm.HalfNormal("tau", 2)
            z = pm.Normal("z", 0, 1, dims="group")
            sigma = pm.HalfNormal("sigma", 2)
            pm.Normal("y", mu + tau * z[GROUP], sigma, observed=Y)
        return model
"""
FAULTY = SPECS.replace('pm.HalfNormal("tau", 2)', 'pm.InverseGamma("tau", 0.001, 0.001)')
CHECKS = [check.code for check in selected() if not check.code.startswith(("SPC", "CAL"))]

Found = dict[str, Sequence[Finding]]


def finding(code: str, verdict: Verdict, message: str = "", **details: Any) -> Finding:
    check = REGISTRY[code]
    return Finding(
        code=code,
        name=check.name,
        stage=check.stage,
        verdict=verdict,
        message=message or f"{code} was asked",
        **details,
    )


def review_of(spec: Any, folder: Path, found: Found) -> Review:
    findings = [
        f for code in CHECKS for f in found.get(code, [finding(code, Verdict.PASS, value=1.0)])
    ]
    record = ReviewRecord(
        name=spec.name,
        path="specs/models.py",
        line=spec.line,
        source="",
        created="2026-11-22T09:07:36Z",
        seconds=1.0,
        unit="",
        settings={},
        environment={},
        data={},
        stages=[],
        evidence=Evidence(xr.DataTree()),
        findings=findings,
        conclusion=conclude(findings),
        command="",
    )
    return Review(record, folder)


class Project:
    """A project whose reviews find what a test says: nothing is sampled."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester = pytester
        self.found: Found = {}
        self.raises: Exception | None = None
        self.asked: list[dict[str, Any]] = []
        monkeypatch.setattr("poolwise.workflow.review.review", self._review)
        # Other plugins would be imported anew for every run.
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        pytester.makeini("[pytest]\n")
        self.write(SPECS)

    def _review(self, spec: Any, **options: Any) -> Review:
        self.asked.append({"name": spec.name, **options})
        if self.raises is not None:
            raise self.raises
        return review_of(spec, options["output"], self.found)

    def write(self, text: str, name: str = "specs/models.py") -> None:
        file = self.pytester.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))

    def run(self, *options: str) -> pytest.RunResult:
        options = ("-p", "no:cacheprovider", *options)
        return self.pytester.runpytest(*options, plugins=[pytest_plugin])

    def specs(self, *options: str) -> pytest.RunResult:
        return self.run("--poolwise", "specs", *options)


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    return Project(pytester, monkeypatch)


def test_nothing_happens_unless_asked(project: Project) -> None:
    project.write("def test_one(): pass", "test_one.py")
    project.run().assert_outcomes(passed=1)
    assert project.asked == []


def test_one_item_per_check_with_readable_ids(project: Project) -> None:
    result = project.specs("--collect-only", "-q")
    ids = [line for line in result.outlines if "::" in line]
    assert ids[0] == "specs/models.py::schools::lint"
    assert ids[1:] == [f"specs/models.py::schools::{code}" for code in CHECKS]
    assert project.asked == []


def test_one_run_per_spec(project: Project) -> None:
    project.write(SPECS + SPECS.replace("schools", "others"))
    project.specs().assert_outcomes(passed=2 * (len(CHECKS) + 1))
    assert [a["name"] for a in project.asked] == ["schools", "others"]


def test_options_reach_the_review(project: Project) -> None:
    project.specs(
        *("--poolwise-tier", "prior", "--poolwise-draws", "200", "--poolwise-tune", "300"),
        *("--poolwise-chains", "2", "--poolwise-seed", "7", "--poolwise-output", "runs"),
        *("--poolwise-select", "SMP,PPC401", "--poolwise-ignore", "SMP305"),
    ).assert_outcomes(passed=5)
    (asked,) = project.asked
    assert asked["output"] == project.pytester.path / "runs" / "specs" / "models" / "schools"
    expected = {"tier": "prior", "draws": 200, "tune": 300, "chains": 2, "seed": 7}
    assert {k: asked[k] for k in expected} == expected
    assert (asked["select"], asked["ignore"]) == (["SMP", "PPC401"], ["SMP305"])


def test_a_failure_is_short_and_says_value_threshold_and_what_to_do(project: Project) -> None:
    bad = finding(
        "SMP301",
        Verdict.FAIL,
        "Largest R-hat is 1.23 (tau)",
        value=1.23,
        threshold=1.01,
        result="1.23",
        needs="<= 1.01",
        where="tau",
        line=12,
    )
    project.found = {"SMP301": [bad]}
    result = project.specs()
    result.assert_outcomes(passed=len(CHECKS), failed=1)
    result.stdout.fnmatch_lines(
        [
            "*___ schools SMP301 chains_disagree ___*",
            "SMP301 chains disagree: fail",
            "  found  Largest R-hat is 1.23 (tau)",
            "  value  1.23; needs <= 1.01",
            "  where  tau, specs/models.py:12",
            "  to do  *",
            "  report poolwise_runs/specs/models/schools/report.html",
            "FAILED specs/models.py::schools::SMP301*",
        ]
    )
    assert "Traceback" not in result.stdout.str()
    assert "specs.py" not in result.stdout.str()


def test_the_linter_is_one_item_and_samples_nothing(project: Project) -> None:
    project.write(FAULTY)
    result = project.specs("-k", "lint")
    result.assert_outcomes(failed=1, deselected=len(CHECKS))
    line = next(k for k, t in enumerate(textwrap.dedent(FAULTY).splitlines(), 1) if "Gamma" in t)
    result.stdout.fnmatch_lines([f"specs/models.py:{line}: SPC101 *"])
    assert project.asked == []


@pytest.mark.parametrize(
    ("verdict", "outcome", "strict"),
    [
        (Verdict.PASS, "passed", "passed"),
        (Verdict.NOTE, "passed", "passed"),
        (Verdict.WARN, "passed", "failed"),
        (Verdict.FAIL, "failed", "failed"),
        (Verdict.ERROR, "failed", "failed"),
        (Verdict.INCONCLUSIVE, "skipped", "failed"),
        (Verdict.SKIPPED, "skipped", "skipped"),
        (Verdict.EXPECTED, "xfailed", "xfailed"),
    ],
)
def test_each_verdict_ends_in_its_own_way(
    project: Project, verdict: Verdict, outcome: str, strict: str
) -> None:
    project.found = {"PPC401": [finding("PPC401", verdict, "because of this")]}
    for fail_on, ends in (("fail", outcome), ("warn", strict)):
        result = project.specs("-k", "PPC401", "-rsx", "--poolwise-fail-on", fail_on)
        result.assert_outcomes(**{ends: 1, "deselected": len(CHECKS)})
        if ends != "passed":
            assert "because of this" in result.stdout.str()


def test_a_pass_does_not_hide_what_is_undecided(project: Project) -> None:
    project.found = {
        "PPC401": [finding("PPC401", v) for v in (Verdict.PASS, Verdict.WARN, Verdict.INCONCLUSIVE)]
    }
    project.specs("-k", "PPC401").assert_outcomes(skipped=1, deselected=len(CHECKS))


def test_one_that_no_longer_fails_is_unexpectedly_passing(project: Project) -> None:
    note = finding("PPC401", Verdict.NOTE, "remove the expected failure", expected="until 2027")
    project.found = {"PPC401": [finding("PPC401", Verdict.PASS), note]}
    result = project.specs("-k", "PPC401", "-rX")
    result.assert_outcomes(xpassed=1, deselected=len(CHECKS))
    assert result.ret == 0
    result.stdout.fnmatch_lines(["XPASS specs/models.py::schools::PPC401*remove the expected*"])


def test_a_stage_that_stops_fails_every_check_that_needed_it(project: Project) -> None:
    message = "fit: LinAlgError: singular matrix"
    skipped = {c: [finding(c, Verdict.SKIPPED, message)] for c in CHECKS if c[:3] == "SMP"}
    project.found = {**skipped, "RUN001": [finding("RUN001", Verdict.ERROR, message)]}
    result = project.specs("-m", "poolwise_sampling")
    result.assert_outcomes(failed=len(skipped), deselected=len(CHECKS) + 1 - len(skipped))
    assert result.ret == 1
    result.stdout.fnmatch_lines([f"  found  {message}"])


def test_a_review_that_cannot_be_run_fails_with_its_message(project: Project) -> None:
    project.raises = SpecError("the data are empty", path="models.py", line=3, do="look")
    result = project.specs("-m", "poolwise_run or poolwise_prior")
    assert result.ret == 1
    assert "passed" not in result.parseoutcomes()
    result.stdout.fnmatch_lines(["models.py:3: the data are empty"])
    assert len(project.asked) == 1


def test_a_fault_of_poolwise_shows_its_traceback(project: Project) -> None:
    project.raises = ZeroDivisionError("not the user's")
    result = project.specs("-k", "SMP301")
    result.stdout.fnmatch_lines(["E*ZeroDivisionError: not the user's"])


@pytest.mark.parametrize(
    ("marker", "family"),
    [
        ("poolwise_prior", "PRI"),
        ("poolwise_sampling", "SMP"),
        ("poolwise_posterior", "PPC"),
        ("poolwise_sensitivity", "SEN"),
        ("poolwise_pooling", "REG"),
        ("poolwise_uncertainty", "UNC"),
        ("poolwise_run", "RUN"),
    ],
)
def test_stages_are_selected_by_marker(project: Project, marker: str, family: str) -> None:
    n = sum(code.startswith(family) for code in CHECKS)
    result = project.specs("-m", marker, "--strict-markers")
    result.assert_outcomes(passed=n, deselected=len(CHECKS) + 1 - n)


@pytest.mark.parametrize("word", ["SMP301", "chains_disagree", "schools and SMP301"])
def test_checks_are_selected_by_code_and_name(project: Project, word: str) -> None:
    project.specs("-k", word).assert_outcomes(passed=1, deselected=len(CHECKS))


def test_junit_holds_value_threshold_and_verdict(project: Project) -> None:
    warned = finding("SMP301", Verdict.WARN, value=1.02, mcse=0.001, threshold=1.01, where="tau")
    project.found = {"SMP301": [finding("SMP301", Verdict.PASS, value=1.0), warned]}
    project.specs("-k", "SMP301", "--junitxml", "junit.xml")
    (suite,) = JUnitXml.fromfile(str(project.pytester.path / "junit.xml"))
    (case,) = suite
    assert (case.classname, case.name) == ("specs.models.schools", "SMP301")
    properties = case.child(Properties)  # type: ignore[no-untyped-call]
    found = {p.name: p.value for p in properties}
    assert found == {
        "verdict": "warn",
        "value": "1.02",
        "mcse": "0.001",
        "threshold": "1.01",
        "target": "tau",
        "check": "chains_disagree",
    }


def test_warnings_and_the_report_are_summed_up_at_the_end(project: Project) -> None:
    project.found = {"REG601": [finding("REG601", Verdict.WARN, "the prior set the pooling")]}
    project.specs().stdout.fnmatch_lines(
        [
            "*= poolwise =*",
            "specs/models.py::schools: Usable, with 1 warning",
            "  warning REG601: the prior set the pooling",
            "  report: poolwise_runs/specs/models/schools/report.html",
        ]
    )


def test_a_name_with_dots_is_shown_whole(project: Project) -> None:
    project.write(SPECS.replace("@poolwise.spec", '@poolwise.spec(name="schools v1.2")'))
    project.found = {"SMP301": [finding("SMP301", Verdict.FAIL)]}
    result = project.specs("-k", "SMP301")
    result.stdout.fnmatch_lines(["*___ schools v1_2 SMP301 chains_disagree ___*"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import poolwise\n1 / 0\n@poolwise.spec\ndef f(): pass", "*models.py:2: fails on import*"),
        ("import poolwise\n@poolwise.spec\ndef f(: pass", "*models.py:3: does not parse*"),
        (
            "import poolwise, pandaz\n@poolwise.spec\ndef f(): pass",
            "*models.py:1: imports pandaz, which is not installed",
        ),
    ],
)
def test_a_file_that_cannot_be_loaded_is_a_collection_error(
    project: Project, text: str, said: str
) -> None:
    project.write(text)
    result = project.specs()
    result.assert_outcomes(errors=1)
    assert result.ret == 2
    result.stdout.fnmatch_lines([said])
    assert "loading.py" not in result.stdout.str()


def test_a_code_that_does_not_exist_is_a_collection_error(project: Project) -> None:
    result = project.specs("--poolwise-select", "SMP999")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*no check has a code starting with 'SMP999'*"])


def test_a_named_file_is_not_collected_as_a_test_module_too(project: Project) -> None:
    result = project.run("--poolwise", "specs/models.py")
    result.assert_outcomes(passed=len(CHECKS) + 1)
    one = project.run("--poolwise", "specs/models.py::schools::SMP301")
    one.assert_outcomes(passed=1)


def test_files_without_specs_are_left_alone(project: Project) -> None:
    project.write("raise SystemExit('must not be imported')", "specs/helpers.py")
    project.write("def build(data) -> 'pm.Model': ...\n1 / 0", "specs/library.py")
    project.write("def test_one(): pass", "specs/test_one.py")
    project.specs().assert_outcomes(passed=len(CHECKS) + 2)


def test_a_test_file_may_hold_specs(project: Project) -> None:
    project.write(SPECS + "\n    def test_one(): pass\n", "tests/test_models.py")
    project.run("--poolwise", "tests").assert_outcomes(passed=len(CHECKS) + 2)


def test_specs_of_the_ini_file_are_collected(project: Project) -> None:
    project.pytester.makeini("[pytest]\npoolwise_specs = specs\ntestpaths = tests\n")
    project.write("def test_one(): pass", "tests/test_one.py")
    project.write(SPECS, "elsewhere/models.py")
    project.run().assert_outcomes(passed=len(CHECKS) + 2)
    project.run("tests").assert_outcomes(passed=1)
    project.run("elsewhere").assert_outcomes()


def test_a_bare_run_visits_specs_once(project: Project) -> None:
    project.pytester.makeini("[pytest]\npoolwise_specs = specs\n")
    project.run().assert_outcomes(passed=len(CHECKS) + 1)


def test_ini_paths_have_to_exist(project: Project) -> None:
    project.pytester.makeini("[pytest]\npoolwise_specs = spex\n")
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*poolwise_specs: there is no *spex*"])


def test_warnings_of_other_libraries_are_not_errors(project: Project) -> None:
    project.pytester.makeini("[pytest]\nfilterwarnings = error\n")
    project.write(SPECS + "\n    import warnings\n    warnings.warn('old', DeprecationWarning)\n")
    project.specs().assert_outcomes(passed=len(CHECKS) + 1, warnings=1)


def test_what_a_spec_or_its_project_ignores_is_not_collected(project: Project) -> None:
    (project.pytester.path / "pyproject.toml").write_text('[tool.poolwise]\nignore = ["SMP"]\n')
    project.write(SPECS.replace("@poolwise.spec", '@poolwise.spec(ignore=["PPC", "SPC"])'))
    left = [code for code in CHECKS if code[:3] not in ("SMP", "PPC")]
    project.specs().assert_outcomes(passed=len(left))


def test_settings_that_cannot_be_read_are_a_collection_error(project: Project) -> None:
    (project.pytester.path / "pyproject.toml").write_text("[tool.poolwise]\nignored = []\n")
    result = project.specs()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*pyproject.toml: [[]tool.poolwise] has no option ignored"])


def test_specs_without_python_are_collected(project: Project) -> None:
    project.write("rows = 3", "specs/settings.toml")
    project.write(
        """
        data = "rows.csv"
        formula = "y ~ 1 + (1|g)"
        """,
        "specs/growth.toml",
    )
    result = project.specs("-k", "growth and SMP301", "-v")
    result.stdout.fnmatch_lines(["specs/growth.toml::growth::SMP301 PASSED*"])


def test_a_fit_that_was_made_elsewhere_has_nothing_to_lint(project: Project) -> None:
    project.write('fit = "elsewhere.nc"', "specs/elsewhere.toml")
    result = project.specs("-k", "elsewhere and (lint or SMP301)", "-rs")
    result.assert_outcomes(passed=1, skipped=1, deselected=2 * len(CHECKS))
    result.stdout.fnmatch_lines(["SKIPPED*specs/elsewhere.toml:*fitted elsewhere"])


def test_several_workers_must_not_share_a_spec(project: Project) -> None:
    result = project.specs("-p", "xdist", "-n", "2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*add --dist loadfile*"])


def test_the_fixture_reviews_once_per_session(project: Project) -> None:
    project.write(
        """
        from poolwise.testing import assert_review

        def test_one(review):
            assert review("specs/models.py::schools", draws=200).verdict == "Usable"

        def test_two(review):
            assert_review(review("specs/models.py", draws=200))

        def test_three(review):
            review("specs/models.py", draws=300)
        """,
        "test_models.py",
    )
    project.run("--poolwise-seed", "4").assert_outcomes(passed=3)
    assert [(a["draws"], a["seed"]) for a in project.asked] == [(200, 4), (300, 4)]
    folders = [a["output"].name for a in project.asked]
    assert folders == ["schools-draws-200", "schools-draws-300"]


def test_the_fixture_and_the_checks_share_the_usual_run(project: Project) -> None:
    project.write(
        """
        def test_one(review):
            review("specs/models.py::schools", tier="prior")
            review("specs/models.py::schools", tier="lint")
        """,
        "test_models.py",
    )
    result = project.run("--poolwise", "specs", "test_models.py", "--poolwise-tier", "prior")
    result.assert_outcomes(passed=len(CHECKS) + 2)
    folders = [(a["tier"], a["output"].name) for a in project.asked]
    assert folders == [("prior", "schools"), ("lint", "schools-tier-lint")]


@pytest.fixture
def reviewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Found], None]:
    def find(found: Found) -> None:
        monkeypatch.setattr(
            "poolwise.workflow.review.review",
            lambda spec, **options: review_of(spec, tmp_path, found),
        )

    return find


def test_assert_review_fails_readably(reviewed: Any, tmp_path: Path) -> None:
    from poolwise.testing import assert_review

    file = tmp_path / "models.py"
    file.write_text(textwrap.dedent(SPECS))
    bad = finding("SMP301", Verdict.FAIL, "R-hat is 1.2", value=1.2, threshold=1.01, line=12)
    reviewed({"SMP301": [bad], "REG601": [finding("REG601", Verdict.WARN, "by the prior")]})
    with pytest.raises(AssertionError) as raised:
        assert_review(str(file))
    text = str(raised.value)
    assert text.startswith("schools: Not to be believed: the sampler failed\n\nSMP301 chains")
    for said in ("found  R-hat is 1.2", "value  1.2; threshold 1.01", "specs/models.py:12"):
        assert said in text
    assert text.endswith(f"report: {tmp_path / 'report.html'}")
    assert "REG601" not in text
    with pytest.raises(AssertionError, match=r"REG601 .*: warn"):
        assert_review(str(file), fail_on="warn")


def test_assert_review_returns_the_review(reviewed: Any, tmp_path: Path) -> None:
    from poolwise.testing import assert_review

    file = tmp_path / "models.py"
    file.write_text(textwrap.dedent(SPECS + SPECS.replace("schools", "others")))
    reviewed({})
    done = assert_review(f"{file}::others", fail_on="warn")
    assert done.record.name == "others"
    assert assert_review(done) is done
    with pytest.raises(TypeError, match="takes no draws"):
        assert_review(done, draws=200)
    with pytest.raises(SpecError, match="holds 2 specs"):
        assert_review(str(file))
    with pytest.raises(ValueError, match="fail_on"):
        assert_review(done, fail_on="error")
