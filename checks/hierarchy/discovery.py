"""Levels of the hierarchy, read off the graph of a model.

A level is a set of exchangeable effects, one for each group, with a common and unknown scale. It
may be written in two forms:

centred
    random variables whose spread is random: ``theta ~ Normal(mu, tau)``;
non-centred
    standard variables times a random scale: ``tau * z``, alone or inside a sum such as
    ``theta = mu + tau * z``.

Effects with several columns, an intercept and a slope for every group, are a level for each column.
What has neither form is left alone. What has one but is not clear is reported with the reason and
with what to declare, never guessed: a wrong hierarchy would be worse than none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .blocks import Block, Unclear, levels_of
from .centred import block_of_vector, own_scales
from .declared import declared_level, offsets_among
from .hierarchy import GroupLevel, Hierarchy, Membership
from .level import Level
from .names import how_to_declare
from .non_centred import Loaded, blocks_of_offsets, printed
from .operations import parameters_of
from .plain import plain_model
from .rows import (
    LatentClass,
    NotUnderstood,
    Nowhere,
    Reader,
    SeveralElements,
    entrances,
    in_one_line,
)
from .scalars import loops_of_scalars
from .spread import is_standard
from .way import NoLevel

if TYPE_CHECKING:
    import pymc as pm


def discover(model: pm.Model, declared: Mapping[str, Level] | None = None) -> Hierarchy:
    """Find the levels of a model; what the spec declares settles what it names.

    Parameters
    ----------
    model : pymc.Model
    declared : mapping of str to Level, optional

    Returns
    -------
    Hierarchy
        With levels, what they enter, offsets, and what is unclear. Its expressions belong to the
        plain form of a model of ``pymc.dims``; see :func:`plain_model`.
    """
    return _Finder(Reader.of(plain_model(model))).find(declared or {})


class _Finder:
    def __init__(self, reader: Reader) -> None:
        self.reader, self.graph = reader, reader.graph
        self.found = Hierarchy()
        self.settled: set[str] = set()
        self.loaded: list[tuple[list[str], str]] = []

    def find(self, declared: Mapping[str, Level]) -> Hierarchy:
        for name, level in declared.items():
            this = declared_level(self.reader, name, level)
            self.found.levels[name] = this
            self.found.offsets |= offsets_among(self.reader, this.variables)
            self.settled |= {*this.variables, level.effect}
        for rv in self.graph.model.free_RVs:
            if str(rv.name) not in self.settled and rv.ndim > 0:
                self._read(rv)
        for names, what in loops_of_scalars(self.graph, self.settled):
            self._unclear(names, what)
        self._enter()
        held = {v for level in self.found.levels.values() for v in level.variables}
        for names, what in self.loaded:
            self._unclear([name for name in names if name not in held], what)
        self._mention_shared_scales()
        return self.found

    def _read(self, rv: Any) -> None:
        try:
            for level in self._levels_in(rv):
                self._add(level)
        except NoLevel:
            return
        except Loaded as reason:
            if self._enters_by_group(rv):
                self.loaded.append(([str(rv.name), *reason.by], f"{rv.name} {reason}"))
        except Unclear as reason:
            if rv.ndim > 1 or self._enters_by_group(rv):
                self._unclear([str(rv.name)], f"{rv.name} may be a level, but {reason}")
        except Exception as error:  # an operation that this reading does not foresee
            said = f"it could not be read ({in_one_line(error)})"
            self._unclear([str(rv.name)], f"{rv.name} may be a level, but {said}")

    def _enters_by_group(self, rv: Any) -> bool:
        """Whether every row depends on one element of a variable at most, whatever it is."""
        import pytensor.tensor as pt

        labels = tuple(map(str, range(self.reader.points.variables[str(rv.name)].size)))
        zero = pt.zeros(())
        level = GroupLevel(
            name="", labels=labels, effect=rv, location=zero, scale=zero, entry=rv, form=""
        )
        return not isinstance(self._entrances(level), LatentClass | SeveralElements | Nowhere)

    def _levels_in(self, rv: Any) -> Iterator[GroupLevel]:
        if self.graph.parents(*parameters_of(rv.owner)):
            blocks = [block_of_vector(self.reader, rv)]
        elif is_standard(rv):
            blocks = list(blocks_of_offsets(self.reader, rv))
        else:
            return
        for block in blocks:
            yield from self._levels_of(block)

    def _levels_of(self, block: Block) -> Iterator[GroupLevel]:
        for level in levels_of(self.graph.model, block, self._one_per_row):
            if own_scales(self.reader, level.scale, len(level.labels)):
                if self._one_per_row(level):
                    raise Unclear("every element has a scale of its own")
                raise NoLevel("is a coefficient that shrinks by itself")
            yield level

    def _one_per_row(self, level: GroupLevel) -> bool:
        try:
            entrances(self.reader, level, self.found.levels)
        except SeveralElements:
            return False
        except NotUnderstood:
            return True
        return True

    def _add(self, level: GroupLevel) -> None:
        """Add a level; one more on the same groups is told apart by its effect."""
        levels, name = self.found.levels, level.name
        if name in levels:
            first = levels.pop(name)
            if first.declared is None:
                first = replace(first, name=f"{name} ({first.effect_name})")
            levels[first.name] = first
        if name in levels or any(n.startswith(f"{name} (") for n in levels):
            level = replace(level, name=f"{name} ({level.effect_name})")
        if level.name in levels:
            level = replace(level, name=f"{level.name} {len(levels) + 1}")
        levels[level.name] = level
        if level.form == "non-centred":
            self.found.offsets |= set(level.variables)

    def _enter(self) -> None:
        """Read what every level enters; drop what turns out to be none."""
        while True:
            found = {name: self._entrances(level) for name, level in self.found.levels.items()}
            wrong = {
                name: reason
                for name, reason in found.items()
                if isinstance(reason, LatentClass | SeveralElements | Nowhere)
                and self.found.levels[name].declared is None
            }
            for name, reason in wrong.items():
                self._drop(self.found.levels.pop(name), reason)
            if not wrong:
                break
        for name, this in found.items():
            if isinstance(this, NotUnderstood):
                self.found.why_no_rows[name] = str(this)
            else:
                self.found.members[name], *also = this
                self.found.also[name] = also
        held = {v for level in self.found.levels.values() for v in level.variables}
        self.found.offsets &= held

    def _entrances(self, level: GroupLevel) -> list[Membership] | NotUnderstood:
        try:
            return entrances(self.reader, level, self.found.levels)
        except NotUnderstood as reason:
            return reason
        except Exception as error:  # an operation that this reading does not foresee
            return NotUnderstood(
                f"{level.effect_name} could not be followed ({in_one_line(error)})"
            )

    def _drop(self, level: GroupLevel, reason: NotUnderstood) -> None:
        """Say why something is no level where it may be one all the same."""
        names = list(level.variables)
        if isinstance(reason, SeveralElements) and level.scale.ndim == 0:
            self._unclear(
                names,
                f"{names[0]} may be a level, but rows use several of its elements at once, as "
                "they use coefficients or a basis",
            )
        elif isinstance(reason, Nowhere) and reason.through & self.found.unclear.keys():
            through = ", ".join(sorted(reason.through))
            self._unclear(
                names, f"{names[0]} may be a level, but it enters {through}, which may not"
            )

    def _unclear(self, names: Sequence[str], what: str) -> None:
        model = self.graph.model
        held = {model[name] for name in names}
        effect = next(
            (str(d.name) for d in model.deterministics if d.ndim and held & self.graph.parents(d)),
            "",
        )
        said = f"{what}; {how_to_declare(effect)}"
        for name in names:
            self.found.unclear.setdefault(name, said)

    def _mention_shared_scales(self) -> None:
        """Say when levels have one scale: they may be parts of one level."""
        by_scale: dict[str, list[GroupLevel]] = {}
        for level in self.found.levels.values():
            if level.declared is None:
                by_scale.setdefault(printed(level.scale), []).append(level)
        for levels in by_scale.values():
            names = list(dict.fromkeys(v for level in levels for v in level.variables))
            if len(names) > 1:
                scales = sorted(str(v.name) for v in self.graph.above(levels[0].scale))
                self._unclear(
                    names,
                    f"{' and '.join(level.effect_name for level in levels)} share the scale "
                    f"{', '.join(scales)} and are reviewed as {len(levels)} levels, but may be "
                    "parts of one",
                )


def free_names(expressions: Sequence[Any], model: pm.Model) -> set[str]:
    """Names of the free variables that expressions depend on."""
    from pytensor.graph.traversal import ancestors

    free = set(model.free_RVs)
    return {str(v.name) for v in ancestors(expressions) if v in free}


def is_standardised(rv: Any) -> bool:
    """Whether a vector has a prior centred at 0 with scale 1, as non-centred offsets have."""
    return is_standard(rv)
