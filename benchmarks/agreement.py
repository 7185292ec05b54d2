"""Does every alternative of a sweep agree with a fit of its own?

``python benchmarks/agreement.py [--quick] [MODEL ...]`` reviews eight schools, radon, a logistic
and a Poisson model, and fits 25 alternatives of each again without poolwise: the model written with
that prior, compiled by nutpie, with seeds of its own. It compares means and standard deviations of
every parameter and effect, the pooling factor and the probability of a decision, each difference
over its combined Monte Carlo error, and prints a Markdown table. ``--quick`` takes every fifth
alternative.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

HERE = Path(__file__).parent
TUTORIALS = HERE.parent / "tutorials" / "models"
ALTERNATIVES = 25
#: Of a model written with an alternative: twice as many draws as the sweep has for it.
SIZES: dict[str, Any] = {"draws": 2000, "tune": 1000, "chains": 4, "target_accept": 0.95}

Prior = Callable[[str, Any], Any]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


SCHOOLS = _rows(TUTORIALS / "data" / "eight_schools.csv")
RADON = _rows(TUTORIALS / "data" / "radon_mn.csv")
HERDS = _rows(HERE / "data" / "cbpp.csv")


def _column(rows: list[dict[str, str]], name: str) -> np.ndarray:
    return np.array([float(row[name]) for row in rows])


def eight_schools(prior: Prior) -> Any:
    """Known standard errors, non-centred effects (Rubin 1981)."""
    import pymc as pm

    with pm.Model(coords={"school": [row["school"] for row in SCHOOLS]}) as model:
        mu = prior("mu", pm.Normal.dist(0, 5))
        tau = prior("tau", pm.HalfCauchy.dist(5))
        z = pm.Normal("z", 0, 1, dims="school")
        theta = pm.Deterministic("theta", mu + tau * z, dims="school")
        y, sigma = _column(SCHOOLS, "y"), _column(SCHOOLS, "sigma")
        pm.Normal("obs", theta, sigma, observed=y, dims="school")
    return model


def radon(prior: Prior) -> Any:
    """Varying intercepts by county, with floor by house and uranium by county."""
    import pymc as pm

    names = [row["county"].strip() for row in RADON]
    counties = list(dict.fromkeys(names))
    county = np.array([counties.index(name) for name in names])
    uranium = np.zeros(len(counties))
    uranium[county] = _column(RADON, "log_uranium")
    with pm.Model(coords={"county": counties}) as model:
        intercept = prior("intercept", pm.Normal.dist(1, 2))
        slope = prior("uranium_effect", pm.Normal.dist(0, 1))
        floor = prior("floor_effect", pm.Normal.dist(0, 1))
        tau = prior("tau", pm.HalfNormal.dist(1))
        sigma = prior("sigma", pm.HalfNormal.dist(1))
        mean = pm.Deterministic("county_mean", intercept + slope * uranium, dims="county")
        offset = pm.Normal("offset", 0, 1, dims="county")
        alpha = pm.Deterministic("alpha", mean + tau * offset, dims="county")
        rows = alpha[county] + floor * _column(RADON, "floor")
        pm.Normal("log_radon", rows, sigma, observed=_column(RADON, "log_radon"))
    return model


def _herds(prior: Prior) -> tuple[Any, Any]:
    import pymc as pm

    herd = np.array([int(row["herd"]) - 1 for row in HERDS])
    late = (_column(HERDS, "period") > 1).astype(float)
    intercept = prior("intercept", pm.Normal.dist(-2, 2))
    later = prior("later", pm.Normal.dist(0, 2))
    tau = prior("tau", pm.HalfNormal.dist(1))
    z = pm.Normal("z", 0, 1, dims="herd")
    effect = pm.Deterministic("effect", intercept + tau * z, dims="herd")
    return effect[herd] + later * late, _column(HERDS, "incidence").astype(int)


HERD_NAMES = {"herd": list(dict.fromkeys(row["herd"] for row in HERDS))}


def logistic(prior: Prior) -> Any:
    """Pleuropneumonia in 15 herds of cattle (Lesnoff et al. 2004), binomial."""
    import pymc as pm

    with pm.Model(coords=HERD_NAMES) as model:
        log_odds, cases = _herds(prior)
        size = _column(HERDS, "size").astype(int)
        pm.Binomial("incidence", n=size, logit_p=log_odds, observed=cases)
    return model


def poisson(prior: Prior) -> Any:
    """The same herds with cases as a rate per animal."""
    import pymc as pm

    with pm.Model(coords=HERD_NAMES) as model:
        log_rate, cases = _herds(prior)
        rate = pm.math.exp(log_rate + np.log(_column(HERDS, "size")))
        pm.Poisson("incidence", rate, observed=cases)
    return model


@dataclass(frozen=True)
class Case:
    """A model, the effects and location of its level, and a decision on its posterior."""

    build: Callable[[Prior], Any]
    effect: str
    location: str
    level: str
    decision: Callable[[Any], Any]


def declared() -> dict[str, list[Any]]:
    """Return alternatives that a spec might declare, besides the defaults."""
    import pymc as pm

    return {
        "tau": [
            pm.HalfNormal.dist(0.7),
            pm.Gamma.dist(2, 1),
            pm.InverseGamma.dist(3, 2),
            pm.LogNormal.dist(0, 1),
            pm.Weibull.dist(1.5, 1),
            pm.Exponential.dist(0.8),
            pm.HalfStudentT.dist(3, 1.5),
            pm.HalfCauchy.dist(0.9),
        ]
    }


CASES = {
    "eight_schools": Case(eight_schools, "theta", "mu", "school", lambda post: post["mu"] > 3),
    "radon": Case(radon, "alpha", "county_mean", "county", lambda post: post["tau"] > 0.15),
    "logistic": Case(logistic, "effect", "intercept", "herd", lambda post: post["tau"] > 0.7),
    "poisson": Case(poisson, "effect", "intercept", "herd", lambda post: post["tau"] > 0.5),
}


def as_specified(name: str, dist: Any) -> Any:
    """Register a variable with the prior that the model is written with."""
    import pymc as pm

    return pm.Model.get_context().register_rv(dist, name=name)


class Alone:
    """Fits a model written with other priors, with nothing of poolwise's engine.

    One program is compiled for each combination of families; their parameters are data.
    """

    def __init__(self, case: Case, **sizes: Any) -> None:
        self._case, self._sizes = case, SIZES | sizes
        self._compiled: dict[tuple[Any, ...], Any] = {}

    def fit(self, replaced: Mapping[str, tuple[str, dict[str, float]]], seed: int) -> xr.Dataset:
        """Sample the posterior under priors given as family and parameters."""
        import nutpie
        import pymc as pm

        numbers = {f"{n}::{k}": v for n, (_, p) in replaced.items() for k, v in p.items()}
        families = tuple(sorted((name, family) for name, (family, _) in replaced.items()))

        def prior(name: str, dist: Any) -> Any:
            if name not in replaced:
                return as_specified(name, dist)
            family, parameters = replaced[name]
            data = {k: pm.Data(f"{name}::{k}", numbers[f"{name}::{k}"]) for k in parameters}
            return getattr(pm, family)(name, **data)

        if families not in self._compiled:
            self._compiled[families] = nutpie.compile_pymc_model(self._case.build(prior))
        program = self._compiled[families].with_data(**numbers)
        tree = nutpie.sample(
            program, **self._sizes, seed=seed, progress_bar=False, save_warmup=False
        )
        posterior: xr.Dataset = tree["posterior"].to_dataset()
        return posterior


def written(replacement: Any) -> tuple[str, dict[str, float]]:
    """Return an alternative prior as PyMC's name and arguments."""
    from poolwise.workflow.priors.families import family_of, parameters_of

    rv = replacement.make()
    values = dict(parameters_of(rv) or {})
    values.pop("loc", None)
    if "scale" in values:
        values["lam" if family_of(rv) == "Exponential" else "beta"] = 1 / values.pop("scale")
    return family_of(rv), values


