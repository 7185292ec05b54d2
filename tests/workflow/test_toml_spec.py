"""TOML specs: what they build, and one clear message with the line for what they cannot."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from poolwise.checks.hierarchy.level import Level
from poolwise.workflow.cli import main
from poolwise.workflow.errors import SpecError
from poolwise.workflow.lint import lint
from poolwise.workflow.priors.alternatives import alternatives
from poolwise.workflow.priors.families import in_words
from poolwise.workflow.priors.subjects import SCALE, Subject
from poolwise.workflow.runs.fingerprint import code_key, model_key
from poolwise.workflow.specs.loading import load_specs
from poolwise.workflow.specs.preflight import build_model
from poolwise.workflow.specs.spec import ModelSpec

bambi = pytest.importorskip("bambi")

GOOD = """
name = "houses"
data = "houses.csv"
formula = "y ~ 1 + x + (1|town)"
family = "gaussian"
link = "identity"
noncentered = true
seed = 3
unit = "m"
ignore = ["SPC303"]

[priors]
Intercept = {dist = "Normal", mu = 1, sigma = 2}
x = {dist = "Normal", mu = 0, sigma = 1}
"1|town" = {dist = "Normal", mu = 0, sigma = {dist = "HalfNormal", sigma = 1}}
sigma = {dist = "HalfNormal", sigma = 1}

[[expect]]
of = "y"
stat = "sd"
between = [1, 40]
prob = 0.8
why = "a metre"

[levels.town]
effect = "1|town"
scale = "1|town_sigma"

[alternatives]
"1|town_sigma" = [{dist = "HalfCauchy", beta = 5}, {dist = "Exponential", lam = 2}]

[quantities]
best = "max(`1|town`)"

[decisions]
rises = "x > 0"

[thresholds.SMP301]
limit = 1.02

