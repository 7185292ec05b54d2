"""Who runs the tasks of a session: threads here, any executor, or a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from ..errors import SpecError, one_line
from .threads import tasks_at_once

#: Seconds to wait for a scheduler to answer.
REACH = 10.0


@contextmanager
def crew(
    executor: Any = None,
    workers: int | None = None,
    scheduler: str = "",
    *,
    otherwise: int | None = None,
) -> Iterator[Executor | None]:
    """Yield who runs the tasks; what was made here is closed at the end.

    Parameters
    ----------
    executor : concurrent.futures.Executor or distributed.Client, optional
        Used as it is, and left open.
    workers : int, optional
        Threads here; one runs every task by itself, its chains in parallel.
    scheduler : str, optional
        Address of a Dask scheduler, ``tcp://host:8786``.
    otherwise : int, optional
        Threads here when none of these is given; one for every four processors when left out.

    Yields
    ------
    concurrent.futures.Executor or None

    Raises
    ------
    SpecError
        If more than one is given, if it is no executor, or if a scheduler cannot be reached.
    """
    if sum((executor is not None, workers is not None, bool(scheduler))) > 1:
        raise SpecError(
            "more than one way to run tasks is asked for",
            expected="an executor, a number of workers or the address of a scheduler",
        )
    if scheduler:
        client = _reached(scheduler)
        try:
            yield client.get_executor()
        finally:
            client.close()
    elif executor is not None:
        yield _as_executor(executor)
    elif workers is not None and workers < 1:
        raise SpecError(f"workers must be at least 1, not {workers}")
    elif (threads := workers or otherwise or tasks_at_once()) > 1:
        with ThreadPoolExecutor(threads, thread_name_prefix="poolwise") as pool:
            yield pool
    else:
        yield None


def _as_executor(given: Any) -> Executor:
    if isinstance(given, Executor):
        return given
    # A Dask client, without importing Dask.
    if callable(getattr(given, "get_executor", None)):
        made: Executor = given.get_executor()
        return made
    raise SpecError(
        f"{type(given).__name__} cannot run tasks",
        expected="a concurrent.futures.Executor or a dask.distributed.Client",
    )


def _reached(address: str) -> Any:
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise SpecError(
            f"--scheduler needs {error.name}, which is not installed",
            do="pip install 'poolwise[distributed]'",
        ) from error
    try:
        return Client(address, timeout=REACH, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise SpecError(
            f"the scheduler {address} was not reached within {REACH:g} s: {one_line(error)}",
            expected="the address that 'dask scheduler' prints, such as tcp://host:8786",
            do="check that it runs, and that this machine may connect to it",
        ) from error


def threads_of(executor: Executor) -> int:
    """Return how many tasks an executor runs at the same time; 0 where that is not known."""
    client = getattr(executor, "_client", None)
    if client is not None and hasattr(client, "nthreads"):
        return sum(client.nthreads().values())
    return int(getattr(executor, "_max_workers", 0) or 0)


def why_stuck(executor: Executor) -> str:
    """Return why nothing will finish, as far as that can be known; empty when something may."""
    client = getattr(executor, "_client", None)
    if client is None or not hasattr(client, "scheduler_info"):
        return ""
    if client.status != "running":
        return "the connection to the scheduler was lost"
    return "" if client.nthreads() else "the cluster has no workers"
