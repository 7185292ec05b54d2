"""Where predictive uncertainty comes from, by level and by what is predicted.

With m = E[y | parameters] and v = Var[y | parameters], Var[y_new] = E[v] + Var(m): the first part
is aleatory (the world varies), the second epistemic (we do not know it). The split depends on what
is predicted, so every number names its target. Closed form for a normal likelihood with identity
link (law of total variance; Gelman et al. 2013, Bayesian Data Analysis, 3rd ed., section 1.8).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from arviz_stats.base import array_stats

from .draws import SAMPLE, chains_first, mcse_of_mean
from .words import number

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
        _in_medians(with_spread, {"noise within groups": noise}),
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
