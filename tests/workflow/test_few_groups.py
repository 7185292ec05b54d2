"""Three schools under the common priors of a spread, against quadrature."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pymc as pm
import pytest

import poolwise
from poolwise.checks.few_groups import CommonPrior
from poolwise.workflow.review import Review

pytestmark = pytest.mark.slow

Y, SE = np.array([28.0, 8.0, -3.0]), np.array([15.0, 10.0, 16.0])
Density = Callable[[np.ndarray], np.ndarray]

#: Log density of tau under each prior, but for a constant. The spec's own has median 5.
PRIORS: dict[str, Density] = {
    "InverseGamma(0.001, 0.001) on the variance": lambda t: -1.002 * np.log(t) - 0.001 / t**2,
    "Uniform(0, 50)": lambda t: np.where(t < 50, 0.0, -np.inf),
    "HalfNormal(7.41)": lambda t: -0.5 * (t / 7.41) ** 2,
    "As specified: HalfCauchy(5)": lambda t: -np.log1p((t / 5) ** 2),
}


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> Review:
    @poolwise.spec(seed=4)
    def three_schools() -> pm.Model:
        with pm.Model(coords={"school": list("ABC")}) as model:
            mu, tau = pm.Normal("mu", 0, 20), pm.HalfCauchy("tau", 5)
            z = pm.Normal("z", 0, 1, dims="school")
            theta = pm.Deterministic("theta", mu + tau * z, dims="school")
            pm.Normal("y", theta, SE, observed=Y, dims="school")
        return model

    folder = tmp_path_factory.mktemp("three")
    return poolwise.review(three_schools, output=folder, select=["SMP", "SEN"])


def quadrature(prior: Density) -> dict[str, float]:
    """Return what is known of tau, the mean weight, theta of A and the pooling factor."""
    log_tau = np.linspace(np.log(1e-3), np.log(1e4), 60_000)
    tau = np.exp(log_tau)
    precision = 1 / (SE**2 + tau[:, None] ** 2)
    total = precision.sum(1) + 1 / 400
    mean = (precision * Y).sum(1) / total
    log_density = 0.5 * (np.log(precision).sum(1) - np.log(total) - (precision * Y**2).sum(1))
    log_density += 0.5 * mean**2 * total + prior(tau) + log_tau
    p = np.exp(log_density - log_density.max())
    p /= p.sum()
    below = np.cumsum(p)
    weight = tau[:, None] ** 2 / (tau[:, None] ** 2 + SE**2)
    theta = weight * Y + (1 - weight) * mean[:, None]
    # Deviations from mu given tau: mean w (y - mu), covariances from those of mu and theta.
    deviation = weight * (Y - mean[:, None])
    own = weight * SE**2
    spread = _within(own, weight, 1 / total, deviation)
    expected = p @ deviation
    return {
        "median": float(np.interp(0.5, below, tau)),
        "weight": float(p @ weight.mean(1)),
        "theta": float(p @ theta[:, 0]),
        "factor": float(1 - expected.var(ddof=1) / (p @ spread)),
    }


def _within(own: np.ndarray, weight: np.ndarray, of_mu: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Expected variance over groups of deviations with covariance diag(own) + w w' Var(mu)."""
    j = mean.shape[1]
    trace = own.sum(1) + (weight**2).sum(1) * of_mu + (mean**2).sum(1)
    whole = own.sum(1) + weight.sum(1) ** 2 * of_mu + mean.sum(1) ** 2
    return np.asarray((trace - whole / j) / (j - 1))


def test_common_priors_agree_with_quadrature(review: Review) -> None:
    rows: dict[str, list[CommonPrior]] = review.record.evidence.get("common_priors")
    found = {row.title: row for row in rows["school"]}
    assert set(found) == set(PRIORS)
    for title, row in found.items():
        truth = quadrature(PRIORS[title])
        assert row.weight is not None
        assert row.factor is not None
        assert row.spread is not None
        for value, mcse, exact in (
            (row.weight.mean, row.weight.mcse, truth["weight"]),
            (row.effects["theta[A]"].mean, row.effects["theta[A]"].mcse, truth["theta"]),
            (row.factor.value, row.factor.mcse, truth["factor"]),
        ):
            assert abs(value - exact) < 4.5 * mcse, (title, value, exact, mcse)
        # Half of the draws are below the median; 400 or more of them count.
        assert 0.5 < row.spread.median / truth["median"] < 2, title


def test_the_inverse_gamma_pools_most(review: Review) -> None:
    (rows,) = review.record.evidence.get("common_priors").values()
    factors = {r.title.split("(")[0]: r.factor.value for r in rows}
    assert factors["InverseGamma"] == max(factors.values())
    assert factors["Uniform"] == min(factors.values())
    (finding,) = [f for f in review.findings if f.code == "SEN507"]
    assert finding.where == "school"
