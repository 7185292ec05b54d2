"""How many threads the work of one task may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_CORES: ContextVar[int | None] = ContextVar("cores", default=None)


#: Chains of a fit, more or less: processors that one task can use.
_PER_TASK = 4


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def tasks_at_once() -> int:
    """Return how many tasks run at the same time when nobody said: one on a small machine."""
    return max(1, processors() // _PER_TASK)


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
