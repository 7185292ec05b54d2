"""Alternatives of a sweep over a logistic and a Poisson model, against quadrature.

Both stand in one model without a variable in common, so that one program is compiled: each is as if
it stood alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytest
import xarray as xr
from scipy import special

import poolwise
from poolwise.checks.followed import shares_in
from poolwise.checks.hierarchy import read_hierarchy
from poolwise.checks.hierarchy.top_level import roles
from poolwise.workflow.execution.programs import Program
from poolwise.workflow.priors.alternative import Alternative
from poolwise.workflow.runner import run_stages
from poolwise.workflow.runs.fingerprint import model_key
from poolwise.workflow.sampler import Sampler
from poolwise.workflow.settings import Settings
from poolwise.workflow.specs.loading import as_spec
from poolwise.workflow.stages.fit import Fit
from poolwise.workflow.stages.stage import Context
from poolwise.workflow.stages.sweep import PriorSweep, planned

pytestmark = pytest.mark.slow

#: Of ten groups, so that spreads have light tails: standard deviations of few draws are right then.
TRIALS = np.array([40, 32, 60, 28, 45, 36, 50, 24, 30, 44])
SUCCESSES = np.array([8, 15, 22, 5, 29, 12, 26, 9, 20, 7])
EXPOSURE = np.array([2.0, 1.5, 4.0, 1.0, 3.0, 2.5, 2.0, 5.0, 1.5, 3.5])
COUNTS = np.array([15, 9, 52, 12, 17, 41, 19, 28, 30, 33])
ERRORS = 4.0


@dataclass(frozen=True)
class Case:
    """A likelihood: in PyMC, and its log density with two derivatives, written out."""

    observe: Callable[[Any], Any]
    log_likelihood: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]


def binomial(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    p = special.expit(theta)
    log = SUCCESSES * theta - TRIALS * np.logaddexp(0, theta)
    return log, SUCCESSES - TRIALS * p, -TRIALS * p * (1 - p)


def poisson(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with np.errstate(over="ignore"):
        mean = EXPOSURE * np.exp(theta)
    return COUNTS * theta - mean, COUNTS - mean, -mean


CASES = {
    "logistic": Case(
        lambda theta: pm.Binomial("cases", n=TRIALS, logit_p=theta, observed=SUCCESSES), binomial
    ),
    "poisson": Case(
        lambda theta: pm.Poisson("counts", EXPOSURE * pm.math.exp(theta), observed=COUNTS), poisson
    ),
}

MU, TAU = pm.Normal.dist(0, 1.5), pm.HalfNormal.dist(1)


class Quadrature:
    """Posterior moments on a grid over mu and log tau, effects integrated group by group.

    Given mu and tau, effects are independent; the integral over each is by Gauss-Hermite around
    its mode, which is exact for a polynomial times the normal there.
    """

    def __init__(self, case: Case, largest: float) -> None:
        x, step = np.polynomial.legendre.leggauss(120)
        low, high = math.log(1e-4), math.log(min(largest, 1e4))
        self.tau = np.exp(low + (high - low) * (x + 1) / 2)
        self.mu = np.linspace(-16, 16, 161)
        mu, tau = self.mu[:, None, None], self.tau[:, None]
        theta = np.zeros((self.mu.size, self.tau.size, TRIALS.size)) + mu
        for _ in range(60):
            _, slope, bend = case.log_likelihood(theta)
            move = (slope - (theta - mu) / tau**2) / (1 / tau**2 - bend)
            theta += np.clip(move, -1, 1)
        width = 1 / np.sqrt(1 / tau**2 - case.log_likelihood(theta)[2])
        nodes, weights = np.polynomial.hermite_e.hermegauss(31)
        total, first, second = (np.zeros_like(theta) for _ in range(3))
        peak = case.log_likelihood(theta)[0] - 0.5 * ((theta - mu) / tau) ** 2
        for node, weight in zip(nodes, weights, strict=True):
            at = theta + width * node
            log = case.log_likelihood(at)[0] - 0.5 * ((at - mu) / tau) ** 2 - peak
            mass = weight * np.exp(log + node**2 / 2)
            total += mass
            first += mass * (at - mu)
            second += mass * (at - mu) ** 2
        #: Of every effect around mu, given mu and tau.
        self.mean = first / total
        self.variance = second / total - self.mean**2
        log = (np.log(total * width / tau) + peak).sum(-1)
        self.log_mass = log + np.log(step) + np.log(self.tau)

    def under(self, priors: dict[str, Any]) -> dict[str, tuple[float, float]]:
        """Return mean and sd of tau, mu and an effect, and the pooling factor."""
        log = self.log_mass + pm.logp(priors["mu"], self.mu).eval()[:, None]
        log = log + pm.logp(priors["tau"], self.tau).eval()
        p = np.exp(log - log.max())
        p /= p.sum()

        def moments(mean: np.ndarray, variance: np.ndarray | float = 0.0) -> tuple[float, float]:
            whole = float((p * mean).sum())
            return whole, math.sqrt(float((p * (variance + (mean - whole) ** 2)).sum()))

        groups = TRIALS.size
        within = (self.variance + self.mean**2).sum(-1)
        within -= (self.variance.sum(-1) + self.mean.sum(-1) ** 2) / groups
        expected = (p[..., None] * self.mean).sum((0, 1))
        factor = 1 - expected.var(ddof=1) / float((p * within).sum() / (groups - 1))
        return {
            "tau": moments(np.broadcast_to(self.tau, p.shape)),
            "mu": moments(np.broadcast_to(self.mu[:, None], p.shape)),
            "theta": moments(self.mean[..., 0] + self.mu[:, None], self.variance[..., 0]),
            "factor": (float(factor), math.nan),
        }


def context(folder: Path) -> Context:
    @poolwise.spec(seed=5)
    def model() -> pm.Model:
        with pm.Model(coords={f"{name}_group": list("ABCDEFGHIJ") for name in CASES}) as built:
            for name, case in CASES.items():
                mu = pm.Normal(f"mu_{name}", 0, 1.5)
                tau = pm.HalfNormal(f"tau_{name}", 1)
                dims = f"{name}_group"
                z = pm.Normal(f"z_{name}", 0, 1, dims=dims)
                case.observe(pm.Deterministic(f"theta_{name}", mu + tau * z, dims=dims))
        return built

    spec = as_spec(model)
    built = spec.build()
    hierarchy = read_hierarchy(built)
    role = roles(built, hierarchy)
    program = Program(built, role.top_level, spec=spec, hierarchy=hierarchy, roles=role)
    return Context(
        spec=spec,
        model=built,
        settings=Settings(draws=600, tune=500, seed=5),
        hierarchy=hierarchy,
        roles=role,
        sampler=Sampler(program),
        model_key=model_key(built),
        folder=folder,
    )


def priors_of(alternative: Alternative, name: str) -> tuple[dict[str, Any], float]:
    """Return the priors of mu and tau of one part of the model, and how large tau can be."""
    new = {r.parameter: r for r in alternative.replacements}
    found = {"mu": MU, "tau": TAU} | {
        short: new[f"{short}_{name}"].make() for short in ("mu", "tau") if f"{short}_{name}" in new
    }
    tau = new.get(f"tau_{name}")
    return found, math.inf if tau is None or tau.density is None else tau.density.upper


def compared(fit: xr.Dataset, name: str) -> Iterator[tuple[str, str, float, float]]:
    """Yield quantity, statistic, value and Monte Carlo error of one part of the model."""
    factor = shares_in(fit)[f"{name}_group: pooling factor"]
    yield "factor", "mean", factor.value, factor.mcse
    for quantity in ("tau", "mu", "theta"):
        kept = fit[f"{quantity}_{name}"]
        if quantity == "theta":
            kept = kept.isel({d: 0 for d in kept.dims if d != "summary"})
        for statistic, error in (("mean", "mcse"), ("sd", "sd_mcse")):
            value = float(kept.sel(summary=statistic))
            yield quantity, statistic, value, float(kept.sel(summary=error))


def test_alternatives_agree_with_quadrature(tmp_path: Path) -> None:
    here = context(tmp_path)
    run_stages(here, stages=(Fit(),))
    # Every third of both parts: widths and families of both priors, and all together.
    todo = here.alternatives = planned(here)[::3]
    outcome = run_stages(here, stages=(PriorSweep(),))
    assert not outcome.errors
    assert len(todo) == 10
    sources = [outcome.groups[f"sweep/{a.key}"].attrs["source"] for a in todo]
    assert set(sources) <= {"umbrella", "refit"}
    assert sources.count("umbrella") > len(todo) / 2
    for name, case in CASES.items():
        grids: dict[float, Quadrature] = {}
        for alternative in todo:
            priors, largest = priors_of(alternative, name)
            if largest not in grids:
                grids[largest] = Quadrature(case, largest)
            truth = grids[largest].under(priors)
            fit = outcome.groups[f"sweep/{alternative.key}"]
            for quantity, statistic, value, error in compared(fit, name):
                z = (value - truth[quantity][statistic == "sd"]) / error
                said = f"{statistic} of {quantity} of {name} under {alternative.title}"
                assert abs(z) <= ERRORS, f"{said}: z = {z:.1f}"
