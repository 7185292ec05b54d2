"""Would another prior change the answer?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from ...checks.sweep import Change
from ...checks.words import ALL_HYPERPRIORS
from .canvas import (
    C1,
    C2,
    C3,
    CARD,
    INK,
    MUTED,
    SMALL,
    Margins,
    canvas,
    label_margin,
    note,
    short,
    vertical_grid,
)

#: Quantities drawn; the table holds the rest.
MOST = 10

_MARKS = (("o", C1), ("s", C2), ("^", C3), ("D", INK), ("v", C1), ("P", C2), ("X", C3))


@dataclass(frozen=True, slots=True)
class Row:
    """One quantity and how far every alternative moves it."""

    label: str
    changes: Sequence[Change]

    @property
    def furthest(self) -> Change:
        """The alternative that moves it most."""
        return max(self.changes, key=lambda c: abs(c.shift))


def rows(changes: Sequence[Change]) -> list[Row]:
    """Group finite shifts by quantity, the one that moves most first."""
    labels = dict.fromkeys(c.label for c in changes)
    found = [
        Row(label, [c for c in changes if c.label == label and np.isfinite(c.shift)])
        for label in labels
    ]
    return sorted((r for r in found if r.changes), key=lambda r: -abs(r.furthest.shift))


def one_of_each(found: Sequence[Row]) -> list[Row]:
    """Return the element of each variable that moves most, in the same order."""
    kept: dict[str, Row] = {}
    for row in found:
        kept.setdefault(row.label.partition("[")[0], row)
    return list(kept.values())


def draw(shown: Sequence[Row], limit: float) -> Figure:
    """Draw the shift of every quantity under every alternative, in posterior sd."""
    shown = list(shown)[:MOST]
    labels = [short(r.label, 24) for r in shown]
    parameters = list(dict.fromkeys(c.parameter for r in shown for c in r.changes))
    figure, axes = canvas(
        0.95 + 0.4 * len(shown),
        Margins(
            left=min(label_margin(labels), 2.1),
            right=0.15,
            bottom=0.52,
            top=0.32 if len(parameters) > 1 else 0.08,
        ),
    )
    vertical_grid(axes)
    axes.axvspan(-limit, limit, color=MUTED, alpha=0.14, linewidth=0)
    axes.axvline(0, color=MUTED, linewidth=1)
    reach = limit
    for y, row in zip(np.arange(len(shown))[::-1], shown, strict=True):
        spots = np.linspace(0.22, -0.22, len(row.changes)) if len(row.changes) > 1 else [0.0]
        for offset, change in zip(spots, row.changes, strict=True):
            mark, colour = _MARKS[parameters.index(change.parameter) % len(_MARKS)]
            at = y + float(offset)
            error = 2 * change.mcse if np.isfinite(change.mcse) else 0.0
            axes.hlines(at, change.shift - error, change.shift + error, color=colour, linewidth=1.2)
            axes.plot([change.shift], [at], mark, ms=5.2, mfc=colour, mec=CARD, mew=0.7)
            reach = max(reach, abs(change.shift) + error)
            if change is row.furthest and abs(change.shift) > limit:
                axes.annotate(
                    short(change.prior, 22),
                    (change.shift, y),
                    xytext=(0, 7.5),
                    textcoords="offset points",
                    ha="center",
                    va="bottom",
                    fontsize=SMALL,
                    color=MUTED,
                )
    for i, parameter in enumerate(parameters[: len(_MARKS)]):
        mark, colour = _MARKS[i]
        together = parameter == ALL_HYPERPRIORS
        said = "all at once" if together else f"prior on {short(parameter, 16)}"
        axes.plot([], [], mark, ms=5.2, color=colour, label=said)
    room = 1.75 if reach > limit else 1.12
    axes.set_xlim(-room * reach, room * reach)
    axes.set_ylim(-0.55, len(shown) - 0.35)
    axes.set_yticks(np.arange(len(shown))[::-1], labels)
    axes.set_xlabel("shift of the mean (posterior standard deviations)")
    note(axes, limit, -0.5, f" ±{limit:g}", va="bottom", ha="left")
    if len(parameters) > 1:
        figure.legend(
            loc="upper right",
            ncols=min(len(parameters), 3),
            borderpad=0.1,
            handletextpad=0.2,
            columnspacing=1.0,
            fontsize=SMALL,
        )
    return figure
