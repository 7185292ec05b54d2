"""The hierarchy of a spec, printed without sampling."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from rich.console import Console

from poolwise.reports.hierarchy import HierarchySketch
from poolwise.reports.tree import print_hierarchy
from poolwise.workflow.cli import main
from poolwise.workflow.review import review
from poolwise.workflow.runs.record import load_run
from poolwise.workflow.show import sketch
from poolwise.workflow.specs.loading import load_specs

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "tutorials" / "models"
SCHEMA = ROOT / "reports" / "schema" / "run.schema.json"

SPECS = """
import numpy as np
import pymc as pm

RNG = np.random.default_rng(3)
PLOT = np.repeat(np.arange(11), 4)
WHO = np.arange(44) % 3
X = RNG.normal(size=44)
SITE = np.repeat(np.arange(4), 3)
COORDS = {"site": range(4), "plot": range(12), "who": list("abc")}


def nested_and_crossed() -> pm.Model:
    with pm.Model(coords=COORDS) as model:
        rain = pm.Data("rain", X)
        site = pm.Normal("site_mean", pm.Normal("mu", 0, 9), pm.HalfNormal("s_s", 2), dims="site")
        plot = pm.Normal("plot_mean", site[SITE], pm.Exponential("s_p", 0.5), dims="plot")
        who = pm.HalfNormal("s_w", 1) * pm.Normal("z_w", 0, 1, dims="who")
        slope = pm.HalfNormal("s_v", 1) * pm.Normal("z_v", 0, 1, dims="who")
        eta = plot[PLOT] + who[WHO] + (pm.Normal("b", 0, 2) + slope[WHO]) * rain
        pm.Poisson("count", pm.math.exp(eta), observed=RNG.poisson(3, 44))
    return model


def flat() -> pm.Model:
    with pm.Model() as model:
        theta = pm.Normal("theta", pm.Flat("mu"), pm.HalfNormal("tau", 1), shape=3)
        pm.Normal("y", theta, 1, observed=[1.0, 2.0, 4.0])
    return model


def not_clear() -> pm.Model:
    with pm.Model() as model:
        u = pm.Normal("u", 0, pm.HalfNormal("tau", 1, shape=3), shape=3)
        pm.Normal("y", u[WHO], pm.HalfNormal("sigma", 1), observed=X)
    return model


def no_level() -> pm.Model:
    with pm.Model() as model:
        pm.Normal("y", pm.Normal("b", 0, 1) * X, pm.HalfNormal("sigma", 1), observed=X + 1)
    return model
