"""One simulation: fit the simulated data, rank the truth among the draws."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from ...checks.draws import Array
from ...checks.lazy import array_stats
from ...checks.ranks import rank
from ..errors import one_line
from ..execution.programs import Program
from ..sampler import sample
from ..settings import Settings
from ..stages.stage import plain
from .asked import quantities_of
from .datasets import with_data
from .simulating import Simulated

#: Draws of one fit that are looked at.
MOST_DRAWS = 1000

#: What is kept of every quantity.
KEPT = ("truth", "mean", "sd", "iqr", "below", "ties", "kept", "pit", "ess", "rhat")


@dataclass(frozen=True, slots=True)
class Task:
    """One simulation that is to be fitted.

    Attributes
    ----------
    index, seed : int
    program : Program
        That is fitted.
    about : Program
        Of the spec's own model, whose test quantities are ranked.
    switched : bool
        Whether the program takes other data as it runs.
    outcomes : dict of str to str
        Under which name the program takes the simulated data of each outcome.
    observed : mapping
        Data that the program is conditioned on besides, by outcome; empty for the prior.
    """

    index: int
    seed: int
    program: Program
    about: Program
    switched: bool
    settings: Settings
    simulated: Simulated
    outcomes: Mapping[str, str]
    observed: Mapping[str, np.ndarray] = field(default_factory=dict)

    def fit(self) -> xr.DataTree:
        """Sample the posterior given the simulated data."""
        data = {self.outcomes[name]: value for name, value in self.simulated.data.items()}
        if not self.switched:
            model = with_data(self.program.model, data)
            return sample(model, self.settings, self.seed, lambda *_: None)[0]
        engine = self.program.engine
        return engine.sample(
            draws=self.settings.draws,
            tune=self.settings.tune,
            chains=self.settings.chains,
            target_accept=self.settings.target_accept,
            seed=self.seed,
            data={n: v.astype(engine.data[n].dtype) for n, v in data.items()},
        )


def fit(task: Task) -> dict[str, Any]:
    """Fit one simulated data set and rank what it was simulated from.

    Returns
    -------
    dict
        Plain data for JSON: ``status`` (``fitted`` or ``lost``), diagnostics, and per quantity
        what ``KEPT`` names.
    """
    started = time.perf_counter()
    result: dict[str, Any] = {
        "index": task.index,
        "status": "lost",
        "reason": task.simulated.lost,
        "constant": False,
        "divergences": 0,
        "quantities": {},
    }
    if not task.simulated.lost:
        try:
            tree = task.fit()
        except (RuntimeError, ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
            result["reason"] = f"the sampler stopped: {one_line(error, 80)}"
        else:
            result |= _ranked(task, tree)
    return result | {"seconds": round(time.perf_counter() - started, 4)}


def _ranked(task: Task, tree: xr.DataTree) -> dict[str, Any]:
    asked = quantities_of(task.about)
    posterior = plain(tree["posterior"].to_dataset())
    step = max(1, posterior.sizes["chain"] * posterior.sizes["draw"] // MOST_DRAWS)
    posterior = posterior.isel(draw=slice(None, None, step))
    conditioned = [task.simulated.data, *([task.observed] if task.observed else [])]
    truths = asked(asked.dataset(task.simulated.truth), *conditioned)
    draws = asked(posterior, *conditioned)
    # Random numbers that place truths among ties: of this simulation, in the order of quantities.
    uniform = np.random.default_rng([task.seed, 1])
    found = {}
    for label, quantity in draws.items():
        placed = float(uniform.uniform())
        if label in truths:
            truth = float(truths[label].draws[0, 0])
            of_data = quantity.of_data
            found[label] = {"of_data": of_data} | _one(truth, quantity.draws, placed)
    statistics = tree["sample_stats"].to_dataset()
    divergences = int(statistics["diverging"].sum()) if "diverging" in statistics else 0
    return {
        "status": "fitted",
        "reason": "",
        "constant": task.simulated.constant,
        "divergences": divergences,
        "quantities": found,
    }


def _one(truth: float, draws: Array, placed: float) -> dict[str, float | int | None]:
    if not (math.isfinite(truth) and np.isfinite(draws).all()):
        return dict.fromkeys(KEPT)
    found = rank(truth, draws)
    moves = np.ptp(draws) > 0
    values = {
        "truth": truth,
        "mean": float(draws.mean()),
        "sd": float(draws.std(ddof=1)),
        "iqr": float(np.subtract(*np.quantile(draws, [0.75, 0.25]))),
        "below": found.below,
        "ties": found.ties,
        "kept": found.kept,
        "pit": found.pit(placed),
        # Draws that never move, as of a class that is certain, say nothing about mixing.
        "ess": found.ess if moves else None,
        "rhat": float(array_stats.rhat(_chains(draws))) if moves else None,
    }
    return {k: v if v is None or math.isfinite(v) else None for k, v in values.items()}


def _chains(draws: Array) -> Array:
    """Return at least two chains: the halves of a single one, which should agree as well."""
    if len(draws) > 1:
        return draws
    half = draws.shape[1] // 2
    return np.stack([draws[0, :half], draws[0, half : 2 * half]])
