"""The rows of a level, as a run saves them."""

from __future__ import annotations

import numpy as np
import xarray as xr

from .reduction import NotLinear, dense, one_way
from .ridge import Ridge

#: What a level saves of its rows, besides ``row_noise`` where the noise is known.
ROW_ARRAYS = ("row_outcome", "row_group", "row_design", "row_population")

#: What it saves where every row may depend on all of its effects.
DENSE_ARRAYS = ("row_outcome", "row_effects", "row_population")


def ridge_of(level: xr.Dataset) -> Ridge:
    """Return the ridge problem that a level with normal rows poses.

    Parameters
    ----------
    level : xarray.Dataset
        With a dim ``row`` (n) and a dim ``column`` (p):

        ``row_outcome`` (row)
            The observed outcome, less every term of the mean that no parameter enters.
        ``row_group`` (row)
            Group of each row from 0 in the order of ``group``; -1 for none.
        ``row_design`` (row)
            What the effect of its group is multiplied by: 1 for an intercept.
        ``row_population`` (row, column)
            What every parameter of the mean without a group-level prior is multiplied by: of the
            location (the intercept, covariates of groups) and of the rest (covariates of rows).
            No column where the location is known.
        ``row_noise`` (row), optional
            Standard deviation of each row where no parameter enters it. Left out where one
            standard deviation of all rows is estimated.

        or, where rows depend on several effects at once, ``row_effects`` (row, group) in place of
        ``row_group`` and ``row_design``: what every effect is multiplied by in every row;

        and ``attrs["why_no_rows"]`` in place of these where the mean is not linear, the outcome is
        not normal, noise is estimated and differs between rows, or effects of another level enter
        the same rows: then no single penalty is chosen.

    Returns
    -------
    Ridge

    Raises
    ------
    NotLinear
        If the level saved no such rows; the message says why.
    """
    needed = DENSE_ARRAYS if "row_effects" in level else ROW_ARRAYS
    missing = [name for name in needed if name not in level]
    if missing:
        reason = level.attrs.get("why_no_rows") or f"the run does not hold {', '.join(missing)}"
        raise NotLinear(str(reason))
    outcome = np.asarray(level["row_outcome"].values, dtype=float)
    population = np.asarray(level["row_population"].transpose("row", "column").values, dtype=float)
    noise = None if "row_noise" not in level else np.asarray(level["row_noise"].values)
    if "row_effects" in level:
        effects = np.asarray(level["row_effects"].transpose("row", "group").values, dtype=float)
        return dense(outcome, population, effects, noise=noise)
    return one_way(
        outcome,
        population,
        np.asarray(level["row_group"].values, dtype=int),
        design=np.asarray(level["row_design"].values, dtype=float),
        noise=noise,
        groups=level.sizes["group"],
    )
