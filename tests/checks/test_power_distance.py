"""Power-scaling sensitivity against ArviZ, and against normal posteriors in closed form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm

from poolwise.checks import examples
from poolwise.checks.combined_fits import combined_weights
from poolwise.checks.draws import Array
from poolwise.checks.lazy import array_stats
from poolwise.checks.power_distance import POWERS, sensitivities
from poolwise.checks.powers import Part, PowerScaling, make_part
from poolwise.checks.weighted import batches

CHAINS, DRAWS = 4, 1000
SIZE = CHAINS * DRAWS
EVERY = (POWERS[0], 1.0, POWERS[1])

#: Estimates of a normal mean with standard error 1, under a standard normal prior: no conflict, the
#: usual, a strong one, and one in which the posterior is hundreds of sd from its prior.
CASES = (0.5, 3.0, 60.0, 1000.0)


def posterior(power: float, estimate: float) -> tuple[float, float]:
    """Mean and sd under the prior to a power: precisions are added."""
    return estimate / (1 + power), (1 + power) ** -0.5


def exact(estimate: float, ranges: Sequence[tuple[float, float]]) -> float:
    """Sensitivity by quadrature of the distribution functions, over a range for each power."""
    base = norm(*posterior(1, estimate))
    slopes = []
    for power, ends in zip(POWERS, ranges, strict=True):
        other = norm(*posterior(power, estimate))
        at = np.linspace(*ends, 20_001)
        distances = []
        for p, q in ((base.cdf(at), other.cdf(at)), (base.sf(at), other.sf(at))):
            m = (p + q) / 2
            with np.errstate(divide="ignore", invalid="ignore"):
                nats = np.nan_to_num(p * np.log(p / m)) + np.nan_to_num(q * np.log(q / m))
            distances.append(np.trapezoid(nats, at) / np.log(2) / np.trapezoid(p + q, at))
        slopes.append(np.sqrt(max(distances)) / abs(np.log2(power)))
    return float(np.mean(slopes))


def expected_ranges(estimate: float) -> list[tuple[float, float]]:
    """For each power, where the outermost draw of its fit or of the base fit is expected."""
    base = norm(*posterior(1, estimate))
    pairs = [(base, norm(*posterior(power, estimate))) for power in POWERS]
    # The mean of the Gumbel distribution, to which extremes tend.
    rare = np.exp(-np.euler_gamma) / SIZE
    return [(min(d.ppf(rare) for d in pair), max(d.isf(rare) for d in pair)) for pair in pairs]


def drawn(estimate: float, seed: int) -> list[Array]:
    """Exact draws under the lower power, under 1, and under the upper power."""
    rng = np.random.default_rng(seed)
    return [rng.normal(*posterior(power, estimate), size=(CHAINS, DRAWS)) for power in EVERY]


def from_weights(draws: Array) -> tuple[Array, Part]:
    part = make_part("mu", ("mu",), -(draws**2) / 2)
    values = draws.reshape(1, -1)
    return sensitivities(values, part.weights[None], batches(CHAINS, DRAWS), SIZE)[:, 0, 0], part


def from_fits(draws: list[Array]) -> Array:
    every = np.stack([d.ravel() for d in draws])
    weights = combined_weights(-(every**2) / 2, np.array(EVERY))
    starts = np.concatenate([batches(CHAINS, DRAWS) + SIZE * i for i in range(3)])
    return sensitivities(every.reshape(1, -1), weights[None], starts, SIZE)[:, 0, 0]


def test_weighted_draws_give_what_arviz_gives() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(5, SIZE)) ** 3
    weights = np.exp(0.3 * rng.normal(size=(2, 3, SIZE)))
    weights[:, 1] = 1
    found = sensitivities(values, weights, batches(CHAINS, DRAWS), SIZE)[0]
    for ours, (lower, _, upper) in zip(found, weights, strict=True):
        scaled = (np.broadcast_to(w / w.sum(), values.shape) for w in (lower, upper))
        theirs = array_stats.power_scale_sense(
            *(a.reshape(-1, CHAINS, DRAWS) for a in (values, *scaled)),
            lower_alpha=POWERS[0],
            upper_alpha=POWERS[1],
        )
        assert_allclose(ours, theirs, rtol=1e-9)


@pytest.mark.parametrize("estimate", CASES[:3])
def test_weights_agree_with_the_closed_form(estimate: float) -> None:
    scores = []
    for seed in range(10):
        draws = drawn(estimate, seed)[1]
        (value, mcse, _), part = from_weights(draws)
        assert part.trusted
        scores.append((value - exact(estimate, 2 * [(draws.min(), draws.max())])) / mcse)
    assert np.abs(scores).max() < 4


@pytest.mark.parametrize("estimate", CASES)
def test_fits_under_both_powers_agree_with_the_closed_form(estimate: float) -> None:
    scores = []
    for seed in range(10):
        value, mcse, _ = from_fits(drawn(estimate, seed))
        scores.append((value - exact(estimate, expected_ranges(estimate))) / mcse)
    assert np.abs(scores).max() < 4


def test_weights_of_a_strong_conflict_are_not_trusted_and_are_wrong() -> None:
    for seed in range(3):
        (value, mcse, _), part = from_weights(drawn(CASES[-1], seed)[1])
        assert not part.trusted
        assert value - exact(CASES[-1], expected_ranges(CASES[-1])) > 4 * mcse


def test_errors_are_the_spread_over_replications() -> None:
    """For mu and tau of eight schools; the sd of 40 values is known to within 11%."""
    y, sigma = np.array(examples.RUBIN_Y), np.array(examples.RUBIN_SIGMA)
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        mu, tau, theta = examples.exact_draws(
            y, sigma, mu_scale=5.0, tau_scale=5.0, rng=rng, size=(CHAINS, DRAWS)
        )
        prior = make_part("tau", ("tau",), -np.log1p((tau / 5) ** 2))
        likelihood = make_part("y", (), -0.5 * (((y - theta) / sigma) ** 2).sum(-1))
        values = np.stack([mu.ravel(), tau.ravel()])
        weights = np.stack([prior.weights, likelihood.weights])
        found.append(sensitivities(values, weights, batches(CHAINS, DRAWS), SIZE))
    values, stated, _ = np.moveaxis(np.array(found), 1, 0)
    ratios = np.log(stated.mean(axis=0) / values.std(axis=0, ddof=1))
    assert np.abs(ratios).max() < 4 * 0.11


def test_the_floor_is_what_a_quantity_has_by_chance() -> None:
    """A quantity that is independent of what is scaled has a sensitivity of zero."""
    weighted, combined = [], []
    starts = batches(CHAINS, DRAWS)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        part = make_part("other", ("other",), 5 * rng.normal(size=(CHAINS, DRAWS)))
        values = rng.normal(size=(1, SIZE))
        weighted.append(sensitivities(values, part.weights[None], starts, SIZE)[:, 0, 0])
        # Fits so far apart that they have no draw in common.
        apart = np.array([-1e5, 0.0, 1e5])[:, None] + rng.normal(size=(3, SIZE))
        weights = combined_weights(apart, np.array(EVERY))[None]
        every = np.concatenate([starts, starts + SIZE, starts + 2 * SIZE])
        values = rng.normal(size=(1, 3 * SIZE))
        combined.append(sensitivities(values, weights, every, SIZE)[:, 0, 0])
    for found in (weighted, combined):
        value, mcse, floor = np.array(found).T
        assert value.min() > 0
        unbiased = value**2 - floor**2
        assert abs(unbiased.mean()) < 4 * unbiased.std(ddof=1) / np.sqrt(len(unbiased))
        assert np.mean(unbiased > 2 * (2 * value * mcse)) < 0.1


def test_all_draws_together_hold_an_equal_part_of_every_fit() -> None:
    for estimate in CASES:
        draws = np.stack([d.ravel() for d in drawn(estimate, 1)])
        weights = combined_weights(-(draws**2) / 2, np.array(EVERY))
        assert_allclose(weights.sum(axis=1), 1)
        # Of the mixture of all fits each is a third: no draw can count for more than three.
        assert weights.max() * weights.shape[1] < 3 * 1.001
        for power, row in zip(EVERY, weights, strict=True):
            mean, sd = posterior(power, estimate)
            assert abs(row @ draws.ravel() - mean) < 4 * sd / np.sqrt(SIZE)


def test_a_density_that_never_changes_moves_nothing() -> None:
    part = make_part("b", ("b",), np.full((CHAINS, DRAWS), -1.5))
    values = np.random.default_rng(0).normal(size=(1, SIZE))
    found = sensitivities(values, part.weights[None], batches(CHAINS, DRAWS), SIZE)
    assert part.trusted
    assert_allclose(found, 0, atol=1e-6)


def test_every_part_states_its_own_k() -> None:
    scaling: PowerScaling = examples.eight_schools().get("power_scaling")
    assert [p.name for p in scaling.parts] == ["mu", "tau", "all hyperpriors", "likelihood"]
    assert len({p.pareto_k for p in scaling.parts}) == 4
