"""Fits that were interrupted are none: samplers answer an interrupt with the draws they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray as xr


def whole(tree: xr.DataTree, draws: int, chains: int) -> xr.DataTree:
    """Return a fit that has all of its draws.

    Raises
    ------
    KeyboardInterrupt
        If it has not. Nothing else ends a fit early without an exception of its own.
    """
    sizes, statistics = tree["posterior"].sizes, tree.children.get("sample_stats")
    cut = sizes["draw"] < draws or sizes["chain"] < chains
    if statistics is not None and "step_size" in statistics:
        # Chains that are shorter than the longest are filled up with NaN.
        cut |= not np.isfinite(statistics["step_size"]).all()
    if cut:
        raise KeyboardInterrupt
    return tree
