"""Numbers that a sweep computes under weights, against closed forms and other draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from poolwise.checks import decompose, examples, pooling_factor
from poolwise.checks.draws import mcse_of_mean
from poolwise.checks.more_data import expected_shift, smallest
from poolwise.checks.shares import shares_of
from poolwise.checks.weighted import SUMMARY, weighted_summaries

EQUAL = np.ones((1, examples.CHAINS, examples.DRAWS))


def level(**options: Any) -> xr.Dataset:
    found: xr.Dataset = examples.eight_schools(**options).get("levels")["school"]
    return found


def test_without_weights_shares_are_those_of_the_review() -> None:
    found = examples.forty_groups().get("levels")["school"]
    shares = shares_of("school", found, EQUAL)[0]
    assert shares["school: pooling factor"].value == pytest.approx(pooling_factor(found).factor)
    for target in decompose(found)[1:]:
        share = shares[f"school: aleatory share, {target.target}"]
        assert share.value == pytest.approx(1 - target.epistemic_share, rel=1e-3)
        assert share.mcse == pytest.approx(target.share_mcse, rel=0.5)


def test_weighted_shares_agree_with_draws_of_the_alternative() -> None:
    """Half-Cauchy(20) from draws under half-Cauchy(5), by importance weights."""
    base, other = level(tau_scale=5.0), level(tau_scale=20.0, seed=3)
    tau = base["scale"].values
    weights = (1 + (tau / 5) ** 2) / (1 + (tau / 20) ** 2)
    ours = shares_of("school", base, weights[None])[0]
    theirs = shares_of("school", other, EQUAL)[0]
    assert ours.keys() == theirs.keys()
    assert len(ours) == 7
    for label, share in ours.items():
        if np.isfinite(share.value):
            error = np.hypot(share.mcse, theirs[label].mcse)
            assert abs(share.value - theirs[label].value) < 4 * error, label


def test_batch_means_know_the_dependence_between_draws() -> None:
    """An autoregression of correlation 0.8 has a mean nine times as uncertain in variance."""
    rng = np.random.default_rng(5)
    noise = rng.normal(size=(4, 4000))
    x = np.zeros_like(noise)
    for t in range(1, 4000):
        x[:, t] = 0.8 * x[:, t - 1] + 0.6 * noise[:, t]
    draws = xr.Dataset({"x": (("chain", "draw"), x)})
    kept = dict(
        zip(SUMMARY, weighted_summaries(draws, np.ones((1, 4, 4000)))[0]["x"].values, strict=True)
    )
    assert kept["mcse"] == pytest.approx(3 / np.sqrt(16_000), rel=0.35)
    assert kept["mcse"] == pytest.approx(mcse_of_mean(draws["x"]), rel=0.35)
    assert kept["mean"] == pytest.approx(x.mean())


LOG_TAU = np.linspace(-7, 7, 400) + np.log(8.0)
NOISE = np.array([15.0, 10, 16, 11, 9, 11, 10, 18]) ** 2


def log_cauchy(scale: float) -> np.ndarray:
    return np.asarray(LOG_TAU - np.log1p((np.exp(LOG_TAU) / scale) ** 2))


def shift_of(y: np.ndarray, variances: np.ndarray, scales: tuple[float, float]) -> float:
    """Shift of the spread between two half-Cauchys by quadrature, with a flat mean."""
    tau = np.exp(LOG_TAU)
    precision = 1 / (tau[:, None] ** 2 + variances)
    total = precision.sum(1)
    fit = 0.5 * (np.log(precision).sum(1) - np.log(total) - (precision * y**2).sum(1))
    fit += 0.5 * (precision * y).sum(1) ** 2 / total
    moments = []
    for scale in scales:
        log_density = fit + log_cauchy(scale)
        p = np.exp(log_density - log_density.max())
        p /= p.sum()
        mean = p @ tau
        moments.append((mean, np.sqrt(p @ (tau - mean) ** 2)))
    return float(abs(moments[1][0] - moments[0][0]) / moments[0][1])


def test_so_many_groups_are_needed_for_the_data_to_decide() -> None:
    """Simulated data of half as many groups follow the prior, of twice as many they do not."""
    base, ratio = log_cauchy(5.0), log_cauchy(1.25) - log_cauchy(5.0)
    sizes = np.geomspace(2, 1e5, 100)
    shifts = expected_shift(LOG_TAU, base, ratio, 8.0, NOISE, sizes, np.ones_like(sizes))
    needed = smallest(sizes, shifts, 0.3)
    rng = np.random.default_rng(6)

    def typical(groups: int) -> float:
        variances = np.resize(NOISE, groups)
        found = [
            shift_of(3 + rng.normal(size=groups) * np.sqrt(64 + variances), variances, (5.0, 1.25))
            for _ in range(25)
        ]
        return float(np.median(found))

    assert typical(round(needed / 2)) > 0.3 > typical(round(2 * needed))


def test_known_spreads_have_the_information_of_theory() -> None:
    """With many groups the posterior of the log spread has variance 1 / (2 J w²)."""
    tau, noise = 10.0, np.full(1, 100.0)
    slope = 0.5
    ratio = slope * (LOG_TAU - np.log(tau))
    sizes = np.array([150.0, 180.0, 1000.0])
    found = expected_shift(LOG_TAU, 0 * LOG_TAU, ratio, tau, noise, sizes, np.ones(3))
    np.testing.assert_allclose(found, slope / np.sqrt(2 * sizes * 0.25), rtol=0.1)
    assert smallest(sizes, found, 0.04) == 1000.0
    assert smallest(sizes, found, 0.001) == np.inf
