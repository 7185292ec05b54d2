"""What would each group be, without pooling, with the model's, and with complete pooling?"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ...checks.poolings import POOLINGS, Compared
from .canvas import C1, C2, CARD, MUTED, Margins, canvas, label_margin, short, vertical_grid

#: Groups drawn one by one; of more, only those whose estimate depends most on pooling.
MOST = 15
FURTHEST = 10

#: Mark, colour, and distance above the line of the group.
_LOOK = {
    "no": ("o", C2, 0.24, "no pooling"),
    "partial": ("o", C1, 0.0, "partial pooling (the model)"),
    "complete": ("s", MUTED, -0.24, "complete pooling"),
}


def reach(found: Compared) -> NDArray[np.float64]:
    """Return how far apart the estimates of every group are, 0 where there is one only."""
    means = np.stack([found.mean[p] for p in POOLINGS])
    known = np.isfinite(means)
    high = np.where(known, means, -np.inf).max(axis=0)
    low = np.where(known, means, np.inf).min(axis=0)
    return np.asarray(np.where(known.any(axis=0), high - low, 0.0))


def shown(found: Compared) -> NDArray[np.integer[Any]]:
    """Return the groups that are drawn, from the top: the largest estimate of the model first."""
    order = np.argsort(-found.mean["partial"], kind="stable")
    if len(order) <= MOST:
        return order
    kept = set(np.argsort(-reach(found), kind="stable")[:FURTHEST].tolist())
    return np.array([j for j in order if j in kept])


def draw(found: Compared, axis: str) -> Figure:
    """Draw the estimates of every group with their 89% intervals.

    Parameters
    ----------
    found : Compared
    axis : str
        Label of the horizontal axis, with its unit.
    """
    order = shown(found)
    labels = [short(found.groups[j]) for j in order]
    figure, axes = canvas(
        0.95 + 0.44 * len(order),
        Margins(left=min(label_margin(labels), 1.9), right=0.15, bottom=0.52, top=0.3),
    )
    vertical_grid(axes)
    at = np.arange(len(order))[::-1]
    for pooling, (mark, colour, offset, said) in _LOOK.items():
        if not np.isfinite(found.mean[pooling][order]).any():
            continue
        axes.hlines(
            at + offset,
            found.low[pooling][order],
            found.high[pooling][order],
            color=colour,
            linewidth=1.5,
        )
        axes.plot(
            found.mean[pooling][order],
            at + offset,
            mark,
            ms=5,
            mfc=CARD if pooling == "no" else colour,
            mec=colour,
            mew=1.3,
            label=said.partition(" (")[0],
        )
    axes.set_yticks(at, labels)
    axes.set_ylim(-0.6, len(order) - 0.4)
    axes.set_xlabel(axis)
    figure.legend(loc="upper right", ncols=3, borderpad=0.1, handletextpad=0.1, columnspacing=0.9)
    return figure
