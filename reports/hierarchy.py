"""A model's hierarchy on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelSketch:
    """One level in words.

    Attributes
    ----------
    rows : tuple of (int, float, int) or None
        Fewest, median and most rows per group; ``why_no_rows`` says why they are not known.
    """

    name: str
    groups: int
    form: str
    effect: str
    scale: str
    rows: tuple[int, float, int] | None
    why_no_rows: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HierarchySketch:
    """A model's levels, top-level priors and outcomes in words."""

    name: str
    levels: Sequence[LevelSketch]
    priors: Mapping[str, str]
    scales: Sequence[str]
    outcomes: Mapping[str, str]
    unclear: Sequence[str]


def print_hierarchy(sketch: HierarchySketch, console: Console) -> None:
    """Print a hierarchy as a tree."""
    tree = Tree(f"[bold]{escape(sketch.name)}[/]")
    top = tree.add("top-level priors (what power-scaling and sweeps act on)")
    for name, words in sketch.priors.items():
        mark = "  [dim]spread between groups[/]" if name in sketch.scales else ""
        top.add(f"{escape(name)} ~ {escape(words)}{mark}")
    for level in sketch.levels:
        branch = tree.add(f"level [bold]{escape(level.name)}[/]: {level.groups} groups")
        branch.add(f"effect {escape(level.effect)} ({level.form}), scale {escape(level.scale)}")
        if level.rows is None:
            branch.add(f"rows per group not known: {escape(level.why_no_rows)}")
        else:
            fewest, median, most = level.rows
            branch.add(f"rows per group: {fewest} to {most}, median {median:g}")
    for name, words in sketch.outcomes.items():
        tree.add(f"outcome {escape(name)} ~ {escape(words)}")
    for said in sketch.unclear:
        tree.add(f"[yellow]?[/] {escape(said)}")
    console.print(tree, highlight=False)
