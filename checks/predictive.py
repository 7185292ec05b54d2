"""PPC4xx: does the fitted model reproduce the data?"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import xarray as xr

from . import examples
from .check import SAMPLED, check
from .draws import Array, element_labels, interval_ends
from .evidence import Evidence, Missing, fact
from .expect import STATISTICS
from .finding import Finding, Verdict, inconclusive, judge, skipped
from .lazy import array_stats, azs, stats
from .prior import flat
from .words import listed, number

#: Rows that a finding names.
_NAMED = 5


@fact
def replicated(
    posterior_predictive: xr.Dataset, observed_data: xr.Dataset
) -> dict[str, tuple[Array, Array]]:
    """Per outcome: data sets simulated from the posterior (draws, rows), and the observed rows."""
    return {
        str(name): (flat(posterior_predictive[name]), np.ravel(observed_data[name].values))
        for name in observed_data.data_vars
        if name in posterior_predictive
    }


@dataclass(frozen=True, slots=True)
class Loo:
    """PSIS-LOO of one outcome: elpd, its standard error, p_loo; per row label, Pareto k and PIT."""

    elpd: float
    se: float
    p: float
    rows: list[str]
    pareto_k: Array
    good_k: float
    pit: Array | None


@fact
def loo(evidence: Evidence) -> dict[str, Loo]:
    """Leave-one-out cross-validation of each outcome, by Pareto-smoothed importance sampling.

    Source: Vehtari, Gelman and Gabry (2017), doi:10.1007/s11222-016-9696-4.
    """
    likelihood: xr.Dataset = evidence.get("log_likelihood")
    simulated = evidence.get("replicated") if evidence.has("replicated") else {}
    found = {}
    for name in likelihood.data_vars:
        if not np.isfinite(likelihood[name].values).all():
            raise Missing(f"the log-likelihood of {name} is not finite in every draw")
        pit = None
        with warnings.catch_warnings():
            # A large Pareto k is what PPC403 reports.
            warnings.filterwarnings("ignore", category=UserWarning, module="arviz_stats")
            elpd = azs.loo(evidence.tree, var_name=str(name), pointwise=True)
            if name in simulated:
                drawn = azs.loo_pit(evidence.tree, var_names=str(name), random_state=214)
                pit = resolved_pit(np.ravel(drawn[str(name)].values), _draws(likelihood))
        found[str(name)] = Loo(
            elpd=float(elpd.elpd),
            se=float(elpd.se),
            p=float(elpd.p),
            rows=element_labels(elpd.pareto_k, elpd.pareto_k.dims),
            pareto_k=np.ravel(elpd.pareto_k.values),
            good_k=float(elpd.good_k),
            pit=pit,
        )
    return found


def _draws(likelihood: xr.Dataset) -> int:
    return likelihood.sizes["chain"] * likelihood.sizes["draw"]


def resolved_pit(pit: Array, draws: int, seed: int = 214) -> Array:
    """Spread PIT values over the resolution that a finite number of draws gives them.

    With S draws a PIT is a multiple of about 1/S; a row below every draw gets exactly 0, which a
    test of uniformity takes for impossible although it only means "under 1/S". ``(S * pit + u) /
    (S + 1)`` with u uniform is exactly uniform when the row and the draws are exchangeable.

    Parameters
    ----------
    pit : ndarray of shape (rows,)
    draws : int
        S.
    seed : int
        Of u; fixed, so that the same draws are judged the same.

    References
    ----------
    Talts et al. (2018), arXiv:1804.06788, theorem 1 (uniform ranks).
    """
    u = np.random.default_rng(seed).uniform(size=pit.size)
    return np.asarray((draws * pit + u) / (draws + 1))


@check("PPC401", after=SAMPLED)
def predictions_miscalibrated(
    loo: dict[str, Loo], *, p_limit: float = 0.01, rows: int = 20
) -> list[Finding]:
    """Leave-one-out predictions are not calibrated.

    **Asks**: are the leave-one-out probability integral transforms of the rows uniform?
    **Why it matters**: if they pile up in the middle, the model is too sure of too little
    (over-dispersed); at the ends, its intervals are too narrow; on one side, it is biased.
    **What to do**: look at the shape of the LOO-PIT figure; heavier tails, a variance that depends
    on the group, or another family are the usual remedies.
    **Thresholds**: fails when the p-value of the dependence-aware uniformity test (POT-C) is below
    ``p_limit`` 0.01; not asked below ``rows`` 20, where the test has little power; undecided when
    the Pareto k of any row is too high for its probability to be known.
    **Source**: Tesso and Vehtari (2026), arXiv:2603.02928; Vehtari, Gelman and Gabry (2017),
    doi:10.1007/s11222-016-9696-4.
    """
    findings = []
    for name, this in loo.items():
        needs = f"p ≥ {p_limit:g}"
        if this.pit is None:
            findings.append(skipped(f"no simulated data for {name}", where=name, needs=needs))
        elif this.pit.size < rows:
            findings.append(
                skipped(
                    f"{name} has {this.pit.size} rows; LOO-PIT is not judged under {rows}",
                    where=name,
                    needs=needs,
                )
            )
        elif (this.pareto_k > this.good_k).any():
            findings.append(
                inconclusive(
                    f"the Pareto k of {int((this.pareto_k > this.good_k).sum())} rows of {name} is "
                    "too high for their leave-one-out probabilities (PPC403)",
                    where=name,
                    needs=needs,
                )
            )
        else:
            p = float(array_stats.uniformity_test(this.pit)[0])
            findings.append(
                judge(
                    p < p_limit,
                    f"LOO-PIT of {this.pit.size} rows of {name} against uniform: p = {p:.2g}",
                    value=p,
                    threshold=p_limit,
                    result=f"p = {p:.2g}",
                    needs=needs,
                    where=name,
                )
            )
    return findings


def _many_groups(noise: float = 1.0, groups: int = 60, **options: float) -> Evidence:
    rng = np.random.default_rng(3)
    sigma = np.full(groups, 10.0)
    y = 5 + rng.normal(size=groups) + noise * sigma * rng.normal(size=groups)
    options = {"tau_scale": 1.0, **options}
    return examples.eight_schools(y=tuple(y), sigma=tuple(sigma), **options)  # type: ignore[arg-type]


predictions_miscalibrated.passes(_many_groups)
predictions_miscalibrated.fails(lambda: _many_groups(replicate_scale=0.3))
predictions_miscalibrated.false_alarm(
    lambda: examples.eight_schools(replicate_scale=0.3), Verdict.SKIPPED
)
# More rows than draws resolve: some lie below every draw, as they should.
predictions_miscalibrated.false_alarm(lambda: _many_groups(groups=900))


#: Statistics compared, and when they make sense.
_STATISTICS = ("mean", "sd", "min", "max", "share_zero")


@check("PPC402", after=SAMPLED)
def feature_not_reproduced(
    replicated: dict[str, tuple[Array, Array]], *, tail: float = 0.01, unusual: float = 0.025
) -> list[Finding]:
    """The fitted model does not reproduce a feature of the data.

    **Asks**: for the mean, standard deviation, smallest and largest value and (with zeros in the
    data or the simulations) the share of zeros: is the observed value in the tail of what the
    model simulates?
    **Why it matters**: a model that cannot produce the data it was fitted to has the wrong
    shape: tails, zeros or spread.
    **What to do**: change the part of the model that the statistic names: the spread for ``sd``
    (over-dispersion), the tails for ``min`` and ``max``, zero inflation for ``share_zero``.
    **Thresholds**: posterior predictive p-value (ties count half) below ``tail`` or above
    1 - ``tail`` fails, ``unusual`` warns, both with a 99% Monte Carlo interval on the side of the
    model; conservative, because the data are used twice.
    **Source**: Gelman, Meng and Stern (1996), Statistica Sinica 6, 733; Gabry et al. (2019),
    doi:10.1111/rssa.12378, section 5.
    """
    return [
        _compare_statistic(name, stat, draws, observed, tail, unusual)
        for name, (draws, observed) in replicated.items()
        for stat in _STATISTICS
        if stat != "share_zero" or (_discrete(observed) and _zeros(draws, observed))
        if stat != "sd" or observed.size > 1
    ]


def _discrete(observed: Array) -> bool:
    return bool((observed == np.round(observed)).all())


def _zeros(draws: Array, observed: Array) -> bool:
    """Whether zeros are a feature at all: neither absent nor the rule in data and simulations."""
    return bool(0 < (observed == 0).mean() < 1 or 0 < (draws == 0).mean() < 1)


def _compare_statistic(
    name: str, stat: str, draws: Array, observed: Array, tail: float, unusual: float
) -> Finding:
    simulated, seen = STATISTICS[stat](draws), float(STATISTICS[stat](observed))
    label = f"{stat.replace('_', ' of ')} of {name}".replace(
        "share of zero of", "share of zeros in"
    )
    finite = np.isfinite(simulated)
    if finite.mean() < 0.99:
        return inconclusive(f"{label} is not finite in simulated data", where=label)
    simulated = simulated[finite]
    p = float(np.mean(simulated > seen) + 0.5 * np.mean(simulated == seen))
    n = simulated.size
    if simulated.min() == simulated.max():
        p = 0.5 if simulated[0] == seen else float(simulated[0] > seen)
    side = min(p, 1 - p)
    upper = float(stats.binomtest(round(side * n), n).proportion_ci(0.99, method="exact").high)
    low, high = np.quantile(simulated, interval_ends())
    verdict = Verdict.FAIL if upper < tail else Verdict.WARN if upper < unusual else Verdict.PASS
    return Finding(
        verdict=verdict,
        message=f"Observed {label} is {number(seen, 3)}; the fitted model simulates "
        f"{number(low, 3)} to {number(high, 3)} (89%), p = {p:.3f}",
        value=p,
        mcse=float(np.sqrt(max(p * (1 - p), 1 / n) / n)),
        threshold=tail,
        result=f"p = {p:.2f}",
        needs=f"{tail:g} to {1 - tail:g}",
        where=label,
    )


feature_not_reproduced.passes(_many_groups)
feature_not_reproduced.fails(lambda: _many_groups(replicate_scale=0.2))
feature_not_reproduced.false_alarm(examples.eight_schools)


@check("PPC403", after=SAMPLED)
def rows_drive_the_fit(loo: dict[str, Loo], evidence: Evidence) -> list[Finding]:
    """Single rows drive the fit, and leaving them out cannot be computed from these draws.

    **Asks**: is the Pareto k of any row above the limit for this many draws?
    **Why it matters**: the posterior without such a row is far from the posterior with it; every
    leave-one-out number here (elpd, LOO-PIT) is unreliable for that row.
    **What to do**: look at these rows; if they are right, use a likelihood with heavier tails, or
    refit without them.
    **Thresholds**: min(1 - 1/log10(S), 0.7) for S draws, from the source. A note where every row is
    a group of its own: leaving it out then leaves its effect to the prior, whatever the data.
    **Source**: Vehtari et al. (2024), Pareto smoothed importance sampling, JMLR 25(72).
    """
    findings = []
    for name, this in loo.items():
        bad = this.pareto_k > this.good_k
        worst = int(np.argmax(this.pareto_k))
        alone = _one_row_per_group(evidence, name)
        why = "; every row is a group of its own" if alone else ""
        findings.append(
            judge(
                bad.any(),
                f"{int(bad.sum())} of {bad.size} rows of {name} have a Pareto k above "
                f"{this.good_k:.2f}; the largest is {this.pareto_k[worst]:.2f} "
                f"(row {this.rows[worst]}){why}",
                otherwise=Verdict.NOTE if alone else Verdict.WARN,
                value=this.pareto_k[worst],
                threshold=this.good_k,
                result=f"{int(bad.sum())} of {bad.size}",
                needs="0",
                where=name,
            )
        )
    return findings


def _one_row_per_group(evidence: Evidence, outcome: str) -> bool:
    """Whether some level gives every row of an outcome an effect of its own."""
    levels = evidence.get("levels") if evidence.has("levels") else {}
    return any(
        level.attrs.get("outcome") == outcome and bool((level["rows"] <= 1).all())
        for level in levels.values()
        if "rows" in level
    )


rows_drive_the_fit.passes(examples.eight_schools)
rows_drive_the_fit.fails(
    lambda: examples.eight_schools(
        y=[120.0, 8, -3, 7, -1, 1, 18, 12],
        sigma=[3.0, 10, 16, 11, 9, 11, 10, 18],
        tau_scale=25.0,
        drop=["levels/school"],
    ),
    Verdict.WARN,
)
rows_drive_the_fit.fails(
    lambda: examples.eight_schools(
        y=[120.0, 8, -3, 7, -1, 1, 18, 12], sigma=[3.0, 10, 16, 11, 9, 11, 10, 18], tau_scale=25.0
    ),
    Verdict.NOTE,
)
rows_drive_the_fit.false_alarm(lambda: examples.eight_schools(replicate_scale=0.3))


@check("PPC404", after=SAMPLED)
def rows_outside_intervals(
    replicated: dict[str, tuple[Array, Array]],
    observed_data: xr.Dataset,
    *,
    interval: float = 0.89,
    surprise: float = 0.01,
    stray: float = 0.1,
) -> list[Finding]:
    """Too many rows lie outside their posterior predictive interval.

    **Asks**: if each row had its nominal chance of being inside its ``interval`` interval, would
    so few be inside with a probability under ``surprise``?
    **Why it matters**: intervals that miss the very data they were fitted to are too narrow for
    new data.
    **What to do**: look at the rows that it names: are they readings, or mistakes? Else let the
    noise differ between groups, or give it heavier tails.
    **Thresholds**: ``interval`` 89%; binomial tail below ``surprise`` 1%. Conservative: the rows
    were used to fit. Rows are named, whatever the verdict, where a data set would hold fewer than
    ``stray`` 0.1 so far out, a convention.
    **Source**: Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., section 6.3.
    """
    findings = []
    for name, (draws, observed) in replicated.items():
        low, high = np.nanquantile(draws, interval_ends(interval), axis=0)
        inside = int(((observed >= low) & (observed <= high)).sum())
        p = float(stats.binom.cdf(inside, observed.size, interval))
        least = int(stats.binom.ppf(surprise, observed.size, interval))
        findings.append(
            judge(
                p < surprise,
                f"{inside} of {observed.size} rows of {name} lie inside their {interval:.0%} "
                f"posterior predictive interval{_strays(observed_data[name], draws, stray)}",
                value=inside,
                threshold=least,
                result=f"{inside} of {observed.size}",
                needs=f"≥ {least}",
                where=name,
            )
        )
    return findings


def _strays(observed: xr.DataArray, draws: Array, expected: float) -> str:
    """Name the rows that are further out than a data set would hold but ``expected`` of."""
    values = np.ravel(observed.values)
    further = np.minimum((draws <= values).sum(0), (draws >= values).sum(0))
    # Counted so that no share is below what this many draws can tell.
    share = 2 * (further + 1) / (len(draws) + 1)
    strays = np.flatnonzero(share * values.size <= expected)
    if not strays.size:
        return ""
    labels = element_labels(observed, observed.dims)
    named = [labels[i] for i in strays[:_NAMED]]
    more = [f"{strays.size - _NAMED} more"] if strays.size > _NAMED else []
    rows = "row" if strays.size == 1 else "rows"
    return f"; far out: {rows} {listed([*named, *more])}"


rows_outside_intervals.passes(examples.eight_schools)
rows_outside_intervals.fails(lambda: _many_groups(replicate_shift=30.0))
rows_outside_intervals.false_alarm(lambda: _many_groups(noise=1.3))