[[expected_failures]]
code = "PPC401"
reason = "known"
until = 2030-01-01
"""


def data_file(folder: Path, name: str = "houses.csv", seed: int = 1) -> Path:
    rng = np.random.default_rng(seed)
    town = np.repeat(["A", "B", "C", "D", "E"], 6)
    x = rng.normal(size=30)
    y = 1 + 0.5 * x + rng.normal(size=5)[np.repeat(np.arange(5), 6)] + rng.normal(size=30)
    rows = [f"{t},{a:.4f},{b:.4f},{i}" for i, (t, a, b) in enumerate(zip(town, x, y, strict=True))]
    file = folder / name
    file.write_text("town,x,y,unused\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return file


def spec_of(folder: Path, text: str = GOOD) -> ModelSpec:
    data_file(folder)
    file = folder / "spec.toml"
    file.write_text(text, encoding="utf-8")
    return load_specs(str(file))[0]


def test_every_option_reaches_the_spec(tmp_path: Path) -> None:
    spec = spec_of(tmp_path)

    assert (spec.name, spec.seed, spec.unit, list(spec.ignore)) == ("houses", 3, "m", ["SPC303"])
    assert spec.levels == {"town": Level(effect="1|town", scale="1|town_sigma")}
    assert spec.expect[0].label == "sd of y"
    assert (spec.expect[0].between, spec.expect[0].prob) == ((1, 40), 0.8)
    assert spec.thresholds == {"SMP301": {"limit": 1.02}}
    assert spec.expected_failures[0].said == "until 2030-01-01 (known)"
    assert spec.path == str(tmp_path / "spec.toml")
    assert spec.source == GOOD
    lines = GOOD.splitlines()
    assert lines[(spec.line or 0) - 1].startswith("formula")
    for variable, start in {
        "1|town_sigma": '"1|town"',
        "1|town": '"1|town"',
        "sigma": "sigma",
        "x": "x =",
        "y": "formula",
    }.items():
        assert lines[(spec.line_of(variable) or 0) - 1].startswith(start), variable


def test_the_model_is_the_one_that_is_written(tmp_path: Path) -> None:
    spec = spec_of(tmp_path)
    model = build_model(spec)

    said = {rv.name: rv for rv in model.free_RVs}
    assert set(said) == {"Intercept", "x", "sigma", "1|town_sigma", "1|town_offset"}
    # The density at a point, written out: the intercept is that of x = 0, priors as stated.
    from scipy import stats

    point = {"Intercept": 0.5, "x": 0.2, "1|town_offset": np.zeros(5)}
    value = model.compile_logp(vars=[said["Intercept"], said["x"]])(
        {**point, "sigma_log__": 0.0, "1|town_sigma_log__": 0.0}
    )
    expected = stats.norm(1, 2).logpdf(0.5) + stats.norm(0, 1).logpdf(0.2)
    np.testing.assert_allclose(value, expected, rtol=1e-10)
    words = [a.prior for a in alternatives(model, [Subject("1|town_sigma", SCALE)], spec.priors)]
    assert words[:2] == ["HalfCauchy(5)", "Exponential(mean 0.5)"]
    posterior_mean = model["mu"].eval(
        {
            model["Intercept"]: 2.0,
            model["x"]: 0.0,
            model["1|town_offset"]: np.zeros(5),
            model["1|town_sigma"]: 1.0,
        }
    )
    np.testing.assert_allclose(posterior_mean, 2.0)


def test_several_models_share_what_stands_above_them(tmp_path: Path) -> None:
    data_file(tmp_path)
    file = tmp_path / "two.toml"
    file.write_text(
        'data = "houses.csv"\nseed = 5\n[models.pooled]\nformula = "y ~ x"\n'
        '[models."by town"]\nformula = "y ~ x + (1|town)"\nseed = 6\n'
        '[models.wrong]\nfomula = "y"\n',
        encoding="utf-8",
    )

    with pytest.raises(SpecError, match="did you mean formula") as caught:
        load_specs(str(file))
    assert caught.value.line == 9
    file.write_text(file.read_text().partition("[models.wrong]")[0])
    pooled, by_town = load_specs(str(file))
    assert (pooled.name, pooled.seed, pooled.line) == ("pooled", 5, 4)
    assert (by_town.name, by_town.seed, by_town.line) == ("by town", 6, 6)
    assert [s.name for s in load_specs(f"{file}::by town")] == ["by town"]
    assert "1|town" in build_model(by_town).named_vars
    with pytest.raises(SpecError, match="holds no nothing") as caught:
        load_specs(f"{file}::nothing")
    assert "pooled, by town" in str(caught.value)


def test_a_parameter_of_the_family_can_be_fixed(tmp_path: Path) -> None:
    text = GOOD.replace('sigma = {dist = "HalfNormal", sigma = 1}\n\n', "sigma = 2\n\n")
    model = build_model(spec_of(tmp_path, text))

    assert "sigma" not in {rv.name for rv in model.free_RVs}


def test_other_parameters_have_formulas_and_priors_of_their_own(tmp_path: Path) -> None:
    text = GOOD.replace(
        'formula = "y ~ 1 + x + (1|town)"', 'formula = ["y ~ 1 + x + (1|town)", "sigma ~ x"]'
    ).replace(
        'sigma = {dist = "HalfNormal", sigma = 1}\n\n',
        '[priors.sigma]\nx = {dist = "Normal", mu = 0, sigma = 0.25}\n\n',
    )
    model = build_model(spec_of(tmp_path, text))
    assert in_words(model["sigma_x"]) == "Normal(0, 0.25)"
    with pytest.raises(SpecError, match="the prior of z belongs to no term") as caught:
        build_model(
            spec_of(
                tmp_path,
                text.replace(
                    'x = {dist = "Normal", mu = 0, sigma = 0.25',
                    'z = {dist = "Normal", mu = 0, sigma = 0.25',
                ),
            )
        )
    assert text.splitlines()[(caught.value.line or 0) - 1].startswith("x = ")


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".nc"])
def test_every_format_of_data_gives_the_same_model(tmp_path: Path, suffix: str) -> None:
    pd = pytest.importorskip("pandas")
    spec = spec_of(tmp_path)
    frame = pd.read_csv(tmp_path / "houses.csv")
    other = tmp_path / f"other{suffix}"
    match suffix:
        case ".csv":
            frame.to_csv(other, index=False)
        case ".parquet":
            pytest.importorskip("pyarrow")
            frame.to_parquet(other)
        case ".nc":
            frame.rename_axis("row").to_xarray().to_netcdf(other, engine="h5netcdf")

    text = GOOD.replace("houses.csv", other.name)
    assert model_key(build_model(spec_of(tmp_path, text))) == model_key(build_model(spec))


def test_a_changed_datum_prior_or_expression_changes_the_keys(tmp_path: Path) -> None:
    spec = spec_of(tmp_path)
    key, body = model_key(build_model(spec)), spec.body
    again = spec_of(tmp_path, GOOD.replace("\n\n", "\n# a comment\n\n"))
    assert (model_key(build_model(again)), again.body) == (key, body)

    file = tmp_path / "houses.csv"
    rows = file.read_text().splitlines()
    town, x, _, unused = rows[7].split(",")
    file.write_text("\n".join([*rows[:7], f"{town},{x},2.5,{unused}", *rows[8:]]) + "\n")
    assert model_key(build_model(again)) != key
    file.write_text("\n".join([*rows[:7], f"A,{rows[7].partition(',')[2]}", *rows[8:]]) + "\n")
    assert model_key(build_model(again)) != key

    other = spec_of(
        tmp_path, GOOD.replace('"HalfNormal", sigma = 1}}', '"HalfNormal", sigma = 2}}')
    )
    assert model_key(build_model(other)) != key
    assert other.body != body
    moved = spec_of(tmp_path, GOOD.replace("x > 0", "x > 0.1"))
    assert code_key(moved.decisions) != code_key(spec.decisions)
    assert code_key(moved.quantities) == code_key(spec.quantities)


def test_types_of_columns_can_be_declared(tmp_path: Path) -> None:
    text = GOOD.replace(
        'data = "houses.csv"\n', 'data = {file = "houses.csv", categorical = ["unused"]}\n'
    ).replace("y ~ 1 + x + (1|town)", "y ~ 1 + x + unused + (1|town)")

    assert "unused_dim" in build_model(spec_of(tmp_path, text)).coords


def test_a_comment_or_an_option_silences_a_rule(tmp_path: Path) -> None:
    wide = GOOD.replace('mu = 0, sigma = 1}\n"1', 'mu = 0, sigma = 1}\n"1').replace(
        'sigma = {dist = "HalfNormal", sigma = 1}\n\n',
        'sigma = {dist = "Uniform", lower = 0, upper = 100}\n\n',
    )
    found = [f for f in lint(spec_of(tmp_path, wide)) if f.where == "sigma" and f.verdict != "pass"]
    assert found, "the example must have a finding"
    line = next(i for i, t in enumerate(wide.splitlines(), 1) if t.startswith("sigma"))
    assert found[0].line == line

    comment = f"upper = 100}} # poolwise: ignore[{found[0].code}] physical"
    silenced = lint(spec_of(tmp_path, wide.replace("upper = 100}", comment)))
    assert {f.verdict.value for f in silenced if f.code == found[0].code} == {"skipped"}
    option = wide.replace('ignore = ["SPC303"]', f'ignore = ["{found[0].code}"]')
    assert found[0].code not in {f.code for f in lint(spec_of(tmp_path, option))}


#: name -> (text to replace in the good spec, with what, what the message says, line it names)
BAD: dict[str, tuple[str, str, str, str]] = {
    "malformed": ('name = "houses"', "name = houses", "is no TOML: Invalid value", "name = houses"),
    "not closed": ("until = 2030-01-01", 'until = "2030', "is no TOML", 'until = "2030'),
    "twice": ("seed = 3", "seed = 3\nseed = 4", "is no TOML: Cannot overwrite", "seed = 4"),
    "unknown key": ("formula = ", "fromula = ", "did you mean formula?", "fromula"),
    "unknown key deep": ("stat = ", "statistic = ", "an expectation has no option", "statistic"),
    "unknown table": ("[alternatives]", "[altenatives]", "did you mean alternatives?", "[alte"),
    "no formula": ('formula = "y ~ 1 + x + (1|town)"', "", "houses has no formula", ""),
    "no data": ('data = "houses.csv"', "", "the spec has no 'data'", ""),
    "missing file": ('"houses.csv"', '"flats.csv"', "no data file flats.csv", "data ="),
    "strange file": ('"houses.csv"', '"spec.toml"', "no data file that can be read", "data ="),
    "no column": ("1 + x + (1", "1 + xx + (1", "names column xx, which is not there", "formula"),
    "columns there": ("1 + x + (1", "1 + xx + (1", "one of town, x, y, unused", "formula"),
    "no group": ("(1|town)", "(1|twon)", "did you mean town?", "formula"),
    "no outcome": ('"y ~ 1', '"yy ~ 1', "names column yy", "formula"),
    "no tilde": ('"y ~ 1 + x + (1|town)"', '"x + (1|town)"', "Bambi cannot build", "formula"),
    "formula broken": ("(1|town)", "(1|town", "the formula does not parse", "formula"),
    "formula calls": ("1 + x +", "1 + open(x) +", "names function open", "formula"),
    "formula attribute": ("1 + x +", "1 + np.log(x) +", "names function np.log", "formula"),
    "family": ('"gaussian"', '"gausian"', "did you mean gaussian?", "family"),
    "link parameter": ('"identity"', '{nu = "log"}', "links mu and sigma", "link"),
    "link": ('"identity"', '"lgo"', "did you mean log?", "link"),
    "wrong type": ("seed = 3", 'seed = "3"', "seed is text", "seed"),
    "flag for number": ("seed = 3", "seed = true", "seed is true or false", "seed"),
    "number for flag": ("noncentered = true", "noncentered = 1", "noncentered is a whole", "nonc"),
    "table for text": ('unit = "m"', "unit = {a = 1}", "unit is a table", "unit"),
    "dist": ('x = {dist = "Normal"', 'x = {dist = "Nromal"', "did you mean Normal?", "x ="),
    "parameter": (
        'x = {dist = "Normal", mu',
        'x = {dist = "Normal", um',
        "no parameter 'um'",
        "x =",
    ),
    "parameters": (
        "mu = 1, sigma = 2}",
        "mu = 1, sigma = 2, tau = 1}",
        "Normal cannot be built",
        "Inter",
    ),
    "no dist": ('x = {dist = "Normal", mu = 0', "x = {mu = 0", "has no 'dist'", "x ="),
    "prior is text": ("x = {dist", 'x = "Normal" #', "the prior of x is text", "x ="),
    "parameter is text": ("mu = 1, sigma = 2}", 'mu = "1", sigma = 2}', "mu is text", "Intercept"),
    "deep parameter": (
        '"HalfNormal", sigma = 1}}',
        '"HalfNormal", sgima = 1}}',
        "did you mean sigma",
        '"1|town"',
    ),
    "no term": ("x = {dist", "z = {dist", "the prior of z belongs to no term", "z ="),
    "no group term": ('"1|town" = {', '"1|twon" = {', "did you mean 1|town?", '"1|twon"'),
    "between": ("between = [1, 40]", "between = [1]", "between two numbers", "between"),
    "between order": ("between = [1, 40]", "between = [4, 1]", "is not in order", "[[expect]]"),
    "statistic": ('stat = "sd"', 'stat = "std"', "is not one of mean, sd", "[[expect]]"),
    "no of": ('of = "y"\n', "", "an expectation has no 'of'", "[[expect]]"),
    "expect names": ('of = "y"', 'of = "yy"', "expect: 'yy' names no variable", 'of = "yy"'),
    "level names": ('scale = "1|town_sigma"', 'scale = "tau"', "scale='tau' names no", "scale"),
    "level key": ("scale = ", "scales = ", "did you mean scale?", "scales ="),
    "level lacks": ('scale = "1|town_sigma"\n', "", "level 'town' has no 'scale'", "[levels.town]"),
    "alternative": ('"1|town_sigma" = [', '"1|twon_sigma" = [', "names no variable", '"1|twon'),
    "alternative dist": ('"HalfCauchy"', '"HalfCuachy"', "did you mean HalfCauchy?", "HalfCuachy"),
    "alternative deep": ("beta = 5}", 'beta = {dist = "HalfNormal"}}', "beta is a table", "HalfC"),
    "import": (
        'rises = "x > 0"',
        "rises = '__import__(\"os\") > 0'",
        "calls __import__()",
        "rises",
    ),
    "attribute": ('"x > 0"', '"x.values > 0"', "holds an attribute", "rises"),
    "call": ('"x > 0"', '"x.mean() > 0"', "calls x.mean(), which is not allowed", "rises"),
    "no posterior": ('"x > 0"', '"z > 0"', "names z, which the posterior does not hold", "rises"),
    "no decision": ('"x > 0"', '"x + 1"', "is a number, not true or false", "rises"),
    "no label": ("max(`1|town`)", "`1|town`['Z']", "selects town__factor_dim 'Z'", "best"),
    "expression type": ('"x > 0"', "1", "rises is a whole number", "rises"),
    "threshold": ("limit = 1.02", "limt = 1.02", "has no threshold 'limt'", "[thresholds"),
    "threshold code": ("[thresholds.SMP301]", "[thresholds.SMP999]", "no check SMP999", "[thresh"),
    "failure reason": (
        'reason = "known"\n',
        "",
        "an expected failure has no 'reason'",
        "[[expected",
    ),
    "ignore": ('ignore = ["SPC303"]', "ignore = [303]", "ignore is a whole number", "ignore"),
    "fixed term": ("x = {dist", "x = 2 #", "only sigma can be fixed at a number", "x ="),
    "ignored code": ('"SPC303"', '"XYZ1"', "no check has a code starting with 'XYZ1'", "ignore"),
    "dtype": (
        '"houses.csv"',
        '{file = "houses.csv", dtypes = {x = "number"}}',
        "read as number",
        "data",
    ),
    "dtype column": (
        '"houses.csv"',
        '{file = "houses.csv", dtypes = {z = "str"}}',
        "no column z",
        "data",
    ),
    "categorical": (
        '"houses.csv"',
        '{file = "houses.csv", categorical = "z"}',
        "no column z",
        "data",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_specs_name_the_line_and_what_to_do(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new, said, line = BAD[name]
    assert old in GOOD, "the example must change something"
    text = GOOD.replace(old, new)
    data_file(tmp_path)
    (tmp_path / "spec.toml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(main, ["review", "spec.toml", "--output", "run"])

    assert result.exit_code == 2, result.output
    assert said in result.stderr, result.stderr
    assert "Traceback" not in result.output
    assert not (tmp_path / "run").exists()
    if line:
        number = int(result.stderr.split("spec.toml:")[1].split(":")[0])
        assert line in text.splitlines()[number - 1], result.stderr


def test_missing_values_name_column_and_row(tmp_path: Path) -> None:
    spec = spec_of(tmp_path)
    file = tmp_path / "houses.csv"
    rows = file.read_text().splitlines()
    file.write_text("\n".join([*rows[:3], "A,,1.0,2", *rows[4:]]) + "\n")

    with pytest.raises(SpecError, match=r"column x has 1 missing values \(the first in row 3"):
        build_model(spec)


def test_without_bambi_the_message_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of(tmp_path)
    importing = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "bambi":
            raise ImportError("No module named 'bambi'")
        return importing(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SpecError) as caught:
        build_model(spec)
    assert "pip install 'poolwise[bambi]'" in str(caught.value)
    assert caught.value.line == spec.line


def test_the_tutorial_spec_is_read(tmp_path: Path) -> None:
    file = Path(__file__).parents[2] / "tutorials" / "models" / "radon.toml"
    model = build_model(load_specs(str(file))[0])

    assert len(model.coords["county__factor_dim"]) == 85


def test_the_first_spec_runs_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["init", "sites.toml"])
    assert result.exit_code == 0, result.output

    model = build_model(load_specs("sites.toml")[0])
    assert len(model.coords["site__factor_dim"]) == 10
    again = CliRunner().invoke(main, ["init", "sites.toml"])
    assert again.exit_code == 2
    (tmp_path / "sites.toml").unlink()
    other = CliRunner().invoke(main, ["init", "sites.toml"])
    assert "sites.csv: exists already" in other.stderr


def test_the_specs_of_the_readme_are_read(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    blocks = (root / "README.md").read_text().split("```toml\n")[1:]
    texts = [block.partition("```")[0] for block in blocks]
    (model,) = [t for t in texts if t.startswith("data")]
    (fit,) = [t for t in texts if t.startswith("fit")]
    (tmp_path / "data").symlink_to(root / "tutorials" / "models" / "data")
    for name, text in (("model", model), ("fit", fit)):
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")

    assert "floor" in build_model(load_specs(str(tmp_path / "model.toml"))[0]).named_vars
    assert load_specs(str(tmp_path / "fit.toml"))[0].levels["school"].noise == "sigma"
