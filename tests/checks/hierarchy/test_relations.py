"""Nested, crossed, the same or disjoint: from codes made by hand, and from the definition."""

from __future__ import annotations

import numpy as np
import pytest

from poolwise.checks.hierarchy import GroupLevel, Hierarchy, Membership, Relation
from poolwise.checks.hierarchy.relations import relate

SITE_OF_PLOT = [0, 0, 1, 1, 2, 2]
REGION_OF_SITE = [0, 0, 1]


def enters(thing: str, group: list[int] | np.ndarray) -> Membership:
    codes = np.asarray(group)
    return Membership(enters=thing, group=codes, design=np.where(codes < 0, 0.0, 1.0))


def kinds(found: list[Relation]) -> set[tuple[str, str, str]]:
    return {(r.one, r.kind, r.other) for r in found}


@pytest.mark.parametrize(
    ("one", "other", "groups", "expected"),
    [
        ([0, 0, 1, 1, 2, 2], [0, 0, 0, 0, 1, 1], (3, 2), ("one", "nested", "other")),
        ([0, 0, 0, 0, 1, 1], [0, 0, 1, 1, 2, 2], (2, 3), ("other", "nested", "one")),
        ([0, 1, 0, 1], [0, 0, 1, 1], (2, 2), ("one", "crossed", "other")),
        ([0, 1, 2], [0, 1, 2], (3, 3), ("one", "same", "other")),
        ([0, 1, 2], [2, 0, 1], (3, 3), ("one", "same", "other")),
        ([0, 1, -1, -1], [-1, -1, 0, 1], (2, 2), ("one", "disjoint", "other")),
        ([0, 0, 0], [0, 1, 2], (1, 3), ("other", "nested", "one")),
        ([0, 0, 0], [0, 0, 0], (1, 1), ("one", "same", "other")),
        # All groups of one lie in one group of the other, but for the last.
        ([0, 0, 1, 2, 2], [0, 0, 0, 0, 1], (3, 2), ("one", "crossed", "other")),
        # Groups without rows: numbers 1 and 3 are never used.
        ([0, 0, 2, 2, 4], [0, 0, 0, 0, 1], (5, 2), ("one", "nested", "other")),
        # A slope on a predictor that is zero in every row of group 1, and in some rows of others.
        ([0, 0, 1, 1, 2, 2], [0, -1, -1, -1, 2, 2], (3, 3), ("one", "same", "other")),
        # Only some groups have a second effect, and it has fewer groups.
        ([0, 0, 1, 1, 2, 2], [0, 0, 1, 1, -1, -1], (3, 2), ("other", "nested", "one")),
        # Group 1 has rows where the other level does not enter: it lies in none of its groups.
        ([0, 0, 1, 1, 2, 2], [0, 0, -1, -1, 0, 0], (3, 1), ("one", "crossed", "other")),
    ],
)
def test_two_levels_of_one_outcome(
    one: list[int], other: list[int], groups: tuple[int, int], expected: tuple[str, str, str]
) -> None:
    found = relate(
        [("one", enters("y", one)), ("other", enters("y", other))],
        dict(zip(("one", "other"), groups, strict=True)),
    )
    assert kinds(found) == {expected}


def test_a_level_above_another_is_nested_by_construction() -> None:
    """Also groups without rows count: plot 5 has none, and site 2 has them only through plots."""
    found = relate(
        [("plot", enters("y", [0, 1, 2, 3, 4])), ("site", enters("plot", SITE_OF_PLOT))],
        {"site": 3, "plot": 6},
    )
    assert kinds(found) == {("plot", "nested", "site")}


def test_three_levels_above_each_other() -> None:
    groups = {"region": 2, "site": 3, "plot": 6}
    found = relate(
        [
            ("plot", enters("y", np.repeat(np.arange(6), 2))),
            ("site", enters("plot", SITE_OF_PLOT)),
            ("region", enters("site", REGION_OF_SITE)),
        ],
        groups,
    )
    assert kinds(found) == {
        ("plot", "nested", "site"),
        ("plot", "nested", "region"),
        ("site", "nested", "region"),
    }


def test_levels_of_the_rows_meet_levels_above_other_levels() -> None:
    """An observer enters the rows, a site enters the plots: they are crossed all the same."""
    plots = np.repeat(np.arange(6), 2)
    found = relate(
        [
            ("plot", enters("y", plots)),
            ("site", enters("plot", SITE_OF_PLOT)),
            ("observer", enters("y", np.arange(12) % 2)),
        ],
        {"site": 3, "plot": 6, "observer": 2},
    )
    assert ("site", "crossed", "observer") in kinds(found)
    assert ("plot", "crossed", "observer") in kinds(found)


