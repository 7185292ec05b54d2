"""Evaluate the levels on posterior and prior draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xarray as xr

from ..levels.datasets import level_datasets
from .stage import Context, Unavailable, plain


class Levels:
    """Effect, location, scale, information and noise of every level."""

    name = "hierarchy"
    needs = ("posterior",)
    provides = ("levels/", "prior_levels/")

    def depends_on(self, context: Context) -> Mapping[str, Any]:
        """The fit, the draws from the prior and the declared levels."""
        return {
            "model": context.model_key,
            "sampling": context.settings.sampling(),
            "prior_draws": context.settings.prior_draws,
            "levels": declared(context),
        }

    def run(self, context: Context) -> dict[str, xr.Dataset]:
        """Evaluate.

        Raises
        ------
        Unavailable
            If the model has no level that was declared or recognised.
        """
        hierarchy = context.hierarchy
        unclear = list(dict.fromkeys(hierarchy.unclear.values()))
        if not hierarchy.levels:
            raise Unavailable(
                "; ".join(unclear)
                or "no level of the hierarchy was recognised; if there is one, declare it with "
                "levels={...} on the spec"
            )
        context.fallbacks.extend(unclear)
        posterior = level_datasets(context.model, hierarchy, context.groups["posterior"])
        found = {f"levels/{name}": plain(dataset) for name, dataset in posterior.items()}
        if "prior" in context.groups:
            prior = level_datasets(context.model, hierarchy, context.groups["prior"], rows=False)
            found |= {f"prior_levels/{name}": plain(dataset) for name, dataset in prior.items()}
        return found


def declared(context: Context) -> dict[str, Any]:
    """Return what the spec declares of the hierarchy as plain data."""
    spec = context.spec
    levels = {name: level.as_dict() for name, level in spec.levels.items()}
    return {"levels": levels, "scales": dict(spec.scales), "noise": spec.noise}
