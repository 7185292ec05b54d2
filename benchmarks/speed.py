"""How long pooling and uncertainty of a large level take, and how much memory.

``python benchmarks/speed.py`` prints the table of ``speed.md``: 1,000 groups of 100 rows, 4 × 1,000
draws, each outcome in a process of its own. The draws are synthetic: truth plus a normal error of
the size a posterior has, so that nothing is fitted. ``--quick`` takes a tenth of the rows and
draws; ``--profile poisson`` prints where the time of one outcome goes.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

GROUPS, ROWS, CHAINS, DRAWS = 1000, 100, 4, 1000

#: What the project asks of pooling and uncertainty together.
SECONDS, GIGABYTES = 10.0, 2.0


def model_and_draws(outcome: str, groups: int, rows: int, draws: int) -> tuple[Any, xr.Dataset]:
    """Return a model with one covariate of rows, and draws like those of its posterior."""
    import pymc as pm

    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(groups), rows)
    x = rng.normal(size=group.size)
    truth = {"mu": 0.5, "tau": 0.4, "beta": 0.3, "sigma": 1.0}
    theta = truth["mu"] + truth["tau"] * rng.normal(size=groups)
    eta = theta[group] + truth["beta"] * x
    with pm.Model(coords={"site": np.arange(groups)}) as model:
        mu, tau = pm.Normal("mu", 0, 1), pm.HalfNormal("tau", 1)
        effect = pm.Normal("theta", mu, tau, dims="site")
        mean = effect[group] + pm.Normal("beta", 0, 1) * x
        _OUTCOMES[outcome](mean, eta, rng)
    size = (CHAINS, draws)
    error = 1 / np.sqrt(rows)
    found: dict[str, Any] = {
        "mu": truth["mu"] + 0.02 * rng.normal(size=size),
        "tau": truth["tau"] * np.exp(0.03 * rng.normal(size=size)),
        "beta": truth["beta"] + 0.01 * rng.normal(size=size),
        "sigma": truth["sigma"] * np.exp(0.01 * rng.normal(size=size)),
        "alpha": 3.0 * np.exp(0.02 * rng.normal(size=size)),
    }
    values = {v.name: (("chain", "draw"), found[v.name]) for v in model.free_RVs if v.name in found}
    values["theta"] = (("chain", "draw", "site"), theta + error * rng.normal(size=(*size, groups)))
    coords = {"chain": np.arange(CHAINS), "draw": np.arange(draws), "site": np.arange(groups)}
    return model, xr.Dataset(values, coords=coords)


def _normal(mean: Any, eta: np.ndarray, rng: np.random.Generator) -> None:
    import pymc as pm

    pm.Normal("y", mean, pm.HalfNormal("sigma", 1), observed=rng.normal(eta, 1.0))


def _poisson(mean: Any, eta: np.ndarray, rng: np.random.Generator) -> None:
    import pymc as pm

    pm.Poisson("y", pm.math.exp(mean), observed=rng.poisson(np.exp(eta)))


def _bernoulli(mean: Any, eta: np.ndarray, rng: np.random.Generator) -> None:
    import pymc as pm

    pm.Bernoulli("y", logit_p=mean, observed=rng.binomial(1, 1 / (1 + np.exp(-eta))))


def _negative_binomial(mean: Any, eta: np.ndarray, rng: np.random.Generator) -> None:
    import pymc as pm

    alpha = pm.Exponential("alpha", 0.3)
    seen = rng.poisson(np.exp(eta) * rng.gamma(3, 1 / 3, size=eta.size))
    pm.NegativeBinomial("y", mu=pm.math.exp(mean), alpha=alpha, observed=seen)


_OUTCOMES: dict[str, Callable[[Any, np.ndarray, np.random.Generator], None]] = {
    "normal": _normal,
    "poisson": _poisson,
    "bernoulli": _bernoulli,
    "negative binomial": _negative_binomial,
}


def measure(outcome: str, groups: int, rows: int, draws: int) -> dict[str, Any]:
    """Time every part, and see how much memory the process took at most."""
    from poolwise.checks import Evidence
    from poolwise.checks.hierarchy.reading import read_hierarchy
    from poolwise.workflow.levels.datasets import level_datasets

    model, posterior = model_and_draws(outcome, groups, rows, draws)
    seconds: dict[str, float] = {}
    busy: dict[str, float] = {}
    before = _peak()

    def timed(name: str, job: Callable[[], Any]) -> Any:
        started, used = time.perf_counter(), time.process_time()
        result = job()
        seconds[name] = time.perf_counter() - started
        busy[name] = time.process_time() - used
        return result

    hierarchy = timed("read", lambda: read_hierarchy(model))
    levels = timed("levels", lambda: level_datasets(model, hierarchy, posterior))
    evidence = Evidence(xr.DataTree.from_dict({f"levels/{n}": d for n, d in levels.items()}))
    pooling = timed("pooling", lambda: evidence.get("pooling"))
    uncertainty = timed("uncertainty", lambda: evidence.get("uncertainty"))
    site = pooling["site"]
    return {
        "seconds": seconds,
        "busy": busy,
        "before": before,
        "peak": _peak(),
        "weight": None if site.mean_weight is None else site.mean_weight.mean,
        "why": site.why_no_weights,
        "targets": len(uncertainty.get("site", [])),
    }


def _peak() -> float:
    """Return the largest resident memory of this process so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def main() -> None:
    """Run every outcome in a fresh process, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows and draws")
    parser.add_argument("--profile", choices=list(_OUTCOMES), help="where the time goes")
    parser.add_argument("--only", choices=list(_OUTCOMES), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    rows, draws = (ROWS // 10, DRAWS // 10) if asked.quick else (ROWS, DRAWS)
    if asked.profile:
        _profile(asked.profile, rows, draws)
        return
    if asked.only:
        print(json.dumps(measure(asked.only, GROUPS, rows, draws)))
        return
    print(f"{GROUPS:,} groups × {rows} rows × {CHAINS * draws:,} draws\n")
    print(
        "| outcome | levels on draws | pooling | uncertainty | together | processor time "
        "| peak memory | before | mean weight |"
    )
    print("|---" * 9 + "|")
    for outcome in _OUTCOMES:
        command = [sys.executable, __file__, "--only", outcome, *["--quick"] * asked.quick]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"| {outcome} | failed: {done.stderr.strip().splitlines()[-1]} | | | | | | | |")
            continue
        _row(outcome, json.loads(done.stdout.splitlines()[-1]))


def _row(outcome: str, found: dict[str, Any]) -> None:
    spent = found["seconds"]
    parts = [spent[n] for n in ("levels", "pooling", "uncertainty")]
    total = sum(parts)
    weight = found["why"] if found["weight"] is None else f"{found['weight']:.3f}"
    if not found["targets"]:
        weight += ", no variances"
    held = "" if total < SECONDS and found["peak"] < GIGABYTES else " ✗"
    busy = sum(found["busy"][n] for n in ("levels", "pooling", "uncertainty"))
    print(
        f"| {outcome} | {' | '.join(f'{p:.1f} s' for p in parts)} | {total:.1f} s{held} "
        f"| {busy:.1f} s "
        f"| {found['peak']:.2f} GB | {found['before']:.2f} GB | {weight} |"
    )


def _profile(outcome: str, rows: int, draws: int) -> None:
    import cProfile
    import pstats

    profile = cProfile.Profile()
    profile.runcall(measure, outcome, GROUPS, rows, draws)
    pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
