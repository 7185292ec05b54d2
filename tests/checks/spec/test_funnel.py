"""The funnel of centred effects, against quadrature and published numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytest
from scipy import integrate, stats

from poolwise.checks.hierarchy.variables import read_variables
from poolwise.checks.spec import examples
from poolwise.checks.spec.funnel import GroupMeans, group_means
from poolwise.checks.spec.spreads import Spread

#: Rubin (1981), doi:10.3102/10769986006004377.
EFFECT = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
ERROR = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
SCHOOLS = GroupMeans(EFFECT, ERROR)


def test_likelihood_of_the_scale_is_the_density_of_the_data() -> None:
    """Up to a constant: a multivariate normal with a very wide common mean."""
    scale = np.array([0.5, 5.0, 20.0])
    wide = 1e4
    exact = [
        stats.multivariate_normal(cov=np.diag(t**2 + ERROR**2) + wide**2 * np.ones((8, 8))).logpdf(
            EFFECT
        )
        for t in scale
    ]
    found = SCHOOLS.log_likelihood(scale)
    np.testing.assert_allclose(found - found[0], np.array(exact) - exact[0], atol=1e-3)


PRIORS: dict[str, tuple[Any, Any]] = {
    "half-normal": (lambda: pm.HalfNormal("tau", 10), stats.halfnorm(scale=10)),
    "half-Cauchy": (lambda: pm.HalfCauchy("tau", 5), stats.halfcauchy(scale=5)),
    "exponential": (lambda: pm.Exponential("tau", 0.1), stats.expon(scale=10)),
    "gamma": (lambda: pm.Gamma("tau", 2, 0.2), stats.gamma(2, scale=5)),
}


@pytest.mark.parametrize("name", PRIORS)
@pytest.mark.parametrize("means", [SCHOOLS, GroupMeans(EFFECT, ERROR / 10)])
def test_range_of_widths_agrees_with_quadrature(name: str, means: GroupMeans) -> None:
    make, prior = PRIORS[name]
    with pm.Model() as model:
        make()
        pm.Normal("theta", 0, 1, shape=8)
    variables = read_variables(model)
    spread = Spread(variable=variables["tau"], of=variables["theta"], kind="sd")
    grid = np.geomspace(1e-6, 3e3, 200_000)
    log = means.log_likelihood(grid)
    cumulative = integrate.cumulative_trapezoid(prior.pdf(grid) * np.exp(log - log.max()), grid)
    low, high = np.interp([0.01, 0.99], cumulative / cumulative[-1], grid[1:])
    error = np.median(means.error)
    widths = [(1 / t**2 + 1 / error**2) ** -0.5 for t in (low, high)]
    found = means.width_range(spread)
    assert found == pytest.approx(widths[1] / widths[0], rel=0.15)  # the grid has 400 points


def test_a_prior_without_quantiles_counts_as_flat() -> None:
    found = SCHOOLS.width_range(None)
    assert found is not None
    assert found > 10


def test_slopes_are_taken_out_before_groups_are_compared() -> None:
    """A steep slope is no noise: the standard errors are those of the residuals."""
    rng = np.random.default_rng(2)
    group, x = np.repeat(np.arange(8), 20), rng.normal(size=160)
    noise = rng.normal(size=160)
    y = np.arange(8.0)[group] + 30 * x + noise
    evidence = examples.grouped(
        centred=True, group=group, y=y, more=lambda pm: pm.Normal("b", 0, 50) * x
    )
    (effect,) = evidence.get("group_effects")
    means = group_means(effect)
    assert means is not None
    dummies = np.eye(8)[group]
    design = np.c_[dummies, x]
    residual = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    exact = np.sqrt((residual**2).sum() / (160 - 9) / 20)
    np.testing.assert_allclose(means.error, exact, rtol=1e-8)
    np.testing.assert_allclose(np.diff(means.centre), 1, atol=5 * exact * 2**0.5)
