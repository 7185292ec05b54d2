"""Simulating data from the posterior of a model whose groups are data that can be set."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pymc as pm
import xarray as xr

from poolwise.workflow.settings import Settings
from poolwise.workflow.stages.predictive import PosteriorPredictive


def test_effects_are_those_of_the_posterior_and_nothing_warns() -> None:
    """Warnings are errors here."""
    with pm.Model(coords={"batch": range(3), "cask": range(4)}) as model:
        batch_of_cask = pm.Data("batch_of_cask", [0, 1, 2, 0])
        batch = pm.Normal("batch_mean", 0, 1, dims="batch")
        cask = pm.Normal("cask_mean", batch[batch_of_cask], 1, dims="cask")
        pm.Normal("y", cask, 0.01, observed=np.ones(4), dims="cask")
    far = np.array([-300.0, -100.0, 100.0, 300.0])
    posterior = xr.Dataset(
        {
            "batch_mean": (("chain", "draw", "batch"), np.zeros((1, 5, 3))),
            "cask_mean": (("chain", "draw", "cask"), np.tile(far, (1, 5, 1))),
        }
    )
    context: Any = SimpleNamespace(
        model=model, groups={"posterior": posterior}, settings=Settings(seed=1)
    )
    found = PosteriorPredictive().run(context)["posterior_predictive"]["y"]
    np.testing.assert_allclose(found.values[0], np.tile(far, (5, 1)), atol=0.1)
