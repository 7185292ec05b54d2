"""Declared quantities and decisions, evaluated on draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xarray as xr

from ..checks.draws import SAMPLE
from .errors import SpecError, line_in, one_line
from .specs.spec import ModelSpec, Quantity


def evaluate(
    spec: ModelSpec, functions: Mapping[str, Quantity], posterior: xr.Dataset, *, boolean: bool
) -> xr.Dataset:
    """Evaluate the declared quantities (or decisions) on posterior draws.

    Returns
    -------
    xarray.Dataset
        One variable per function, dims ``chain`` and ``draw`` first.

    Raises
    ------
    SpecError
        If a function raises, or does not return a DataArray over the draws (of booleans, for a
        decision).
    """
    found = {}
    for name, function in functions.items():
        code = getattr(function, "__code__", None)
        where: dict[str, Any] = {
            "path": spec.path,
            "line": getattr(code, "co_firstlineno", getattr(function, "line", None)),
        }
        try:
            value: Any = function(posterior)
        except SpecError:
            raise
        except Exception as error:
            where["line"] = line_in(spec.path, error.__traceback__) or where["line"]
            raise SpecError(
                f"{name!r} raises {one_line(error)}",
                **where,
                expected=f"a function of the posterior, which holds {_holds(posterior)}",
            ) from error
        if not isinstance(value, xr.DataArray) or not set(SAMPLE) <= set(value.dims):
            raise SpecError(
                f"{name!r} does not return a DataArray over the draws",
                **where,
                expected="for example: lambda post: post['theta'].max('school')",
                do="do not take means over 'chain' and 'draw': poolwise does",
            )
        if boolean and value.dtype != bool:
            raise SpecError(
                f"the decision {name!r} returns {value.dtype}, not true or false",
                **where,
                expected="a comparison, such as post['theta'] > post['mu']",
            )
        extra = [c for c in value.coords if c not in value.dims]
        found[name] = value.drop_vars(extra).transpose(*SAMPLE, ...).rename(name)
    # Dims may clash between quantities that select different groups.
    return xr.merge(found.values(), join="outer") if found else xr.Dataset()


def _holds(posterior: xr.Dataset) -> str:
    return ", ".join(str(v) for v in posterior.data_vars)
