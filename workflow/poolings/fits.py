"""Fits of the review's program under other priors and with rows left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from ...checks.draws import SAMPLE
from ..engine import LogDensity
from ..execution.programs import Program


@dataclass(frozen=True, slots=True)
class Fit:
    """One fit of the review's program, as a task that goes to any worker."""

    program: Program
    draws: int
    tune: int
    chains: int
    target_accept: float
    seed: int
    priors: Mapping[str, LogDensity]
    weights: Mapping[str, np.ndarray]
    ridges: bool


def fitted(task: Fit) -> xr.Dataset:
    """Sample, and return the free variables with the number of divergences."""
    tree = task.program.engine.sample(
        draws=task.draws,
        tune=task.tune,
        chains=task.chains,
        target_accept=task.target_accept,
        seed=task.seed,
        priors=[task.priors],
        weights=task.weights,
        ridges=task.ridges,
    )
    names = [rv.name for rv in task.program.model.free_RVs]
    posterior = tree["posterior"].to_dataset()[names]
    diverging = int(tree["sample_stats"]["diverging"].sum())
    kept = posterior.drop_vars([c for c in posterior.coords if c not in SAMPLE])
    return kept.assign_attrs(divergences=diverging)
