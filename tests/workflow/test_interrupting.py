"""A fit that is interrupted is not taken for a finished one."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pymc as pm
import pytest
import xarray as xr

from poolwise.workflow.engine import Engine, sample_arrays
from poolwise.workflow.engine.whole import whole

#: Takes minutes, if nobody interrupts it.
LONG: dict[str, Any] = {"draws": 5_000_000, "tune": 100, "chains": 2, "target_accept": 0.9}


@pytest.fixture(scope="module")
def engine() -> Engine:
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 1)
        pm.Normal("y", mu, 1, observed=[0.3, -0.8, 1.4])
    found = Engine(model, [])
    found.compile()
    return found


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let this process hear Ctrl-C: one that runs tests for another process may ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    "fit",
    [
        lambda engine: engine.sample(seed=1, **LONG),
        lambda engine: sample_arrays(engine, seed=1, data={}, **LONG),
    ],
    ids=["tree", "arrays"],
)
def test_the_draws_so_far_are_no_fit(engine: Engine, fit: Callable[[Engine], Any]) -> None:
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        fit(engine)
    timer.join()


@pytest.mark.parametrize(
    ("draws", "last", "finished"), [(5, 1.0, True), (4, 1.0, False), (5, np.nan, False)]
)
def test_all_chains_have_to_be_whole(draws: int, last: float, finished: bool) -> None:
    dims = ("chain", "draw")
    steps = np.ones((2, draws))
    steps[1, -1] = last
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"mu": (dims, np.zeros((2, draws)))}),
            "sample_stats": xr.Dataset({"step_size": (dims, steps)}),
        }
    )
    if finished:
        assert whole(tree, 5, 2) is tree
    else:
        with pytest.raises(KeyboardInterrupt):
            whole(tree, 5, 2)
