"""Which other priors a review tries, on one variable or on several at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ...checks.hierarchy import constant_value
from ...checks.words import ALL_HYPERPRIORS, number
from ..runs.fingerprint import key_of
from .meanings import meaning, scale_median
from .replacing import (
    Replacement,
    family_of,
    identity_of,
    in_words,
    inverse_gamma_on_variance,
    parameters_of,
    set_by,
    shifted,
    widened,
)
from .subjects import COEFFICIENT, COVARIANCE, LOCATION, NOISE, OTHER, SCALE, Subject

if TYPE_CHECKING:
    import pymc as pm

#: How many times as wide as the spec's own the default alternatives are.
FACTORS = (0.25, 0.5, 2.0, 4.0)

#: Of priors that are assumed about the noise, and about coefficients, only wide steps are tried.
WIDE_FACTORS = (0.25, 4.0)

#: More coefficients than this are widened together instead of one by one.
_MOST_COEFFICIENTS = 3

#: Concentrations of correlations around zero; at 1 every correlation matrix is as likely.
_ETAS = (0.5, 1.0, 2.0, 4.0)

#: Levels with so many groups or fewer say little about their spread (Gelman 2006, section 5.2).
FEW_GROUPS = 5

#: Both parameters of the inverse gamma that is often taken to say nothing.
EPSILON = 0.001

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
    of : str
        Which variables those are, in words.
    level : str
        Level whose spread it sets; empty where it sets no such thing, or more than that.
    few_groups : str
        That level, where it has few groups and this is one of the common choices that are compared.
    power : float
        The standard deviation of that level is this power of the parameter; 0 for its log.
    by_itself : bool
        Whether it has its mass where no other alternative has any, so that it is not mixed with
        them.
    """

    replacements: tuple[Replacement, ...]
    declared: bool
    together: str = ""
    of: str = ALL_HYPERPRIORS
    level: str = ""
    few_groups: str = ""
    power: float = 1.0
    by_itself: bool = False

    @property
    def parameter(self) -> str:
        """The variable whose prior it replaces, or that it changes all hyperpriors."""
        return self.of if self.together else self.replacements[0].parameter

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
    def means(self) -> str:
        """What it means in the terms of the model: ``median spread 5 → 20``."""
        if not self.together:
            return self.replacements[0].means
        return "; ".join(f"{r.parameter}: {r.means}" for r in self.replacements[:3] if r.means)

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
    subjects: Sequence[Subject],
    priors: Mapping[str, Sequence[Any]],
    unit: str = "",
) -> list[Alternative]:
    """Return every alternative of a sweep, without repetitions and without the spec's own priors.

    First what the spec declares; then every scale at ¼, ½, 2 and 4 times its width and as other
    families with the same median; every location at these widths and with heavier tails;
    coefficients, noise, covariances and other positive parameters at wider steps; then all scales
    and locations together. A variance or a precision is widened so that the standard deviation is
    that many times as wide.

    Parameters
    ----------
    model : pymc.Model
    subjects : sequence of Subject
        Variables to replace the priors of.
    priors : mapping of str to sequence
        Alternatives that the spec declares.
    unit : str
        Of spreads, where it is known.
    """
    make = _Maker(model, {s.name: s for s in subjects}, unit)
    by_kind: dict[str, list[Subject]] = {}
    for subject in subjects:
        by_kind.setdefault(subject.kind, []).append(subject)
    scales, locations = by_kind.get(SCALE, []), by_kind.get(LOCATION, [])
    known = [s for s in locations if parameters_of(model[s.name]) is not None]
    wider = {s.name: [make.wider(s.name, f) for f in FACTORS] for s in (*scales, *known)}
    own = {name: identity_of(model[name]) for name in {*make.subjects, *priors}}
    found: dict[str, Alternative] = {}
    for this in (
        *_declared(make, priors),
        *_of_few_groups(make, scales),
        *_of_scales(make, scales, wider),
        *_of_locations(make, known, wider),
        *_of_coefficients(make, by_kind.get(COEFFICIENT, [])),
        *_of_covariances(make, by_kind.get(COVARIANCE, [])),
        *_of_others(make, [*by_kind.get(NOISE, []), *by_kind.get(OTHER, [])]),
        *_together(make, wider),
    ):
        if any(r.identity != own[r.parameter] for r in this.replacements):
            found.setdefault(this.identity, this)
    return list(found.values())


