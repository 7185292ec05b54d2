"""What only a declaration settles, and what declarations settle besides."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest

from poolwise.checks.hierarchy import Level, discover

RNG = np.random.default_rng(5)
J, N = 8, 64
GROUP = RNG.permutation(np.arange(N) % J)
ITEM = RNG.integers(0, 4, N)
Y = RNG.normal(size=N)
LEVEL = Level(effect="theta", location="mu", scale="tau")


def hyperpriors() -> tuple[pm.Normal, pm.HalfNormal]:
    return pm.Normal("mu", 0, 1), pm.HalfNormal("tau", 1)


def test_a_loop_of_scalars() -> None:
    with pm.Model() as model:
        mu, tau = hyperpriors()
        theta = pm.math.stack([pm.Normal(f"th_{j}", mu, tau) for j in range(J)])
        pm.Deterministic("theta", theta)
        pm.Normal("y", theta[GROUP], 1, observed=Y)
    found = discover(model, {"school": LEVEL})
    assert list(found.levels) == ["school"]
    assert found.levels["school"].variables == tuple(f"th_{j}" for j in range(J))
    assert not found.unclear
    np.testing.assert_array_equal(found.members["school"].group, GROUP)
    np.testing.assert_allclose(found.members["school"].design, 1)


def test_a_loop_of_scalar_offsets() -> None:
    with pm.Model() as model:
        mu, tau = hyperpriors()
        parts = [mu + tau * pm.Normal(f"z_{j}", 0, 1) for j in range(J)]
        theta = pm.Deterministic("theta", pm.math.stack(parts))
        pm.Normal("y", theta[GROUP], 1, observed=Y)
    found = discover(model, {"school": LEVEL})
    assert set(found.levels["school"].variables) == {f"z_{j}" for j in range(J)}
    assert not found.unclear
    np.testing.assert_array_equal(found.members["school"].group, GROUP)


def test_halves_put_together() -> None:
    with pm.Model() as model:
        mu, tau = hyperpriors()
        first = pm.Normal("first", mu, tau, shape=4)
        second = mu + tau * pm.Normal("z", 0, 1, shape=4)
        theta = pm.Deterministic("theta", pm.math.concatenate([first, second]))
        pm.Normal("y", theta[GROUP], 1, observed=Y)
    found = discover(model, {"school": LEVEL})
    assert list(found.levels) == ["school"]
    assert found.levels["school"].variables == ("first", "z")
    assert found.offsets == {"z"}
    assert not found.unclear
    np.testing.assert_array_equal(found.members["school"].group, GROUP)


def test_a_sum_to_zero_basis() -> None:
    basis = np.linalg.qr(np.c_[np.ones(J), np.eye(J)[:, : J - 1]])[0][:, 1:]
    with pm.Model() as model:
        z, tau = pm.Normal("z", 0, 1, shape=J - 1), pm.HalfNormal("tau", 1)
        u = pm.Deterministic("u", tau * pm.math.dot(basis, z))
        pm.Normal("y", pm.Normal("a", 0, 1) + u[GROUP], 1, observed=Y)
    found = discover(model, {"school": Level(effect="u", scale="tau")})
    level = found.levels["school"]
    assert (level.family, level.variables) == ("ZeroSumNormal", ("z",))
    assert not found.unclear
    np.testing.assert_array_equal(found.members["school"].group, GROUP)


def test_item_response() -> None:
    with pm.Model() as model:
        one = pm.Deterministic("one", pm.math.constant(1.0))
        loading = pm.LogNormal("loading", 0, 0.5, shape=4)
        ability, difficulty = pm.Normal("ability", 0, 1, shape=J), pm.Normal("d", 0, one, shape=4)
        logit = loading[ITEM] * (ability[GROUP] - difficulty[ITEM])
        pm.Bernoulli("y", logit_p=logit, observed=Y > 0)
    found = discover(model, {"person": Level(effect="ability", scale="one")})
    assert list(found.levels) == ["person"]
    np.testing.assert_array_equal(found.members["person"].group, GROUP)
    assert "other parameters" in found.members["person"].why_no_design
    assert set(found.unclear) == {"d", "loading"}


def test_effects_in_a_potential() -> None:
    with pm.Model() as model:
        mu, tau = hyperpriors()
        theta = pm.Normal("theta", mu, tau, shape=J)
        log_density = pm.logp(pm.Normal.dist(theta[GROUP], pm.HalfNormal("sigma", 1)), Y)
        pm.Potential("likelihood", log_density.sum())
    found = discover(model, {"school": LEVEL})
    assert found.members["school"].enters == "likelihood"
    np.testing.assert_array_equal(found.members["school"].group, GROUP)
    np.testing.assert_allclose(found.members["school"].design, 1)


def test_a_coarser_level_above_is_not_settled_along() -> None:
    site_of = np.repeat([0, 1], 4)
    with pm.Model(coords={"site": range(2), "plot": range(J)}) as model:
        site = pm.HalfNormal("s", 1) * pm.Normal("z_site", 0, 1, dims="site")
        offsets = pm.HalfNormal("tau", 1) * pm.Normal("z_plot", 0, 1, dims="plot")
        theta = pm.Deterministic("theta", site[site_of] + offsets, dims="plot")
        pm.Normal("y", theta[GROUP], 1, observed=Y)
    found = discover(model, {"plot": Level(effect="theta", scale="tau")})
    assert set(found.levels) == {"plot", "site"}
    assert found.levels["plot"].variables == ("z_plot",)
    np.testing.assert_array_equal(found.members["site"].group, site_of[GROUP])


@pytest.mark.parametrize("vector", [True, False])
def test_location_and_scale_may_be_vectors_or_numbers(vector: bool) -> None:
    slope = np.linspace(-1, 1, J) if vector else np.array(1.0)
    with pm.Model() as model:
        centre = pm.Deterministic("mu", pm.Normal("b", 0, 1) * slope)
        spread = pm.Deterministic("tau", pm.HalfNormal("t", 1) * np.abs(slope))
        theta = pm.Deterministic("theta", centre + spread * pm.Normal("z", 0, 1, shape=J))
        pm.Normal("y", theta[GROUP], 1, observed=Y)
    level = discover(model, {"school": LEVEL}).levels["school"]
    assert level.variables == ("z",)
    assert (level.location.ndim, level.scale.ndim) == ((1, 1) if vector else (0, 0))
