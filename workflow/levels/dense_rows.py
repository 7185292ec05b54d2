"""The rows of a linear inverse problem, in which every row may depend on all effects of a level.

There is no information of one group's rows then, but still a ridge problem,
:math:`y = f_0 + X\\beta + A\\epsilon + e`, with one penalty :math:`\\lambda = \\sigma^2/\\tau^2`:
Tikhonov regularization. A is read off the model by moving one effect at a time; X as for the other
levels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ...checks.draws import SAMPLE, Array
from ...checks.hierarchy import GroupLevel, Hierarchy
from ...checks.hierarchy.distributions import family_of
from ...checks.hierarchy.information import mean_and_sd
from .evaluate import by_draw, evaluate_on
from .ridge_rows import MOST_NUMBERS, NoRows, RowReader

if TYPE_CHECKING:
    import pymc as pm


def dense_rows(
    model: pm.Model, hierarchy: Hierarchy, name: str, draws: xr.Dataset, *, rows: bool
) -> xr.Dataset:
    """Return the ridge problem of a level whose effects share their rows.

    Parameters
    ----------
    model : pymc.Model
        Of plain tensors.
    hierarchy : Hierarchy
    name : str
        Of a level that has no rows of its own.
    draws : xarray.Dataset
        Every free variable.
    rows : bool
        Whether to add the rows, or only what depends on draws.

    Returns
    -------
    xarray.Dataset
        ``row_variance`` (chain, draw): σ², the harmonic mean over rows; and ``row_outcome``,
        ``row_effects`` (row, group), ``row_population`` (row, column) and ``row_noise``, as
        :func:`poolwise.checks.penalty.ridge_of` reads them.

    Raises
    ------
    NoRows
        If the outcome is not normal, its mean not linear in the effects, or these not independent
        normal given their scale.
    """
    level = hierarchy.levels[name]
    outcome = _outcome(model, level)
    mean, sd = mean_and_sd(outcome)
    reader = _Reader(model, hierarchy, name, str(outcome.name), mean, sd)
    noise = reader.noise()
    found = xr.Dataset(
        {"row_variance": (SAMPLE, _variance(model, sd, draws, reader.outcome.shape))},
        coords={d: draws[d].values for d in SAMPLE},
    )
    if not rows:
        return found
    start, columns = reader.population()
    found["row_outcome"] = ("row", reader.outcome - start)
    found["row_effects"] = (("row", "group"), reader.effects)
    found["row_population"] = (("row", "column"), columns)
    if noise is not None:
        found["row_noise"] = ("row", noise)
    return found


def _outcome(model: pm.Model, level: GroupLevel) -> Any:
    from pytensor.graph.traversal import ancestors

    own = {model[v] for v in level.variables}
    reached = [rv for rv in model.observed_RVs if own & set(ancestors(rv.owner.inputs))]
    if len(reached) != 1 or model.potentials:
        raise NoRows(f"{level.effect_name} enters more than one likelihood, or a potential")
    if (family := family_of(reached[0])) != "Normal":
        raise NoRows(f"{reached[0].name} is {family}; a ridge problem has normal noise")
    for rv in own:
        if (family := family_of(rv)) != "Normal":
            raise NoRows(f"{rv.name} is {family}; a ridge penalty stands for normal effects")
    return reached[0]


def _variance(model: pm.Model, sd: Any, draws: xr.Dataset, shape: tuple[int, ...]) -> Array:
    """Return σ² at every draw, the harmonic mean over rows."""
    sizes = draws.sizes["chain"], draws.sizes["draw"]
    found = np.empty(sizes[0] * sizes[1])
    for chunk, (values,) in evaluate_on(model, [sd], draws, width=int(np.prod(shape))):
        rows = by_draw(values, sd.ndim, chunk.stop - chunk.start, shape)
        found[chunk] = 1 / np.mean(rows**-2.0, axis=1)
    return found.reshape(sizes)


class _Reader(RowReader):
    """Reads the population columns around the effects, whatever rows these enter."""

    why_own_moves = "the mean is not linear in {}"

    def __init__(
        self, model: pm.Model, hierarchy: Hierarchy, name: str, outcome: str, mean: Any, sd: Any
    ) -> None:
        super().__init__(model, hierarchy, name, outcome, mean, sd)
        self.effects = self._read_effects()

    def _own_part(self, deviation: Array) -> Array:
        return np.asarray(deviation @ self.effects.T)

    def _read_effects(self) -> Array:
        """Return what every effect is multiplied by in every row, shape (rows, groups)."""
        groups, rows = len(self.level.labels), self.outcome.size
        if groups * rows > MOST_NUMBERS:
            raise NoRows(f"{groups:,} effects over {rows:,} rows are too many")
        base = self._point(7)
        steps = [(v, k) for v in self.level.variables for k in range(np.size(base[v]))]
        points = [base]
        for variable, k in steps:
            moved = np.array(base[variable], dtype=float)
            moved.flat[k] += 1.0
            points.append(base | {variable: moved})
        mean, effect, location = self._mean_effect_location(points)
        change, shift = mean[1:] - mean[0], (effect - location)[1:] - (effect - location)[0]
        moving = np.abs(shift) > 1e-9 * np.abs(shift).max(initial=1e-300)
        if len(steps) != groups or (moving.sum(0) != 1).any() or (moving.sum(1) != 1).any():
            raise NoRows(f"{self.level.effect_name} does not hold one normal variable per effect")
        mover = np.argmax(moving, axis=0)
        return np.asarray(change[mover].T / shift[mover, np.arange(groups)])
