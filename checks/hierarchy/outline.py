"""The hierarchy as a reader draws it: groupings within groupings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..words import counted, listed
from .hierarchy import Hierarchy
from .relations import groups_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """One way of dividing the data into groups, with every level that has these groups.

    Attributes
    ----------
    name : str
        What the names of its levels have in common: ``county`` of ``county (alpha)`` and
        ``county (beta)``.
    levels : tuple of str
        An intercept and a slope for every group are two levels with the same groups.
    groups : int
    rows : mapping of str to ndarray of int, shape (groups,)
        Rows of every outcome in each group; empty where no rows are known.
    inside : tuple of Grouping
        What is nested in it and in nothing smaller.
    also_in : tuple of str
        Other groupings that it is nested in, and that are not nested in each other.
    crossed, disjoint : tuple of str
        Other groupings.
    """

    name: str
    levels: tuple[str, ...]
    groups: int
    rows: Mapping[str, np.ndarray]
    inside: tuple[Grouping, ...] = ()
    also_in: tuple[str, ...] = ()
    crossed: tuple[str, ...] = ()
    disjoint: tuple[str, ...] = ()

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Grouping]]:
        """Yield itself and everything inside, with the depth."""
        yield depth, self
        for grouping in self.inside:
            yield from grouping.walk(depth + 1)


def outline(hierarchy: Hierarchy) -> list[Grouping]:
    """Arrange the levels of a hierarchy: outermost groupings, with the others inside them."""
    bundles = _bundles(hierarchy)
    related = _related(hierarchy, bundles)
    around = {i: _closest(i, related) for i in range(len(bundles))}
    names = [_common_name(b) for b in bundles]

    def grouping(i: int) -> Grouping:
        mine = bundles[i]
        return Grouping(
            name=names[i],
            levels=mine,
            groups=len(hierarchy.levels[mine[0]].labels),
            rows=_rows(hierarchy, mine),
            inside=tuple(grouping(j) for j in around if around[j][:1] == [i]),
            also_in=tuple(names[j] for j in around[i][1:]),
            crossed=tuple(names[j] for j in around if related.get((i, j)) == "crossed"),
            disjoint=tuple(names[j] for j in around if related.get((i, j)) == "disjoint"),
        )

    return [grouping(i) for i in around if not around[i]]


def in_text(hierarchy: Hierarchy) -> str:
    """Return a hierarchy as a few lines of text."""
    lines = ["Hierarchy"]
    for outcome in hierarchy.outcomes:
        link = f"{outcome.link} link, " if outcome.link else ""
        lines.append(f"  {outcome.name} ~ {outcome.family}, {link}{counted(outcome.rows, 'row')}")
    for top in outline(hierarchy):
        said: dict[int, tuple[str, ...]] = {-1: ()}
        for depth, this in top.walk():
            effects = ", ".join(_term(hierarchy, name) for name in this.levels)
            rows = "".join(f", {rows_in_words(n)}" for n in this.rows.values())
            groups = counted(this.groups, "group")
            new = [name for name in this.crossed if name not in said[depth - 1]]
            said[depth] = this.crossed
            crossed = f", crossed with {listed(new)}" if new else ""
            lines.append(f"{'  ' * (depth + 1)}{this.name}: {groups}{rows}{crossed}; {effects}")
    if not hierarchy.levels:
        lines.append("  no level was found")
    lines += [f"  ? {said}" for said in hierarchy.unclear.values()]
    return "\n".join(lines)


def rows_in_words(rows: np.ndarray) -> str:
    """Say how many rows each group has: ``1 to 116 rows each (median 5), 2 groups without any``."""
    some = rows[rows > 0]
    empty = int(rows.size - some.size)
    if not some.size:
        return "no rows"
    low, median, high = int(some.min()), float(np.median(some)), int(some.max())
    said = f"{counted(low, 'row')} each"
    if low < high:
        said = f"{low} to {high} rows each (median {median:g})"
    return said + (f", {counted(empty, 'group')} without any" if empty else "")


def _term(hierarchy: Hierarchy, name: str) -> str:
    member = hierarchy.members.get(name)
    kind = "" if member is None else "intercept " if member.is_intercept else "slope "
    return kind + hierarchy.levels[name].effect_name


def _bundles(hierarchy: Hierarchy) -> list[tuple[str, ...]]:
    """Put levels with the same groups together."""
    bundle = {name: [name] for name in hierarchy.levels}
    for relation in hierarchy.relations:
        one, other = bundle[relation.one], bundle[relation.other]
        if relation.kind == "same" and one is not other:
            one.extend(other)
            bundle |= dict.fromkeys(other, one)
    order = list(hierarchy.levels)
    return list(dict.fromkeys(tuple(sorted(b, key=order.index)) for b in bundle.values()))


def _related(hierarchy: Hierarchy, bundles: list[tuple[str, ...]]) -> dict[tuple[int, int], str]:
    """Relate bundles: nested if any two of their levels are."""
    place = {name: i for i, bundle in enumerate(bundles) for name in bundle}
    found: dict[tuple[int, int], str] = {}
    for kind in ("disjoint", "crossed", "nested"):
        for r in hierarchy.relations:
            one, other = place[r.one], place[r.other]
            if r.kind == kind and one != other:
                found[one, other] = kind
                found[other, one] = "contains" if kind == "nested" else kind
    return found


def _closest(i: int, related: Mapping[tuple[int, int], str]) -> list[int]:
    """Return what a bundle is nested in, without what contains another one of these."""
    above = [j for (one, j), kind in related.items() if one == i and kind == "nested"]
    return [j for j in above if not any(related.get((k, j)) == "nested" for k in above)]


def _common_name(levels: tuple[str, ...]) -> str:
    stems = list(dict.fromkeys(name.partition(" (")[0] for name in levels))
    return levels[0] if len(levels) == 1 else " = ".join(stems)


def _rows(hierarchy: Hierarchy, bundle: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Count the rows of every outcome that any level of a bundle enters, by group."""
    groups = {name: len(level.labels) for name, level in hierarchy.levels.items()}
    tables = groups_at(hierarchy.entering, groups)
    found = {}
    for outcome in (o.name for o in hierarchy.outcomes):
        codes = [tables[outcome][n] for n in bundle if n in tables.get(outcome, {})]
        if codes:
            group = _together(codes)
            found[outcome] = np.bincount(group[group >= 0], minlength=groups[bundle[0]])
    return found


def _together(codes: Sequence[np.ndarray]) -> np.ndarray:
    """Return the group of each row, from all levels that number the groups as the first does.

    A slope enters no row where its predictor is zero; cell means share no row at all.
    """
    group = codes[0]
    for other in codes[1:]:
        both = (group >= 0) & (other >= 0)
        if np.array_equal(group[both], other[both]):
            group = np.where(group >= 0, group, other)
    return group
