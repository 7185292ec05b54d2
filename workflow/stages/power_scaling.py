"""Fits under powers of a prior or of the likelihood, where weights cannot stand for them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import xarray as xr

from ...checks import Evidence, Missing
from ...checks.draws import SAMPLE, Array, chains_first
from ...checks.power_distance import POWERS
from ...checks.powers import LARGEST_RHAT, LIKELIHOOD, Part, total
from ...checks.weighted import largest_rhat
from ..conclusions import evaluate
from ..engine import LogDensity, NotSwitchable, power_scaled
from ..errors import SpecError, one_line
from ..execution.tasks import each
from ..levels.datasets import level_datasets
from ..refits import Refit, Reviewed
from ..runs.fingerprint import code_key, key_of
from ..runs.store import read_groups, write_groups
from ..sampler import Sampler, why_not_nutpie
from .fit import log_likelihood
from .hierarchy import declared
from .stage import Context, Unavailable, plain

#: A part of the model, by name, and the power it is fitted under.
Key = tuple[str, float]


@dataclass(frozen=True, slots=True)
class PowerRefit:
    """A fit under a power of one part of a model; it can be sent to another process.

    Attributes
    ----------
    refit : Refit
        With the switches of the power.
    priors : tuple of str
        Variables whose priors are scaled; none for the likelihood.
    """

    refit: Refit
    priors: tuple[str, ...]


class PowerScaling:
    """Fits under both powers of what the weights of the base fit are not trusted for.

    They run on the program that the review has compiled. Each finished fit is kept, so that an
    interrupted stage goes on where it stopped.
    """

    name = "power-scaling"
    needs = ("posterior", "log_prior", "log_likelihood")
    provides = ("powers/",)

    def depends_on(self, context: Context) -> Mapping[str, Any]:
        """The fit, and what is looked at."""
        return {
            "model": context.model_key,
            "sampling": context.settings.sampling(),
            "levels": declared(context),
            "quantities": code_key(context.spec.quantities),
        }

    def run(self, context: Context) -> dict[str, xr.Dataset]:
        """Fit twice for every part of the model of which the weights are not trusted.

        Raises
        ------
        Unavailable
            If there is no prior to scale, or a log density is not finite.
        """
        densities = {name: context.groups[name] for name in ("log_prior", "log_likelihood")}
        of_model = {"top_level_priors": context.roles.top_level}
        try:
            parts: list[Part] = Evidence(xr.DataTree.from_dict(densities), of_model).get(
                "scaled_parts"
            )
        except Missing as missing:
            raise Unavailable(str(missing)) from missing
        found: dict[str, xr.Dataset] = {}
        tasks: dict[Key, PowerRefit] = {}
        for part in (p for p in parts if not p.trusted):
            try:
                tasks |= {(part.name, power): _task(context, part, power) for power in POWERS}
            except NotSwitchable as reason:
                found[part.name] = xr.Dataset(attrs={"why": str(reason)})
        fits = self._fits(context, tasks)
        for name in dict.fromkeys(name for name, _ in fits):
            both = [fits[name, power] for power in POWERS if (name, power) in fits]
            # Where one fit failed, the gap is reported; the other alone says nothing.
            if len(both) == len(POWERS):
                found[name] = _side_by_side(both)
        return {
            f"powers/part {i}": found[part.name].assign_attrs(part=part.name)
            for i, part in enumerate(parts)
            if part.name in found
        }

    def _fits(self, context: Context, tasks: Mapping[Key, PowerRefit]) -> dict[Key, xr.Dataset]:
        """Return every fit, those of an earlier run where they are kept."""
        files = {key: self._file(context, *key) for key in tasks}
        found = {key: kept["fit"] for key, file in files.items() if (kept := read_groups(file))}
        todo = [key for key in tasks if key not in found]
        titles = {key: f"{key[0]} to the power {key[1]:g}" for key in todo}

        def failed(index: int, error: Exception) -> None:
            context.gaps.append(f"{titles[todo[index]]} could not be fitted: {one_line(error)}")

        context.report("fits under powers", 0, len(todo))
        jobs = [tasks[key] for key in todo]
        for done, (index, fit) in enumerate(each(context.executor, power_refit, jobs, failed)):
            key = todo[index]
            found[key] = fit
            write_groups(files[key], {"fit": fit})
            context.report(titles[key], done + 1, len(todo))
        return found

    def _file(self, context: Context, name: str, power: float) -> Path:
        key = key_of(dict(self.depends_on(context)), [name, power])
        return context.folder / f"power-fit-{key}.nc"


def _task(context: Context, part: Part, power: float) -> PowerRefit:
    """Return a fit under one power.

    Raises
    ------
    NotSwitchable
        If the program cannot be switched to it, or the base fit did not converge.
    """
    engine = context.sampler.engine
    if engine is None:
        why = why_not_nutpie(context.model) or "; ".join(context.sampler.fallbacks)
        raise NotSwitchable(f"the model has no program with switches: {why}")
    rhat = largest_rhat(context.groups["posterior"][list(context.roles.top_level)])
    if rhat > LARGEST_RHAT:
        raise NotSwitchable(f"the fit itself did not converge (R-hat {rhat:.2f})")
    if part.name == LIKELIHOOD:
        scaled: tuple[str, ...] = ()
        switches = power_scaled(engine, likelihood=power)
    else:
        # A prior without a slope is the same under any power, and some of them have no numbers.
        log_prior = context.groups["log_prior"]
        scaled = tuple(n for n in part.priors if np.ptp(log_prior[n].values) > 0)
        switches = power_scaled(engine, priors=scaled, prior=power)
    settings = context.settings
    seed = settings.seed_for(f"power of {part.name} {power:g}")
    return PowerRefit(Refit(context.sampler.program, settings, seed, switches), scaled)


def _side_by_side(fits: list[xr.Dataset]) -> xr.Dataset:
    """Return the fits under both powers as one dataset, with the larger R-hat of the two."""
    rhat = max(float(fit.attrs["rhat"]) for fit in fits)
    joined: xr.Dataset = xr.concat(
        fits,
        "power",
        data_vars="all",
        coords="minimal",
        compat="override",
        join="inner",
        combine_attrs="drop",
    )
    return joined.assign_coords(power=list(POWERS)).assign_attrs(rhat=rhat)


def power_refit(task: PowerRefit) -> xr.Dataset:
    """Make one fit under a power.

    Returns
    -------
    xarray.Dataset
        Draws of ``watched`` (chain, draw, quantity) and of ``log_density`` (chain, draw), the log
        of what was scaled, to no power; with the attribute ``rhat``.
    """
    refit = task.refit
    sampler = Sampler(refit.program)
    tree = sampler.run(refit.settings, refit.seed, **refit.switches)
    posterior = plain(tree["posterior"].to_dataset())
    if task.priors:
        own = refit.program.engine.priors
        log_density = sum(_log_prior(own[name], posterior[name]) for name in task.priors)
    else:
        log_density = total(log_likelihood(refit.program.model, tree))
    watched = _watched(cast("Reviewed", refit.program), posterior)
    draws = xr.Dataset(
        {
            "watched": ((*SAMPLE, "quantity"), np.stack([*watched.values()], axis=-1)),
            "log_density": (SAMPLE, log_density),
        },
        coords={"quantity": list(watched)},
    )
    return plain(draws).assign_attrs(rhat=largest_rhat(draws))


def _log_prior(density: LogDensity, draws: xr.DataArray) -> Array:
    values = np.asarray(draws.transpose(*SAMPLE, ...).values, dtype=float)
    return np.asarray(density(values).reshape(*values.shape[:2], -1).sum(-1))


def _watched(of: Reviewed, posterior: xr.Dataset) -> dict[str, Array]:
    """Return draws of what the base fit is asked for, by label."""
    groups = {"posterior": posterior}
    levels = level_datasets(of.model, of.hierarchy, posterior, rows=False)
    groups |= {f"levels/{name}": level for name, level in levels.items()}
    # A function that raises is an error of the review already; the rest goes on.
    with suppress(SpecError):
        groups["quantities"] = evaluate(of.spec, of.spec.quantities, posterior, boolean=False)
    evidence = Evidence(xr.DataTree.from_dict(groups), {"top_level_priors": of.roles.top_level})
    found: list[tuple[str, xr.DataArray]] = evidence.get("watched")
    return {label: chains_first(draws) for label, draws in found}
