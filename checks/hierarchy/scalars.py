"""Scalars that may be the effects of one level, written in a loop."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from .distributions import family_of
from .graph import ModelGraph
from .operations import is_single, parameters_of, scalar_of, unbroadcast
from .spread import PROCESSES

#: From how many alike scalars on a level is suspected.
FEWEST = 3


def loops_of_scalars(
    graph: ModelGraph, settled: Collection[str]
) -> Iterator[tuple[list[str], str]]:
    """Yield the names of scalars that share random parameters, and what is said of them."""
    alike: dict[Any, list[Any]] = {}
    for rv in graph.model.free_RVs:
        if rv.ndim == 0 and str(rv.name) not in settled and (key := _in_common(graph, rv)):
            alike.setdefault(key, []).append(rv)
    for rvs in alike.values():
        if len(rvs) >= FEWEST:
            names = [str(rv.name) for rv in rvs]
            first, last = names[0], names[-1]
            yield (
                names,
                f"{first} to {last} ({len(names)} scalars alike) may be one level; if they are, "
                "stack them into a Deterministic and declare that",
            )


def _in_common(graph: ModelGraph, rv: Any) -> Any:
    """Return what a scalar shares with others of its level: parameters, or a random factor."""
    family, parameters = family_of(rv), parameters_of(rv.owner)
    if family in PROCESSES:
        return None
    if graph.parents(*parameters):
        return (family, *(unbroadcast(p) for p in parameters))
    for node in graph.clients(rv):
        others = [v for v in node.inputs if v is not rv]
        if scalar_of(node) != "Mul" or len(others) != 1 or not is_single(others[0]):
            continue
        if graph.is_random(others[0]) and family == "Normal":
            return (family, unbroadcast(others[0]))
    return None