def not_replaced(model: pm.Model, subjects: Sequence[Subject]) -> dict[str, str]:
    """Return why no default alternative is made for a variable, by name."""
    return {
        s.name: f"{family_of(model[s.name])} is not a family that is rescaled by default"
        for s in subjects
        if s.kind in (COEFFICIENT, LOCATION, NOISE, OTHER) and not _can_widen(model[s.name])
    }


_Wider = Mapping[str, Sequence[Replacement]]


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes replacements, and says what each of them means."""

    model: pm.Model
    subjects: Mapping[str, Subject]
    unit: str

    def subject(self, name: str) -> Subject:
        return self.subjects.get(name, Subject(name, OTHER))

    def instead(self, name: str, make: Callable[[], Any], words: str = "") -> Replacement:
        rv = self.model[name]
        return self.told(Replacement(name, words or in_words(make()), in_words(rv), make))

    def wider(self, name: str, factor: float) -> Replacement:
        rv, subject = self.model[name], self.subject(name)
        base = in_words(rv)
        if subject.is_log:
            make = shifted(rv, math.log(factor))
        else:
            make = widened(rv, factor ** (1 / subject.power))
        words = in_words(make()) if parameters_of(rv) is not None else f"{factor:g} × {base}"
        return self.told(Replacement(name, words, base, make, same_support=True))

    def of_spread(self, name: str, spread: Callable[[], Any]) -> Replacement:
        """Replace the prior of a variable by saying what its standard deviation is."""
        subject = self.subject(name)
        if subject.power == 1:
            return self.instead(name, spread)
        return self.told(set_by(self.model[name], name, spread, subject.power))

    def told(self, replacement: Replacement) -> Replacement:
        rv, subject = self.model[replacement.parameter], self.subject(replacement.parameter)
        return replacement.with_meaning(meaning(rv, replacement, subject, self.unit))


def _alone(replacement: Replacement) -> Alternative:
    return Alternative((replacement,), declared=False)


def _declared(make: _Maker, priors: Mapping[str, Sequence[Any]]) -> Iterator[Alternative]:
    for name, dists in priors.items():
        for dist in dists:
            rv = dist() if callable(dist) else dist
            subject = make.subject(name)
            this = make.instead(name, partial(_itself, rv))
            yield Alternative((this,), True, level=subject.level, power=subject.power)


def _itself(rv: Any) -> Any:
    return rv


def _of_scales(make: _Maker, scales: Sequence[Subject], wider: _Wider) -> Iterator[Alternative]:
    for subject in scales:
        made = list(wider[subject.name])
        if not subject.is_log:
            families = _other_scale_families(make.model[subject.name], subject)
            made += [make.of_spread(subject.name, spread) for spread in families]
        for replacement in made:
            yield Alternative((replacement,), False, level=subject.level, power=subject.power)


def _of_few_groups(make: _Maker, scales: Sequence[Subject]) -> Iterator[Alternative]:
    """Yield the priors that Gelman (2006) compares, for levels of few groups.

    They have the median of the spec's own prior, but for two: an inverse gamma with both parameters
    small, which is meant to say nothing, and a uniform that reaches far beyond it.
    """
    import pymc as pm
    from scipy import special

    for subject in (s for s in scales if 0 < s.groups <= FEW_GROUPS):
        name = subject.name
        median = scale_median(make.model[name], subject)
        if not (math.isfinite(median) and median > 0):
            continue
        spreads: tuple[Callable[[], Any], ...] = (
            partial(pm.Uniform.dist, lower=0.0, upper=_round(10 * median)),
            partial(pm.HalfCauchy.dist, beta=_round(median)),
            partial(pm.HalfNormal.dist, sigma=_round(median / float(special.ndtri(0.75)))),
        )
        vague = inverse_gamma_on_variance(make.model[name], name, subject.power, EPSILON)
        made = (make.told(vague), *(make.of_spread(name, spread) for spread in spreads))
        for replacement in made:
            yield Alternative(
                (replacement,),
                False,
                level=subject.level,
                few_groups=subject.level,
                power=subject.power,
                by_itself=replacement is made[0],
            )


def _other_scale_families(rv: Any, subject: Subject) -> Iterator[Callable[[], Any]]:
    """Yield half-normal, half-t, half-Cauchy, exponential and uniform with the prior's median."""
    import pymc as pm
    from scipy import special

    median = scale_median(rv, subject)
    if not (math.isfinite(median) and median > 0):
        return
    normal, t = float(special.ndtri(0.75)), float(special.stdtrit(_FREEDOM, 0.75))
    yield partial(pm.HalfNormal.dist, sigma=_round(median / normal))
    yield partial(pm.HalfStudentT.dist, nu=_FREEDOM, sigma=_round(median / t))
    yield partial(pm.HalfCauchy.dist, beta=_round(median))
    yield partial(pm.Exponential.dist, lam=1 / _round(median / math.log(2)))
    yield partial(pm.Uniform.dist, lower=0.0, upper=_round(2 * median))


