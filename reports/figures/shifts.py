"""Would another prior change the answer?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from matplotlib.axes import Axes
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
    short,
    vertical_grid,
)

#: Quantities drawn; the table holds the rest.
MOST = 10

#: Names beside each other in the legend.
_ACROSS = 3

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
    """Draw the shift of every quantity under every alternative, in posterior sd.

    Every parameter has a lane of its own in the row of a quantity; under the name of the quantity
    stands the alternative that moves it most, where that is beyond ``limit``.
    """
    shown = list(shown)[:MOST]
    labels = [short(r.label, 24) for r in shown]
    furthest = [short(r.furthest.prior, 24) for r in shown]
    parameters = list(dict.fromkeys(c.parameter for r in shown for c in r.changes))
    top = 0.1 + 0.22 * ceil(len(parameters) / _ACROSS) if len(parameters) > 1 else 0.08
    figure, axes = canvas(
        0.63 + top + max(0.46, 0.14 + 0.075 * len(parameters)) * len(shown),
        Margins(
            left=min(max(label_margin(labels), label_margin(furthest, SMALL)), 2.1),
            right=0.15,
            bottom=0.52,
            top=top,
        ),
    )
    vertical_grid(axes)
    axes.axvspan(-limit, limit, color=MUTED, alpha=0.14, linewidth=0)
    axes.axvline(0, color=MUTED, linewidth=1)
    lanes = np.linspace(0.26, -0.26, len(parameters)) if len(parameters) > 1 else np.zeros(1)
    reach = limit
    for y, row in zip(np.arange(len(shown))[::-1], shown, strict=True):
        for change in row.changes:
            lane = parameters.index(change.parameter)
            mark, colour = _MARKS[lane % len(_MARKS)]
            at = float(y + lanes[lane])
            error = 2 * change.mcse if np.isfinite(change.mcse) else 0.0
            axes.hlines(at, change.shift - error, change.shift + error, color=colour, linewidth=1.2)
            axes.plot([change.shift], [at], mark, ms=5.2, mfc=colour, mec=CARD, mew=0.7)
            reach = max(reach, abs(change.shift) + error)
    _name(
        axes,
        labels,
        [p if abs(r.furthest.shift) > limit else "" for r, p in zip(shown, furthest, strict=True)],
    )
    axes.set_xlim(-1.12 * reach, 1.12 * reach)
    axes.set_ylim(-0.55, len(shown) - 0.45)
    axes.set_xlabel("shift of the mean (posterior sd)")
    if len(parameters) > 1:
        _legend(figure, axes, parameters)
    return figure


def _name(axes: Axes, labels: Sequence[str], priors: Sequence[str]) -> None:
    """Write every quantity, and smaller under it a prior, beside the row."""
    places = np.arange(len(labels))[::-1]
    axes.set_yticks(places, [""] * len(labels))
    for y, label, prior in zip(places, labels, priors, strict=True):
        place: dict[str, Any] = {
            "xy": (0, y),
            "xycoords": axes.get_yaxis_transform(),
            "textcoords": "offset points",
            "ha": "right",
        }
        up = 1 if prior else 0
        axes.annotate(
            label, **place, xytext=(-6, up), va="bottom" if prior else "center", color=INK
        )
        if prior:
            axes.annotate(prior, **place, xytext=(-6, -1), va="top", fontsize=SMALL, color=MUTED)


def _legend(figure: Figure, axes: Axes, parameters: Sequence[str]) -> None:
    """Say whose prior each mark is."""
    for (mark, colour), parameter in zip(_MARKS, parameters, strict=False):
        together = parameter == ALL_HYPERPRIORS
        said = "all at once" if together else f"prior on {short(parameter, 16)}"
        axes.plot([], [], mark, ms=5.2, color=colour, label=said)
    figure.legend(
        loc="upper right",
        ncols=min(len(parameters), _ACROSS),
        borderpad=0.1,
        handletextpad=0.2,
        columnspacing=1.0,
        fontsize=SMALL,
    )
