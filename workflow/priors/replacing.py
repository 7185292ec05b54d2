"""Another prior on one variable of a model: in words, as a distribution, in a copy of the model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...checks.hierarchy import constant_value
from ...checks.words import number
from ..runs.fingerprint import graph_key, key_of

if TYPE_CHECKING:
    import pymc as pm

    from ..engine.densities import LogDensity


@dataclass(frozen=True, slots=True)
class Replacement:
    """Another prior for one variable.

    Attributes
    ----------
    parameter : str
        Variable whose prior is replaced.
    prior, base : str
        The new prior and the spec's own, in words.
    make : callable
        Returns the new distribution, unregistered.
    same_support : bool
        Whether it is a rescaled copy of the spec's own prior, with its transform.
    means : str
        What it means in the terms of the model; empty where that is not known.
    density : LogDensity or None
        Its numbers, where they do not follow from the distribution.
    identity : str
        Hash of the distribution itself: two priors that read alike are told apart.
    """

    parameter: str
    prior: str
    base: str
    make: Callable[[], Any]
    same_support: bool = False
    means: str = ""
    density: LogDensity | None = None
    identity: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "identity", identity_of(self.make()))

    def with_meaning(self, means: str) -> Replacement:
        """Return the same replacement with what it means."""
        return replace(self, means=means)


def identity_of(rv: Any) -> str:
    """Return a hash of a distribution: of family and parameters where these are numbers."""
    values = parameters_of(rv)
    if values is None:
        return graph_key([rv])
    return key_of(rv.owner.op._print_name[0], {k: repr(v) for k, v in values.items()})


#: How each family is built from the parameters its op stores, and which of them is a scale.
#: name -> (PyMC constructor, names of stored parameters, stored parameters that scale with x)
_FAMILIES: Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "HalfNormal": ("HalfNormal", ("loc", "sigma"), ("sigma",)),
    "HalfCauchy": ("HalfCauchy", ("beta",), ("beta",)),
    "HalfStudentT": ("HalfStudentT", ("nu", "sigma"), ("sigma",)),
    "Exponential": ("Exponential", ("scale",), ("scale",)),
    "Gamma": ("Gamma", ("alpha", "scale"), ("scale",)),
    "InverseGamma": ("InverseGamma", ("alpha", "beta"), ("beta",)),
    "Weibull": ("Weibull", ("alpha", "beta"), ("beta",)),
    "Uniform": ("Uniform", ("lower", "upper"), ("lower", "upper")),
    "Wald": ("Wald", ("mu", "lam", "alpha"), ("mu", "lam", "alpha")),
    "TruncatedNormal": (
        "TruncatedNormal",
        ("mu", "sigma", "lower", "upper"),
        ("mu", "sigma", "lower", "upper"),
    ),
    "Beta": ("Beta", ("alpha", "beta"), ()),
    "Laplace": ("Laplace", ("mu", "b"), ()),
    "LogNormal": ("LogNormal", ("mu", "sigma"), ()),
    "Normal": ("Normal", ("mu", "sigma"), ()),
    "StudentT": ("StudentT", ("nu", "mu", "sigma"), ()),
    "Cauchy": ("Cauchy", ("alpha", "beta"), ()),
}


def family_of(rv: Any) -> str:
    """Return PyMC's name of a distribution."""
    return str(getattr(rv.owner.op, "_print_name", (type(rv.owner.op).__name__,))[0])


def parameters_of(rv: Any) -> dict[str, float] | None:
    """Return the constant parameters of a known family by name, or None."""
    op = rv.owner.op
    family = _FAMILIES.get(getattr(op, "_print_name", ("",))[0])
    if family is None:
        return None
    stored = op.dist_params(rv.owner)
    if len(stored) != len(family[1]):
        return None
    values = [constant_value(p) for p in stored]
    if any(v is None for v in values):
        return None
    return {n: float(v) for n, v in zip(family[1], values, strict=True) if v is not None}


def in_words(rv: Any) -> str:
    """Return a prior as a reader writes it: ``HalfCauchy(5)``, ``Exponential(mean 5)``."""
    name = family_of(rv)
    values = parameters_of(rv)
    if values is None:
        stored = [constant_value(p) for p in rv.owner.op.dist_params(rv.owner)]
        known = [number(v, 3) for v in stored if v is not None]
        return f"{name}({', '.join(known)})" if known and len(known) == len(stored) else name
    if name == "Exponential":
        return f"Exponential(mean {number(values['scale'], 3)})"
    if name == "Gamma":
        return f"Gamma({number(values['alpha'], 3)}, scale {number(values['scale'], 3)})"
    shown = [number(v, 3) for k, v in values.items() if k != "loc"]
    return f"{name}({', '.join(shown)})"


