"""Where predictive uncertainty comes from, by level and by what is predicted.

With m = E[y | parameters] and v = Var[y | parameters], Var[y_new] = E[v] + Var(m): the first part
is aleatory (the world varies), the second epistemic (we do not know it). The split depends on what
is predicted, so every number names its target (law of total variance; Gelman et al. 2013, Bayesian
Data Analysis, 3rd ed., section 1.8). Closed form for one level of normal effects on a normal
outcome with identity link; for all else from parts that were integrated where the model is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from .draws import SAMPLE, chains_first, mcse_of_mean, over_groups, pareto_k
from .needs import needs
from .words import number

#: What can be predicted, in the order reports show it.
TARGETS = (
    "effect of an observed group",
    "new observation in an observed group",
    "effect of a new group",
    "new observation in a new group",
)

#: Of a level, what a decomposition reads at least.
_NEEDED = ("effect", "location", "scale", "noise_variance", "other", "design")


#: Names of the parts that more data would remove, and of those that no data remove.
OBSERVED, LOCATION = "group effect", "location"
SPREAD, NOISE = "spread between groups", "noise within groups"


#: Where parts stand in a stack; spreads between groups of other levels come between.
_ORDER = {OBSERVED: 0, LOCATION: 0, SPREAD: 1, NOISE: 3}


@dataclass(frozen=True, slots=True)
class Part:
    """One component of a predictive variance.

    Attributes
    ----------
    name : str
    epistemic : bool
        Whether more data would remove it.
    value, mcse : float
        In the squared unit of the outcome; in nats as a part of an entropy.
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
    entropy : tuple of Part
        For outcomes that are categories: expected entropy given everything, what groups that
        differ add, and the mutual information of outcome and parameters, in nats. They sum to the
        entropy of the prediction.
    """

    level: str
    target: str
    parts: tuple[Part, ...]
    heavy_tailed: str = ""
    entropy: tuple[Part, ...] = ()

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
        the average value of the column the effect multiplies. Where the level knows them,
        ``row_mean_variance`` and ``row_location_variance`` (group), averages over rows, take the
        place of variances at the average row. Groups without rows are left out. New groups are
        predicted at the covariates of the observed ones. Where the level holds ``variance_parts``
        (target, part, chain, used_draw) these are summed up instead: see
        :func:`poolwise.workflow.outcomes.parts.outcome_parts`.
    name : str
        Of the level.

    Returns
    -------
    list of Decomposition
        In the order of ``TARGETS``; in the squared unit of the outcome (of the effect, for the
        effect targets). A level inside another one has two kinds of new group, of an observed
        parent and of a new one, each a target of its own.

    Raises
    ------
    ValueError
        If the level knows neither its noise nor its parts; the message says why.
    """
    needs(level)
    if "variance_parts" in level:
        return [_from_parts(level, name, i) for i in range(level.sizes["target"])]
    needs(level, *_NEEDED)
    level = _with_rows(level)
    effect, location, scale = level["effect"], level["location"], level["scale"]
    noise, other, design = level["noise_variance"], level["other"], level["design"]
    squared = level["design_squared"] / level["rows"] if "rows" in level else design**2
    between, within = "spread between groups", "noise within groups"
    spread, spread_seen = scale**2, squared * scale**2
    tails = heavy_tail("the squared scale between groups", scale**2)
    lost = _lost_location(location)
    noisy = heavy_tail("the noise variance", noise)
    seen = _variance_part("group effect", effect * design + other, level.get("row_mean_variance"))
    rest = _variance_part("location", location * design + other, level.get("row_location_variance"))
    targets: tuple[tuple[str, dict[str, xr.DataArray], tuple[Part, ...]], ...] = (
        ("", {}, (_variance_part("group effect", effect),)),
        (noisy, {within: noise}, (seen, _mean_part(within, noise))),
        (
            tails or lost,
            {between: spread},
            (_variance_part("location", location), _mean_part(between, spread)),
        ),
        (
            tails or lost or noisy,
            {between: spread_seen, within: noise},
            (rest, _mean_part(between, spread_seen), _mean_part(within, noise)),
        ),
    )
    return [
        _in_medians(
            Decomposition(name, target, parts, why),
            variances,
            _squared_range(location) if lost and target in TARGETS[2:] else None,
        )
        for target, (why, variances, parts) in zip(TARGETS, targets, strict=True)
    ]


