"""Are the ranks of true values even?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ...checks.calibration import Calibrated
from ...checks.draws import Array
from .canvas import C1, C2, MUTED, SMALL, WIDTH, Margins, add_axes, horizontal_grid, short

#: Panels, two in a row.
MOST = 6

_HIGH, _HEAD, _FOOT, _LEFT, _GAP = 1.45, 0.3, 0.52, 0.62, 0.5


def difference(quantity: Calibrated) -> Array:
    """Return the empirical distribution function minus the uniform one, at the band's points."""
    ranks = np.sort(quantity.pit)
    points = quantity.band.points
    return np.asarray(np.searchsorted(ranks, points, side="right") / ranks.size - points)


def draw(quantities: Sequence[Calibrated], limit: float) -> Figure:
    """Draw the difference of every quantity with its band, the worst first."""
    shown = list(quantities)[:MOST]
    rows = (len(shown) + 1) // 2
    height = rows * (_HIGH + _HEAD) + _FOOT
    figure = Figure(figsize=(WIDTH, height))
    wide = (WIDTH - _LEFT - 0.1 - _GAP) / 2
    reach = 1.15 * max(
        float(max(np.abs(difference(q)).max(), np.abs(q.band.low).max(), q.band.high.max()))
        for q in shown
    )
    for i, quantity in enumerate(shown):
        row, column = divmod(i, 2)
        left = _LEFT + column * (wide + _GAP)
        bottom = _FOOT + (rows - 1 - row) * (_HIGH + _HEAD)
        axes = add_axes(
            figure,
            Margins(
                left=left,
                right=WIDTH - left - wide,
                bottom=bottom,
                top=height - bottom - _HIGH,
            ),
        )
        horizontal_grid(axes)
        points, band = quantity.band.points, quantity.band
        uneven = quantity.adjusted < limit
        axes.fill_between(points, band.low, band.high, color=MUTED, alpha=0.2, linewidth=0)
        axes.axhline(0, color=MUTED, linewidth=1)
        axes.step(
            points, difference(quantity), where="mid", color=C2 if uneven else C1, linewidth=1.8
        )
        mark = "✗ " if uneven else ""
        axes.set_title(mark + short(quantity.label, 26), fontsize=SMALL, loc="left", pad=4)
        axes.set_xlim(0, 1)
        axes.set_ylim(-reach, reach)
        axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        if row == rows - 1 or i + 2 >= len(shown):
            axes.set_xlabel("rank (share of draws)", fontsize=SMALL)
        else:
            axes.tick_params(labelbottom=False)
        if column == 0:
            axes.set_ylabel("ECDF − uniform", fontsize=SMALL)
        else:
            axes.tick_params(labelleft=False)
    return figure
