"""No, partial and complete pooling of every level, from fits of one compiled program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from ...checks.evidence import FAMILIES
from ...checks.hierarchy import plain_model
from ...checks.hierarchy.entries import with_entries
from ...checks.poolings import COMPLETE, NO
from ..execution.tasks import each
from ..poolings.densities import Densities
from ..poolings.fits import Fit, fitted
from ..poolings.level import LevelPoolings
from ..runs.fingerprint import key_of
from ..runs.store import read_groups, write_groups
from .hierarchy import declared
from .stage import Context, Unavailable, plain

#: Part of the draws and of the tuning of the base fit: such posteriors are close to normal.
_SHARE = 2

#: Groups that importance weights do not predict and that are fitted without, per level and pooling.
MOST_REFITS = 6


#: A level, a pooling, and the group that is left out.
Task = tuple[str, str, int | None]


class Poolings:
    """Estimates and predictions without pooling, with the model's, and with complete pooling.

    Every finished fit is kept, so that an interrupted stage goes on where it stopped.
    """

    name = "poolings"
    needs = ("posterior",)
    provides = ("poolings/",)

    def depends_on(self, context: Context) -> Mapping[str, Any]:
        """The fit and the declared levels."""
        return {
            "model": context.model_key,
            "sampling": context.settings.sampling(),
            "levels": declared(context),
        }

    def run(self, context: Context) -> dict[str, xr.Dataset]:
        """Fit every level twice more, and predict rows and groups from the others.

        Raises
        ------
        Unavailable
            If no level is known.
        """
        if not context.hierarchy.levels:
            raise Unavailable(FAMILIES["levels"])
        model = plain_model(context.model)
        hierarchy = with_entries(model, context.hierarchy)
        densities = Densities(model, hierarchy, context.groups["posterior"])
        engine = context.sampler.engine
        levels = {name: LevelPoolings(densities, name, engine) for name in hierarchy.levels}
        wanted: list[Task] = [
            (name, pooling, None)
            for name, level in levels.items()
            for pooling in (NO, COMPLETE)
            if level.priors(pooling) is not None
        ]
        for (name, pooling, _), draws in self._fits(context, levels, wanted).items():
            levels[name].take(pooling, draws)
        found = {}
        for name, level in levels.items():

            def without(pooling: str, groups: list[int], name: str = name) -> dict[int, xr.Dataset]:
                if not levels[name].can_leave_out:
                    return {}
                tasks: list[Task] = [(name, pooling, j) for j in groups[:MOST_REFITS]]
                fits = self._fits(context, levels, tasks)
                return {j: fits[t] for t in fits if (j := t[2]) is not None}

            context.report(f"poolings of {name}", 0, 1)
            found[f"poolings/{name}"] = plain(level.dataset(without))
        return found

    def _fits(
        self,
        context: Context,
        levels: Mapping[str, LevelPoolings],
        wanted: Sequence[Task],
    ) -> dict[Task, xr.Dataset]:
        """Return the draws of fits, those of an earlier run where they are kept."""
        shared = dict(self.depends_on(context))
        files = {
            task: context.folder / f"pooling-fit-{key_of(shared, list(task))}.nc" for task in wanted
        }
        found = {task: kept["fit"] for task, file in files.items() if (kept := read_groups(file))}
        todo = [task for task in wanted if task not in found]
        settings = context.settings
        tasks = []
        for name, pooling, group in todo:
            level = levels[name]
            tasks.append(
                Fit(
                    program=context.sampler.program,
                    draws=max(100, settings.draws // _SHARE),
                    tune=max(100, settings.tune // _SHARE),
                    chains=settings.chains,
                    target_accept=settings.target_accept,
                    seed=settings.seed_for(f"poolings {name} {pooling} {group}"),
                    priors=level.priors(pooling) or {},
                    weights=level.weights(pooling, group),
                    ridges=level.has_ridges(pooling),
                )
            )
        done = 0
        context.report("fits with other poolings", done, len(tasks))
        for index, draws in each(context.executor, fitted, tasks):
            done += 1
            context.report("fits with other poolings", done, len(tasks))
            fit = plain(draws)
            write_groups(files[todo[index]], {"fit": fit})
            found[todo[index]] = fit
        return found
