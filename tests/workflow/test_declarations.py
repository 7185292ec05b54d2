"""``scales`` and ``noise`` of a spec: what they may name, and what they change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytest

import poolwise
from poolwise import ModelSpec
from poolwise.checks.hierarchy import Role, read_hierarchy
from poolwise.workflow.errors import SpecError
from poolwise.workflow.lint import lint
from poolwise.workflow.runs.parts import keys_of
from poolwise.workflow.specs.preflight import build_model
from poolwise.workflow.toml_specs.spec import load_toml

RNG = np.random.default_rng(5)
PERSON, ITEM = np.repeat(np.arange(12), 6), np.tile(np.arange(6), 12)
ANSWERS = RNG.integers(0, 2, PERSON.size)


def answers() -> pm.Model:
    with pm.Model(coords={"person": range(12), "item": range(6)}) as model:
        disc = pm.LogNormal("disc", 0, 0.5, dims="item")
        ability = pm.Normal("ability", 0, 1, dims="person")
        pm.Bernoulli("y", logit_p=disc[ITEM] * ability[PERSON], observed=ANSWERS)
    return model


def two_outcomes() -> pm.Model:
    with pm.Model() as model:
        mu, sigma = pm.Normal("mu", 0, 1), pm.HalfNormal("sigma", 1)
        pm.Normal("y", mu, sigma, observed=RNG.normal(size=9))
        pm.Normal("z", mu, sigma, observed=RNG.normal(size=9))
    return model


#: Option -> what the error says.
WRONG: dict[str, tuple[Any, dict[str, Any], str]] = {
    "a scale that is not there": (answers, {"scales": {"dics": None}}, "'dics' names no free"),
    "an offset that is not there": (answers, {"scales": {"disc": "z"}}, "'z' names no free"),
    "the scale of itself": (answers, {"scales": {"disc": "disc"}}, "scale of itself"),
    "noise that is not there": (answers, {"noise": "sigma"}, "'sigma' names no free variable"),
    "an outcome that is not there": (
        answers,
        {"noise": {"x": "disc"}},
        "'x' names no outcome of answers",
    ),
    "noise of one of two": (two_outcomes, {"noise": "sigma"}, "does not say of which outcome"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("use", [build_model, lint])
def test_wrong_names_are_refused_with_the_names_there_are(use: Any, case: str) -> None:
    build, options, message = WRONG[case]
    spec = ModelSpec(build=build, **options)
    model = spec.build()
    with pytest.raises(SpecError, match=message) as error:
        use(spec)
    names = [v.name for v in (*model.free_RVs, *model.observed_RVs)]
    assert error.value.expected
    assert case == "the scale of itself" or any(n in error.value.expected for n in names)


def test_a_spec_hands_its_declarations_on() -> None:
    spec = poolwise.spec(scales={"disc": None})(answers)
    roles = read_hierarchy(spec.build(), **spec.declared).roles
    assert roles == {"disc": Role.NONLINEAR, "ability": Role.UNPOOLED}


def test_declarations_are_parts_of_a_spec() -> None:
    """So that a comparison of two runs can name them as a cause."""
    plain = ModelSpec(build=answers)
    said = ModelSpec(build=answers, scales={"disc": None}, noise={"y": "disc"})
    options = [keys_of(s, s.build())["options"] for s in (plain, said)]
    assert {k for k in options[0] if options[0][k] != options[1][k]} == {"scales", "noise"}


def test_declarations_in_toml(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("y,g\n1,a\n2,b\n3,a\n4,b\n")
    file = tmp_path / "m.toml"
    file.write_text(
        'data = "d.csv"\nformula = "y ~ 1 + (1|g)"\nnoise = "sigma"\n'
        '[scales]\n"1|g_sigma" = "1|g_offset"\nIntercept = false\n'
    )
    (spec,) = load_toml(str(file))
    assert spec.scales == {"1|g_sigma": "1|g_offset", "Intercept": None}
    assert spec.noise == ["sigma"]
