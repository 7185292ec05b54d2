"""The blurred signal of the tutorials: draws against exact quadrature, and faulty readings."""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any

import numpy as np
import pymc as pm
import pytest
import xarray as xr
from numpy.testing import assert_allclose
from scipy import stats
from tests.checks.penalty.ridge_problems import ROOT, Array

from poolwise.checks import Evidence, Verdict
from poolwise.checks.draws import mcse_of_mean
from poolwise.checks.penalty import Outcome, classical_markers, dense
from poolwise.checks.predictive import feature_not_reproduced, rows_outside_intervals
from poolwise.checks.words import listed

ERRORS = 4.0


@pytest.fixture(scope="module")
def spec() -> ModuleType:
    path = ROOT / "tutorials" / "models" / "deconvolution.py"
    found = importlib.util.spec_from_file_location("deconvolution", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def faulty(spec: ModuleType) -> Array:
    seen: Array = spec.readings()
    for place, error in spec.FAULTY.items():
        seen[place] += error
    return seen


class Exact:
    """Posterior under normal noise on a grid of (tau, sigma), by dense normal densities."""

    def __init__(self, spec: ModuleType, seen: Array) -> None:
        tau, sigma = np.geomspace(0.02, 40, 90), np.geomspace(0.02, 3, 70)
        base = np.column_stack([np.ones(spec.POINTS), spec.PLACES])
        fixed = base @ np.diag([25.0, 4.0]) @ base.T
        bent = spec.INTEGRATE @ spec.INTEGRATE.T
        log_mass = np.empty((tau.size, sigma.size))
        signals = np.empty((tau.size, sigma.size, spec.POINTS))
        for i, t in enumerate(tau):
            prior = fixed + t**2 * bent
            blurred = spec.BLUR @ prior
            # One decomposition serves every sigma.
            values, vectors = np.linalg.eigh(blurred @ spec.BLUR.T)
            turned = vectors.T @ seen
            for j, s in enumerate(sigma):
                variance = values + s**2
                log_mass[i, j] = -0.5 * (np.log(variance) + turned**2 / variance).sum()
                signals[i, j] = blurred.T @ (vectors @ (turned / variance))
        log_mass += stats.t(3).logpdf(tau)[:, None] + stats.norm.logpdf(sigma)
        log_mass += np.log(tau)[:, None] + np.log(sigma)
        mass = np.exp(log_mass - log_mass.max())
        mass /= mass.sum()
        self.edge = max(m.max() for m in (mass[0], mass[-1], mass[:, 0], mass[:, -1])) / mass.max()
        self.log_penalty = float((mass * 2 * np.log10(sigma / tau[:, None])).sum())
        self.signal: Array = np.einsum("ij,ijk->k", mass, signals)


def error(spec: ModuleType, signal: Array) -> float:
    return float(np.linalg.norm(signal - spec.SIGNAL) / np.linalg.norm(spec.SIGNAL))


def sample(one: Any) -> xr.DataTree:
    import nutpie

    compiled = nutpie.compile_pymc_model(one.build())
    drawn: xr.DataTree = nutpie.sample(
        compiled, draws=1000, tune=1000, chains=4, cores=2, seed=1, progress_bar=False
    )
    return drawn


def check_sampling(drawn: xr.DataTree) -> xr.Dataset:
    import arviz_stats as azs

    posterior: xr.Dataset = drawn["posterior"].to_dataset()
    assert int(drawn["sample_stats"]["diverging"].sum()) == 0
    assert max(float(v.max()) for v in azs.rhat(posterior).data_vars.values()) < 1.01
    assert min(float(v.min()) for v in azs.ess(posterior).data_vars.values()) > 400
    return posterior


def test_curvature_is_the_second_derivative(spec: ModuleType) -> None:
    identity = np.eye(spec.POINTS - 2)
    assert_allclose(spec.SECOND_DERIVATIVE @ spec.INTEGRATE, identity, atol=1e-9)
    assert_allclose(spec.PATTERNS @ spec.PATTERNS.T, identity, atol=1e-10)
    assert_allclose(spec.SECOND_DERIVATIVE @ (2 + 3 * spec.PLACES), 0, atol=1e-9)


def test_the_posterior_mode_is_the_tikhonov_solution(spec: ModuleType) -> None:
    """Given both scales, penalised least squares in signal space has the same answer."""
    seen, penalty = spec.readings(), 0.004
    base = np.column_stack([np.ones(spec.POINTS), spec.PLACES])
    ridge = dense(seen, spec.BLUR @ base, spec.BLUR @ spec.INTEGRATE)
    signal = base @ ridge.population(1 / penalty) + spec.INTEGRATE @ ridge.effect(1 / penalty)
    stacked = np.vstack([spec.BLUR, np.sqrt(penalty) * spec.SECOND_DERIVATIVE])
    wanted = np.linalg.lstsq(stacked, np.r_[seen, np.zeros(spec.POINTS - 2)])[0]
    assert_allclose(signal, wanted, atol=1e-7)


def test_choices_of_the_penalty_restore_the_signal(spec: ModuleType) -> None:
    """Each is worse than the best possible penalty and far better than none or too much."""
    seen = spec.readings()
    base = np.column_stack([np.ones(spec.POINTS), spec.PLACES])
    noise = np.full(spec.POINTS, spec.NOISE)
    ridge = dense(seen, spec.BLUR @ base, spec.BLUR @ spec.INTEGRATE, noise=noise)

    def off(penalty: float) -> float:
        effect = spec.INTEGRATE @ ridge.effect(1 / penalty)
        return error(spec, base @ ridge.population(1 / penalty) + effect)

    best = min(off(p) for p in np.logspace(-8, 4, 121))
    useless = min(off(1e-14), off(1e10))
    for marker in classical_markers(ridge):
        assert marker.outcome is Outcome.FOUND
        assert best * 0.99 < off(marker.penalty) < 0.5 * useless


@pytest.mark.slow
def test_draws_agree_with_quadrature(spec: ModuleType) -> None:
    posterior = check_sampling(sample(spec.deconvolution))
    exact = Exact(spec, spec.readings())
    assert exact.edge < 1e-5
    log_penalty = xr.DataArray(2 * np.log10(posterior["sigma"] / posterior["tau"]))
    off = abs(float(log_penalty.mean()) - exact.log_penalty)
    assert off <= ERRORS * mcse_of_mean(log_penalty)
    for k in range(spec.POINTS):
        here = posterior["signal"].isel(place=k)
        assert abs(float(here.mean()) - exact.signal[k]) <= ERRORS * mcse_of_mean(here)


@pytest.fixture(scope="module")
def robust(spec: ModuleType) -> xr.DataTree:
    """Draws with Student-t noise, of the data with faulty readings."""
    return sample(spec.deconvolution_with_faults)


@pytest.mark.slow
def test_student_t_noise_ignores_faulty_readings(spec: ModuleType, robust: xr.DataTree) -> None:
    signal = check_sampling(robust)["signal"]
    off = error(spec, signal.mean(("chain", "draw")).values)
    mcse = [mcse_of_mean(signal.isel(place=k)) for k in range(spec.POINTS)]
    # The error of a mean is a norm: it moves by no more than the norm of the Monte Carlo errors.
    reach = ERRORS * np.linalg.norm(mcse) / np.linalg.norm(spec.SIGNAL)
    normal = error(spec, Exact(spec, faulty(spec)).signal)
    clean = error(spec, Exact(spec, spec.readings()).signal)
    assert off + reach < normal / 2
    assert clean < normal / 2


@pytest.mark.slow
def test_a_review_names_the_faulty_readings(spec: ModuleType, robust: xr.DataTree) -> None:
    """Their errors are some twenty scales of the noise, which four degrees of freedom exclude."""
    model = spec.deconvolution_with_faults.build()
    with model:
        drawn = pm.sample_posterior_predictive(robust, random_seed=1, progressbar=False)
    drawn["posterior"] = robust["posterior"]
    (rows,) = rows_outside_intervals.run(Evidence(drawn))
    places = [str(spec.PLACES.round(3)[i]) for i in spec.FAULTY]
    assert rows.message.endswith(f"far out: rows {listed(places)}")
    features = feature_not_reproduced.run(Evidence(drawn))
    (smallest,) = (f for f in features if f.message.startswith("Observed min"))
    assert smallest.verdict is Verdict.FAIL
