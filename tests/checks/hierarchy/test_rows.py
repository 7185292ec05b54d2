"""Rows, groups and design values read off models, against what the models were built from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytest

from poolwise.checks.hierarchy import Level, NotUnderstood, Rows, discover, rows_of

RNG = np.random.default_rng(1)
GROUP = RNG.integers(0, 6, size=40)
OTHER = RNG.integers(0, 3, size=40)
X = RNG.normal(size=40)
Y = RNG.normal(size=40)


def found_in(model: pm.Model, effect: str = "theta", points: int = 2) -> Rows:
    names = sorted({rv.name for rv in model.free_RVs} | {effect})
    values = pm.draw([model[n] for n in names], draws=points, random_seed=3)
    at = [{n: v[i] for n, v in zip(names, values, strict=True)} for i in range(points)]
    level = discover(model, {"group": Level(effect=effect, scale="tau")}).levels["group"]
    return rows_of(model, level, at)


def hierarchy(mean: Callable[[pm.Model, Any], Any], *, centred: bool = True) -> pm.Model:
    with pm.Model() as model:
        tau = pm.HalfNormal("tau", 1)
        if centred:
            theta = pm.Normal("theta", 0, tau, shape=6)
        else:
            z = pm.Normal("z", 0, 1, shape=6)
            theta = pm.Deterministic("theta", 3 + tau * z)
        pm.Normal("y", mean(model, theta), 2, observed=Y)
    return model


def one_hot(_: pm.Model, theta: object) -> object:
    design = np.zeros((40, 6))
    design[np.arange(40), GROUP] = 1
    return pm.math.dot(design, theta)


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize(
    ("mean", "design"),
    [
        (lambda m, theta: theta[GROUP], np.ones(40)),
        (one_hot, np.ones(40)),
        (lambda m, theta: theta[GROUP] * X, X),
        (lambda m, theta: pm.Normal("b", 0, 1) * X + theta[GROUP], np.ones(40)),
        (lambda m, theta: theta[GROUP] + pm.Normal("phi", 0, 1, shape=3)[OTHER], np.ones(40)),
    ],
    ids=["index", "one-hot", "slope", "covariate", "crossed"],
)
def test_rows_are_found(
    mean: Callable[[pm.Model, Any], Any], design: np.ndarray, centred: bool
) -> None:
    rows = found_in(hierarchy(mean, centred=centred))
    assert rows.outcome == "y"
    np.testing.assert_array_equal(rows.group, GROUP)
    np.testing.assert_allclose(rows.design, design, atol=1e-9)


def test_the_other_of_two_crossed_levels() -> None:
    model = hierarchy(lambda m, theta: theta[GROUP] + pm.Normal("phi", 0, 1, shape=3)[OTHER])
    np.testing.assert_array_equal(found_in(model, "phi").group, OTHER)


def test_rows_that_the_level_does_not_enter() -> None:
    inside = OTHER > 0
    model = hierarchy(lambda m, theta: theta[GROUP] * inside)
    rows = found_in(model)
    np.testing.assert_array_equal(rows.group, np.where(inside, GROUP, -1))
    np.testing.assert_allclose(rows.design, inside.astype(float), atol=1e-9)


def test_negative_indices_wrap_as_they_do_in_the_model() -> None:
    rows = found_in(hierarchy(lambda m, theta: theta[GROUP - 1]))
    np.testing.assert_array_equal(rows.group, (GROUP - 1) % 6)


@pytest.mark.parametrize(
    ("mean", "said"),
    [
        (lambda m, theta: theta[GROUP] + theta[(GROUP + 1) % 6], "several elements"),
        (lambda m, theta: pm.math.exp(theta[GROUP]), "several elements|not linearly"),
        (lambda m, theta: theta[GROUP] * pm.Normal("a", 0, 1), "depends on other parameters"),
        (lambda m, theta: X, "does not enter"),
    ],
    ids=["two per row", "not linear", "product of parameters", "unused"],
)
def test_what_is_not_understood_is_said(mean: Callable[[pm.Model, Any], Any], said: str) -> None:
    with pytest.raises(NotUnderstood, match=said):
        found_in(hierarchy(mean))


def test_other_families_are_said() -> None:
    with pm.Model() as model:
        theta = pm.Normal("theta", 0, pm.HalfNormal("tau", 1), shape=6)
        pm.Poisson("y", pm.math.exp(theta[GROUP]), observed=RNG.poisson(3, size=40))
    with pytest.raises(NotUnderstood, match="y is Poisson"):
        found_in(model)


def test_two_outcomes_are_said() -> None:
    with pm.Model() as model:
        theta = pm.Normal("theta", 0, pm.HalfNormal("tau", 1), shape=6)
        pm.Normal("y", theta[GROUP], 1, observed=Y)
        pm.Normal("x", theta[GROUP], 1, observed=X)
    with pytest.raises(NotUnderstood, match="more than one likelihood"):
        found_in(model)
