"""What the rows of every group say of its effects: densities and derivatives, draw by draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ...checks.draws import Array
from ...checks.hierarchy import Hierarchy
from ...checks.hierarchy.cheap import shape_of
from ..levels.evaluate import CHUNK, one_axis
from .group_program import Program, program_of
from .separable import groups_of_rows, positions, prior_of_groups, refuse_inseparable

if TYPE_CHECKING:
    import pymc as pm

#: Draws of every free variable by name, first axis the draws.
Draws = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Derivatives:
    """Log density of rows and effects of every group, and what moving its effects does to it.

    Attributes
    ----------
    value : ndarray of shape (draws, J)
        Rows and prior of the effects together.
    gradient : ndarray of shape (draws, J, D)
    rows_hessian, prior_hessian : ndarray of shape (draws, J, D, D)
    """

    value: Array
    gradient: Array
    rows_hessian: Array
    prior_hessian: Array


class GroupDensity:
    """Log densities of the rows and effects of every group.

    Effects are moved through what the hierarchy calls their entry: the effects themselves, or the
    offsets of a non-centred level. Given everything else groups do not depend on each other, so
    that one evaluation moves the entries of all of them.

    Parameters
    ----------
    model : pymc.Model
        Of plain tensors.
    hierarchy : Hierarchy
        Of that model.
    names : sequence of str
        Levels that are moved together: several for groups with an intercept and slopes.

    Attributes
    ----------
    labels : tuple of str
    size : int
        Entries per group, D.
    group : dict of str to ndarray of int, shape (rows,)
        By outcome, the group of each row; -1 where none of the levels enters.
    row_group : ndarray of int, shape (rows,)
        The same, outcomes one after another.
    rows_per_group : ndarray of int, shape (J,)

    Raises
    ------
    NotSeparable
        If the rows of a level are not known, or its effects enter anything but outcomes.
    """

    def __init__(self, model: pm.Model, hierarchy: Hierarchy, names: Sequence[str]) -> None:
        self._model = model
        levels = [hierarchy.levels[name] for name in names]
        self.labels = levels[0].labels
        self.size = len(levels)
        self.group = groups_of_rows(hierarchy, names)
        for level in levels:
            refuse_inseparable(model, level, self.group)
        self._entries: list[Any] = list(dict.fromkeys(level.entry for level in levels))
        self._shapes = [shape_of(model, e) for e in self._entries]
        self._of = [self._entries.index(level.entry) for level in levels]
        self._at = np.stack(
            [positions(lv, self._shapes[e]) for lv, e in zip(levels, self._of, strict=True)],
            axis=1,
        )
        self._sums = [_sums(g, len(self.labels)) for g in self.group.values()]
        self._priors = [prior_of_groups(e, self._columns(k)) for k, e in enumerate(self._entries)]
        self.row_group = np.concatenate(list(self.group.values()))
        held = self.row_group[self.row_group >= 0]
        self.rows_per_group = np.bincount(held, minlength=len(self.labels))

    @property
    def rows(self) -> int:
        """Rows of all outcomes."""
        return self.row_group.size

    def _columns(self, entry: int) -> np.ndarray:
        """Return the positions of a group's elements in one entry, shape (J, columns)."""
        return self._at[:, [d for d in range(self.size) if self._of[d] == entry]]

    def arrays(self, draws: xr.Dataset, most: int | None = None) -> dict[str, np.ndarray]:
        """Return draws as arrays, chains one after another, evenly thinned to about so many."""
        length, chains = draws.sizes["draw"], draws.sizes["chain"]
        size = length if most is None else min(length, max(1, most // chains))
        kept = draws.isel(draw=np.linspace(0, length - 1, size).round().astype(int))
        return {rv.name: one_axis(kept[rv.name]) for rv in self._model.free_RVs}

    def entries(self, draws: Draws) -> Array:
        """Return the entries of every group, shape (draws, J, D)."""
        columns = [
            draws[self._entries[e].name].reshape(_count(draws), -1)[:, self._at[:, d]]
            for d, e in enumerate(self._of)
        ]
        return np.stack(columns, axis=-1).astype(float)

    def moved(self, draws: Draws, to: Array) -> dict[str, np.ndarray]:
        """Return draws with other entries, shape (draws, J, D)."""
        found = dict(draws)
        for k, entry in enumerate(self._entries):
            values = np.array(draws[entry.name], dtype=float).reshape(_count(draws), -1)
            for d in range(self.size):
                if self._of[d] == k:
                    values[:, self._at[:, d]] = to[:, :, d]
            found[entry.name] = values.reshape(_count(draws), *self._shapes[k])
        return found

    def by_row(self, draws: Draws) -> Array:
        """Return the log density of every row, shape (draws, rows), outcomes one after another."""
        found = np.empty((_count(draws), self.rows))
        for chunk, values in self._evaluate(draws, derivatives=False):
            found[chunk] = np.concatenate(values[: len(self.group)], axis=1)
        return found

    def of_rows(self, draws: Draws) -> Array:
        """Return the log density of the rows of every group together, shape (draws, J)."""
        found = np.empty((_count(draws), len(self.labels)))
        for chunk, values in self._evaluate(draws, derivatives=False):
            found[chunk] = self._summed(values)
        return found

    def both(self, draws: Draws) -> tuple[Array, Array]:
        """Return the log density of rows and effects of every group, and that of every row.

        Returns
        -------
        ndarray of shape (draws, J)
        ndarray of shape (draws, rows)
        """
        found = np.empty((_count(draws), len(self.labels)))
        rows = np.empty((_count(draws), self.rows))
        for chunk, values in self._evaluate(draws, derivatives=False):
            found[chunk] = self._summed(values) + self._of_prior(values)
            rows[chunk] = np.concatenate(values[: len(self.group)], axis=1)
        return found, rows

    def derivatives(self, draws: Draws) -> Derivatives:
        """Return the log density of every group with its derivatives by the entries."""
        draws_, groups, size = _count(draws), len(self.labels), self.size
        value, gradient = np.empty((draws_, groups)), np.empty((draws_, groups, size))
        hessians = np.empty((2, draws_, groups, size, size))
        first = len(self.group) + len(self._entries)
        for chunk, values in self._evaluate(draws, derivatives=True):
            value[chunk] = self._summed(values) + self._of_prior(values)
            rest = iter(values[first:])
            by_entry = [next(rest) for _ in self._entries]
            for d in range(size):
                gradient[chunk, :, d] = by_entry[self._of[d]][:, self._at[:, d]]
            for part in range(2):
                for d in range(size):
                    by_entry = [next(rest) for _ in self._entries]
                    for other in range(size):
                        picked = by_entry[self._of[other]][:, self._at[:, other]]
                        hessians[part, chunk, :, d, other] = picked
        return Derivatives(value, gradient, hessians[0], hessians[1])

    def _summed(self, values: list[np.ndarray]) -> Array:
        return np.asarray(
            sum(v @ s for v, s in zip(values[: len(self._sums)], self._sums, strict=True))
        )

    def _of_prior(self, values: list[np.ndarray]) -> Array:
        found: Array = np.zeros((len(values[0]), len(self.labels)))
        for v, (_, at) in zip(values[len(self._sums) :], self._priors, strict=False):
            found = found + v[:, at].sum(-1)
        return found

    def _evaluate(
        self, draws: Draws, *, derivatives: bool
    ) -> Iterator[tuple[slice, list[np.ndarray]]]:
        program = self._program
        evaluate = program.derivatives if derivatives else program.densities
        total, step = _count(draws), max(1, CHUNK // max(self.rows, 1))
        for start in range(0, total, step):
            chunk = slice(start, min(start + step, total))
            given = [np.asarray(draws[n][chunk], dtype=kind) for n, kind in program.inputs.items()]
            with np.errstate(all="ignore"):
                values = evaluate(*given)
            size = chunk.stop - chunk.start
            yield (
                chunk,
                [np.broadcast_to(v, (size, *v.shape[1:])).reshape(size, -1) for v in values],
            )

    @cached_property
    def _program(self) -> Program:
        priors = [expression for expression, _ in self._priors]
        effects = [(self._entries[e], self._at[:, d]) for d, e in enumerate(self._of)]
        return program_of(self._model, self.group, priors, effects)


def _count(draws: Draws) -> int:
    return len(next(iter(draws.values())))


def _sums(group: np.ndarray, groups: int) -> Any:
    """Return a sparse matrix of shape (rows, J) that sums rows up by group."""
    from scipy import sparse

    used = np.flatnonzero(group >= 0)
    ones = np.ones(used.size)
    return sparse.csr_array((ones, (used, group[used])), shape=(group.size, groups))
