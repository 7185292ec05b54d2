"""Which other priors a review tries, on one variable or on several at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ..checks.hierarchy.variables import Variable, read_variables
from ..checks.spec.quantiles import prior_quantile
from ..checks.words import ALL_HYPERPRIORS
from .fingerprint import key_of
from .priors import Replacement, identity_of, in_words, parameters_of, widened

if TYPE_CHECKING:
    import pymc as pm

#: How many times as wide as the spec's own the default alternatives are.
FACTORS = (0.25, 0.5, 2.0, 4.0)

#: Degrees of freedom of the half-t alternative; 4 lies between half-normal and half-Cauchy.
_FREEDOM = 4.0


@dataclass(frozen=True, slots=True)
class Alternative:
    """Other priors for one or more variables; all others keep theirs.

    Attributes
    ----------
    replacements : tuple of Replacement
    declared : bool
        Whether the spec asked for it, or it is one of the defaults.
    together : str
        What it does in words, when it changes several variables.
    """

    replacements: tuple[Replacement, ...]
    declared: bool
    together: str = ""

    @property
    def parameter(self) -> str:
        """The variable whose prior it replaces, or that it changes all hyperpriors."""
        return ALL_HYPERPRIORS if self.together else self.replacements[0].parameter

    @property
    def prior(self) -> str:
        """The new priors in words."""
        return self.together or self.replacements[0].prior

    @property
    def title(self) -> str:
        """The alternative as a reader should see it."""
        return f"{self.parameter} {'' if self.together else '~ '}{self.prior}"

    @property
    def base(self) -> str:
        """The spec's own priors of these variables in words."""
        if not self.together:
            return self.replacements[0].base
        return ", ".join(f"{r.parameter} ~ {r.base}" for r in self.replacements)

    @property
    def identity(self) -> str:
        """Hash of the distributions themselves: priors that read alike are told apart."""
        return key_of({r.parameter: r.identity for r in self.replacements})

    @property
    def key(self) -> str:
        """Name of the alternative, fit for a file or a group of a run."""
        text = f"{self.parameter}_{self.prior}"
        plain = "".join(c if c.isalnum() or c in "._-" else "_" for c in text).strip("_")
        return f"{plain[:80]}_{self.identity[:8]}"


def alternatives(
    model: pm.Model,
    scales: Sequence[str],
    locations: Sequence[str],
    priors: Mapping[str, Sequence[Any]],
) -> list[Alternative]:
    """Return every alternative of a sweep, without repetitions and without the spec's own priors.

    First what the spec declares; then every scale at ¼, ½, 2 and 4 times its width and as other
    families with the same median; then every location at these widths and with heavier tails; then
    all of them together at these widths.

    Parameters
    ----------
    model : pymc.Model
    scales, locations : sequence of str
        Top-level variables that set the spread of levels, and what effects are centred on.
    priors : mapping of str to sequence
        Alternatives that the spec declares.
    """
    known = [n for n in locations if parameters_of(model[n]) is not None]
    wider = {n: [_wider(model, n, factor) for factor in FACTORS] for n in (*scales, *known)}
    own = {name: identity_of(model[name]) for name in (*wider, *priors)}
    found: dict[str, Alternative] = {}
    for this in (
        *_declared(model, priors),
        *_of_scales(model, scales, wider),
        *_of_locations(model, known, wider),
        *_together(model, wider),
    ):
        if any(r.identity != own[r.parameter] for r in this.replacements):
            found.setdefault(this.identity, this)
    return list(found.values())


_Wider = Mapping[str, Sequence[Replacement]]


def _alone(replacement: Replacement, *, declared: bool = False) -> Alternative:
    return Alternative((replacement,), declared)


def _instead(model: pm.Model, name: str, make: Callable[[], Any]) -> Replacement:
    return Replacement(name, in_words(make()), in_words(model[name]), make)


def _declared(model: pm.Model, priors: Mapping[str, Sequence[Any]]) -> Iterator[Alternative]:
    for name, dists in priors.items():
        for dist in dists:
            rv = dist() if callable(dist) else dist
            yield _alone(_instead(model, name, partial(_itself, rv)), declared=True)


def _itself(rv: Any) -> Any:
    return rv


def _of_scales(model: pm.Model, scales: Sequence[str], wider: _Wider) -> Iterator[Alternative]:
    variables = read_variables(model)
    for name in scales:
        yield from map(_alone, wider[name])
        for make in _other_scale_families(variables[name]):
            yield _alone(_instead(model, name, make))


def _other_scale_families(scale: Variable) -> Iterator[Callable[[], Any]]:
    """Yield half-normal, half-t, half-Cauchy, exponential and uniform with the prior's median."""
    import pymc as pm
    from scipy import special

    quantile = prior_quantile(scale, 0.5)
    if quantile is None or parameters_of(scale.rv) is None:
        return
    median = float(quantile.ravel()[0])
    if not (math.isfinite(median) and median > 0):
        return
    normal, t = float(special.ndtri(0.75)), float(special.stdtrit(_FREEDOM, 0.75))
    yield partial(pm.HalfNormal.dist, sigma=_round(median / normal))
    yield partial(pm.HalfStudentT.dist, nu=_FREEDOM, sigma=_round(median / t))
    yield partial(pm.HalfCauchy.dist, beta=_round(median))
    yield partial(pm.Exponential.dist, lam=1 / _round(median / math.log(2)))
    yield partial(pm.Uniform.dist, lower=0.0, upper=_round(2 * median))


def _of_locations(
    model: pm.Model, locations: Sequence[str], wider: _Wider
) -> Iterator[Alternative]:
    for name in locations:
        yield from map(_alone, wider[name])
        heavier = _heavier_tails(model[name])
        if heavier is not None:
            yield _alone(_instead(model, name, heavier))


def _heavier_tails(rv: Any) -> Callable[[], Any] | None:
    """Return a Student-t with the quartiles of a normal prior."""
    import pymc as pm
    from scipy import special

    values = parameters_of(rv) or {}
    if str(rv.owner.op._print_name[0]) != "Normal":
        return None
    ratio = float(special.ndtri(0.75) / special.stdtrit(_FREEDOM, 0.75))
    scale = _round(values["sigma"] * ratio)
    return partial(pm.StudentT.dist, nu=_FREEDOM, mu=values["mu"], sigma=scale)


def _together(model: pm.Model, wider: _Wider) -> Iterator[Alternative]:
    known = [w for name, w in wider.items() if parameters_of(model[name]) is not None]
    if len(known) < 2:
        return
    for factor, changed in zip(FACTORS, zip(*known, strict=True), strict=True):
        yield Alternative(changed, declared=False, together=f"each {factor:g} × as wide")


def _wider(model: pm.Model, name: str, factor: float) -> Replacement:
    rv = model[name]
    base, make = in_words(rv), widened(rv, factor)
    words = in_words(make()) if parameters_of(rv) is not None else f"{factor:g} × {base}"
    return Replacement(name, words, base, make, same_support=True)


def _round(value: float) -> float:
    """Round to three digits: priors are read by people."""
    return float(f"{value:.3g}")
