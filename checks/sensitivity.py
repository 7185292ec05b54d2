"""SEN5xx: would another reasonable prior change the conclusion?

Two complementary tools, both on top-level priors only: the priors of every free variable that is
neither a group effect nor an offset. Scaling the group level too would ask another question (it is
part of the model of the data), and its answer depends on the parametrisation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from arviz_stats.base import array_stats

from . import examples
from .check import check
from .draws import SAMPLE, Array, Summary, chains_first, scalars, summarise
from .evidence import Evidence, Missing, fact
from .finding import Finding, Verdict, inconclusive, judge, skipped
from .words import counted, number

_AFTER = ("SMP301", "SMP302", "SMP303")

#: Powers at which the sensitivity is differentiated (Kallioinen et al. 2023, section 2.3).
ALPHAS = (0.99, 1.01)


@dataclass(frozen=True, slots=True)
class PowerScaling:
    """Power-scaling sensitivity of scalar quantities.

    Attributes
    ----------
    labels : list of str
    prior, likelihood : ndarray
        Cumulative Jensen-Shannon distance per unit of log2 of the power; about 0.05 is the shift
        of a normal mean by 0.3 standard deviations per doubling.
    prior_k, likelihood_k : float
        Largest Pareto k of the importance weights.
    good_k : float
        Largest k at which the weights can be trusted.
    each_prior : dict of str to ndarray
        Sensitivity to one prior alone.
    scaled : list of str
        Priors that were scaled together.
    """

    labels: list[str]
    prior: Array
    likelihood: Array
    prior_k: float
    likelihood_k: float
    good_k: float
    each_prior: dict[str, Array]
    scaled: list[str]


@fact
def watched(evidence: Evidence) -> list[tuple[str, xr.DataArray]]:
    """Return the scalars a conclusion can rest on.

    They are the top-level parameters, the declared quantities and the effects of each level.
    """
    posterior: xr.Dataset = evidence.get("posterior")
    names: Sequence[str] = evidence.get("top_level_priors")
    found = [s for name in names if name in posterior for s in scalars(posterior[name])]
    if evidence.has("quantities"):
        for quantity in evidence.get("quantities").data_vars.values():
            found += scalars(quantity)
    if evidence.has("levels"):
        for level in evidence.get("levels").values():
            effect = level["effect"].rename(level.attrs.get("effect", "effect"))
            found += scalars(effect)
    return [(label, draws) for label, draws in found if np.ptp(draws.values) > 0]


@fact
def power_scaling(evidence: Evidence) -> PowerScaling:
    """Power-scaling sensitivity to the top-level priors, jointly and alone, and to the likelihood.

    Source: Kallioinen et al. (2023), doi:10.1007/s11222-023-10366-5.
    """
    log_prior: xr.Dataset = evidence.get("log_prior")
    likelihood = _total(evidence.get("log_likelihood"))
    names = [n for n in evidence.get("top_level_priors") if n in log_prior]
    if not names:
        raise Missing("no prior was found to scale")
    targets: list[tuple[str, xr.DataArray]] = evidence.get("watched")
    values = np.stack([chains_first(draws) for _, draws in targets])
    each = {name: _total(log_prior[[name]]) for name in names}
    joint = np.sum(list(each.values()), axis=0)
    prior, prior_k = _sensitivity(values, joint)
    data, likelihood_k = _sensitivity(values, likelihood)
    return PowerScaling(
        labels=[label for label, _ in targets],
        prior=prior,
        likelihood=data,
        prior_k=prior_k,
        likelihood_k=likelihood_k,
        good_k=good_k(values.shape[1] * values.shape[2]),
        each_prior={name: _sensitivity(values, one)[0] for name, one in each.items()}
        if len(each) > 1
        else {names[0]: prior},
        scaled=names,
    )


def good_k(draws: int) -> float:
    """Largest Pareto k at which weights over this many draws are reliable.

    References
    ----------
    Vehtari et al. (2024), Pareto smoothed importance sampling, JMLR 25(72), section 3.2.4.
    """
    return float(min(1 - 1 / np.log10(draws), 0.7))


def _total(log_density: xr.Dataset) -> Array:
    """Sum a log density over variables and elements: shape (chain, draw)."""
    total = sum(
        v.sum([d for d in v.dims if d not in SAMPLE]) for v in log_density.data_vars.values()
    )
    if not isinstance(total, xr.DataArray) or not np.isfinite(total.values).all():
        raise Missing("a log density is not finite in every draw")
    return np.asarray(total.transpose(*SAMPLE).values, dtype=float)


def _sensitivity(values: Array, log_density: Array) -> tuple[Array, float]:
    """Sensitivity of (quantity, chain, draw) to a power of a density, and the largest Pareto k."""
    weights, ks = [], []
    if np.ptp(log_density) == 0:
        return np.zeros(len(values)), 0.0
    for alpha in ALPHAS:
        flat = (alpha - 1) * log_density.ravel()
        ks.append(float(array_stats.psislw(-flat)[1]))
        log_w = array_stats.power_scale_lw(log_density.ravel(), alpha=alpha)
        w = np.exp(log_w - log_w.max())
        weights.append((w / w.sum()).reshape(log_density.shape))
    lower, upper = (np.broadcast_to(w, values.shape) for w in weights)
    found = array_stats.power_scale_sense(
        values, lower, upper, lower_alpha=ALPHAS[0], upper_alpha=ALPHAS[1]
    )
    return np.atleast_1d(np.asarray(found, dtype=float)), max(ks)


@check("SEN501", after=_AFTER)
def prior_moves_the_answer(power_scaling: PowerScaling, *, limit: float = 0.05) -> Finding:
    """A quantity follows its prior, and the likelihood says little.

    **Asks**: is any quantity sensitive to a power of the top-level priors (at or above ``limit``)
    and not to a power of the likelihood (below ``limit``)?
    **Why it matters**: the data are not strong enough to overwhelm the prior: another reasonable
    prior gives another answer.
    **What to do**: state the prior next to the estimate, quote the range over the sweep, or justify
    the prior from earlier data.
    **Thresholds**: ``limit`` 0.05, the value of the source; undecided when the Pareto k of the
    weights is above min(1 - 1/log10(S), 0.7).
    **Source**: Kallioinen et al. (2023), doi:10.1007/s11222-023-10366-5.
    """
    follows = (power_scaling.prior >= limit) & (power_scaling.likelihood < limit)
    return _judge_scaling(power_scaling, follows, limit, "strong prior, weak likelihood")


@check("SEN502", after=_AFTER)
def prior_fights_the_data(power_scaling: PowerScaling, *, limit: float = 0.05) -> Finding:
    """Prior and data pull a quantity in different directions.

    **Asks**: is any quantity sensitive to a power of the top-level priors and of the likelihood
    (both at or above ``limit``)?
    **Why it matters**: the posterior is then a compromise between two statements that disagree, and
    its place depends on how sure each of them was made to sound.
    **What to do**: look at prior and likelihood of that quantity together, and find out which of
    the two is wrong. An informative prior that was meant is a reason to ignore this.
    **Thresholds**: ``limit`` 0.05, the value of the source; undecided when the Pareto k of the
    weights is above min(1 - 1/log10(S), 0.7).
    **Source**: Kallioinen et al. (2023), doi:10.1007/s11222-023-10366-5.
    """
    fights = (power_scaling.prior >= limit) & (power_scaling.likelihood >= limit)
    return _judge_scaling(power_scaling, fights, limit, "prior-data conflict")


def _judge_scaling(scaling: PowerScaling, bad: np.ndarray, limit: float, diagnosis: str) -> Finding:
    k = max(scaling.prior_k, scaling.likelihood_k)
    needs = f"< {limit:g}"
    if not (np.isfinite(scaling.prior).all() and np.isfinite(scaling.likelihood).all()):
        return inconclusive("the sensitivity of some quantity is undefined", needs=needs)
    if k > scaling.good_k:
        return inconclusive(
            f"Pareto k of the weights is {k:.2f}, above {scaling.good_k:.2f}", value=k, needs=needs
        )
    pool = np.flatnonzero(bad) if bad.any() else np.arange(len(scaling.prior))
    worst = int(pool[np.argmax(scaling.prior[pool])])
    label, value = scaling.labels[worst], float(scaling.prior[worst])
    alone = {name: float(v[worst]) for name, v in scaling.each_prior.items()}
    source = max(alone, key=lambda n: alone[n])
    message = (
        f"{label} has sensitivity {value:.2f} to the priors of {', '.join(scaling.scaled)} "
        f"(most to {source}), {scaling.likelihood[worst]:.2f} to the likelihood (Pareto k {k:.2f})"
    )
    if bad.any():
        others = int(bad.sum()) - 1
        more = f"; so for {counted(others, 'other quantity', 'other quantities')}" if others else ""
        message = f"{message}: {diagnosis}{more}"
    return judge(
        bad.any(),
        message,
        otherwise=Verdict.WARN,
        value=value,
        threshold=limit,
        result=f"{value:.2f}",
        needs=needs,
        where=label,
    )


def _informative(mu_scale: float, tau_scale: float, j: int = 40, shift: float = 0.0) -> Evidence:
    rng = np.random.default_rng(8)
    y = shift + 10 * rng.normal(size=j) + 5 * rng.normal(size=j)
    return examples.eight_schools(
        y=tuple(y), sigma=(5.0,) * j, mu_scale=mu_scale, tau_scale=tau_scale
    )


prior_moves_the_answer.passes(lambda: _informative(100, 20))
prior_moves_the_answer.fails(examples.eight_schools, Verdict.WARN)
prior_moves_the_answer.false_alarm(lambda: _informative(20, 100))
prior_fights_the_data.passes(lambda: _informative(100, 20))
prior_fights_the_data.fails(lambda: _informative(5, 20, shift=30), Verdict.WARN)
prior_fights_the_data.false_alarm(lambda: _informative(5, 20))


@dataclass(frozen=True, slots=True)
class Change:
    """What one alternative prior does to one quantity.

    Attributes
    ----------
    alternative, parameter, prior : str
        Key of the alternative, the parameter whose prior was replaced, and the new prior.
    label : str
        The quantity.
    base, other : Summary
    shift, mcse : float
        Difference of the means in posterior standard deviations of the base fit.
    """

    alternative: str
    parameter: str
    prior: str
    label: str
    base: Summary
    other: Summary
    shift: float
    mcse: float


@fact
def base_conclusions(evidence: Evidence) -> dict[str, xr.DataArray]:
    """Draws of every scalar that the sweep follows, under the spec's own priors."""
    posterior: xr.Dataset = evidence.get("posterior")
    found: dict[str, xr.DataArray] = {}
    for name in evidence.get("top_level_priors"):
        if name in posterior:
            found |= dict(scalars(posterior[name]))
    for group in ("quantities", "decisions"):
        if evidence.has(group):
            for variable in evidence.get(group).data_vars.values():
                found |= {label: draws.astype(float) for label, draws in scalars(variable)}
    if evidence.has("levels"):
        from .pooling import own_data_weight

        for name, level in evidence.get("levels").items():
            if "information" in level:
                found[f"{name}: mean weight"] = own_data_weight(level).mean("group")
    return found


