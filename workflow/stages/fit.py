"""Sample the posterior: nutpie where it can, PyMC's own samplers where it cannot."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import xarray as xr

from ..errors import one_line
from ..priors import without_starts
from ..settings import Settings
from .stage import Context, Report, groups_of, halved, plain, quiet_pymc

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
        from pymc.stats import compute_log_likelihood, compute_log_prior

        model, settings = context.model, context.settings
        tree, fallback = sample(model, settings, settings.seed_for("fit"), context.report)
        if fallback:
            context.fallbacks.append(fallback)
        options = {"model": model, "extend_inferencedata": False, "progressbar": False}
        context.report("log densities", 0, 1)
        with without_starts(model):
            likelihood = compute_log_likelihood(tree, **options)
            prior = compute_log_prior(tree, **options)
        groups = groups_of(tree)
        groups["log_likelihood"] = halved(_group(likelihood, "log_likelihood"))
        groups["log_prior"] = _group(prior, "log_prior")
        groups["sample_stats"] = statistics(groups["sample_stats"])
        return {name: groups[name] for name in self.provides if name in groups}


def sample(
    model: pm.Model, settings: Settings, seed: int, report: Report
) -> tuple[xr.DataTree, str]:
    """Sample the posterior of a model.

    Returns
    -------
    tree : xarray.DataTree
        ``posterior`` and ``sample_stats``, statistics by nutpie's names.
    fallback : str
        Empty, or what was used instead of nutpie and why.
    """
    why = _why_not_nutpie(model)
    if not why:
        try:
            return _with_nutpie(model, settings, seed, report), ""
        except NotImplementedError as error:
            why = one_line(error)
    tree = _with_pymc(model, settings, seed)
    steps = "compound steps" if model.discrete_value_vars else "NUTS"
    return tree, f"Sampled with PyMC's own {steps} instead of nutpie, because {why}"


def _why_not_nutpie(model: pm.Model) -> str:
    if model.discrete_value_vars:
        names = ", ".join(v.name for v in model.discrete_value_vars)
        return f"{names} is discrete"
    return ""


def _with_nutpie(model: pm.Model, settings: Settings, seed: int, report: Report) -> xr.DataTree:
    import nutpie

    report("compiling", 0, 1)
    compiled = nutpie.compile_pymc_model(model)

    def progress(chains: Any) -> None:
        done = sum(c.finished_draws for c in chains)
        report("sampling", done, sum(c.total_draws for c in chains))

    tree: xr.DataTree = nutpie.sample(
        compiled,
        draws=settings.draws,
        tune=settings.tune,
        chains=settings.chains,
        target_accept=settings.target_accept,
        seed=seed,
        save_warmup=False,
        progress_bar=False,
        progress_callback=progress,
        progress_rate=250,
    )
    return tree


def _with_pymc(model: pm.Model, settings: Settings, seed: int) -> xr.DataTree:
    import pymc as pm

    with quiet_pymc(), warnings.catch_warnings():
        # What the sampler warns of is what the SMP checks report.
        warnings.simplefilter("ignore")
        tree: xr.DataTree = pm.sample(
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            random_seed=seed,
            nuts_sampler="pymc",
            progressbar=False,
            compute_convergence_checks=False,
            model=model,
            **({} if model.discrete_value_vars else {"target_accept": settings.target_accept}),
        )
    return tree


def statistics(found: xr.Dataset) -> xr.Dataset:
    """Return the sampler statistics a review reads, by nutpie's names."""
    renamed = found.rename({k: v for k, v in _RENAMED.items() if k in found})
    return plain(renamed[[name for name in _KEPT if name in renamed]])


def _group(tree: xr.DataTree | xr.Dataset, name: str) -> xr.Dataset:
    return plain(tree if isinstance(tree, xr.Dataset) else tree[name].to_dataset())
