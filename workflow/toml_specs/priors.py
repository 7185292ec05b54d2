"""Priors of a TOML spec: ``{dist = "HalfNormal", sigma = 1}``, for Bambi and for PyMC."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from functools import cache
from typing import Any

from ..errors import one_line
from .table import Table, closest, kind_of

EXAMPLE = '{dist = "HalfNormal", sigma = 1}'


def pymc_prior(table: Table) -> Callable[[], Any]:
    """Return a maker of an unregistered PyMC distribution.

    Raises
    ------
    SpecError
        If there is no such distribution, or it does not take these parameters.
    """
    import pymc as pm

    name, values = _checked(table, nested=False)
    return lambda: getattr(pm, name).dist(**values)


def bambi_prior(table: Table) -> Any:
    """Return a Bambi prior; parameters may be priors themselves.

    Raises
    ------
    SpecError
        If there is no such distribution, or it does not take these parameters.
    """
    import bambi

    name, values = _checked(table, nested=True)
    nested = {k: bambi_prior(table.table(k)) for k in values if isinstance(table.values[k], dict)}
    # As written: Bambi must not adapt to the data what the spec states.
    return bambi.Prior(name, auto_scale=False, **{**values, **nested})


def bambi_priors(table: Table, parameters: Collection[str]) -> dict[str, Any]:
    """Return the priors of a table by term; a table without ``dist`` holds those of a parameter.

    ``parameters`` are those of the family, which may be fixed at a number.
    """
    found: dict[str, Any] = {}
    for key in table:
        value = table.values[key]
        if isinstance(value, dict) and "dist" not in value and _holds_priors(value):
            found[key] = bambi_priors(table.table(key), ())
        elif isinstance(value, dict):
            found[key] = bambi_prior(table.table(key))
        elif key in parameters and isinstance(value, int | float) and not isinstance(value, bool):
            found[key] = float(value)
        else:
            fixed = f"; only {', '.join(parameters)} can be fixed at a number" if parameters else ""
            raise table.error(
                f"the prior of {key} is {kind_of(value)}",
                key,
                expected=f"{key} = {EXAMPLE}{fixed}",
            )
    return found


def _holds_priors(value: dict[str, Any]) -> bool:
    return bool(value) and all(isinstance(v, dict) for v in value.values())


def _checked(table: Table, *, nested: bool) -> tuple[str, dict[str, Any]]:
    """Return name and parameters, after building the distribution once."""
    import numpy as np
    import pymc as pm

    name = table.need("dist", "text", "the prior", EXAMPLE)
    known = _distributions()
    if name not in known:
        raise table.error(
            f"there is no distribution {name}",
            "dist",
            expected="the name of a PyMC distribution, such as Normal, HalfNormal or StudentT",
            do=closest(name, known),
        )
    takes = _parameters(name)
    values: dict[str, Any] = {}
    for key in table:
        if key == "dist":
            continue
        if key not in takes:
            raise table.error(
                f"{name} has no parameter {key!r}",
                key,
                expected=f"one of {', '.join(takes)}",
                do=closest(key, takes),
            )
        values[key] = _parameter(table, key, nested=nested)
    # A parameter with a prior of its own is some positive number here.
    probe = {k: 1.0 if isinstance(table.values[k], dict) else v for k, v in values.items()}
    try:
        getattr(pm, name).dist(**probe)
    except Exception as error:
        raise table.error(
            f"{name} cannot be built with {', '.join(values) or 'no parameters'}: "
            f"{one_line(error)}",
            "dist",
            expected=f"parameters out of {', '.join(takes)}",
        ) from error
    return name, {k: np.asarray(v) if isinstance(v, list) else v for k, v in values.items()}


def _parameter(table: Table, key: str, *, nested: bool) -> Any:
    value = table.values[key]
    if isinstance(value, dict) and nested:
        return value
    if isinstance(value, list):
        return [float(v) for v in table.list_of(key, "a number")]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise table.error(
            f"{key} is {kind_of(value)}",
            key,
            expected=f"a number{f', or a prior: {EXAMPLE}' if nested else ''}",
        )
    return value


@cache
def _distributions() -> frozenset[str]:
    import pymc as pm

    return frozenset(
        name
        for name, value in vars(pm).items()
        if inspect.isclass(value) and issubclass(value, pm.Distribution)
    )


def _parameters(name: str) -> list[str]:
    import pymc as pm

    other = ("args", "kwargs", "dist_params", "cls", "class_name")
    found = inspect.signature(getattr(pm, name).dist).parameters
    return [p for p in found if p not in other]
