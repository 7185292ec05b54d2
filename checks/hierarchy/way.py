"""One way of standardised offsets through the graph of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class NoLevel(Exception):
    """What is no part of a level, beyond doubt: a latent process, coefficients, indicators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way of offsets to the data.

    Attributes
    ----------
    origin : TensorVariable
        The offsets; or the variable that they were mixed in, or their mean was taken out of.
    spread : TensorVariable or None
        Standard deviation of the origin, arranged as the base; None stands for 1.
    at : TensorVariable
        The origin, arranged as the base.
    base : TensorVariable
        The last variable on the way that has only been scaled and rearranged.
    gain : TensorVariable or None
        What the origin was scaled by on the way to the base, arranged as the base; None for 1.
    total, location : TensorVariable or None
        The sum of the base and what was added to it group by group, and that.
    used : TensorVariable or None
        The origin, arranged as what is picked for the rows; None before.
    later : TensorVariable or None
        What scales it after rows were picked.
    shift : TensorVariable or None
        One number that was added to all rows.
    columns : int or None
        Axis of the origin that a random matrix mixed.
    dims : tuple of (str or None)
        Names of the axes of the origin.
    designed, ended, centred, flipped : bool
        Whether data were multiplied, something else was added, the mean was taken out, the base
        was taken off the location.
    loadings : tuple of TensorVariable
        Random expressions that multiply the sum that the offsets are part of.
    """

    origin: Any
    at: Any
    base: Any
    spread: Any | None = None
    gain: Any | None = None
    columns: int | None = None
    dims: tuple[str | None, ...] = ()
    total: Any | None = None
    location: Any | None = None
    used: Any | None = None
    later: Any | None = None
    shift: Any | None = None
    designed: bool = False
    ended: bool = False
    centred: bool = False
    flipped: bool = False
    loadings: tuple[Any, ...] = ()

    @property
    def by_group(self) -> bool:
        """Whether the way has not left the groups for the rows."""
        return not (self.used is not None or self.designed or self.ended)

    @property
    def base_or_total(self) -> Any:
        """The variable of the groups that the way has come to."""
        return self.base if self.total is None else self.total

    @property
    def is_scaled(self) -> bool:
        """Whether anything random scales the offsets."""
        return any(v is not None for v in (self.gain, self.later, self.spread))
