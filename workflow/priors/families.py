"""Families of priors with constant parameters: in words, identified, rescaled, moved."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...checks.hierarchy import constant_value
from ...checks.words import number
from ..runs.fingerprint import graph_key, key_of


@dataclass(frozen=True, slots=True)
class Family:
    """How a family is built from the parameters that its op stores.

    Attributes
    ----------
    parameters : tuple of str
        As they are stored, by the names that PyMC's constructor takes; ``scale`` is 1/rate.
    scaling : tuple of str
        Those that grow with the variable.
    centre : str
        Of a prior on the whole line: where it lies. Widened, it keeps its centre.
    """

    parameters: tuple[str, ...]
    scaling: tuple[str, ...] = ()
    centre: str = ""


FAMILIES: Mapping[str, Family] = {
    "Beta": Family(("alpha", "beta")),
    "Cauchy": Family(("alpha", "beta"), ("beta",), "alpha"),
    "Exponential": Family(("scale",), ("scale",)),
    "Gamma": Family(("alpha", "scale"), ("scale",)),
    "HalfCauchy": Family(("beta",), ("beta",)),
    "HalfNormal": Family(("loc", "sigma"), ("sigma",)),
    "HalfStudentT": Family(("nu", "sigma"), ("sigma",)),
    "InverseGamma": Family(("alpha", "beta"), ("beta",)),
    "Laplace": Family(("mu", "b"), ("b",), "mu"),
    "LogNormal": Family(("mu", "sigma")),
    "Normal": Family(("mu", "sigma"), ("sigma",), "mu"),
    "StudentT": Family(("nu", "mu", "sigma"), ("sigma",), "mu"),
    "TruncatedNormal": Family(("mu", "sigma", "lower", "upper"), ("mu", "sigma", "lower", "upper")),
    "Uniform": Family(("lower", "upper"), ("lower", "upper")),
    "Wald": Family(("mu", "lam", "alpha"), ("mu", "lam", "alpha")),
    "Weibull": Family(("alpha", "beta"), ("beta",)),
}

#: A beta prior is widened until the smaller of its parameters is this: Jeffreys' prior.
_FLATTEST_BETA = 0.5


def family_of(rv: Any) -> str:
    """Return PyMC's name of a distribution."""
    return str(getattr(rv.owner.op, "_print_name", (type(rv.owner.op).__name__,))[0])


def _stored(rv: Any) -> dict[str, Any] | None:
    """Return the stored parameters of a known family by name, whatever they depend on."""
    family = FAMILIES.get(family_of(rv))
    stored = rv.owner.op.dist_params(rv.owner) if family else ()
    if family is None or len(stored) != len(family.parameters):
        return None
    return dict(zip(family.parameters, stored, strict=True))


def parameters_of(rv: Any) -> dict[str, float] | None:
    """Return the constant parameters of a known family by name, or None."""
    values = {name: constant_value(p) for name, p in (_stored(rv) or {}).items()}
    known = {name: float(v) for name, v in values.items() if v is not None}
    return known if known and len(known) == len(values) else None


def identity_of(rv: Any) -> str:
    """Return a hash of a distribution: of family and parameters where these are numbers."""
    values = parameters_of(rv)
    if values is None:
        return graph_key([rv])
    return key_of(family_of(rv), {k: repr(v) for k, v in values.items()})


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


def make(name: str, stored: Mapping[str, Any]) -> Any:
    """Return a distribution of a known family from the parameters that its op stores."""
    import pymc as pm

    values = {key: value for key, value in stored.items() if key != "loc"}
    if name in ("Exponential", "Gamma"):
        values["lam" if name == "Exponential" else "beta"] = 1 / values.pop("scale")
    return getattr(pm, name).dist(**values)


def in_double_precision(name: str, parameters: Mapping[str, float]) -> Any:
    """Return a distribution of a known family with parameters in double precision.

    PyTensor takes the logarithm of a small integer in single precision.
    """
    return make(name, {key: np.float64(value) for key, value in parameters.items()})


def widened(rv: Any, factor: float) -> Callable[[], Any]:
    """Return a maker of a prior ``factor`` times as wide.

    A prior on the whole line keeps its centre, a beta prior its mean. Any other becomes the
    distribution of ``factor`` times the variable: known families keep their name, of others PyMC
    derives the density.
    """
    import pymc as pm

    name, values = family_of(rv), _stored(rv)
    if values is None:
        return lambda: pm.CustomDist.dist(
            dist=lambda size: factor * copy_of(rv), class_name=f"Scaled{name}"
        )
    known = parameters_of(rv) or {}
    if name == "Beta":
        return _wider_beta(known or values, factor)
    scaling = FAMILIES[name].scaling
    if name == "TruncatedNormal" and not known.get("lower", 0.0) >= 0:
        scaling = ("sigma",)
    grown = {key: v * factor if key in scaling else v for key, v in values.items()}
    if name == "LogNormal":
        grown["mu"] = values["mu"] + math.log(factor)
    if name == "Uniform" and known.get("lower", 0.0) < 0:
        # Around its middle: only the bounds of a scale start at zero.
        shift = (values["lower"] + values["upper"]) * (1 - factor) / 2
        grown = {key: value + shift for key, value in grown.items()}
    return lambda: make(name, grown)


def _wider_beta(values: Mapping[str, Any], factor: float) -> Callable[[], Any]:
    if factor > 1 and all(isinstance(v, float) for v in values.values()):
        factor = min(factor, max(1.0, min(values.values()) / _FLATTEST_BETA))
    return lambda: make("Beta", {key: value / factor for key, value in values.items()})


def beta_for_uniform(factor: float) -> Callable[[], Any]:
    """Return a maker of a beta prior that is ``factor`` times as wide as the uniform on (0, 1)."""
    return _wider_beta({"alpha": 1.0, "beta": 1.0}, factor)


def shifted(rv: Any, distance: float) -> Callable[[], Any]:
    """Return a maker of a prior moved by a distance."""
    import pymc as pm

    name, values = family_of(rv), parameters_of(rv)
    if values is not None:
        centre = FAMILIES[name].centre
        moving = ("lower", "upper") if name == "Uniform" else (centre,) if centre else ()
        if moving:
            moved = {k: v + distance if k in moving else v for k, v in values.items()}
            return lambda: make(name, moved)
    return lambda: pm.CustomDist.dist(
        dist=lambda size: distance + copy_of(rv), class_name=f"Shifted{name}"
    )


def copy_of(rv: Any) -> Any:
    """Return another draw from the same distribution."""
    return rv.owner.op.make_node(*rv.owner.inputs).outputs[rv.owner.outputs.index(rv)]