#: Families of a location, each with the parameter that is its width.
_WIDTHS = {"Normal": "sigma", "StudentT": "sigma", "Cauchy": "beta", "Laplace": "b"}


def widened(rv: Any, factor: float) -> Callable[[], Any]:
    """Return a maker of a prior ``factor`` times as wide.

    A prior of a location keeps its centre. Any other becomes the distribution of ``factor`` times
    the variable: known families keep their name, of others PyMC derives the density.
    """
    import pymc as pm

    name = str(getattr(rv.owner.op, "_print_name", ("",))[0])
    stored = rv.owner.op.dist_params(rv.owner)
    if name not in _FAMILIES or len(stored) != len(_FAMILIES[name][1]):
        return lambda: pm.CustomDist.dist(
            dist=lambda size: factor * _copy_of(rv), class_name=f"Scaled{name}"
        )
    _, names, scales = _FAMILIES[name]
    values = dict(zip(names, stored, strict=True))
    if name == "TruncatedNormal" and not (parameters_of(rv) or {}).get("lower", 0.0) >= 0:
        scales = ("sigma",)
    if name == "Beta":
        # As wide as it can be made without moving the mean.
        values = {key: value / factor for key, value in values.items()}
    for key in (_WIDTHS[name],) if name in _WIDTHS else scales:
        values[key] = values[key] * factor
    if name == "LogNormal":
        values["mu"] = values["mu"] + math.log(factor)
    if name == "Uniform" and (parameters_of(rv) or {}).get("lower", 0.0) < 0:
        # Around its middle: only the bounds of a scale start at zero.
        shift = (stored[0] + stored[1]) * (1 - factor) / 2
        values = {key: value + shift for key, value in values.items()}
    return lambda: _made(name, values)


def shifted(rv: Any, distance: float) -> Callable[[], Any]:
    """Return a maker of a prior moved by a distance."""
    import pymc as pm

    name, values = family_of(rv), parameters_of(rv)
    centre = {"Normal": "mu", "StudentT": "mu", "Laplace": "mu", "Cauchy": "alpha"}.get(name)
    if values is not None and centre is not None:
        moved = values | {centre: values[centre] + distance}
        return lambda: _made(name, moved)
    if values is not None and name == "Uniform":
        bounds = {key: value + distance for key, value in values.items()}
        return lambda: _made(name, bounds)
    return lambda: pm.CustomDist.dist(
        dist=lambda size: distance + _copy_of(rv), class_name=f"Shifted{name}"
    )


def set_by(rv: Any, name: str, spread: Callable[[], Any], power: float) -> Replacement:
    """Replace a prior by what it implies for a standard deviation, a power of the variable.

    Parameters
    ----------
    rv : TensorVariable
    name : str
        Of the variable.
    spread : callable
        Returns the distribution of the standard deviation.
    power : float
        1/2 where the variable is a variance, -1/2 for a precision; 0 where it is the log.
    """
    import pymc as pm
    import pytensor.tensor as pt

    from ..engine.densities import log_density_of, of_power

    def made() -> Any:
        def dist(size: Any) -> Any:
            own = _copy_of(spread())
            return pt.log(own) if power == 0 else own ** (1 / power)

        return pm.CustomDist.dist(dist=dist, class_name=f"{family_of(spread())}OfSd")

    own = log_density_of(spread())
    density = of_power(own, power) if own is not None and power != 0 else None
    words = f"such that the sd is {in_words(spread())}"
    return Replacement(name, words, in_words(rv), made, same_support=True, density=density)


