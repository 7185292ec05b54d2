"""Running independent tasks: here one after another, in threads, processes, or on a cluster."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from itertools import islice
from typing import Any

from ..errors import SpecError
from ..runs.fingerprint import versions
from .cluster import threads_of, why_stuck
from .programs import Program
from .shipping import pack, unpack
from .threads import limited_to, processors

#: Takes the index and the exception of a task that failed.
Failed = Callable[[int, Exception], None]

#: Seconds without a result after which it is asked whether there can be one.
_PATIENCE = 30.0

#: Tasks that other processes are given ahead.
_FEWEST_AHEAD = 16


def each[T, R](
    executor: Executor | None,
    job: Callable[[T], R],
    tasks: Sequence[T],
    failed: Failed | None = None,
) -> Iterator[tuple[int, R]]:
    """Yield the index and result of every task as it finishes.

    Parameters
    ----------
    executor : concurrent.futures.Executor or None
        None runs the tasks here, each when the next result is asked for, in their order.
        Otherwise they are handed over some at a time and come back in any order.
    job : callable
        A function of a module, of one task. In other processes it starts with what the task
        brings: nothing compiled, which does not travel (see :class:`.Program`). Random numbers
        come from a seed in the task, so that the result does not depend on who runs it.
    tasks : sequence
        Sent to other processes by cloudpickle, which takes lambdas and functions of a notebook.
    failed : callable, optional
        Is told of every task whose job raised; the others go on.

    Yields
    ------
    index : int
        Of the task.
    result
        Of its job.

    Raises
    ------
    Exception
        Without ``failed``, what the first failing task raised: the results of all other tasks are
        yielded before. An executor that breaks loses nothing that was yielded.
    SpecError
        If a task cannot be sent, or a worker has other versions; at once.

    Notes
    -----
    Closing the iterator, or an interrupt, cancels what has not begun.
    """
    first: list[Exception] = []

    def record(index: int, error: Exception) -> None:
        if failed is not None:
            failed(index, error)
        else:
            first.append(error)

    run = _serial(job, tasks, record) if executor is None else _spread(executor, job, tasks, record)
    yield from run
    if first:
        raise first[0]


def _serial[T, R](
    job: Callable[[T], R], tasks: Sequence[T], record: Failed
) -> Iterator[tuple[int, R]]:
    for index, task in enumerate(tasks):
        try:
            result = job(task)
        except Exception as error:
            record(index, error)
        else:
            yield index, result


def _spread[T, R](
    executor: Executor, job: Callable[[T], R], tasks: Sequence[T], record: Failed
) -> Iterator[tuple[int, R]]:
    submit = _submitter(executor, job, len(tasks))
    left = iter(enumerate(tasks))
    waiting: dict[Future[R], int] = {}
    try:
        while True:
            # Not all at once: each brings its model, which a scheduler would have to hold.
            for index, task in islice(left, max(0, _ahead(executor) - len(waiting))):
                waiting[submit(task)] = index
            if not waiting:
                return
            for done in _finished(executor, waiting):
                index = waiting.pop(done)
                try:
                    result = done.result()
                except Exception as error:
                    record(index, _for_the_user(error, executor))
                else:
                    yield index, result
    finally:
        for future in waiting:
            future.cancel()


def _ahead(executor: Executor) -> int:
    """Return how many tasks are handed over before the first of them is finished."""
    if isinstance(executor, ThreadPoolExecutor):
        return sys.maxsize
    return max(_FEWEST_AHEAD, 3 * threads_of(executor))


def _for_the_user(error: Exception, executor: Executor) -> Exception:
    """Return what a task raised; raise what concerns every task alike.

    Raises
    ------
    SpecError
        If a worker cannot run tasks of this session, or tasks were cancelled.
    """
    if isinstance(error, WorkerDiffers):
        raise SpecError(
            f"a worker has {error}",
            expected="the same versions on every machine, so that the numbers do not depend on "
            "who computed them",
            do="install from the same lock file on every machine",
        ) from error
    if isinstance(error, ModuleNotFoundError) and not isinstance(executor, ThreadPoolExecutor):
        raise SpecError(
            f"a worker cannot import {str(error.name).partition('.')[0]}",
            do="install it on every machine; modules beside a spec file are sent along",
        ) from error
    if isinstance(error, CancelledError):
        raise SpecError(
            f"{why_stuck(executor) or 'tasks were cancelled'}: not every task was done",
            do="run again: what is finished is kept",
        ) from error
    return error


def _finished[R](executor: Executor, waiting: Iterable[Future[R]]) -> set[Future[R]]:
    """Return futures that are finished; wait no longer than one may be.

    Raises
    ------
    SpecError
        If nobody is left who could finish them.
    """
    stuck = ""
    while not (done := wait(waiting, _PATIENCE, FIRST_COMPLETED).done):
        # Twice in a row, because workers may be on their way.
        before, stuck = stuck, why_stuck(executor)
        if before and stuck:
            raise SpecError(
                f"{stuck}: not every task was done",
                do="start workers and run again: what is finished is kept",
            )
    return done


def _submitter[T, R](
    executor: Executor, job: Callable[[T], R], count: int
) -> Callable[[T], Future[R]]:
    """Return what hands a task to an executor: as it is to threads, packed to anything else."""
    if isinstance(executor, ThreadPoolExecutor):
        # Tasks first; chains in parallel with the processors that these leave.
        at_once = max(1, min(executor._max_workers, count))
        share = max(1, processors() // at_once)
        return lambda task: executor.submit(_in_thread, job, task, share)
    ours = versions()
    if isinstance(executor, ProcessPoolExecutor):
        return lambda task: executor.submit(run_packed, pack(job, task), ours)

    def elsewhere(packed: bytes, theirs: dict[str, str]) -> Any:
        # A local function is sent as it is: neither a scheduler nor a worker without poolwise stops
        # before it can say so.
        from .tasks import run_packed

        return run_packed(packed, theirs)

    return lambda task: executor.submit(elsewhere, pack(job, task), ours)


def _in_thread[T, R](job: Callable[[T], R], task: T, share: int) -> R:
    with limited_to(share):
        return job(task)


class WorkerDiffers(Exception):
    """A worker has other versions than the session, and so could give other numbers."""


def run_packed(packed: bytes, theirs: dict[str, str]) -> Any:
    """Run a packed task in another process.

    Raises
    ------
    WorkerDiffers
        If this process has other versions.
    """
    ours = versions()
    differing = [f"{n} {ours.get(n)} instead of {v}" for n, v in theirs.items() if ours.get(n) != v]
    if differing:
        raise WorkerDiffers(", ".join(differing))
    job, task = unpack(packed)
    with limited_to(1):
        return job(task)


__all__ = ["Program", "WorkerDiffers", "each"]
