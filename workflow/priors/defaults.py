"""Which other priors are tried on each kind of variable, when the spec declares none."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from .alternative import Alternative
from .covariances import Cholesky, of_correlation_matrix
from .families import family_of
from .making import Maker, rounded, spreads_of_median
from .replacing import Replacement
from .subjects import COEFFICIENT, COVARIANCE, LOCATION, NOISE, OTHER, SCALE, Subject

#: How many times as wide as the spec's own the default alternatives are.
FACTORS = (0.25, 0.5, 2.0, 4.0)

#: Of priors that are assumed about the noise, and about coefficients, only wide steps are tried.
WIDE_FACTORS = (0.25, 4.0)

#: More coefficients than this are widened together instead of one by one.
_MOST_COEFFICIENTS = 3

#: Levels with so many groups or fewer say little about their spread (Gelman 2006, section 5.2).
FEW_GROUPS = 5

#: Both parameters of the inverse gamma that is often taken to say nothing.
EPSILON = 0.001

#: A uniform prior that is meant to say little reaches to so many medians.
_FAR = 10.0


def defaults(make: Maker) -> Iterator[Alternative]:
    """Yield the default alternatives, one variable at a time, then all together."""
    for kind in (SCALE, LOCATION, COEFFICIENT, COVARIANCE, NOISE, OTHER):
        subjects = _of_kind(make, kind)
        if kind == COEFFICIENT and len(subjects) > _MOST_COEFFICIENTS:
            yield from _of_many_coefficients(make, subjects)
            continue
        for subject in subjects:
            yield from _BY_KIND[kind](make, subject)
    yield from _together(make)


def _of_kind(make: Maker, kind: str) -> list[Subject]:
    return [s for s in make.subjects.values() if s.kind == kind]


def _alone(replacement: Replacement) -> Alternative:
    return Alternative((replacement,), declared=False)


def _of_scale(make: Maker, subject: Subject) -> Iterator[Alternative]:
    """Yield the prior of a spread at other widths, and of other families with its median."""
    few = list(_of_few_groups(make, subject))
    made = [make.wider(subject.name, f) for f in FACTORS if not make.is_vague(subject.name)]
    made += [make.of_spread(subject.name, family) for family in _families(make, subject)]
    yield from few
    for replacement in made:
        yield Alternative((replacement,), False, level=subject.level, power=subject.exponent)


def _families(make: Maker, subject: Subject) -> list[Callable[[], Any]]:
    median = make.median(subject.name)
    if subject.is_log or not (math.isfinite(median) and median > 0):
        return []
    families = spreads_of_median(median)
    if make.is_vague(subject.name):
        # The median is the posterior's: a prior that ends near it would cut it off.
        return [*families[:-1], _reaching(median)]
    own = family_of(make.model[subject.name])
    return families if subject.everywhere != 1 else [f for f in families if family_of(f()) != own]


def _reaching(median: float) -> Callable[[], Any]:
    import pymc as pm

    return partial(pm.Uniform.dist, lower=0.0, upper=rounded(_FAR * median))


def _of_few_groups(make: Maker, subject: Subject) -> Iterator[Alternative]:
    """Yield the priors that Gelman (2006) compares, for levels of few groups.

    They have the median of the spec's own prior, but for two: an inverse gamma with both parameters
    small, which is meant to say nothing, and a uniform that reaches far beyond it.
    """
    import pymc as pm

    median = make.median(subject.name)
    few = 0 < subject.groups <= FEW_GROUPS and subject.exact
    if not (few and math.isfinite(median) and median > 0):
        return
    half_normal, _, half_cauchy, *_ = spreads_of_median(median)
    vague = partial(pm.InverseGamma.dist, EPSILON, EPSILON)
    made = (
        make.of_spread(subject.name, vague, squared=True),
        *(
            make.of_spread(subject.name, spread)
            for spread in (_reaching(median), half_cauchy, half_normal)
        ),
    )
    for replacement in made:
        yield Alternative(
            (replacement,),
            False,
            level=subject.level,
            few_groups=subject.level,
            power=subject.exponent,
            by_itself=replacement is made[0],
        )


def _of_location(make: Maker, subject: Subject) -> Iterator[Alternative]:
    """Yield the prior of a location at other widths, and with heavier tails."""
    for factor in FACTORS:
        if make.can_widen(subject.name, factor):
            yield _alone(make.wider(subject.name, factor))
    heavier = make.heavier(subject.name)
    if heavier is not None:
        yield _alone(heavier)


def _of_coefficient(make: Maker, subject: Subject) -> Iterator[Alternative]:
    yield from _of_other(make, subject)
    heavier = make.heavier(subject.name)
    if heavier is not None:
        yield _alone(heavier)


def _of_many_coefficients(make: Maker, coefficients: Sequence[Subject]) -> Iterator[Alternative]:
    can = [s.name for s in coefficients if make.can_widen(s.name)]
    for factor in WIDE_FACTORS if can else ():
        changed = tuple(make.wider(name, factor) for name in can)
        of = f"{len(can)} coefficients"
        yield Alternative(changed, False, f"each {factor:g} × as wide", of)


def _of_other(make: Maker, subject: Subject) -> Iterator[Alternative]:
    if Cholesky.can(make, subject.name):
        cholesky = Cholesky(make, subject.name)
        yield from (_alone(cholesky.wider(factor)) for factor in WIDE_FACTORS)
        yield from map(_alone, cholesky.concentrations())
        return
    for factor in WIDE_FACTORS:
        if make.can_widen(subject.name, factor):
            yield _alone(make.wider(subject.name, factor))


def _of_covariance(make: Maker, subject: Subject) -> Iterator[Alternative]:
    if not Cholesky.can(make, subject.name):
        yield from map(_alone, of_correlation_matrix(make, subject.name))
        return
    cholesky = Cholesky(make, subject.name)
    yield from (_alone(cholesky.wider(factor)) for factor in FACTORS)
    yield from map(_alone, cholesky.families())
    yield from map(_alone, cholesky.concentrations())


_BY_KIND: dict[str, Callable[[Maker, Subject], Iterator[Alternative]]] = {
    SCALE: _of_scale,
    LOCATION: _of_location,
    COEFFICIENT: _of_coefficient,
    COVARIANCE: _of_covariance,
    NOISE: _of_other,
    OTHER: _of_other,
}


def _together(make: Maker) -> Iterator[Alternative]:
    """Yield all spreads and locations at other widths."""
    widen: list[Callable[[float], Replacement]] = []
    for subject in (*_of_kind(make, SCALE), *_of_kind(make, LOCATION)):
        known = subject.kind == LOCATION or not math.isnan(subject.power)
        if known and all(make.can_widen(subject.name, f) for f in FACTORS):
            widen.append(partial(make.wider, subject.name))
    factors = [s.name for s in _of_kind(make, COVARIANCE) if Cholesky.can(make, s.name)]
    widen += [Cholesky(make, name).wider for name in factors]
    if len(widen) < 2:
        return
    for factor in FACTORS:
        changed = tuple(wider(factor) for wider in widen)
        yield Alternative(changed, declared=False, together=f"each {factor:g} × as wide")


def no_defaults(make: Maker, subject: Subject) -> str:
    """Return why no default alternative is made for a variable; empty where one is."""
    if any(True for _ in _BY_KIND[subject.kind](make, subject)):
        return ""
    if make.is_vague(subject.name):
        return "its prior is so vague that it is no other when it is wider"
    return "its prior has no single set of constant parameters of a known family"
