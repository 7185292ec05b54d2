"""UNC7xx: where predictive uncertainty comes from, by level and by what is predicted.

With m = E[y | parameters] and v = Var[y | parameters], Var[y_new] = E[v] + Var(m): the first part
is aleatory (the world varies), the second epistemic (we do not know it). The split depends on what
is predicted, so every number names its target. Closed form for a normal likelihood with identity
link (law of total variance; Gelman et al. 2013, Bayesian Data Analysis, 3rd ed., equation 1.8).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from arviz_stats.base import array_stats

from . import examples
from .check import check
from .draws import SAMPLE, chains_first, mcse_of_mean
from .evidence import Evidence, fact
from .finding import Finding, Verdict, inconclusive, judge, skipped
from .words import number

_AFTER = ("SMP301", "SMP302", "SMP303")

#: What can be predicted, in the order reports show it.
TARGETS = (
    "effect of an observed group",
    "new observation in an observed group",
    "effect of a new group",
    "new observation in a new group",
)


@dataclass(frozen=True, slots=True)
class Part:
    """One component of a predictive variance.

    Attributes
    ----------
    name : str
    epistemic : bool
        Whether more data would remove it.
    value, mcse : float
        In the squared unit of the outcome.
    """

    name: str
    epistemic: bool
    value: float
    mcse: float


@dataclass(frozen=True, slots=True)
class Decomposition:
    """The variance of one target, by source; averaged over the groups of the level.

    Attributes
    ----------
    level, target : str
    parts : tuple of Part
        They sum to ``total``.
    heavy_tailed : str
        Why a mean of squares does not describe this target, and medians are given instead; empty
        otherwise.
    """

    level: str
    target: str
    parts: tuple[Part, ...]
    heavy_tailed: str = ""

    @property
    def total(self) -> float:
        """Predictive variance."""
        return sum(p.value for p in self.parts)

    @property
    def epistemic(self) -> float:
        """Variance that more data would remove."""
        return sum(p.value for p in self.parts if p.epistemic)

    @property
    def aleatory(self) -> float:
        """Variance that no amount of data removes."""
        return sum(p.value for p in self.parts if not p.epistemic)

    @property
    def epistemic_share(self) -> float:
        """Share of the variance that more data would remove."""
        return self.epistemic / self.total if self.total > 0 else float("nan")

    @property
    def share_mcse(self) -> float:
        """Monte Carlo error of the share, by linearising the ratio; parts taken as independent."""
        if not self.total > 0:
            return float("nan")
        share = self.epistemic_share
        terms = [((1 - share if p.epistemic else -share) * p.mcse) ** 2 for p in self.parts]
        return float(np.sqrt(sum(terms)) / self.total)


def decompose(level: xr.Dataset, name: str = "") -> list[Decomposition]:
    """Split the predictive variance of the four targets of one level.

    Parameters
    ----------
    level : xarray.Dataset
        ``effect`` (chain, draw, group), ``location`` and ``scale`` (chain, draw[, group]),
        ``noise_variance`` (chain, draw, group), ``other`` (chain, draw, group): what the other
        terms of the linear predictor add at the average row of the group, and ``design`` (group):
        the average value of the column the effect multiplies. New groups are predicted at the
        covariates of the observed ones.
    name : str
        Of the level.

    Returns
    -------
    list of Decomposition
        In the order of ``TARGETS``; in the squared unit of the outcome (of the effect, for the
        two effect targets).

    Raises
    ------
    KeyError
        If the level does not know its noise.
    """
    effect, location, scale = level["effect"], level["location"], level["scale"]
    noise, other, design = level["noise_variance"], level["other"], level["design"]
    rows = _mean_part("noise within groups", noise)
    spread = _mean_part("spread between groups", scale**2)
    spread_seen = _mean_part("spread between groups", design**2 * scale**2)
    tails = _tails(("the squared scale between groups", scale**2))
    noisy = _tails(("the noise variance", noise))
    lost = _tails(("the location", location), centred=True)
    plain, with_spread = (
        Decomposition(name, TARGETS[0], (_variance_part("group effect", effect),)),
        Decomposition(
            name,
            TARGETS[1],
            (_variance_part("group effect", effect * design + other), rows),
            noisy,
        ),
    )
    return [
        plain,
        with_spread,
        _in_medians(
            Decomposition(
                name, TARGETS[2], (_variance_part("location", location), spread), tails or lost
            ),
            {"spread between groups": scale**2},
        ),
        _in_medians(
            Decomposition(
                name,
                TARGETS[3],
                (_variance_part("location", location * design + other), spread_seen, rows),
                tails or lost or noisy,
            ),
            {
                "spread between groups": design**2 * scale**2,
                "noise within groups": noise,
            },
        ),
    ]


def _average(values: xr.DataArray) -> xr.DataArray:
    return values.mean("group") if "group" in values.dims else values


def _mean_part(name: str, variance: xr.DataArray) -> Part:
    averaged = _average(variance)
    return Part(name, False, float(averaged.mean()), mcse_of_mean(averaged))


def _variance_part(name: str, mean: xr.DataArray) -> Part:
    squared = _average((mean - mean.mean(SAMPLE)) ** 2)
    n = squared.size
    return Part(name, True, float(squared.mean()) * n / (n - 1), mcse_of_mean(squared))


def _in_medians(found: Decomposition, aleatory: dict[str, xr.DataArray]) -> Decomposition:
    """Replace means of heavy-tailed variances by medians, keeping the reason."""
    if not found.heavy_tailed:
        return found
    parts = tuple(
        Part(p.name, p.epistemic, float(_average(aleatory[p.name]).median()), float("nan"))
        if p.name in aleatory
        else p
        for p in found.parts
    )
    return Decomposition(found.level, found.target, parts, found.heavy_tailed)


def _tails(named: tuple[str, xr.DataArray], *, centred: bool = False, ratio: float = 2.0) -> str:
    """Return why the mean of a variance (or the variance of a location) is not a good summary.

    A variance is heavy-tailed when its mean is over ``ratio`` times its median, or when the Pareto
    shape of its tail says that the mean does not exist (k >= 1; k >= 1/2 for the variance of a
    location; Vehtari et al. 2024, Pareto smoothed importance sampling).
    """
    name, draws = named
    averaged = _average(draws)
    values = chains_first(averaged)
    if np.ptp(values) == 0:
        return ""
    if centred:
        k = float(array_stats.pareto_khat(values, tail="both"))
        return f"{name} has tails too heavy for a variance (Pareto k {k:.2f})" if k >= 0.5 else ""
    k = float(array_stats.pareto_khat(values, tail="right"))
    if k >= 1:
        return f"{name} has no mean (Pareto k {k:.2f})"
    mean, median = float(values.mean()), float(np.median(values))
    if mean > ratio * median:
        return f"the mean of {name} is {number(mean / median)} times its median"
    return ""


@fact
def uncertainty(levels: dict[str, xr.Dataset]) -> dict[str, list[Decomposition]]:
    """Return the decomposition of every level whose noise is known."""
    return {
        name: decompose(level, name) for name, level in levels.items() if "noise_variance" in level
    }


@check("UNC701", after=_AFTER)
def variance_has_no_mean(
    uncertainty: dict[str, list[Decomposition]], levels: dict[str, xr.Dataset]
) -> list[Finding]:
    """The variance of a prediction is too heavy-tailed for a mean.

    **Asks**: for each target, does every component of the predictive variance have a mean that
    describes it?
    **Why it matters**: with few groups the scale between groups has a long right tail; the
    predictive variance of a new group is then set by a handful of draws, or does not exist.
    **What to do**: read medians and intervals instead of variances; a lighter-tailed prior on the
    scale, or more groups, brings the mean back.
    **Thresholds**: mean of a variance over twice its median, or Pareto k of its tail at least 1
    (1/2 for the variance of a location).
    **Source**: Gelman (2006), doi:10.1214/06-BA117A; Vehtari et al. (2024), Pareto smoothed
    importance sampling, JMLR 25(72).
    """
    findings: list[Finding] = _without_noise(levels)
    for name, targets in uncertainty.items():
        for found in targets:
            where = f"{name}: {found.target}"
            if found.heavy_tailed:
                findings.append(
                    inconclusive(
                        f"Variance of the {found.target} ({name}): {found.heavy_tailed}; "
                        "medians are shown",
                        where=where,
                        result="medians",
                        needs="mean exists",
                    )
                )
            else:
                findings.append(
                    judge(
                        not np.isfinite(found.total),
                        f"Variance of the {found.target} ({name}) is {number(found.total, 3)}, "
                        f"of which {found.epistemic_share:.0%} is epistemic",
                        value=found.total,
                        mcse=np.sqrt(sum(p.mcse**2 for p in found.parts)),
                        result=number(found.total, 3),
                        needs="mean exists",
                        where=where,
                    )
                )
    return findings


def _without_noise(levels: dict[str, xr.Dataset]) -> list[Finding]:
    return [
        skipped(str(level.attrs.get("why_no_information", "the noise is not known")), where=name)
        for name, level in levels.items()
        if "noise_variance" not in level
    ]


def _many_alike() -> Evidence:
    rng = np.random.default_rng(8)
    return examples.eight_schools(
        y=tuple(10 * rng.normal(size=40) + 5 * rng.normal(size=40)), sigma=(5.0,) * 40
    )


variance_has_no_mean.passes(_many_alike)
variance_has_no_mean.fails(examples.eight_schools, Verdict.INCONCLUSIVE)
variance_has_no_mean.false_alarm(
    lambda: examples.eight_schools(
        y=[v * 30 for v in examples.RUBIN_Y], sigma=(1.0,) * 8, tau_scale=1e4, mu_scale=1e3
    )
)


@check("UNC702", after=_AFTER)
def parts_disagree_with_simulation(
    evidence: Evidence,
    levels: dict[str, xr.Dataset],
    posterior_predictive: xr.Dataset,
    *,
    errors: float = 5.0,
) -> list[Finding]:
    """The components do not add up to the variance of simulated data.

    **Asks**: for each level, is the sum of noise and effect variance within ``errors`` Monte Carlo
    standard errors of the variance of the data simulated from the posterior?
    **Why it matters**: both are the predictive variance of the same rows, one computed from the
    law of total variance, one by simulation. A difference means that the noise or the rows of a
    group were declared wrongly, and that weights and shares are wrong with them.
    **What to do**: check ``noise=`` and ``rows=`` of the level.
    **Thresholds**: ``errors`` 5 standard errors of the difference.
    **Source**: Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., equation 1.8.
    """
    findings = _without_noise(levels)
    for name, level in levels.items():
        outcome = str(level.attrs.get("outcome", ""))
        if "noise_variance" not in level or outcome not in posterior_predictive:
            continue
        if "row_group" not in level:
            findings.append(skipped(f"the rows of {name} are not known", where=name))
            continue
        findings.append(_compare(name, level, posterior_predictive[outcome], errors))
    return findings


def _compare(name: str, level: xr.Dataset, simulated: xr.DataArray, errors: float) -> Finding:
    codes = np.asarray(level["row_group"].values, dtype=int)
    rows = simulated.transpose(*SAMPLE, ...)
    values = np.asarray(rows.values, dtype=float).reshape(*rows.shape[:2], -1)
    squared = (values - values.mean((0, 1))) ** 2
    sizes = np.bincount(codes[codes >= 0], minlength=level.sizes["group"])
    used = (codes >= 0) & (sizes[codes] > 0)
    weight = np.where(used, 1 / np.maximum(sizes[codes], 1), 0) / np.count_nonzero(sizes)
    by_simulation = xr.DataArray(squared @ weight, dims=SAMPLE)
    if "row_mean_variance" in level:
        between_rows = level["row_mean_variance"].isel(group=sizes > 0).mean()
        parts = level["noise_variance"].isel(group=sizes > 0).mean("group") + between_rows
    else:
        mean = (level["effect"] * level["design"] + level["other"]).isel(group=sizes > 0)
        parts = (
            level["noise_variance"].isel(group=sizes > 0) + (mean - mean.mean(SAMPLE)) ** 2
        ).mean("group")
    difference = float(by_simulation.mean() - parts.mean())
    mcse = float(np.hypot(mcse_of_mean(by_simulation), mcse_of_mean(parts)))
    z = difference / mcse if mcse > 0 else float("nan")
    return judge(
        abs(z) > errors,
        f"Components of a new observation in an observed group ({name}) sum to "
        f"{number(float(parts.mean()), 3)}; simulated data have "
        f"{number(float(by_simulation.mean()), 3)}",
        value=difference,
        mcse=mcse,
        threshold=errors,
        result=f"z = {z:.1f}",
        needs=f"|z| ≤ {errors:g}",
        where=name,
    )


parts_disagree_with_simulation.passes(examples.eight_schools)
parts_disagree_with_simulation.fails(lambda: examples.eight_schools(noise_claimed=0.8))
parts_disagree_with_simulation.false_alarm(_many_alike)


@check("UNC703", after=_AFTER)
def prediction_mostly_unknown(
    uncertainty: dict[str, list[Decomposition]], *, share: float = 0.5
) -> list[Finding]:
    """Most of a prediction's variance is lack of knowledge.

    **Asks**: is more than ``share`` of the variance of a new observation epistemic?
    **Why it matters**: then more data would help more than anything else, and a decision taken now
    is taken on ignorance rather than on variation in the world.
    **What to do**: look at which component is largest: for the location more groups help, for the
    effect of a group more rows in it.
    **Thresholds**: ``share`` 0.5, more unknown than variable: a convention of poolwise. A note.
    **Source**: Der Kiureghian and Ditlevsen (2009), doi:10.1016/j.strusafe.2008.06.020.
    """
    findings = []
    for name, targets in uncertainty.items():
        for found in targets:
            if not found.target.startswith("new observation"):
                continue
            where = f"{name}: {found.target}"
            said = f"{found.epistemic_share:.0%} of the variance of a {found.target} is epistemic"
            if found.heavy_tailed:
                findings.append(
                    inconclusive(f"{said}, in medians: {found.heavy_tailed}", where=where)
                )
                continue
            findings.append(
                judge(
                    found.epistemic_share > share,
                    said,
                    otherwise=Verdict.NOTE,
                    value=found.epistemic_share,
                    mcse=found.share_mcse,
                    threshold=share,
                    result=f"{found.epistemic_share:.0%}",
                    needs=f"≤ {share:.0%}",
                    where=where,
                )
            )
    return findings


prediction_mostly_unknown.passes(_many_alike)
prediction_mostly_unknown.fails(
    lambda: examples.eight_schools(
        y=(10.0, -4, 6, 1, 3, -8, 2, 5, 9, -3, 4, 0, 7, -6, 2, 3),
        sigma=(0.5,) * 16,
        mu_scale=1e3,
        tau_scale=0.01,
    ),
    Verdict.NOTE,
)
prediction_mostly_unknown.false_alarm(
    lambda: examples.eight_schools(mu_scale=1e3), Verdict.INCONCLUSIVE
)

__all__ = ["TARGETS", "Decomposition", "Part", "decompose", "uncertainty"]
