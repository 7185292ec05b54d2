"""Simulate data from the prior."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xarray as xr

from ..quiet import quiet_pymc
from .stage import Context, Unavailable, groups_of, halved


class PriorPredictive:
    """Parameters and data from the prior, before any data are seen."""

    name = "prior predictive"
    needs: tuple[str, ...] = ()
    provides = ("prior", "prior_predictive")

    def depends_on(self, context: Context) -> Mapping[str, Any]:
        """Model, number of draws and seed."""
        return {
            "model": context.model_key,
            "draws": context.settings.prior_draws,
            "seed": context.settings.seed,
        }

    def run(self, context: Context) -> dict[str, xr.Dataset]:
        """Simulate.

        Raises
        ------
        Unavailable
            If a prior is improper: nothing can be simulated from it.
        """
        import pymc as pm

        improper = [rv.name for rv in context.model.free_RVs if _family(rv) in ("Flat", "HalfFlat")]
        if improper:
            raise Unavailable(
                f"the prior of {', '.join(improper)} is improper (flat), so nothing can be "
                "simulated from it"
            )
        if context.model.potentials:
            context.fallbacks.append(
                "Data were simulated from the prior without the model's Potential terms, which "
                "have no distribution to draw from"
            )
        with quiet_pymc():
            tree = pm.sample_prior_predictive(
                draws=context.settings.prior_draws,
                model=context.model,
                random_seed=context.settings.seed_for("prior"),
                # Compiling costs more than it saves over so few draws.
                compile_kwargs={"mode": "FAST_COMPILE"},
            )
        groups = groups_of(tree)
        return {
            "prior": groups["prior"],
            "prior_predictive": halved(groups["prior_predictive"]),
        }


def _family(rv: Any) -> str:
    return str(getattr(rv.owner.op, "_print_name", ("",))[0])