def inverse_gamma_on_variance(rv: Any, name: str, power: float, epsilon: float) -> Replacement:
    """Replace the prior of a spread by an inverse gamma of the variance, both parameters small.

    Parameters
    ----------
    rv : TensorVariable
    name : str
        Of the variable.
    power : float
        As :func:`set_by` takes it.
    epsilon : float
        Shape and scale.
    """
    import pymc as pm
    import pytensor.tensor as pt

    from ..engine.densities import log_density_of, of_power

    def made() -> Any:
        def dist(size: Any) -> Any:
            variance = pm.InverseGamma.dist(epsilon, epsilon, size=size)
            return pt.log(variance) / 2 if power == 0 else variance ** (0.5 / power)

        return pm.CustomDist.dist(dist=dist, class_name="InverseGammaOfVariance")

    own = log_density_of(pm.InverseGamma.dist(epsilon, epsilon))
    # The variance is the square of the spread, which is a power of the variable.
    density = of_power(own, 2 * power) if own is not None and power != 0 else None
    words = f"InverseGamma({epsilon:g}, {epsilon:g}) on the variance"
    return Replacement(name, words, in_words(rv), made, same_support=True, density=density)


def in_double_precision(rv: Any) -> Any:
    """Return a distribution of a known family with its constant parameters as double precision.

    PyTensor takes the logarithm of a small integer in single precision.

    Raises
    ------
    ValueError
        If :func:`parameters_of` does not know the distribution.
    """
    values = parameters_of(rv)
    if values is None:
        raise ValueError("not a known family with constant parameters")
    name = str(rv.owner.op._print_name[0])
    return _made(name, {key: np.float64(value) for key, value in values.items()})


def _made(name: str, stored: Mapping[str, Any]) -> Any:
    """Return a distribution of a known family from the parameters its op stores."""
    import pymc as pm

    values = {key: value for key, value in stored.items() if key != "loc"}
    if name == "Gamma":
        values["beta"] = 1 / values.pop("scale")
    if name == "Exponential":
        values["lam"] = 1 / values.pop("scale")
    return getattr(pm, _FAMILIES[name][0]).dist(**values)


def _copy_of(rv: Any) -> Any:
    return rv.owner.op.make_node(*rv.owner.inputs).outputs[rv.owner.outputs.index(rv)]


def with_priors(model: pm.Model, replacements: Sequence[Replacement]) -> pm.Model:
    """Return a copy of a model in which some variables have other priors.

    The model itself is not touched. A changed variable keeps its name, dims and place in the graph,
    and brings the default transform of its own family.

    Raises
    ------
    ValueError
        If a new distribution does not have the variable's shape.
    """
    from pymc.model.fgraph import fgraph_from_model, model_from_fgraph
    from pymc.pytensorf import toposort_replace

    with without_starts(model) as starts:
        graph, memo = fgraph_from_model(model)
    swaps = [(memo[model[r.parameter]], r) for r in replacements]
    toposort_replace(graph, [(old, _replaced(old, r)) for old, r in swaps])
    changed: pm.Model = model_from_fgraph(graph, mutate_fgraph=True)
    replaced = {r.parameter for r in replacements}
    for name, start in starts.items():
        if name not in replaced:
            changed.set_initval(changed[name], start)
    return changed


def _replaced(old: Any, replacement: Replacement) -> Any:
    """Return a variable of a model's graph with another distribution."""
    import pymc as pm
    from pymc.distributions.shape_utils import change_dist_size
    from pymc.model.fgraph import model_free_rv

    op, name = old.owner.op, replacement.parameter
    dist = replacement.make()
    if dist.ndim != old.ndim:
        if dist.ndim:
            raise ValueError(
                f"{replacement.prior} has {dist.ndim} dimensions, {name} has {old.ndim}"
            )
        dist = change_dist_size(dist, old.owner.inputs[0].shape)
    with pm.Model() as scratch:
        # Registered in a model of its own to learn its value variable and default transform.
        rv = scratch.register_rv(dist, name=name)
        value, transform = scratch.rvs_to_values[rv], scratch.rvs_to_transforms[rv]
    if replacement.same_support:
        transform = op.transform
    return model_free_rv(rv, value, transform, op.name, *op.dims)


@contextmanager
def without_starts(model: pm.Model) -> Iterator[dict[str, Any]]:
    """Take the starting values off a model for a while: PyMC copies no model that has any.

    Yields
    ------
    dict
        The starting values that were taken off, by variable.
    """
    kept = dict(model.rvs_to_initial_values)
    for rv in kept:
        model.rvs_to_initial_values[rv] = None
    try:
        yield {str(rv.name): start for rv, start in kept.items() if start is not None}
    finally:
        model.rvs_to_initial_values.update(kept)
