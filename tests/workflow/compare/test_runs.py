"""Real runs: written in every format, read back by others, compared."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import xarray as xr
from click.testing import CliRunner, Result
from junitparser import JUnitXml

from poolwise import Level
from poolwise.workflow.cli import main
from poolwise.workflow.comparing.baseline import baseline_of, load_baseline
from poolwise.workflow.comparing.compare import compare
from poolwise.workflow.errors import SpecError
from poolwise.workflow.fitted.review import review_fit
from poolwise.workflow.review import Review
from poolwise.workflow.runs.record import as_json, load_run

pytestmark = pytest.mark.slow

Run = Callable[..., Review]

SARIF = Path(__file__).parents[2] / "data" / "sarif" / "sarif-2.1.0-rtm.5.json"
HALF_NORMAL = ('pm.HalfNormal("tau", 5)', 'pm.HalfNormal("tau", 0.5)')


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)


def poolwise(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def errors(content: Any, name: str) -> list[str]:
    text = resources.files("poolwise.reports").joinpath(f"schema/{name}.schema.json").read_text()
    schema = json.loads(text)
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    return [f"{list(e.absolute_path)}: {e.message}" for e in validator.iter_errors(content)]


def test_the_record_follows_the_published_schema(base: Path) -> None:
    record = json.loads((base / "run.json").read_text())
    assert errors(record, "run") == []
    del record["seed"]
    record["findings"][0]["verdict"] = "fine"
    assert len(errors(record, "run")) == 2


def test_the_record_holds_what_the_report_shows(base: Path) -> None:
    record = json.loads((base / "run.json").read_text())
    found = record["sensitivity"]
    assert set(found["why_not"]) == {"few_groups"}, "six sites are no few groups"
    keys = {a["key"] for a in found["alternatives"]}
    assert keys == {c["alternative"] for c in found["sweep"]}
    by_source = {a["source"]: a for a in found["alternatives"]}
    assert by_source["umbrella"]["pareto_k"] < 0.7
    assert all(a["effective_draws"] > 0 and a["converged"] for a in found["alternatives"])
    assert any(a["means"] for a in found["alternatives"])
    assert found["data_needed"]["site"]["groups"] == 6
    (level,) = record["regularization"].values()
    assert {(c["left_out"], c["compared_with"]) for c in level["poolings"]["contrasts"]} == {
        ("row", "complete"),
        ("group", "complete"),
    }, "without its only row a site that is not pooled has no estimate"
    for own, row in zip((1, 9, 4, -2, 5, 12), level["poolings"]["estimates"], strict=True):
        assert abs(row["no"]["mean"] - own) < 4 * row["no"]["mcse"], row["group"]


def test_records_of_older_runs_are_read(base: Path) -> None:
    record = json.loads((base / "run.json").read_text())
    record["sensitivity"] = {
        "sweep": [
            {k: v for k, v in c.items() if k not in ("alternative", "kind", "mean_mcse")}
            for c in record["sensitivity"]["sweep"]
        ]
    }
    for level in record["regularization"].values():
        del level["poolings"], level["why_no_poolings"]
    assert errors(record, "run") == []
    Path("old").mkdir()
    Path("old/run.json").write_text(json.dumps(record))
    shutil.copy(base / "run.nc", "old/run.nc")
    done = poolwise("compare", "old", base)
    assert done.exit_code == 0, done.output
    assert load_baseline("old") == load_baseline(base)
    assert as_json(load_run("old")) == as_json(load_run(base))


def test_every_key_of_the_record_is_described(base: Path) -> None:
    text = resources.files("poolwise.reports").joinpath("schema/run.schema.json").read_text()
    schema = json.loads(text)
    described = set(schema["properties"]) | set(schema["then"]["properties"])
    assert set(json.loads((base / "run.json").read_text())) <= described


def test_every_format_at_once(run: Run, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = Path("summary.md")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    done = poolwise("report", base, "--format", "html,json,junit,sarif,github,markdown")
    assert done.exit_code == run("base").exit_code(), done.output
    assert all(line.startswith("::") for line in done.stdout.splitlines())
    assert done.stderr.splitlines()[-1] == str(base / "report.html")
    read = JUnitXml.fromfile(str(base / "run.junit.xml"))
    assert read.tests > 20
    log = json.loads((base / "run.sarif").read_text())
    jsonschema.Draft4Validator(json.loads(SARIF.read_text())).validate(log)
    assert summary.read_text() == (base / "run.md").read_text()
    poolwise("report", base, "--format", "github")
    assert summary.read_text() == 2 * (base / "run.md").read_text(), "a step may write twice"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("json", "run.json"),
        ("junit", "run.junit.xml"),
        ("sarif", "run.sarif"),
        ("markdown", "run.md"),
    ],
)
def test_one_format_is_printed_and_always_the_same(base: Path, name: str, file: str) -> None:
    before = (base / "run.json").read_bytes()
    printed = poolwise("report", base, "--format", name).stdout_bytes
    assert printed == (base / file).read_bytes()
    assert printed == poolwise("report", base, "--format", f"html,{name}").stdout_bytes
    assert (base / "run.json").read_bytes() == before, "judging again says the same"


def test_github_actions_is_noticed(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    done = poolwise("report", base)
    assert done.stdout.splitlines()[-1] == str(base / "report.html")
    assert "::" not in done.stdout
    assert any(line.startswith("::") for line in done.stderr.splitlines())
    assert "sites" in Path("summary.md").read_text()


def test_an_unknown_format_is_refused(base: Path) -> None:
    done = poolwise("report", base, "--format", "json,yaml")
    assert done.exit_code == 2
    assert "yaml is none of html, json" in done.stderr


def test_a_record_that_is_not_whole_is_refused(base: Path) -> None:
    shutil.copytree(base, "run")
    record = json.loads((base / "run.json").read_text())
    del record["declared"]
    Path("run/run.json").write_text(json.dumps(record))
    for command in (("report", "run"), ("baseline", "run"), ("compare", "run", base)):
        done = poolwise(*command)
        assert done.exit_code == 2
        assert "not whole" in done.stderr


def test_the_specs_that_can_be_reviewed_are_and_the_other_is_an_error(base: Path) -> None:
    text = (base.parent / "models.py").read_text()
    Path("models.py").write_text(
        f"{text}\n@poolwise.spec\ndef broken():\n    raise ValueError('no data today')\n"
    )
    small = ("--tier", "prior", "-q", "-o", "runs")
    done = poolwise("review", "models.py", "--format", "json", *small)
    assert done.exit_code == 2
    results = {r["spec"]["name"]: r for r in json.loads(done.stdout)}
    assert results["sites"]["kind"] == "review"
    assert errors(results["broken"], "run") == []
    assert results["broken"]["kind"] == "stopped"
    assert results["broken"]["verdict"] == "error"
    assert "no data today" in results["broken"]["findings"][0]["message"]
    again = poolwise("review", "models.py", "--format", "junit", *small)
    read = JUnitXml.fromstring(again.stdout_bytes)
    assert read.errors == 1


def test_a_lint_has_every_format(base: Path) -> None:
    spec = base.parent / "models.py"
    result = json.loads(poolwise("lint", spec, "--format", "json").stdout)
    assert errors(result, "run") == []
    assert result["kind"] == "lint"
    done = poolwise("lint", spec, "--format", "json,sarif,junit,markdown", "--output", "out")
    assert done.exit_code == 0
    assert {f.name for f in Path("out").iterdir()} == {
        "lint.json",
        "lint.sarif",
        "lint.junit.xml",
        "lint.md",
    }
    jsonschema.Draft4Validator(json.loads(SARIF.read_text())).validate(
        json.loads(Path("out/lint.sarif").read_text())
    )
    refused = poolwise("lint", spec, "--format", "json,sarif")
    assert refused.exit_code == 2
    assert "--output" in refused.stderr


def test_a_baseline_is_small_valid_and_compares_as_its_run(base: Path) -> None:
    done = poolwise("baseline", base)
    assert done.stdout == "sites.baseline.json\n"
    file = Path("sites.baseline.json")
    assert file.stat().st_size < 50_000
    assert errors(json.loads(file.read_text()), "baseline") == []
    assert load_baseline(file) == load_baseline(base)
    assert compare(file, base).empty
    before = file.read_bytes()
    poolwise("baseline", base)
    assert file.read_bytes() == before


def test_nothing_changed_gives_an_empty_comparison(run: Run, base: Path) -> None:
    again = run("again")
    found = compare(base, again.folder)
    assert found.empty, (found.headline, found.causes)
    done = poolwise("compare", base, again.folder, "--fail-on", "worse,moved,findings")
    assert done.exit_code == 0
    assert "Nothing changed" in done.stdout


def test_a_changed_hyperprior_is_the_cause_and_what_moved_is_listed(run: Run, base: Path) -> None:
    narrow = run("narrow", prior=HALF_NORMAL)
    found = compare(base, narrow.folder)
    assert found.cause == (
        "The cause is the spec: the prior of tau: HalfNormal(5) → HalfNormal(0.5)."
    )
    moved = [m.name for m in found.moves]
    assert {"tau", "site: mean weight", "site: pooling factor"} <= set(moved)
    done = poolwise("compare", base, narrow.folder, "--format", "html,markdown", "-o", "out")
    assert done.exit_code == 1
    assert done.stdout == Path("out/compare.md").read_text()
    for text in (done.stdout, Path("out/compare.html").read_text()):
        assert "HalfNormal(5) → HalfNormal(0.5)" in text
        assert "site: mean weight" in text
    assert poolwise("compare", base, narrow.folder, "--fail-on", "nothing").exit_code == 0


def test_another_seed_moves_nothing(run: Run, base: Path) -> None:
    found = compare(base, run("seed", seed=2).folder)
    assert [c.part for c in found.causes] == ["seed"]
    assert found.moves == []
    assert found.tests > 60


def test_another_datum_is_named(run: Run, base: Path) -> None:
    found = compare(base, run("datum", y=("12.0]", "40.0]")).folder)
    assert [c.said for c in found.causes] == ["the observed data y"]
    assert "site: effect of f" in [m.name for m in found.moves]


def test_a_comment_in_the_spec_is_not_a_change(run: Run, base: Path) -> None:
    end = "    return model"
    found = compare(base, run("comment", cached=base, end=(end, f"    # done\n{end}")).folder)
    assert found.empty


def test_a_run_without_posterior_compares_its_findings(base: Path) -> None:
    file = base.parent / "models.py"
    poolwise("review", file, "--tier", "lint", "-q", "-o", "lint", "--seed", 1)
    found = compare(base, "lint")
    assert any("holds no posterior" in said for said in found.remarks)
    assert found.went
    assert "the tier: full → lint" in [c.said for c in found.causes]


def test_fits_made_elsewhere_are_compared(run: Run) -> None:
    tree = run("base").data
    other = tree.copy(deep=True)
    other["posterior"]["mu"] = other["posterior"]["mu"] + 100
    levels = {"site": Level(effect="theta", location="mu", scale="tau")}
    for name, fit in (("one", tree), ("two", other)):
        groups = ("posterior", "observed_data", "sample_stats")
        given = xr.DataTree.from_dict({g: fit[g].to_dataset() for g in groups})
        review_fit(given, levels=levels, name="sites", output=name)
        record = json.loads(Path(name, "run.json").read_text())
        assert errors(record, "run") == []
    assert compare("one", "one").empty
    found = compare("one", "two")
    assert found.cause == "The cause is the data: the draws that were given."
    assert any("made elsewhere" in said for said in found.remarks)
    assert "mu" in [m.name for m in found.moves]
    assert poolwise("baseline", "one", "-o", "b.json").exit_code == 0
    assert errors(json.loads(Path("b.json").read_text()), "baseline") == []


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"kind": "baseline", "schema_version": 1}'])
def test_what_is_no_baseline_is_refused(base: Path, content: str) -> None:
    Path("bad.json").write_text(content)
    done = poolwise("compare", "bad.json", base)
    assert done.exit_code == 2, done.output
    assert "bad.json" in done.stderr


def test_what_is_not_there_is_refused(base: Path) -> None:
    with pytest.raises(SpecError, match="no run and no baseline"):
        compare("nowhere", base)


def test_a_baseline_holds_nothing_of_the_day(run: Run) -> None:
    result = as_json(run("base").record)
    later = {**result, "created": "2030-01-01T00:00:00Z", "duration_s": 1.0, "command": "x"}
    assert baseline_of(later) == baseline_of(result)
