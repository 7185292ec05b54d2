"""What every alternative prior would have concluded, from one run under all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ...checks.followed import fits
from ...checks.hierarchy.distributions import is_labelled
from ...checks.weighted import effective_size, largest_rhat
from ..engine import Engine, LogDensity, NotSwitchable
from ..engine.umbrella import balanced, importance_weights, log_ratios
from ..errors import SpecError, one_line
from ..execution.tasks import each
from ..priors.alternative import Alternative
from ..priors.alternatives import alternatives, not_replaced
from ..priors.families import identity_of
from ..priors.of_spread import priors_of_spread
from ..priors.replacing import with_priors
from ..priors.subjects import SCALE, Subject, subjects
from ..refits import Refit, divergences, few, followed, refit
from ..runs.fingerprint import code_key, key_of
from ..runs.store import read_groups, write_groups
from .hierarchy import declared
from .stage import Context, Unavailable, plain

#: Draws under the mixture of all priors, for every draw of the base fit.
_UMBRELLA_DRAWS = 4

#: An alternative with fewer effective draws for anything that is followed is fitted again.
_FEWEST_DRAWS = 400.0


class PriorSweep:
    """What every alternative prior would have concluded.

    One run under the mixture of all alternatives is weighted to each; those for which the weights
    are not good enough are fitted on the same compiled program, and those whose support the
    model's own prior does not cover on one of their own. Each finished part is kept, so that an
    interrupted sweep goes on where it stopped.
    """

    name = "prior sensitivity"
    needs = ("posterior",)
    provides = ("sweep/",)

    def depends_on(self, context: Context) -> Mapping[str, Any]:
        """The fit, the alternatives, and the code of what is followed."""
        return {**self._shared(context), "alternatives": sorted(a.key for a in planned(context))}

    def run(self, context: Context) -> dict[str, xr.Dataset]:
        """Summarise what is followed under every alternative.

        Raises
        ------
        Unavailable
            If there is no prior to replace.
        """
        todo = planned(context)
        if not todo:
            labelled = any(_is_labelled(context, name) for name in context.roles.top_level)
            raise Unavailable(
                "priors written with pymc.dims cannot be replaced yet"
                if labelled
                else "no prior of a scale or location was recognised that could be rescaled; "
                "declare priors={...} on the spec"
            )
        found: dict[str, xr.Dataset] = {}
        engine = context.sampler.engine
        covered = _covered(engine, todo) if engine is not None else {}
        if engine is not None and covered:
            try:
                found |= self._from_umbrella(context, engine, todo, covered)
            except NotSwitchable:
                covered = {}
        left = [a for a in todo if a.key not in found]
        found |= self._refits(context, left, covered)
        context.fallbacks.extend(context.sampler.fallbacks)
        context.fallbacks.extend(_left_out(context))
        if not found:
            raise RuntimeError("; ".join(context.gaps))
        return {
            f"sweep/{a.key}": _with_priors(context, a, found[a.key]).assign_attrs(order=i)
            for i, a in enumerate(todo)
            if a.key in found
        }

    def _shared(self, context: Context) -> dict[str, Any]:
        return {
            "model": context.model_key,
            "sampling": context.settings.sampling(),
            "levels": declared(context),
            "follows": code_key({**context.spec.quantities, **context.spec.decisions}),
        }

    def _from_umbrella(
        self,
        context: Context,
        engine: Engine,
        todo: Sequence[Alternative],
        covered: Mapping[str, Mapping[str, LogDensity]],
    ) -> dict[str, xr.Dataset]:
        """Return the summaries of every alternative whose weights are good enough."""
        inside = {a.key: a for a in todo if a.key in covered and not a.by_itself}
        if not inside:
            return {}
        file = context.folder / f"sweep-{key_of(self._shared(context), sorted(inside))}.nc"
        kept = read_groups(file)
        found = kept or self._umbrella(context, engine, inside, covered)
        # Not more than a fit of the alternative by itself could be hoped to have.
        fewest = min(_FEWEST_DRAWS, context.settings.draws * context.settings.chains / 2)
        good = {
            key: _described(fit.assign_attrs(source="umbrella"), inside[key])
            for key, fit in found.items()
            if fit.attrs["trusted"] and effective_size(fit) >= fewest
        }
        if kept is None and len(good) < len(todo):
            # Fits are to come that may be interrupted.
            write_groups(file, found)
        return good

    def _umbrella(
        self,
        context: Context,
        engine: Engine,
        inside: Iterable[str],
        covered: Mapping[str, Mapping[str, LogDensity]],
    ) -> dict[str, xr.Dataset]:
        """Sample under the mixture of all alternatives, and weight the draws to each of them."""
        settings = context.settings
        # The first of them is the model itself.
        changes = [{}, *(covered[key] for key in inside)]
        base = engine.with_parts(context.groups["posterior"])
        mixture = balanced(log_ratios(base, engine.priors, changes))
        done = f"{len(changes) - 1} alternative priors at once"
        context.report(done, 0, 1)
        tree = context.sampler.run(
            settings,
            settings.seed_for("umbrella"),
            lambda label, now, total: context.report(done, now, total),
            draws=_UMBRELLA_DRAWS * settings.draws,
            priors=changes,
            mixture=mixture,
        )
        posterior = plain(tree["posterior"].to_dataset())
        draws, levels = followed(context, posterior)
        ratios = log_ratios(engine.with_parts(posterior), engine.priors, changes)
        every = importance_weights(ratios, mixture)
        said = {"rhat": largest_rhat(few(draws)), "divergences": divergences(tree)}
        others = every[1:]
        summarised = fits(draws, levels, np.stack([w.values for w in others]))
        return {
            key: plain(fit).assign_attrs(pareto_k=w.pareto_k, trusted=int(w.trusted), **said)
            for key, w, fit in zip(inside, others, summarised, strict=True)
        }

    def _refits(
        self,
        context: Context,
        left: Sequence[Alternative],
        covered: Mapping[str, Mapping[str, LogDensity]],
    ) -> dict[str, xr.Dataset]:
        """Fit alternatives one by one; each is kept as soon as it is finished."""
        found: dict[str, xr.Dataset] = {}
        tasks: dict[str, Refit] = {}
        files = {a.key: self._file(context, a) for a in left}
        titles = {a.key: a.title for a in left}

        def failed(key: str, error: Exception) -> None:
            if isinstance(error, SpecError):
                # What the spec declares is wrong for every alternative alike.
                raise error
            if isinstance(error, NotImplementedError):
                raise Unavailable(f"priors cannot be replaced in this model: {error}") from error
            context.gaps.append(f"{titles[key]} could not be fitted: {one_line(error)}")

        for alternative in left:
            key = alternative.key
            kept = read_groups(files[key])
            if kept is not None:
                found[key] = kept["fit"]
                continue
            try:
                tasks[key] = self._task(context, alternative, covered.get(key))
            except Exception as error:
                failed(key, error)
        keys = list(tasks)
        described = {a.key: a for a in left}
        context.report(f"{len(keys)} fits", 0, len(keys))
        for done, (index, fit) in enumerate(
            each(context.executor, refit, list(tasks.values()), lambda i, e: failed(keys[i], e))
        ):
            key = keys[index]
            found[key] = _described(fit, described[key])
            write_groups(files[key], {"fit": found[key]})
            context.report(titles[key], done + 1, len(keys))
        # In their own order, not in that in which they were finished.
        found = {a.key: found[a.key] for a in left if a.key in found}
        fallbacks = (fit.attrs.get("fallback", "") for fit in found.values())
        context.fallbacks.extend(dict.fromkeys(f for f in fallbacks if f))
        apart = [titles[key] for key, fit in found.items() if fit.attrs["source"] == "own program"]
        if apart and context.sampler.engine is not None:
            context.fallbacks.append(
                f"Compiled by themselves, because the review's own program does not have their "
                f"bounds or their form: {', '.join(apart)}"
            )
        return found

    def _file(self, context: Context, alternative: Alternative) -> Path:
        identities = [identity_of(context.model[r.parameter]) for r in alternative.replacements]
        words = [alternative.key, *identities]
        return context.folder / f"sweep-{key_of(self._shared(context), words)}.nc"

    def _task(
        self,
        context: Context,
        alternative: Alternative,
        switched: Mapping[str, LogDensity] | None,
    ) -> Refit:
        """Return one alternative's fit: on the program where its bounds are the model's own."""
        sampler, settings = context.sampler, context.settings
        seed = settings.seed_for(f"sweep {alternative.key}")
        engine = sampler.engine
        if engine is not None and switched is not None and _same_bounds(engine, switched):
            return Refit(sampler.program, settings, seed, {"priors": [switched]})
        model = with_priors(context.model, alternative.replacements)
        return Refit(sampler.program, settings, seed, model=model)


def planned(context: Context) -> list[Alternative]:
    """Return the alternative priors of a review; they are made once."""
    if context.alternatives is None:
        context.alternatives = _planned(context)
    return context.alternatives


def _planned(context: Context) -> list[Alternative]:
    declared_priors = {n: d for n, d in context.spec.priors.items() if not _is_labelled(context, n)}
    found = subjects(context.model, context.hierarchy, context.roles)
    # The unit of the outcome is that of spreads only where nothing is transformed.
    same_unit = all(o.link == "identity" for o in context.hierarchy.outcomes)
    unit = context.spec.unit if same_unit else ""
    return alternatives(context.model, found, declared_priors, unit, _typical(context, found))


def _typical(context: Context, found: Sequence[Subject]) -> dict[str, float]:
    """Return the posterior median of every spread."""
    posterior = context.groups["posterior"]
    return {
        s.name: float(np.median(s.spread(posterior[s.name].values)))
        for s in found
        if s.kind == SCALE and s.name in posterior
    }


def _left_out(context: Context) -> list[str]:
    """Say of which variables no other prior is tried, and why."""
    every = subjects(context.model, context.hierarchy, context.roles)
    told = not_replaced(context.model, every, _typical(context, every))
    return [
        f"No other prior is tried on {name}, because {why}; declare some with priors={{...}}"
        for name, why in told.items()
        if name not in context.spec.priors
    ]


def _is_labelled(context: Context, name: str) -> bool:
    """Whether a variable is written with pymc.dims, whose distributions are of another kind."""
    return is_labelled(context.model[name])


def _covered(engine: Engine, todo: Sequence[Alternative]) -> dict[str, dict[str, LogDensity]]:
    """Return the alternatives that a mixture with the model's own priors can hold."""
    own, found = engine.priors, {}
    for alternative in todo:
        new = [dict(r.densities) for r in alternative.replacements]
        changed = {part: density for one in new for part, density in one.items()}
        if all(new) and all(n in own and own[n].covers(d) for n, d in changed.items()):
            found[alternative.key] = changed
    return found


def _same_bounds(engine: Engine, switched: Mapping[str, LogDensity]) -> bool:
    return all(density.covers(engine.priors[name]) for name, density in switched.items())


def _with_priors(context: Context, alternative: Alternative, fit: xr.Dataset) -> xr.Dataset:
    """Add what prior and alternative say of the spread: how much more data it takes to overrule."""
    draws = context.groups["posterior"].get(alternative.parameter)
    if draws is None:
        return fit
    return fit.merge(priors_of_spread(context.model, alternative, draws))


def _described(fit: xr.Dataset, alternative: Alternative) -> xr.Dataset:
    return fit.assign_attrs(
        parameter=alternative.parameter,
        prior=alternative.prior,
        title=alternative.title,
        base=alternative.base,
        means=alternative.means,
        level=alternative.level,
        few_groups=alternative.few_groups,
        power=alternative.power,
        declared=int(alternative.declared),
    )
