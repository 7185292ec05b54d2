"""A model with new groups in place of observed ones: what its linear predictors then are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ...checks.draws import Array
from ...checks.hierarchy import GroupLevel, Hierarchy
from ...checks.hierarchy.cheap import shape_of
from ...checks.hierarchy.distributions import distribution, family_of
from ...checks.hierarchy.spread import NORMAL
from .on_draws import OnDraws, replaced

if TYPE_CHECKING:
    import pymc as pm


class NotKnown(Exception):
    """What new groups would be like cannot be computed; the message says why."""


@dataclass(frozen=True, slots=True)
class NewGroups:
    """Which groups are new: what is predicted is a chain of them, innermost first.

    Attributes
    ----------
    links : tuple of tuple of str
        Levels whose groups are the same (intercepts and slopes) are one link.
    """

    links: tuple[tuple[str, ...], ...] = ()

    @property
    def levels(self) -> list[str]:
        """Every level with new groups."""
        return [name for link in self.links for name in link]


def new_at(hierarchy: Hierarchy, top: str) -> NewGroups:
    """Return the chain of new groups that a new group of ``top`` brings with it.

    Everything nested in a new group is new too: plots of a new site.
    """
    nested = {(r.one, r.other) for r in hierarchy.relations if r.kind == "nested"}
    same = {(r.one, r.other) for r in hierarchy.relations if r.kind == "same"}
    same |= {(b, a) for a, b in same}
    alike = {name: {name, *(b for a, b in same if a == name)} for name in hierarchy.levels}
    new = set(alike[top])
    while more := {one for one, other in nested if other in new} - new:
        new |= {b for name in more for b in alike[name]}
    size = {name: len(hierarchy.levels[name].labels) for name in new}
    links: list[tuple[str, ...]] = []
    for name in sorted(new - alike[top], key=lambda n: (-size[n], n)):
        if not any(name in link for link in links):
            links.append(tuple(n for n in hierarchy.levels if n in alike[name]))
    return NewGroups((*links, tuple(n for n in hierarchy.levels if n in alike[top])))


def ancestors_of(hierarchy: Hierarchy, name: str) -> list[str]:
    """Return the levels that a level is nested in, the closest first."""
    found: list[str] = []
    parent = hierarchy.parent_of(name)
    while parent is not None and parent not in found:
        found.append(parent)
        parent = hierarchy.parent_of(parent)
    return found


def kinds_of_new_group(hierarchy: Hierarchy, name: str) -> list[tuple[str, NewGroups]]:
    """Return what a new group of a level may be: of an observed parent, or of new ones."""
    above = ancestors_of(hierarchy, name)
    if not above:
        return [("a new group", new_at(hierarchy, name))]
    kinds = [(f"a new group of an observed {above[0]}", new_at(hierarchy, name))]
    return kinds + [(f"a new group of a new {top}", new_at(hierarchy, top)) for top in above]


def links_in(hierarchy: Hierarchy, name: str, new: NewGroups, effect: Any) -> NewGroups:
    """Return the links that the effect of a level depends on; of its own, this level only."""
    from pytensor.graph.traversal import ancestors

    above = set(ancestors([effect]))
    links = [(name,) if name in link else link for link in new.links]
    kept = [tuple(n for n in link if hierarchy.levels[n].entry in above) for link in links]
    return NewGroups(tuple(link for link in kept if link))


def entries_of(model: pm.Model, hierarchy: Hierarchy, new: NewGroups) -> list[Any]:
    """Return the random variables that hold what is new, innermost first.

    Raises
    ------
    NotKnown
        If effects are no random variable of the model.
    """
    found: list[Any] = []
    for name in new.levels:
        entry = hierarchy.levels[name].entry
        if entry not in model.free_RVs:
            raise NotKnown(f"{hierarchy.levels[name].effect_name} is no random variable")
        if entry not in found:
            found.append(entry)
    return found


def all_normal(entries: Sequence[Any]) -> bool:
    """Whether all effects are normal given their parameters."""
    return all(family_of(rv) in NORMAL for rv in entries)


def standardised(rv: Any, z: Any) -> Any:
    """Return a normal random variable as location plus scale times ``z``."""
    import pytensor.tensor as pt

    base = distribution(rv)
    q = list(base.owner.op.dist_params(base.owner))
    if family_of(base) == "Normal":
        return q[0] + q[1] * z
    return q[0] + (pt.linalg.cholesky(q[1]) @ z[..., None])[..., 0]


@dataclass(frozen=True, slots=True)
class InNewGroups:
    """An expression of a fitted model, some groups of which are new.

    Attributes
    ----------
    model : pymc.Model
        Of plain tensors.
    hierarchy : Hierarchy
    new : NewGroups
    expression : TensorVariable
        An effect, or the linear predictor of an outcome.
    draws : xarray.Dataset
        Every free variable.
    """

    model: pm.Model
    hierarchy: Hierarchy
    new: NewGroups
    expression: Any
    draws: xr.Dataset

    def entries(self) -> list[Any]:
        """Return the random variables that hold what is new; see :func:`entries_of`."""
        return entries_of(self.model, self.hierarchy, self.new)

    def is_normal(self) -> bool:
        """Whether everything new is normal given its parameters."""
        return all_normal(self.entries())


class Standardised:
    """An expression as a function of standardised deviations of normal effects.

    Parameters
    ----------
    of : InNewGroups
        Linear in the effects.
    """

    def __init__(self, of: InNewGroups) -> None:
        import pytensor.tensor as pt

        self._levels, self._new = of.hierarchy.levels, of.new
        self._entries = of.entries()
        self._shapes = [shape_of(of.model, rv) for rv in self._entries]
        inputs = [pt.tensor(f"z_{rv.name}", dtype="float64", shape=(None,) * rv.ndim)
                  for rv in self._entries]  # fmt: skip
        swaps = [(rv, standardised(rv, z)) for rv, z in zip(self._entries, inputs, strict=True)]
        self._on = OnDraws(of.model, replaced([of.expression], swaps), of.draws, shared=inputs)

    def centre_and_spreads(self, at: np.ndarray) -> tuple[Array, list[Array]]:
        """Return the expression without deviations, and the standard deviation of every link.

        Raises
        ------
        NotKnown
            If the expression is not linear in the deviations.
        """
        zero = self._at(at, {})
        spreads, check = [], zero.copy()
        for link in self._new.links:
            square = np.zeros_like(zero)
            for name in link:
                moved = self._at(at, {name: 1.0}) - zero
                square += moved**2
                check += 0.5 * moved
            spreads.append(np.sqrt(square))
        together = self._at(at[:5], dict.fromkeys(self._new.levels, 0.5))
        reach = max(float(np.abs(together).max(initial=0)), 1e-300)
        if not np.allclose(together, check[:5], rtol=1e-6, atol=1e-8 * reach):
            raise NotKnown("the linear predictor is not linear in the effects")
        return zero, spreads

    def _at(self, at: np.ndarray, moved: dict[str, float]) -> Array:
        z = [np.zeros(shape) for shape in self._shapes]
        for name, step in moved.items():
            level: GroupLevel = self._levels[name]
            where: Any = ... if level.where is None else level.where
            z[self._entries.index(level.entry)][where] = step
        return self._on(at, shared=z)[0]
