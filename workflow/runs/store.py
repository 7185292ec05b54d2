"""A run on disk: netCDF and JSON, written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import xarray as xr

from ..errors import SpecError

ENGINE: Literal["h5netcdf"] = "h5netcdf"


def prepare(folder: Path) -> Path:
    """Make a run folder and make sure that it can be written.

    Raises
    ------
    SpecError
        If it cannot.
    """
    try:
        (folder / "stages").mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SpecError(
            f"the output folder cannot be written: {error.strerror or error}",
            path=str(folder),
            expected="a folder that can be created and written",
            do="name another one with --output",
        ) from error
    return folder


def write_groups(
    file: Path, groups: Mapping[str, xr.Dataset], notes: Mapping[str, str] | None = None
) -> None:
    """Write groups to a netCDF file that ArviZ reads, whole or not at all."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.part")
    tree = xr.DataTree.from_dict(dict(groups))
    tree.attrs.update(notes or {})
    try:
        tree.to_netcdf(temporary, engine=ENGINE)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def read_groups(file: Path) -> dict[str, xr.Dataset] | None:
    """Return the groups of a file, or None if it is not there or not whole."""
    if not file.exists():
        return None
    try:
        with xr.open_datatree(file, engine=ENGINE) as tree:
            tree.load()
            return {
                node.path.strip("/"): node.to_dataset(inherit=False)
                for node in tree.subtree
                if node.path != "/" and (node.data_vars or node.attrs)
            }
    except (OSError, ValueError, KeyError):
        # A file cut off by a full disk is worth no more than none.
        return None


def read_notes(file: Path) -> dict[str, str]:
    """Return the notes that were written with a file's groups."""
    with xr.open_datatree(file, engine=ENGINE) as tree:
        return {str(k): str(v) for k, v in tree.attrs.items()}


def write_text(file: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write plain data as JSON; a number JSON cannot hold is a fault of the caller."""
    write_text(file, json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(file: Path) -> dict[str, Any]:
    """Read a run's record.

    Raises
    ------
    SpecError
        If it is not there or not a record.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SpecError(
            "no run in this folder",
            path=str(file.parent),
            expected="a folder that 'poolwise review' wrote, with run.json and run.nc",
        ) from None
    except OSError as error:
        raise SpecError(f"cannot be read: {error.strerror or error}", path=str(file)) from error
    except ValueError as error:
        raise SpecError(f"is no JSON: {error}", path=str(file), expected="a JSON object") from error
    if not isinstance(content, dict):
        raise SpecError("holds no record of a run", path=str(file), expected="a JSON object")
    return content
