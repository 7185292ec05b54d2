"""Draws as plain arrays: a dataset of a short fit costs as much as its draws."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ...checks.draws import SAMPLE
from ..execution.threads import cores
from .switches import data_of

if TYPE_CHECKING:
    import xarray as xr

    from .program import Engine


@dataclass(frozen=True, slots=True)
class Draws:
    """Draws of one fit.

    Attributes
    ----------
    variables : dict of str to ndarray of shape (chain, draw, ...)
        Free variables and deterministics.
    divergences : int
        Divergent transitions after tuning.
    """

    variables: dict[str, np.ndarray]
    divergences: int

    @classmethod
    def of(cls, tree: xr.DataTree) -> Self:
        """Return the draws of a fit that is a tree."""
        posterior = tree["posterior"].to_dataset().transpose(*SAMPLE, ...)
        found = {str(n): v.values for n, v in posterior.data_vars.items() if v.dtype != object}
        statistics = tree["sample_stats"].to_dataset()
        return cls(found, int(statistics["diverging"].sum()) if "diverging" in statistics else 0)


def sample_arrays(
    engine: Engine,
    *,
    draws: int,
    tune: int,
    chains: int,
    target_accept: float,
    seed: int,
    data: Mapping[str, np.ndarray],
) -> Draws:
    """Sample the posterior given other data: the draws of :meth:`.Engine.sample`, as arrays.

    Parameters
    ----------
    engine : Engine
    draws, tune, chains, target_accept, seed, data
        As :meth:`.Engine.sample` takes them.

    Raises
    ------
    KeyboardInterrupt
        If sampling was interrupted, which nutpie answers with what it has so far.
    """
    import nutpie

    compiled = engine.compile().with_data(**{data_of(n): v for n, v in data.items()})
    trace = nutpie.sample(
        compiled,
        draws=draws,
        tune=tune,
        chains=chains,
        target_accept=target_accept,
        cores=cores(),
        seed=seed,
        progress_bar=False,
        return_raw_trace=True,
    )
    columns, statistics = trace.get_arrow_trace()
    if len(columns) < chains or any(chain.num_rows < tune + draws for chain in columns):
        raise KeyboardInterrupt
    shapes = {n: s for n, s in compiled.shapes.items() if n not in compiled.reparameterized_names}
    return Draws(
        {
            name: np.stack([_values(chain.column(name), shape, draws) for chain in columns])
            for name, shape in shapes.items()
        },
        sum(int(_values(chain.column("diverging"), (), draws).sum()) for chain in statistics),
    )


def _values(column: Any, shape: tuple[int, ...], draws: int) -> np.ndarray:
    """Return the last draws of an Arrow column, shape (draw, ...)."""
    import pyarrow

    values = pyarrow.array(column)
    flat: np.ndarray = (values.flatten() if shape else values).to_numpy(zero_copy_only=False)
    return flat[-draws * math.prod(shape) :].reshape(draws, *shape)
