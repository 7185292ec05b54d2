"""Which rows of the outcome belong to which group, read off the model itself.

Moving the effects of some groups moves the distribution of their rows and of no others. Groups are
numbered in binary: moving those with a one at a place, then those with a zero, shows the number of
every row's group without trusting names, index variables or declarations, whatever the likelihood.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..draws import Array
from .cheap import value_of
from .distributions import as_tensor, family_of, parameter_expressions
from .graph import ModelGraph
from .hierarchy import GroupLevel, Membership
from .operations import before_sums
from .points import SIZES, Point, Points
from .variables import read_variables

if TYPE_CHECKING:
    import pymc as pm

#: Seeds of the points at which rows must come out the same; discrete variables differ between them.
SEEDS = (7, 8)


class NotUnderstood(Exception):
    """The rows of a level cannot be read off the model; the message says why."""


class SeveralElements(NotUnderstood):
    """Rows depend on several elements at once, as they do on coefficients."""


class LatentClass(NotUnderstood):
    """Which element a row depends on is drawn: the elements are components of a mixture."""


class Nowhere(NotUnderstood):
    """The effects move no likelihood; ``through`` names the free variables they move."""

    def __init__(self, effect: str, through: set[str]) -> None:
        only = f"only {', '.join(sorted(through))}" if through else "no likelihood"
        super().__init__(f"{effect} enters {only}")
        self.through = through


@dataclass(frozen=True, slots=True)
class Reader:
    """A model, read once: its graph, and what expressions are at made-up points."""

    graph: ModelGraph
    points: Points

    @classmethod
    def of(cls, model: pm.Model) -> Reader:
        """Read a model of plain tensors."""
        return cls(ModelGraph(model), Points(read_variables(model)))


def entrances(
    reader: Reader, level: GroupLevel, levels: Mapping[str, GroupLevel]
) -> list[Membership]:
    """Return everything that a level enters directly.

    Raises
    ------
    NotUnderstood
        If it enters nothing, or rows of nothing that it enters can be read.
    """
    ends = reader.graph.ends_of(level.entry)
    reached = {str(end.name) for end in ends if end in reader.graph.free}
    places: list[tuple[Any, str, tuple[int, ...] | None]]
    places = [(end, str(end.name), None) for end in ends if end not in reader.graph.free]
    places += [
        (below.location, name, (len(below.labels),))
        for name, below in levels.items()
        if below is not level and reached & set(below.variables)
    ]
    codes = None if level.declared is None else level.declared.rows
    found: list[Membership] = []
    reasons: list[NotUnderstood] = []
    for end, name, shape in places:
        try:
            found.append(Entrance(reader, level, end, name, shape).read())
        except DoesNotEnter:
            continue
        except NotUnderstood as reason:
            reasons.append(reason)
    if codes is not None:
        return settled(reader, level, codes, found)
    if found:
        return found
    if reasons:
        raise reasons[0]
    raise Nowhere(level.effect_name, reached)


def settled(
    reader: Reader, level: GroupLevel, rows: str, found: list[Membership]
) -> list[Membership]:
    """Return what was found of a level whose rows are declared, or the declared rows.

    Raises
    ------
    NotUnderstood
        If the declared rows do not fit the outcome, or contradict what the model does.
    """
    ends = [end for end in reader.graph.ends_of(level.entry) if end not in reader.graph.free]
    if len(ends) != 1:
        names = ", ".join(str(end.name) for end in ends) or "no likelihood"
        raise NotUnderstood(f"rows={rows!r} is declared, and {level.effect_name} enters {names}")
    name, groups = str(ends[0].name), len(level.labels)
    codes = value_of(as_tensor(reader.graph.model[rows])).ravel()
    outcome = reader.points.variables.get(name)
    is_whole = outcome is not None and not holds_batch(ends[0])
    if outcome is not None and is_whole and codes.size != outcome.size:
        raise NotUnderstood(
            f"rows={rows!r} has {codes.size} values, {name} has {outcome.size} rows"
        )
    if codes.min() < 0 or codes.max() >= groups:
        raise NotUnderstood(
            f"rows={rows!r} runs from {codes.min()} to {codes.max()}; groups are numbered from 0 "
            f"to {groups - 1}"
        )
    for membership in found:
        wrong = (membership.group >= 0) & (membership.group != codes)
        if wrong.any():
            raise NotUnderstood(
                f"the declared rows put {int(wrong.sum())} rows into other groups than the model "
                f"does (the first is row {int(np.argmax(wrong))}); leave rows= out"
            )
    if found:
        return found
    why = f"what {level.effect_name} is multiplied with in {name} could not be read"
    unknown = np.full(codes.size, np.nan)
    return [Membership(enters=name, group=codes.astype(int), design=unknown, why_no_design=why)]


class DoesNotEnter(Exception):
    """The effects of a level do not move what was looked at."""


class Entrance:
    """One thing that a level enters.

    Parameters
    ----------
    reader : Reader
    level : GroupLevel
    end : TensorVariable
        An outcome or potential, or the location of a level below.
    name : str
        Of the outcome or of the level below.
    shape : tuple of int, optional
        Groups of the level below.
    """

    def __init__(
        self,
        reader: Reader,
        level: GroupLevel,
        end: Any,
        name: str,
        shape: tuple[int, ...] | None = None,
    ) -> None:
        self.reader, self.level, self.end, self.name = reader, level, end, name
        self.is_level = shape is not None
        self.is_potential = end in reader.graph.model.potentials
        self.groups = len(level.labels)
        self.expressions, self._trailing = self._what_moves()
        self._refuse_draws()
        try:
            self.shape = self._rows() if shape is None else shape
            self._points = self._near_enough()
        except NotUnderstood:
            raise
        except Exception as error:
            raise NotUnderstood(f"{name} cannot be evaluated ({in_one_line(error)})") from error

    def read(self) -> Membership:
        """Return the group of every row, and what the effects are multiplied with there."""
        from .design import with_design

        first = self._groups_at(self.points[0])
        if (first < 0).all():
            raise DoesNotEnter
        if not self._are_groups_at(self.points[1], first):
            raise LatentClass(
                f"which element of {self.level.effect_name} a row of {self.name} depends on is "
                "drawn with the model"
            )
        return with_design(self, first)

    @property
    def points(self) -> tuple[Point, ...]:
        """Two points that share nothing but the data."""
        return self._points

    def start(self, point: Point) -> Array:
        """Return the entry of the level at a point."""
        return self.reader.points.value(self.level.entry, point)

    def moved(self, point: Point, steps: Array) -> dict[Any, Array]:
        """Return the entry with the effects of the level moved, group by group."""
        value = np.array(self.start(point), dtype=float)
        where: Any = ... if self.level.where is None else self.level.where
        value[where] += self.step * np.reshape(steps, value[where].shape)
        return {self.level.entry: value}

    @property
    def step(self) -> float:
        """How far effects may be moved without leaving their support."""
        return 0.1 if self.level.family in ("Beta", "Kumaraswamy", "Uniform") else 1.0

    @property
    def unequal(self) -> Array:
        """Steps that do not cancel in a mean."""
        return np.asarray(np.random.default_rng(1).uniform(0.5, 1.5, self.groups))

    def _what_moves(self) -> tuple[list[Any], list[int]]:
        """Return the expressions that place rows, and how many of their last axes are no rows."""
        if self.is_level:
            return [self.end], [0]
        if self.is_potential:
            return [before_sums(self.end)], [0]
        reached = self.reader.graph.depending_on(self.level.entry)
        pairs = parameter_expressions(self.end, self.reader.graph.named)
        moving = [(role, p) for role, p in pairs if p in reached]
        if not moving:
            raise DoesNotEnter
        of_components = _is_batched_mixture(self.end)
        return [p for _, p in moving], [int(of_components and "." in role) for role, _ in moving]

    def _refuse_draws(self) -> None:
        if holds_batch(self.end):
            raise NotUnderstood(
                f"{self.name} holds one batch of the data, and the rows of a group are in all of "
                "them; declare rows="
            )
        if self.reader.points.holds_draws(self.expressions, [self.level.entry]):
            raise NotUnderstood(f"{self.name} depends on draws that have no name")

    def _rows(self) -> tuple[int, ...]:
        if not self.is_potential:
            return self.reader.points.variables[self.name].shape
        point = self.reader.points.at(SEEDS[0], SIZES[0])
        shape = self.reader.points.value(self.expressions[0], point).shape
        if not shape:
            raise NotUnderstood(
                f"the rows of the data are not visible in the potential {self.name}"
            )
        return shape

    def _near_enough(self) -> tuple[Point, ...]:
        """Choose points so near to zero that moved effects show in every row they enter."""
        near, nearest = (tuple(self.reader.points.at(s, size) for s in SEEDS) for size in SIZES)
        seen = self._rows_moved(near[0], self.unequal)
        if seen.all():
            return near
        more = self._rows_moved(nearest[0], self.unequal)
        return nearest if more.sum() > seen.sum() else near

    def _rows_moved(self, point: Point, steps: Array) -> np.ndarray:
        """Return which rows change in any parameter of the outcome."""
        before = self.reader.points.values(self.expressions, point)
        after = self.reader.points.values(self.expressions, point, self.moved(point, steps))
        rows = np.zeros(int(np.prod(self.shape)), dtype=bool)
        for old, new, trailing in zip(before, after, self._trailing, strict=True):
            if old.shape != new.shape:
                raise NotUnderstood(f"the shape of {self.name} depends on the effects")
            unchanged = (old == new) | ((old != old) & (new != new))
            rows |= _by_row(~unchanged, self.shape, trailing)
        return rows

    def _groups_at(self, point: Point) -> np.ndarray:
        """Read the number of every row's group off its binary digits; -1 where none enters."""
        numbers, size = np.arange(self.groups), int(np.prod(self.shape))
        group = np.zeros(size, dtype=int)
        enters, several = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
        for place in range(max(1, (self.groups - 1).bit_length())):
            digit = (numbers >> place) & 1
            ones = self._rows_moved(point, self.unequal * digit)
            zeros = self._rows_moved(point, self.unequal * (1 - digit))
            group[ones] += 1 << place
            enters |= ones | zeros
            several |= ones & zeros
        if several.any():
            raise SeveralElements(
                f"some rows of {self.name} depend on several elements of {self.level.effect_name}"
            )
        return np.where(enters, group, -1)

    def _are_groups_at(self, point: Point, group: np.ndarray) -> bool:
        """Whether rows have the same groups at another point."""
        numbers = np.arange(self.groups)
        for place in range((self.groups - 1).bit_length()):
            digit = (numbers >> place) & 1
            moved = self._rows_moved(point, self.unequal * digit)
            if not np.array_equal(moved, (group >= 0) & (digit[group] == 1)):
                return False
        return True


def in_one_line(error: Exception) -> str:
    """Return the kind of an error and the first line of what it says."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:160]}"


def _by_row(changed: np.ndarray, shape: tuple[int, ...], trailing: int) -> np.ndarray:
    """Reduce what changed in a parameter to the rows of the outcome."""
    if trailing:
        changed = changed.any(axis=-1)
    while changed.ndim > len(shape):
        changed = changed.any(axis=-1)
    try:
        return np.broadcast_to(changed, shape).ravel()
    except ValueError:
        # A parameter that is not laid out as the rows are concerns all of them.
        return np.broadcast_to(changed.any(), shape).ravel()


def holds_batch(outcome: Any) -> bool:
    """Whether a likelihood holds one random batch of the data."""
    from pytensor.graph.traversal import ancestors

    return any(
        v.owner is not None and "Minibatch" in type(v.owner.op).__name__
        for v in ancestors([outcome])
    )


def _is_batched_mixture(outcome: Any) -> bool:
    """Whether the components of a mixture lie along the last axis of their parameters."""
    if family_of(outcome) not in ("Mixture", "Hurdle"):
        return False
    return len(outcome.owner.op.dist_params(outcome.owner)) == 2
