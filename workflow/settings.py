"""How much a review simulates. Part of every cache key, so a change reruns what it concerns."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .errors import SpecError

if TYPE_CHECKING:
    from .specs.spec import ModelSpec


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Sizes of a review.

    Attributes
    ----------
    draws, tune, chains : int
        Of every fit, per chain.
    target_accept : float
        0.95 rather than the usual 0.8: funnels are the rule here, and it costs little.
    prior_draws : int
        Data sets simulated from the prior.
    seed : int
        The only source of randomness; every stage derives its own from it.
    """

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    target_accept: float = 0.95
    prior_draws: int = 1000
    seed: int = 20261122

    def __post_init__(self) -> None:
        for name, least in (("draws", 100), ("tune", 100), ("chains", 1), ("prior_draws", 100)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}")
        if not 0 < self.target_accept < 1:
            raise ValueError(f"target_accept must be between 0 and 1, not {self.target_accept}")
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, but is {self.seed}")

    def seed_for(self, purpose: str) -> int:
        """Return a seed for one purpose: the same for the same purpose, unrelated otherwise."""
        text = f"{self.seed}/{purpose}".encode()
        return int.from_bytes(hashlib.sha256(text).digest()[:4], "big")

    def sampling(self) -> dict[str, Any]:
        """Return what a fit depends on."""
        return {k: v for k, v in asdict(self).items() if k != "prior_draws"}


def settings_of(spec: ModelSpec, *, seed: int | None, **sizes: int) -> Settings:
    """Return the sizes that were asked for, with the seed that was, or the spec's own.

    Raises
    ------
    SpecError
        If a size is too small.
    """
    chosen = seed if seed is not None else spec.seed
    try:
        return Settings(**sizes, **({} if chosen is None else {"seed": chosen}))
    except ValueError as error:
        raise SpecError(str(error), path=spec.path, line=spec.line) from error
