"""Calibrations that lie in the folder of a review."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from ...checks import SEVERITY, Verdict
from ..errors import SpecError
from ..finished import address
from ..specs.spec import ModelSpec
from .store import read_groups, read_json

#: Where a calibration lies in the folder of a review, by what its true values are drawn from.
FOLDERS = {"prior": "calibration", "posterior": "posterior-calibration"}


def calibration_in(folder: Path, spec: ModelSpec, model: str) -> tuple[xr.Dataset | None, str]:
    """Return the calibration of a model that a review can judge, or why there is none.

    Parameters
    ----------
    folder : Path
        Of the review.
    spec : ModelSpec
    model : str
        Hash of the model and its data: that of another version says nothing about this one.

    Returns
    -------
    calibration : xarray.Dataset or None
        Of several the one with the more serious verdict. Attributes say what it concluded, where
        its folder is, and what the other one concluded (``besides``).
    reason : str
        Why there is none.
    """
    every = [found for name in FOLDERS.values() if (found := _read(folder / name)) is not None]
    mine = [found for found in every if found.attrs["model"] == model]
    if not mine:
        other = " (one of another version of it, or of other data, is there)" if every else ""
        return None, (
            f"no calibration of this model was run{other}; run '{_command(folder, spec)}' and "
            "review again"
        )
    worst, *others = sorted(mine, key=lambda c: SEVERITY.index(Verdict(c.attrs["verdict"])))
    besides = [f"From the {c.attrs['kind']}: {c.attrs['headline']}" for c in others]
    return worst.assign_attrs(besides="; ".join(besides)), ""


def _read(folder: Path) -> xr.Dataset | None:
    """Return a finished calibration with what was concluded from it; None where there is none."""
    groups = read_groups(folder / "calibration.nc")
    if groups is None or "model" not in groups["calibration"].attrs:
        return None
    try:
        record = read_json(folder / "calibration.json")
    except SpecError:
        return None
    said = {name: str(record[name]) for name in ("verdict", "headline", "created")}
    return groups["calibration"].assign_attrs(said, folder=folder.name)


def _command(folder: Path, spec: ModelSpec) -> str:
    command = f"poolwise calibrate {address(spec)}"
    if folder == Path("poolwise_runs") / spec.name:
        return command
    return f"{command} --output {folder / FOLDERS['prior']}"
