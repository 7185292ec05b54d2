"""Models written with ``pymc.dims``, as the same models of plain tensors."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from .distributions import as_tensor, is_labelled

if TYPE_CHECKING:
    import pymc as pm

_KNOWN: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def plain_model(model: pm.Model) -> pm.Model:
    """Return a model without labelled tensors; a model that has none is returned as it is.

    Labelled operations are rewritten by PyTensor's own lowering. Names and dims are those of the
    model, so that draws of one are draws of the other. The same model gives the same object every
    time.
    """
    if not any(map(is_labelled, model.basic_RVs)):
        return model
    if model not in _KNOWN:
        _KNOWN[model] = _lowered(model)
    plain: pm.Model = _KNOWN[model]
    return plain


def remember_plain(model: pm.Model, plain: pm.Model) -> None:
    """Let one model be the plain form of another, with which it was sent to this process."""
    if plain is not model:
        _KNOWN[model] = plain


def _lowered(model: pm.Model) -> pm.Model:
    import pymc as pm
    from pytensor.compile import optdb
    from pytensor.graph.fg import FunctionGraph

    variables = [*model.basic_RVs, *model.deterministics, *model.potentials, *model.data_vars]
    graph = FunctionGraph(outputs=[as_tensor(v) for v in variables], clone=True)
    optdb.query("+lower_xtensor").rewrite(graph)
    lowered = dict(zip(variables, graph.outputs, strict=True))
    plain = pm.Model(coords=dict(model.coords))
    for name, length in model.dim_lengths.items():
        if name not in plain.dim_lengths:
            plain.add_coord(name, length=length)
    with plain, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for variable in model.data_vars:
            lowered[variable].name = variable.name
            plain.add_named_variable(lowered[variable], dims=_dims(model, variable))
        for rv in model.basic_RVs:
            data = as_tensor(model.rvs_to_values[rv]) if rv in model.observed_RVs else None
            plain.register_rv(lowered[rv], rv.name, observed=data, dims=_dims(model, rv))
        for variable in model.deterministics:
            pm.Deterministic(variable.name, lowered[variable], dims=_dims(model, variable))
        for variable in model.potentials:
            pm.Potential(variable.name, lowered[variable], dims=_dims(model, variable))
    return plain


def _dims(model: pm.Model, variable: Any) -> Any:
    return model.named_vars_to_dims.get(variable.name)
