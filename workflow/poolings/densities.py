"""The densities of a model's groups, built and integrated once for all levels that ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from ...checks.hierarchy import Hierarchy
from .group_density import Draws, GroupDensity
from .quadrature import Marginal

if TYPE_CHECKING:
    import pymc as pm

#: Draws that effects are integrated out at: so many rows times draws, within two bounds.
_ROWS_TIMES_DRAWS, _FEWEST, _MOST = 300_000, 300, 1000


def thinned(density: GroupDensity, draws: xr.Dataset) -> Draws:
    """Return as many of the draws as effects are integrated out at."""
    most = int(np.clip(_ROWS_TIMES_DRAWS / density.rows, _FEWEST, _MOST))
    return density.arrays(draws, most)


class Densities:
    """A fitted model, with the densities of its groups.

    Parameters
    ----------
    model : pymc.Model
        Of plain tensors.
    hierarchy : Hierarchy
    posterior : xarray.Dataset
        Every free variable under the model's own priors.
    """

    def __init__(self, model: pm.Model, hierarchy: Hierarchy, posterior: xr.Dataset) -> None:
        self.model, self.hierarchy, self.posterior = model, hierarchy, posterior
        self._built: dict[tuple[str, ...], GroupDensity] = {}
        self._integrated: dict[GroupDensity, Marginal] = {}

    def of(self, names: Sequence[str]) -> GroupDensity:
        """Return the density of the groups of some levels, in whichever order these are named.

        Raises
        ------
        NotSeparable
        """
        ordered = tuple(name for name in self.hierarchy.levels if name in names)
        if ordered not in self._built:
            self._built[ordered] = GroupDensity(self.model, self.hierarchy, ordered)
        return self._built[ordered]

    def integrated(self, density: GroupDensity, draws: xr.Dataset) -> Marginal:
        """Return a density with the effects of its groups integrated out, at thinned draws."""
        if draws is not self.posterior:
            return Marginal(density, thinned(density, draws))
        if density not in self._integrated:
            self._integrated[density] = Marginal(density, thinned(density, draws))
        return self._integrated[density]
