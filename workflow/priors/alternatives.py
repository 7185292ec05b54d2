"""Which other priors a review tries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from .alternative import Alternative
from .defaults import defaults, no_defaults
from .families import identity_of
from .making import Maker
from .subjects import Subject

if TYPE_CHECKING:
    import pymc as pm


def alternatives(
    model: pm.Model,
    subjects: Sequence[Subject],
    priors: Mapping[str, Sequence[Any]],
    unit: str = "",
    typical: Mapping[str, float] | None = None,
) -> list[Alternative]:
    """Return every alternative of a sweep, without repetitions and without the spec's own priors.

    First what the spec declares; then every scale at ¼, ½, 2 and 4 times its width and as other
    families with the same median; every location at these widths and with heavier tails;
    coefficients, noise, covariances and other parameters at wider steps; then all scales and
    locations together. A variance or a precision is widened so that the standard deviation is that
    many times as wide.

    Parameters
    ----------
    model : pymc.Model
    subjects : sequence of Subject
        Variables to replace the priors of.
    priors : mapping of str to sequence
        Alternatives that the spec declares.
    unit : str
        Of the outcome, where it is known.
    typical : mapping of str to float, optional
        Of variables that set a spread: their median under the posterior, in terms of that spread.
        A prior so vague that it has no median that could be computed is replaced by others with
        this one.
    """
    make = Maker(model, {s.name: s for s in subjects}, unit, typical or {})
    own = {name: identity_of(model[name]) for name in {*make.subjects, *priors}}
    found: dict[str, Alternative] = {}
    for this in (*_declared(make, priors), *defaults(make)):
        if any(r.identity != own[r.parameter] for r in this.replacements):
            found.setdefault(this.identity, this)
    return list(found.values())


def _declared(make: Maker, priors: Mapping[str, Sequence[Any]]) -> Iterator[Alternative]:
    for name, dists in priors.items():
        subject = make.subject(name)
        for dist in dists:
            rv = dist() if callable(dist) else dist
            this = make.instead(name, partial(_itself, rv))
            yield Alternative((this,), True, level=subject.level, power=subject.exponent)


def _itself(rv: Any) -> Any:
    return rv


def not_replaced(
    model: pm.Model, subjects: Sequence[Subject], typical: Mapping[str, float] | None = None
) -> dict[str, str]:
    """Return why no default alternative is made for a variable, by name.

    Parameters
    ----------
    model, subjects, typical
        As :func:`alternatives` takes them.
    """
    make = Maker(model, {s.name: s for s in subjects}, "", typical or {})
    return {s.name: why for s in subjects if (why := no_defaults(make, s))}
