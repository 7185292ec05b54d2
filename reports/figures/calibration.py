"""Are leave-one-out predictions calibrated?"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from ...checks.draws import Array
from .canvas import C1, MUTED, Margins, canvas, horizontal_grid, note

_SIMULATIONS = 2000


def difference(pit: Array, grid: Array) -> Array:
    """Return the empirical distribution function minus the uniform one."""
    return np.asarray(np.searchsorted(np.sort(pit), grid, side="right") / pit.size - grid)


def band(n: int, grid: Array, probability: float = 0.89) -> tuple[Array, Array]:
    """Return the simultaneous band of the difference for ``n`` independent uniform values.

    By simulation with a fixed seed, as in Säilynoja, Bürkner and Vehtari (2022),
    doi:10.1007/s11222-022-10090-6.
    """
    rng = np.random.default_rng(0)
    counts = rng.multinomial(n, np.diff(grid, prepend=0.0, append=1.0), size=_SIMULATIONS)
    paths = np.cumsum(counts[:, :-1], axis=1) / n - grid
    spread = np.sqrt(grid * (1 - grid) / n)
    reach = np.quantile(np.max(np.abs(paths) / spread, axis=1), probability)
    return -reach * spread, reach * spread


def draw(pit: Array) -> Figure:
    """Draw the difference between the distribution of LOO-PIT values and the uniform one."""
    grid = np.linspace(0, 1, 102)[1:-1]
    found = difference(pit, grid)
    low, high = band(pit.size, grid)
    figure, axes = canvas(2.6, Margins(left=0.72, right=0.15, bottom=0.52, top=0.12))
    horizontal_grid(axes)
    axes.fill_between(grid, low, high, color=MUTED, alpha=0.2, linewidth=0)
    axes.axhline(0, color=MUTED, linewidth=1)
    axes.step(grid, found, where="mid", color=C1, linewidth=1.8)
    at = int(0.5 * grid.size)
    note(axes, grid[at], float(low[at]), "89% if calibrated", va="top", ha="center")
    reach = 1.25 * float(max(np.max(np.abs(found)), high.max()))
    axes.set_ylim(-reach, reach)
    axes.set_xlim(0, 1)
    axes.set_xlabel("LOO-PIT: predicted probability of a smaller value")
    axes.set_ylabel("ECDF − uniform")
    return figure


def outside(pit: Array) -> float:
    """Return the share of the range on which the difference leaves its band."""
    grid = np.linspace(0, 1, 102)[1:-1]
    found = difference(pit, grid)
    low, high = band(pit.size, grid)
    return float(np.mean((found < low) | (found > high)))
