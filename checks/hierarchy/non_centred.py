"""Levels written as standard offsets times a scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .blocks import Block, Unclear
from .distributions import family_of
from .names import dims_of
from .operations import unbroadcast
from .rows import Reader
from .spread import constant_spread
from .way import NoLevel, Way
from .ways import Follower

#: Points at which a scale must be positive to be one.
_SEEDS = range(11, 19)


def blocks_of_offsets(reader: Reader, offsets: Any) -> Iterator[Block]:
    """Yield what standard offsets are turned into.

    Raises
    ------
    NoLevel
        If they are no part of a level.
    Unclear
        If they may be, and it cannot be told which.
    """
    one = constant_spread(offsets)
    if one is None:
        raise NoLevel("has no constant prior around zero")
    ways = Follower(reader, offsets, reader.points.at(_SEEDS[0])).ways()
    scaled = [w for w in ways if w.is_scaled]
    if not scaled:
        if loadings := [v for w in ways for v in w.loadings]:
            raise Loaded(reader, loadings)
        raise NoLevel("is not scaled by anything random")
    if len(scaled) < len(ways):
        raise Unclear("it is used with a scale and without")
    kinds: dict[Any, list[Way]] = {}
    for way in scaled:
        kinds.setdefault((way.origin, way.base, printed(way.later)), []).append(way)
    blocks: list[Block] = []
    for same in kinds.values():
        block = _block(reader, offsets, one, same)
        if not any(_is_again(block, other) for other in blocks):
            blocks.append(block)
    yield from sorted(blocks, key=lambda b: int(b.positions[b.used].min()))


class Loaded(Unclear):
    """Offsets that something random multiplies, which may be their scale or a loading."""

    def __init__(self, reader: Reader, loadings: Sequence[Any]) -> None:
        self.by = sorted({str(v.name) for v in reader.graph.parents(*loadings)})
        names = " and ".join(self.by)
        super().__init__(
            f"is part of a sum that {names} multiplies, which may be a loading (as in item "
            "response) or a scale"
        )


def printed(expression: Any) -> str:
    """Tell expressions apart that were built anew on every way."""
    import pytensor

    return (
        "" if expression is None else str(pytensor.dprint(expression, file="str", print_type=True))
    )


def _is_again(block: Block, other: Block) -> bool:
    """Whether two blocks are the same effects, met in two places.

    Raises
    ------
    Unclear
        If they have elements in common, and another scale.
    """
    common = np.intersect1d(block.positions[block.used], other.positions[other.used])
    if block.entry is not other.entry or not common.size:
        return False
    if printed(block.scale) != printed(other.scale):
        raise Unclear("it is multiplied by different scales in different places")
    return bool(common.size == block.used.sum())


def _block(reader: Reader, offsets: Any, one: float, ways: list[Way]) -> Block:
    import pytensor.tensor as pt

    way = next((w for w in ways if w.total is not ways[0].total and w.total is None), ways[0])
    point = reader.points.at(_SEEDS[0])
    if way.origin is not offsets and not reader.graph.passes(offsets, way.origin):
        raise Unclear("it is used before and after its elements are combined")
    unit = _product(way.gain, way.later)
    scale = _product(way.spread, unit, None if one == 1 else one)
    if scale is None or not reader.graph.is_random(scale):
        raise NoLevel("is not scaled by anything random")
    for seed in _SEEDS:
        if not (reader.points.value(scale, reader.points.at(seed)) > 0).all():
            raise NoLevel("is multiplied by what may be negative")
    shape = reader.points.value(way.origin, point).shape
    positions = _positions(reader, way.origin, way.at, shape)
    used = np.zeros(positions.shape, dtype=bool)
    for w in ways:
        picked = w.at if w.used is None else w.used
        used |= np.isin(positions, _positions(reader, way.origin, picked, shape))
    sums_to_zero = way.centred or family_of(offsets) == "ZeroSumNormal"
    alone = len(ways) == 1 and not sums_to_zero
    effect, location, name, called = _around(reader, offsets, way, alone=alone)
    if way.flipped and _named_base(reader, way) is None:
        unit = -unit if unit is not None else -pt.ones(())
    axes = [_axis_of_entry(positions, axis, shape) for axis in range(positions.ndim)]
    columns = tuple(a for a, axis in enumerate(axes) if axis == way.columns)
    return Block(
        variable=str(offsets.name),
        effect=effect,
        location=location,
        scale=scale,
        unit=unit,
        location_at=reader.points.value(location, point),
        scale_at=reader.points.value(scale, point),
        unit_at=None if unit is None else reader.points.value(unit, point),
        shape=positions.shape,
        entry=way.origin,
        positions=positions,
        entry_shape=shape,
        used=used,
        dims=_dims(reader, effect, way, axes),
        columns=None if way.columns is None else columns,
        form="non-centred",
        family="ZeroSumNormal" if sums_to_zero else family_of(offsets),
        name=name,
        called=called,
    )


def _product(*factors: Any) -> Any:
    found = None
    for factor in factors:
        if factor is not None:
            found = factor if found is None else found * factor
    return found


def _positions(reader: Reader, origin: Any, arranged: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return which element of the origin each element of a rearrangement of it is."""
    numbers = np.arange(int(np.prod(shape)), dtype=float).reshape(shape)
    point = reader.points.at(_SEEDS[0])
    return reader.points.value(arranged, point, {origin: numbers}).astype(int)


def _axis_of_entry(positions: np.ndarray, axis: int, shape: tuple[int, ...]) -> int | None:
    """Return the axis of the origin that an axis of the effects runs along."""
    if positions.shape[axis] < 2:
        return None
    first, second = (positions.take(k, axis=axis).ravel()[0] for k in (0, 1))
    pairs = zip(np.unravel_index(first, shape), np.unravel_index(second, shape), strict=True)
    differs = [k for k, (one, other) in enumerate(pairs) if one != other]
    return differs[0] if len(differs) == 1 else None


def _dims(
    reader: Reader, effect: Any, way: Way, axes: Sequence[int | None]
) -> tuple[str | None, ...]:
    named = dims_of(reader.graph.model, effect)
    if any(named) and len(named) == len(axes):
        return named
    return tuple(None if a is None or a >= len(way.dims) else way.dims[a] for a in axes)


def _named_base(reader: Reader, way: Way) -> Any | None:
    """Return the Deterministic of the effects without location, if none holds them with it."""
    if way.later is not None or reader.graph.deterministic(way.total) is not None:
        return None
    return reader.graph.deterministic(way.base)


def _around(reader: Reader, offsets: Any, way: Way, *, alone: bool) -> tuple[Any, Any, str, str]:
    """Return the effects, what they are centred on, the name of the effects, and how it is shown.

    The effects are the highest Deterministic on the way, else all that was added to them group by
    group, and one number for all rows.
    """
    import pytensor.tensor as pt

    zero = pt.zeros(())
    total, base = reader.graph.deterministic(way.total), _named_base(reader, way)
    if total is not None:
        return total, way.location, str(total.name), "{}"
    if base is not None:
        deviations = base if way.total is None else way.total - way.location
        return -deviations if way.flipped else deviations, zero, str(base.name), "{}"
    effect, location = way.total, way.location
    if effect is None:
        effect = way.base if way.later is None else way.base * way.later
    if alone and way.shift is not None:
        effect = effect + way.shift
        location = way.shift if location is None else location + way.shift
    if location is None:
        return effect, zero, str(offsets.name), "{} × scale"
    around = unbroadcast(location).name or "location"
    return effect, location, str(offsets.name), f"{around} + {{}} × scale"
