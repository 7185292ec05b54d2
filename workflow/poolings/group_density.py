"""What the rows of every group say of its effects: densities and derivatives, draw by draw."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ...checks.draws import Array
from ...checks.hierarchy import Hierarchy
from ...checks.hierarchy.cheap import python_mode, shape_of, uncompiled
from ..levels.evaluate import CHUNK, one_axis
from ..specs.preflight import observed_values

if TYPE_CHECKING:
    import pymc as pm

#: Draws of every free variable by name, first axis the draws.
Draws = Mapping[str, np.ndarray]


class NotSeparable(Exception):
    """The rows of one group do not depend on its own effects alone; the message says why."""


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
        self.group = _groups(hierarchy, names)
        for level in levels:
            _refuse(model, level, self.group)
        self._entries: list[Any] = list(dict.fromkeys(level.entry for level in levels))
        self._shapes = [shape_of(model, e) for e in self._entries]
        self._of = [self._entries.index(level.entry) for level in levels]
        self._at = np.stack(
            [_positions(lv, self._shapes[e]) for lv, e in zip(levels, self._of, strict=True)],
            axis=1,
        )
        self._sums = [_sums(g, len(self.labels)) for g in self.group.values()]
        self._priors = [_prior(e, self._columns(k)) for k, e in enumerate(self._entries)]
        self._inputs: dict[str, Any] = {}
        self._plain: Callable[..., list[np.ndarray]] | None = None
        self._full: Callable[..., list[np.ndarray]] | None = None

    @property
    def rows(self) -> int:
        """Rows of all outcomes."""
        return sum(g.size for g in self.group.values())

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
        evaluate = self._function(derivatives=derivatives)
        total, step = _count(draws), max(1, CHUNK // max(self.rows, 1))
        for start in range(0, total, step):
            chunk = slice(start, min(start + step, total))
            given = [np.asarray(draws[n][chunk], dtype=v.dtype) for n, v in self._inputs.items()]
            with np.errstate(all="ignore"):
                values = evaluate(*given)
            size = chunk.stop - chunk.start
            yield (
                chunk,
                [np.broadcast_to(v, (size, *v.shape[1:])).reshape(size, -1) for v in values],
            )

    def _function(self, *, derivatives: bool) -> Callable[..., list[np.ndarray]]:
        if self._full is None or self._plain is None:
            self._plain, self._full = self._built()
        return self._full if derivatives else self._plain

    def _built(self) -> tuple[Callable[..., list[np.ndarray]], Callable[..., list[np.ndarray]]]:
        import pymc as pm
        import pytensor
        from pytensor.graph.replace import vectorize_graph
        from pytensor.graph.traversal import ancestors
        from pytensor.tensor.type import TensorType

        data = observed_values(self._model)
        with uncompiled():
            rows = [
                pm.logp(self._model[name], data[name], warn_rvs=False).ravel()
                for name in self.group
            ]
            priors = [expression.ravel() for expression, _ in self._priors]
            wanted = [*rows, *priors]
            needed = set(ancestors(wanted))
            batched = {
                rv: TensorType(rv.dtype, (None, *rv.type.shape))(f"{rv.name}_draws")
                for rv in self._model.free_RVs
                if rv in needed
            }
            self._inputs = {str(rv.name): v for rv, v in batched.items()}
            inputs = list(batched.values())
            outputs: Any = vectorize_graph([*wanted, *self._slopes(rows, priors)], replace=batched)
            outputs = _evaluable([_with_draws(v, inputs[0]) for v in outputs])
            plain, full = (
                pytensor.function(inputs, some, mode=python_mode(), on_unused_input="ignore")
                for some in (outputs[: len(wanted)], outputs)
            )
        return plain, full

    def _slopes(self, rows: list[Any], priors: list[Any]) -> list[Any]:
        """Return gradients by the entries, then the columns of both Hessians."""
        import pytensor

        of_rows = sum(r.sum() for r in rows)
        of_prior = sum(p.sum() for p in priors)

        def slopes(total: Any) -> list[Any]:
            found: Any = pytensor.grad(total, self._entries, disconnected_inputs="ignore")
            return list(found)

        found = [g.ravel() for g in slopes(of_rows + of_prior)]
        for total in (of_rows, of_prior):
            first = slopes(total)
            for d in range(self.size):
                column = first[self._of[d]].ravel()[self._at[:, d]].sum()
                found += [g.ravel() for g in slopes(column)]
        return found


def _count(draws: Draws) -> int:
    return len(next(iter(draws.values())))


def _groups(hierarchy: Hierarchy, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the group of every row of every outcome that any of the levels enters."""
    found: dict[str, np.ndarray] = {}
    for name in names:
        if name in hierarchy.why_no_rows:
            raise NotSeparable(hierarchy.why_no_rows[name])
        for membership in [hierarchy.members[name], *hierarchy.also.get(name, ())]:
            if membership.enters in hierarchy.levels:
                raise NotSeparable(
                    f"{hierarchy.levels[name].effect_name} enters {membership.enters} (a level "
                    "below it), and through that the data"
                )
            known = found.setdefault(membership.enters, membership.group)
            if ((known >= 0) & (membership.group >= 0) & (known != membership.group)).any():
                raise NotSeparable(f"{' and '.join(names)} have other groups in the same rows")
            found[membership.enters] = np.where(known >= 0, known, membership.group)
    return found


