"""What all rows of a group share with its effect: not to be told apart where nothing is pooled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ...checks.draws import SAMPLE, Array
from ...checks.hierarchy import GroupLevel, Hierarchy
from ...checks.hierarchy.distributions import as_tensor
from ..levels.evaluate import by_draw, evaluate_on
from ..specs.preflight import observed_values

if TYPE_CHECKING:
    import pymc as pm

#: Largest relative difference between rows of one group that still is rounding.
_ROUNDING = 1e-8


@dataclass(frozen=True, slots=True)
class Shared:
    """What enters all rows of a group as its effect does.

    Attributes
    ----------
    terms : tuple of str
        Free variables of other terms: an intercept beside effects around zero, a coefficient of a
        covariate that is the same for all rows of a group.
    pinned : tuple of str
        Single variables that, without pooling, the data say nothing about: those of ``terms`` and
        of the location of the level.
    """

    terms: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()


class Totals:
    """The effect of every group with what all of its rows share.

    With effects around zero beside an intercept, an effect alone has no estimate without pooling:
    only its sum with the intercept has.

    Parameters
    ----------
    model : pymc.Model
        Of plain tensors.
    hierarchy : Hierarchy
    name : str
        Of a level.
    draws : xarray.Dataset
        Every free variable: where terms are looked for.
    """

    def __init__(self, model: pm.Model, hierarchy: Hierarchy, name: str, draws: xr.Dataset) -> None:
        self._model = model
        self._level: GroupLevel = hierarchy.levels[name]
        self._rest: Any = None
        self.shared = Shared()
        member = hierarchy.members.get(name)
        known = member is not None and member.predictor is not None and not member.why_no_design
        if member is None or not known or member.enters in hierarchy.levels:
            return
        shape = observed_values(model)[member.enters].shape
        self._rest = _rest(self._level, member, shape)
        self._group, self._design = member.group, member.design
        self._everywhere = bool((member.group >= 0).all())
        self._means = {rv.name: draws[rv.name].mean(SAMPLE).values for rv in model.free_RVs}
        self._sds = {rv.name: draws[rv.name].std(SAMPLE).values for rv in model.free_RVs}
        self._find()

    def of(self, draws: xr.Dataset) -> xr.DataArray:
        """Return the totals on draws, dims chain, draw and group."""
        effect = self._effect(draws)
        if self.shared.terms:
            first = self._first()
            several = self._with(draws, self.shared.terms)
            none = {n: np.zeros_like(self._means[n]) for n in self.shared.terms}
            zero = self._evaluated(self._points([none]))[0]
            rest = self._evaluated(several) - zero
            seen = first >= 0
            share = rest[:, first[seen]] / self._design[first[seen]]
            effect[:, seen] += share
        sizes = draws.sizes["chain"], draws.sizes["draw"]
        coords = {d: draws[d].values for d in SAMPLE}
        return xr.DataArray(
            effect.reshape(*sizes, -1),
            dims=(*SAMPLE, "group"),
            coords={**coords, "group": list(self._level.labels)},
        )

    def _effect(self, draws: xr.Dataset) -> Array:
        groups = len(self._level.labels)
        pieces = [
            by_draw(value, self._level.effect.ndim, chunk.stop - chunk.start, (groups,))
            for chunk, (value,) in evaluate_on(
                self._model, [self._level.effect.ravel()], draws, width=groups
            )
        ]
        return np.array(np.concatenate(pieces))

    def _first(self) -> np.ndarray:
        """Return one row of every group that its effect enters; -1 where there is none."""
        found = np.full(len(self._level.labels), -1)
        rows = np.flatnonzero((self._group >= 0) & (self._design != 0))[::-1]
        found[self._group[rows]] = rows
        return found

    def _find(self) -> None:
        """Move one variable after the other, and see whether rows of a group move alike."""
        rng = np.random.default_rng(11)
        names = [str(rv.name) for rv in self._model.free_RVs]
        steps = [
            {n: self._means[n] + (self._sds[n] + 1e-3) * rng.uniform(0.5, 1.5, self._sds[n].shape)}
            for n in names
        ]
        values = self._evaluated(self._points([{}, *steps]))
        terms, alone = [], []
        largest = float(np.abs(values[0]).max()) + 1.0
        for name, moved in zip(names, values[1:] - values[0], strict=True):
            reach = float(np.abs(moved).max())
            if reach <= _ROUNDING * largest:
                if name in self._above_location():
                    alone.append(name)
            elif self._is_shared(moved, reach):
                terms.append(name)
        pinned = [n for n in (*alone, *terms) if self._everywhere and self._means[n].ndim == 0]
        self.shared = Shared(tuple(terms), tuple(pinned))

    def _above_location(self) -> set[str]:
        from pytensor.graph.traversal import ancestors

        above = set(ancestors([self._level.location]))
        # What other effects are centred on too is not this level's to hold.
        elsewhere = [rv for rv in self._model.free_RVs if rv is not self._level.entry]
        used = {p for rv in elsewhere for p in ancestors([rv]) if p is not rv}
        return {str(rv.name) for rv in self._model.free_RVs if rv in above and rv not in used}

    def _is_shared(self, moved: Array, reach: float) -> bool:
        outside = self._group < 0
        if (np.abs(moved[outside]) > _ROUNDING * reach).any():
            return False
        inside = ~outside
        with np.errstate(divide="ignore", invalid="ignore"):
            per_effect = np.where(self._design != 0, moved / self._design, np.inf)
        still = (self._design == 0) & (np.abs(moved) <= _ROUNDING * reach)
        rows = inside & ~still
        if not np.isfinite(per_effect[rows]).all():
            return False
        groups = len(self._level.labels)
        low, high = np.full(groups, np.inf), np.full(groups, -np.inf)
        np.minimum.at(low, self._group[rows], per_effect[rows])
        np.maximum.at(high, self._group[rows], per_effect[rows])
        seen = np.isfinite(low)
        size = float(np.abs(per_effect[rows]).max())
        return bool((high[seen] - low[seen] <= 1e-6 * size).all())

    def _points(self, changes: list[dict[str, Array]]) -> xr.Dataset:
        """Return draws at the mean of every variable, but for some changes."""
        found = {}
        for rv in self._model.free_RVs:
            name = str(rv.name)
            values = np.stack([np.asarray(c.get(name, self._means[name])) for c in changes])
            found[name] = (
                (*SAMPLE, *(f"{name}_{i}" for i in range(values.ndim - 1))),
                values[None],
            )
        return xr.Dataset(found)

    def _with(self, draws: xr.Dataset, names: tuple[str, ...]) -> xr.Dataset:
        """Return draws of some variables, with all others at their mean."""
        sizes = draws.sizes["chain"], draws.sizes["draw"]
        found = {}
        for rv in self._model.free_RVs:
            name = str(rv.name)
            values = (
                draws[name].transpose(*SAMPLE, ...).values
                if name in names
                else np.broadcast_to(self._means[name], (*sizes, *self._means[name].shape))
            )
            found[name] = ((*SAMPLE, *(f"{name}_{i}" for i in range(values.ndim - 2))), values)
        return xr.Dataset(found)

    def _evaluated(self, draws: xr.Dataset) -> Array:
        rows = self._group.size
        pieces = [
            by_draw(value, 1, chunk.stop - chunk.start, (rows,))
            for chunk, (value,) in evaluate_on(self._model, [self._rest], draws, width=rows)
        ]
        return np.concatenate(pieces)


def _rest(level: GroupLevel, member: Any, shape: tuple[int, ...]) -> Any:
    """Return the linear predictor without the level, one value per row."""
    import pytensor.tensor as pt

    whole = pt.broadcast_to(as_tensor(member.predictor), shape).ravel()
    design = pt.constant(np.where(member.group >= 0, member.design, 0.0))
    return whole - design * level.effect.ravel()[pt.constant(np.maximum(member.group, 0))]
