"""How well a penalty with a posterior restores a blurred signal, beside classical choices of it.

The problem of Phillips (1962) in ``tutorials/models/deconvolution.py``, where the true signal is
known. Given the scales everything is normal and closed, so the posterior is integrated over a grid
of λ and sigma and no chain adds noise to the comparison. With faulty readings, Student-t noise is a
mixture of normals: sampled by Gibbs, (sigma, λ) from their grid with the signal integrated out. Run
it with ``python benchmarks/inverse_problem.py``; it prints the tables of ``inverse-problem.md``.
Nothing here is a test.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from poolwise.checks.penalty import METHODS, Outcome, Ridge, classical_markers, dense

Array = NDArray[np.float64]

REPETITIONS = 20
NU = 4.0  # degrees of freedom of the noise in the spec with faults


def _spec() -> ModuleType:
    path = Path(__file__).parents[1] / "tutorials" / "models" / "deconvolution.py"
    found = importlib.util.spec_from_file_location("deconvolution", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


SPEC = _spec()


@dataclass(frozen=True)
class Prior:
    """What is penalised: a signal is ``flat @ beta + bent @ effects``."""

    name: str
    flat: Array
    bent: Array

    def ridge(self, seen: Array, noise: Array | None = None) -> Ridge:
        """Return the ridge problem of the readings."""
        return dense(seen, SPEC.BLUR @ self.flat, SPEC.BLUR @ self.bent, noise=noise)

    def signal(self, ridge: Ridge, ratio: float) -> Array:
        """Return the Tikhonov solution at τ²/σ²."""
        return np.asarray(self.flat @ ridge.population(ratio) + self.bent @ ridge.effect(ratio))


CURVATURE = Prior(
    "second derivatives",
    np.column_stack([np.ones(SPEC.POINTS), SPEC.PLACES]),
    SPEC.INTEGRATE,
)
VALUES = Prior("values", np.zeros((SPEC.POINTS, 0)), np.eye(SPEC.POINTS))


@dataclass(frozen=True)
class Grid:
    """Joint posterior of sigma and the ratio τ²/σ²; mass sums to one."""

    ratio: Array
    sigma: Array
    mass: Array

    @property
    def of_ratio(self) -> Array:
        """Mass of every ratio."""
        return np.asarray(self.mass.sum(1))

    def quantile(self, q: float) -> float:
        """Return a quantile of λ."""
        order = np.argsort(1 / self.ratio)
        total = np.cumsum(self.of_ratio[order])
        return float(np.exp(np.interp(q, total, np.log(1 / self.ratio[order]))))


#: Log densities of τ; the first is that of the spec.
HYPERPRIORS: dict[str, Callable[[Array], Array]] = {
    "half-t(3, 1)": lambda tau: -2 * np.log1p(tau**2 / 3),
    "half-normal(1)": lambda tau: -0.5 * tau**2,
    "half-normal(0.1)": lambda tau: -0.5 * (tau / 0.1) ** 2,
    "half-Cauchy(1)": lambda tau: -np.log1p(tau**2),
    "half-t(3, 0.1)": lambda tau: -2 * np.log1p((tau / 0.1) ** 2 / 3),
    "τ² ~ inverse-gamma(0.001, 0.001)": lambda tau: -1.002 * np.log(tau) - 0.001 / tau**2,
}


def posterior(ridge: Ridge, hyperprior: str = "half-t(3, 1)") -> Grid:
    """Integrate on a grid, by default with the priors of the spec; σ ~ half-normal(1)."""
    ratio, sigma = np.logspace(-4, 8, 241), np.geomspace(0.01, 3, 160)
    path = ridge.at(ratio)
    free = ridge.rows - ridge.columns
    tau = sigma * np.sqrt(ratio)[:, None]
    log_mass = (
        -0.5 * path.restricted_log_determinant[:, None]
        - free * np.log(sigma)
        - path.criterion[:, None] / (2 * sigma**2)
        - 0.5 * sigma**2
        + HYPERPRIORS[hyperprior](tau)
        + np.log(tau)
        + np.log(sigma)
    )
    mass = np.exp(log_mass - log_mass.max())
    return Grid(ratio, sigma, mass / mass.sum())


def error(signal: Array) -> float:
    """Relative error of a restored signal."""
    return float(np.linalg.norm(signal - SPEC.SIGNAL) / np.linalg.norm(SPEC.SIGNAL))


def restore(prior: Prior, seen: Array, noise: float) -> dict[str, tuple[float, float]]:
    """Return λ and relative error of every choice."""
    ridge = prior.ridge(seen, np.full(seen.size, noise))
    blind = prior.ridge(seen)
    grid = posterior(blind)
    signals = np.array([prior.signal(blind, float(r)) for r in grid.ratio])
    errors = np.array([error(s) for s in signals])
    best = int(np.argmin(errors))
    found = {"best possible": (1 / grid.ratio[best], errors[best])}
    mean = grid.of_ratio @ signals
    middle = grid.quantile(0.5)
    top = int(np.argmax(grid.of_ratio))
    found["posterior mean"] = (np.nan, error(mean))
    found["posterior median of λ"] = (middle, error(prior.signal(blind, 1 / middle)))
    found["posterior mode of log λ"] = (1 / grid.ratio[top], errors[top])
    # Only discrepancy is told the noise.
    for marker in [*classical_markers(blind)[:-1], classical_markers(ridge)[-1]]:
        if marker.outcome is Outcome.FOUND:
            at = prior.signal(blind, 1 / marker.penalty)
            found[marker.method] = (marker.penalty, error(at))
        elif marker.outcome is Outcome.POOLED:
            found[marker.method] = (np.inf, error(prior.signal(blind, 0.0)))
        else:
            found[marker.method] = (np.nan, np.nan)
    return found


def robust(prior: Prior, seen: Array, seed: int, draws: int = 400, warmup: int = 100) -> Array:
    """Return the posterior mean of the signal under Student-t noise, by Gibbs sampling."""
    rng = np.random.default_rng(seed)
    weight = np.ones(seen.size)
    both = np.hstack([prior.flat, prior.bent])
    image = SPEC.BLUR @ both
    p = prior.flat.shape[1]
    total = np.zeros(seen.size)
    for step in range(warmup + draws):
        root = np.sqrt(weight)
        ridge = dense(root * seen, root[:, None] * image[:, :p], root[:, None] * image[:, p:])
        grid = posterior(ridge)
        i, j = np.divmod(rng.choice(grid.mass.size, p=grid.mass.ravel()), grid.sigma.size)
        ratio, sigma = grid.ratio[i], grid.sigma[j]
        penalty = np.r_[np.zeros(p), np.full(both.shape[1] - p, 1 / ratio)]
        precision = (image.T * weight) @ image + np.diag(penalty)
        lower = np.linalg.cholesky(precision + 1e-13 * np.trace(precision) * np.eye(len(penalty)))
        middle = np.linalg.solve(lower.T, np.linalg.solve(lower, image.T @ (weight * seen)))
        drawn = middle + sigma * np.linalg.solve(lower.T, rng.normal(size=middle.size))
        left = (seen - image @ drawn) / sigma
        weight = rng.gamma((NU + 1) / 2, 2 / (NU + left**2))
        if step >= warmup:
            total += both @ middle
    return total / draws


def compare(prior: Prior, noise: float, faults: bool) -> dict[str, Array]:
    """Return λ and relative error per choice: arrays of shape (repetitions, 2)."""
    found: dict[str, list[tuple[float, float]]] = {}
    for seed in range(REPETITIONS):
        seen = SPEC.readings(seed, noise)
        if faults:
            for place, wrong in SPEC.FAULTY.items():
                seen[place] += wrong
        here = restore(prior, seen, noise)
        if faults:
            here["posterior mean, Student-t noise"] = (np.nan, error(robust(prior, seen, seed)))
        for name, value in here.items():
            found.setdefault(name, []).append(value)
    return {name: np.array(values) for name, values in found.items()}


def table(found: dict[str, Array]) -> None:
    """Print one table: relative errors, their ratio to the best possible, and λ."""
    best = found["best possible"]
    print("| choice | relative error | ratio to the best | worst ratio | λ / best λ | no answer |")
    print("|---" * 6 + "|")
    order: Callable[[str], int] = lambda n: list(METHODS).index(n) if n in METHODS else -1  # noqa: E731
    for name in sorted(found, key=order):
        value = found[name]
        there = np.isfinite(value[:, 1])
        if not there.any():
            print(f"| {name} | | | | | {value.shape[0]} |")
            continue
        errors, ratio = value[there, 1], value[there, 1] / best[there, 1]
        spread = errors.std(ddof=1) / np.sqrt(errors.size) if errors.size > 1 else np.nan
        factor = value[there, 0] / best[there, 0]
        known = factor[~np.isnan(factor)]
        shown = f"{np.median(known):.2g}" if known.size else ""
        print(
            f"| {name} | {errors.mean():.3f} ± {spread:.3f} | {np.median(ratio):.2f} "
            f"| {ratio.max():.2f} | {shown} | {(~there).sum() or ''} |"
        )


def compare_hyperpriors() -> None:
    """Print what the prior of τ makes of λ and of the error, with and without faulty readings."""
    print("| prior of τ | λ, clean | relative error, clean | λ, faults | relative error, faults |")
    print("|---" * 5 + "|")
    for name in HYPERPRIORS:
        line = [name]
        for faults in (False, True):
            found = []
            for seed in range(REPETITIONS):
                seen = SPEC.readings(seed, SPEC.NOISE)
                for place, wrong in SPEC.FAULTY.items() if faults else ():
                    seen[place] += wrong
                ridge = CURVATURE.ridge(seen)
                grid = posterior(ridge, name)
                signals = np.array([CURVATURE.signal(ridge, float(r)) for r in grid.ratio])
                found.append((grid.quantile(0.5), error(grid.of_ratio @ signals)))
            penalty, errors = np.array(found).T
            spread = errors.std(ddof=1) / np.sqrt(errors.size)
            line += [f"{np.median(penalty):.2g}", f"{errors.mean():.3f} ± {spread:.3f}"]
        print(f"| {' | '.join(line)} |")


def main() -> None:
    """Print all tables."""
    for prior, noise, faults in (
        (CURVATURE, 0.1, False),
        (CURVATURE, 0.5, False),
        (VALUES, 0.1, False),
        (CURVATURE, 0.1, True),
    ):
        what = ", four faulty readings" if faults else ""
        print(f"\n### {prior.name.capitalize()} penalised, noise {noise}{what}\n")
        table(compare(prior, noise, faults))
    print("\n### Other priors of τ, noise 0.1\n")
    compare_hyperpriors()


if __name__ == "__main__":
    main()