@fact
def decision_names(evidence: Evidence) -> set[str]:
    """Labels of the declared decisions."""
    if not evidence.has("decisions"):
        return set()
    decisions: xr.Dataset = evidence.get("decisions")
    return {label for v in decisions.data_vars.values() for label, _ in scalars(v)}


@fact
def sweep_rhat(sweep: dict[str, xr.Dataset]) -> dict[str, float]:
    """Largest R-hat of what each alternative fit reports."""
    return {key: max(_rhats(fit), default=float("nan")) for key, fit in sweep.items()}


def _rhats(fit: xr.Dataset) -> Iterator[float]:
    for variable in fit.data_vars.values():
        values = chains_first(variable).reshape(-1, fit.sizes["chain"], fit.sizes["draw"])
        moving = values[np.ptp(values, axis=(1, 2)) > 0]
        if len(moving) and variable.dtype != bool:
            yield float(np.max(array_stats.rhat(moving)))


@fact
def changes(evidence: Evidence) -> list[Change]:
    """What every alternative prior does to every quantity that the sweep follows."""
    base: dict[str, xr.DataArray] = evidence.get("base_conclusions")
    summaries = {label: summarise(draws) for label, draws in base.items()}
    found = []
    for key, fit in evidence.get("sweep").items():
        for variable in fit.data_vars.values():
            for label, draws in scalars(variable):
                if label not in base:
                    continue
                mine, other = summaries[label], summarise(draws.astype(float))
                scale = mine.sd if mine.sd > 0 else float("nan")
                found.append(
                    Change(
                        alternative=key,
                        parameter=str(fit.attrs["parameter"]),
                        prior=str(fit.attrs["prior"]),
                        label=label,
                        base=mine,
                        other=other,
                        shift=(other.mean - mine.mean) / scale,
                        mcse=float(np.hypot(mine.mcse, other.mcse)) / scale,
                    )
                )
    return found


