"""Results of single simulations on disk, and all of them as one dataset."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ..errors import SpecError
from ..runs.store import write_json
from .fits import KEPT
from .plan import Plan


def write_result(folder: Path, index: int, result: Mapping[str, Any]) -> None:
    """Write one result, whole or not at all."""
    write_json(_file(folder, index), result)


def read_result(folder: Path, index: int) -> dict[str, Any] | None:
    """Return a finished result, or None if it is not there or not whole."""
    try:
        found = json.loads(_file(folder, index).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("index") == index else None


def _file(folder: Path, index: int) -> Path:
    return folder / f"{index:05d}.json"


def remember(folder: Path, plan: Plan, *, learned: bool) -> None:
    """Keep what was learned while simulating, for a run that has nothing left to simulate.

    Raises
    ------
    SpecError
        If nothing is left to simulate, and what was kept is damaged or gone.
    """
    file = folder / "plan.json"
    if learned:
        rhat = plan.base_rhat if math.isfinite(plan.base_rhat) else None
        kept = {"notes": plan.notes, "fallbacks": plan.fallbacks, "base_rhat": rhat}
        write_json(file, kept)
        return
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        plan.notes, plan.fallbacks = list(kept["notes"]), list(kept["fallbacks"])
        plan.base_rhat = float("nan") if kept["base_rhat"] is None else float(kept["base_rhat"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise SpecError(
            "what was learned while simulating is damaged or gone",
            path=str(file),
            do=f"delete {folder} to simulate and fit again",
        ) from error


def assembled(results: Sequence[Mapping[str, Any]]) -> xr.Dataset:
    """Return all results as one dataset.

    Returns
    -------
    xarray.Dataset
        Dims ``simulation`` and ``quantity``: what ``KEPT`` names, NaN where a simulation has none;
        per simulation ``status``, ``reason``, ``constant``, ``divergences``, ``largest_rhat``,
        ``smallest_ess`` and ``seconds``; per quantity ``of_data``.
    """
    of_data = {
        label: bool(values["of_data"])
        for result in results
        for label, values in result["quantities"].items()
    }
    labels = list(of_data)
    table = np.full((len(KEPT), len(results), len(labels)), np.nan)
    for row, result in enumerate(results):
        for column, label in enumerate(labels):
            values = result["quantities"].get(label, {})
            for k, name in enumerate(KEPT):
                if values.get(name) is not None:
                    table[k, row, column] = values[name]
    found = dict(zip(KEPT, table, strict=True))
    single = {
        "status": np.array([str(r["status"]) for r in results], dtype=str),
        "reason": np.array([str(r["reason"]) for r in results], dtype=str),
        "constant": np.array([bool(r["constant"]) for r in results]),
        "divergences": np.array([int(r["divergences"]) for r in results]),
        "largest_rhat": _reduced(np.fmax, found["rhat"]),
        "smallest_ess": _reduced(np.fmin, found["ess"]),
        "seconds": np.array([float(r["seconds"]) for r in results]),
    }
    return xr.Dataset(
        {
            **{name: (("simulation", "quantity"), values) for name, values in found.items()},
            **{name: ("simulation", values) for name, values in single.items()},
            "of_data": ("quantity", np.array(list(of_data.values()), dtype=bool)),
        },
        coords={
            "simulation": [int(r["index"]) for r in results],
            "quantity": np.array(labels, dtype=str),
        },
    )


def _reduced(pick: np.ufunc, values: np.ndarray) -> np.ndarray:
    if not values.shape[1]:
        return np.full(len(values), np.nan)
    return np.asarray(pick.reduce(values, axis=1))
