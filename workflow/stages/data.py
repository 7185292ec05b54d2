"""What a model holds before anything is drawn: its data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import xarray as xr

from .stage import plain

if TYPE_CHECKING:
    import pymc as pm


def data_groups(model: pm.Model) -> dict[str, xr.Dataset]:
    """Return the observed and constant data of a model, by ArviZ's group names."""
    from pymc.backends.arviz import find_constants, find_observations

    found = {
        "observed_data": _dataset(model, find_observations(model)),
        "constant_data": _dataset(model, find_constants(model)),
    }
    return {name: dataset for name, dataset in found.items() if dataset.data_vars}


def _dataset(model: pm.Model, values: Mapping[str, Any]) -> xr.Dataset:
    from arviz_base import dict_to_dataset

    names = set(values)
    coords: dict[Any, Any] = {k: list(v) for k, v in model.coords.items() if v is not None}
    dims: dict[Any, Any] = {k: list(d) for k, d in model.named_vars_to_dims.items() if k in names}
    return plain(dict_to_dataset(dict(values), coords=coords, dims=dims, sample_dims=[]))
