"""Draws of a model that was fitted elsewhere, brought into the layout a review reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import xarray as xr

from ...checks.draws import SAMPLE
from ..errors import SpecError, one_line
from ..runs.store import ENGINE
from ..stages.fit import statistics
from ..stages.stage import plain

#: Groups that hold draws, by ArviZ's names; the first must be there.
_DRAWN = (
    "posterior",
    "sample_stats",
    "log_likelihood",
    "log_prior",
    "posterior_predictive",
    "prior",
    "prior_predictive",
)
_DATA = ("observed_data", "constant_data")

#: Groups with one value per posterior draw: another number of draws means another fit.
_WITH_POSTERIOR = _DRAWN[1:5]

#: What programs call the chains and the draws of a chain.
_CHAINS = ("chain", "chains", "chain__")
_DRAWS = ("draw", "draws", "iteration", "iterations", "draw__")

#: What programs call the sampler's statistics, and what a review does (nutpie's names).
_STATISTICS = {
    "divergent": "diverging",
    "divergences": "diverging",
    "treedepth": "depth",
    "tree_depth": "depth",
    "reached_max_tree_depth": "maxdepth_reached",
    "reached_max_treedepth": "maxdepth_reached",
    "n_leapfrog": "n_steps",
    "num_steps": "n_steps",
    "stepsize": "step_size",
    "adapt_state.step_size": "step_size",
    "accept_stat": "mean_tree_accept",
    "accept_prob": "mean_tree_accept",
    "acceptance_rate": "mean_tree_accept",
}


@dataclass(slots=True)
class Fit:
    """A fit in the layout of a run.

    Attributes
    ----------
    groups : dict of str to Dataset
        By ArviZ's names; dims ``chain`` and ``draw`` first.
    made_by : str
        Program and version, where the file says so.
    notes : list of str
        What was taken for what: every one is shown.
    reasons : dict of str to str
        Why a group that a review would use is not there.
    """

    groups: dict[str, xr.Dataset] = field(default_factory=dict)
    made_by: str = ""
    notes: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)


def read_fit(source: str | Path | xr.DataTree, sample_dims: Sequence[str] = ()) -> Fit:
    """Read a fit and give groups, dims and sampler statistics the names that a review uses.

    Parameters
    ----------
    source : path or xarray.DataTree
        A netCDF file or a tree with ArviZ's groups: ``posterior``, and at will ``sample_stats``,
        ``log_likelihood``, ``log_prior``, ``posterior_predictive``, ``observed_data``,
        ``constant_data``, ``prior`` and ``prior_predictive``.
    sample_dims : sequence of str, optional
        What chains and draws are called, ``("chain", "draw")``; found from usual names when left
        out.

    Raises
    ------
    SpecError
        If the file is not there or no netCDF-4, or holds no posterior with chains and draws.
    """
    tree = source if isinstance(source, xr.DataTree) else _open(Path(source))
    path = "" if isinstance(source, xr.DataTree) else str(source)
    found = {
        str(name): node.to_dataset(inherit=False)
        for name, node in tree.children.items()
        if node.data_vars
    }
    if "posterior" not in found:
        raise SpecError(
            "holds no group 'posterior'",
            path=path,
            expected=f"ArviZ's groups; found {', '.join(found) or 'none'}",
            do="save it with arviz: arviz.from_numpyro(mcmc).to_netcdf('fit.nc')",
        )
    fit = Fit(made_by=_made_by(found["posterior"]))
    for name in _DRAWN:
        if name in found:
            _take_draws(fit, name, found[name], sample_dims, path)
    for name in _DATA:
        if name in found:
            fit.groups[name] = plain(found[name])
    _one_outcome(fit)
    return fit


def _open(file: Path) -> xr.DataTree:
    if not file.is_file():
        raise SpecError("no such file", path=str(file), expected="a netCDF file, such as fit.nc")
    try:
        with xr.open_datatree(file, engine=ENGINE) as tree:
            return tree.load()
    except Exception as error:
        raise SpecError(
            f"is no netCDF-4 file: {one_line(error)}",
            path=str(file),
            expected="a file that ArviZ wrote: tree.to_netcdf('fit.nc')",
        ) from error


def _made_by(posterior: xr.Dataset) -> str:
    words = [posterior.attrs.get(f"inference_library{part}", "") for part in ("", "_version")]
    return " ".join(str(w) for w in words if w)


def _take_draws(
    fit: Fit, name: str, dataset: xr.Dataset, sample_dims: Sequence[str], path: str
) -> None:
    named = _with_sample_dims(fit, name, dataset, sample_dims, path)
    dropped = [str(n) for n, v in named.data_vars.items() if v.dtype == object]
    if dropped:
        fit.notes.append(
            f"{', '.join(dropped)} of {name} hold Python objects, not numbers, and were left out"
        )
    there = fit.groups.get("posterior")
    if name in _WITH_POSTERIOR and there is not None:
        sizes = [(d, named.sizes[d], there.sizes[d]) for d in SAMPLE]
        other = [f"{mine} {d}s, the posterior has {theirs}" for d, mine, theirs in sizes
                 if mine != theirs]  # fmt: skip
        if other:
            fit.reasons[name] = f"{name} of the fit has {', '.join(other)}"
            return
        named = named.assign_coords({d: there[d].values for d in SAMPLE})
    if name == "sample_stats":
        bare = {n: str(n).removesuffix("__") for n in named.data_vars}
        known = {n: _STATISTICS.get(b, b) for n, b in bare.items()}
        named = statistics(named.rename({n: k for n, k in known.items() if n != k}))
    fit.groups[name] = plain(named)


def _with_sample_dims(
    fit: Fit, name: str, dataset: xr.Dataset, sample_dims: Sequence[str], path: str
) -> xr.Dataset:
    """Return draws with dims ``chain`` and ``draw`` first; a variable without them is left out."""
    dims = [str(d) for d in dataset.dims]
    if sample_dims:
        wanted = dict(zip(sample_dims, SAMPLE, strict=True))
    else:
        chains, draws = ([d for d in dims if d in names] for names in (_CHAINS, _DRAWS))
        wanted = {**dict.fromkeys(chains, "chain"), **dict.fromkeys(draws, "draw")}
    absent = [d for d in wanted if d not in dims]
    if absent or sorted(wanted.values()) != list(SAMPLE):
        raise SpecError(
            f"the chains and draws of {name} are not recognised among the dims {', '.join(dims)}",
            path=path,
            expected="dims called chain and draw, each once",
            do='name them: sample_dims = ["chains", "iterations"]; draws without chains become one '
            "chain with dataset.expand_dims('chain')",
        )
    renamed = dataset.rename({old: new for old, new in wanted.items() if old != new})
    drawn = [n for n, v in renamed.data_vars.items() if set(SAMPLE) <= set(v.dims)]
    left = [str(n) for n in renamed.data_vars if n not in drawn]
    if left:
        fit.notes.append(f"{', '.join(left)} of {name} do not vary by draw and were left out")
    if not drawn:
        raise SpecError(f"{name} holds no draws", path=path, expected="dims chain and draw")
    return renamed[drawn].transpose(*SAMPLE, ...)


def _one_outcome(fit: Fit) -> None:
    """Call simulated data and log-likelihood by the name of the outcome, where there is only one.

    Stan programs call them ``y_rep`` and ``log_lik``. They are matched by their shape; what does
    not match keeps its name, and the checks that need both are skipped.
    """
    observed = fit.groups.get("observed_data")
    if observed is None or len(observed.data_vars) != 1:
        return
    ((outcome, data),) = observed.data_vars.items()
    for name in ("posterior_predictive", "log_likelihood", "prior_predictive"):
        dataset = fit.groups.get(name)
        if dataset is None or (len(dataset.data_vars) != 1 and outcome not in dataset):
            continue
        key = outcome if outcome in dataset else next(iter(dataset.data_vars))
        values = dataset[key]
        if values.shape[2:] != data.shape:
            if key != outcome:
                continue
            fit.reasons[name] = (
                f"{key} of {name} has shape {values.shape[2:]} per draw, the data {data.shape}"
            )
            del fit.groups[name]
            continue
        if key != outcome:
            fit.notes.append(f"{key} of {name} was taken for the outcome {outcome}")
        rows = xr.DataArray(
            values.values,
            dims=(*SAMPLE, *data.dims),
            coords={**{d: values[d] for d in SAMPLE}, **_coords(data)},
        )
        fit.groups[name] = xr.Dataset({outcome: rows})


def _coords(data: xr.DataArray) -> Mapping[str, xr.DataArray]:
    return {str(d): data[d] for d in data.dims if d in data.coords}
