"""``poolwise lint``: output, exit codes, comments and settings; and that nothing is sampled."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from poolwise.checks import Verdict
from poolwise.workflow.cli import main
from poolwise.workflow.errors import SpecError
from poolwise.workflow.lint import lint, static_evidence
from poolwise.workflow.specs.files import may_hold_specs
from poolwise.workflow.specs.loading import load_specs

HEAD = """
import numpy as np
import pymc as pm
import poolwise

GROUP = np.repeat(np.arange(8), 10)
Y = np.random.default_rng(1).normal(3, 1, 80) + np.linspace(-1, 1, 8)[GROUP]


"""

GOOD = '''
def schools() -> pm.Model:
    """Nothing to find."""
    with pm.Model(coords={"group": range(8)}) as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfNormal("tau", 2)
        z = pm.Normal("z", 0, 1, dims="group")
        sigma = pm.HalfNormal("sigma", 2)
        pm.Normal("y", mu + tau * z[GROUP], sigma, observed=Y)
    return model
'''
ERROR = GOOD.replace('pm.HalfNormal("tau", 2)', 'pm.InverseGamma("tau", 0.001, 0.001)')
WARNING = GOOD.replace('pm.HalfNormal("sigma", 2)', 'pm.HalfNormal("sigma", 500)')


def write(folder: Path, body: str, name: str = "models.py") -> Path:
    file = folder / name
    file.write_text(HEAD + textwrap.dedent(body))
    return file


def run(file: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["lint", str(file), *options])


def line_with(file: Path, text: str) -> int:
    lines = file.read_text().splitlines()
    return next(k for k, line in enumerate(lines, start=1) if text in line)


def test_a_clean_spec_prints_nothing_and_exits_with_0(tmp_path: Path) -> None:
    done = run(write(tmp_path, GOOD))
    assert done.stdout == ""
    assert done.stderr == "nothing found in 1 spec\n"
    assert done.exit_code == 0


def test_an_error_names_file_line_and_code_and_exits_with_1(tmp_path: Path) -> None:
    file = write(tmp_path, ERROR)
    done = run(file)
    line = line_with(file, "InverseGamma")
    assert done.stdout.startswith(f"{file}:{line}: SPC101 ")
    assert done.stdout.count("\n") == 1
    assert done.stderr == "1 error in 1 spec\n"
    assert done.exit_code == 1


def test_paths_are_relative_to_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(write(tmp_path, ERROR)).stdout.startswith("models.py:")


def test_warnings_fail_only_when_asked_to(tmp_path: Path) -> None:
    file = write(tmp_path, WARNING)
    assert run(file).exit_code == 0
    assert "SPC105" in run(file).stdout
    assert run(file, "--fail-on", "warn").exit_code == 1


def test_lines_are_sorted_and_have_one_form(tmp_path: Path) -> None:
    body = ERROR.replace('pm.Normal("mu", 0, 5)', 'pm.Flat("mu")').replace(
        'pm.HalfNormal("sigma", 2)', 'pm.HalfNormal("sigma", 500)'
    )
    lines = run(write(tmp_path, body)).stdout.splitlines()
    assert len(lines) == 3
    places = []
    for line in lines:
        found = re.fullmatch(r".+models\.py:(\d+): (SPC\d{3}) \S.*", line)
        assert found, line
        places.append((int(found[1]), found[2]))
    assert places == sorted(places)


def test_several_specs_and_one_of_them(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD + ERROR.replace("schools", "others"))
    assert run(file).stderr == "1 error in 2 specs\n"
    assert CliRunner().invoke(main, ["lint", f"{file}::schools"]).exit_code == 0


def test_select_and_ignore(tmp_path: Path) -> None:
    file = write(tmp_path, ERROR)
    assert run(file, "--ignore", "SPC101").exit_code == 0
    assert run(file, "--select", "SPC2,SPC3").stdout == ""
    assert run(file, "--select", "SPC1").exit_code == 1


def test_opt_in_rules_are_asked_by_code_only(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD)
    assert "SPC611" not in run(file, "--select", "SPC").stdout
    assert "SPC611" in run(file, "--select", "SPC611").stdout


def test_an_unknown_code_is_refused(tmp_path: Path) -> None:
    done = run(write(tmp_path, GOOD), "--select", "SPC999")
    assert done.exit_code == 2
    assert "SPC999" in done.stderr


def test_codes_that_are_no_rules_are_refused(tmp_path: Path) -> None:
    done = run(write(tmp_path, GOOD), "--select", "SMP")
    assert done.exit_code == 2
    assert "no rule" in done.stderr


def test_a_comment_silences_its_line_and_its_reason_is_shown(tmp_path: Path) -> None:
    comment = "  # poolwise: ignore[SPC101] copied from BUGS"
    body = ERROR.replace("0.001, 0.001)", "0.001, 0.001)" + comment)
    file = write(tmp_path, body)
    assert run(file).stdout == ""
    assert run(file).exit_code == 0
    assert "SPC101 ignored in the spec (copied from BUGS)" in run(file, "-v").stdout


def test_a_comment_on_any_line_of_a_call_counts(tmp_path: Path) -> None:
    call = 'pm.InverseGamma("tau", 0.001, 0.001)'
    body = ERROR.replace(
        call,
        """pm.InverseGamma(
            "tau",
            0.001,  # poolwise: ignore[SPC101, SPC105] copied from BUGS
            0.001,
        )""",
    )
    assert run(write(tmp_path, body)).stdout == ""


def test_a_comment_silences_no_other_line_and_no_other_code(tmp_path: Path) -> None:
    elsewhere = ERROR.replace('("mu", 0, 5)', '("mu", 0, 5)  # poolwise: ignore[SPC101] why')
    other = ERROR.replace("0.001, 0.001)", "0.001, 0.001)  # poolwise: ignore[SPC102] why")
    assert run(write(tmp_path, elsewhere)).exit_code == 1
    assert run(write(tmp_path, other)).exit_code == 1


def test_a_comment_without_reason_is_a_note(tmp_path: Path) -> None:
    body = ERROR.replace("0.001, 0.001)", "0.001, 0.001)  # poolwise: ignore[SPC101]")
    file = write(tmp_path, body)
    done = run(file)
    assert done.exit_code == 0
    line = line_with(file, "ignore[SPC101]")
    assert f"{file}:{line}: SPC001 SPC101 is ignored without a reason" in done.stdout


def test_text_that_looks_like_a_comment_is_none(tmp_path: Path) -> None:
    body = ERROR.replace("Nothing to find.", "# poolwise: ignore[SPC101] not a comment")
    assert run(write(tmp_path, body)).exit_code == 1


def test_findings_about_the_model_are_silenced_on_its_first_line(tmp_path: Path) -> None:
    body = """
    def empty() -> pm.Model:  # poolwise: ignore[SPC606] a prior to look at
        with pm.Model() as model:
            pm.Normal("mu", 0, 1)
        return model
    """
    assert run(write(tmp_path, body)).exit_code == 0


def test_settings_of_the_nearest_pyproject(tmp_path: Path) -> None:
    nested = tmp_path / "project" / "models"
    nested.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[tool.poolwise]\nignore = ["SPC1"]\n')
    file = write(nested, ERROR)
    assert run(file).exit_code == 0
    (nested.parent / "pyproject.toml").write_text("[tool.other]\n")
    assert run(file).exit_code == 1
    (nested.parent / "pyproject.toml").write_text('[tool.poolwise]\nselect = ["SPC2"]\n')
    assert run(file).exit_code == 0
    assert run(file, "--select", "SPC1").exit_code == 1


@pytest.mark.parametrize("text", ["[tool.poolwise]\nignore = 3\n", "[tool.poolwise\n"])
def test_settings_that_cannot_be_read_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    done = run(write(tmp_path, GOOD))
    assert done.exit_code == 2
    assert "pyproject.toml" in done.stderr


def test_a_model_that_cannot_be_built_exits_with_2(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD.replace("observed=Y", "observed=Y[10_000]"))
    done = run(file)
    assert done.exit_code == 2
    assert f"{file}:{line_with(file, 'observed=Y[10_000]')}" in done.stderr
    assert "IndexError" in done.stderr


def test_thresholds_of_the_spec_are_used(tmp_path: Path) -> None:
    decorated = "@poolwise.spec(thresholds={'SPC105': {'units': 1e6}})" + WARNING
    assert run(write(tmp_path, decorated)).stdout == ""


def test_what_a_review_refuses_is_a_finding(tmp_path: Path) -> None:
    constant = run(write(tmp_path, GOOD.replace("observed=Y", "observed=0 * Y")))
    assert "SPC510" in constant.stdout
    missing = run(
        write(tmp_path, GOOD.replace("observed=Y", "observed=np.where(Y > 4, np.nan, Y)"))
    )
    assert "SPC508" in missing.stdout
    assert missing.exit_code == 0


def test_nothing_is_compiled_or_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nutpie
    import pymc as pm
    from pytensor.link.numba.linker import NumbaLinker

    def forbidden(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a linter neither samples nor compiles")

    monkeypatch.setattr(NumbaLinker, "fgraph_convert", forbidden)
    monkeypatch.setattr(nutpie, "compile_pymc_model", forbidden)
    for name in ("sample", "sample_prior_predictive", "draw"):
        monkeypatch.setattr(pm, name, forbidden)
    (spec,) = load_specs(str(write(tmp_path, ERROR)))
    assert Verdict.FAIL in {f.verdict for f in lint(spec)}


def test_evidence_for_reviews(tmp_path: Path) -> None:
    (spec,) = load_specs(str(write(tmp_path, GOOD)))
    evidence = static_evidence(spec, spec.build())
    assert set(evidence) == {"variables", "spec_ignores", "declared_hierarchy"}
    assert evidence["variables"]["tau"].line == line_with(tmp_path / "models.py", '"tau"')


def test_lint_raises_what_cannot_be_built(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD.replace("return model", "return None"))
    with pytest.raises(SpecError, match="returns nothing"):
        lint(load_specs(str(file))[0])


def test_a_folder_stands_for_its_specs(tmp_path: Path) -> None:
    folder = tmp_path / "specs"
    (folder / "more").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    write(folder, GOOD)
    write(folder / "more", ERROR.replace("schools", "others"))
    write(folder / ".hidden", ERROR)
    (folder / "helpers.py").write_text("1 / 0\n")
    (folder / "test_models.py").write_text(HEAD + textwrap.dedent(ERROR))
    (folder / "data.toml").write_text("rows = 3\n")
    done = run(folder)
    assert done.stderr == "1 error in 2 specs\n"
    assert "more/models.py:" in done.stdout


def test_files_without_specs_are_passed_over_when_asked_to(tmp_path: Path) -> None:
    helpers = tmp_path / "helpers.py"
    helpers.write_text("1 / 0\n")
    assert run(helpers).exit_code == 2
    done = run(helpers, str(write(tmp_path, ERROR)), "--only-specs")
    assert (done.exit_code, done.stderr) == (1, "1 error in 1 spec\n")
    assert run(helpers, "--only-specs").exit_code == 0


@pytest.mark.parametrize(
    ("name", "text", "holds"),
    [
        ("a.py", "@poolwise.spec\ndef f(): ...", True),
        ("a.py", "from poolwise import spec\n@spec(unit='m')\ndef f(): ...", True),
        ("a.py", "def f() -> pm.Model: ...", True),
        ("a.py", "def f() -> 'pm.Model': ...", True),
        ("a.py", "def f(rows=3, *, scale=1) -> pm.Model: ...", True),
        ("a.py", "made = ModelSpec(build=f)", True),
        ("a.py", "def f(data) -> pm.Model: ...", False),
        ("a.py", "def f(*, data) -> pm.Model: ...", False),
        ("a.py", "def f() -> int: ...", False),
        ("a.py", "import poolwise", False),
        ("a.py", "import poolwise\ndef f(:", True),
        ("a.py", "def f(:", False),
        ("conftest.py", "def f() -> pm.Model: ...", False),
        ("a.toml", 'formula = "y ~ x"', True),
        ("a.toml", '[models.one]\nformula = "y ~ x"', True),
        ("a.toml", 'formula = "y ~ x', True),
        ("a.toml", "rows = 3", False),
        ("pyproject.toml", 'formula = "y ~ x"', False),
        ("a.txt", "@poolwise.spec\ndef f(): ...", False),
    ],
)
def test_files_with_specs_are_told_from_others(
    tmp_path: Path, name: str, text: str, holds: bool
) -> None:
    file = tmp_path / name
    file.write_text(text)
    assert may_hold_specs(file) is holds