@check("SEN503", after=_AFTER)
def conclusion_shifts(
    changes: list[Change],
    sweep_rhat: dict[str, float],
    decision_names: set[str],
    *,
    limit: float = 0.3,
    rhat: float = 1.01,
) -> list[Finding]:
    """Another prior on a scale moves a quantity.

    **Asks**: under any alternative prior, does the mean of a quantity move by more than ``limit``
    of its posterior standard deviations?
    **Why it matters**: it is what a reader with another prior would have concluded.
    **What to do**: quote the range over the sweep next to the estimate.
    **Thresholds**: ``limit`` 0.3 posterior standard deviations: a convention of poolwise (a 95%
    interval is about four wide); undecided within two Monte Carlo errors of it, or when the
    alternative fit has an R-hat above ``rhat`` 1.01.
    **Source**: Depaoli, Winter and Visser (2020), doi:10.3389/fpsyg.2020.608045.
    """
    moved = [c for c in changes if c.label not in decision_names and np.isfinite(c.shift)]
    findings = []
    for parameter in dict.fromkeys(c.parameter for c in changes):
        mine = [c for c in moved if c.parameter == parameter]
        needs = f"≤ {limit:g} sd"
        bad_fit = sorted({c.prior for c in mine if not sweep_rhat[c.alternative] <= rhat})
        if bad_fit:
            findings.append(
                inconclusive(
                    f"the fit under {', '.join(bad_fit)} on {parameter} did not converge",
                    where=parameter,
                    needs=needs,
                )
            )
            continue
        if not mine:
            findings.append(skipped("no quantity to compare", where=parameter, needs=needs))
            continue
        worst = max(mine, key=lambda c: abs(c.shift))
        said = (
            f"{worst.label} moves by {abs(worst.shift):.2f} ± {number(worst.mcse)} posterior sd "
            f"under {worst.parameter} ~ {worst.prior} "
            f"({number(worst.base.mean, 3)} to {number(worst.other.mean, 3)})"
        )
        details: dict[str, Any] = {
            "value": abs(worst.shift),
            "mcse": worst.mcse,
            "threshold": limit,
            "result": f"{abs(worst.shift):.2f} sd",
            "needs": needs,
            "where": parameter,
        }
        if abs(abs(worst.shift) - limit) < 2 * worst.mcse:
            findings.append(inconclusive(f"{said}; too close to {limit:g} to tell", **details))
        else:
            findings.append(
                judge(abs(worst.shift) > limit, said, otherwise=Verdict.WARN, **details)
            )
    return findings