def _refuse(model: pm.Model, level: Any, group: Mapping[str, np.ndarray]) -> None:
    from pytensor.graph.traversal import ancestors

    effect = level.effect_name
    if level.entry not in model.free_RVs:
        raise NotSeparable(
            f"no variable of the model holds one value of {effect} per group that could be moved"
        )
    if level.family == "ZeroSumNormal":
        raise NotSeparable(f"the effects {effect} sum to zero: moving one moves the others")
    for rv in model.free_RVs:
        if rv is not level.entry and level.entry in set(ancestors([rv])):
            raise NotSeparable(f"{effect} is also what {rv.name} is centred on or scaled by")
    for potential in model.potentials:
        if level.entry in set(ancestors([potential])):
            raise NotSeparable(f"{effect} also enters the potential {potential.name}")
    for rv in model.observed_RVs:
        if rv.name not in group and level.entry in set(ancestors([rv])):
            raise NotSeparable(f"which rows of {rv.name} belong to a group is not known")


def _positions(level: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return the position of every group's element in the flattened entry."""
    whole = np.arange(int(np.prod(shape))).reshape(shape)
    picked = whole if level.where is None else whole[level.where]
    found = np.ravel(picked)
    if found.size != len(level.labels):
        raise NotSeparable(f"{level.effect_name} has other elements than groups")
    return found


def _prior(entry: Any, at: np.ndarray) -> tuple[Any, np.ndarray]:
    """Return the log prior of an entry, and which of its elements belong to each group."""
    import pymc as pm

    with uncompiled():
        density = pm.logp(entry, entry, warn_rvs=False)
    if density.ndim == entry.ndim:
        return density, at
    width = int(entry.type.shape[-1] or 0)
    if density.ndim != entry.ndim - 1 or not width:
        raise NotSeparable(f"the prior of {entry.name} is not one of independent groups")
    draw = at // width
    if (draw != draw[:, :1]).any() or len(np.unique(draw[:, 0])) < len(draw):
        raise NotSeparable(f"the groups of {entry.name} are correlated with each other")
    return density, draw[:, :1]


def _sums(group: np.ndarray, groups: int) -> Any:
    """Return a sparse matrix of shape (rows, J) that sums rows up by group."""
    from scipy import sparse

    used = np.flatnonzero(group >= 0)
    ones = np.ones(used.size)
    return sparse.csr_array((ones, (used, group[used])), shape=(group.size, groups))


def _with_draws(values: Any, like: Any) -> Any:
    """Return a value with an axis of draws in front, also where no draw enters it."""
    import pytensor.tensor as pt

    if values.ndim == 2:
        return values
    return pt.broadcast_to(values, (like.shape[0], values.shape[0]))


def _evaluable(outputs: Sequence[Any]) -> list[Any]:
    """Return expressions that are stable far from the data and fast without a compiler.

    NumPy has no softplus: PyTensor would call Python for every number.
    """
    import pytensor.tensor as pt
    from pytensor.graph.fg import FunctionGraph
    from pytensor.graph.rewriting.utils import rewrite_graph
    from pytensor.tensor.elemwise import Elemwise

    stable: Any = rewrite_graph(list(outputs), include=("canonicalize", "stabilize"))
    graph = FunctionGraph(outputs=stable, clone=False)
    for node in list(graph.toposort()):
        if isinstance(node.op, Elemwise) and type(node.op.scalar_op).__name__ == "Softplus":
            x: Any = node.inputs[0]
            instead: Any = pt.maximum(x, 0) + pt.log1p(pt.exp(-pt.abs(x)))
            graph.replace(node.outputs[0], instead.astype(x.type.dtype), import_missing=True)
    return list(graph.outputs)
