"""Fit the model again under every alternative prior."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xarray as xr

from ...checks.hierarchy import read_hierarchy
from ..conclusions import followed
from ..errors import SpecError, one_line
from ..fingerprint import code_key, key_of
from ..levels import level_datasets
from ..priors import Alternative, alternatives, identity_of, with_prior
from ..store import read_groups, write_groups
from .fit import sample
from .hierarchy import declared
from .stage import Context, Unavailable, plain


class PriorSweep:
    """What every alternative prior would have concluded.

    Each finished fit is kept, so that an interrupted sweep goes on where it stopped and a changed
    one fits only what is new.
    """

    name = "prior sensitivity"
    needs = ("posterior",)
    provides = ("sweep/",)

    def depends_on(self, context: Context) -> Mapping[str, Any]:
        """The fit, the alternatives, and the code of what is followed."""
        return {**self._shared(context), "alternatives": sorted(a.key for a in planned(context))}

    def run(self, context: Context) -> dict[str, xr.Dataset]:
        """Fit every alternative that was not fitted before.

        Raises
        ------
        Unavailable
            If there is no prior to replace.
        """
        todo = planned(context)
        if not todo:
            raise Unavailable(
                "no prior of a scale was recognised that could be rescaled; "
                "declare priors={...} on the spec"
            )
        found: dict[str, xr.Dataset] = {}
        for done, alternative in enumerate(todo):
            context.report(f"{alternative.parameter} ~ {alternative.prior}", done, len(todo))
            try:
                found[f"sweep/{alternative.key}"] = self._fit(context, alternative)
            except SpecError:
                # What the spec declares is wrong for every alternative alike.
                raise
            except NotImplementedError as error:
                raise Unavailable(f"priors cannot be replaced in this model: {error}") from error
            except Exception as error:
                context.gaps.append(
                    f"{alternative.parameter} ~ {alternative.prior} could not be fitted: "
                    f"{one_line(error)}"
                )
        if not found:
            raise RuntimeError("; ".join(context.gaps))
        return found

    def _shared(self, context: Context) -> dict[str, Any]:
        return {
            "model": context.model_key,
            "sampling": context.settings.sampling(),
            "levels": declared(context),
            "followed": code_key({**context.spec.quantities, **context.spec.decisions}),
        }

    def _fit(self, context: Context, alternative: Alternative) -> xr.Dataset:
        words = [alternative.key, identity_of(context.model[alternative.parameter])]
        file = context.folder / f"sweep-{key_of(self._shared(context), words)}.nc"
        kept = read_groups(file)
        if kept is not None:
            return kept["fit"]
        model = with_prior(context.model, alternative)
        seed = context.settings.seed_for(f"sweep {alternative.key}")
        tree, fallback = sample(model, context.settings, seed, lambda *_: None)
        if fallback and fallback not in context.fallbacks:
            context.fallbacks.append(fallback)
        posterior = plain(tree["posterior"].to_dataset())
        hierarchy = read_hierarchy(model, **context.spec.declared)
        datasets = level_datasets(model, hierarchy, posterior)
        fit = plain(followed(context.spec, posterior, context.roles.top_level, datasets))
        fit = fit.assign_attrs(
            parameter=alternative.parameter,
            prior=alternative.prior,
            base=alternative.base,
            declared=int(alternative.declared),
            divergences=_divergences(tree["sample_stats"].to_dataset()),
        )
        write_groups(file, {"fit": fit})
        return fit


def _divergences(statistics: xr.Dataset) -> int:
    return int(statistics["diverging"].sum()) if "diverging" in statistics else 0


def planned(context: Context) -> list[Alternative]:
    """Return the alternative priors of a review."""
    return alternatives(context.model, context.roles.scales, context.spec.priors)
