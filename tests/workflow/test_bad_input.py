"""Bad input: one screen that names file and line, exit code 2, nothing half-written."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from poolwise.workflow.cli import main

HEAD = """
import numpy as np
import pymc as pm
import poolwise
from poolwise import Expect, Level

Y = np.array([1.0, 2.0, 4.0, 8.0])
"""

GOOD = """
def good() -> pm.Model:
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 5)
        pm.Normal("y", mu, 1, observed=Y)
    return model
"""

#: name -> (body of the file, what the message must say, text of the line it must name)
CASES = {
    "does not parse": ("def broken(:\n    pass\n", "does not parse", "def broken(:"),
    "does not import": ("import no_such_package\n", "no_such_package", "import no_such_package"),
    "fails on import": ("VALUE = 1 / 0\n", "ZeroDivisionError", "VALUE = 1 / 0"),
    "no spec": ("def helper():\n    return 1\n", "no spec in this file", ""),
    "raises": (
        """
        def broken() -> pm.Model:
            with pm.Model() as model:
                pm.Normal("y", 0, 1, observed=Y[17])
            return model
        """,
        "IndexError",
        'pm.Normal("y", 0, 1, observed=Y[17])',
    ),
    "returns nothing": (
        """
        def broken() -> pm.Model:
            with pm.Model():
                pm.Normal("y", 0, 1, observed=Y)
        """,
        "returns nothing",
        "def broken() -> pm.Model:",
    ),
    "no likelihood": (
        """
        def broken() -> pm.Model:
            with pm.Model() as model:
                pm.Normal("mu", 0, 1)
            return model
        """,
        "no likelihood",
        "def broken() -> pm.Model:",
    ),
    "only a potential": (
        """
        def broken() -> pm.Model:
            with pm.Model() as model:
                mu = pm.Normal("mu", 0, 1)
                pm.Potential("likelihood", -((mu - 1) ** 2))
            return model
        """,
        "Potential likelihood is not enough",
        "def broken() -> pm.Model:",
    ),
    "missing data": (
        """
        def broken() -> pm.Model:
            with pm.Model() as model:
                data = pm.Data("data", np.where(Y > 3, np.nan, Y))
                pm.Normal("y", pm.Normal("mu", 0, 1), 1, observed=data)
            return model
        """,
        "`nan` entries are not supported",
        'data = pm.Data("data", np.where(Y > 3, np.nan, Y))',
    ),
    "infinite data": (
        """
        def broken() -> pm.Model:
            with pm.Model() as model:
                pm.Normal("y", pm.Normal("mu", 0, 1), 1, observed=np.where(Y > 3, np.inf, Y))
            return model
        """,
        "not finite (the first in row 2)",
        'pm.Normal("y", pm.Normal("mu", 0, 1), 1, observed=np.where(Y > 3, np.inf, Y))',
    ),
    "imputed data": (
        """
        def broken() -> pm.Model:
            with pm.Model() as model:
                mu = pm.Normal("mu", 0, 1)
                pm.Normal("y", mu, 1, observed=np.where(Y > 3, np.nan, Y))
            return model
        """,
        "missing values",
        'pm.Normal("y", mu, 1, observed=np.where(Y > 3, np.nan, Y))',
    ),
    "missing predictor": (
        """
        def broken() -> pm.Model:
            with pm.Model() as model:
                x = pm.Data("x", np.array([1.0, 2.0, np.nan, 4.0]))
                pm.Normal("y", pm.Normal("b", 0, 1) * x, 1, observed=Y)
            return model
        """,
        "`nan` entries are not supported",
        'x = pm.Data("x", np.array([1.0, 2.0, np.nan, 4.0]))',
    ),
    "constant outcome": (
        """
        def broken() -> pm.Model:
            with pm.Model() as model:
                pm.Normal("y", pm.Normal("mu", 0, 1), 1, observed=np.full(9, 3.0))
            return model
        """,
        "constant (every row is 3)",
        'pm.Normal("y", pm.Normal("mu", 0, 1), 1, observed=np.full(9, 3.0))',
    ),
    "level names no variable": (
        """
        @poolwise.spec(
            levels={"group": Level(effect="theta", scale="tao")},
        )
        def broken():
            with pm.Model(coords={"g": list("abcd")}) as model:
                tau = pm.HalfNormal("tau", 1)
                theta = pm.Normal("theta", 0, tau, dims="g")
                pm.Normal("y", theta, 1, observed=Y, dims="g")
            return model
        """,
        "scale='tao' names no variable",
        'levels={"group": Level(effect="theta", scale="tao")},',
    ),
    "level is no vector": (
        """
        @poolwise.spec(levels={"group": Level(effect="mu", scale="tau")})
        def broken():
            with pm.Model() as model:
                tau = pm.HalfNormal("tau", 1)
                mu = pm.Normal("mu", 0, tau)
                pm.Normal("y", mu, 1, observed=Y)
            return model
        """,
        "has 0 dimensions",
        'mu = pm.Normal("mu", 0, tau)',
    ),
    "priors name no variable": (
        """
        @poolwise.spec(priors={"tao": [pm.HalfNormal.dist(1)]})
        def broken():
            with pm.Model() as model:
                pm.Normal("y", pm.Normal("mu", 0, 1), 1, observed=Y)
            return model
        """,
        "priors: 'tao' names no variable",
        '@poolwise.spec(priors={"tao": [pm.HalfNormal.dist(1)]})',
    ),
    "expectation names no variable": (
        """
        @poolwise.spec(expect=[Expect(of="z", between=(0, 1))])
        def broken():
            with pm.Model() as model:
                pm.Normal("y", pm.Normal("mu", 0, 1), 1, observed=Y)
            return model
        """,
        "expect: 'z' names no variable",
        '@poolwise.spec(expect=[Expect(of="z", between=(0, 1))])',
    ),
    "unknown threshold": (
        """
        @poolwise.spec(thresholds={"SMP301": {"limits": 1.1}})
        def broken():
            with pm.Model() as model:
                pm.Normal("y", pm.Normal("mu", 0, 1), 1, observed=Y)
            return model
        """,
        "SMP301 has no threshold 'limits'",
        '@poolwise.spec(thresholds={"SMP301": {"limits": 1.1}})',
    ),
    "unknown option": (
        """
        @poolwise.spec(level={})
        def broken():
            return None
        """,
        "no option level",
        "@poolwise.spec(level={})",
    ),
    "name that cannot be stored": (
        """
        @poolwise.spec(decisions={"a/b": lambda post: post["mu"] > 0})
        def broken():
            with pm.Model() as model:
                pm.Normal("y", pm.Normal("mu", 0, 1), 1, observed=Y)
            return model
        """,
        "the name 'a/b' cannot be stored",
        '@poolwise.spec(decisions={"a/b": lambda post: post["mu"] > 0})',
    ),
    "duplicate groups": (
        """
        def broken() -> pm.Model:
            with pm.Model(coords={"g": ["a", "b", "a", "c"]}) as model:
                tau = pm.HalfNormal("tau", 1)
                pm.Normal("y", pm.Normal("theta", 0, tau, dims="g"), 1, observed=Y, dims="g")
            return model
        """,
        "not distinct: a",
        "def broken() -> pm.Model:",
    ),
    "cannot be sampled": (
        """
        def broken() -> pm.Model:
            with pm.Model() as model:
                rate = pm.HalfNormal("rate", 1)
                pm.Exponential("y", rate, observed=-Y)
            return model
        """,
        "cannot be sampled",
        'pm.Exponential("y", rate, observed=-Y)',
    ),
    "shapes disagree": (
        """
        def broken() -> pm.Model:
            with pm.Model() as model:
                theta = pm.Normal("theta", 0, 1, shape=3)
                pm.Normal("y", theta[np.array([0, 1, 2, 7])], 1, observed=Y)
            return model
        """,
        "cannot be computed",
        "def broken() -> pm.Model:",
    ),
    "needs arguments": ("def broken(n) -> pm.Model:\n    return n\n", "no spec in this file", ""),
    "a class": ("@poolwise.spec\nclass Broken:\n    pass\n", "Broken is a class", ""),
    "needs arguments, declared": (
        """
        @poolwise.spec
        def broken(n):
            return n
        """,
        "broken needs arguments",
        "@poolwise.spec",
    ),
    "two of a name": (
        """
        @poolwise.spec(name="same")
        def one():
            return None

        @poolwise.spec(name="same")
        def two():
            return None
        """,
        "two specs are called same",
        "",
    ),
}


def review(path: str, output: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["review", path, "--output", str(output), *options])


def check_message(result: Result, output: Path) -> None:
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    assert len(result.output.splitlines()) <= 8, result.output
    assert not output.exists(), "something was written"


@pytest.mark.parametrize("case", CASES)
def test_bad_spec_is_one_clear_message(case: str, tmp_path: Path) -> None:
    body, said, line = CASES[case]
    file = tmp_path / "models.py"
    file.write_text(HEAD + textwrap.dedent(body))
    result = review(str(file), tmp_path / "run")
    check_message(result, tmp_path / "run")
    assert said in result.output
    assert "models.py" in result.output
    if line:
        number = 1 + file.read_text().splitlines().index(
            next(text for text in file.read_text().splitlines() if text.strip() == line)
        )
        assert f"models.py:{number}:" in result.output


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("nowhere.py", "no such file"),
        ("folder", "no spec below this folder"),
        ("notes.txt", "not a Python file"),
        ("models.py::absent", "holds no absent"),
        ("models.py::needs", "needs arguments"),
        ("models.py::Y", "is not a spec"),
    ],
)
def test_bad_target(target: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "models.py").write_text(HEAD + GOOD + "\ndef needs(n):\n    return n\n")
    result = review(str(tmp_path / target), tmp_path / "run")
    check_message(result, tmp_path / "run")
    assert said in result.output


def test_unwritable_output(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text(HEAD + GOOD)
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    result = review(str(tmp_path / "models.py"), blocked / "run")
    check_message(result, blocked / "run")
    assert "cannot be written" in result.output


def test_unknown_code(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text(HEAD + GOOD)
    result = review(str(tmp_path / "models.py"), tmp_path / "run", "--select", "XYZ")
    check_message(result, tmp_path / "run")
    assert "XYZ" in result.output


def test_report_of_no_run(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["report", str(tmp_path)])
    assert result.exit_code == 2
    assert "no run in this folder" in result.output


def test_a_spec_named_like_a_library_does_not_replace_it(tmp_path: Path) -> None:
    import sys

    import xarray

    from poolwise.workflow.specs.loading import load_specs

    (tmp_path / "xarray.py").write_text(HEAD + GOOD)
    assert [s.name for s in load_specs(str(tmp_path / "xarray.py"))] == ["good"]
    assert sys.modules["xarray"] is xarray


FORMS = {
    "levels": '{"a": "b"}',
    "scales": '["tau"]',
    "noise": "3",
    "expect": '[("y", 3)]',
    "priors": '{"mu": pm.Normal.dist(0, 1)}',
    "quantities": '[lambda post: post["mu"]]',
    "decisions": '{"positive": "mu > 0"}',
    "thresholds": '{"SMP301": {"limit": "high"}}',
    "ignore": '"SMP301"',
    "seed": '"today"',
    "unit": "3",
    "name": "3",
}


@pytest.mark.parametrize("option", FORMS)
def test_an_option_of_another_form_is_one_clear_message(option: str, tmp_path: Path) -> None:
    file = tmp_path / "models.py"
    options = f"@poolwise.spec(\n    {option}={FORMS[option]},\n)\n"
    file.write_text(HEAD + options + GOOD.lstrip())
    line = 1 + file.read_text().splitlines().index(f"    {option}={FORMS[option]},")
    for command in (["review", "-q", "-o", str(tmp_path / "run")], ["lint"]):
        result = CliRunner().invoke(main, [command[0], str(file), *command[1:]])
        check_message(result, tmp_path / "run")
        assert f"models.py:{line}: {option}=" in result.output
        assert "expected: " in result.output


@pytest.mark.parametrize("where", ["import sys\nsys.exit(3)\n", ""])
def test_a_spec_that_exits_does_not_end_poolwise(where: str, tmp_path: Path) -> None:
    file = tmp_path / "models.py"
    body = "\ndef leaves() -> pm.Model:\n    raise SystemExit(3)\n"
    file.write_text(HEAD + where + body)
    result = review(str(file), tmp_path / "run")
    check_message(result, tmp_path / "run")
    assert "SystemExit: 3" in result.output
    line = 1 + (HEAD + where + body).splitlines().index(
        "sys.exit(3)" if where else "    raise SystemExit(3)"
    )
    assert f"models.py:{line}:" in result.output


def test_an_unknown_code_of_the_project_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text(HEAD + GOOD)
    (tmp_path / "pyproject.toml").write_text('[tool.poolwise]\nignore = ["XYZ"]\n')
    result = review(str(tmp_path / "models.py"), tmp_path / "run")
    check_message(result, tmp_path / "run")
    assert "pyproject.toml: [tool.poolwise] ignore: no check has a code starting with 'XYZ'" in (
        result.output
    )


def test_a_full_disk_is_one_clear_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    from poolwise.workflow import review as reviewing

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "run.nc")

    monkeypatch.setattr(reviewing, "write_groups", full)
    (tmp_path / "models.py").write_text(HEAD + GOOD)
    result = review(str(tmp_path / "models.py"), tmp_path / "run", "--tier", "lint")
    assert result.exit_code == 2
    assert "run.nc: No space left on device" in result.output
    assert "finished stages are kept" in result.output
