"""Made-up evidence that checks prove themselves on: normal groups with an exact posterior.

The model is eight schools (Rubin 1981) or data like it: y_j ~ N(theta_j, s_j),
theta_j ~ N(mu, tau), mu ~ N(0, mu_scale), tau ~ half-Cauchy(tau_scale). Draws are independent and
exact: tau from its marginal posterior on a fine grid, mu given tau and theta given both in closed
form (Gelman et al., Bayesian Data Analysis, 3rd ed., section 5.4). A keyword then breaks one thing
at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from .draws import Array
from .evidence import Evidence
from .followed import equal_weights, fits, of_fit
from .weighted import largest_rhat

RUBIN_Y = (28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0)
RUBIN_SIGMA = (15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0)
CHAINS, DRAWS = 4, 1000


def exact_draws(
    y: Array,
    sigma: Array,
    *,
    mu_scale: float,
    tau_scale: float,
    rng: np.random.Generator,
    size: tuple[int, int] = (CHAINS, DRAWS),
) -> tuple[Array, Array, Array]:
    """Draw mu, tau and theta from their exact joint posterior.

    Returns
    -------
    mu, tau : ndarray of shape ``size``
    theta : ndarray of shape ``size + (J,)``
    """
    tau_grid = np.concatenate([[0.0], np.geomspace(1e-3, 1e3, 20_000) * max(tau_scale, 1e-12)])
    precision = 1 / (sigma**2 + tau_grid[:, None] ** 2)
    mu_precision = precision.sum(1) + 1 / mu_scale**2
    mu_mean = (precision * y).sum(1) / mu_precision
    log_density = (
        0.5 * np.log(precision).sum(1)
        - 0.5 * np.log(mu_precision)
        - 0.5 * (precision * y**2).sum(1)
        + 0.5 * mu_mean**2 * mu_precision
        - np.log1p((tau_grid / tau_scale) ** 2)
    )
    density = np.exp(log_density - log_density.max())
    mass = np.concatenate(
        [[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(tau_grid))]
    )
    tau = np.interp(rng.uniform(size=size), mass / mass[-1], tau_grid)
    tau = np.maximum(tau, 1e-9)
    p = 1 / (sigma**2 + tau[..., None] ** 2)
    v = 1 / (p.sum(-1) + 1 / mu_scale**2)
    mu = (p * y).sum(-1) * v + np.sqrt(v) * rng.normal(size=size)
    theta_v = 1 / (1 / sigma**2 + 1 / tau[..., None] ** 2)
    theta_m = theta_v * (y / sigma**2 + mu[..., None] / tau[..., None] ** 2)
    theta = theta_m + np.sqrt(theta_v) * rng.normal(size=(*size, y.size))
    return mu, tau, theta


def many_alike(*, groups: int, **options: Any) -> Evidence:
    """Return a run of many groups that do not differ at all."""
    y = 5 + 12 * np.random.default_rng(9).normal(size=groups)
    return eight_schools(y=tuple(y), sigma=(12.0,) * groups, **options)


def forty_groups(**options: Any) -> Evidence:
    """Return a run of forty groups, whose data say much about their spread."""
    rng = np.random.default_rng(8)
    y = 10 * rng.normal(size=40) + 5 * rng.normal(size=40)
    return eight_schools(y=tuple(y), sigma=(5.0,) * 40, **options)


def eight_schools(
    *,
    y: Sequence[float] = RUBIN_Y,
    sigma: Sequence[float] = RUBIN_SIGMA,
    mu_scale: float = 5.0,
    tau_scale: float = 5.0,
    stuck_chain: float = 0.0,
    constant: bool = False,
    sticky: float = 0.0,
    divergences: int = 0,
    energy_walk: bool = False,
    tree_depth_hits: int = 0,
    replicate_scale: float = 1.0,
    replicate_shift: float = 0.0,
    prior_nan: bool = False,
    rounded: bool = False,
    noise_claimed: float = 1.0,
    scale_claimed: float = 1.0,
    sweep_scales: Sequence[float] = (),
    sweep_stuck: bool = False,
    drop: Sequence[str] = (),
    declared: dict[str, Any] | None = None,
    seed: int = 20261122,
) -> Evidence:
    """Return a run of eight schools as a review would have saved it, with one thing broken.

    Parameters
    ----------
    y, sigma, mu_scale, tau_scale
        Data, known standard errors and prior scales.
    stuck_chain
        Moves the last chain of mu by this many points.
    constant
        Adds a variable that never moves, as a Cholesky factor's zeros do.
    sticky
        Autocorrelation given to mu.
    divergences, tree_depth_hits, energy_walk
        Sampler statistics.
    replicate_scale, replicate_shift
        Spread and shift of the simulated data relative to the fitted model.
    noise_claimed, scale_claimed
        Factors on the noise and the scale that the level dataset states.
    sweep_scales, sweep_stuck
        Alternative half-Cauchy scales fitted; whether the last one's chains disagree.
    drop
        Groups to leave out.
    """
    rng = np.random.default_rng(seed)
    y_, s_ = np.asarray(y, dtype=float), np.asarray(sigma, dtype=float)
    mu, tau, theta = exact_draws(y_, s_, mu_scale=mu_scale, tau_scale=tau_scale, rng=rng)
    mu[-1] += stuck_chain
    if sticky:
        mu = _autocorrelated(mu, sticky, rng)
    prior_mu = mu_scale * rng.normal(size=(1, DRAWS))
    prior_tau = np.abs(tau_scale * rng.standard_cauchy(size=(1, DRAWS)))
    prior_theta = prior_mu[..., None] + prior_tau[..., None] * rng.normal(size=(1, DRAWS, y_.size))
    prior_y = prior_theta + s_ * rng.normal(size=prior_theta.shape)
    if prior_nan:
        prior_y[0, :50] = np.nan
    replicated = theta + replicate_shift
    replicated = replicated + replicate_scale * s_ * rng.normal(size=theta.shape)
    if rounded:
        y_, replicated = np.round(y_), np.round(replicated)

    draws = _dataset(mu=mu, tau=tau, theta=theta)
    if constant:
        draws["corner"] = (("chain", "draw"), np.ones((CHAINS, DRAWS)))
    log_density = -0.5 * ((y_ - theta) / s_) ** 2 - np.log(s_ * np.sqrt(2 * np.pi))
    groups: dict[str, xr.Dataset] = {
        "posterior": draws,
        "sample_stats": _sampler(rng, divergences, tree_depth_hits, energy_walk),
        "log_likelihood": _dataset(y=log_density),
        "log_prior": _dataset(
            mu=-0.5 * (mu / mu_scale) ** 2, tau=-np.log1p((tau / tau_scale) ** 2)
        ),
        "posterior_predictive": _dataset(y=replicated),
        "prior": _dataset(mu=prior_mu, tau=prior_tau, theta=prior_theta),
        "prior_predictive": _dataset(y=prior_y),
        "observed_data": xr.Dataset({"y": ("school", y_)}, coords=_schools(y_.size)),
        "quantities": _dataset(spread=theta.max(-1) - theta.min(-1)),
        "decisions": _dataset(**{"A gains over 10": theta[..., 0] > 10}),
        "levels/school": _level(
            mu, tau * scale_claimed, theta, y_, s_ * noise_claimed
        ).assign_attrs(location_sd=mu_scale),
        "prior_levels/school": _level(
            prior_mu, prior_tau * scale_claimed, prior_theta, y_, s_ * noise_claimed
        ),
    }
    for scale in sweep_scales:
        alternative = exact_draws(y_, s_, mu_scale=mu_scale, tau_scale=scale, rng=rng)
        if sweep_stuck and scale == sweep_scales[-1]:
            alternative[0][-1] += 10.0
        groups[f"sweep/tau_{scale:g}"] = _alternative(*alternative, y_, s_, tau_scale, scale)
    tree = xr.DataTree.from_dict({k: v for k, v in groups.items() if k not in set(drop)})
    said = {"top_level_priors": ["mu", "tau"], "outcomes": ["y"], **(declared or {})}
    return Evidence(tree, said)


def _schools(n: int) -> dict[str, Any]:
    return {"school": [chr(65 + i % 26) + str(i // 26 or "") for i in range(n)]}


def _dataset(**variables: np.ndarray) -> xr.Dataset:
    width = next((v.shape[2] for v in variables.values() if v.ndim == 3), 0)
    return xr.Dataset(
        {k: (("chain", "draw", "school")[: v.ndim], v) for k, v in variables.items()},
        coords=_schools(width) if width else {},
    )


def _sampler(
    rng: np.random.Generator, divergences: int, tree_depth_hits: int, energy_walk: bool
) -> xr.Dataset:
    size = (CHAINS, DRAWS)

    def first(n: int) -> Any:
        return (np.arange(CHAINS * DRAWS) < n).reshape(size)

    energy = rng.normal(size=size)
    if energy_walk:
        energy = np.cumsum(energy, axis=1)
    return xr.Dataset(
        {
            "diverging": (("chain", "draw"), first(divergences)),
            "maxdepth_reached": (("chain", "draw"), first(tree_depth_hits)),
            "energy": (("chain", "draw"), energy),
        }
    )


def _level(mu: Array, tau: Array, theta: Array, y: Array, sigma: Array) -> xr.Dataset:
    variance = np.broadcast_to(sigma**2, theta.shape)
    ones = np.ones(y.size)
    dims = ("chain", "draw", "group")
    return xr.Dataset(
        {
            "effect": (dims, theta),
            "location": (dims[:2], mu),
            "scale": (dims[:2], tau),
            "information": (dims, 1 / variance),
            "noise_variance": (dims, variance),
            "other": (dims, np.zeros(theta.shape)),
            "raw": ("group", y),
            "rows": ("group", ones),
            "design": ("group", ones),
            "design_squared": ("group", ones),
            "row_group": ("row", np.arange(y.size)),
        },
        coords={"group": _schools(y.size)["school"]},
        attrs={"effect": "theta", "location": "mu", "scale": "tau", "outcome": "y"},
    )


def _alternative(
    mu: Array, tau: Array, theta: Array, y: Array, sigma: Array, own: float, scale: float
) -> xr.Dataset:
    levels = {"school": _level(mu, tau, theta, y, sigma)}
    drawn = of_fit(
        _dataset(mu=mu, tau=tau),
        ["mu", "tau"],
        ["mu"],
        _dataset(spread=theta.max(-1) - theta.min(-1)),
        _dataset(**{"A gains over 10": theta[..., 0] > 10}),
        levels,
    )
    (fit,) = fits(drawn, levels, equal_weights(drawn))
    fit = fit.merge(_prior_of_spread(np.median(tau), own, scale))
    return fit.assign_attrs(
        level="school",
        parameter="tau",
        prior=f"HalfCauchy({scale:g})",
        title=f"tau ~ HalfCauchy({scale:g})",
        base="HalfCauchy(5)",
        few_groups="school" if y.size <= 5 else "",
        power=1.0,
        rhat=largest_rhat(drawn),
    )


def _prior_of_spread(middle: float, own: float, scale: float) -> xr.Dataset:
    at = np.linspace(-7, 7, 400)
    tau = middle * np.exp(at)
    base, other = (np.log(tau) - np.log1p((tau / s) ** 2) for s in (own, scale))
    return xr.Dataset(
        {
            "base_prior": ("log_spread_at", base),
            "prior_ratio": ("log_spread_at", other - base),
        },
        coords={"log_spread_at": at},
    )


def _autocorrelated(values: Array, rho: float, rng: np.random.Generator) -> Array:
    """Give ``values`` an AR(1) dependence along draws, keeping their mean and spread."""
    noise = rng.normal(size=values.shape)
    walk = np.empty_like(values)
    walk[:, 0] = noise[:, 0]
    for t in range(1, values.shape[1]):
        walk[:, t] = rho * walk[:, t - 1] + np.sqrt(1 - rho**2) * noise[:, t]
    drawn: Array = values.mean() + values.std() * walk
    return drawn


def with_poolings(*, between: float, believed: float, noise: float = 10.0) -> Evidence:
    """Return forty groups of two rows, predicted in closed form under three poolings.

    Parameters
    ----------
    between, believed : float
        Standard deviation between groups that the data have, and that the model is sure of.
    noise : float
        Of a row.
    """
    rng = np.random.default_rng(12)
    rows = between * rng.normal(size=(40, 1)) + noise * rng.normal(size=(40, 2))
    sibling, mean = rows[:, ::-1], rows.mean(1)
    variance = np.array([np.inf, believed**2, 0.0])
    with np.errstate(invalid="ignore"):
        of_one = np.where(np.isinf(variance), 1.0, variance / (variance + noise**2))
        of_two = np.where(np.isinf(variance), 1.0, variance / (variance + noise**2 / 2))
    left = of_one[:, None, None] * sibling
    spread = of_one[:, None, None] * noise**2 + noise**2
    elpd = -0.5 * (rows - left) ** 2 / spread - 0.5 * np.log(2 * np.pi * spread)
    estimate, sd = of_two[:, None] * mean, noise * np.sqrt(of_two / 2)[:, None] * np.ones(40)
    level = xr.Dataset(
        {
            "estimate_mean": (("pooling", "group"), estimate),
            "estimate_sd": (("pooling", "group"), sd),
            "estimate_low": (("pooling", "group"), estimate - 1.6 * sd),
            "estimate_high": (("pooling", "group"), estimate + 1.6 * sd),
            "estimate_mcse": (("pooling", "group"), 0 * sd),
            "rhat": ("pooling", np.ones(3)),
            "rows": ("group", np.full(40, 2)),
            "loo_elpd": (("pooling", "row"), elpd.reshape(3, -1)),
            "loo_k": (("pooling", "row"), np.zeros((3, 80))),
            "loo_difference_mcse": ("pooling", np.array([0.0, np.nan, 0.0])),
        },
        coords={"pooling": ["no", "partial", "complete"], "group": _schools(40)["school"]},
        attrs={"effect": "theta", "largest_k": 0.7},
    )
    return Evidence(xr.DataTree.from_dict({"poolings/school": level}))
