"""Keys change with what a number depends on, and with nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytest

from poolwise.workflow.runs.fingerprint import code_key, data_key, model_key
from poolwise.workflow.specs.spec import ModelSpec, normalised

INDEX = np.array([0, 0, 1, 2])


def model(
    scale: float = 5.0,
    y: tuple[float, ...] = (1.0, 2.0, 3.0, 4.0),
    index: np.ndarray = INDEX,
    labels: str = "abc",
    family: Any = pm.Normal,
    data: bool = False,
) -> pm.Model:
    with pm.Model(coords={"g": list(labels)}) as built:
        tau = pm.HalfNormal("tau", scale)
        theta = pm.Normal("theta", 0, tau, dims="g")
        observed = pm.Data("observed", np.array(y)) if data else np.array(y)
        family("y", theta[index], 1, observed=observed)
    return built


def test_two_builds_agree() -> None:
    assert model_key(model()) == model_key(model())
    assert model_key(model(data=True)) == model_key(model(data=True))


@pytest.mark.parametrize(
    "change",
    [
        {"scale": 5.1},
        {"y": (1.0, 2.0, 3.0, 4.1)},
        {"index": np.array([0, 1, 1, 2])},
        {"labels": "abd"},
        {"family": pm.Laplace},
        {"data": True},
    ],
    ids=str,
)
def test_a_change_is_noticed(change: dict[str, Any]) -> None:
    assert model_key(model(**change)) != model_key(model())


def test_set_data_is_noticed() -> None:
    built = model(data=True)
    before = model_key(built)
    with built:
        pm.set_data({"observed": [9.0, 9.0, 9.0, 8.0]})
    assert model_key(built) != before


def test_comments_layout_and_decorators_do_not_matter() -> None:
    one = "@spec(priors={})\ndef f():\n    # a comment\n    return  1\n"
    two = "def f():\n    return 1\n"
    assert normalised(one) == normalised(two)
    assert normalised("def f():\n    return 2\n") != normalised(two)


CUT = 10.0


def test_code_of_quantities() -> None:
    cut = 3.0
    one = {"a": lambda post: post["x"] > CUT, "b": lambda post: post["x"] > cut}
    same = {"a": lambda post: post["x"] > CUT, "b": lambda post: post["x"] > cut}
    assert code_key(one) == code_key(same)
    other = {"a": lambda post: post["x"] < CUT, "b": lambda post: post["x"] > cut}
    assert code_key(one)["a"] != code_key(other)["a"]
    cut = 4.0
    assert code_key(one)["b"] != code_key({"b": lambda post: post["x"] > 3.0})["b"]


def test_a_moved_cut_off_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    functions = {"a": lambda post: post["x"] > CUT}
    before = code_key(functions)
    monkeypatch.setitem(globals(), "CUT", 11.0)
    assert code_key(functions) != before


def test_data_key_sees_names_shapes_and_values() -> None:
    a = np.arange(6.0)
    keys = {
        data_key({"y": a}),
        data_key({"x": a}),
        data_key({"y": a.reshape(2, 3)}),
        data_key({"y": a + 1}),
    }
    assert len(keys) == 4


def test_spec_knows_its_lines() -> None:
    spec = ModelSpec(build=model)
    assert spec.path.endswith("test_fingerprint.py")
    assert spec.line is not None
    with open(spec.path) as file:  # noqa: PTH123
        lines = file.read().splitlines()
    assert spec.line_of("tau") is not None
    assert 'pm.HalfNormal("tau"' in lines[(spec.line_of("tau") or 0) - 1]
    assert spec.line_of("nothing") is None
