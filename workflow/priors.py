"""Another prior on one variable of a model: in words, as a distribution, in a copy of the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ..checks.hierarchy import constant_value
from ..checks.words import number

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
    """

    parameter: str
    prior: str
    base: str
    make: Callable[[], Any]
    declared: bool

    @property
    def key(self) -> str:
        """Name of the alternative, fit for a file or a group of a run."""
        text = f"{self.parameter}_{self.prior}"
        return "".join(c if c.isalnum() or c in "._-" else "_" for c in text).strip("_")


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
        return name
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

    name = rv.owner.op._print_name[0]
    values = parameters_of(rv)
    if values is None:
        return lambda: pm.CustomDist.dist(
            dist=lambda size: factor * _copy_of(rv), class_name=f"Scaled{name}"
        )
    constructor, _, scales = _FAMILIES[name]
    values = {k: v * factor if k in scales else v for k, v in values.items() if k != "loc"}
    if name == "LogNormal":
        import math

        values["mu"] += math.log(factor)
    if constructor == "Gamma":
        values["beta"] = 1 / values.pop("scale")
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
            yield Alternative(name, words, base, make, declared=False)


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
    found: dict[str, Alternative] = {}
    for this in (*declared_alternatives(model, priors), *default_alternatives(model, scales)):
        if this.prior != this.base or this.declared is False:
            found.setdefault(this.key, this)
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
    new = model_free_rv(rv, value, transform, op.name, *op.dims)
    toposort_replace(graph, [(old, new)])
    changed: pm.Model = model_from_fgraph(graph, mutate_fgraph=True)
    return changed
