"""How many threads the work of one task may use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_CORES: ContextVar[int | None] = ContextVar("cores", default=None)


def cores() -> int | None:
    """Return how many threads may be used here; None for as many as there are processors."""
    return _CORES.get()


@contextmanager
def limited_to(number: int) -> Iterator[None]:
    """Let the work in this block, in this thread, use so many threads."""
    token = _CORES.set(number)
    try:
        yield
    finally:
        _CORES.reset(token)