def _from_parts(level: xr.Dataset, name: str, i: int) -> Decomposition:
    """Sum up the parts of one target over the draws."""
    # Only what was integrated: it may rest on fewer draws than the rest of the level.
    kept = [v for v in level.data_vars if "target" in level[v].dims]
    one = level[kept].isel(target=i).drop_vars("draw", errors="ignore").rename(used_draw="draw")
    parts = _present(one["variance_parts"])
    fitted = one["mean_of_target"]
    why = str(one["why_no_variance"].values)
    for part, draws in parts.items():
        why = why or (_lost(fitted) if part in (LOCATION, OBSERVED) else heavy_tail(part, draws))
    entropy = _present(one["entropy_parts"]) if "entropy_parts" in one else {}
    found = Decomposition(
        name,
        str(one["target"].values),
        tuple(_part_of(part, draws) for part, draws in parts.items()),
        why,
        tuple(_part_of(part, draws) for part, draws in entropy.items()),
    )
    varying = {part: draws for part, draws in parts.items() if part not in (LOCATION, OBSERVED)}
    return _in_medians(found, varying, float(one["squared_range"]))


def _present(table: xr.DataArray) -> dict[str, xr.DataArray]:
    by_part = {str(p): table.sel(part=p) for p in table["part"].values}
    known = {name: draws for name, draws in by_part.items() if not bool(draws.isnull().all())}
    return dict(sorted(known.items(), key=lambda item: _ORDER.get(item[0], 2)))


def _part_of(name: str, draws: xr.DataArray) -> Part:
    return Part(name, name in (LOCATION, OBSERVED), float(draws.mean()), mcse_of_mean(draws))


def _lost(fitted: xr.DataArray) -> str:
    return _lost_location(fitted) if bool(np.isfinite(fitted).all()) else "the mean is not finite"


def _with_rows(level: xr.Dataset) -> xr.Dataset:
    """Leave out groups without rows: nothing was observed of them."""
    if "rows" not in level:
        return level
    return level.isel(group=np.asarray(level["rows"].values) > 0)


def _mean_part(name: str, variance: xr.DataArray) -> Part:
    averaged = over_groups(variance)
    return Part(name, False, float(averaged.mean()), mcse_of_mean(averaged))


def _variance_part(name: str, mean: xr.DataArray, by_row: xr.DataArray | None = None) -> Part:
    """Variance of a mean over the draws; of the mean of each row, where that is known."""
    squared = over_groups((mean - mean.mean(SAMPLE)) ** 2)
    n = squared.size
    value, mcse = float(squared.mean()) * n / (n - 1), mcse_of_mean(squared)
    if by_row is None:
        return Part(name, True, value, mcse)
    exact = float(by_row.mean()) * n / (n - 1)
    return Part(name, True, exact, mcse * exact / value if value > 0 else mcse)


def _in_medians(
    found: Decomposition, variances: dict[str, xr.DataArray], location: float | None
) -> Decomposition:
    """Replace heavy-tailed means of variances by medians, keeping the reason.

    The variance of a heavy-tailed location becomes ``location``, the square of its interquartile
    range over 1.349, which is the variance of a normal with that range.
    """
    if not found.heavy_tailed:
        return found
    parts = []
    for part in found.parts:
        if part.name in variances:
            value = float(over_groups(variances[part.name]).median())
        elif part.epistemic and location is not None:
            value = location
        else:
            parts.append(part)
            continue
        parts.append(Part(part.name, part.epistemic, value, float("nan")))
    return replace(found, parts=tuple(parts))


def _squared_range(location: xr.DataArray) -> float:
    ends = over_groups(location).quantile([0.25, 0.75])
    return float((ends[1] - ends[0]) / 1.349) ** 2


def heavy_tail(name: str, variance: xr.DataArray, *, ratio: float = 2.0) -> str:
    """Return why the mean of a variance is no good summary of it, or an empty string.

    It is over ``ratio`` times the median, or the Pareto shape of the tail says that it does not
    exist (k >= 1; Vehtari et al. 2024, Pareto smoothed importance sampling).
    """
    values = chains_first(over_groups(variance))
    if not np.isfinite(values).all():
        return f"{name} is not finite at {np.mean(~np.isfinite(values)):.1%} of the draws"
    if np.ptp(values) == 0:
        return ""
    k = pareto_k(values, "right")
    if k >= 1:
        return f"{name} has no mean (Pareto k {k:.2f})"
    mean, median = float(values.mean()), float(np.median(values))
    if mean > ratio * median:
        return f"the mean of {name} is {number(mean / median)} times its median"
    return ""


def _lost_location(location: xr.DataArray) -> str:
    """Return why the variance of a location does not exist (Pareto k >= 1/2), or nothing."""
    values = chains_first(over_groups(location))
    if np.ptp(values) == 0:
        return ""
    k = pareto_k(values, "both")
    return f"the location has tails too heavy for a variance (Pareto k {k:.2f})" if k >= 0.5 else ""
