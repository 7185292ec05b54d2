"""Refits on a Dask cluster are those made here, though a worker is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pymc as pm
import pytest
import xarray as xr

from poolwise.checks.hierarchy import read_hierarchy, roles
from poolwise.workflow.calibration import calibrate
from poolwise.workflow.errors import SpecError
from poolwise.workflow.execution import tasks as execution
from poolwise.workflow.execution.cluster import crew
from poolwise.workflow.execution.tasks import Program, each
from poolwise.workflow.refits import Refit, refit
from poolwise.workflow.settings import Settings
from poolwise.workflow.specs.loading import load_specs

pytest.importorskip("distributed")

SPEC = """
import pymc as pm, poolwise
from poolwise import Level
from beside import CUTOFF

@poolwise.spec(
    levels={"site": Level(effect="theta", location="mu", scale="tau")},
    quantities={"best": lambda post: post["theta"].max("site")},
    decisions={"large": lambda post: post["mu"] > CUTOFF},
)
def sites():
    with pm.Model(coords={"site": list("abcdef")}) as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfNormal("tau", 5)
        theta = pm.Normal("theta", mu, tau, dims="site")
        pm.Normal("y", theta, 3.0, observed=[1.0, 9.0, 4.0, -2.0, 5.0, 12.0], dims="site")
    return model
"""

SETTINGS = Settings(draws=100, tune=200, chains=2)


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> list[Refit]:
    """Eight refits of a spec that lies in a file which no worker can import, with one beside it."""
    from poolwise.workflow.engine import log_density_of

    folder = tmp_path_factory.mktemp("specs")
    (folder / "beside.py").write_text("CUTOFF = 3.0\n")
    (folder / "models.py").write_text(SPEC)
    spec = load_specs(str(folder / "models.py"))[0]
    model = spec()
    hierarchy = read_hierarchy(model, **spec.declared)
    role = roles(model, hierarchy)
    program = Program(model, role.top_level, spec=spec, hierarchy=hierarchy, roles=role)
    return [
        Refit(
            program,
            SETTINGS,
            SETTINGS.seed_for(f"tau {scale}"),
            {"priors": [{"tau": log_density_of(pm.HalfNormal.dist(scale))}]},
        )
        for scale in range(1, 9)
    ]


@pytest.fixture(scope="module")
def here(tasks: list[Refit]) -> dict[int, xr.Dataset]:
    """What the refits give one after another in this process."""
    found = dict(each(None, refit, tasks))
    means = [float(found[k]["tau"].sel(summary="mean")) for k in sorted(found)]
    assert means[0] < means[3] < means[7], "each was fitted under its own prior"
    assert {"best", "large", "site: weight"} <= set(found[0])
    return found


def same(one: dict[int, xr.Dataset], other: dict[int, xr.Dataset]) -> None:
    assert set(one) == set(other)
    for index in one:
        xr.testing.assert_identical(one[index], other[index])


def test_in_threads_the_numbers_are_the_same(
    tasks: list[Refit], here: dict[int, xr.Dataset]
) -> None:
    with crew(workers=2) as pool:
        assert isinstance(pool, ThreadPoolExecutor)
        same(dict(each(pool, refit, tasks)), here)
    assert tasks[0].program.engine.compilations == 1


def test_on_a_local_cluster_the_numbers_are_the_same(
    tasks: list[Refit], here: dict[int, xr.Dataset], tmp_path: Path
) -> None:
    from distributed import Client, LocalCluster

    sizes: dict[str, Any] = {"simulations": 6, "draws": 100, "tune": 100, "chains": 1}
    spec = tasks[0].program.spec
    calibrated = calibrate(spec, output=tmp_path / "here", workers=1, **sizes)
    assert set(calibrated.data["status"].values) == {"fitted"}

    options: dict[str, Any] = {"n_workers": 1, "threads_per_worker": 2, "dashboard_address": None}
    with (
        LocalCluster(processes=True, **options) as cluster,  # type: ignore[no-untyped-call]
        Client(cluster) as client,  # type: ignore[no-untyped-call]
        crew(client) as pool,
    ):
        same(dict(each(pool, refit, tasks)), here)
        there = calibrate(spec, output=tmp_path / "there", executor=client, **sizes)
    xr.testing.assert_identical(
        calibrated.data.drop_vars("seconds"), there.data.drop_vars("seconds")
    )


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[tuple[str, dict[str, subprocess.Popen[bytes]]]]:
    """A scheduler and two workers as separate processes, and the scheduler's address."""
    from distributed import Client

    address = tmp_path / "scheduler.json"
    started: dict[str, subprocess.Popen[bytes]] = {}

    def start(name: str, *options: str) -> None:
        with (tmp_path / f"{name}.log").open("wb") as log:
            started[name] = subprocess.Popen(
                [sys.executable, "-m", "dask", *options, "--scheduler-file", str(address)],
                stdout=log,
                stderr=log,
                cwd=tmp_path,
            )

    try:
        start("scheduler", "scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1")
        for name in ("one", "two"):
            limits = ["--nthreads", "1", "--no-nanny", "--no-dashboard"]
            start(name, "worker", "--name", name, *limits)
        with Client(scheduler_file=str(address), timeout=120) as client:  # type: ignore[no-untyped-call]
            client.wait_for_workers(2, timeout=120)
            where = client.scheduler.address
        yield where, started
    finally:
        for process in started.values():
            process.kill()
        for process in started.values():
            process.wait()


def test_a_killed_worker_loses_nothing(
    tasks: list[Refit],
    here: dict[int, xr.Dataset],
    processes: tuple[str, dict[str, subprocess.Popen[bytes]]],
) -> None:
    address, started = processes
    found: dict[int, xr.Dataset] = {}
    with crew(scheduler=address) as pool:
        client = pool._client  # type: ignore[union-attr]
        for index, fit in each(pool, refit, tasks):
            if not found:
                names = {a: w["name"] for a, w in client.scheduler_info()["workers"].items()}
                assert set(names.values()) == {"one", "two"}
                busy = [names[a] for a, keys in client.processing().items() if keys]
                killed = started[busy[0]]
                killed.send_signal(signal.SIGKILL)
                assert killed.wait() == -signal.SIGKILL
            found[index] = fit
        assert len(client.scheduler_info()["workers"]) == 1
    same(found, here)


def test_without_workers_it_is_said_soon(
    tasks: list[Refit],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from distributed import Client, LocalCluster

    monkeypatch.setattr(execution, "_PATIENCE", 0.2)
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=None) as cluster,  # type: ignore[no-untyped-call]
        Client(cluster) as client,  # type: ignore[no-untyped-call]
        crew(client) as pool,
        pytest.raises(SpecError, match="the cluster has no workers: not every"),
    ):
        list(each(pool, refit, tasks))


def test_a_scheduler_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    from poolwise.workflow.execution import cluster

    monkeypatch.setattr(cluster, "REACH", 1.0)
    started = time.monotonic()
    with (
        pytest.raises(SpecError, match="was not reached within 1 s"),
        crew(scheduler="tcp://127.0.0.1:9"),
    ):
        pass
    assert time.monotonic() - started < 20


def test_an_address_that_is_none() -> None:
    with pytest.raises(SpecError, match="was not reached"), crew(scheduler="cluster"):
        pass
