"""A copy of a model whose priors, data and likelihood weights are shared data.

The model itself is not touched. In the copy

- every top-level prior that the formula of :mod:`.densities` holds, of the variable or of parts of
  it, keeps its variable and transform; a potential adds
  :math:`\\log\\sum_k \\pi_k p_k(v)/p_0(v)` over alternative priors :math:`p_k`, whose numbers are
  shared data;
- every likelihood becomes a potential :math:`\\sum_i w_i \\log p(y_i)` of shared data and weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...checks.draws import Array
from ...checks.hierarchy import value_of
from ...checks.hierarchy.distributions import is_labelled
from ..priors.replacing import without_starts
from .densities import LogDensity, table
from .parts import Part, parts_of

if TYPE_CHECKING:
    import pymc as pm

#: Names of the shared numbers of all priors, and of the log weights of their mixture.
NUMBERS, MIXTURE = "poolwise::priors::numbers", "poolwise::priors::weights"


class NotSwitchable(Exception):
    """A model cannot be rewritten; the message says why."""


@dataclass(frozen=True, slots=True)
class Switchable:
    """A rewritten model.

    Attributes
    ----------
    model : pymc.Model
    parts : dict of str to Part
        What has a prior that can be switched, by name: a variable, or a part of one.
    data : dict of str to ndarray
        Data of each outcome that can be switched.
    rows : dict of str to tuple of int
        Shape of the log-likelihood of each of these outcomes, and so of its weights.
    fixed : dict of str to str
        Why a prior or an outcome cannot be switched, by variable.
    """

    model: pm.Model
    parts: dict[str, Part]
    data: dict[str, np.ndarray]
    rows: dict[str, tuple[int, ...]]
    fixed: dict[str, str]


def data_of(name: str) -> str:
    """Name of the shared data of an outcome."""
    return f"poolwise::data::{name}"


def weight_of(name: str) -> str:
    """Name of the shared likelihood weights of an outcome's rows."""
    return f"poolwise::weight::{name}"


def switchable(model: pm.Model, top_level: Iterable[str]) -> Switchable:
    """Rewrite a copy of a model.

    Parameters
    ----------
    model : pymc.Model
    top_level : iterable of str
        Variables whose priors are to be switched.

    Raises
    ------
    NotSwitchable
        If the model cannot be copied.
    """
    fixed: dict[str, str] = {}
    copy, data, rows = _with_shared_data(model, fixed)
    parts = _own_priors(copy, top_level, fixed)
    if parts:
        _add_mixture(copy, parts)
    return Switchable(copy, parts, data, rows, fixed)


def _with_shared_data(
    model: pm.Model, fixed: dict[str, str]
) -> tuple[pm.Model, dict[str, np.ndarray], dict[str, tuple[int, ...]]]:
    """Copy a model with its likelihoods as weighted potentials of shared data."""
    from pymc.model.fgraph import fgraph_from_model, model_from_fgraph, model_potential

    data: dict[str, np.ndarray] = {}
    rows: dict[str, tuple[int, ...]] = {}
    with without_starts(model) as starts:
        try:
            graph, memo = fgraph_from_model(model)
        except (NotImplementedError, ValueError) as error:
            raise NotSwitchable(str(error)) from error
        for outcome in model.observed_RVs:
            name = str(outcome.name)
            old = memo[outcome]
            found = _weighted(name, *old.owner.inputs[:2])
            if isinstance(found, str):
                fixed[name] = found
                continue
            data[name], rows[name], likelihood = found
            graph.remove_output(graph.outputs.index(old))
            potential = model_potential(_rejoined(likelihood, graph), f"log p({name})")
            graph.add_output(potential, import_missing=True)
        copy: pm.Model = model_from_fgraph(graph, mutate_fgraph=True)
    for name, start in starts.items():
        copy.set_initval(copy[name], start)
    return copy, data, rows


