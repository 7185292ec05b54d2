"""Copies of a model with other data, and with its likelihood twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from ...checks.hierarchy.known_values import observed_data
from ..engine import NotSwitchable
from ..priors.replacing import without_starts

if TYPE_CHECKING:
    import pymc as pm


def again(outcome: str) -> str:
    """Name of the second set of data of an outcome."""
    return f"poolwise::again::{outcome}"


def doubled(model: pm.Model) -> pm.Model:
    """Return a copy in which every outcome is observed twice: as it is, and as :func:`again`.

    Both sets of data have the same rows: covariates, groups, and everything else they depend on.
    Until it is replaced, the second set holds the observed data.

    Raises
    ------
    NotSwitchable
        If the model cannot be copied.
    """
    from pymc.model.fgraph import clone_model

    with _copyable(model) as starts:
        copy: pm.Model = clone_model(model)
    for name, start in starts.items():
        copy.set_initval(copy[name], start)
    for outcome in list(copy.observed_RVs):
        node = outcome.owner.clone()
        repeated = node.outputs[outcome.owner.outputs.index(outcome)]
        values, _ = observed_data(copy, outcome)
        copy.register_rv(
            repeated,
            again(str(outcome.name)),
            observed=np.asarray(values),
            dims=copy.named_vars_to_dims.get(outcome.name),
        )
    return copy


def with_data(model: pm.Model, data: Mapping[str, np.ndarray]) -> pm.Model:
    """Return a copy of a model that observes other data.

    Raises
    ------
    NotSwitchable
        If the model cannot be copied.
    """
    import pytensor
    from pymc.model.fgraph import fgraph_from_model, model_from_fgraph

    with _copyable(model) as starts:
        graph, memo = fgraph_from_model(model)
        for outcome in model.observed_RVs:
            name = str(outcome.name)
            if name not in data:
                continue
            old = memo[outcome].owner.inputs[1]
            values = np.asarray(data[name]).astype(old.type.dtype)
            new = pytensor.shared(values, name=f"{name}_data", shape=old.type.shape)
            graph.replace(old, old.type.filter_variable(new), import_missing=True)
        copy: pm.Model = model_from_fgraph(graph, mutate_fgraph=True)
    for name, start in starts.items():
        copy.set_initval(copy[name], start)
    return copy


@contextmanager
def _copyable(model: pm.Model) -> Iterator[dict[str, Any]]:
    with without_starts(model) as starts:
        try:
            yield starts
        except (NotImplementedError, ValueError) as error:
            raise NotSwitchable(str(error)) from error
