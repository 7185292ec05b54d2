"""The rows of a linear level, as the classical choices of a penalty need them.

With :math:`\\theta_j = \\mu_j + \\epsilon_j`, the mean of row i is
:math:`z_i\\epsilon_{j[i]} + f_i`, in which f holds the location and every other term. Where f is
affine in parameters whose own priors are fixed, :math:`f = f_0 + X\\beta`, the rows
:math:`y - f_0`, X and z pose a ridge problem. X is read off the model by moving one coefficient at
a time, and confirmed at points where everything has been moved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ...checks.draws import SAMPLE, Array
from ...checks.hierarchy import Hierarchy
from ...checks.hierarchy.response import base_point
from ...checks.hierarchy.variables import Support, read_variables
from ..specs.preflight import observed_values
from .evaluate import by_draw, evaluate_on

if TYPE_CHECKING:
    import pymc as pm

#: Numbers in the population columns up to which they are saved (40 MB), and columns up to which a
#: penalty is searched for: the work grows with their square.
MOST_NUMBERS, MOST_COLUMNS = 5_000_000, 500

#: Seeds of points that share nothing; the first is where coefficients are moved away from.
_SEEDS = (7, 8, 9)


class NoRows(Exception):
    """A level poses no ridge problem; the message says why."""


@dataclass(frozen=True, slots=True)
class Affine:
    """The mean of every row less the deviations of a level: f₀ + Xβ.

    Attributes
    ----------
    start : ndarray of shape (rows,)
    columns : ndarray of shape (rows, coefficients)
        One per element of the variables, in order.
    movers : tuple of str
        The variables that hold the coefficients.
    """

    start: Array
    columns: Array
    movers: tuple[str, ...]


def row_arrays(
    model: pm.Model,
    hierarchy: Hierarchy,
    name: str,
    mean: Any,
    sd: Any,
) -> xr.Dataset:
    """Return the ridge problem of a level with normal rows.

    Parameters
    ----------
    model : pymc.Model
        Of plain tensors.
    hierarchy : Hierarchy
    name : str
        Of a level of normal effects in the mean of a normal outcome.
    mean, sd : TensorVariable
        Of the outcome.

    Returns
    -------
    xarray.Dataset
        ``row_outcome``, ``row_design`` (row), ``row_population`` (row, column) and, where no
        parameter enters the noise, ``row_noise`` (row); see
        :func:`poolwise.checks.penalty.ridge_of`.

    Raises
    ------
    NoRows
        If the level poses no such problem.
    """
    reader = GroupReader(model, hierarchy, name, mean, sd)
    noise = reader.noise()
    start, columns = reader.population()
    found = {
        "row_outcome": ("row", reader.outcome - start),
        "row_design": ("row", np.asarray(hierarchy.members[name].design, dtype=float)),
        "row_population": (("row", "column"), columns),
    }
    if noise is not None:
        found["row_noise"] = ("row", noise)
    return xr.Dataset(found)


class RowReader:
    """Reads what the rows of a normal outcome hold besides the deviations of a level."""

    #: What it means when a variable of the level moves that.
    why_own_moves = "{} holds other effects in the same rows"

    def __init__(
        self, model: pm.Model, hierarchy: Hierarchy, name: str, outcome: str, mean: Any, sd: Any
    ) -> None:
        from pytensor.graph.traversal import ancestors

        self.level = hierarchy.levels[name]
        self.mean, self.sd, self.model = mean, sd, model
        self.variables = read_variables(model)
        values = observed_values(model)[outcome]
        self.shape, self.outcome = values.shape, values.ravel()
        free = set(model.free_RVs)
        above = set(ancestors([mean, self.level.effect, self.level.location]))
        self.entering = [rv for rv in model.free_RVs if rv in above]
        self.levels = {v for one in hierarchy.levels.values() for v in one.variables}
        self.own = set(self.level.variables)
        self.with_prior = {
            str(rv.name) for rv in self.entering if free & set(ancestors(rv.owner.inputs))
        }

    def noise(self) -> Array | None:
        """Return the known standard deviation of every row, None where one is estimated."""
        points = [self._point(seed) for seed in _SEEDS]
        (sds,) = self._at([self.sd], [self.shape], points)
        if np.array_equal(sds[0], sds[1]) and np.array_equal(sds[0], sds[2]):
            return np.asarray(sds[0])
        if (np.ptp(sds, axis=1) > 1e-9 * np.abs(sds).max(axis=1)).any():
            raise NoRows("the noise is estimated and differs between rows")
        return None

    def population(self) -> tuple[Array, Array]:
        """Return what no parameter enters, and the columns of the coefficients.

        Raises
        ------
        NoRows
            If anything else enters that is no coefficient with a fixed prior.
        """
        found = self.affine(self._coefficients())
        entering = np.abs(found.columns).max(axis=0, initial=0) > 0
        return found.start, np.ascontiguousarray(found.columns[:, entering])

    def affine(self, movers: Sequence[str], most: int | None = None) -> Affine:
        """Return the mean less the deviations of the level, as it depends on variables.

        Parameters
        ----------
        movers : sequence of str
            All variables that move it.
        most : int, optional
            Number of coefficients up to which they are read; ``MOST_COLUMNS`` when left out.

        Raises
        ------
        NoRows
            If it is not affine in these variables, or they are too many.
        """
        base, *others = (self._point(seed) for seed in _SEEDS)
        zero = base | {name: np.zeros_like(base[name]) for name in movers}
        steps = [(name, k) for name in movers for k in range(base[name].size)]
        rows = self.outcome.size
        most = MOST_COLUMNS if most is None else most
        if len(steps) > most or len(steps) * rows > MOST_NUMBERS:
            raise NoRows(
                f"{len(steps):,} population coefficients over {rows:,} rows are too many to search "
                "for a penalty"
            )
        points = [zero] + [zero | {name: _unit(base[name], k)} for name, k in steps]
        values = self._rest(points)
        start = values[0]
        columns = (values[1:] - start).T
        nothing = np.zeros(0)
        whole = [np.concatenate([nothing, *(np.ravel(p[n]) for n in movers)]) for p in others]
        found, expected = self._rest(others), start + np.stack(whole) @ columns.T
        if not np.isfinite(values).all() or not _same(found, expected):
            raise NoRows(f"the mean is not linear in {', '.join(movers)}")
        return Affine(start, columns, tuple(movers))

    def movers(self) -> list[str]:
        """Return all variables that move the mean less the deviations of the level."""
        base, other = (self._point(seed) for seed in _SEEDS[:2])
        names = [str(rv.name) for rv in self.entering]
        values = self._rest([base, *(base | {n: other[n]} for n in names)])
        return [n for n, v in zip(names, values[1:], strict=True) if not _same(v, values[0])]

    def _coefficients(self) -> list[str]:
        """Return the variables that move it where they are coefficients with fixed priors."""
        moving = self.movers()
        for name in moving:
            if name in self.own:
                raise NoRows(self.why_own_moves.format(name))
            if name in self.levels:
                raise NoRows(f"effects of another level ({name}) enter the same rows")
            if name in self.with_prior:
                raise NoRows(f"{name} enters the same rows, and its prior is estimated")
            if self.variables[name].support is Support.DISCRETE:
                raise NoRows(f"{name}, which is not continuous, enters the mean")
        return moving

    def _rest(self, points: Sequence[Mapping[str, Array]]) -> Array:
        """Return the mean less the deviations of the level, shape (points, rows)."""
        mean, effect, location = self._mean_effect_location(points)
        return np.asarray(mean - self._own_part(effect - location))

    def _own_part(self, deviation: Array) -> Array:
        """Return what deviations of shape (points, groups) add to the rows."""
        raise NotImplementedError

    def _mean_effect_location(self, points: Sequence[Mapping[str, Array]]) -> list[Array]:
        level, groups = self.level, (len(self.level.labels),)
        expressions = [self.mean, level.effect, level.location]
        return self._at(expressions, [self.shape, groups, groups], points)

    def _point(self, seed: int) -> dict[str, Array]:
        return base_point(self.variables, seed=seed)

    def _at(
        self,
        expressions: Sequence[Any],
        shapes: Sequence[tuple[int, ...]],
        points: Sequence[Mapping[str, Array]],
    ) -> list[Array]:
        """Evaluate expressions at points; each value has shape (points, elements)."""
        stacked = {}
        for rv in self.model.free_RVs:
            name = str(rv.name)
            drawn = np.stack([np.asarray(p[name]) for p in points])[None]
            unnamed = [f"{name}_{axis}" for axis in range(drawn.ndim - 2)]
            stacked[name] = ((*SAMPLE, *unnamed), drawn)
        width = max(self.outcome.size, len(self.level.labels))
        found: list[list[Array]] = [[] for _ in expressions]
        with np.errstate(all="ignore"):
            chunks = evaluate_on(self.model, expressions, xr.Dataset(stacked), width)
            for chunk, values in chunks:
                size = chunk.stop - chunk.start
                for k, (expression, shape) in enumerate(zip(expressions, shapes, strict=True)):
                    found[k].append(by_draw(values[k], expression.ndim, size, shape))
        return [np.concatenate(pieces) for pieces in found]


class GroupReader(RowReader):
    """Of a level of which one group at most enters a row."""

    def __init__(
        self, model: pm.Model, hierarchy: Hierarchy, name: str, mean: Any, sd: Any
    ) -> None:
        self.member = hierarchy.members[name]
        super().__init__(model, hierarchy, name, self.member.enters, mean, sd)

    def _own_part(self, deviation: Array) -> Array:
        group = self.member.group
        return np.asarray(np.where(group >= 0, self.member.design, 0.0) * deviation[:, group])


def _unit(like: Array, element: int) -> Array:
    step = np.zeros(like.size)
    step[element] = 1.0
    return step.reshape(like.shape)


def _same(one: Array, other: Array) -> bool:
    reach = float(np.abs(np.broadcast_arrays(one, other)).max(initial=0.0))
    return bool(np.allclose(one, other, rtol=1e-8, atol=1e-9 * max(reach, 1e-300)))
