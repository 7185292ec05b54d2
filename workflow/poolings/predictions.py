"""Rows and groups of one level, predicted from the others under each pooling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from ...checks.draws import Array
from ...checks.leave_out import LeftOut, bridged, largest_k, leave_out
from ...checks.poolings import COMPLETE, NO, PARTIAL, POOLINGS
from .densities import Densities, thinned
from .group_density import GroupDensity
from .own_estimates import OwnEstimates

#: Log densities that more nodes move by more than this are not used.
_LARGEST_ERROR = 0.01

#: A group that a fit without it predicts with a larger Monte Carlo error is not predicted.
_LARGEST_MCSE = 0.5

#: Takes a pooling and groups; returns, for as many as are fitted again without their rows, the
#: draws.
Refit = Callable[[str, list[int]], dict[int, xr.Dataset]]


@dataclass(frozen=True, slots=True)
class Predictor:
    """Predicts what was left out, with the effects of its group integrated out.

    Attributes
    ----------
    densities : Densities
    density : GroupDensity
        Of the level.
    joint : GroupDensity or None
        Of all levels with the same groups, which are new together; None where whole groups are not
        predicted.
    own : OwnEstimates or None
        None where no fit without pooling is known.
    """

    densities: Densities
    density: GroupDensity
    joint: GroupDensity | None
    own: OwnEstimates | None

    def dataset(self, fits: Mapping[str, xr.Dataset], refit: Refit) -> xr.Dataset:
        """Return predictions of rows and groups from the draws of each pooling."""
        by_row: dict[str, LeftOut] = {}
        by_group: dict[str, LeftOut] = {}
        of_groups: dict[str, Array] = {}
        for pooling in POOLINGS:
            if pooling in fits:
                chains = fits[pooling].sizes["chain"]
                by_row[pooling] = leave_out(self.of_rows(pooling, fits[pooling]), chains)
                if self.joint is not None and pooling != NO:
                    of_groups[pooling] = self.of_groups(self.joint, pooling, fits[pooling])
                    by_group[pooling] = leave_out(of_groups[pooling], chains)
        found = _compared(by_row, "row", "loo")
        if by_group and self.joint is not None:
            again = self._from_other_fits(self.joint, by_group, of_groups, refit)
            found |= _compared(by_group, "group", "logo")
            found["logo_refitted"] = (("pooling", "group"), again)
        return xr.Dataset(found).assign_attrs(largest_k=_limit(by_row[PARTIAL]))

    def of_rows(self, pooling: str, draws: xr.Dataset) -> Array:
        """Return log densities of rows given the others of their group, shape (draws, rows)."""
        if pooling == COMPLETE:
            # The effects repeat their location: there is nothing of a group to integrate out.
            return self.density.by_row(thinned(self.density, draws))
        found = self.densities.integrated(self.density, draws)
        rows = _without(found.of_rows, found.row_error)
        if pooling == NO and self.own is not None:
            rows[:, (self.density.row_group >= 0) & ~self.own.has_without] = np.nan
        return rows

    def of_groups(self, joint: GroupDensity, pooling: str, draws: xr.Dataset) -> Array:
        """Return log densities of whole groups, shape (draws, J)."""
        if pooling == COMPLETE and joint is self.density:
            groups = joint.of_rows(thinned(joint, draws))
        else:
            # With complete pooling a tight scale makes integrating this level's effect too the same
            # as leaving it out.
            found = self.densities.integrated(joint, draws)
            groups = _without(found.of_groups, found.group_error)
        groups[:, self.density.rows_per_group == 0] = np.nan
        return groups

    def _from_other_fits(
        self,
        joint: GroupDensity,
        by_group: Mapping[str, LeftOut],
        of_groups: Mapping[str, Array],
        refit: Refit,
    ) -> np.ndarray:
        """Predict groups that weights do not reach from fits without their rows, in place."""
        again = np.zeros((len(POOLINGS), len(joint.labels)), dtype=bool)
        for pooling, left in by_group.items():
            bad = np.flatnonzero((left.pareto_k > _limit(left)) & np.isfinite(left.elpd))
            worst = [int(j) for j in bad[np.argsort(-left.pareto_k[bad], kind="stable")]]
            for j, draws in refit(pooling, worst).items():
                groups = self.of_groups(joint, pooling, draws)
                pair = of_groups[pooling][:, j], groups[:, j]
                if not all(np.isfinite(column).all() for column in pair):
                    continue
                chains = draws.sizes["chain"]
                elpd, error = bridged(*(column.reshape(chains, -1) for column in pair))
                if error < _LARGEST_MCSE:
                    left.elpd[j], left.error[j] = elpd, error
                    left.pareto_k[j] = np.nan
                    left.influence[..., j] = 0.0
                    again[POOLINGS.index(pooling), j] = True
        return again


def _limit(left: LeftOut) -> float:
    """Return the largest Pareto k that so many draws bear."""
    return largest_k(left.influence.shape[0] * left.influence.shape[1])


def _without(log_density: Array, error: Array) -> Array:
    """Return densities; those that quadrature did not settle have no finite ones."""
    found = np.array(log_density)
    found[:, error > _LARGEST_ERROR] = -np.inf
    return found


def _compared(left: Mapping[str, LeftOut], part: str, name: str) -> dict[str, Any]:
    """Return predictions as variables, with the errors of the sums that are compared."""
    (size,) = {len(one.elpd) for one in left.values()}
    elpd, k, each = (np.full((len(POOLINGS), size), np.nan) for _ in range(3))
    for i, pooling in enumerate(POOLINGS):
        if pooling in left:
            one = left[pooling]
            elpd[i], k[i], each[i] = one.elpd, one.pareto_k, one.each
    mcse = np.full(len(POOLINGS), np.nan)
    good = np.isfinite(elpd) & ~(k > _limit(left[PARTIAL]))
    for i, pooling in enumerate(POOLINGS):
        if pooling != PARTIAL and pooling in left:
            both = np.flatnonzero(good[i] & good[POOLINGS.index(PARTIAL)])
            mcse[i] = np.hypot(left[pooling].mcse(both), left[PARTIAL].mcse(both))
    return {
        f"{name}_elpd": (("pooling", part), elpd),
        f"{name}_mcse": (("pooling", part), each),
        f"{name}_k": (("pooling", part), k),
        f"{name}_difference_mcse": ("pooling", mcse),
    }
