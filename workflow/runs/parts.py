"""What a result depends on, part by part, so that a comparison of two runs can name the cause.

The key of a whole model says that something changed. Here every variable has its distribution in
words and a key of its own, and numbers that come with data (observed values, arrays, labels) have
keys apart from the structure that uses them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...checks.hierarchy import constant_value
from ...checks.words import number
from ..priors.families import identity_of, in_words, parameters_of
from ..specs.preflight import observed_values
from ..specs.spec import ModelSpec
from .fingerprint import array_key, code_key, graph_keys, key_of, text_key

if TYPE_CHECKING:
    import pymc as pm


#: Variables that are named as those an expression is computed from.
_MOST_PARENTS = 8


def variables_of(model: pm.Model) -> list[dict[str, Any]]:
    """Return every variable of a model in words, in the order of the model.

    Parameters
    ----------
    model : pymc.Model

    Returns
    -------
    list of dict
        ``name``; ``kind`` (``free``, ``observed``, ``deterministic`` or ``potential``); ``dims``;
        ``shape``; ``words`` (``HalfCauchy(5)``, ``Normal(mu, tau)``, ``f(mu, tau, z)``);
        ``parameters``, the exact numbers where all are constant; ``key``, a hash of how it is
        computed from other named variables; and ``arrays``, a hash of the arrays of numbers in it.
    """
    kinds: Mapping[str, Sequence[Any]] = {
        "free": model.free_RVs,
        "observed": model.observed_RVs,
        "deterministic": model.deterministics,
        "potential": model.potentials,
    }
    named = list(model.named_vars.values())
    return [
        _variable(model, variable, kind, named)
        for kind, variables in kinds.items()
        for variable in variables
    ]


def _variable(model: pm.Model, variable: Any, kind: str, named: Sequence[Any]) -> dict[str, Any]:
    random = kind in ("free", "observed")
    words, parameters = "", None
    if random:
        words, parameters = _distribution(variable, named)
    else:
        words = _function_of(_parents(variable, named))
    about = type(model.rvs_to_transforms.get(variable)).__name__ if random else ""
    structure, arrays = graph_keys(
        _parameters(variable) if random else variable.owner.inputs,
        known={v: v.name for v in named if v is not variable}
        | dict.fromkeys(model.dim_lengths.values(), "length"),
        about=(variable.owner.op, about),
    )
    start = model.rvs_to_initial_values.get(variable) if random else None
    dims = model.named_vars_to_dims.get(variable.name)
    return {
        "name": str(variable.name),
        "kind": kind,
        "dims": [] if dims is None else [str(d) for d in dims],
        "shape": [None if n is None else int(n) for n in variable.type.shape],
        "words": words,
        "parameters": parameters,
        "key": key_of(structure, repr(start)),
        "arrays": arrays,
    }


def _parameters(rv: Any) -> list[Any]:
    try:
        return list(rv.owner.op.dist_params(rv.owner))
    except (AttributeError, TypeError, ValueError):  # an op that does not tell them apart
        return list(rv.owner.inputs)


def _distribution(rv: Any, named: Sequence[Any]) -> tuple[str, dict[str, float] | None]:
    parameters = parameters_of(rv)
    if parameters is not None:
        return in_words(rv), parameters
    name = str(getattr(rv.owner.op, "_print_name", (type(rv.owner.op).__name__,))[0])
    said = [_parameter(p, named) for p in _parameters(rv)]
    return f"{name}({', '.join(said)})", None


def _parameter(variable: Any, named: Sequence[Any]) -> str:
    from pytensor.tensor.elemwise import DimShuffle

    while variable.owner is not None and isinstance(variable.owner.op, DimShuffle):
        variable = variable.owner.inputs[0]
    if variable in named:
        return str(variable.name)
    parents = _parents(variable, named)
    if parents:
        return _function_of(parents)
    value = constant_value(variable)
    return "numbers" if value is None else number(value, 3)


def _function_of(parents: Sequence[str]) -> str:
    """Return ``f(mu, tau, z)``; of many variables only the first are named."""
    left_out = len(parents) - _MOST_PARENTS
    more = [f"{left_out} more"] if left_out > 0 else []
    return f"f({', '.join([*parents[:_MOST_PARENTS], *more])})"


def _parents(variable: Any, named: Sequence[Any]) -> list[str]:
    """Return the named variables a variable is computed from, the nearest, in the model's order."""
    from pytensor.graph.traversal import ancestors

    if variable.owner is None:
        return []
    reached = set(ancestors(variable.owner.inputs, blockers=named))
    return [str(v.name) for v in named if v in reached]


def keys_of(spec: ModelSpec, model: pm.Model) -> dict[str, Any]:
    """Return a key of every part of a spec and its data.

    Parameters
    ----------
    spec : ModelSpec
    model : pymc.Model
        The model the spec builds.

    Returns
    -------
    dict
        ``source`` and ``code`` (the text of the spec; without decorators, comments and layout),
        ``options`` (what the spec declares, by option and name), ``observed``, ``data`` and
        ``coords`` (values by name).
    """
    return {
        "source": text_key(spec.source),
        "code": text_key(spec.body),
        "options": dict(options_of(spec)),
        "observed": {n: array_key(v) for n, v in sorted(observed_values(model).items())},
        "data": {str(v.name): array_key(_value(v)) for v in model.data_vars},
        "coords": {
            str(dim): key_of([str(label) for label in labels])
            for dim, labels in sorted(model.coords.items())
            if labels is not None
        },
    }


def _value(variable: Any) -> np.ndarray:
    got = variable.get_value(borrow=True) if hasattr(variable, "get_value") else variable.data
    return np.asarray(got)


def options_of(spec: ModelSpec) -> Iterator[tuple[str, dict[str, dict[str, str]]]]:
    """Yield each option of a spec that can change a result: words (where it has any) and a key."""
    yield "levels", _said({name: repr(level.as_dict()) for name, level in spec.levels.items()})
    yield "scales", _said({name: repr(offset) for name, offset in spec.scales.items()})
    yield "noise", _said({"noise": repr(spec.noise)} if spec.noise else {})
    yield "expect", _said({e.label: f"{e.between} in {e.prob:g}" for e in spec.expect})
    yield "priors", {name: _alternatives(dists) for name, dists in spec.priors.items()}
    for option in ("quantities", "decisions"):
        codes = code_key(getattr(spec, option))
        yield option, {name: {"words": "", "key": key} for name, key in codes.items()}
    changed = {code: dict(sorted(these.items())) for code, these in spec.thresholds.items()}
    yield "thresholds", _said({code: repr(these) for code, these in changed.items()})


def _said(words: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"words": said, "key": said} for name, said in words.items()}


def _alternatives(dists: Sequence[Any]) -> dict[str, str]:
    made = [dist() if callable(dist) else dist for dist in dists]
    return {
        "words": ", ".join(in_words(rv) for rv in made),
        "key": key_of([identity_of(rv) for rv in made]),
    }
