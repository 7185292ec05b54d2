"""Power-scaling: what a power of a prior, of all of them, or of the likelihood moves.

Power-scaling acts on top-level priors only: the priors of every free variable that is
neither a group effect nor an offset. Scaling the group level too would ask another question (it is
part of the model of the data), and its answer depends on the parametrisation.

References
----------
Kallioinen et al. (2023), doi:10.1007/s11222-023-10366-5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from .combined_fits import combined_weights
from .draws import SAMPLE, Array, chains_first, scalars
from .evidence import Evidence, Missing, fact
from .lazy import array_stats
from .leave_out import largest_k
from .own_data import mean_weight, weight_label
from .power_distance import POWERS, sensitivities
from .weighted import batches
from .words import ALL_HYPERPRIORS

#: What the part of a model is called that no prior belongs to.
LIKELIHOOD = "likelihood"

#: Fits under a power whose chains disagree more than this are not used.
LARGEST_RHAT = 1.05


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a model that a power is taken of, with weights that do so to the draws.

    Attributes
    ----------
    name : str
        A variable, for its prior; ``ALL_HYPERPRIORS``; or ``LIKELIHOOD``.
    priors : tuple of str
        Variables whose priors are scaled together; none for the likelihood.
    log_density : ndarray of shape (chain, draw)
    weights : ndarray of shape (3, chain * draw)
        Under the lower of ``POWERS``, under 1, and under the upper one; Pareto smoothed.
    pareto_k : float
        Largest Pareto k of the raw weights; negative infinity where the density is constant.
    largest_k : float
        Above which the weights are not trusted.
    """

    name: str
    priors: tuple[str, ...]
    log_density: Array
    weights: Array
    pareto_k: float
    largest_k: float

    @property
    def trusted(self) -> bool:
        """Whether the weights can be trusted."""
        return self.pareto_k <= self.largest_k


@dataclass(frozen=True, slots=True)
class Scaled:
    """What a power of one part of a model moves.

    Attributes
    ----------
    name : str
        As of :class:`Part`.
    sensitivity, mcse, floor : ndarray of shape (quantities,)
        Cumulative Jensen-Shannon distance per doubling of the power, its Monte Carlo error, and
        what it is by chance for a quantity that does not move; about 0.05 is the shift of a normal
        mean by 0.3 standard deviations.
    pareto_k : float
        Of the weights of the base fit.
    refitted : bool
        Whether the numbers come from fits under both powers, because the weights are not trusted.
    why_open : str
        Why the numbers cannot be trusted; empty when they can.
    """

    name: str
    sensitivity: Array
    mcse: Array
    floor: Array
    pareto_k: float
    refitted: bool = False
    why_open: str = ""


@dataclass(frozen=True, slots=True)
class PowerScaling:
    """Power-scaling sensitivity of scalar quantities.

    Attributes
    ----------
    labels : list of str
    scaled : list of str
        Variables whose priors were scaled.
    prior, likelihood : Scaled
        All these priors together, and the likelihood.
    each_prior : dict of str to Scaled
        Each prior alone.
    largest_k : float
        Pareto k up to which the weights can be trusted.
    """

    labels: list[str]
    scaled: list[str]
    prior: Scaled
    likelihood: Scaled
    each_prior: dict[str, Scaled]
    largest_k: float

    @property
    def parts(self) -> list[Scaled]:
        """Everything that was scaled: each prior, all of several, and the likelihood."""
        together = [self.prior] if len(self.scaled) > 1 else []
        return [*self.each_prior.values(), *together, self.likelihood]


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
    kept: dict[str, xr.DataArray] = {}
    for label, draws in found:
        if np.ptp(draws.values) > 0:
            kept.setdefault(label, draws)
    return list(kept.items())


@fact
def scaled_parts(evidence: Evidence) -> list[Part]:
    """Every top-level prior, all of several together, and the likelihood, with their weights."""
    log_prior: xr.Dataset = evidence.get("log_prior")
    likelihood = total(evidence.get("log_likelihood"))
    names = [n for n in evidence.get("top_level_priors") if n in log_prior]
    if not names:
        raise Missing("no prior was found to scale")
    each = [total(log_prior[[name]]) for name in names]
    found = [make_part(name, (name,), one) for name, one in zip(names, each, strict=True)]
    if len(names) > 1:
        # What is the same in every draw says nothing, and need not be known of a fit elsewhere.
        changing = [one for one in each if np.ptp(one) > 0] or each
        found.append(make_part(ALL_HYPERPRIORS, tuple(names), np.sum(changing, axis=0)))
    return [*found, make_part(LIKELIHOOD, (), likelihood)]


