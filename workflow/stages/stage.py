"""What a stage is: it declares what it needs and provides, and turns one into the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import xarray as xr

from ...checks.hierarchy import Hierarchy, Roles
from ..sampler import Sampler
from ..settings import Settings
from ..specs.spec import ModelSpec

if TYPE_CHECKING:
    import pymc as pm

    from ..priors.alternative import Alternative

#: Says how far a stage has come: a label, what is done, what there is to do.
Report = Callable[[str, int, int], None]


class Unavailable(Exception):
    """A stage has nothing to do for this model; the message says why."""


@dataclass(slots=True)
class Context:
    """What every stage of one review shares.

    Attributes
    ----------
    spec, model, settings, hierarchy, roles
    sampler : Sampler
        Of the model, compiled when first needed.
    model_key : str
        Hash of the model's graph and data.
    groups : dict of str to Dataset
        The data, and what stages have provided so far, by group name.
    folder : Path
        Where a stage may keep finished parts of its work.
    executor : concurrent.futures.Executor or None
        Runs independent tasks, through :func:`.each`; None runs them here.
    report : callable
        Takes progress.
    fallbacks : list of str
        Ways other than the usual ones that were taken; every one is shown.
    """

    spec: ModelSpec
    model: pm.Model
    settings: Settings
    hierarchy: Hierarchy
    roles: Roles
    sampler: Sampler
    model_key: str
    folder: Path
    executor: Executor | None = None
    groups: dict[str, xr.Dataset] = field(default_factory=dict)
    report: Report = lambda label, done, total: None
    fallbacks: list[str] = field(default_factory=list)
    #: Parts of a stage that could not be computed, with the reason.
    gaps: list[str] = field(default_factory=list)
    #: Alternative priors of the sweep, once they are planned.
    alternatives: list[Alternative] | None = None


class Stage(Protocol):
    """One step of a review.

    Attributes
    ----------
    name : str
    needs : tuple of str
        Groups that must be there.
    provides : tuple of str
        Groups it adds; a name that ends in ``/`` stands for every group below it.
    """

    @property
    def name(self) -> str: ...
    @property
    def needs(self) -> tuple[str, ...]: ...
    @property
    def provides(self) -> tuple[str, ...]: ...

    def depends_on(self, context: Context) -> Mapping[str, Any]:
        """Return plain data that, when unchanged, makes a saved result good."""
        ...

    def run(self, context: Context) -> dict[str, xr.Dataset]:
        """Return the groups that the stage provides."""
        ...


def plain(dataset: xr.Dataset) -> xr.Dataset:
    """Return a dataset that netCDF can hold: no object columns, labels as text."""
    kept = dataset.drop_vars([n for n, v in dataset.data_vars.items() if v.dtype == object])
    labels = {
        name: coord.astype(str)
        for name, coord in kept.coords.items()
        if coord.dtype == object or coord.dtype.kind == "U"
    }
    kept = kept.assign_coords(labels)
    kept.attrs = {k: v for k, v in kept.attrs.items() if isinstance(v, str | int | float)}
    kept.attrs.pop("created_at", None)
    return kept


def halved(dataset: xr.Dataset) -> xr.Dataset:
    """Return a dataset in single precision: half the size on disk.

    For values per row and draw, whose seventh digit nobody reads: log-likelihoods in single
    precision move an elpd by less than 1e-5.
    """
    return dataset.map(
        lambda v: v.astype("float32") if v.dtype == "float64" else v, keep_attrs=True
    )


def groups_of(tree: xr.DataTree) -> dict[str, xr.Dataset]:
    """Return the groups of a tree as netCDF-ready datasets."""
    return {str(k): plain(node.to_dataset()) for k, node in tree.children.items()}