"""


@pytest.fixture(autouse=True)
def no_sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    import nutpie
    import pymc as pm

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("something was sampled")

    monkeypatch.setattr(nutpie, "compile_pymc_model", refuse)
    monkeypatch.setattr(pm, "sample", refuse)


@pytest.fixture
def specs(tmp_path: Path) -> str:
    (tmp_path / "models.py").write_text(SPECS)
    return str(tmp_path / "models.py")


def show(target: str, *options: str) -> str:
    result = CliRunner().invoke(main, ["show", target, *options])
    assert result.exit_code == 0, result.output
    return result.output


def drawn(this: HierarchySketch, width: int, **options: Any) -> str:
    file = io.StringIO()
    print_hierarchy(this, Console(file=file, width=width, **options))
    return file.getvalue()


def depth_of(shown: str, text: str) -> int:
    line = next(line for line in shown.splitlines() if text in line)
    return len(line) - len(line.lstrip("│├└─ "))


def test_radon_is_read_without_a_declaration() -> None:
    shown = show(str(MODELS / "radon.py"))
    assert "level county: 85 groups" in shown
    assert "1 to 116 rows each, median 5" in shown
    assert "alpha: intercept, non-centred" in shown
    assert "around intercept and uranium_effect" in shown
    assert "spread tau ~ HalfNormal(1)" in shown
    assert "floor_effect ~ Normal(0, 1)  slope on floor" in shown
    assert "uranium_effect ~ Normal(0, 1)  slope on log_uranium" in shown
    assert "noise sigma ~ HalfNormal(1)" in shown
    assert "offset" not in shown


def test_standard_errors_that_are_given_are_said() -> None:
    assert "noise given, sd 9 to 18" in show(str(MODELS / "eight_schools.py"))


def test_levels_stand_inside_the_levels_they_are_nested_in(specs: str) -> None:
    shown = show(f"{specs}::nested_and_crossed")
    site, plot, who = (depth_of(shown, f"level {name}") for name in ("site", "plot", "who"))
    assert site == who < plot
    assert "plot_mean: intercept, centred" in shown
    assert "around site_mean of its site" in shown
    assert "spread s_p ~ Exponential(mean 2)" in shown
    assert "4 rows each, 1 group without any" in shown
    assert "crossed with who" in shown
    assert shown.count("crossed with") == 2, "said of the site, not again of its plots"
    assert "slope on rain, non-centred" in shown
    assert "log link" in shown


def test_scales_and_priors_are_said_as_a_reader_writes_them() -> None:
    import numpy as np
    import pymc as pm

    from poolwise.checks.hierarchy import read_hierarchy
    from poolwise.workflow.show import sketch_of

    group = np.arange(24) % 4
    with pm.Model(coords={"g": range(4), "h": range(4)}) as model:
        u = pm.Normal("u", 0, tau=pm.Gamma("precision", 2, 2), dims="g")
        z = pm.Normal("z", 0, 1, dims="h")
        v = pm.Deterministic("v", pm.math.exp(pm.Normal("log_tau", 0, 1)) * z, dims="h")
        w = pm.Normal("w", 0, np.array([1.0, 2.5]), shape=2)
        mean = u[group] + v[group // 2] + w[0] + w[1] * np.linspace(0, 1, 24)
        pm.Normal("y", mean, pm.HalfNormal("sigma", 1), observed=np.arange(24.0))
    this = sketch_of("scales", model, read_hierarchy(model))
    terms = {t.effect: t for g in this.walk() for t in g.terms}
    assert this.quantity(terms["u"].scale) == "1/√precision, from precision ~ Gamma(2, scale 0.5)"
    assert this.quantity(terms["v"].scale) == "exp(log_tau), from log_tau ~ Normal(0, 1)"
    assert this.location(terms["v"]) == "0"
    assert this.with_prior("w") == "w ~ Normal(loc 0, scale 1 to 2.5)"
    assert this.with_prior("u") == "u ~ Normal(0, 1/√precision)"


def test_flat_priors_are_no_obstacle(specs: str) -> None:
    shown = show(f"{specs}::flat")
    assert "level theta: 3 groups" in shown
    assert "1 row each" in shown
    assert "mu ~ Flat" in shown


def test_what_is_not_clear_is_said_with_the_line_to_add(specs: str) -> None:
    shown = " ".join(show(f"{specs}::not_clear").split())
    assert "u may be a level, but every element has a scale of its own" in shown
    assert "levels={" in shown
    assert "no level of a hierarchy was found" in show(f"{specs}::no_level")


@pytest.mark.parametrize("width", [40, 100])
def test_every_terminal_is_wide_enough(specs: str, width: int) -> None:
    for spec in load_specs(specs):
        lines = drawn(sketch(spec), width).splitlines()
        assert max(len(line) for line in lines) <= width


def test_colour_is_left_out_where_it_is_not_wanted(
    specs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    this = sketch(load_specs(f"{specs}::not_clear")[0])
    assert "\x1b[33m" in drawn(this, 80, force_terminal=True, color_system="standard")
    monkeypatch.setenv("NO_COLOR", "1")
    plain = drawn(this, 80, force_terminal=True, color_system="standard")
    assert not re.search(r"\x1b\[[0-9;]*3\d", plain)


def test_names_are_not_read_as_markup() -> None:
    from poolwise.reports.hierarchy import Variable

    odd = Variable(name="b[red]", role="coefficient", prior="Normal(0, 1)", size=1)
    this = HierarchySketch(name="[bold]", variables=(odd,))
    assert "b[red] ~" in drawn(this, 80)
    assert "[bold]" in drawn(this, 80)


def test_json_holds_what_the_tree_shows(specs: str) -> None:
    found = json.loads(show(specs, "--format", "json"))
    assert [s["name"] for s in found] == ["nested_and_crossed", "flat", "not_clear", "no_level"]
    site, who = found[0]["groupings"]
    assert [g["name"] for g in site["inside"]] == ["plot"]
    assert site["inside"][0]["rows"] == [
        {
            "outcome": "count",
            "fewest": 4,
            "median": 4.0,
            "most": 4,
            "empty": 1,
            "profile": [4] * 11 + [0],
        }
    ]
    assert [(t["design"], t["predictor"]) for t in who["terms"]] == [
        ("intercept", ""),
        ("slope", "rain"),
    ]
    assert json.loads(show(f"{specs}::flat", "--format", "json"))["name"] == "flat"


def test_json_is_read_back_whole(specs: str) -> None:
    for spec in load_specs(specs):
        this = sketch(spec)
        assert HierarchySketch.from_dict(json.loads(json.dumps(this.as_dict()))) == this


def test_json_is_what_the_schema_says(specs: str) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    only = {"$defs": schema["$defs"], "$ref": "#/$defs/hierarchy"}
    validator = jsonschema.Draft202012Validator(only)
    for target in (specs, str(MODELS / "radon.py")):
        for spec in load_specs(target):
            validator.validate(json.loads(json.dumps(sketch(spec).as_dict())))


def test_a_run_keeps_the_hierarchy_and_its_report_draws_it(specs: str, tmp_path: Path) -> None:
    from poolwise.reports.html import render

    spec = load_specs(f"{specs}::nested_and_crossed")[0]
    done = review(spec, output=tmp_path / "run", tier="lint")
    again = load_run(tmp_path / "run")
    assert again.hierarchy == sketch(spec)
    assert 'class="hier"' in done.report.read_text(encoding="utf-8")
    assert render(again) == done.report.read_text(encoding="utf-8")


def test_a_run_that_did_not_keep_it_is_read_all_the_same(specs: str, tmp_path: Path) -> None:
    review(load_specs(f"{specs}::flat")[0], output=tmp_path / "run", tier="lint")
    file = tmp_path / "run" / "run.json"
    saved = json.loads(file.read_text(encoding="utf-8"))
    del saved["hierarchy"]
    file.write_text(json.dumps(saved), encoding="utf-8")
    assert load_run(tmp_path / "run").hierarchy is None


def test_bad_specs_are_one_message(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["show", str(tmp_path / "nowhere.py")])
    assert result.exit_code == 2
    assert "no such file" in result.output
