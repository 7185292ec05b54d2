"""Power-scaled posteriors, against the closed form of a normal mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytest
from scipy.special import rel_entr
from scipy.stats import norm

from poolwise.checks.combined_fits import combined_weights
from poolwise.checks.draws import chains_first
from poolwise.checks.power_distance import POWERS, sensitivities
from poolwise.checks.powers import make_part
from poolwise.checks.weighted import batches, summaries
from poolwise.workflow.engine import Engine, NotSwitchable, log_density_of, power_scaled
from poolwise.workflow.engine.powers import raised

Y = np.array([4.0, 7.0, 1.0, 6.0, 9.0])
SD, PRIOR_MEAN, PRIOR_SD = 3.0, -1.0, 2.0


def normal() -> pm.Model:
    with pm.Model() as model:
        mu = pm.Normal("mu", PRIOR_MEAN, PRIOR_SD)
        pm.Normal("y", mu, SD, observed=Y)
    return model


def closed_form(prior: float, likelihood: float, moved: float = 0) -> tuple[float, float]:
    """Mean and sd under p(y | mu)^likelihood p(mu)^prior: precisions are multiplied."""
    ours, theirs = prior / PRIOR_SD**2, likelihood * Y.size / SD**2
    return (ours * PRIOR_MEAN + theirs * (Y.mean() + moved)) / (ours + theirs), (
        ours + theirs
    ) ** -0.5


@pytest.mark.slow
def test_powers_agree_with_the_closed_form() -> None:
    engine = Engine(normal(), ["mu"])
    sizes: dict[str, Any] = {"draws": 2000, "tune": 500, "chains": 4, "target_accept": 0.9}
    for seed, (prior, likelihood) in enumerate([(1, 1), (4, 1), (0.25, 1), (1, 0.3), (3, 2)]):
        switches = power_scaled(engine, priors=["mu"], prior=prior, likelihood=likelihood)
        draws = engine.sample(**sizes, seed=seed, **switches)["posterior"].to_dataset()
        found = summaries(draws)["mu"]
        mean, sd = closed_form(prior, likelihood)
        value = {k: float(found.sel(summary=k)) for k in ("mean", "mcse", "sd", "sd_mcse")}
        assert abs(value["mean"] - mean) < 4 * value["mcse"]
        assert abs(value["sd"] - sd) < 4 * value["sd_mcse"]
    assert engine.compilations == 1


@pytest.mark.slow
def test_sensitivities_of_fits_under_powers_agree_with_the_closed_form() -> None:
    """Data as expected, and so far off that the weights of the base fit cannot be trusted."""
    engine = Engine(normal(), ["mu"])
    every = (POWERS[0], 1.0, POWERS[1])
    sizes: dict[str, Any] = {"draws": 1000, "tune": 500, "chains": 4, "target_accept": 0.9}
    starts = batches(4, 1000)
    for seed, (moved, trusted) in enumerate([(0.0, True), (4000.0, False)]):
        data = {"y": Y + moved}
        fits = []
        for i, power in enumerate(every):
            switches = power_scaled(engine, priors=["mu"], prior=power)
            tree = engine.sample(**sizes, seed=10 * seed + i, data=data, **switches)
            fits.append(chains_first(tree["posterior"].to_dataset()["mu"]))
        part = make_part("mu", ("mu",), engine.priors["mu"](fits[1]))
        assert part.trusted is trusted
        draws = np.stack([fit.ravel() for fit in fits])
        combined = combined_weights(engine.priors["mu"](draws), np.array(every))
        together = np.concatenate([starts, starts + 4000, starts + 8000])
        found = {"fits": (draws.reshape(1, -1), combined, together)}
        if trusted:
            found["weights"] = (draws[1][None], part.weights, starts)
        truth = sensitivity(moved, 4000)
        for how, (values, weights, at) in found.items():
            value, mcse, _ = sensitivities(values, weights[None], at, 4000)[:, 0, 0]
            assert abs(value - truth) < 4 * mcse, (how, value, truth, mcse)
    assert engine.compilations == 1


def sensitivity(moved: float, draws: int) -> float:
    """Return the distance per doubling, by quadrature over the range that so many draws have."""
    rare = np.exp(-np.euler_gamma) / draws
    base = norm(*closed_form(1, 1, moved))
    slopes = []
    for power in POWERS:
        pair = base, norm(*closed_form(power, 1, moved))
        ends = min(d.ppf(rare) for d in pair), max(d.isf(rare) for d in pair)
        at = np.linspace(*ends, 20_001)
        found = []
        for p, q in ([d.cdf(at) for d in pair], [d.sf(at) for d in pair]):
            nats = rel_entr(p, (p + q) / 2) + rel_entr(q, (p + q) / 2)
            found.append(np.trapezoid(nats, at) / np.log(2) / np.trapezoid(p + q, at))
        slopes.append(np.sqrt(max(found)) / abs(np.log2(power)))
    return float(np.mean(slopes))


@pytest.mark.parametrize(
    "make",
    [
        lambda: pm.HalfCauchy.dist(2),
        lambda: pm.InverseGamma.dist(2, 3),
        lambda: pm.LogNormal.dist(1, 0.5),
        lambda: pm.Gamma.dist(2.5, 0.5),
        lambda: pm.Uniform.dist(-1, 4),
        lambda: pm.Weibull.dist(1.5, 2),
        lambda: pm.Beta.dist(2, 3),
    ],
)
def test_a_power_of_a_prior_is_so_many_times_its_log_density(make: Any) -> None:
    own = log_density_of(make())
    assert own is not None
    values = np.array([0.2, 0.7, 0.9])
    np.testing.assert_allclose(raised(own, 2.5)(values), 2.5 * own(values), rtol=1e-12)
    assert raised(own, 2.5).covers(own)


def test_what_cannot_be_scaled_is_named() -> None:
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 1)
        other = pm.Normal("other", pm.math.exp(mu), 1)
        pm.Potential("extra", -(other**2))
        pm.Normal("y", mu, 1, observed=[1.0])
    engine = Engine(model, ["mu", "other"])
    with pytest.raises(NotSwitchable, match="the prior of other is fixed: its prior has no const"):
        power_scaled(engine, priors=["mu", "other"], prior=2)
    with pytest.raises(NotSwitchable, match="the prior of z is fixed"):
        power_scaled(engine, priors=["z"], prior=2)
    with pytest.raises(NotSwitchable, match="extra may be a part of the likelihood"):
        power_scaled(engine, likelihood=2)
    with pytest.raises(ValueError, match="positive"):
        power_scaled(engine, priors=["mu"], prior=0)
