"""A model's hierarchy on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from ..checks.words import counted, listed
from .hierarchy import LINKS, Grouping, HierarchySketch, Outcome, Term, Variable, term_in_words


def print_hierarchy(sketch: HierarchySketch, console: Console) -> None:
    """Print a hierarchy as a tree: outcomes first, levels inside the levels they are nested in."""
    tree = Tree(Text(sketch.name, style="bold"))
    for outcome in sketch.outcomes:
        _add_outcome(tree, sketch, outcome)
    if sketch.population:
        branch = tree.add("population")
        for variable in sketch.population:
            branch.add(_variable(sketch, variable))
    for grouping in sketch.groupings:
        _add_grouping(tree, sketch, grouping)
    if not sketch.groupings:
        tree.add("no level of a hierarchy was found")
    for said in sketch.unclear:
        tree.add(Text.assemble(("? ", "yellow"), said))
    console.print(tree, highlight=False)


def _add_outcome(tree: Tree, sketch: HierarchySketch, outcome: Outcome) -> None:
    branch = tree.add(
        Text.assemble(
            "outcome ",
            (outcome.name, "bold"),
            f" ~ {outcome.family}, ",
            counted(outcome.rows, "row"),
        )
    )
    if outcome.link in LINKS:
        branch.add(f"{outcome.link} link: {LINKS[outcome.link]}")
    for name in outcome.noise:
        branch.add(Text(f"noise {sketch.with_prior(name)}"))
    if outcome.given:
        branch.add(f"noise given, sd {outcome.given}")


def _variable(sketch: HierarchySketch, variable: Variable) -> Text:
    many = f" ({variable.size} values)" if variable.size > 1 else ""
    said = f"{variable.name} ~ {variable.prior}{many}  "
    return Text.assemble(said, (sketch.role(variable), "dim"))


def _add_grouping(
    tree: Tree, sketch: HierarchySketch, grouping: Grouping, said: Sequence[str] = ()
) -> None:
    branch = tree.add(
        Text.assemble(
            ("level ", ""), (grouping.name, "bold"), ": ", counted(grouping.groups, "group")
        )
    )
    several = len(sketch.outcomes) > 1
    for rows in grouping.rows:
        branch.add(Text(f"{rows.outcome}: {rows}" if several else str(rows)))
    crossed = [name for name in grouping.crossed if name not in said]
    for word, names in (
        ("crossed with", crossed),
        ("also nested in", grouping.also_in),
        ("shares no row with", grouping.disjoint),
    ):
        if names:
            branch.add(Text(f"{word} {listed(list(names))}"))
    for term in grouping.terms:
        _add_term(branch, sketch, term)
    for inner in grouping.inside:
        _add_grouping(branch, sketch, inner, said=grouping.crossed)


def _add_term(tree: Tree, sketch: HierarchySketch, term: Term) -> None:
    branch = tree.add(Text.assemble((term.effect, "bold"), f": {term_in_words(term)}"))
    branch.add(Text(f"around {sketch.location(term)}"))
    branch.add(Text(f"spread {sketch.quantity(term.scale)}"))
    if term.why_no_rows:
        branch.add(Text(f"rows not known: {term.why_no_rows}"))
