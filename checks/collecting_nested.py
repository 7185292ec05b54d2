"""What to collect next where levels lie in each other, or outcomes are not normal.

Given the scales, a tree of normal groups is known in closed form: information flows up, from rows
to groups to the groups around them, and what is known of these flows down again. Outcomes that are
not normal enter by the Fisher information of their rows at every draw, the Laplace approximation of
what they say about an effect on the scale of the linear predictor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr

from .decomposition import heavy_tail
from .draws import SAMPLE, Array, Summary, mcse_of_mean, summarise

#: Families of effects that the closed form holds for.
_NORMAL = ("", "Normal", "MultivariateNormal")


@dataclass(frozen=True, slots=True)
class Option:
    """One way of collecting more.

    Attributes
    ----------
    what : str
        ``rows per plot``, ``plots per site`` or ``sites``.
    left : Summary
        Epistemic variance it would leave.
    """

    what: str
    left: Summary


@dataclass(frozen=True, slots=True)
class Outlook:
    """What more data would leave of the epistemic variance of one target.

    Attributes
    ----------
    target : str
    now : Summary
        Given the scales, over draws of them, with the data at hand.
    options : tuple of Option
    best : str
        The option that leaves least; empty where Monte Carlo error hides which.
    total, total_mcse : float
        Posterior variance over the draws, NaN where it is not known: adds what not knowing the
        scales and other terms contributes.
    approximate : str
        Why ``now`` is no exact variance given the scales; empty where it is.
    heavy_tailed : str
        Why medians over draws describe it instead of means; empty otherwise.
    """

    target: str
    now: Summary
    options: tuple[Option, ...]
    best: str
    total: float
    total_mcse: float
    approximate: str
    heavy_tailed: str

    def share(self, option: Option) -> float:
        """Return which part of what is not known now would be left."""
        if self.heavy_tailed:
            return option.left.median / self.now.median if self.now.median > 0 else float("nan")
        return option.left.mean / self.now.mean if self.now.mean > 0 else float("nan")


@dataclass(frozen=True, slots=True)
class _Tree:
    """Levels that lie in each other, innermost first, on draws."""

    names: list[str]
    scales: list[xr.DataArray]
    parents: list[np.ndarray]
    information: xr.DataArray
    prior_precision: float


def what_to_collect_in(
    levels: Mapping[str, xr.Dataset], name: str, *, factor: float = 2.0
) -> list[Outlook]:
    """Compare more rows per group with more groups of every level that contains them.

    Parameters
    ----------
    levels : mapping of str to Dataset
        Levels of one model on posterior draws: ``effect``, ``location``, ``scale``,
        ``information`` (chain, draw, group) and ``row_group`` (row). Which lies in which is read
        off their rows. The attribute ``location_sd`` of the outermost is the standard deviation
        of the prior of its location; flat without it.
    name : str
        Of the level whose groups are asked about.
    factor : float, default 2
        How many times as much of each.

    Returns
    -------
    list of Outlook
        Of the effect of an observed group, and of what a new group is centred on: of an observed
        parent where there is one, and of a new one. In the squared unit of the linear predictor.

    Raises
    ------
    ValueError
        If the information of rows is not known, effects are not normal, groups have scales of
        their own or a design other than an intercept, or levels form no tree.
    """
    chain, others = chain_of(levels, name)
    tree = _tree(levels, chain)
    ways = {"": (1.0, [1.0] * len(chain))}
    for k in range(-1, len(chain)):
        groups = [factor if i == k else 1.0 for i in range(len(chain))]
        ways[_called(chain, k)] = (factor if k < 0 else 1.0, groups)
    left = {what: _left(tree, rows, groups) for what, (rows, groups) in ways.items()}
    at = chain.index(name)
    approximate = _approximate(levels[chain[0]], levels[chain[-1]], others)
    totals = _totals(levels[name])
    # The rows of a group have effects of the levels in it too, which are not its own.
    own = totals[0] if at == 0 else None
    found = [_outlook("effect of an observed group", left, at, own, approximate)]
    if at + 1 < len(chain):
        said = f"mean of new groups of an observed {chain[at + 1]}"
        found.append(_outlook(said, left, at + 1, None, approximate))
    found.append(_outlook("mean of all groups", left, len(chain), totals[1], approximate))
    return found


def chain_of(levels: Mapping[str, xr.Dataset], name: str) -> tuple[list[str], list[str]]:
    """Return the levels that lie in each other around one, innermost first; and the other levels.

    Raises
    ------
    ValueError
        If the level cannot be judged, or two levels lie in it side by side.
    """
    if why := _unfit(levels[name]):
        raise ValueError(why)
    size = {n: level.sizes["group"] for n, level in levels.items()}
    related = [
        n
        for n in levels
        if n != name and (_lies_in(levels[n], levels[name]) or _lies_in(levels[name], levels[n]))
    ]
    chain = sorted([name, *related], key=lambda n: -size[n])
    for inner, outer in pairwise(chain):
        if why := _unfit(levels[inner]) or _unfit(levels[outer]):
            raise ValueError(f"{inner} and {outer} hang together: {why}")
        if not _lies_in(levels[inner], levels[outer]):
            raise ValueError(f"{inner} and {outer} lie side by side, so that levels form no tree")
    return chain, [n for n in levels if n not in chain]


def _unfit(level: xr.Dataset) -> str:
    if "information" not in level or "row_group" not in level:
        why = level.attrs.get("why_no_information", "the information of its rows is not known")
        return str(why)
    if str(level.attrs.get("family", "")) not in _NORMAL:
        return f"its effects are {level.attrs['family']}, and the closed form is for normal ones"
    if "group" in level["scale"].dims:
        return "its groups have scales of their own"
    design = np.asarray(level["design"].values, dtype=float) if "design" in level else np.ones(1)
    if not np.allclose(design, 1):
        return "its effects multiply a covariate"
    return ""


def _lies_in(inner: xr.Dataset, outer: xr.Dataset) -> bool:
    """Whether every group of one level has its rows in one group of another, larger one."""
    if "row_group" not in inner or "row_group" not in outer:
        return False
    if inner.attrs.get("outcome") != outer.attrs.get("outcome"):
        return False
    a, b = (np.asarray(level["row_group"].values, dtype=int) for level in (inner, outer))
    if a.size != b.size or inner.sizes["group"] <= outer.sizes["group"]:
        return False
    used = a >= 0
    return bool((b[used] >= 0).all()) and len(set(zip(a[used], b[used], strict=True))) == len(
        set(a[used])
    )


def _tree(levels: Mapping[str, xr.Dataset], chain: Sequence[str]) -> _Tree:
    parents = []
    for inner, outer in pairwise(chain):
        a, b = (np.asarray(levels[n]["row_group"].values, dtype=int) for n in (inner, outer))
        parent = np.full(levels[inner].sizes["group"], -1)
        parent[a[a >= 0]] = b[a >= 0]
        parents.append(parent)
    lowest = levels[chain[0]]["information"].transpose(*SAMPLE, "group")
    width = float(levels[chain[-1]].attrs.get("location_sd", np.inf))
    return _Tree(list(chain), [levels[n]["scale"] for n in chain], parents, lowest, 1 / width**2)


def _called(chain: Sequence[str], k: int) -> str:
    if k < 0:
        return f"rows per {chain[0]}"
    if k + 1 < len(chain):
        return f"{chain[k]} groups per {chain[k + 1]}"
    return f"{chain[k]} groups"


def _left(tree: _Tree, rows: float, groups: Sequence[float]) -> list[xr.DataArray]:
    """Return variances of effects, innermost level first, then of the mean of all groups."""
    shape = tree.information.shape[:2]
    information: Array = rows * np.asarray(tree.information.values, dtype=float)
    squares = [np.asarray(s.transpose(*SAMPLE).values, dtype=float)[..., None] ** 2
               for s in tree.scales]  # fmt: skip
    own = []
    for k, square in enumerate(squares):
        own.append(1 / (1 + square * information))
        passed = groups[k] * information * own[-1]
        if k + 1 < len(squares):
            information = (passed.reshape(-1, passed.shape[-1]) @ _within(tree, k)).reshape(
                *shape, -1
            )
        else:
            with np.errstate(divide="ignore"):
                above = 1 / (passed.sum(-1) + tree.prior_precision)
    seen = _observed(tree)
    found = [xr.DataArray(above, dims=SAMPLE)]
    around = above[..., None]
    for k in reversed(range(len(squares))):
        outer = around if k + 1 == len(squares) else around[..., np.maximum(tree.parents[k], 0)]
        around = squares[k] * own[k] + own[k] ** 2 * outer
        found.append(xr.DataArray(around[..., seen[k]].mean(-1), dims=SAMPLE))
    return found[::-1]


def _observed(tree: _Tree) -> list[np.ndarray]:
    """Return which groups of every level have rows."""
    seen = [(tree.information > 0).any(SAMPLE).values]
    for parent in tree.parents:
        held = np.zeros(_size(tree, len(seen) - 1), dtype=bool)
        held[parent[(parent >= 0) & seen[-1]]] = True
        seen.append(held)
    return seen


def _size(tree: _Tree, k: int) -> int:
    """Return the number of groups around those of the kth level."""
    return tree.parents[k + 1].size if k + 1 < len(tree.parents) else int(tree.parents[k].max()) + 1


def _within(tree: _Tree, k: int) -> Any:
    """Return a sparse matrix that sums the groups of the kth level up by the groups around them."""
    from scipy import sparse

    parent = tree.parents[k]
    inside = np.flatnonzero(parent >= 0)
    shape = (parent.size, _size(tree, k))
    return sparse.csr_matrix((np.ones(inside.size), (inside, parent[inside])), shape=shape)


def _approximate(lowest: xr.Dataset, highest: xr.Dataset, others: Sequence[str]) -> str:
    said = []
    if "noise_variance" not in lowest:
        said.append("what a row says is approximated by its Fisher information at every draw")
    if "location_sd" not in highest.attrs:
        said.append("the mean of all groups is taken to have a flat prior")
    if others:
        said.append(f"the effects of {', '.join(others)} are taken as known")
    if _other_terms(lowest):
        said.append("other terms of the mean are taken as known, but for a shift of all groups")
    return "; ".join(said)


def _other_terms(level: xr.Dataset) -> bool:
    """Whether something besides the groups and a common shift may enter the mean."""
    if "other" not in level:
        return True
    apart = level["other"] - level["other"].mean("group")
    return float(apart.std(SAMPLE).max()) > 1e-9 * float(level["effect"].std())


def _totals(level: xr.Dataset) -> tuple[xr.DataArray | None, xr.DataArray | None]:
    """Return squared deviations of the predictor of observed groups, and of new ones."""
    if "link_deviations" not in level:
        return None, None
    table = level["link_deviations"].rename(used_draw="draw")
    return table.sel(link_of="observed"), table.sel(link_of="new")


def _outlook(
    target: str,
    left: Mapping[str, Sequence[xr.DataArray]],
    at: int,
    total: xr.DataArray | None,
    approximate: str,
) -> Outlook:
    now = left[""][at]
    by_way = {what: found[at] for what, found in left.items() if what}
    heavy = heavy_tail("what is not known, given the scales,", now)
    first, second = sorted(by_way, key=lambda what: float(_middle(by_way[what], heavy)))[:2]
    lead = summarise(by_way[second] - by_way[first])
    clear = lead.low > 0 if heavy else lead.mean > 4 * lead.mcse
    size = 0 if total is None else total.size
    return Outlook(
        target=target,
        now=summarise(now),
        options=tuple(Option(what, summarise(values)) for what, values in by_way.items()),
        best=first if clear else "",
        total=float("nan") if total is None else float(total.mean()) * size / (size - 1),
        total_mcse=float("nan") if total is None else mcse_of_mean(total),
        approximate=approximate,
        heavy_tailed=heavy,
    )


def _middle(draws: xr.DataArray, heavy: str) -> xr.DataArray:
    return draws.median() if heavy else draws.mean()