def _weighted(name: str, rv: Any, value: Any) -> tuple[np.ndarray, tuple[int, ...], Any] | str:
    """Return data, rows and weighted log-likelihood of an outcome, or why there are none."""
    import pymc as pm
    import pytensor
    from pymc.distributions.distribution import SymbolicRandomVariable
    from pytensor.tensor.random.op import RandomVariable

    if is_labelled(rv):
        return "it is written with pymc.dims"
    if not isinstance(rv.owner.op, RandomVariable | SymbolicRandomVariable):
        return f"its likelihood is wrapped in {type(rv.owner.op).__name__}"
    observed = value_of(value)
    shared = pytensor.shared(observed, name=data_of(name), shape=value.type.shape)
    try:
        density = pm.logp(rv, shared, warn_rvs=False)
    except Exception as error:
        return f"its log-likelihood cannot be rewritten ({type(error).__name__})"
    rows = observed.shape[: density.ndim]
    weights = pytensor.shared(np.ones(rows), name=weight_of(name))
    return observed, rows, weights * density


def _rejoined(expression: Any, graph: Any) -> Any:
    """Return an expression in which variables of the model are those of the graph again.

    For distributions made of others, such as censored ones, PyMC derives the density on a copy.
    """
    from pymc.model.fgraph import ModelVar
    from pytensor.graph.replace import graph_replace
    from pytensor.graph.traversal import ancestors

    ours = {v.owner.op.name: v for v in graph.variables if _is_model_variable(v, ModelVar)}
    copies = [
        v
        for v in ancestors([expression])
        if _is_model_variable(v, ModelVar) and ours.get(v.owner.op.name) is not v
    ]
    if not copies:
        return expression
    return graph_replace(expression, {v: ours[v.owner.op.name] for v in copies}, strict=False)


def _is_model_variable(variable: Any, kind: type) -> bool:
    return variable.owner is not None and isinstance(variable.owner.op, kind)


def _own_priors(copy: pm.Model, top_level: Iterable[str], fixed: dict[str, str]) -> dict[str, Part]:
    found: dict[str, Part] = {}
    for name in top_level:
        rv = copy[name]
        if is_labelled(rv):
            fixed[name] = "it is written with pymc.dims"
            continue
        parts = parts_of(rv)
        found |= parts
        if not parts:
            fixed[name] = "its prior has no constant parameters of a known family"
        elif name not in parts:
            fixed[name] = "its prior is one of its spreads and correlations"
    return found


def _add_mixture(copy: pm.Model, parts: Mapping[str, Part]) -> None:
    """Add log of the mixture of alternatives, relative to the model's own priors."""
    import pymc as pm
    import pytensor
    import pytensor.tensor as pt

    from .mixture import PriorMixture

    start = mixture_data({name: p.density for name, p in parts.items()}, [{}], np.ones(1))
    numbers, log_weights = (pytensor.shared(start[n], name=n) for n in (NUMBERS, MIXTURE))
    flat = [p.of(copy[p.variable]).ravel() for p in parts.values()]
    owner = pt.concatenate([pt.full_like(v, k, dtype="int64") for k, v in enumerate(flat)])
    with copy:
        node = PriorMixture().make_node(numbers, log_weights, pt.concatenate(flat), owner)
        pm.Potential("poolwise::priors", node.outputs[0])


def mixture_data(
    own: Mapping[str, LogDensity],
    alternatives: Sequence[Mapping[str, LogDensity]],
    weights: Array,
) -> dict[str, Array]:
    """Return the shared data of a mixture of alternative priors.

    Parameters
    ----------
    own : mapping of str to LogDensity
        Every switchable prior of the model, by what it is put on.
    alternatives : sequence of mapping
        What each alternative changes; an empty mapping is the model itself.
    weights : ndarray of shape (alternatives,)
        Of the mixture; positive.
    """
    numbers = [table([base, *(a.get(n, base) for a in alternatives)]) for n, base in own.items()]
    return {NUMBERS: np.stack(numbers, axis=1), MIXTURE: np.log(weights)}
