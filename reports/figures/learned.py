"""What did the data teach about the top-level parameters?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from ...checks.draws import Array
from .canvas import C1, CARD, MUTED, Margins, add_axes, density, quantiles, short

#: Parameters drawn; the table holds the rest.
MOST = 6


@dataclass(frozen=True, slots=True)
class Learned:
    """Draws of one scalar before and after fitting; each may be absent."""

    label: str
    prior: Array | None
    posterior: Array | None

    @property
    def window(self) -> tuple[float, float]:
        """The posterior, and most of the prior unless that is several times wider."""
        ends: list[tuple[float, float]] = []
        if self.posterior is not None:
            ends.append(_ends(self.posterior, 0.002))
        if self.prior is not None:
            ends.append(_ends(self.prior, 0.05))
        low, high = min(e[0] for e in ends), max(e[1] for e in ends)
        if self.posterior is not None and self.prior is not None:
            mine = ends[0]
            reach = 1.5 * (mine[1] - mine[0])
            low, high = max(low, mine[0] - reach), min(high, mine[1] + reach)
        if self.bound is not None:
            low = max(low, self.bound)
        return (low, high) if high > low else (low - 0.5, high + 0.5)

    @property
    def bound(self) -> float | None:
        """Zero for a quantity that is never negative before or after fitting."""
        both = [d for d in (self.prior, self.posterior) if d is not None]
        return 0.0 if all(np.nanmin(d) >= 0 for d in both) else None

    @property
    def outside(self) -> float:
        """Share of the prior outside the window."""
        if self.prior is None:
            return 0.0
        low, high = self.window
        return float(np.mean((self.prior < low) | (self.prior > high)))


def _ends(draws: Array, tail: float) -> tuple[float, float]:
    finite = draws[np.isfinite(draws)]
    low, high = np.quantile(finite, [tail, 1 - tail])
    return float(low), float(high)


def draw(parameters: Sequence[Learned]) -> Figure:
    """Draw prior and posterior of each parameter in a panel of its own."""
    shown = list(parameters)[:MOST]
    columns = 1 if len(shown) == 1 else 2
    rows = -(-len(shown) // columns)
    each, height = 1.55, 0.1 + 1.55 * rows
    wide = 5.2 / columns
    figure = Figure(figsize=(5.2, height))
    for i, one in enumerate(shown):
        row, column = divmod(i, columns)
        axes = add_axes(
            figure,
            Margins(
                left=0.12 + column * wide,
                right=5.2 - (column + 1) * wide + 0.12,
                top=0.28 + row * each,
                bottom=height - (row + 1) * each + 0.3,
            ),
        )
        low, high = one.window
        top = 0.0
        for draws, colour in ((one.prior, MUTED), (one.posterior, C1)):
            if draws is None:
                continue
            grid, found = density(draws, low, high, bound=one.bound)
            dashed = colour == MUTED
            axes.plot(
                grid, found, color=colour, linewidth=1.5, linestyle=(0, (4, 2.5)) if dashed else "-"
            )
            if not dashed:
                axes.fill_between(grid, found, color=colour, alpha=0.2, linewidth=0)
            top = max(top, float(found.max()))
        top = top or 1.0
        if one.posterior is not None:
            ends = quantiles(one.posterior)
            axes.hlines(-0.09 * top, ends[0], ends[4], color=C1, linewidth=2)
            axes.hlines(-0.09 * top, ends[1], ends[3], color=C1, linewidth=5)
            axes.plot([ends[2]], [-0.09 * top], "o", ms=5.5, mfc=C1, mec=CARD, mew=0.9)
        axes.set_xlim(low, high)
        axes.set_ylim(-0.2 * top, 1.1 * top)
        axes.set_yticks([])
        axes.locator_params(axis="x", nbins=5)
        axes.set_title(short(one.label, 26), loc="left", fontsize=10.2, fontweight="bold", pad=3)
    return figure
