"""Predictions of a group without data, against simulation and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose
from scipy import stats

from poolwise.checks import decompose, examples
from poolwise.checks.draws import SAMPLE
from poolwise.checks.new_group import Prediction, predict_new_group

ERRORS = 4.0


def test_without_uncertainty_it_is_one_normal() -> None:
    level = xr.Dataset(
        {
            "location": (SAMPLE, np.full((2, 50), 3.0)),
            "scale": (SAMPLE, np.full((2, 50), 2.0)),
            "noise_variance": ((*SAMPLE, "group"), np.full((2, 50, 4), 5.0)),
            "other": ((*SAMPLE, "group"), np.full((2, 50, 4), 1.0)),
            "design": ("group", np.ones(4)),
        }
    )
    effect, observation = predict_new_group(level, probability=0.9)
    for found, law in ((effect, stats.norm(3, 2)), (observation, stats.norm(4, 3))):
        assert_allclose([found.low, found.median, found.high], law.ppf([0.05, 0.5, 0.95]))
        assert_allclose(found.mean, law.mean())
        assert found.mcse == found.low_mcse == found.high_mcse == 0


def test_a_scaled_inverse_chi_square_gives_a_t() -> None:
    """tau^2 ~ inverse gamma: the effect of a new group is Student-t, exactly."""
    rng = np.random.default_rng(1)
    nu, size = 6.0, (4, 5000)
    level = xr.Dataset(
        {
            "location": (SAMPLE, np.full(size, 1.0)),
            "scale": (SAMPLE, np.sqrt(nu / rng.chisquare(nu, size=size))),
        }
    )
    (effect,) = predict_new_group(level)
    law = stats.t(nu, loc=1.0)
    close(effect.low, law.ppf(0.055), effect.low_mcse)
    close(effect.high, law.ppf(0.945), effect.high_mcse)
    assert_allclose(effect.median, 1.0)


def close(value: float, reference: float, mcse: float) -> None:
    assert mcse > 0
    assert abs(value - reference) <= ERRORS * mcse, f"{value:.4f}, {reference:.4f} ± {mcse:.4f}"


def test_eight_schools_agree_with_simulated_schools() -> None:
    """Replicated sets of draws: ends of the interval vary by as much as their error says."""
    found: list[list[Prediction]] = [
        predict_new_group(examples.eight_schools(seed=seed).get("levels")["school"])
        for seed in range(30)
    ]
    rng = np.random.default_rng(2)
    mu, tau, _ = examples.exact_draws(
        np.array(examples.RUBIN_Y),
        np.array(examples.RUBIN_SIGMA),
        mu_scale=5.0,
        tau_scale=5.0,
        rng=rng,
        size=(1, 1_000_000),
    )
    noise = np.sqrt(np.mean(np.square(examples.RUBIN_SIGMA)))
    effect = (mu + tau * rng.normal(size=mu.shape)).ravel()
    observation = effect + noise * rng.normal(size=effect.size)
    for k, simulated in enumerate((effect, observation)):
        for name, q in (("low", 0.055), ("median", 0.5), ("high", 0.945)):
            ours = np.array([getattr(f[k], name) for f in found])
            stated = np.array([getattr(f[k], f"{name}_mcse") for f in found])
            spread = ours.std(ddof=1)
            wanted = np.quantile(simulated, q)
            # The reference has the error of one million draws against thirty times 4,000.
            close(ours.mean(), wanted, spread * np.sqrt(1 / 30 + 4000 / 1e6 * 4))
            # An sd of 30 values is known to within 1 / sqrt(58) of itself.
            assert abs(stated.mean() / spread - 1) < ERRORS * 0.131


def test_intervals_of_normal_hyperparameters_match_their_variance() -> None:
    """Nearly known scales: half the interval is z times the sd of the decomposition."""
    rng = np.random.default_rng(3)
    size = (4, 2000)
    level = xr.Dataset(
        {
            "effect": ((*SAMPLE, "group"), rng.normal(size=(*size, 5))),
            "location": (SAMPLE, 0.5 * rng.normal(size=size)),
            "scale": (SAMPLE, np.full(size, 2.0)),
            "noise_variance": ((*SAMPLE, "group"), np.full((*size, 5), 4.0)),
            "other": ((*SAMPLE, "group"), np.zeros((*size, 5))),
            "design": ("group", np.ones(5)),
        }
    )
    variance = {d.target: d.total for d in decompose(level)}
    for found in predict_new_group(level):
        half = (found.high - found.low) / 2
        error = np.hypot(found.low_mcse, found.high_mcse)
        close(half, stats.norm.ppf(0.945) * np.sqrt(variance[found.target]), float(error))


def test_a_known_location_of_no_spread_is_a_point() -> None:
    level = xr.Dataset(
        {"location": (SAMPLE, np.full((2, 10), 2.0)), "scale": (SAMPLE, np.zeros((2, 10)))}
    )
    (effect,) = predict_new_group(level)
    assert (effect.low, effect.median, effect.high) == (2.0, 2.0, 2.0)
    moving = level.assign(location=(SAMPLE, np.random.default_rng(0).normal(size=(2, 10))))
    (effect,) = predict_new_group(moving, probability=0.5)
    assert effect.low == np.quantile(moving["location"], 0.25)
    assert effect.low_mcse > 0


def test_rows_that_differ_in_design_have_no_one_observation() -> None:
    size = (2, 20)
    level = xr.Dataset(
        {
            "location": (SAMPLE, np.ones(size)),
            "scale": (SAMPLE, np.ones(size)),
            "noise_variance": ((*SAMPLE, "group"), np.ones((*size, 2))),
            "other": ((*SAMPLE, "group"), np.zeros((*size, 2))),
            "design": ("group", np.zeros(2)),
            "design_squared": ("group", np.array([10.0, 10])),
            "rows": ("group", np.array([4.0, 4])),
        }
    )
    assert [p.target for p in predict_new_group(level)] == ["effect of a new group"]


@pytest.mark.parametrize("tau", [1e-3, 1.0, 1e3])
def test_the_interval_holds_its_probability(tau: float) -> None:
    rng = np.random.default_rng(4)
    size = (4, 1000)
    mu, scale = rng.standard_t(3, size=size), tau * np.exp(rng.normal(size=size))
    level = xr.Dataset({"location": (SAMPLE, mu), "scale": (SAMPLE, scale)})
    (effect,) = predict_new_group(level, probability=0.5)
    inside = stats.norm.cdf(effect.high, mu, scale) - stats.norm.cdf(effect.low, mu, scale)
    assert_allclose(inside.mean(), 0.5, atol=1e-9)
