"""How the groups of levels hang together: nested, crossed, the same, disjoint.

What decides is which groups occur together. Two levels that enter the same outcome meet row by row.
A level that enters another one (the mean of every plot depends on its site) meets it group by
group, also for groups without rows; and through it, it meets everything that the other one enters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

import numpy as np

from .hierarchy import Membership, Relation

#: The group of a level that each element of something belongs to; -1 for none.
Codes = np.ndarray


def relate(
    memberships: Iterable[tuple[str, Membership]],
    groups: Mapping[str, int],
    columns: Mapping[str, Any] | None = None,
) -> list[Relation]:
    """Relate every two levels that enter the same thing, or one of which enters the other.

    A group that occurs only where the other level does not enter lies in none of its groups, so a
    level with such a group is not nested: what is neither nested nor the same is ``crossed``.

    Parameters
    ----------
    memberships : iterable of (str, Membership)
        Levels and what they enter; a level that enters two outcomes is there twice.
    groups : mapping of str to int
        Number of groups of every level, with or without rows.
    columns : mapping of str to object, optional
        The array of effects that a level is a column of. Columns of one array have the same groups,
        whatever rows they enter: an effect of every group on treated rows, and one on the others.

    Returns
    -------
    list of Relation
        ``nested`` from the inner to the outer level; otherwise in the order of ``groups``.
    """
    tables = groups_at(memberships, groups)
    array = columns or {}
    found = []
    for one, other in combinations(groups, 2):
        if one in array and array[one] is array.get(other) and groups[one] == groups[other]:
            found.append(Relation(one=one, other=other, kind="same"))
            continue
        shared = [(t[one], t[other]) for t in tables.values() if one in t and other in t]
        if not shared:
            continue
        first, second = (np.concatenate(codes) for codes in zip(*shared, strict=True))
        if not ((first >= 0) & (second >= 0)).any():
            found.append(Relation(one=one, other=other, kind="disjoint"))
        elif _same(first, second, groups[one], groups[other]):
            found.append(Relation(one=one, other=other, kind="same"))
        elif _lies_in(first, second):
            found.append(Relation(one=one, other=other, kind="nested"))
        elif _lies_in(second, first):
            found.append(Relation(one=other, other=one, kind="nested"))
        else:
            found.append(Relation(one=one, other=other, kind="crossed"))
    return found


def _same(one: Codes, other: Codes, groups: int, others: int) -> bool:
    """Whether two levels have the same groups, as an intercept and a slope do.

    A slope on a predictor that is zero in all rows of a group does not enter them. So levels with
    the same number of groups are the same when they number alike what they share.
    """
    both = (one >= 0) & (other >= 0)
    alike = groups == others and np.array_equal(one[both], other[both])
    if alike and np.unique(one[both]).size > 1:
        return True
    return _lies_in(one, other) and _lies_in(other, one)


def _lies_in(inner: Codes, outer: Codes) -> bool:
    """Whether every group of one level that occurs lies in exactly one group of another."""
    both = (inner >= 0) & (outer >= 0)
    around = np.full(int(inner.max()) + 1, -1)
    around[inner[both]] = outer[both]
    occurs = np.unique(inner[inner >= 0])
    return bool((around[occurs] >= 0).all() and (around[inner[both]] == outer[both]).all())


def groups_at(
    memberships: Iterable[tuple[str, Membership]], groups: Mapping[str, int]
) -> dict[str, dict[str, Codes]]:
    """Return the groups of every level at each element of each thing it enters, also indirectly.

    Returns
    -------
    dict of str to dict of str to ndarray
        By outcome or level that is entered, then by level that enters it.
    """
    direct: dict[str, dict[str, Codes]] = {name: {name: np.arange(n)} for name, n in groups.items()}
    for level, membership in memberships:
        direct.setdefault(membership.enters, {})[level] = np.asarray(membership.group)
    return {thing: _with_what_is_above(thing, direct) for thing in direct}


def _with_what_is_above(thing: str, direct: Mapping[str, Mapping[str, Codes]]) -> dict[str, Codes]:
    """Add the levels that enter a thing through other levels: the region of a plot's site."""
    found = dict(direct[thing])
    todo = [level for level in found if level != thing]
    while todo:
        below = todo.pop(0)
        codes = found[below]
        for above, of_group in direct[below].items():
            if above not in found:
                found[above] = np.where(codes >= 0, of_group[codes], -1)
                todo.append(above)
    return found
