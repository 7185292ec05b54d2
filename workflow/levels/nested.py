r"""The information that reaches a level through the groups of a level below.

A level that others lie in (site above plot) sees the data through their effects, which vary around
it: :math:`I_k = \sum_{j \in k} d_j^2 / (\tau_j^2 + 1/I_j)`, with the own information
:math:`I_j` of the groups below, their scale and the design by which the upper effect enters their
location. In a normal model this is exact, and the same whether the lower effects are written
around the upper ones or added to them; elsewhere it is the normal approximation.

References
----------
Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., section 15.1; Gelman and Pardoe (2006),
doi:10.1198/004017005000000517.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from ...checks.draws import SAMPLE, Array
from ...checks.hierarchy import Hierarchy
from ...checks.hierarchy.spread import NORMAL


@dataclass(frozen=True, slots=True)
class Below:
    """A level whose groups lie in those of another.

    Attributes
    ----------
    name : str
    group : ndarray of int
        Group of the upper level of each group of this one; -1 for none.
    design : ndarray
        What the upper effect is multiplied by in the location of each group.
    added : bool
        Whether both levels are added up in the rows; else the upper one is in the location of this.
    """

    name: str
    group: np.ndarray
    design: Array
    added: bool


def below(hierarchy: Hierarchy, name: str) -> list[Below]:
    """Return the levels through which a level sees the data.

    They are those whose location it is part of. Of levels that are added to it in the rows, one
    counts: the closest of those that lie in it, when both shift the same rows alike and no second
    one competes. Otherwise information is that given the effects of the other levels.
    """
    member = hierarchy.members[name]
    found = [
        Below(m.enters, m.group, m.design, added=False)
        for m in (member, *hierarchy.also.get(name, ()))
        if m.enters in hierarchy.levels
    ]
    inside = {r.one for r in hierarchy.relations if r.kind == "nested" and r.other == name}
    closest = [n for n in inside if hierarchy.parent_of(n) == name and _adds_up(hierarchy, n, name)]
    if not found and len(closest) == 1 and not member.why_no_design:
        (other,) = closest
        rows = hierarchy.members[other]
        both = rows.group >= 0
        group = np.full(len(hierarchy.levels[other].labels), -1)
        group[rows.group[both]] = member.group[both]
        found.append(Below(other, group, np.ones(group.size), added=True))
    return found


def _adds_up(hierarchy: Hierarchy, lower: str, upper: str) -> bool:
    one, other = hierarchy.members.get(lower), hierarchy.members.get(upper)
    if one is None or other is None or one.enters != other.enters or hierarchy.also.get(lower):
        return False
    if one.why_no_design or one.predictor is None or hierarchy.levels[lower].family not in NORMAL:
        return False
    inside = one.group >= 0
    return bool(
        (other.group[inside] >= 0).all() and np.allclose(one.design[inside], other.design[inside])
    )


def through(level: xr.Dataset, lower: xr.Dataset, link: Below) -> tuple[Array, Array]:
    r"""Return the information that passes a level below, and the own estimates it amounts to.

    Parameters
    ----------
    level, lower : xarray.Dataset
        With ``effect``, ``location`` and ``scale``; the lower one with ``information`` and ``raw``.
    link : Below

    Returns
    -------
    information : ndarray of shape (chain, draw, group)
    raw : ndarray of shape (group,)
        Mean of the own estimates of the groups below, less the rest of their location, weighted by
        :math:`d_j/(\tau_j^2 + 1/I_j)`; NaN where none is finite.
    """
    like = lower["effect"]
    scale, location = (
        lower[v].broadcast_like(like).transpose(*SAMPLE, "group").values
        for v in ("scale", "location")
    )
    with np.errstate(divide="ignore"):
        weight = 1 / (scale**2 + 1 / lower["information"].values)
    used = link.group >= 0
    design = np.where(used, np.nan_to_num(link.design), 0.0)
    effect = level["effect"].values
    groups = effect.shape[-1]
    upper = np.where(used, effect[..., link.group], 0.0)
    information = _by_group(weight * design**2, link.group, groups)
    own = lower["raw"].values
    if link.added:
        # What the rows say of the lower effects was found given the upper ones.
        own = own + upper.mean((0, 1))
        rest = location
    else:
        rest = location - design * upper
    known = np.isfinite(own)
    counted = np.where(known, weight * design, 0.0)
    total = _by_group(counted * np.where(known, own - rest, 0.0), link.group, groups)
    with np.errstate(divide="ignore", invalid="ignore"):
        raw = (total / _by_group(counted * design, link.group, groups)).mean((0, 1))
    return information, np.where(np.isfinite(raw), raw, np.nan)


def _by_group(values: Array, group: np.ndarray, groups: int) -> Array:
    from .row_sums import membership

    summed = values.reshape(-1, values.shape[-1]) @ membership(group, np.ones(group.size), groups)
    return np.asarray(summed.reshape(*values.shape[:-1], groups))