@fact
def power_scaling(
    evidence: Evidence, scaled_parts: list[Part], watched: list[tuple[str, xr.DataArray]]
) -> PowerScaling:
    """Power-scaling sensitivity to the top-level priors, together and alone, and the likelihood.

    From importance weights of the draws; where these are not trusted, from fits under both powers.
    """
    labels = [label for label, _ in watched]
    values = np.stack([chains_first(draws) for _, draws in watched])
    fits: dict[str, xr.Dataset] = evidence.get("powers") if evidence.has("powers") else {}
    refits = {str(fit.attrs["part"]): fit for fit in fits.values()}
    why_not = evidence.why_missing("powers") or "it was not fitted under other powers"
    every = {
        part.name: _weighted(part, values)
        if part.trusted
        else _refitted(part, refits.get(part.name), why_not, labels, values)
        for part in scaled_parts
    }
    *priors, likelihood = every.values()
    alone = {s.name: s for s in priors if s.name != ALL_HYPERPRIORS}
    return PowerScaling(
        labels=labels,
        scaled=list(alone),
        prior=priors[-1],
        likelihood=likelihood,
        each_prior=alone,
        largest_k=scaled_parts[0].largest_k,
    )


def _weighted(part: Part, values: Array) -> Scaled:
    """Return the sensitivity from weighted draws of the base fit, shape (quantity, chain, draw)."""
    quantities, chains, draws = values.shape
    starts = batches(chains, draws)
    flat = values.reshape(quantities, -1)
    return _scaled(part, sensitivities(flat, part.weights[None], starts, chains * draws)[:, 0])


def _refitted(
    part: Part, fit: xr.Dataset | None, why_not: str, labels: list[str], values: Array
) -> Scaled:
    """Return the sensitivity from the base fit and fits under both powers, or why there is none."""
    high = f"Pareto k of its weights is {part.pareto_k:.2f}, above {part.largest_k:.2f}"
    if not np.isfinite(part.pareto_k):
        high = "its weights have no tail that could be judged, as when a chain is stuck"

    def left_open(why: str) -> Scaled:
        return _scaled(part, np.full((3, len(labels)), np.nan), why_open=f"{high}, and {why}")

    if fit is None:
        return left_open(why_not)
    if "why" in fit.attrs:
        return left_open(f"it cannot be fitted under other powers, because {fit.attrs['why']}")
    if not fit.attrs["rhat"] <= LARGEST_RHAT:
        return left_open(f"the fits under other powers disagree (R-hat {fit.attrs['rhat']:.2f})")
    others = fit["watched"].reindex(quantity=labels).transpose("power", "quantity", *SAMPLE)
    densities = fit["log_density"].transpose("power", *SAMPLE).values
    if not np.isfinite(densities).all():
        return left_open("its log density is not finite in every draw under other powers")
    below, above = others.values.reshape(2, len(labels), -1)
    draws = below.shape[1]
    every = np.concatenate([below, values.reshape(len(labels), -1), above], axis=1)
    log_density = np.stack([densities[0], part.log_density, densities[1]]).reshape(3, -1)
    weights = combined_weights(log_density, np.array([POWERS[0], 1.0, POWERS[1]]))
    starts = batches(*part.log_density.shape)
    in_all = np.concatenate([starts, starts + draws, starts + 2 * draws])
    found = sensitivities(every, weights[None], in_all, draws)
    return _scaled(part, found[:, 0], refitted=True)


def _scaled(part: Part, found: Array, *, refitted: bool = False, why_open: str = "") -> Scaled:
    sensitivity, mcse, floor = found
    return Scaled(part.name, sensitivity, mcse, floor, part.pareto_k, refitted, why_open)


def total(log_density: xr.Dataset) -> Array:
    """Sum a log density over variables and elements: shape (chain, draw)."""
    summed = sum(
        v.sum([d for d in v.dims if d not in SAMPLE]) for v in log_density.data_vars.values()
    )
    if not isinstance(summed, xr.DataArray) or not np.isfinite(summed.values).all():
        raise Missing("a log density is not finite in every draw")
    return np.asarray(summed.transpose(*SAMPLE).values, dtype=float)


def make_part(name: str, priors: tuple[str, ...], log_density: Array) -> Part:
    limit = largest_k(log_density.size)
    if np.ptp(log_density) == 0:
        equal = np.ones((3, log_density.size))
        return Part(name, priors, log_density, equal, float("-inf"), limit)
    (below, k_below), (above, k_above) = (_weights(log_density.ravel(), p) for p in POWERS)
    weights = np.stack([below, np.ones(log_density.size), above])
    return Part(name, priors, log_density, weights, float(np.max([k_below, k_above])), limit)


def _weights(log_density: Array, power: float) -> tuple[Array, float]:
    """Return smoothed weights and the shape of the tail of the raw ones.

    Where a chain that is stuck makes the tail one point there is nothing to smooth, and the shape
    is infinite: no judgement rests on such weights.
    """
    raw = (power - 1) * log_density
    try:
        # ArviZ takes minus the log weights.
        k = float(array_stats.psislw(-raw)[1])
        smooth = np.asarray(array_stats.power_scale_lw(log_density, alpha=power))
    except ValueError:
        k, smooth = float("inf"), raw
    return np.exp(smooth - smooth.max()), k