conclusion_shifts.passes(lambda: _forty(sweep_scales=(10.0, 40.0)))
conclusion_shifts.fails(
    lambda: examples.eight_schools(sweep_scales=(2.5, 10.0, 40.0)), Verdict.WARN
)
conclusion_shifts.false_alarm(
    lambda: examples.eight_schools(sweep_scales=(10.0,), sweep_stuck=True), Verdict.INCONCLUSIVE
)


def _forty(**options: Sequence[float]) -> Evidence:
    rng = np.random.default_rng(8)
    y = 10 * rng.normal(size=40) + 5 * rng.normal(size=40)
    return examples.eight_schools(
        y=tuple(y),
        sigma=(5.0,) * 40,
        mu_scale=100.0,
        tau_scale=20.0,
        **options,  # type: ignore[arg-type]
    )


@check("SEN504", after=_AFTER)
def decision_flips(
    changes: list[Change],
    decision_names: set[str],
    sweep_rhat: dict[str, float],
    *,
    even: float = 0.5,
    rhat: float = 1.01,
) -> list[Finding]:
    """A declared decision flips under another prior.

    **Asks**: does the posterior probability of a declared decision cross ``even`` under any
    alternative prior?
    **Why it matters**: then the decision is the prior's, not the data's.
    **What to do**: report both answers, and what would have to be believed to prefer one.
    **Thresholds**: ``even`` 0.5, even odds; undecided when a probability is within two Monte Carlo
    errors of it, or when an alternative fit has an R-hat above ``rhat`` 1.01.
    **Source**: Depaoli, Winter and Visser (2020), doi:10.3389/fpsyg.2020.608045.
    """
    if not decision_names:
        return [skipped("the spec declares no decisions")]
    findings = []
    for label in sorted(decision_names):
        mine = [c for c in changes if c.label == label]
        if not mine:
            findings.append(skipped("no alternative prior was fitted", where=label))
            continue
        base = mine[0].base
        low = min(mine, key=lambda c: c.other.mean)
        high = max(mine, key=lambda c: c.other.mean)
        said = (
            f"P({label}) is {base.mean:.2f}, and {low.other.mean:.2f} to {high.other.mean:.2f} "
            f"under {len(mine)} alternative priors"
        )
        flips = [c for c in mine if (c.other.mean > even) != (base.mean > even)]
        sure = [
            c
            for c in flips
            if abs(c.other.mean - even) > 2 * c.other.mcse
            and abs(base.mean - even) > 2 * base.mcse
            and sweep_rhat[c.alternative] <= rhat
        ]
        near = [
            c
            for c in mine
            if abs(c.other.mean - even) <= 2 * c.other.mcse or not sweep_rhat[c.alternative] <= rhat
        ]
        details: dict[str, Any] = {
            "value": max(abs(c.other.mean - base.mean) for c in mine),
            "mcse": float(np.hypot(base.mcse, max(c.other.mcse for c in mine))),
            "threshold": even,
            "result": f"{low.other.mean:.2f} to {high.other.mean:.2f}",
            "needs": f"one side of {even:g}",
            "where": label,
        }
        if sure:
            flip = sure[0]
            message = f"{said}: it flips under {flip.parameter} ~ {flip.prior}"
            findings.append(judge(True, message, otherwise=Verdict.WARN, **details))
        elif near or abs(base.mean - even) <= 2 * base.mcse:
            findings.append(inconclusive(f"{said}; too close to {even:g} to tell", **details))
        else:
            findings.append(judge(False, said, **details))
    return findings


decision_flips.passes(lambda: examples.eight_schools(sweep_scales=(2.5, 10.0)))
decision_flips.fails(
    lambda: examples.eight_schools(sigma=(8.0,) * 8, tau_scale=0.05, sweep_scales=(25.0,)),
    Verdict.WARN,
)
decision_flips.false_alarm(
    lambda: examples.eight_schools(sweep_scales=(2.5,), drop=["decisions"]), Verdict.SKIPPED
)
