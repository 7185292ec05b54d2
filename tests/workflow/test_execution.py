"""Tasks run in order, in threads or elsewhere give the same results and lose none."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np
import pymc as pm
import pytest

from poolwise.workflow.errors import SpecError
from poolwise.workflow.execution import tasks as execution
from poolwise.workflow.execution import threads
from poolwise.workflow.execution.cluster import crew
from poolwise.workflow.execution.programs import receive
from poolwise.workflow.execution.shipping import pack, unpack
from poolwise.workflow.execution.tasks import Program, each
from poolwise.workflow.execution.threads import cores
from poolwise.workflow.runs.fingerprint import versions


def schools() -> pm.Model:
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfNormal("tau", 5)
        theta = pm.Normal("theta", mu, tau, shape=4)
        pm.Normal("y", theta, 10.0, observed=[28.0, 8.0, -3.0, 7.0])
    return model


def reciprocal(value: float) -> float:
    if value == 0:
        raise ZeroDivisionError("no reciprocal")
    return 1 / value


def threads_allowed(_: int) -> int | None:
    return cores()


@pytest.fixture(params=["here", "threads"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor | None]:
    if request.param == "here":
        yield None
    else:
        with ThreadPoolExecutor(2) as pool:
            yield pool


def test_every_task_gives_its_result(executor: Executor | None) -> None:
    assert dict(each(executor, reciprocal, [1.0, 2.0, 4.0])) == {0: 1.0, 1: 0.5, 2: 0.25}


def test_a_task_that_fails_loses_no_other(executor: Executor | None) -> None:
    found: dict[int, float] = {}
    run = each(executor, reciprocal, [0.0, 2.0, 4.0])
    with pytest.raises(ZeroDivisionError):
        found.update(run)
    assert found == {1: 0.5, 2: 0.25}


def test_failures_can_be_taken_one_by_one(executor: Executor | None) -> None:
    failed: dict[int, Exception] = {}
    found = dict(each(executor, reciprocal, [0.0, 2.0, 0.0], failed.__setitem__))
    assert found == {1: 0.5}
    assert {i: type(e) for i, e in failed.items()} == dict.fromkeys((0, 2), ZeroDivisionError)


def test_tasks_here_run_when_they_are_asked_for() -> None:
    done: list[int] = []
    run = each(None, done.append, [1, 2, 3])
    next(run)
    assert done == [1]


def test_threads_share_the_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "processors", lambda: 8)
    assert dict(each(None, threads_allowed, [0])) == {0: None}
    with ThreadPoolExecutor(4) as pool:
        assert dict(each(pool, threads_allowed, [0])) == {0: 8}
        assert set(dict(each(pool, threads_allowed, [0] * 20)).values()) == {2}
    with ThreadPoolExecutor(20) as pool:
        assert set(dict(each(pool, threads_allowed, [0] * 20)).values()) == {1}


@pytest.mark.parametrize(("processors", "at_once"), [(1, 1), (2, 1), (7, 1), (8, 2), (64, 16)])
def test_large_machines_run_tasks_at_the_same_time(
    monkeypatch: pytest.MonkeyPatch, processors: int, at_once: int
) -> None:
    monkeypatch.setattr(threads, "processors", lambda: processors)
    with crew() as pool:
        assert (1 if pool is None else pool._max_workers) == at_once  # type: ignore[attr-defined]
    with crew(workers=1) as pool:
        assert pool is None


def test_a_caller_may_want_more_threads_when_nobody_says() -> None:
    with crew(otherwise=3) as pool:
        assert pool is not None
        assert pool._max_workers == 3  # type: ignore[attr-defined]
    with crew(workers=1, otherwise=3) as pool:
        assert pool is None


def test_lambdas_go_to_other_processes() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = dict(each(pool, lambda x: x + 1, [1, 2]))
    assert found == {0: 2, 1: 3}


@dataclass(frozen=True)
class Task:
    program: Program
    note: object = None


def test_a_part_that_cannot_be_sent_is_named() -> None:
    import threading

    with pytest.raises(SpecError, match=r"note\.lock cannot be sent.*pickle"):
        pack(Task(Program(schools(), []), {"fine": 1, "lock": threading.Lock()}))


def test_a_program_arrives_once_and_is_the_same_model() -> None:
    program = Program(schools(), ["mu", "tau"])
    packed = pack(program, program)
    one, two = unpack(packed)
    assert one is two is program, "a process that made the program keeps its own"
    key, sent = program.__reduce__()[1]
    copy = receive(f"other {key}", sent)
    assert copy is receive(f"other {key}", sent)
    assert copy is not program
    assert copy.key == program.key
    assert [v.name for v in copy.model.free_RVs] == ["mu", "tau", "theta"]
    assert copy.engine is receive(f"third {key}", sent).engine, "a worker compiles a model once"
    assert copy.engine is not program.engine


def test_draws_do_not_depend_on_the_threads() -> None:
    engine = Program(schools(), ["mu", "tau"]).engine
    size: dict[str, Any] = {"draws": 100, "tune": 100, "chains": 3, "target_accept": 0.9}

    def run(seed: int) -> np.ndarray:
        return np.asarray(engine.sample(seed=seed, **size)["posterior"]["tau"])

    serial = dict(each(None, run, [1, 2, 3, 4]))
    with ThreadPoolExecutor(2) as pool:
        parallel = dict(each(pool, run, [1, 2, 3, 4]))
    assert engine.compilations == 1
    for index, draws in serial.items():
        np.testing.assert_array_equal(parallel[index], draws)


def test_other_processes_are_given_some_tasks_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    pending: list[tuple[Future[Any], Any, Any]] = []
    most = []

    class Later(Executor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = Future()
            pending.append((future, fn, args))
            return future

    def waiting(*arguments: Any) -> Any:
        most.append(len(pending))
        future, fn, args = pending.pop()
        future.set_result(fn(*args))
        return wait(*arguments)

    monkeypatch.setattr(execution, "wait", waiting)
    values = [float(k) for k in range(1, 41)]
    assert dict(each(Later(), reciprocal, values)) == {k: 1 / v for k, v in enumerate(values)}
    assert max(most) == 16


def test_errors_for_the_user_travel_whole() -> None:
    error = SpecError("wrong", path="models.py", line=3, expected="right", do="repair it")
    (copy,) = unpack(pack(error))
    assert str(copy) == str(error)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"executor": 3}, "int cannot run tasks"),
        ({"workers": 0}, "at least 1"),
        ({"workers": 2, "scheduler": "tcp://127.0.0.1:1"}, "more than one way"),
    ],
)
def test_who_runs_tasks_must_be_clear(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=said), crew(**options):
        pass


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(SpecError, match=r"pip install 'poolwise\[distributed\]'"),
        crew(scheduler="tcp://127.0.0.1:1"),
    ):
        pass


def test_a_worker_with_other_versions_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Old(Executor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = Future()
            with monkeypatch.context() as patch:
                patch.setattr(execution, "versions", lambda: {**versions(), "pymc": "5.0"})
                try:
                    future.set_result(fn(*args))
                except Exception as error:
                    future.set_exception(error)
            return future

    with pytest.raises(SpecError, match=r"a worker has pymc 5\.0 instead of"):
        list(each(Old(), reciprocal, [1.0]))
