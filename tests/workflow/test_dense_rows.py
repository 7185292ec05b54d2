"""Levels whose effects share their rows: the ridge problem of a linear inverse problem."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pymc as pm
import pytest
import xarray as xr
from numpy.testing import assert_allclose

from poolwise.checks import Level
from poolwise.checks.hierarchy import read_hierarchy
from poolwise.checks.penalty import NotLinear, choices_of, classical_markers, dense, ridge_of
from poolwise.checks.ridge_equivalent import effective_groups, equivalent_penalty
from poolwise.workflow.levels.datasets import level_dataset
from poolwise.workflow.specs.loading import load_specs
from poolwise.workflow.specs.spec import ModelSpec

DECONVOLUTION = Path(__file__).parents[2] / "tutorials" / "models" / "deconvolution.py"

RNG = np.random.default_rng(11)
BLUR, Y = RNG.normal(size=(12, 5)), RNG.normal(size=12)


def draws_of(model: pm.Model) -> xr.Dataset:
    values = pm.draw(model.free_RVs, draws=6, random_seed=1, mode="FAST_COMPILE")
    found = {}
    for rv, value in zip(model.free_RVs, values, strict=True):
        dims = [f"{rv.name}_{k}" for k in range(value.ndim - 1)]
        found[rv.name] = (("chain", "draw", *dims), value.reshape(2, 3, *value.shape[1:]))
    return xr.Dataset(found)


def level_of(model: pm.Model, *, rows: bool = True) -> xr.Dataset:
    found = read_hierarchy(model, levels={"part": Level(effect="part", scale="tau")})
    return level_dataset(model, found, "part", draws_of(model), rows=rows)


def blurred(centred: bool = True, known: bool = False, nu: float | None = None) -> pm.Model:
    with pm.Model(coords={"piece": range(5)}) as model:
        mu, tau = pm.Normal("mu", 0, 3), pm.HalfNormal("tau", 1)
        if centred:
            part = pm.Normal("part", 0, tau, dims="piece")
        else:
            part = pm.Deterministic("part", tau * pm.Normal("z", dims="piece"), dims="piece")
        sigma = np.linspace(0.5, 2, 12) if known else pm.HalfNormal("sigma", 1)
        mean = 2 + mu + BLUR @ part
        if nu is None:
            pm.Normal("y", mean, sigma, observed=Y)
        else:
            pm.StudentT("y", nu=nu, mu=mean, sigma=sigma, observed=Y)
    return model


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("known", [True, False])
def test_rows_are_read_off_the_model(centred: bool, known: bool) -> None:
    level = level_of(blurred(centred, known))
    assert_allclose(level["row_effects"], BLUR, atol=1e-9)
    assert_allclose(level["row_outcome"], Y - 2, atol=1e-9)
    assert_allclose(level["row_population"], np.ones((12, 1)), atol=1e-9)
    if known:
        assert_allclose(level["row_noise"], np.linspace(0.5, 2, 12))
        assert_allclose(level["row_variance"], 1 / np.mean(np.linspace(0.5, 2, 12) ** -2.0))
    else:
        assert "row_noise" not in level
        sigma = draws_of(blurred(centred))["sigma"].values
        assert_allclose(level["row_variance"], sigma**2)
    noise = np.linspace(0.5, 2, 12) if known else None
    by_hand = classical_markers(dense(Y, np.ones((12, 1)), BLUR, noise=noise))
    for found, expected in zip(choices_of(level).markers, by_hand, strict=True):
        assert (found.method, found.outcome) == (expected.method, expected.outcome)
        assert_allclose(found.penalty, expected.penalty, rtol=1e-6)


def test_effective_groups_are_the_trace_of_the_hat_matrix() -> None:
    level = level_of(blurred())
    lam = equivalent_penalty(level).values
    assert_allclose(lam, (level["row_variance"] / level["scale"] ** 2).values)
    both = np.column_stack([np.ones(12), BLUR])
    hats = [
        both @ np.linalg.solve(both.T @ both + np.diag([0, *[v] * 5]), both.T) for v in lam.ravel()
    ]
    assert_allclose(effective_groups(level).values.ravel(), [np.trace(h) - 1 for h in hats])


def test_draws_of_the_prior_hold_no_rows() -> None:
    level = level_of(blurred(), rows=False)
    assert "row_variance" in level
    assert "row_effects" not in level


def test_why_there_are_none() -> None:
    with pytest.raises(NotLinear, match=r"several elements of part; and y is StudentT"):
        ridge_of(level_of(blurred(nu=4.0)))
    with pm.Model() as correlated:
        tau = pm.HalfNormal("tau", 1)
        base = pm.Normal("base", 0, tau, shape=5)
        pm.Deterministic("part", base + 0.5 * base[::-1])
        pm.Normal("y", BLUR @ correlated["part"], 1.0, observed=Y)
    with pytest.raises(NotLinear, match="does not hold one normal variable per effect"):
        ridge_of(level_of(correlated))
    with pm.Model() as bent:
        tau = pm.HalfNormal("tau", 1)
        pm.Normal("part", 0, tau, shape=5)
        pm.Normal("y", pm.math.exp(BLUR @ bent["part"]), 1.0, observed=Y)
    with pytest.raises(NotLinear, match="not linear in part"):
        ridge_of(level_of(bent))


def test_deconvolution_is_tikhonov() -> None:
    (spec,) = (s for s in load_specs(str(DECONVOLUTION)) if s.name == "deconvolution")
    assert isinstance(spec, ModelSpec)
    model, module = spec.build(), spec.build.__globals__
    found = read_hierarchy(model, levels=spec.levels)
    level = level_dataset(model, found, "curvature", draws_of(model))
    blur = module["BLUR"]
    by_hand = blur @ module["INTEGRATE"] @ module["PATTERNS"]
    assert_allclose(level["row_effects"], by_hand, atol=1e-12)
    straight = np.column_stack([np.ones(module["POINTS"]), module["PLACES"]])
    assert_allclose(level["row_population"], blur @ straight, atol=1e-9)
    # In the original basis, where second derivatives are the effects, the choices are the same.
    ridge = dense(module["readings"](), blur @ straight, blur @ module["INTEGRATE"])
    for found_here, there in zip(choices_of(level).markers, classical_markers(ridge), strict=True):
        assert found_here.outcome == there.outcome
        assert_allclose(found_here.penalty, there.penalty, rtol=1e-4)
