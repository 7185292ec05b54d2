"""Whether a spec and its options have the form they must have; what they name is checked later."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from numbers import Real
from typing import Any

from ...checks.expect import Expect
from ...checks.hierarchy.level import Level
from ..errors import SpecError
from .spec import ModelSpec

Form = Callable[[Any], bool]


def _a(kind: type | tuple[type, ...]) -> Form:
    return lambda value: isinstance(value, kind)


def _list_of(form: Form) -> Form:
    return lambda value: _is_list(value) and all(form(v) for v in value)


def _by_name(form: Form) -> Form:
    return lambda value: (
        isinstance(value, Mapping)
        and all(isinstance(k, str) for k in value)
        and all(form(v) for v in value.values())
    )


def _is_list(value: Any) -> bool:
    # A single distribution can be asked for an iterator, and refuses it only then.
    return isinstance(value, Iterable) and not isinstance(value, str) and not _is_prior(value)


def _is_prior(value: Any) -> bool:
    """Whether a value is a distribution of PyMC, or makes one."""
    return callable(value) or hasattr(value, "owner")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_seed(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)


_TEXT = _a(str)


def _is_noise(value: Any) -> bool:
    if isinstance(value, Mapping):
        return _by_name(_names)(value)
    return _names(value)


def _names(value: Any) -> bool:
    return isinstance(value, str) or _list_of(_TEXT)(value)


#: Of every option: what it must be like, and an example.
_FORMS: dict[str, tuple[Form, str]] = {
    "name": (_TEXT, 'name="eight_schools"'),
    "levels": (
        _by_name(_a(Level)),
        'levels={"school": Level(effect="theta", location="mu", scale="tau")}',
    ),
    "scales": (_by_name(_a((str, type(None)))), 'scales={"tau": "z"}'),
    "noise": (_is_noise, 'noise="sigma", or noise={"y": "sigma"}'),
    "expect": (
        _list_of(_a(Expect)),
        'expect=[Expect(of="y", stat="sd", between=(1, 40), prob=0.9)]',
    ),
    "priors": (
        _by_name(_list_of(_is_prior)),
        'a list of distributions by variable: priors={"tau": [pm.HalfNormal.dist(5)]}',
    ),
    "quantities": (
        _by_name(callable),
        'functions by name: quantities={"best": lambda post: post["theta"].max("school")}',
    ),
    "decisions": (
        _by_name(callable),
        'functions by name: decisions={"positive": lambda post: post["mu"] > 0}',
    ),
    "thresholds": (_by_name(_by_name(_is_number)), 'thresholds={"SMP301": {"limit": 1.05}}'),
    "ignore": (_list_of(_TEXT), 'ignore=["SPC301"]'),
    "seed": (_is_seed, "a whole number from 0 up: seed=20261122"),
    "unit": (_TEXT, 'unit="points"'),
}


def check_options(spec: ModelSpec) -> None:
    """Refuse a spec that is no function without arguments, or whose options have another form.

    Raises
    ------
    SpecError
        With the line of the option, and an example of it.
    """
    _check_function(spec)
    for option, (fits, example) in _FORMS.items():
        value = getattr(spec, option)
        if not fits(value):
            raise SpecError(
                f"{option}={_short(value)} of {spec.name} has another form than it must have",
                path=spec.path,
                line=_line_of(spec, option),
                expected=example,
            )


def _check_function(spec: ModelSpec) -> None:
    build = spec.build
    if inspect.isclass(build):
        raise SpecError(
            f"{spec.name} is a class",
            path=inspect.getsourcefile(build) or "",
            expected="a function that returns a pm.Model",
        )
    if not takes_nothing(build):
        raise SpecError(
            f"{spec.name} needs arguments",
            path=spec.path,
            line=spec.line,
            expected="a function that can be called with none",
            do="give every argument a default, or wrap it in a function that fills them in",
        )


def takes_nothing(function: Callable[..., Any]) -> bool:
    """Return whether a function can be called without arguments."""
    return all(
        p.default is not p.empty or p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        for p in inspect.signature(function).parameters.values()
    )


def _short(value: Any) -> str:
    said = " ".join(repr(value).split())
    return said if len(said) <= 60 else f"{said[:57]}..."


def _line_of(spec: ModelSpec, option: str) -> int | None:
    for offset, text in enumerate(spec.source.splitlines()):
        if re.search(rf"\b{option}\s*=", text):
            return (spec.line or 1) + offset
    return spec.line
