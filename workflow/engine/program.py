"""Sampling with a program that is compiled once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ...checks.draws import SAMPLE, Array
from ...checks.hierarchy.cheap import graphs
from ..execution.threads import cores
from .densities import LogDensity
from .switches import Switchable, data_of, mixture_data, switchable, weight_of
from .whole import whole

if TYPE_CHECKING:
    import pymc as pm

Progress = Callable[[Any], None]
#: Priors that differ from the model's own, by what they are put on; empty for the model itself.
Priors = Mapping[str, LogDensity]


class Engine:
    """A model compiled once, sampled under any of its switches.

    Parameters
    ----------
    model : pymc.Model
        Not touched: a copy is rewritten.
    top_level : sequence of str
        Variables whose priors are to be switched.

    Attributes
    ----------
    compilations : int
        How often anything was compiled for sampling.

    Raises
    ------
    NotSwitchable
        If the model cannot be rewritten.
    """

    def __init__(self, model: pm.Model, top_level: Sequence[str]) -> None:
        with graphs():
            self._switchable: Switchable = switchable(model, top_level)
        self.top_level = list(top_level)
        #: Terms of the log density that the model adds by itself: prior or likelihood, who knows.
        self.potentials = [str(p.name) for p in model.potentials]
        self._compiled: Any = None
        self.compilations = 0

    @property
    def priors(self) -> dict[str, LogDensity]:
        """The model's own priors that can be switched, by variable, or part of one."""
        return {name: part.density for name, part in self._switchable.parts.items()}

    def with_parts(self, draws: xr.Dataset) -> xr.Dataset:
        """Return draws of everything that a switchable prior is put on."""
        found = {}
        for name, part in self._switchable.parts.items():
            values = draws[part.variable].transpose(*SAMPLE, ...)
            inner = part.of(values.values)
            dims = [*SAMPLE, *(f"{name} {i}" for i in range(inner.ndim - len(SAMPLE)))]
            found[name] = xr.DataArray(inner, dims=dims)
        return xr.Dataset(found)

    @property
    def fixed(self) -> dict[str, str]:
        """Why a prior or an outcome cannot be switched, by variable."""
        return self._switchable.fixed

    @property
    def data(self) -> dict[str, np.ndarray]:
        """Data of every outcome that can be switched."""
        return self._switchable.data

    @property
    def rows(self) -> dict[str, tuple[int, ...]]:
        """Shape of the likelihood weights of every outcome that can be switched."""
        return self._switchable.rows

    def compile(self) -> Any:
        """Compile the program, if that was not done before."""
        import nutpie

        with graphs():
            if self._compiled is None:
                self._compiled = nutpie.compile_pymc_model(self._switchable.model)
                self.compilations += 1
            return self._compiled

    def sample(
        self,
        *,
        draws: int,
        tune: int,
        chains: int,
        target_accept: float,
        seed: int,
        priors: Sequence[Priors] = ({},),
        mixture: Array | None = None,
        data: Mapping[str, np.ndarray] | None = None,
        weights: Mapping[str, np.ndarray] | None = None,
        ridges: bool = False,
        progress: Progress | None = None,
    ) -> xr.DataTree:
        """Sample the posterior under switched priors, data or likelihood weights.

        The draws do not depend on how many threads there are (see :mod:`..threads`).

        Parameters
        ----------
        draws, tune, chains, target_accept, seed
            As ``nutpie.sample`` takes them.
        priors : sequence of mapping
            Alternatives, each with the priors that it changes. With more than one, their mixture is
            the prior.
        mixture : ndarray of shape (alternatives,), optional
            Weights of the mixture; equal when left out.
        data : mapping of str to ndarray, optional
            Other data of outcomes, in the shape of the model's own.
        weights : mapping of str to ndarray, optional
            Weight of the log-likelihood of each row: 0 leaves a row out.
        ridges : bool, default False
            Whether to adapt to a few directions along which variables are nearly collinear, as
            centred effects with a tiny scale are with their location.
        progress : callable, optional
            Is told of every chain, as nutpie does.

        Returns
        -------
        xarray.DataTree
            ``posterior`` and ``sample_stats``.

        Raises
        ------
        KeyboardInterrupt
            If sampling was interrupted, which nutpie answers with what it has so far.
        """
        import nutpie

        shares = np.full(len(priors), 1.0) if mixture is None else np.asarray(mixture, dtype=float)
        switched: dict[str, Any] = {}
        if self.priors:
            switched |= mixture_data(self.priors, priors, shares / shares.sum())
        switched |= {data_of(n): v for n, v in (data or {}).items()}
        switched |= {weight_of(n): v for n, v in (weights or {}).items()}
        tree: xr.DataTree = nutpie.sample(
            self.compile().with_data(**switched),
            draws=draws,
            tune=tune,
            chains=chains,
            target_accept=target_accept,
            cores=cores(),
            seed=seed,
            save_warmup=False,
            progress_bar=False,
            **({"adaptation": "low_rank"} if ridges else {}),
            progress_callback=progress,
            progress_rate=250,
        )
        return whole(tree, draws, chains)
