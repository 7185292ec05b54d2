"""What to collect next: the epistemic variance that more rows or more groups would leave.

For normal rows in normal groups with one common location, everything that is left to learn about a
group is known in closed form once the scales are: it does not depend on the data still to come.
Gelman and Hill (2006), Data Analysis Using Regression and Multilevel/Hierarchical Models, chapter
20, design studies by the same variances.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from .decomposition import TARGETS, heavy_tail
from .draws import SAMPLE, Summary, summarise
from .needs import needs


@dataclass(frozen=True, slots=True)
class Collecting:
    """What more data would leave of the epistemic variance of one target.

    Every summary is over draws of the scales; where ``heavy_tailed`` is set, read its median.

    Attributes
    ----------
    target : str
        One of ``TARGETS``. An observation and the effect of its group have the same epistemic
        variance.
    now : Summary
        Given the scales, with the data at hand.
    more_rows, more_groups : Summary
        The same with ``factor`` times as many rows in every group, or as many groups like these.
    gain : Summary
        Draw by draw, ``more_rows`` less ``more_groups``: above 0, groups help more.
    total : float
        Posterior variance over the draws, which adds what not knowing the scales and the other
        terms of the model contributes. The closed form does not say how much of that more data
        would remove, so ``now`` after collecting is a lower bound of what is left.
    total_mcse : float
    factor : float
    heavy_tailed : str
        Why a mean over draws does not describe what is left; empty otherwise.
    """

    target: str
    now: Summary
    more_rows: Summary
    more_groups: Summary
    gain: Summary
    total: float
    total_mcse: float
    factor: float
    heavy_tailed: str = ""

    def better(self, errors: float = 4.0) -> str:
        """Return ``rows``, ``groups``, or an empty string where Monte Carlo error hides which."""
        if self.heavy_tailed:
            return "groups" if self.gain.low > 0 else "rows" if self.gain.high < 0 else ""
        if abs(self.gain.mean) <= errors * self.gain.mcse:
            return ""
        return "groups" if self.gain.mean > 0 else "rows"


@dataclass(frozen=True, slots=True)
class Remaining:
    """Variances given the scales.

    Attributes
    ----------
    effect : ndarray of shape (..., J)
        Of the effect of each observed group.
    location : ndarray of shape (...)
        Of the population mean: what is not known about the effect of a new group.
    """

    effect: xr.DataArray
    location: xr.DataArray


def remaining(
    scale: xr.DataArray,
    information: xr.DataArray,
    *,
    rows: float = 1.0,
    groups: float = 1.0,
    location_sd: float = float("inf"),
) -> Remaining:
    r"""Return what is left to learn about groups and population, given the scales.

    With :math:`I_j` the information of the rows of group j (:math:`n_j/\sigma^2`),
    :math:`\mathrm{Var}(\mu) = 1/\bigl(\sum_j I_j/(1+\tau^2I_j) + 1/s^2\bigr)` and
    :math:`\mathrm{Var}(\theta_j) = \tau^2/(1+\tau^2I_j) + \mathrm{Var}(\mu)/(1+\tau^2I_j)^2`.

    Parameters
    ----------
    scale : xarray.DataArray
        τ, any dims but ``group``.
    information : xarray.DataArray
        :math:`I_j`, dim ``group`` and those of ``scale``; 0 for a group without rows.
    rows, groups : float, default 1
        Times as many rows in every group; times as many groups like these.
    location_sd : float, default inf
        Standard deviation s of a normal prior of the location; 0 for a location that is known.

    Returns
    -------
    Remaining

    References
    ----------
    Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., section 5.4, equations 5.17 and 5.20.
    """
    information = rows * information
    own = 1 / (1 + scale**2 * information)
    with np.errstate(divide="ignore"):
        before = 1 / np.square(np.float64(location_sd))
        location = 1 / (groups * (information * own).sum("group") + before)
    return Remaining(scale**2 * own + location * own**2, location)


def what_to_collect(
    level: xr.Dataset, *, factor: float = 2.0, location_sd: float = float("inf")
) -> list[Collecting]:
    """Compare collecting more rows per group with collecting more groups.

    Parameters
    ----------
    level : xarray.Dataset
        ``effect`` (chain, draw, group), ``location`` and ``scale`` (chain, draw), and
        ``information`` (chain, draw, group). Groups without rows are left out of averages over
        observed groups.
    factor : float, default 2
        How many times as much: both ways multiply the number of all rows by it.
    location_sd : float, default inf
        Standard deviation of a normal prior of the location; infinite for a flat one. A location
        that no draw moves is taken as known.

    Returns
    -------
    list of Collecting
        In the order of ``TARGETS``, in the squared unit of the effect; for observed groups the
        mean over them.

    Raises
    ------
    ValueError
        If groups have locations or scales of their own, so that the closed form does not hold, or
        the information of their rows is not known.
    """
    needs(level, "effect", "location", "scale", "information")
    if not factor > 0:
        raise ValueError(f"factor={factor} is no number above 0 of times as much data")
    for name in ("location", "scale"):
        if "group" in level[name].dims:
            raise ValueError(
                f"the closed form holds for groups with one common {name}; theirs differ"
            )
    if float(np.ptp(level["location"].values)) == 0:
        location_sd = 0.0
    scale, information = level["scale"], level["information"]
    seen = (information > 0).any(SAMPLE).values
    ways = {"now": (1.0, 1.0), "rows": (factor, 1.0), "groups": (1.0, factor)}
    left = {
        way: remaining(scale, information, rows=n, groups=j, location_sd=location_sd)
        for way, (n, j) in ways.items()
    }
    observed = {way: r.effect.isel(group=seen).mean("group") for way, r in left.items()}
    new = {way: r.location for way, r in left.items()}
    effect = level["effect"].isel(group=seen)
    spread = ((effect - effect.mean(SAMPLE)) ** 2).mean("group")
    where = (level["location"] - level["location"].mean(SAMPLE)) ** 2
    by_target = (observed, spread), (observed, spread), (new, where), (new, where)
    return [
        _collecting(target, ways_left, actual, factor)
        for target, (ways_left, actual) in zip(TARGETS, by_target, strict=True)
    ]


def _collecting(
    target: str, left: dict[str, xr.DataArray], actual: xr.DataArray, factor: float
) -> Collecting:
    total = summarise(actual)
    return Collecting(
        target=target,
        now=summarise(left["now"]),
        more_rows=summarise(left["rows"]),
        more_groups=summarise(left["groups"]),
        gain=summarise(left["rows"] - left["groups"]),
        total=total.mean * actual.size / (actual.size - 1),
        total_mcse=total.mcse,
        factor=factor,
        heavy_tailed=heavy_tail("what is not known, given the scales,", left["now"]),
    )
