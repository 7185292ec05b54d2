"""What classical methods choose from the rows of every level, computed once per review."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr

from ..evidence import Evidence, fact
from .dataset import ridge_of
from .l_curve import LCurve, l_curve
from .markers import Marker, classical_markers
from .reduction import NotLinear
from .ridge import Ridge


@dataclass(frozen=True, slots=True)
class Choices:
    """Penalties that a classical analyst would have chosen for one level.

    Attributes
    ----------
    ridge : Ridge or None
        The rows, as a ridge problem; None where they do not pose one.
    curve : LCurve or None
        Its L-curve.
    markers : tuple of Marker
        One per method; none without a ridge problem.
    why : str
        Why the rows pose no ridge problem; empty where they do.
    """

    ridge: Ridge | None
    curve: LCurve | None
    markers: tuple[Marker, ...]
    why: str = ""


def choices_of(level: xr.Dataset) -> Choices:
    """Search the rows of one level for the classical choices of its penalty.

    Parameters
    ----------
    level : xarray.Dataset
        With the rows that :func:`ridge_of` reads.
    """
    try:
        ridge = ridge_of(level)
    except NotLinear as reason:
        return Choices(None, None, (), str(reason))
    curve = l_curve(ridge)
    return Choices(ridge, curve, tuple(classical_markers(ridge, curve)))


@fact
def penalty_choices(evidence: Evidence) -> dict[str, Choices]:
    """Return the classical choices of the penalty of every level."""
    return {name: choices_of(level) for name, level in evidence.get("levels").items()}
