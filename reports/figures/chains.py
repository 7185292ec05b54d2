"""Did the chains mix?"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from ...checks.draws import Array, interval_ends
from .canvas import C1, C2, C3, INK, MUTED, Margins, canvas, horizontal_grid

_BINS = 20
_LOOKS = ((C1, "-"), (C2, "-"), (C3, "-"), (INK, "-"), (C1, ":"), (C2, ":"), (C3, ":"), (INK, ":"))


def rank_counts(draws: Array) -> Array:
    """Return how many draws of each chain fall into each of 20 bins of the joint ranks.

    Parameters
    ----------
    draws : ndarray of shape (chain, draw)
    """
    ranks = stats.rankdata(draws).reshape(draws.shape)
    edges = np.linspace(0.5, draws.size + 0.5, _BINS + 1)
    return np.stack([np.histogram(chain, edges)[0] for chain in ranks])


def expected_band(draws: int, chains: int) -> tuple[float, float, float]:
    """Return the expected count per bin and its 89% interval for independent draws."""
    low, high = (float(stats.binom.ppf(p, draws, 1 / _BINS)) for p in interval_ends())
    return draws / _BINS, low, high


def draw(draws: Array) -> Figure:
    """Draw the ranks of every chain."""
    counts = rank_counts(draws)
    expected, low, high = expected_band(draws.shape[1], draws.shape[0])
    figure, axes = canvas(2.6, Margins(left=0.62, right=0.1, bottom=0.52, top=0.36))
    horizontal_grid(axes)
    axes.axhspan(low, high, color=MUTED, alpha=0.16, linewidth=0)
    axes.axhline(expected, color=MUTED, linewidth=1)
    edges = np.linspace(0, 1, _BINS + 1)
    for i, chain in enumerate(counts[: len(_LOOKS)]):
        colour, style = _LOOKS[i]
        axes.stairs(
            chain,
            edges,
            baseline=None,
            color=colour,
            linewidth=1.4,
            linestyle=style,
            label=f"chain {i}",
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.12 * max(float(counts.max()), high))
    axes.set_xlabel("rank among the draws of all chains (0 smallest, 1 largest)")
    axes.set_ylabel("draws per bin")
    figure.legend(
        loc="upper left",
        ncols=4,
        handlelength=1.4,
        columnspacing=1.2,
        bbox_to_anchor=(0.1, 1.0),
        borderpad=0.1,
    )
    return figure
