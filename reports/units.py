"""In which unit effects are: that of the outcome, that of the link's scale, per covariate."""

from __future__ import annotations

import numpy as np
import xarray as xr

from .hierarchy import HierarchySketch, Term
from .record import ReviewRecord

#: Units of the scale on which a link makes effects add up; ``{}`` stands for that of the outcome.
_OF_LINK = {
    "identity": "{}",
    "log": "log {}",
    "logit": "log odds",
    "probit": "probits",
    "cloglog": "log of −log probability",
}


def effect_unit(record: ReviewRecord, level: str, data: xr.Dataset) -> str:
    """Return the unit of the effects of a level; empty where it is not known.

    Parameters
    ----------
    record : ReviewRecord
    level : str
        Its name.
    data : xarray.Dataset
        The level on posterior draws.
    """
    sketch = record.hierarchy
    term = None if sketch is None else _term(sketch, level)
    base = row_unit(record, level)
    if term is not None and term.design == "slope":
        return f"{base} per {term.predictor or 'unit of its covariate'}" if base else ""
    if "design" in data and not np.allclose(data["design"].values, 1):
        return ""
    return base


def row_unit(record: ReviewRecord, level: str) -> str:
    """Return the unit of the linear predictor of the rows that a level enters."""
    sketch = record.hierarchy
    if sketch is None:
        return record.unit
    links = {o.link for o in sketch.outcomes if o.name in _reached(sketch, level, set())}
    if len(links) != 1:
        return ""
    form = _OF_LINK.get(links.pop(), "")
    return form.format(record.unit) if record.unit or "{}" not in form else ""


def _term(sketch: HierarchySketch, level: str) -> Term | None:
    terms = (t for g in sketch.walk() for t in g.terms)
    return next((t for t in terms if t.level == level), None)


def _reached(sketch: HierarchySketch, level: str, seen: set[str]) -> set[str]:
    """Return the outcomes that a level enters, also through levels below it."""
    term = _term(sketch, level)
    if term is None or level in seen:
        return set()
    found: set[str] = set()
    for name in term.enters:
        below = _reached(sketch, name, seen | {level})
        found |= below or {name}
    return found
