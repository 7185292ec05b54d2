"""Whether intervals for pooling and variances hold the truth as often as they say.

``python benchmarks/interval_coverage.py`` draws parameters from their priors and data from these,
samples each model on one compiled program with the data switched, evaluates its levels, and prints
the tables of ``interval-coverage.md``. As the truth is drawn from the prior, equal-tailed posterior
intervals of any function of parameters hold it with their probability exactly; misses beyond
binomial error are faults of the sampler or of poolwise. The truth of every quantity is computed
here from the true parameters by its published formula, not by poolwise. ``--quick`` takes 20 data
sets.

The pooling factor of Gelman and Pardoe is no function of parameters but a summary of a posterior:
its truth is the value in the exact posterior of the same data, by quadrature over the scales, and
its error is measured in the Monte Carlo errors that poolwise states.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

Array = NDArray[np.float64]
Truth = dict[str, Any]

PROBABILITIES = (0.5, 0.9)
#: Chance that any entry of one table is flagged although every interval is right.
FALSE_ALARM = 0.01
#: Standard deviations of the half-normal priors of spreads, and of the normal prior of mu.
SPREAD, LOCATION = 1.0, 2.0
SAMPLING: dict[str, Any] = {"draws": 500, "tune": 500, "chains": 4, "target_accept": 0.95}


@dataclass(frozen=True)
class Design:
    """Rows of two levels: ``upper`` and ``lower`` hold the group of each row in either."""

    name: str
    levels: tuple[str, str]
    upper: NDArray[np.int64]
    lower: NDArray[np.int64]
    outcome: str = "normal"

    @property
    def counts(self) -> dict[str, Array]:
        """Rows per group, by level."""
        groups = zip(self.levels, (self.upper, self.lower), strict=True)
        return {level: np.bincount(group).astype(float) for level, group in groups}


def designs() -> list[Design]:
    """Return a nested and two crossed designs, with groups of different sizes."""
    rng = np.random.default_rng(20261122)
    # 8 districts of 1 to 4 schools of 1 to 8 rows.
    school_district = np.repeat(np.arange(8), [1, 2, 3, 4, 4, 3, 3, 4])
    lower = np.repeat(np.arange(school_district.size), rng.integers(1, 9, school_district.size))
    nested = Design("nested", ("district", "school"), school_district[lower], lower)
    # 9 raters and 7 items, two thirds of the cells seen, 1 to 3 rows in each.
    cells = [c for c in itertools.product(range(9), range(7)) if rng.random() < 2 / 3]
    times = rng.integers(1, 4, len(cells))
    upper, lower = (np.repeat([c[k] for c in cells], times) for k in (0, 1))
    return [
        nested,
        Design("crossed", ("rater", "item"), upper, lower),
        Design("crossed, Poisson", ("rater", "item"), upper, lower, "poisson"),
    ]


def draw_truth(design: Design, rng: np.random.Generator) -> Truth:
    """Draw parameters from their priors."""
    truth: Truth = {
        "mu": LOCATION * rng.normal() if design.outcome == "normal" else 0.5 * rng.normal(),
        "sigma": float(np.exp(0.5 * rng.normal())),
    }
    for level, count in design.counts.items():
        tau = SPREAD * abs(rng.normal())
        truth[level] = {"scale": tau, "effect": tau * rng.normal(size=count.size)}
    return truth


def draw_data(design: Design, truth: Truth, rng: np.random.Generator) -> Array:
    """Draw the outcome."""
    mean = linear(design, truth)
    if design.outcome == "poisson":
        return rng.poisson(np.exp(mean)).astype(float)
    return np.asarray(rng.normal(mean, truth["sigma"]))


def linear(design: Design, truth: Truth) -> Array:
    """Return the linear predictor of every row."""
    one, other = (truth[level]["effect"] for level in design.levels)
    return np.asarray(truth["mu"] + one[design.upper] + other[design.lower])


def build(design: Design, y: Array) -> Any:
    """Return the model: effects of both levels add up, in non-centred form."""
    import pymc as pm

    with pm.Model(coords={n: np.arange(c.size) for n, c in design.counts.items()}) as model:
        normal = design.outcome == "normal"
        mean = pm.Normal("mu", 0, LOCATION if normal else 0.5)
        for level, group in zip(design.levels, (design.upper, design.lower), strict=True):
            tau = pm.HalfNormal(f"tau_{level}", SPREAD)
            z = pm.Normal(f"z_{level}", 0, 1, dims=level)
            mean = mean + pm.Deterministic(f"effect_{level}", tau * z, dims=level)[group]
        if normal:
            pm.Normal("y", mean, pm.LogNormal("sigma", 0, 0.5), observed=y)
        else:
            pm.Poisson("y", pm.math.exp(mean), observed=y.astype(int))
    return model


def true_values(design: Design, truth: Truth) -> dict[str, float]:
    """Return every followed quantity at the true parameters."""
    found = {"mu": float(truth["mu"])}
    normal = design.outcome == "normal"
    if normal:
        found["σ"] = truth["sigma"]
    total = sum(truth[level]["scale"] ** 2 for level in design.levels)
    for level in design.levels:
        tau, count = truth[level]["scale"], design.counts[level]
        information = information_of(design, truth, level)
        weight = tau**2 * information / (1 + tau**2 * information)
        row = truth["sigma"] ** 2 if normal else count.sum() / information.sum()
        found |= {
            f"{level}: τ": tau,
            f"{level}: sd of its effects": float(truth[level]["effect"].std(ddof=1)),
            f"{level}: mean weight": float(weight.mean()),
            f"{level}: effective groups": float(weight.sum()),
            f"{level}: weight of the smallest": float(weight[count.argmin()]),
            f"{level}: weight of the largest": float(weight[count.argmax()]),
            f"{level}: penalty": row / tau**2,
        }
        if normal:
            found[f"{level}: share of a new observation"] = tau**2 / (total + truth["sigma"] ** 2)
    return found


def information_of(design: Design, truth: Truth, level: str) -> Array:
    """Return the Fisher information of every group's rows on its effect.

    n/σ² of normal rows and Σ exp(η) of Poisson rows; of a level that another lies in, that of the
    groups below, each of which varies around it: Σ 1/(τ² + 1/I).
    """
    one, other = design.levels
    group = design.upper if level == one else design.lower
    if design.outcome == "poisson":
        return np.bincount(group, np.exp(linear(design, truth)))
    if design.name != "nested" or level == other:
        return np.asarray(design.counts[level] / truth["sigma"] ** 2)
    below = 1 / (truth[other]["scale"] ** 2 + 1 / information_of(design, truth, other))
    parent = design.upper[np.unique(design.lower, return_index=True)[1]]
    return np.bincount(parent, below)


def followed(design: Design, levels: dict[str, xr.Dataset], drawn: xr.Dataset) -> dict[str, Array]:
    """Return the draws of every followed quantity, as poolwise computes them."""
    from poolwise.checks import equivalent_penalty, own_data_weight
    from poolwise.checks.own_data import mean_weight

    found = {"mu": drawn["mu"]}
    normal = design.outcome == "normal"
    if normal:
        found["σ"] = drawn["sigma"]
    spread = sum(levels[level]["scale"] ** 2 for level in design.levels)
    for level in design.levels:
        here = levels[level]
        found[f"{level}: τ"] = here["scale"]
        deviation = here["effect"] - here["location"]
        found[f"{level}: sd of its effects"] = deviation.std("group", ddof=1)
        if "information" in here:
            weight, count = own_data_weight(here), here["rows"].values
            found |= {
                f"{level}: mean weight": mean_weight(here),
                f"{level}: effective groups": weight.sum("group"),
                f"{level}: weight of the smallest": weight.isel(group=int(count.argmin())),
                f"{level}: weight of the largest": weight.isel(group=int(count.argmax())),
            }
            if "design_squared" in here:
                found[f"{level}: penalty"] = equivalent_penalty(here)
        if normal:
            noise = here["noise_variance"].mean("group")
            share = here["scale"] ** 2 / (spread + noise)
            found[f"{level}: share of a new observation"] = share
    return {name: np.asarray(v.values, dtype=float) for name, v in found.items()}


def simulate(design: Design, count: int) -> Iterator[tuple[Truth, Array, Any, Any]]:
    """Yield truth, data, the model of these data and its draws: one program for all."""
    from poolwise.workflow.engine import Engine

    rng = np.random.default_rng([20261122, len(design.name)])
    truths = [draw_truth(design, rng) for _ in range(count)]
    outcomes = [draw_data(design, truth, rng) for truth in truths]
    engine = Engine(build(design, outcomes[0]), [])
    dtype = engine.data["y"].dtype
    for seed, (truth, y) in enumerate(zip(truths, outcomes, strict=True)):
        tree = engine.sample(seed=seed, data={"y": y.astype(dtype)}, **SAMPLING)
        yield truth, y, build(design, y), tree
    assert engine.compilations == 1


def inside(draws: Array, truth: float, probability: float) -> bool:
    """Whether the equal-tailed interval of the draws holds the truth."""
    low, high = np.quantile(draws, [(1 - probability) / 2, (1 + probability) / 2])
    return bool(low <= truth <= high)


@dataclass
class Result:
    """Hits by quantity and probability, and errors of pooling factors in Monte Carlo errors."""

    hits: dict[tuple[str, float], list[bool]]
    errors: dict[str, list[float]]
    sampler: list[tuple[float, int]]


def study(design: Design, count: int, exact: int) -> Result:
    """Sample every data set and compare with the truth."""
    from poolwise.checks import pooling_factor
    from poolwise.checks.hierarchy.reading import read_hierarchy
    from poolwise.checks.weighted import largest_rhat
    from poolwise.workflow.levels.datasets import level_datasets

    result = Result({}, {}, [])
    for number, (truth, y, model, tree) in enumerate(simulate(design, count)):
        drawn = tree["posterior"].to_dataset()
        hierarchy = read_hierarchy(model)
        assert set(hierarchy.levels) == set(design.levels), hierarchy
        levels = level_datasets(model, hierarchy, drawn, rows=False)
        true = true_values(design, truth)
        for name, values in followed(design, levels, drawn).items():
            for p in PROBABILITIES:
                result.hits.setdefault((name, p), []).append(inside(values, true[name], p))
        diverging = int(tree["sample_stats"]["diverging"].sum())
        parameters = [n for n in drawn.data_vars if not str(n).startswith("effect_")]
        result.sampler.append((largest_rhat(drawn[parameters]), diverging))
        if number < exact and design.outcome == "normal":
            factors = exact_factors(design, y)
            for level in design.levels:
                found = pooling_factor(levels[level])
                error = (found.factor - factors[level]) / found.mcse
                result.errors.setdefault(level, []).append(error)
    return result


def exact_factors(design: Design, y: Array, nodes: int = 28) -> dict[str, float]:
    """Return the pooling factors of both levels by quadrature over the three scales.

    Given these, all effects are jointly normal. The trapezoidal rule in (τ, τ, log σ) converges
    exponentially: the density is even in each τ and falls off at all other ends, which are put
    where it is e^-16 of its largest value.
    """
    counts = list(design.counts.values())
    sizes = [c.size for c in counts]
    x = np.zeros((y.size, 1 + sum(sizes)))
    x[:, 0] = 1
    x[np.arange(y.size), 1 + design.upper] = 1
    x[np.arange(y.size), 1 + sizes[0] + design.lower] = 1
    xx, xy, yy = x.T @ x, x.T @ y, float(y @ y)

    def posterior(places: Array) -> tuple[Array, Array, Array]:
        """Log density of (τ, τ, log σ), with means and covariances of coefficients."""
        one, two = np.maximum(places[:, :2], 1e-5).T
        sigma = np.exp(places[:, 2])
        prior = np.empty((len(places), x.shape[1]))
        prior[:, 0] = LOCATION**-2
        prior[:, 1 : 1 + sizes[0]] = one[:, None] ** -2
        prior[:, 1 + sizes[0] :] = two[:, None] ** -2
        precision = xx / sigma[:, None, None] ** 2 + prior[:, :, None] * np.eye(x.shape[1])
        covariance = np.linalg.inv(precision)
        right = xy / sigma[:, None] ** 2
        mean = np.einsum("tij,tj->ti", covariance, right)
        density = (
            0.5 * np.log(prior).sum(1)
            - 0.5 * np.linalg.slogdet(precision)[1]
            - y.size * np.log(sigma)
            - 0.5 * (yy / sigma**2 - (mean * right).sum(1))
            - 0.5 * (one**2 + two**2) / SPREAD**2
            - 0.5 * (np.log(sigma) / 0.5) ** 2
        )
        return density, mean, covariance

    low, high = np.array([0.0, 0.0, -3.0]), np.array([6.0, 6.0, 3.0])
    for _ in range(3):
        grid, step = _grid(low, high, 12)
        density = posterior(grid)[0]
        kept = grid[density > density.max() - 16]
        low, high = np.maximum(low, kept.min(0) - step), np.minimum(high, kept.max(0) + step)
    grid, _ = _grid(low, high, nodes)
    density, mean, covariance = posterior(grid)
    mass = np.exp(density - density.max()) * np.prod(np.where(grid[:, :2] == 0, 0.5, 1.0), axis=1)
    mass /= mass.sum()
    found = {}
    starts = np.cumsum([1, *sizes])
    for level, a, b in zip(design.levels, starts[:-1], starts[1:], strict=True):
        effect, spread = mean[:, a:b], covariance[:, a:b, a:b]
        trace = np.trace(spread, axis1=1, axis2=2) - spread.sum((1, 2)) / (b - a)
        within = effect.var(1, ddof=1) + trace / (b - a - 1)
        found[level] = 1 - float((mass @ effect).var(ddof=1) / (mass @ within))
    return found


def _grid(low: Array, high: Array, nodes: int) -> tuple[Array, Array]:
    axes = [np.linspace(a, b, nodes) for a, b in zip(low, high, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3), (high - low) / nodes


def report(design: Design, result: Result, seconds: float) -> None:
    """Print the tables of one design."""
    from scipy import stats

    names = list(dict.fromkeys(name for name, _ in result.hits))
    level = FALSE_ALARM / len(result.hits)
    count = len(next(iter(result.hits.values())))
    rhat = [r for r, _ in result.sampler]
    diverged = [d for _, d in result.sampler]
    print(f"\n## {design.name.capitalize()}: {design.lower.size} rows, {count} data sets\n")
    print(
        f"{design.counts[design.levels[0]].size} {design.levels[0]}s, "
        f"{design.counts[design.levels[1]].size} {design.levels[1]}s; largest R-hat "
        f"{max(rhat):.3f} (over 1.01 in {sum(r > 1.01 for r in rhat)} data sets), divergences in "
        f"{sum(d > 0 for d in diverged)}; {seconds:.0f} s; ✗ where the exact binomial p is below "
        f"{level:.1e}.\n"
    )
    print("| quantity | 50% intervals hold it | p | 90% intervals hold it | p |")
    print("|---" * 5 + "|")
    for name in names:
        cells = []
        for p in PROBABILITIES:
            hits = result.hits[name, p]
            tail = stats.binomtest(sum(hits), len(hits), p).pvalue
            mark = " ✗" if tail < level else ""
            cells.append(f"{np.mean(hits):.1%} | {tail:.3f}{mark}")
        print(f"| {name} | {' | '.join(cells)} |")
    if result.errors:
        print("\n| pooling factor | data sets | mean z | root mean square z | p | largest z |")
        print("|---" * 6 + "|")
    for name, found in result.errors.items():
        z = np.array(found)
        square = float((z**2).sum())
        tail = 2 * min(stats.chi2.cdf(square, z.size), stats.chi2.sf(square, z.size))
        print(
            f"| {name} | {z.size} | {z.mean():.2f} | {np.sqrt((z**2).mean()):.2f} | {tail:.3f} "
            f"| {abs(z).max():.2f} |"
        )


def main() -> None:
    """Study every design and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 data sets for each model")
    parser.add_argument("--data-sets", type=int, default=200)
    parser.add_argument("--exact", type=int, default=60, help="of these with a quadrature")
    parser.add_argument("--only", choices=[d.name for d in designs()], help="one model")
    asked = parser.parse_args()
    count = 20 if asked.quick else asked.data_sets
    chosen = [d for d in designs() if asked.only in (None, d.name)]
    for design in chosen:
        started = time.perf_counter()
        result = study(design, count, min(asked.exact, count))
        report(design, result, time.perf_counter() - started)


if __name__ == "__main__":
    main()
