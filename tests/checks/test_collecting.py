"""What more data would leave: against joint normal posteriors, quadrature and simulated futures."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from poolwise.checks import decompose, examples
from poolwise.checks.collecting import remaining, what_to_collect
from poolwise.checks.draws import SAMPLE, mcse_of_mean

Array = NDArray[np.float64]
ERRORS = 4.0


def joint_posterior(information: Array, tau: float, location_sd: float) -> Array:
    """Covariance of (theta, mu) given the rows, by inverting their joint precision."""
    j = information.size
    precision = np.zeros((j + 1, j + 1))
    precision[:j, :j] = np.diag(information + tau**-2)
    precision[:j, j] = precision[j, :j] = -(tau**-2)
    precision[j, j] = j * tau**-2 + location_sd**-2
    return np.asarray(np.linalg.inv(precision))


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.floats(0.01, 50), min_size=1, max_size=8),
    st.floats(0.05, 20),
    st.sampled_from([0.5, 5.0, np.inf]),
    st.sampled_from([(1, 1), (2, 1), (1, 2), (3, 3)]),
)
def test_variances_are_those_of_the_joint_posterior(
    information: list[float], tau: float, location_sd: float, more: tuple[int, int]
) -> None:
    rows, groups = more
    found = remaining(
        xr.DataArray(tau),
        xr.DataArray(information, dims="group"),
        rows=rows,
        groups=groups,
        location_sd=location_sd,
    )
    wanted = joint_posterior(rows * np.tile(information, groups), tau, location_sd)
    assert_allclose(found.location, wanted[-1, -1], rtol=1e-8)
    assert_allclose(found.effect, np.diag(wanted)[: len(information)], rtol=1e-8)


def left(tau: float, information: list[float], **more: float) -> tuple[float, float]:
    found = remaining(xr.DataArray(tau), xr.DataArray(information, dims="group"), **more)
    return float(found.effect.mean()), float(found.location)


def test_limits() -> None:
    # No spread: one population, known by all rows together; rows and groups are worth the same.
    assert_allclose(left(0.0, [2.0, 3.0]), [1 / 5, 1 / 5])
    assert left(0.0, [2.0, 3.0], rows=2) == left(0.0, [2.0, 3.0], groups=2)
    # Endless rows: effects are known, the population is as certain as its J groups allow.
    effect, location = left(1.5, [1e12] * 4)
    assert_allclose(effect, 0, atol=1e-11)
    assert_allclose(location, 1.5**2 / 4)
    assert_allclose(left(1.5, [1e12] * 4, rows=2)[1], location)
    assert_allclose(left(1.5, [1e12] * 4, groups=2)[1], location / 2)
    # A wide population: no pooling.
    assert_allclose(left(1e6, [2.0, 4.0])[0], np.mean([0.5, 0.25]), rtol=1e-9)
    # One group and a flat location: its own rows are all there is.
    assert_allclose(left(0.7, [2.0])[0], 0.5)
    # A group without rows is a new group.
    found = remaining(xr.DataArray(0.7), xr.DataArray([2.0, 3.0, 0.0], dims="group"))
    assert_allclose(found.effect[2], 0.7**2 + float(found.location))
    # A known location leaves nothing to learn about it.
    effect, location = left(0.7, [2.0, 3.0], location_sd=0.0)
    assert location == 0
    assert_allclose(effect, np.mean([1 / (2 + 0.7**-2), 1 / (3 + 0.7**-2)]))


def test_given_the_scales_adds_up_to_the_posterior() -> None:
    """Var(theta|y) = E[Var(theta|y, tau)] + Var(E[theta|y, tau]), from exact draws."""
    schools = examples.eight_schools()
    level = schools.get("levels")["school"]
    found = what_to_collect(level, location_sd=5.0)
    tau, information = level["scale"], level["information"]
    a = information / (1 + tau**2 * information)
    location = (a * level["raw"]).sum("group") / (a.sum("group") + 1 / 25)
    weight = tau**2 * information / (1 + tau**2 * information)
    mean = weight * level["raw"] + (1 - weight) * location
    between = ((mean - mean.mean(SAMPLE)) ** 2).mean("group")
    for one, moved in ((found[0], between), (found[2], (location - location.mean()) ** 2)):
        error = np.sqrt(one.total_mcse**2 + one.now.mcse**2 + mcse_of_mean(moved) ** 2)
        assert abs(one.total - one.now.mean - float(moved.mean())) <= ERRORS * error


def test_totals_are_those_of_the_decomposition() -> None:
    level = examples.eight_schools().get("levels")["school"]
    parts = {d.target: d for d in decompose(level)}
    for one in what_to_collect(level)[::2]:
        assert_allclose(one.total, parts[one.target].epistemic, rtol=1e-9)
        assert one.target in parts
    observed, in_observed, new, in_new = what_to_collect(level)
    assert (observed.now, new.now) == (in_observed.now, in_new.now)


@pytest.mark.slow
def test_simulated_futures_leave_no_less_than_the_closed_form() -> None:
    """Eight schools, studied twice: simulate what a second round would show, by quadrature."""
    y = np.array(examples.RUBIN_Y)
    s = np.array(examples.RUBIN_SIGMA)
    rng = np.random.default_rng(11)
    _, _, theta = examples.exact_draws(y, s, mu_scale=5.0, tau_scale=5.0, rng=rng, size=(1, 3000))
    again = theta[0] + s * rng.normal(size=theta[0].shape)
    pooled = (y + again) / 2
    grid = np.concatenate([np.linspace(0.01, 30, 400), np.geomspace(30.1, 3000, 100)])
    step = np.gradient(grid)
    own, prior = s**2 / 2, 1 / 25.0
    precision = 1 / (own + grid[:, None] ** 2)  # (tau, group)
    total = precision.sum(1) + prior
    location = pooled @ precision.T / total  # (future, tau)
    log_density = (
        0.5 * np.log(precision).sum(1)
        - 0.5 * np.log(total)
        - 0.5 * (pooled**2) @ precision.T
        + 0.5 * location**2 * total
        - np.log1p((grid / 5) ** 2)
    )
    mass = np.exp(log_density - log_density.max(1, keepdims=True)) * step
    mass /= mass.sum(1, keepdims=True)
    spread_location = (
        mass @ (1 / total) + (mass * location**2).sum(1) - (mass * location).sum(1) ** 2
    )
    weight = grid[:, None] ** 2 / (grid[:, None] ** 2 + own)
    given_tau = weight * own + (1 - weight) ** 2 / total[:, None]
    effect = weight * pooled[:, None, :] + (1 - weight) * location[:, :, None]
    mean = np.einsum("ft,ftj->fj", mass, effect)
    spread = np.einsum("ft,tj->fj", mass, given_tau)
    spread = spread + np.einsum("ft,ftj->fj", mass, effect**2) - mean**2
    level = examples.eight_schools().get("levels")["school"]
    observed, _, new, _ = what_to_collect(level, location_sd=5.0)
    for one, after in ((observed, spread.mean(1)), (new, spread_location)):
        error = np.hypot(after.std(ddof=1) / np.sqrt(after.size), one.more_rows.mcse)
        assert after.mean() >= one.more_rows.mean - ERRORS * error
        assert after.mean() <= one.total + ERRORS * np.hypot(error, one.total_mcse)


def normal_level(tau: float, sigma: float, rows: list[int], seed: int = 0) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    shape = (2, 500, len(rows))
    noise = sigma * np.exp(0.02 * rng.normal(size=shape[:2]))
    return xr.Dataset(
        {
            "effect": ((*SAMPLE, "group"), rng.normal(size=shape)),
            "location": (SAMPLE, rng.normal(size=shape[:2])),
            "scale": (SAMPLE, tau * np.exp(0.1 * rng.normal(size=shape[:2]))),
            "information": ((*SAMPLE, "group"), np.array(rows) / noise[..., None] ** 2),
            "rows": ("group", np.array(rows, float)),
        }
    )


def test_rows_help_the_observed_and_groups_the_new() -> None:
    observed, _, new, _ = what_to_collect(normal_level(1.0, 1.0, [20] * 6))
    assert observed.better() == "rows"
    assert new.better() == "groups"
    # Per draw: rows halve the noise of a group mean, groups halve what is unknown of the mean.
    assert_allclose(new.more_groups.mean, new.now.mean / 2)
    assert new.more_rows.mean > 0.9 * new.now.mean
    assert observed.more_rows.mean < 0.6 * observed.now.mean


def test_no_answer_where_both_are_worth_the_same() -> None:
    observed, _, new, _ = what_to_collect(normal_level(0.0, 1.0, [3, 5, 8]))
    assert observed.better() == ""
    assert new.better() == ""


def test_groups_without_rows_are_not_observed() -> None:
    whole = normal_level(1.0, 1.0, [4, 9, 0])
    found = what_to_collect(whole)
    fewer = what_to_collect(whole.isel(group=[0, 1]))
    assert_allclose(found[0].now.mean, fewer[0].now.mean)
    assert_allclose(found[0].total, fewer[0].total)


def test_heavy_tails_are_said() -> None:
    level = normal_level(1.0, 1.0, [4, 9, 2])
    wild = np.random.default_rng(1).pareto(0.8, size=(2, 500)) + 1
    heavy = what_to_collect(level.assign(scale=(SAMPLE, wild)))
    assert heavy[2].heavy_tailed
    assert heavy[2].better() == "groups"
    assert not what_to_collect(level)[2].heavy_tailed


@pytest.mark.parametrize("name", ["location", "scale"])
def test_groups_of_their_own_have_no_closed_form(name: str) -> None:
    level = normal_level(1.0, 1.0, [4, 9, 2])
    level[name] = level[name] * xr.DataArray([1.0, 2, 3], dims="group")
    with pytest.raises(ValueError, match=f"one common {name}"):
        what_to_collect(level)


def test_without_information_the_reason_is_given() -> None:
    level = normal_level(1.0, 1.0, [4, 9]).drop_vars("information")
    with pytest.raises(ValueError, match="no normal outcome"):
        what_to_collect(level.assign_attrs(why_no_information="no normal outcome"))