def compared(case: Case, fit: xr.Dataset, alone: xr.Dataset) -> Iterator[tuple[str, float]]:
    """Yield what is compared, and the difference over its combined Monte Carlo error."""
    import arviz as az

    from poolwise.checks.followed import shares_in
    from poolwise.checks.pooling_factors import pooling_factor
    from poolwise.checks.weighted import SUMMARY

    alone = alone.assign({"it holds": case.decision(alone).astype(float)})
    for name in (n for n in fit.data_vars if n in alone and fit[n].attrs.get("kind") != "sign"):
        values = alone[name].transpose("chain", "draw", ...).values
        ours = dict(zip(SUMMARY, np.moveaxis(fit[name].values, -1, 0), strict=True))
        flat = values.reshape(*values.shape[:2], -1)
        rows = {k: np.ravel(v) for k, v in ours.items()}
        for i in range(flat.shape[-1]):
            one = flat[..., i]
            pairs = [("mean", one.mean(), az.mcse(one, method="mean"), "mcse")]
            if name != "it holds":
                pairs.append(("sd", one.std(ddof=1), az.mcse(one, method="sd"), "sd_mcse"))
            for what, value, error, mine in pairs:
                gap, both = rows[what][i] - value, np.hypot(rows[mine][i], float(error))
                yield f"{what} of {name}[{i}]", float(gap / both)
    factor = pooling_factor(
        xr.Dataset(
            {
                "effect": alone[case.effect].rename({case.level: "group"}),
                "location": alone[case.location].rename(
                    {d: "group" for d in alone[case.location].dims if d == case.level}
                ),
            }
        )
    )
    share = shares_in(fit)[f"{case.level}: pooling factor"]
    yield "pooling factor", (share.value - factor.factor) / float(np.hypot(share.mcse, factor.mcse))


