"""SMP3xx: did the sampler explore what the model says?

All of these look at the free variables *and* at the quantities the spec declares: chains can agree
on every parameter and disagree on what will be reported.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from . import examples
from .check import check
from .draws import Array, chains_first, scalars
from .evidence import Evidence, fact
from .finding import Finding, Verdict, inconclusive, judge
from .lazy import array_stats
from .mixing import ess_bulk, ess_tail, rhat


@dataclass(frozen=True, slots=True)
class Convergence:
    """Convergence diagnostics of every scalar: labels and three arrays of the same length."""

    labels: list[str]
    rhat: Array
    ess_bulk: Array
    ess_tail: Array
    draws: int
    chains: int


@fact
def convergence(evidence: Evidence) -> Convergence:
    """Rank-normalised split R-hat and bulk and tail ESS of parameters and declared quantities.

    Elements that are the same in every draw (a Cholesky factor's zeros) carry no information about
    mixing and are left out.

    Source: Vehtari et al. (2021), doi:10.1214/20-BA1221.
    """
    posterior: xr.Dataset = evidence.get("posterior")
    watched = list(posterior.data_vars.values())
    if evidence.has("quantities"):
        watched += list(evidence.get("quantities").data_vars.values())
    labels: list[str] = []
    found: list[Array] = []
    for variable in watched:
        values = chains_first(variable)
        values = values.reshape(-1, *values.shape[-2:])
        moving = np.ptp(values, axis=(1, 2)) > 0
        moving |= ~np.isfinite(values).all(axis=(1, 2))
        if not moving.any():
            continue
        names = [label for label, _ in scalars(variable)]
        labels += [n for n, keep in zip(names, moving, strict=True) if keep]
        some = values[moving]
        found.append(np.stack([rhat(some), ess_bulk(some), ess_tail(some)]))
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    rhats, bulk, tail = np.concatenate(found, axis=1) if found else np.empty((3, 0))
    return Convergence(labels, rhats, bulk, tail, draws, chains)


@check("SMP301")
def chains_disagree(
    convergence: Convergence, *, limit: float = 1.01, unusable: float = 1.05
) -> Finding:
    """Chains disagree about a parameter or a declared quantity.

    **Asks**: is any rank-normalised split R-hat above ``limit``?
    **Why it matters**: such chains describe their starting points, not the posterior; every number
    computed from them is an accident of where they started.
    **What to do**: look for a funnel (few rows per group and a centred effect) and reparameterise;
    then run longer.
    **Thresholds**: above ``limit`` 1.01, as recommended by the source, a warning: the largest of
    many R-hats exceeds it now and then although the chains agree. Above ``unusable`` 1.05 it fails.
    **Source**: Vehtari et al. (2021), doi:10.1214/20-BA1221.
    """
    needs = f"≤ {limit:g}"
    if convergence.chains < 2:
        return inconclusive("one chain cannot disagree with itself; run at least two", needs=needs)
    if not convergence.labels:
        return inconclusive("no variable moved in any draw", needs=needs)
    undefined = ~np.isfinite(convergence.rhat)
    if undefined.any():
        where = convergence.labels[int(np.argmax(undefined))]
        return judge(True, f"R-hat of {where} is undefined", where=where, result="–", needs=needs)
    worst = int(np.argmax(convergence.rhat))
    value, where = float(convergence.rhat[worst]), convergence.labels[worst]
    return judge(
        value > limit,
        f"Largest R-hat is {value:.3f} ({where}, of {len(convergence.labels)} quantities)",
        otherwise=Verdict.FAIL if value > unusable else Verdict.WARN,
        value=value,
        threshold=limit,
        result=f"{value:.3f}",
        needs=needs,
        where=where,
    )


chains_disagree.passes(examples.eight_schools)
chains_disagree.fails(lambda: examples.eight_schools(stuck_chain=3.0))
chains_disagree.fails(lambda: examples.eight_schools(stuck_chain=1.2), Verdict.WARN)
chains_disagree.false_alarm(lambda: examples.eight_schools(constant=True))


@check("SMP302", after=["SMP301"])
def too_few_effective_draws(
    convergence: Convergence, *, per_chain: float = 100.0, unusable: float = 100.0
) -> Finding:
    """Too few effective draws for a parameter or a declared quantity.

    **Asks**: is any bulk or tail effective sample size below ``per_chain`` times the number of
    chains?
    **Why it matters**: R-hat, intervals and Monte Carlo errors are themselves estimated from the
    draws, and are not reliable below that size.
    **What to do**: run longer; if the size does not grow with the draws, reparameterise.
    **Thresholds**: ``per_chain`` 100 draws a chain, as recommended by the source; below
    ``unusable`` draws in all (a tenth of the digits of a usual report) the check fails.
    **Source**: Vehtari et al. (2021), doi:10.1214/20-BA1221.
    """
    wanted = per_chain * convergence.chains
    needs = f"≥ {wanted:.0f}"
    if not convergence.labels:
        return inconclusive("no variable moved in any draw", needs=needs)
    smallest = np.fmin(convergence.ess_bulk, convergence.ess_tail)
    if not np.isfinite(smallest).all():
        where = convergence.labels[int(np.argmax(~np.isfinite(smallest)))]
        return inconclusive(f"effective sample size of {where} is undefined", needs=needs)
    worst = int(np.argmin(smallest))
    value, where = float(smallest[worst]), convergence.labels[worst]
    kind = "bulk" if convergence.ess_bulk[worst] <= convergence.ess_tail[worst] else "tail"
    return judge(
        value < wanted,
        f"Smallest effective sample size is {value:.0f} ({where}, {kind}) "
        f"out of {convergence.draws * convergence.chains} draws",
        otherwise=Verdict.FAIL if value < unusable else Verdict.WARN,
        value=value,
        threshold=wanted,
        result=f"{value:.0f}",
        needs=needs,
        where=where,
    )


too_few_effective_draws.passes(examples.eight_schools)
too_few_effective_draws.fails(lambda: examples.eight_schools(sticky=0.999))
too_few_effective_draws.false_alarm(lambda: examples.eight_schools(sticky=0.3))


@check("SMP303")
def transitions_diverge(sample_stats: xr.Dataset, *, fail_share: float = 0.01) -> Finding:
    """Trajectories of the sampler diverge.

    **Asks**: did any transition after warm-up diverge?
    **Why it matters**: divergences cluster where the posterior curves too sharply for the step
    size, usually at the neck of a funnel; that region is missing from the draws and the estimates
    are biased away from it (for a hierarchy: away from strong pooling).
    **What to do**: use the non-centred form for groups with few rows, tighten the prior on the
    scale, then raise ``target_accept``.
    **Thresholds**: any divergence is a warning, after the source; more than ``fail_share`` (1%) of
    all transitions fails, a convention of poolwise.
    **Source**: Betancourt (2017), arXiv:1701.02434, section 6.2.
    """
    if "diverging" not in sample_stats:
        return inconclusive("the sampler does not report divergences", needs="0")
    diverging = np.asarray(sample_stats["diverging"].values, dtype=bool)
    count, share = int(diverging.sum()), float(diverging.mean())
    return judge(
        count > 0,
        f"{count} of {diverging.size} transitions diverged",
        otherwise=Verdict.FAIL if share > fail_share else Verdict.WARN,
        value=count,
        threshold=0,
        result=f"{count}",
        needs="0",
    )


transitions_diverge.passes(examples.eight_schools)
transitions_diverge.fails(lambda: examples.eight_schools(divergences=200))
transitions_diverge.fails(lambda: examples.eight_schools(divergences=2), Verdict.WARN)
transitions_diverge.false_alarm(
    lambda: examples.eight_schools(tree_depth_hits=5),
)


@check("SMP304")
def energy_explored_slowly(sample_stats: xr.Dataset, *, limit: float = 0.3) -> Finding:
    """The sampler moves slowly between energies.

    **Asks**: is the estimated Bayesian fraction of missing information of any chain below
    ``limit``?
    **Why it matters**: the tails of the posterior, where scales are very small or very large, are
    then visited rarely, and their probability is badly estimated.
    **What to do**: reparameterise heavy-tailed or strongly correlated variables.
    **Thresholds**: ``limit`` 0.3, the value used by Stan and ArviZ.
    **Source**: Betancourt (2016), arXiv:1604.00695.
    """
    if "energy" not in sample_stats:
        return inconclusive("the sampler does not report energies", needs=f"≥ {limit:g}")
    energies = chains_first(sample_stats["energy"])
    if not np.isfinite(energies).all() or np.ptp(energies) == 0:
        return inconclusive("the energies are not finite or never change", needs=f"≥ {limit:g}")
    value = float(np.min(array_stats.bfmi(energies)))
    return judge(
        value < limit,
        f"Smallest E-BFMI over chains is {value:.2f}",
        otherwise=Verdict.WARN,
        value=value,
        threshold=limit,
        result=f"{value:.2f}",
        needs=f"≥ {limit:g}",
    )


energy_explored_slowly.passes(examples.eight_schools)
energy_explored_slowly.fails(lambda: examples.eight_schools(energy_walk=True), Verdict.WARN)
energy_explored_slowly.false_alarm(lambda: examples.eight_schools(divergences=2))


@check("SMP305")
def trajectories_cut_short(sample_stats: xr.Dataset, *, share: float = 0.01) -> Finding:
    """Trajectories reach the largest tree depth.

    **Asks**: did more than ``share`` of the transitions stop at the largest tree depth?
    **Why it matters**: the sampler then walks randomly instead of crossing the posterior; this
    costs efficiency, and usually points at badly scaled variables.
    **What to do**: standardise predictors and effects; raise ``max_treedepth`` last.
    **Thresholds**: ``share`` 1%, a convention of poolwise: rarer hits cost nothing measurable.
    **Source**: Stan Development Team, Runtime warnings and convergence problems (2022).
    """
    if "maxdepth_reached" not in sample_stats:
        return inconclusive("the sampler does not report tree depths", needs=f"≤ {share:.0%}")
    reached = np.asarray(sample_stats["maxdepth_reached"].values, dtype=bool)
    value = float(reached.mean())
    return judge(
        value > share,
        f"{int(reached.sum())} of {reached.size} transitions reached the largest tree depth",
        otherwise=Verdict.WARN,
        value=value,
        threshold=share,
        result=f"{value:.1%}",
        needs=f"≤ {share:.0%}",
    )


trajectories_cut_short.passes(examples.eight_schools)
trajectories_cut_short.fails(lambda: examples.eight_schools(tree_depth_hits=400), Verdict.WARN)
trajectories_cut_short.false_alarm(lambda: examples.eight_schools(tree_depth_hits=5))
