"""SEN501 and SEN502: do quantities follow a power of the prior, or of the likelihood?

Power-scaling acts on top-level priors only: the priors of every free variable that is
neither a group effect nor an offset. Scaling the group level too would ask another question (it is
part of the model of the data), and its answer depends on the parametrisation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from . import examples
from .check import SAMPLED, check
from .draws import SAMPLE, Array, chains_first, scalars
from .evidence import Evidence, Missing, fact
from .finding import Finding, Verdict, inconclusive, judge
from .lazy import array_stats
from .own_data import mean_weight, weight_label
from .words import counted

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

    They are the top-level parameters, the declared quantities, and per level the mean weight on own
    data and the effects.
    """
    posterior: xr.Dataset = evidence.get("posterior")
    names: Sequence[str] = evidence.get("top_level_priors")
    found = [s for name in names if name in posterior for s in scalars(posterior[name])]
    if evidence.has("quantities"):
        for quantity in evidence.get("quantities").data_vars.values():
            found += scalars(quantity)
    if evidence.has("levels"):
        for name, level in evidence.get("levels").items():
            if "information" in level:
                found.append((weight_label(name), mean_weight(level)))
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
        log_w, k = _log_weights(log_density.ravel(), alpha)
        ks.append(k)
        w = np.exp(log_w - log_w.max())
        weights.append((w / w.sum()).reshape(log_density.shape))
    lower, upper = (np.broadcast_to(w, values.shape) for w in weights)
    found = array_stats.power_scale_sense(
        values, lower, upper, lower_alpha=ALPHAS[0], upper_alpha=ALPHAS[1]
    )
    return np.atleast_1d(np.asarray(found, dtype=float)), max(ks)


def _log_weights(log_density: Array, alpha: float) -> tuple[Array, float]:
    """Return smoothed log weights and the shape of the tail of the raw ones.

    Where a chain that is stuck makes the tail one point there is nothing to smooth, and the shape
    is infinite: no judgement rests on such weights.
    """
    raw = (alpha - 1) * log_density
    try:
        # ArviZ takes minus the log weights.
        k = float(array_stats.psislw(-raw)[1])
        return np.asarray(array_stats.power_scale_lw(log_density, alpha=alpha)), k
    except ValueError:
        return raw, float("inf")


@check("SEN501", after=SAMPLED)
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
    return _judge_scaling(
        power_scaling, follows, limit, "strong prior, weak likelihood", Verdict.WARN
    )


@check("SEN502", after=SAMPLED)
def prior_and_data_compromise(power_scaling: PowerScaling, *, limit: float = 0.05) -> Finding:
    """Prior and data both move a quantity.

    **Asks**: is any quantity sensitive to a power of the top-level priors and of the likelihood
    (both at or above ``limit``)?
    **Why it matters**: the posterior is then a compromise. Either the prior is informative, as it
    may be meant to be, or prior and data disagree; then the place of the compromise depends on how
    sure each of them was made to sound.
    **What to do**: look at prior and posterior of that quantity together. If the prior was meant to
    inform, say so; if they disagree (PRI203), find out which of the two is wrong.
    **Thresholds**: ``limit`` 0.05, the value of the source, which calls it a possible prior-data
    conflict; a note, because an informative prior does the same; undecided when the Pareto k of the
    weights is above min(1 - 1/log10(S), 0.7).
    **Source**: Kallioinen et al. (2023), doi:10.1007/s11222-023-10366-5.
    """
    both = (power_scaling.prior >= limit) & (power_scaling.likelihood >= limit)
    return _judge_scaling(
        power_scaling, both, limit, "a compromise of prior and data", Verdict.NOTE
    )


def _judge_scaling(
    scaling: PowerScaling, bad: np.ndarray, limit: float, diagnosis: str, otherwise: Verdict
) -> Finding:
    k = max(scaling.prior_k, scaling.likelihood_k)
    needs = f"< {limit:g}"
    if not (np.isfinite(scaling.prior).all() and np.isfinite(scaling.likelihood).all()):
        return inconclusive("the sensitivity of some quantity is undefined", needs=needs)
    if not np.isfinite(k):
        return inconclusive(
            "the weights have no tail that could be judged, as when a chain is stuck", needs=needs
        )
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
        otherwise=otherwise,
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
prior_and_data_compromise.passes(lambda: _informative(100, 20))
prior_and_data_compromise.fails(lambda: _informative(5, 20, shift=30), Verdict.NOTE)
prior_and_data_compromise.false_alarm(lambda: _informative(5, 20))
