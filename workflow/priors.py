"""Another prior on one variable of a model: in words, as a distribution, in a copy of the model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ..checks.hierarchy import constant_value
from ..checks.words import number
from .fingerprint import graph_key, key_of

if TYPE_CHECKING:
    import pymc as pm


@dataclass(frozen=True, slots=True)
class Alternative:
    """One alternative prior.

    Attributes
    ----------
    parameter : str
        Variable whose prior is replaced.
    prior, base : str
        The new prior and the spec's own, in words.
    make : callable
        Returns the new distribution, unregistered.
    declared : bool
        Whether the spec asked for it, or it is one of the defaults.
    same_support : bool
        Whether it is a rescaled copy of the spec's own prior, with its transform.
    """

    parameter: str
    prior: str
    base: str
    make: Callable[[], Any]
    declared: bool
    same_support: bool = False

    @property
    def identity(self) -> str:
        """Hash of the distribution itself: two priors that read alike are told apart."""
        return identity_of(self.make())

    @property
    def key(self) -> str:
        """Name of the alternative, fit for a file or a group of a run."""
        text = f"{self.parameter}_{self.prior}"
        plain = "".join(c if c.isalnum() or c in "._-" else "_" for c in text).strip("_")
        return f"{plain}_{self.identity[:8]}"


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
    "LogNormal": ("LogNormal", ("mu", "sigma"), ()),
    "Normal": ("Normal", ("mu", "sigma"), ()),
    "StudentT": ("StudentT", ("nu", "mu", "sigma"), ()),
    "Cauchy": ("Cauchy", ("alpha", "beta"), ()),
}


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
    name = str(getattr(rv.owner.op, "_print_name", (type(rv.owner.op).__name__,))[0])
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


def scaled(rv: Any, factor: float) -> Callable[[], Any]:
    """Return a maker of the distribution of ``factor`` times a positive variable.

    Known families keep their name; any other becomes the distribution of the product, whose density
    PyMC derives.
    """
    import pymc as pm

    name = str(getattr(rv.owner.op, "_print_name", ("",))[0])
    stored = rv.owner.op.dist_params(rv.owner)
    if name not in _FAMILIES or len(stored) != len(_FAMILIES[name][1]):
        return lambda: pm.CustomDist.dist(
            dist=lambda size: factor * _copy_of(rv), class_name=f"Scaled{name}"
        )
    constructor, names, scales = _FAMILIES[name]
    values = {
        k: p * factor if k in scales else p
        for k, p in zip(names, stored, strict=True)
        if k != "loc"
    }
    if name == "LogNormal":
        values["mu"] = values["mu"] + math.log(factor)
    if constructor == "Gamma":
        values["beta"] = 1 / values.pop("scale")
    if constructor == "Exponential":
        values["lam"] = 1 / values.pop("scale")
    return lambda: getattr(pm, constructor).dist(**values)


def _copy_of(rv: Any) -> Any:
    return rv.owner.op.make_node(*rv.owner.inputs).outputs[rv.owner.outputs.index(rv)]


def default_alternatives(
    model: pm.Model, scales: Sequence[str], factors: Sequence[float] = (0.5, 2.0)
) -> Iterator[Alternative]:
    """Yield each scale's prior at half and at twice its width."""
    for name in scales:
        rv = model[name]
        base = in_words(rv)
        for factor in factors:
            make = scaled(rv, factor)
            words = in_words(make()) if parameters_of(rv) is not None else f"{factor:g} × {base}"
            yield Alternative(name, words, base, make, declared=False, same_support=True)


def _itself(rv: Any) -> Any:
    return rv


def declared_alternatives(
    model: pm.Model, priors: Mapping[str, Sequence[Any]]
) -> Iterator[Alternative]:
    """Yield the alternatives a spec declares, in its order."""
    for name, dists in priors.items():
        base = in_words(model[name])
        for dist in dists:
            rv = dist() if callable(dist) else dist
            yield Alternative(name, in_words(rv), base, partial(_itself, rv), declared=True)


def alternatives(
    model: pm.Model, scales: Sequence[str], priors: Mapping[str, Sequence[Any]]
) -> list[Alternative]:
    """Return every alternative prior of a sweep, without repetitions and without the base."""
    found: dict[tuple[str, str], Alternative] = {}
    for this in (*declared_alternatives(model, priors), *default_alternatives(model, scales)):
        if this.identity != identity_of(model[this.parameter]):
            found.setdefault((this.parameter, this.identity), this)
    return list(found.values())


def with_prior(model: pm.Model, alternative: Alternative) -> pm.Model:
    """Return a copy of a model in which one variable has another prior.

    The model itself is not touched. The new variable keeps its name, dims and place in the graph,
    and brings the default transform of its own family.

    Raises
    ------
    ValueError
        If the new distribution does not have the variable's shape.
    """
    import pymc as pm
    from pymc.distributions.shape_utils import change_dist_size
    from pymc.model.fgraph import fgraph_from_model, model_free_rv, model_from_fgraph
    from pymc.pytensorf import toposort_replace

    with without_starts(model) as starts:
        graph, memo = fgraph_from_model(model)
    old = memo[model[alternative.parameter]]
    op = old.owner.op
    dist = alternative.make()
    if dist.ndim != old.ndim:
        if dist.ndim:
            raise ValueError(
                f"{alternative.prior} has {dist.ndim} dimensions, "
                f"{alternative.parameter} has {old.ndim}"
            )
        dist = change_dist_size(dist, old.owner.inputs[0].shape)
    with pm.Model() as scratch:
        # Registered in a model of its own to learn its value variable and default transform.
        rv = scratch.register_rv(dist, name=alternative.parameter)
        value, transform = scratch.rvs_to_values[rv], scratch.rvs_to_transforms[rv]
    if alternative.same_support:
        transform = op.transform
    new = model_free_rv(rv, value, transform, op.name, *op.dims)
    toposort_replace(graph, [(old, new)])
    changed: pm.Model = model_from_fgraph(graph, mutate_fgraph=True)
    for name, start in starts.items():
        if name != alternative.parameter:
            changed.set_initval(changed[name], start)
    return changed


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
