"""A level without pooling, with the model's, and with complete pooling: what is known of each."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from ...checks.draws import Array
from ...checks.poolings import COMPLETE, LARGEST_RHAT, NO, PARTIAL, POOLINGS
from ...checks.weighted import largest_rhat, summaries
from ..engine import Engine, LogDensity
from .densities import Densities
from .group_density import GroupDensity
from .limits import Limits, NoLimit, limits_of
from .own_estimates import OwnEstimates
from .predictions import Predictor, Refit
from .separable import NotSeparable
from .shared_terms import Totals

#: Rows of more than this many are not predicted one by one.
MOST_ROWS = 20_000

#: With so many numbers at most, adapting to ridges costs next to nothing; with 300 it made the fit
#: of a logistic model without ridges 15 times as dear, for twice as many steps.
FEW_VARIABLES = 100

_SUMMARIES = ("mean", "mcse", "sd", "low", "high")


class LevelPoolings:
    """One level, on its way to three poolings.

    Parameters
    ----------
    densities : Densities
        Of the fitted model, shared between its levels.
    name : str
    engine : Engine or None
        None where the model is not sampled on a program with switches.

    Attributes
    ----------
    why : dict of str to str
        Why a pooling (``no``, ``complete``) or a comparison (``rows``, ``groups``) is not there.
    can_leave_out : bool
        Whether the program can be fitted again without the rows of a group.
    """

    def __init__(self, densities: Densities, name: str, engine: Engine | None) -> None:
        self.name, self.engine = name, engine
        self._densities = densities
        self._level = densities.hierarchy.levels[name]
        self._fits = {PARTIAL: densities.posterior}
        self._density: GroupDensity | None = None
        self._joint: GroupDensity | None = None
        self._limits: Limits | None = None
        self._own: OwnEstimates | None = None
        self.totals = Totals(densities.model, densities.hierarchy, name, densities.posterior)
        self.why: dict[str, str] = {}
        self.can_leave_out = False
        try:
            self._density = densities.of([name])
        except NotSeparable as reason:
            self.why = dict.fromkeys((NO, COMPLETE, "rows", "groups"), str(reason))
            return
        self._set_limits(self._density)
        self._set_joint(self._density)

    @property
    def has_estimate(self) -> np.ndarray:
        """Whether the rows of a group alone give its effect a finite estimate, shape (J,)."""
        if self._own is None:
            return np.zeros(len(self._level.labels), dtype=bool)
        return self._own.has_estimate

    def _set_limits(self, density: GroupDensity) -> None:
        """Find the priors without pooling and with complete pooling."""
        if self.engine is None:
            reason = "the model is not sampled on a program with switches"
            self.why |= {NO: reason, COMPLETE: reason}
            return
        if fixed := [n for n in density.group if n in self.engine.fixed]:
            reason = f"rows of {fixed[0]} cannot be left out: {self.engine.fixed[fixed[0]]}"
            self.why |= {NO: reason, COMPLETE: reason}
            return
        self.can_leave_out = True
        self._own = OwnEstimates(self._densities, density, self._level)
        try:
            self._limits = limits_of(
                self._densities.model,
                self.engine,
                self._level,
                self._densities.posterior,
                self._own.information,
                self.totals.shared,
            )
        except NoLimit as reason:
            self.why |= {NO: str(reason), COMPLETE: str(reason)}
            return
        for pooling, priors in ((NO, self._limits.no), (COMPLETE, self._limits.complete)):
            if isinstance(priors, str):
                self.why[pooling] = priors

    def _set_joint(self, density: GroupDensity) -> None:
        """Take the levels with the same groups along: a new group is new in all of them."""
        relations = self._densities.hierarchy.relations
        same = [
            r.other if r.one == self.name else r.one
            for r in relations
            if r.kind == "same" and self.name in (r.one, r.other)
        ]
        below = [r.one for r in relations if r.kind == "nested" and r.other == self.name]
        if len(self._level.labels) < 2:
            self.why["groups"] = "there is no other group to predict it from"
        elif below:
            self.why["groups"] = (
                f"rows of a {self.name} also hold effects of {' and '.join(below)} that only these "
                "rows know"
            )
        elif len(same) > 1:
            self.why["groups"] = f"{len(same) + 1} effects per group are not integrated together"
        elif same:
            try:
                self._joint = self._densities.of([self.name, *same])
            except NotSeparable as reason:
                self.why["groups"] = str(reason)
        else:
            self._joint = density

    def priors(self, pooling: str) -> dict[str, LogDensity] | None:
        """Return the priors that make a pooling, or None where it is not known."""
        if pooling == PARTIAL:
            return {}
        if self._limits is None:
            return None
        found = self._limits.no if pooling == NO else self._limits.complete
        return found if isinstance(found, dict) else None

    def weights(self, pooling: str, group: int | None = None) -> dict[str, np.ndarray]:
        """Return which rows count: not those of a group without estimate, or one left out."""
        assert self._density is not None
        assert self.engine is not None
        found = {}
        for name, groups in self._density.group.items():
            shape = np.shape(self.engine.data[name])
            counts = np.ones(groups.size)
            if pooling == NO:
                lost = ~self.has_estimate
                counts[(groups >= 0) & lost[groups]] = 0.0
            if group is not None:
                counts[groups == group] = 0.0
            found[name] = counts.reshape(shape) if counts.size == np.prod(shape) else counts
        return found

    def has_ridges(self, pooling: str) -> bool:
        """Whether a fit needs to adapt to directions along which variables are collinear.

        Centred effects and their location are, under a tiny scale; few variables may be at no cost.
        """
        one = self._densities.posterior.isel(chain=0, draw=0)
        size = sum(one[str(rv.name)].size for rv in self._densities.model.free_RVs)
        centred = self._level.unit is None
        return (pooling == COMPLETE and centred) or size <= FEW_VARIABLES

    def take(self, pooling: str, draws: xr.Dataset) -> None:
        """Take the draws of a fit, unless its chains disagree."""
        rhat = self._rhat(pooling, self.totals.of(draws))
        if rhat > LARGEST_RHAT:
            self.why[pooling] = f"the chains of its fit disagree (R-hat {rhat:.2f}): draw more"
        else:
            self._fits[pooling] = draws

    def dataset(self, refit: Refit) -> xr.Dataset:
        """Return estimates and predictions under the three poolings.

        Parameters
        ----------
        refit : callable
            Takes a pooling and groups; returns, for as many as are to be fitted again without
            their rows, the draws.
        """
        coords = {"pooling": list(POOLINGS), "group": list(self._level.labels)}
        found = xr.Dataset(coords=coords).merge(self._estimates())
        density = self._density
        if density is not None:
            found["rows"] = ("group", density.rows_per_group)
            found["has_estimate"] = ("group", self.has_estimate)
            if density.rows <= MOST_ROWS:
                found["row_group"] = ("row", density.row_group)
                predictor = Predictor(self._densities, density, self._joint, self._own)
                predicted = predictor.dataset(self._fits, refit)
                found = found.merge(predicted).assign_attrs(predicted.attrs)
            else:
                reason = f"there are more than {MOST_ROWS} rows"
                self.why |= {"rows": reason, "groups": reason}
        said: dict[str, Any] = {f"why_no_{what}": reason for what, reason in self.why.items()}
        said["effect"] = self._level.effect_name
        said["shares"] = ", ".join(self.totals.shared.terms)
        if self._limits is not None:
            said |= {f"scale_{p}": s for p, s in self._limits.scales.items()}
        return found.assign_attrs(said)

    def _estimates(self) -> xr.Dataset:
        """Return summaries of every group's total under each pooling."""
        table = np.full((len(_SUMMARIES), len(POOLINGS), len(self._level.labels)), np.nan)
        rhat, divergences = np.full(len(POOLINGS), np.nan), np.full(len(POOLINGS), -1)
        for i, pooling in enumerate(POOLINGS):
            draws = self._fits.get(pooling)
            if draws is None:
                continue
            totals = self.totals.of(draws)
            of = summaries(totals.to_dataset(name="estimate"))["estimate"]
            table[:, i] = of.sel(summary=list(_SUMMARIES)).transpose("summary", "group").values
            table[:, i, ~self._known(pooling)] = np.nan
            rhat[i] = self._rhat(pooling, totals)
            divergences[i] = int(draws.attrs.get("divergences", -1))
        found: dict[str, tuple[Any, Array]] = {
            f"estimate_{name}": (("pooling", "group"), table[k])
            for k, name in enumerate(_SUMMARIES)
        }
        found["rhat"] = ("pooling", rhat)
        found["divergences"] = ("pooling", divergences)
        return xr.Dataset(found)

    def _known(self, pooling: str) -> np.ndarray:
        """Whether a pooling gives a group an estimate, shape (J,)."""
        everywhere = np.ones(len(self._level.labels), dtype=bool)
        return self.has_estimate if pooling == NO else everywhere

    def _rhat(self, pooling: str, totals: xr.DataArray) -> float:
        """Return the largest R-hat of the estimates under a pooling; NaN where there are none."""
        known = self._known(pooling)
        if not known.any():
            return float("nan")
        return largest_rhat(totals.isel(group=known).to_dataset(name="estimate"))
