"""One simulation: fit the simulated data, rank the truth among the draws."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...checks.draws import Array
from ...checks.mixing import rhat
from ...checks.ranks import ranks
from ..engine import Draws, sample_arrays
from ..errors import one_line
from ..execution.programs import Program
from ..sampler import sample
from ..settings import Settings
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

    def fit(self) -> Draws:
        """Sample the posterior given the simulated data."""
        data = {self.outcomes[name]: value for name, value in self.simulated.data.items()}
        if not self.switched:
            model = with_data(self.program.model, data)
            return Draws.of(sample(model, self.settings, self.seed, lambda *_: None)[0])
        return sample_arrays(
            self.program.engine,
            draws=self.settings.draws,
            tune=self.settings.tune,
            chains=self.settings.chains,
            target_accept=self.settings.target_accept,
            seed=self.seed,
            data=data,
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
            draws = task.fit()
        except (RuntimeError, ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
            result["reason"] = f"the sampler stopped: {one_line(error, 80)}"
        else:
            result |= _ranked(task, draws)
    return result | {"seconds": round(time.perf_counter() - started, 4)}


def _ranked(task: Task, fitted: Draws) -> dict[str, Any]:
    asked = quantities_of(task.about)
    step = max(1, task.settings.chains * task.settings.draws // MOST_DRAWS)
    thinned = {name: values[:, ::step] for name, values in fitted.variables.items()}
    conditioned = [task.simulated.data, *([task.observed] if task.observed else [])]
    truths = asked.at(task.simulated.truth, *conditioned)
    drawn = asked(thinned, *conditioned)
    # Random numbers that place truths among ties: of this simulation, in the order of quantities.
    placed = np.random.default_rng([task.seed, 1]).uniform(size=len(drawn.labels))
    known = dict(zip(truths.labels, truths.values[:, 0, 0], strict=True))
    both = [i for i, label in enumerate(drawn.labels) if label in known]
    labels = [drawn.labels[i] for i in both]
    columns = _columns(
        np.array([known[label] for label in labels]), drawn.values[both], placed[both]
    )
    return {
        "status": "fitted",
        "reason": "",
        "constant": task.simulated.constant,
        "divergences": fitted.divergences,
        "quantities": {
            label: {"of_data": bool(drawn.of_data[i])}
            | {name: _plain(values[k]) for name, values in columns.items()}
            for k, (i, label) in enumerate(zip(both, labels, strict=True))
        },
    }


def _columns(truths: Array, draws: Array, placed: Array) -> dict[str, Array]:
    """Return what is kept of every quantity; NaN of those that are not finite everywhere.

    Parameters
    ----------
    truths, placed : ndarray of shape (quantity,)
    draws : ndarray of shape (quantity, chain, draw)
    """
    finite = np.isfinite(truths) & np.isfinite(draws).all(axis=(1, 2))
    found = {name: np.full(len(truths), np.nan) for name in KEPT}
    if not finite.any():
        return found
    truths, draws = truths[finite], draws[finite]
    ranked = ranks(truths, draws)
    # Draws that never move, as of a class that is certain, say nothing about mixing.
    moves = np.ptp(draws, axis=(1, 2)) > 0
    flat = draws.reshape(len(draws), -1)
    values = {
        "truth": truths,
        "mean": flat.mean(axis=1),
        "sd": flat.std(axis=1, ddof=1),
        "iqr": np.subtract(*np.quantile(flat, [0.75, 0.25], axis=1)),
        "below": ranked.below,
        "ties": ranked.ties,
        "kept": ranked.kept,
        "pit": ranked.pit(placed[finite]),
        "ess": np.where(moves, ranked.ess, np.nan),
        "rhat": np.where(moves, rhat(_chains(draws)), np.nan),
    }
    for name, value in values.items():
        found[name][finite] = value
    return found


def _chains(draws: Array) -> Array:
    """Return at least two chains: the halves of a single one, which should agree as well."""
    if draws.shape[1] > 1:
        return draws
    half = draws.shape[2] // 2
    return draws[:, 0, : 2 * half].reshape(len(draws), 2, half)


def _plain(value: float) -> float | None:
    """Return a number that JSON can hold."""
    return float(value) if math.isfinite(value) else None
