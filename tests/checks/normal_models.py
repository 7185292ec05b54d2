"""Normal models with their exact posterior: mixtures of normals over a grid of (τ, σ)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pymc as pm
import xarray as xr
from numpy.typing import NDArray

import poolwise
from poolwise import Level
from poolwise.checks.draws import SAMPLE

Array = NDArray[np.float64]
SIZE = (4, 1000)
LOCATION, COEFFICIENT = 3.0, 2.0  # prior standard deviations


@dataclass(frozen=True)
class Problem:
    """A normal model and the grid of its scales; one point stands for scales that are known.

    The coefficients are (β, μ, ε): what every row is of them is a row of ``map``.
    """

    rows: tuple[int, ...]
    covariates: int
    slope: bool
    tau: tuple[float, ...]
    sigma: tuple[float, ...]
    seed: int

    @property
    def groups(self) -> int:
        return len(self.rows)

    @cached_property
    def group(self) -> NDArray[np.int64]:
        return np.repeat(np.arange(self.groups), self.rows)

    @cached_property
    def design(self) -> Array:
        rng = np.random.default_rng(self.seed)
        n = self.group.size
        return rng.uniform(0.3, 2, n) * rng.choice([-1, 1], n) if self.slope else np.ones(n)

    @cached_property
    def x(self) -> Array:
        return np.random.default_rng(self.seed + 1).normal(size=(self.group.size, self.covariates))

    @cached_property
    def map(self) -> Array:
        indicator = np.zeros((self.group.size, self.groups))
        indicator[np.arange(self.group.size), self.group] = self.design
        return np.hstack([self.x, self.design[:, None], indicator])

    @cached_property
    def y(self) -> Array:
        rng = np.random.default_rng(self.seed + 2)
        tau, sigma = rng.choice(self.tau), rng.choice(self.sigma)
        truth = np.r_[rng.normal(size=self.covariates), 1.0, tau * rng.normal(size=self.groups)]
        return np.asarray(self.map @ truth + sigma * rng.normal(size=self.group.size))

    def given(self, tau: float, sigma: float) -> tuple[Array, Array, float]:
        """Return mean and covariance of the coefficients given the scales, and log p(y)."""
        sd = np.r_[np.full(self.covariates, COEFFICIENT), LOCATION, np.full(self.groups, tau)]
        # Scaled to prior sd 1, which is exact for τ near 0 and for τ without bounds.
        scaled = self.map * sd / sigma
        covariance = np.linalg.inv(np.eye(sd.size) + scaled.T @ scaled)
        mean = covariance @ scaled.T @ self.y / sigma
        left = self.y / sigma - scaled @ mean
        log_density = (
            0.5 * np.linalg.slogdet(covariance)[1]
            - self.y.size * np.log(sigma)
            - 0.5 * float(left @ left + mean @ mean)
        )
        return sd * mean, sd[:, None] * covariance * sd, float(log_density)

    @cached_property
    def exact(self) -> Mixture:
        nodes = [(t, s, *self.given(t, s)) for t in self.tau for s in self.sigma]
        log_mass = np.array([n[4] for n in nodes])
        mass = np.exp(log_mass - log_mass.max())
        tau, sigma, mean, covariance, _ = zip(*nodes, strict=True)
        return Mixture(self, mass / mass.sum(), *map(np.array, (tau, sigma, mean, covariance)))


@dataclass(frozen=True)
class Mixture:
    """The exact posterior: normals over the nodes of the grid."""

    problem: Problem
    mass: Array
    tau: Array
    sigma: Array
    mean: Array
    covariance: Array

    def expected(self, values: Array) -> float:
        return float(self.mass @ values)

    def moments(self, matrix: Array) -> tuple[Array, Array]:
        """Return mean and covariance of a linear map of the coefficients."""
        means = self.mean @ matrix.T
        middle = self.mass @ means
        left = means - middle
        within = np.einsum("k,kab->ab", self.mass, matrix @ self.covariance @ matrix.T)
        return middle, within + np.einsum("k,ka,kb->ab", self.mass, left, left)

    def draw(self) -> xr.DataTree:
        """Return independent draws, as a sampler would."""
        rng = np.random.default_rng(self.problem.seed + 3)
        count = SIZE[0] * SIZE[1]
        node = rng.choice(self.mass.size, size=count, p=self.mass)
        found = np.empty((count, self.mean.shape[1]))
        for k in np.unique(node):
            here = node == k
            # By eigenvectors: a covariance with τ near 0 is singular to rounding.
            value, vector = np.linalg.eigh(self._correlation(int(k)))
            root = self._sd(int(k))[:, None] * vector * np.sqrt(np.maximum(value, 0))
            noise = rng.normal(size=(int(here.sum()), value.size))
            found[here] = self.mean[k] + noise @ root.T
        p = self.problem.covariates
        coefficients = found.reshape(*SIZE, -1)
        values = {
            "mu": (SAMPLE, coefficients[..., p]),
            "tau": (SAMPLE, self.tau[node].reshape(SIZE)),
            "sigma": (SAMPLE, self.sigma[node].reshape(SIZE)),
            "epsilon": ((*SAMPLE, "site"), coefficients[..., p + 1 :]),
        }
        if p:
            values["beta"] = ((*SAMPLE, "beta_dim_0"), coefficients[..., :p])
        return xr.DataTree.from_dict({"posterior": xr.Dataset(values)})

    def _sd(self, k: int) -> Array:
        return np.asarray(np.sqrt(np.diag(self.covariance[k])))

    def _correlation(self, k: int) -> Array:
        sd = self._sd(k)
        return np.asarray(self.covariance[k] / np.outer(sd, sd))


def level_of(problem: Problem) -> xr.Dataset:
    """Evaluate the level of the PyMC model on the draws."""
    tree = problem.exact.draw()
    drawn = tree["posterior"].to_dataset()
    # In half of the examples effects are centred, in half they are offsets.
    centred = problem.seed % 2 == 0
    with pm.Model(coords={"site": np.arange(problem.groups)}) as model:
        mu = pm.Normal("mu", 0, LOCATION)
        tau, sigma = pm.HalfNormal("tau"), pm.HalfNormal("sigma")
        if centred:
            theta = pm.Normal("theta", mu, tau, dims="site")
            drawn["theta"] = drawn["mu"] + drawn["epsilon"]
        else:
            z = pm.Normal("z", 0, 1, dims="site")
            theta = pm.Deterministic("theta", mu + tau * z, dims="site")
            drawn["z"] = drawn["epsilon"] / drawn["tau"]
        mean = theta[problem.group] * problem.design
        if problem.covariates:
            beta = pm.Normal("beta", 0, COEFFICIENT, shape=problem.covariates)
            mean = mean + problem.x @ beta
        pm.Normal("y", mean, sigma, observed=problem.y)
    tree = xr.DataTree.from_dict({"posterior": drawn})
    # One group is told from a population coefficient by declaration only.
    declared = {"site": Level(effect="theta", location="mu", scale="tau")}
    levels = declared if problem.groups == 1 else None
    (level,) = poolwise.evaluate_levels(tree, model, levels=levels).values()
    return level
