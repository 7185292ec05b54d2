"""What differs between two specs is named, part by part, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytest

from poolwise.reports.comparison import Cause
from poolwise.workflow.comparing.causes import find_causes, remarks
from poolwise.workflow.runs.parts import keys_of, variables_of
from poolwise.workflow.specs.spec import ModelSpec

Y = (1.0, 2.0, 4.0, 3.0)
INDEX = np.array([0, 0, 1, 2])


def site_model(
    tau: Any = lambda: pm.HalfCauchy.dist(5),
    y: tuple[float, ...] = Y,
    index: np.ndarray = INDEX,
    labels: str = "abc",
    x: tuple[float, ...] = (0.0, 1.0, 0.0, 1.0),
    likelihood: Any = pm.Normal,
    squared: bool = False,
    extra: bool = False,
) -> pm.Model:
    with pm.Model(coords={"site": list(labels)}) as model:
        slope = pm.Normal("slope", 0, 1)
        column = pm.Data("x", np.array(x))
        spread = model.register_rv(tau(), name="tau")
        z = pm.Normal("z", 0, 1, dims="site")
        theta = pm.Deterministic("theta", (spread**2 if squared else spread) * z, dims="site")
        if extra:
            pm.Normal("extra")
        likelihood("y", theta[index] + slope * column, 1.0, observed=np.array(y))
    return model


def positive(post: Any) -> Any:
    return post["slope"] > 0


def large(post: Any) -> Any:
    return post["slope"] > 1


def baseline(
    change: Callable[[dict[str, Any]], Any] = lambda _: None, **options: Any
) -> dict[str, Any]:
    declared = {k: options.pop(k) for k in ("decisions", "thresholds") if k in options}
    model = site_model(**options)
    spec = ModelSpec(build=site_model, **{"decisions": {"go": positive}, **declared})
    made: dict[str, Any] = {
        "spec": {
            "name": "site_model",
            "variables": variables_of(model),
            "keys": keys_of(spec, model),
        },
        "environment": {"python": "3.13.0", "pymc": "6.4.0", "arviz-stats": "1.3.3"},
        "settings": {"draws": 1000, "chains": 4},
        "asked": {"tier": "full", "select": [], "ignore": []},
        "seed": 1,
        "findings": [],
        "estimates": [{"name": "a"}],
        "levels_not_listed": {},
    }
    change(made)
    return made


def causes(**options: Any) -> list[Cause]:
    return find_causes(baseline(), baseline(**options))


def said(**options: Any) -> list[tuple[str, str]]:
    return [(c.part, c.said) for c in causes(**options)]


def test_nothing_differs_from_itself() -> None:
    assert said() == []
    assert list(remarks(baseline(), baseline())) == []


@pytest.mark.parametrize(
    ("prior", "words"),
    [
        (lambda: pm.HalfCauchy.dist(25), "HalfCauchy(25)"),
        (lambda: pm.HalfNormal.dist(5), "HalfNormal(5)"),
        (lambda: pm.Exponential.dist(0.2), "Exponential(mean 5)"),
    ],
)
def test_a_changed_hyperprior_is_named_in_words(prior: Any, words: str) -> None:
    assert said(tau=prior) == [("spec", f"the prior of tau: HalfCauchy(5) → {words}")]


def test_priors_that_read_alike_are_told_apart_exactly() -> None:
    only = said(tau=lambda: pm.HalfCauchy.dist(5.0001))
    assert only == [
        ("spec", "the prior of tau: HalfCauchy(5) with beta=5.0 → HalfCauchy(5) with beta=5.0001")
    ]


def test_a_changed_likelihood_is_named() -> None:
    assert said(likelihood=pm.Laplace) == [
        (
            "spec",
            "the likelihood of y: Normal(f(slope, x, theta), 1) → Laplace(f(slope, x, theta), 1)",
        )
    ]


def test_what_is_computed_otherwise_is_named() -> None:
    assert said(squared=True) == [("spec", "how theta is computed (f(tau, z), one per site)")]


def test_a_new_variable_is_named() -> None:
    found = said(extra=True)
    assert ("spec", "the prior of extra: nothing → Normal(0, 1)") in found
    assert {part for part, _ in found} == {"spec"}


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"y": (1.0, 2.0, 4.0, 3.5)}, ["the observed data y"]),
        ({"x": (1.0, 1.0, 0.0, 1.0)}, ["the data x"]),
        ({"labels": "abd"}, ["the labels of site"]),
        ({"index": INDEX[::-1].copy()}, ["the arrays of numbers that y is computed from"]),
        (
            {
                "y": (*Y, 1.0),
                "x": (0.0, 1.0, 0.0, 1.0, 1.0),
                "index": np.array([0, 0, 1, 2, 2]),
            },
            [
                "the observed data y",
                "the data x",
                "the arrays of numbers that y is computed from",
            ],
        ),
        (
            {"labels": "abcd", "index": np.array([0, 1, 2, 3])},
            ["the labels of site", "the arrays of numbers that y is computed from"],
        ),
    ],
    ids=str,
)
def test_changed_data_are_data_and_not_spec(options: dict[str, Any], what: list[str]) -> None:
    assert said(**options) == [("data", w) for w in what]


def test_a_changed_decision_is_named() -> None:
    assert said(decisions={"go": large}) == [("spec", "the code of the decision go")]


def test_a_decision_that_is_no_longer_declared_is_named() -> None:
    assert said(decisions={}) == [("spec", "the code of the decision go: declared → nothing")]


def test_what_only_changes_verdicts_moves_nothing() -> None:
    found = causes(thresholds={"SMP301": {"limit": 1.05}})
    assert [(c.said, c.moves) for c in found] == [
        ("the thresholds of SMP301: nothing → {'limit': 1.05}", False)
    ]


def upgrade(package: str) -> Callable[[dict[str, Any]], Any]:
    return lambda made: made["environment"].update({package: "99"})


def test_an_upgrade_names_the_package() -> None:
    assert said(change=upgrade("arviz-stats")) == [("versions", "arviz-stats: 1.3.3 → 99")]


def test_an_upgrade_that_changes_graphs_is_not_taken_for_a_changed_spec() -> None:
    def other(made: dict[str, Any]) -> None:
        made["environment"]["pymc"] = "99"
        for variable in made["spec"]["variables"]:
            variable["key"] += "x"
        for entry in made["spec"]["keys"]["options"]["decisions"].values():
            entry["key"] += "x"

    assert said(change=other) == [("versions", "pymc: 6.4.0 → 99")]
    assert "in words" in next(remarks(baseline(), baseline(change=other)))


def test_seed_and_settings_are_named() -> None:
    def other(made: dict[str, Any]) -> None:
        made["seed"] = 2
        made["settings"] = {"draws": 500, "chains": 4}
        made["asked"]["select"] = ["SMP"]

    assert said(change=other) == [
        ("settings", "draws per chain: 1000 → 500"),
        ("settings", "--select: none → SMP"),
        ("seed", "1 → 2"),
    ]