def agreement(name: str, folder: str, step: int = 1, **sizes: Any) -> list[dict[str, Any]]:
    """Compare every alternative of one model; return a row for each.

    Parameters
    ----------
    name : str
    folder : str
        Where the review is written.
    step : int
        Take every so many alternatives only.
    **sizes
        Draws, tune and chains of the review.
    """
    import poolwise
    from poolwise.workflow.stages import sweep

    case = CASES[name]

    @poolwise.spec(name=name, decisions={"it holds": case.decision}, priors=declared(), seed=3)
    def model() -> Any:
        return case.build(as_specified)

    planned: list[Any] = []
    real = sweep.planned

    def first(context: Any) -> list[Any]:
        planned[:] = [a for a in real(context) if not a.few_groups][:ALTERNATIVES:step]
        return planned

    sweep.planned = first
    try:
        review = poolwise.review(model, output=folder, **sizes)
    finally:
        sweep.planned = real
    fits = review.record.evidence.get("sweep")
    alone, rows = Alone(case), []
    for seed, alternative in enumerate(planned):
        replaced = {r.parameter: written(r) for r in alternative.replacements}
        posterior = alone.fit(replaced, seed=1000 + seed)
        fit = fits[alternative.key]
        z = dict(compared(case, fit, posterior))
        worst = max(z, key=lambda k: abs(z[k]))
        rows.append(
            {
                "model": name,
                "alternative": alternative.title,
                "source": str(fit.attrs["source"]),
                "k": float(fit.attrs.get("pareto_k", np.nan)),
                "z": z,
                "worst": worst,
            }
        )
    return rows


def main() -> None:
    """Compare and print."""
    from scipy import stats

    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=list(CASES))
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    print("| model | alternative | how | compared | worst z | of | over 2 | over 4 |")
    print("|---|---|---|---|---|---|---|---|")
    every: list[float] = []
    for name in options.models:
        with tempfile.TemporaryDirectory() as folder:
            rows = agreement(name, folder, step=5 if options.quick else 1)
        for row in rows:
            z = np.abs(list(row["z"].values()))
            every += [float(v) for v in z]
            print(
                f"| {name} | {row['alternative']} | {row['source']} | {z.size} | {z.max():.1f} "
                f"| {row['worst']} | {(z > 2).sum()} | {(z > 4).sum()} |",
                flush=True,
            )
    z, size = np.array(every), len(every)
    expected = [size * 2 * stats.norm.sf(limit) for limit in (2, 3, 4)]
    print(
        f"\n{size} comparisons: {(z > 2).sum()} over 2 (if errors were normal and known: "
        f"{expected[0]:.0f}), {(z > 3).sum()} over 3 ({expected[1]:.1f}), {(z > 4).sum()} over 4 "
        f"({expected[2]:.2f}); root mean square {np.sqrt(np.mean(z**2)):.2f}"
    )


if __name__ == "__main__":
    main()
