"""A level of the hierarchy, as a spec declares it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

#: Names of noise variables: of the only outcome, or by outcome.
Noise = str | Sequence[str] | Mapping[str, str | Sequence[str]]


def noise_by_outcome(noise: Noise, outcomes: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return declared noise variables by outcome.

    Parameters
    ----------
    noise : str, sequence of str, or mapping
    outcomes : sequence of str
        Names of outcomes, and of potentials that may stand for one.

    Raises
    ------
    ValueError
        If no outcome is named and there is not exactly one.
    """
    if not noise:
        return {}
    if not isinstance(noise, Mapping):
        if len(outcomes) != 1:
            raise ValueError(
                f"noise={noise!r} does not say of which outcome, and there are {len(outcomes)}"
            )
        noise = {outcomes[0]: noise}
    return {name: (said,) if isinstance(said, str) else tuple(said) for name, said in noise.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One level: J related effects that share a location and a scale.

    Parameters
    ----------
    effect : str
        Variable of the model that holds one value per group, centred (a random variable) or not (a
        ``Deterministic`` such as ``mu + tau * z``).
    scale : str
        Variable that holds the standard deviation between groups.
    location : str or float, default 0
        Variable the effects are centred on: a scalar, or one value per group.
    rows : str, optional
        Data variable with the zero-based group of each row of the outcome. Found from the model
        when left out.
    noise : str or float, optional
        Variable or number with the standard deviation of one row. Found from a normal likelihood
        when left out.
    """

    effect: str
    scale: str
    location: str | float = 0.0
    rows: str | None = None
    noise: str | float | None = None

    def names(self) -> dict[str, str]:
        """Return the model variables the level refers to, by role."""
        return {role: value for role, value in asdict(self).items() if isinstance(value, str)}

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)
