"""Simulate data from the posterior."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xarray as xr

from ..quiet import quiet_pymc
from .stage import Context, groups_of, halved


class PosteriorPredictive:
    """Replications of the data from the fitted model."""

    name = "posterior predictive"
    needs = ("posterior",)
    provides = ("posterior_predictive",)

    def depends_on(self, context: Context) -> Mapping[str, Any]:
        """The fit."""
        return {"model": context.model_key, "sampling": context.settings.sampling()}

    def run(self, context: Context) -> dict[str, xr.Dataset]:
        """Simulate one data set per posterior draw."""
        import pymc as pm

        free = [rv.name for rv in context.model.free_RVs]
        draws = xr.DataTree.from_dict({"posterior": context.groups["posterior"][free]})
        with quiet_pymc():
            tree = pm.sample_posterior_predictive(
                draws,
                model=context.model,
                # Draws are what is predicted from, also where they hang on data that can be set.
                freeze_vars=free,
                random_seed=context.settings.seed_for("posterior predictive"),
                progressbar=False,
            )
        return {"posterior_predictive": halved(groups_of(tree)["posterior_predictive"])}
