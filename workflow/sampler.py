"""How a model is sampled: on one compiled program where it can be, in the usual way elsewhere."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import xarray as xr

from ..checks.hierarchy.cheap import graphs
from .engine import Engine, NotSwitchable
from .engine.whole import whole
from .errors import one_line
from .execution.programs import Program
from .execution.threads import cores
from .quiet import quiet_pymc
from .settings import Settings

if TYPE_CHECKING:
    import pymc as pm

Report = Callable[[str, int, int], None]


class Sampler:
    """Samples one model, and compiles it once.

    Parameters
    ----------
    program : Program

    Attributes
    ----------
    program : Program
        Goes to other processes; this sampler does not.
    fallbacks : list of str
        Ways other than the compiled program with switches that are taken, and why.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self._engine: Engine | None = None
        self._tried = False
        self.fallbacks: list[str] = []

    @property
    def engine(self) -> Engine | None:
        """The program with switches, or None for a model that has none; not compiled by asking."""
        if not self._tried:
            self._tried = True
            self._engine = self._make()
        return self._engine

    def _make(self) -> Engine | None:
        if why_not_nutpie(self.program.model):
            return None
        try:
            return self.program.engine
        except NotSwitchable as reason:
            self._give_up(reason)
            return None

    def _give_up(self, reason: Exception) -> None:
        self._engine = None
        self.fallbacks.append(
            "Every alternative prior is compiled by itself, because the model cannot be "
            f"rewritten: {one_line(reason)}"
        )

    def run(
        self,
        settings: Settings,
        seed: int,
        report: Report = lambda *_: None,
        *,
        draws: int | None = None,
        **switches: Any,
    ) -> xr.DataTree:
        """Sample the posterior.

        Parameters
        ----------
        settings : Settings
        seed : int
        report : callable, optional
            Takes progress.
        draws : int, optional
            Per chain; those of the settings when left out.
        **switches
            As :meth:`.Engine.sample` takes them; only with an engine.

        Returns
        -------
        xarray.DataTree
            ``posterior`` and ``sample_stats``.

        Raises
        ------
        NotSwitchable
            If switches are asked for, and there is no engine or it cannot be compiled.
        """
        report("compiling", 0, 1)
        if self.engine is not None:
            try:
                self.engine.compile()
            except NotImplementedError as reason:
                self._give_up(reason)
        if self.engine is None:
            if switches:
                raise NotSwitchable("the model is not sampled on a program with switches")
            tree, fallback = sample(self.program.model, settings, seed, report)
            if fallback and fallback not in self.fallbacks:
                self.fallbacks.append(fallback)
            return tree
        return self.engine.sample(
            draws=settings.draws if draws is None else draws,
            tune=settings.tune,
            chains=settings.chains,
            target_accept=settings.target_accept,
            seed=seed,
            progress=_progress(report),
            **switches,
        )


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
    why = why_not_nutpie(model)
    if not why:
        try:
            return _with_nutpie(model, settings, seed, report), ""
        except NotImplementedError as error:
            why = one_line(error)
    tree = _with_pymc(model, settings, seed)
    steps = "compound steps" if model.discrete_value_vars else "NUTS"
    return tree, f"Sampled with PyMC's own {steps} instead of nutpie, because {why}"


def why_not_nutpie(model: pm.Model) -> str:
    if model.discrete_value_vars:
        names = ", ".join(v.name for v in model.discrete_value_vars)
        return f"{names} is discrete"
    return ""


def _with_nutpie(model: pm.Model, settings: Settings, seed: int, report: Report) -> xr.DataTree:
    import nutpie

    with graphs():
        compiled = nutpie.compile_pymc_model(model)
    tree: xr.DataTree = nutpie.sample(
        compiled,
        draws=settings.draws,
        tune=settings.tune,
        chains=settings.chains,
        target_accept=settings.target_accept,
        cores=cores(),
        seed=seed,
        save_warmup=False,
        progress_bar=False,
        progress_callback=_progress(report),
        progress_rate=250,
    )
    return whole(tree, settings.draws, settings.chains)


def _with_pymc(model: pm.Model, settings: Settings, seed: int) -> xr.DataTree:
    import pymc as pm

    with graphs(), quiet_pymc(), warnings.catch_warnings():
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
    return whole(tree, settings.draws, settings.chains)


def _progress(report: Report) -> Callable[[Any], None]:
    def progress(chains: Any) -> None:
        done = sum(c.finished_draws for c in chains)
        report("sampling", done, sum(c.total_draws for c in chains))

    return progress