def test_a_level_that_enters_two_outcomes() -> None:
    """Plots lie in sites as far as the first outcome shows; the second one contradicts it."""
    first = [("plot", enters("y", [0, 1, 2, 3])), ("site", enters("y", [0, 0, 1, 1]))]
    second = [("plot", enters("z", [0, 1, 2, 3])), ("site", enters("z", [0, 0, 1, 0]))]
    groups = {"plot": 4, "site": 2}
    assert kinds(relate(first, groups)) == {("plot", "nested", "site")}
    assert kinds(relate(first + second, groups)) == {("plot", "crossed", "site")}
    assert kinds(relate([*first, second[0]], groups)) == {("plot", "nested", "site")}


def test_columns_of_one_array_have_the_same_groups_whatever_rows_they_enter() -> None:
    treated = [("on", enters("y", [0, 1, -1, -1])), ("off", enters("y", [-1, -1, 0, 1]))]
    groups, array = {"on": 2, "off": 2}, object()
    assert kinds(relate(treated, groups)) == {("on", "disjoint", "off")}
    one_array = relate(treated, groups, columns={"on": array, "off": array})
    assert kinds(one_array) == {("on", "same", "off")}
    two_arrays = relate(treated, groups, columns={"on": object(), "off": array})
    assert kinds(two_arrays) == {("on", "disjoint", "off")}


def test_levels_of_different_outcomes_are_not_related() -> None:
    found = relate([("a", enters("y", [0, 1])), ("b", enters("z", [0, 1]))], {"a": 2, "b": 2})
    assert found == []


def test_a_level_with_unknown_rows_is_not_related() -> None:
    assert relate([("a", enters("y", [0, 1]))], {"a": 2, "b": 2}) == []


def brute_force(one: np.ndarray, other: np.ndarray) -> str:
    """The definition, on sets of groups."""
    met = {
        side: {g: {int(v) for v in b[(a == g) & (b >= 0)]} for g in set(a[a >= 0].tolist())}
        for side, a, b in (("one", one, other), ("other", other, one))
    }
    inside, around = (all(len(v) == 1 for v in met[side].values()) for side in ("one", "other"))
    if not any(met["one"].values()):
        return "disjoint"
    return {(1, 1): "same", (1, 0): "nested", (0, 1): "contains"}.get((inside, around), "crossed")


def test_random_designs_agree_with_the_definition() -> None:
    rng = np.random.default_rng(1)
    seen = set()
    for _ in range(600):
        groups, others = rng.choice(np.arange(1, 6), size=2, replace=False)
        rows = int(rng.integers(1, 9))
        one = rng.integers(0, groups, rows)
        # Half of the designs are nested before some rows are spoilt.
        other = rng.integers(0, others, groups)[one] if rng.random() < 0.5 else None
        other = rng.integers(0, others, rows) if other is None else other
        one = np.where(rng.random(rows) < 0.1, -1, one)
        other = np.where(rng.random(rows) < 0.2, -1, other)
        memberships = [("one", enters("y", one)), ("other", enters("y", other))]
        (found,) = relate(memberships, {"one": int(groups), "other": int(others)})
        kind = "contains" if (found.one, found.kind) == ("other", "nested") else found.kind
        assert kind == brute_force(one, other), (one, other)
        seen.add(kind)
    assert seen == {"same", "nested", "contains", "crossed", "disjoint"}


def test_the_parent_is_the_closest_level_around() -> None:
    """Not the one with most groups: eight of the ten regions have no site."""
    sizes = {"region": 10, "site": 3, "plot": 6}
    relations = relate(
        [
            ("plot", enters("y", np.arange(6))),
            ("site", enters("plot", SITE_OF_PLOT)),
            ("region", enters("site", REGION_OF_SITE)),
        ],
        sizes,
    )
    levels = {
        name: GroupLevel(
            name=name,
            labels=tuple(map(str, range(n))),
            effect=None,
            location=None,
            scale=None,
            entry=None,
            form="centred",
        )
        for name, n in sizes.items()
    }
    found = Hierarchy(levels=levels, relations=relations)
    assert [found.parent_of(n) for n in sizes] == [None, "region", "site"]
