"""How far a posterior is from REML where another program's answer is known.

``python benchmarks/oracles.py`` prints the tables of ``oracles.md``. At the variance components
that lme4 or metafor estimated, poolwise gives their shrinkage (``tests/checks/test_oracles.py``);
what is left is the difference between a point estimate of these and a posterior of them, and the
priors. With one level it is computed by quadrature over (τ, σ), all else integrated out; for the
subjects of sleepstudy, with two levels, by sampling the spec in ``tutorials/models``.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.checks.penalty import Ridge, one_way

Array = NDArray[np.float64]
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Case:
    """Groups of rows, what their scales were estimated to be, and the sd of half-normal priors."""

    name: str
    ridge: Ridge
    information: Array
    tau: float
    sigma: float
    prior: tuple[float, float]
    known_noise: bool = False


def table(path: str) -> list[dict[str, str]]:
    """Read a CSV file of the repository."""
    with (ROOT / path).open() as file:
        return list(csv.DictReader(file))


def expected(case: str, quantity: str) -> float:
    """Return a published number."""
    rows = json.loads((ROOT / "tests" / "data" / "expected.json").read_text())
    (found,) = [r["value"] for r in rows if (r["case"], r["quantity"]) == (case, quantity)]
    return float(found)


def cases() -> list[Case]:
    """Return the one-level problems."""
    radon = table("tutorials/models/data/radon_mn.csv")
    county = np.unique([r["county_idx"] for r in radon], return_inverse=True)[1]
    floor, y = (np.array([float(r[k]) for r in radon]) for k in ("floor", "log_radon"))
    dye = table("tests/data/dyestuff.csv")
    batch = np.unique([r["Batch"] for r in dye], return_inverse=True)[1]
    dyed = np.array([float(r["Yield"]) for r in dye])
    trials = table("tests/data/bcg.csv")
    a, b, c, d = (np.array([float(r[k]) for r in trials]) for k in ("tpos", "tneg", "cpos", "cneg"))
    ratio = np.log(a / (a + b)) - np.log(c / (c + d))
    se = np.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))
    return [
        Case(
            "radon, 85 counties (lme4)",
            one_way(y, np.column_stack([np.ones(y.size), floor]), county),
            np.bincount(county).astype(float),
            expected("radon_mn", "M1 sd county"),
            expected("radon_mn", "M1 sd resid"),
            (1.0, 1.0),
        ),
        Case(
            "dyestuff, 6 batches (lme4)",
            one_way(dyed, np.ones((dyed.size, 1)), batch),
            np.bincount(batch).astype(float),
            expected("dyestuff", "sd batch REML"),
            expected("dyestuff", "sd resid REML"),
            (100.0, 100.0),
        ),
        Case(
            "BCG, 13 trials (metafor)",
            one_way(ratio, np.ones((13, 1)), np.arange(13), noise=se),
            1 / se**2,
            float(np.sqrt(expected("bcg logRR", "REML tau2"))),
            1.0,
            (1.0, 1.0),
            known_noise=True,
        ),
    ]


def compare(case: Case) -> dict[str, Any]:
    """Integrate over the scales; coefficients have flat priors."""
    ridge = case.ridge
    tau = case.tau * np.linspace(1e-4, 6, 900)
    sigma = np.ones(1) if case.known_noise else case.sigma * np.geomspace(0.6, 1.8, 121)
    typical = float(np.sqrt(ridge.noise_variance or 1.0)) if case.known_noise else 1.0
    t, s = (v.ravel() for v in np.meshgrid(tau, sigma, indexing="ij"))
    noise = s * typical
    path = ridge.at((t / noise) ** 2)
    free = ridge.rows - ridge.columns
    log_mass = (
        -0.5 * path.restricted_log_determinant
        - free * np.log(noise)
        - path.criterion / (2 * noise**2)
        - 0.5 * (t / case.prior[0]) ** 2
        - (0.0 if case.known_noise else 0.5 * (s / case.prior[1]) ** 2 - np.log(s))
    )
    mass = np.exp(log_mass - log_mass.max())
    mass /= mass.sum()
    signal = t[:, None] ** 2 * case.information / s[:, None] ** 2
    pooled = 1 / (1 + signal)
    at_reml = 1 / (1 + case.tau**2 * case.information / case.sigma**2)
    mean = mass @ pooled
    of_level = pooled.mean(1)
    sd = float(np.sqrt(mass @ (of_level - mass @ of_level) ** 2))
    likely = np.flatnonzero(mass > 1e-7 * mass.max())
    estimates = np.array([_estimates(ridge, (t[k] / noise[k]) ** 2) for k in likely])
    moved = mass[likely] @ estimates / mass[likely].sum()
    reml = _estimates(ridge, (case.tau / (case.sigma * typical)) ** 2)
    error = 1 / np.sqrt(case.information / case.sigma**2 + case.tau**-2.0)
    return {
        "tau": (case.tau, float(mass @ t)),
        "pooled": (float(at_reml.mean()), float(mean.mean()), sd),
        "largest": float(abs(mean - at_reml).max()),
        "moved": float((abs(moved - reml) / error).max()),
    }


def _estimates(ridge: Ridge, ratio: float) -> Array:
    return np.asarray(ridge.population(ratio)[0] + ridge.effect(ratio))


def sleepstudy() -> None:
    """Print the shrinkage of intercepts and slopes beside that of lme4."""
    import xarray as xr

    from poolwise.checks.draws import mcse_of_mean
    from poolwise.workflow.engine import Engine
    from poolwise.workflow.specs.loading import load_specs

    spec = load_specs(str(ROOT / "tutorials" / "models" / "sleepstudy.py"))[0]
    tree = Engine(spec.build(), []).sample(
        draws=1000, tune=1000, chains=4, target_accept=0.9, seed=1
    )
    drawn: xr.Dataset = tree["posterior"].to_dataset()
    theirs = table("tests/data/sleepstudy_lme4_ranef.csv")
    print(
        "\n| sleepstudy, 18 subjects | lme4 | posterior mean | largest difference of an estimate |"
    )
    print("|---" * 4 + "|")
    for name, effect, column in (("intercepts", "start", "int"), ("slopes", "slope", "slope")):
        own, blup = (
            np.array([float(r[f"{kind}_{column}"]) for r in theirs]) for kind in ("ols", "blup")
        )
        mean = drawn[effect].mean(("chain", "draw")).values
        sd = drawn[effect].std(("chain", "draw")).values
        quantity = f"sd(BLUP {name})/sd(OLS {name})"
        worst = int(np.argmax(abs(mean - blup) / sd))
        error = mcse_of_mean(drawn[effect].isel(subject=worst)) / sd[worst]
        print(
            f"| sd of estimates / sd of own {name} | {expected('sleepstudy', quantity):.4f} "
            f"| {mean.std() / own.std():.4f} "
            f"| {abs(mean - blup)[worst] / sd[worst]:.2f} ± {error:.2f} posterior sd |"
        )


def main() -> None:
    """Print the tables."""
    print(
        "| case | τ, REML | τ, posterior mean | pooling, REML | posterior mean | posterior sd "
        "| difference in sd | largest for a group | largest move of an estimate |"
    )
    print("|---" * 9 + "|")
    for case in cases():
        found = compare(case)
        before, after, sd = found["pooled"]
        print(
            f"| {case.name} | {found['tau'][0]:.4g} | {found['tau'][1]:.4g} | {before:.4f} "
            f"| {after:.4f} | {sd:.4f} | {(after - before) / sd:+.2f} | {found['largest']:.4f} "
            f"| {found['moved']:.3f} standard errors |"
        )
    sleepstudy()


if __name__ == "__main__":
    main()
