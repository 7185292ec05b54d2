"""Levels evaluated at the estimates of other programs must give the numbers these print.

A posterior of one draw, at the variance components that lme4 or metafor estimated, takes the
difference between a posterior and REML out of the comparison; how large that is stands in
``benchmarks/oracles.md``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import xarray as xr
from numpy.testing import assert_allclose
from scipy import stats
from tests.checks.penalty.ridge_problems import Array, codes, column, table

import poolwise
from poolwise.checks import (
    classical_markers,
    effective_groups,
    equivalent_penalty,
    own_data_weight,
    predict_new_group,
    ridge_of,
)
from poolwise.checks.collecting import remaining
from poolwise.checks.draws import SAMPLE

#: Numbers that were printed to seven digits.
PRINTED = 2e-5


def one_draw(**values: Any) -> xr.DataTree:
    arrays = {name: np.asarray(v, dtype=float) for name, v in values.items()}
    dims = {name: [f"{name}_dim_{k}" for k in range(v.ndim)] for name, v in arrays.items()}
    return xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(
                {name: ((*SAMPLE, *dims[name]), v[None, None]) for name, v in arrays.items()}
            )
        }
    )


def test_radon_counties_are_those_of_lme4(expected) -> None:  # type: ignore[no-untyped-def]
    rows = table("tutorials/models/data/radon_mn.csv")
    theirs = table("tests/data/radon_mn_lme4_blup.csv")
    order = codes(theirs, "county_idx")
    floor, county = column(rows, "floor"), codes(rows, "county_idx")
    with pm.Model(coords={"county": np.arange(85)}) as model:
        mu, tau = pm.Normal("mu", 0, 5), pm.HalfNormal("tau")
        alpha = pm.Normal("alpha", mu, tau, dims="county")
        mean = alpha[county] + pm.Normal("beta") * floor
        pm.Normal("y", mean, pm.HalfNormal("sigma"), observed=column(rows, "log_radon"))
    tree = one_draw(
        mu=expected("radon_mn", "M1 (floor) intercept"),
        beta=expected("radon_mn", "M1 floor"),
        tau=expected("radon_mn", "M1 sd county"),
        sigma=expected("radon_mn", "M1 sd resid"),
        alpha=np.zeros(85),
    )
    level = poolwise.evaluate_levels(tree, model)["county"]
    weight = own_data_weight(level).values.ravel()
    assert_allclose(1 - weight[order], column(theirs, "pooling"), rtol=PRINTED)
    estimate = weight * level["raw"].values + (1 - weight) * float(level["location"].squeeze())
    assert_allclose(estimate[order], column(theirs, "blup"), rtol=PRINTED)
    left = remaining(level["scale"], level["information"], location_sd=0.0).effect
    assert_allclose(np.sqrt(left.values.ravel())[order], column(theirs, "cond_se"), rtol=PRINTED)
    # The rows that the level saved pose the same problem, from which REML is found again.
    reml = classical_markers(ridge_of(level))[0]
    assert_allclose(reml.penalty, float(equivalent_penalty(level).squeeze()), rtol=2 * PRINTED)
    # Degrees of freedom count less than the weights: the intercept is estimated from the counties.
    assert reml.effective < float(effective_groups(level).squeeze()) < reml.effective + 1


def test_sleepstudy_subjects_are_those_of_lme4(expected) -> None:  # type: ignore[no-untyped-def]
    """Correlated intercepts and slopes: each is pooled towards what the other makes of it."""
    rows = table("tests/data/sleepstudy.csv")
    theirs = table("tests/data/sleepstudy_lme4_ranef.csv")
    days, subject = column(rows, "Days"), codes(rows, "Subject")
    with pm.Model(coords={"subject": np.arange(18), "term": ["start", "slope"]}) as model:
        chol, _, _ = pm.LKJCholeskyCov("chol", n=2, eta=1, sd_dist=pm.Exponential.dist(1))
        mu = pm.Normal("mu", 0, 300, dims="term")
        b = pm.MvNormal("b", mu, chol=chol, dims=("subject", "term"))
        mean = b[subject, 0] + b[subject, 1] * days
        pm.Normal("y", mean, pm.HalfNormal("sigma", 50), observed=column(rows, "Reaction"))
    sds = np.array([expected("sleepstudy", f"sd {k}") for k in ("intercept", "slope")])
    rho, sigma = expected("sleepstudy", "corr"), expected("sleepstudy", "sd residual")
    middle = [expected("sleepstudy", k) for k in ("intercept", "slope Days")]
    root = np.linalg.cholesky(np.outer(sds, sds) * [[1, rho], [rho, 1]])
    blup = np.column_stack([column(theirs, k) for k in ("blup_int", "blup_slope")])
    tree = one_draw(mu=middle, b=blup, sigma=sigma, chol=[root[0, 0], root[1, 0], root[1, 1]])
    levels = poolwise.evaluate_levels(tree, model)
    squares = [10.0, float((np.arange(10) ** 2).sum())]
    for k, level in enumerate(levels.values()):
        assert_allclose(level["scale"], sds[k], rtol=1e-6)
        assert_allclose(level["information"], squares[k] / sigma**2, rtol=1e-6)
        other = 1 - k
        narrower = level.assign(scale=level["scale"] * np.sqrt(1 - rho**2))
        weight = own_data_weight(narrower).values.ravel()
        towards = middle[k] + rho * sds[k] / sds[other] * (blup[:, other] - middle[other])
        estimate = weight * level["raw"].values + (1 - weight) * towards
        assert_allclose(estimate, blup[:, k], rtol=PRINTED, atol=1e-3)
        # The weight that a review shows takes the level by itself: here 0.4% of its noise less.
        alone = own_data_weight(level).values.ravel()
        assert_allclose((1 / weight - 1) / (1 / alone - 1), 1 / (1 - rho**2), rtol=1e-9)


def vaccine_trials() -> tuple[Array, Array]:
    """Return log risk ratios and their standard errors."""
    rows = table("tests/data/bcg.csv")
    a, b, c, d = (column(rows, k) for k in ("tpos", "tneg", "cpos", "cneg"))
    ratio = np.log(a / (a + b)) - np.log(c / (c + d))
    return ratio, np.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))


def test_a_new_vaccine_trial_is_predicted_as_by_metafor(expected) -> None:  # type: ignore[no-untyped-def]
    """The plug-in interval: tau at its REML estimate, the mean with its standard error."""
    y, se = vaccine_trials()
    with pm.Model(coords={"trial": np.arange(13)}) as model:
        theta = pm.Normal("theta", pm.Normal("mu"), pm.HalfNormal("tau"), dims="trial")
        pm.Normal("y", theta, se, observed=y)
    tau2 = expected("bcg logRR", "REML tau2")
    total = (1 / (tau2 + se**2)).sum()
    # Draws at equally likely quantiles: no Monte Carlo error.
    mu = stats.norm.ppf((np.arange(4000) + 0.5) / 4000) / np.sqrt(total)
    size = (1, 4000)
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(
                {
                    "mu": (SAMPLE, (expected("bcg logRR", "REML mu") + mu)[None]),
                    "tau": (SAMPLE, np.full(size, np.sqrt(tau2))),
                    "theta": ((*SAMPLE, "trial"), np.zeros((*size, 13))),
                }
            )
        }
    )
    level = poolwise.evaluate_levels(tree, model)["trial"]
    found = predict_new_group(level, probability=0.95)[0]
    interval = np.exp([found.low, found.high])
    wanted = expected("bcg logRR", "REML 95% prediction interval of the risk ratio")
    assert_allclose(interval, wanted, atol=5.1e-5)
    reml = classical_markers(ridge_of(level))[0]
    assert_allclose(reml.scale**2, tau2, atol=1e-5)
    own = tau2 / (tau2 + se**2)
    assert_allclose(own_data_weight(level).isel(chain=0, draw=0), own, rtol=1e-9)
