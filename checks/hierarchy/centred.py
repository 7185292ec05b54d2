"""Levels written as a random vector or matrix with random parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from .blocks import Block, Unclear
from .distributions import family_of
from .names import dims_of
from .operations import parameters_of
from .origins import without_mean
from .rows import Reader
from .spread import MULTIVARIATE, NORMAL, PROCESSES, spread_of
from .way import NoLevel

_SEED = 11


def block_of_vector(reader: Reader, rv: Any) -> Block:
    """Return the effects that a random variable with random parameters holds.

    Raises
    ------
    NoLevel
        If it is no part of a level.
    Unclear
        If it may be one, and what its effects or their spread are is not known.
    """
    import pytensor.tensor as pt

    graph, point = reader.graph, reader.points.at(_SEED)
    family = family_of(rv)
    shape = reader.points.variables[str(rv.name)].shape
    if not graph.parents(*parameters_of(rv.owner)) or int(np.prod(shape)) < 2:
        raise NoLevel("has no random parameters, or one element")
    if family in PROCESSES or family == "Mixture" or np.dtype(rv.dtype).kind in "biu":
        raise NoLevel("is a process, a mixture or discrete")
    if str(rv.name).endswith("_unobserved"):
        raise NoLevel("stands for missing data")
    if family in MULTIVARIATE and len(shape) < 2:
        raise NoLevel("is one draw of correlated elements")
    found = spread_of(rv)
    if found is None:
        raise Unclear(f"it is {family}, of which no spread is known")
    if not graph.parents(found.scale):
        raise NoLevel("has a fixed spread")
    if not _has_its_own_transform(graph.model, rv):
        raise Unclear("it is constrained by a transform")
    location, entry = found.location, rv
    if family in NORMAL and len(shape) == 1:
        gate = without_mean(reader, rv, point)
        if gate is not None:
            entry, location, family = gate, pt.zeros(()), "ZeroSumNormal"
    return Block(
        variable=str(rv.name),
        effect=entry,
        location=location,
        scale=found.scale,
        location_at=reader.points.value(location, point),
        scale_at=reader.points.value(found.scale, point),
        shape=shape,
        entry=entry,
        positions=np.arange(int(np.prod(shape))).reshape(shape),
        entry_shape=shape,
        used=np.ones(shape, dtype=bool),
        dims=dims_of(graph.model, rv),
        columns=(len(shape) - 1,) if family in MULTIVARIATE else None,
        form="centred",
        family=family,
        name=str(rv.name),
        called="{}" if entry is rv else "{} less its mean",
    )


def _has_its_own_transform(model: Any, rv: Any) -> bool:
    """Whether a variable is transformed as its family always is, and not ordered, say."""
    from pymc.distributions.transforms import _default_transform

    transform = model.rvs_to_transforms.get(rv)
    return transform is None or type(transform) is type(_default_transform(rv.owner.op, rv))


def own_scales(reader: Reader, scale: Any, size: int) -> bool:
    """Whether every element has a scale of its own, drawn for it alone, as in a horseshoe."""
    point = reader.points.at(_SEED)
    for parent in reader.graph.parents(scale):
        elements = int(np.prod(reader.points.variables[str(parent.name)].shape))
        if elements < max(size, 2):
            continue
        before = reader.points.value(scale, point)
        value = np.array(point[str(parent.name)], dtype=float)
        value.ravel()[0] *= 1.5
        after = reader.points.value(scale, point, {parent: value})
        if before.size > 1 and np.count_nonzero(before != after) == 1:
            return True
    return False