def _of_locations(
    make: _Maker, locations: Sequence[Subject], wider: _Wider
) -> Iterator[Alternative]:
    for subject in locations:
        yield from map(_alone, wider[subject.name])
        yield from _heavier(make, subject.name)


def _heavier(make: _Maker, name: str) -> Iterator[Alternative]:
    """Yield a Student-t with the quartiles of a normal prior."""
    import pymc as pm
    from scipy import special

    rv = make.model[name]
    values = parameters_of(rv)
    if family_of(rv) != "Normal" or values is None:
        return
    ratio = float(special.ndtri(0.75) / special.stdtrit(_FREEDOM, 0.75))
    scale = _round(values["sigma"] * ratio)
    made = partial(pm.StudentT.dist, nu=_FREEDOM, mu=values["mu"], sigma=scale)
    yield _alone(make.instead(name, made))


def _of_coefficients(make: _Maker, coefficients: Sequence[Subject]) -> Iterator[Alternative]:
    can = [s.name for s in coefficients if _can_widen(make.model[s.name])]
    if len(can) > _MOST_COEFFICIENTS:
        for factor in WIDE_FACTORS:
            changed = tuple(make.wider(name, factor) for name in can)
            of = f"{len(can)} coefficients"
            yield Alternative(changed, False, f"each {factor:g} × as wide", of)
        return
    for name in can:
        for factor in WIDE_FACTORS:
            yield _alone(make.wider(name, factor))
        yield from _heavier(make, name)


def _of_others(make: _Maker, others: Sequence[Subject]) -> Iterator[Alternative]:
    for subject in others:
        if _can_widen(make.model[subject.name]):
            for factor in WIDE_FACTORS:
                yield _alone(make.wider(subject.name, factor))


def _can_widen(rv: Any) -> bool:
    return parameters_of(rv) is not None


def _of_covariances(make: _Maker, covariances: Sequence[Subject]) -> Iterator[Alternative]:
    """Yield Cholesky factors with other spreads, and with other correlations."""
    for subject in covariances:
        rv = make.model[subject.name]
        if family_of(rv).strip("_").lower() != "lkjcholeskycov":
            continue
        n, eta, sd = rv.owner.op.dist_params(rv.owner)
        known = constant_value(eta)
        size, base = int(constant_value(n) or 0), f"LKJ eta {number(known)}, sd {in_words(sd)}"
        for factor in FACTORS:
            words = f"spreads {factor:g} × as wide"
            yield _alone(
                Replacement(
                    subject.name,
                    words,
                    base,
                    partial(_cholesky, size, eta, widened(sd, factor)),
                    same_support=True,
                    means=words,
                )
            )
        for other in _ETAS:
            if other == known:
                continue
            # A correlation is a beta variable on (-1, 1); Lewandowski et al. (2009), section 3.
            sd_of_each = 1 / math.sqrt(2 * other + size - 1)
            yield _alone(
                Replacement(
                    subject.name,
                    f"LKJ eta {other:g}",
                    base,
                    partial(_cholesky, size, other, partial(_itself, sd)),
                    same_support=True,
                    means=f"each correlation has prior sd {sd_of_each:.2f}",
                )
            )


def _cholesky(size: int, eta: Any, sd: Callable[[], Any]) -> Any:
    import pymc as pm

    return pm.LKJCholeskyCov.dist(n=size, eta=eta, sd_dist=sd(), compute_corr=False)


def _together(make: _Maker, wider: _Wider) -> Iterator[Alternative]:
    known = [w for name, w in wider.items() if _can_widen(make.model[name])]
    if len(known) < 2:
        return
    for factor, changed in zip(FACTORS, zip(*known, strict=True), strict=True):
        yield Alternative(changed, declared=False, together=f"each {factor:g} × as wide")


def _round(value: float) -> float:
    """Round to three digits: priors are read by people."""
    return float(f"{value:.3g}")
