"""Sample the posterior: nutpie where it can, PyMC's own samplers where it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import xarray as xr

from ...checks.hierarchy.cheap import graphs
from ..priors.replacing import without_starts
from .stage import Context, groups_of, halved, plain

if TYPE_CHECKING:
    import pymc as pm

#: Sampler statistics a review reads, by the names nutpie gives them.
_KEPT = (
    "diverging",
    "energy",
    "depth",
    "maxdepth_reached",
    "n_steps",
    "step_size",
    "mean_tree_accept",
)
_RENAMED = {"tree_depth": "depth", "reached_max_treedepth": "maxdepth_reached"}


class Fit:
    """The posterior under the spec's own priors, with its log densities."""

    name = "fit"
    needs: tuple[str, ...] = ()
    provides = ("posterior", "sample_stats", "log_likelihood", "log_prior")

    def depends_on(self, context: Context) -> Mapping[str, Any]:
        """Model, sampling settings and seed."""
        return {"model": context.model_key, "sampling": context.settings.sampling()}

    def run(self, context: Context) -> dict[str, xr.Dataset]:
        """Sample, then evaluate log-likelihood and log-prior on the draws."""
        from pymc.stats import compute_log_prior

        model, settings = context.model, context.settings
        tree = context.sampler.run(settings, settings.seed_for("fit"), context.report)
        context.fallbacks.extend(context.sampler.fallbacks)
        context.report("log densities", 0, 1)
        with without_starts(model):
            prior = compute_log_prior(
                tree, model=model, extend_inferencedata=False, progressbar=False
            )
        groups = groups_of(tree)
        groups["log_likelihood"] = halved(log_likelihood(model, tree))
        groups["log_prior"] = _group(prior, "log_prior")
        groups["sample_stats"] = statistics(groups["sample_stats"])
        return {name: groups[name] for name in self.provides if name in groups}


def log_likelihood(model: pm.Model, tree: xr.DataTree) -> xr.Dataset:
    """Return the log-likelihood of every row at every draw of a posterior."""
    from pymc.stats import compute_log_likelihood

    with graphs(), without_starts(model):
        found = compute_log_likelihood(
            tree, model=model, extend_inferencedata=False, progressbar=False
        )
    return _group(found, "log_likelihood")


def statistics(found: xr.Dataset) -> xr.Dataset:
    """Return the sampler statistics a review reads, by nutpie's names."""
    renamed = found.rename({k: v for k, v in _RENAMED.items() if k in found})
    return plain(renamed[[name for name in _KEPT if name in renamed]])


def _group(tree: xr.DataTree | xr.Dataset, name: str) -> xr.Dataset:
    return plain(tree if isinstance(tree, xr.Dataset) else tree[name].to_dataset())
