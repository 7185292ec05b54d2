"""How much of the hierarchy of the models in ``tests/models`` is found.

Run it with ``python benchmarks/discovery.py``; it prints one table for each collection of models,
and rewrites the last section of ``discovery.md`` with them. ``--wrong`` lists what is wrong.
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.models.compare import KINDS, Answer, Grade, compare
from tests.models.corpus import COLLECTIONS
from tests.models.expected import Case

from poolwise.checks.hierarchy import read_hierarchy

PAGE = Path(__file__).with_name("discovery.md")
HEADING = "## Counted now\n"


def answers(case: Case) -> list[Answer]:
    """Return every answer about one model; a crash is a wrong answer to everything."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = case.build()
        try:
            found = read_hierarchy(model, levels=case.expected.declared)
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            return [Answer(kind, Grade.WRONG, text) for kind in KINDS]
    return compare(found, case.expected, tuple(str(p.name) for p in model.potentials))


def worst(grades: Iterable[Grade]) -> Grade:
    """Return the worst of several grades."""
    return max(grades, key=list(Grade).index)


def table(graded: dict[str, list[Answer]]) -> str:
    """Count the models by the worst answer of each kind, as Markdown."""
    counts = {kind: Counter[Grade]() for kind in (*KINDS, "all of it")}
    for every in graded.values():
        for kind in KINDS:
            if of_kind := [a.grade for a in every if a.kind == kind]:
                counts[kind][worst(of_kind)] += 1
        counts["all of it"][worst(a.grade for a in every)] += 1
    shown = (Grade.RIGHT, Grade.REPORTED, Grade.WRONG, Grade.UNANSWERED)
    lines = [
        f"| answer | models | {' | '.join(shown)} |",
        "|---|---|" + "---|" * len(shown),
    ]
    for kind, count in counts.items():
        cells = " | ".join(str(count[grade]) for grade in shown)
        lines.append(f"| {kind} | {count.total()} | {cells} |")
    every_grade = Counter(a.grade for every in graded.values() for a in every)
    cells = " | ".join(str(every_grade[grade]) for grade in shown)
    lines.append(f"| single answers | | {cells} |")
    return "\n".join(lines)


def main() -> None:
    """Count, print, and write the page."""
    sections = []
    for title, cases in COLLECTIONS.items():
        graded = {case.name: answers(case) for case in cases}
        sections.append(f"{title}\n\n{table(graded)}\n")
        print(sections[-1])
        if "--wrong" in sys.argv:
            for name, every in graded.items():
                for a in every:
                    if a.grade in (Grade.WRONG, Grade.UNANSWERED):
                        print(f"{name}: {a.grade} {a.kind}: {a.text}")
    before = PAGE.read_text().split(HEADING)[0]
    PAGE.write_text(before + HEADING + "\n" + "\n".join(sections))


if __name__ == "__main__":
    main()
