"""A level without pooling, with the model's, and with complete pooling: fits and predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ...checks.draws import SAMPLE, Array
from ...checks.hierarchy import Hierarchy
from ...checks.leave_out import LeftOut, bridged, largest_k, leave_out
from ...checks.weighted import largest_rhat, summaries
from ..engine import Engine, LogDensity
from ..execution.programs import Program
from ..levels.evaluate import by_draw, evaluate_on
from .group_density import GroupDensity, NotSeparable
from .limits import Limits, NoLimit, limits_of
from .quadrature import integrated
from .shared_terms import Totals

if TYPE_CHECKING:
    import pymc as pm

NO, PARTIAL, COMPLETE = POOLINGS = ("no", "partial", "complete")

#: Rows of more than this many are not predicted one by one.
MOST_ROWS = 20_000

#: Draws that effects are integrated out at: so many rows times draws, within two bounds.
_ROWS_TIMES_DRAWS, _FEWEST, _MOST = 300_000, 300, 1000

#: Log densities that more nodes move by more than this are not used.
_LARGEST_ERROR = 0.01

#: A group that a fit without it predicts with a larger Monte Carlo error is not predicted.
_LARGEST_MCSE = 0.5

#: Fits whose chains disagree by more are not used (Gelman et al. 2013, section 11.5, asks 1.1).
_LARGEST_RHAT = 1.05

#: Draws that information is averaged over, and by which it is decided what has an estimate.
_SOME = 50


@dataclass(frozen=True, slots=True)
class Fit:
    """One fit of the review's program, as a task that goes to any worker."""

    program: Program
    draws: int
    tune: int
    chains: int
    target_accept: float
    seed: int
    priors: Mapping[str, LogDensity]
    weights: Mapping[str, np.ndarray]


def fitted(task: Fit) -> xr.Dataset:
    """Sample, and return the free variables with the number of divergences."""
    tree = task.program.engine.sample(
        draws=task.draws,
        tune=task.tune,
        chains=task.chains,
        target_accept=task.target_accept,
        seed=task.seed,
        priors=[task.priors],
        weights=task.weights,
        ridges=True,
    )
    names = [rv.name for rv in task.program.model.free_RVs]
    posterior = tree["posterior"].to_dataset()[names]
    diverging = int(tree["sample_stats"]["diverging"].sum())
    kept = posterior.drop_vars([c for c in posterior.coords if c not in SAMPLE])
    return kept.assign_attrs(divergences=diverging)


@dataclass(slots=True)
class LevelPoolings:
    """One level, on its way to three poolings.

    Parameters
    ----------
    model : pymc.Model
        Of plain tensors.
    hierarchy : Hierarchy
    name : str
    posterior : xarray.Dataset
        Every free variable under the model's own priors.
    engine : Engine or None
        None where the model is not sampled on a program with switches.

    Attributes
    ----------
    why : dict of str to str
        Why a pooling (``no``, ``complete``) or a comparison (``rows``, ``groups``) is not there.
    has_estimate : ndarray of bool, shape (J,)
        Whether the rows of a group alone give its effect a finite estimate.
    has_without : ndarray of bool, shape (rows,)
        Whether they still do without that row.
    """

    model: pm.Model
    hierarchy: Hierarchy
    name: str
    posterior: xr.Dataset
    engine: Engine | None
    why: dict[str, str] = field(default_factory=dict)
    density: GroupDensity | None = None
    joint: GroupDensity | None = None
    limits: Limits | None = None
    has_estimate: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    has_without: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    totals: Totals = field(init=False)
    _draws: dict[str, xr.Dataset] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.totals = Totals(self.model, self.hierarchy, self.name, self.posterior)
        level = self.hierarchy.levels[self.name]
        self.has_estimate = np.zeros(len(level.labels), dtype=bool)
        try:
            self.density = GroupDensity(self.model, self.hierarchy, [self.name])
        except NotSeparable as reason:
            self.why = dict.fromkeys((NO, COMPLETE, "rows", "groups"), str(reason))
            return
        self._draws[PARTIAL] = self.posterior
        self._set_limits()
        self._set_joint()

    def _set_limits(self) -> None:
        if self.engine is None:
            reason = "the model is not sampled on a program with switches"
            self.why |= {NO: reason, COMPLETE: reason}
            return
        assert self.density is not None
        if fixed := [n for n in self.density.group if n in self.engine.fixed]:
            reason = f"rows of {fixed[0]} cannot be left out: {self.engine.fixed[fixed[0]]}"
            self.why |= {NO: reason, COMPLETE: reason}
            return
        level = self.hierarchy.levels[self.name]
        unit = self._unit()
        some = self.density.arrays(self.posterior, _SOME)
        curvature = -self.density.derivatives(some).rows_hessian[..., 0, 0]
        information = np.maximum(np.median(curvature, axis=0), 0.0) / unit**2
        self.has_estimate, self.has_without = self._finite(information, unit)
        try:
            found = limits_of(
                self.model,
                self.engine,
                level,
                self.posterior,
                np.where(self.has_estimate, information, 0.0),
                self.totals.shared,
            )
        except NoLimit as reason:
            self.why |= {NO: str(reason), COMPLETE: str(reason)}
            return
        self.limits = found
        for pooling, priors in ((NO, found.no), (COMPLETE, found.complete)):
            if isinstance(priors, str):
                self.why[pooling] = priors

    def _set_joint(self) -> None:
        """Take the levels with the same groups along: a new group is new in all of them."""
        relations = self.hierarchy.relations
        same = [
            r.other if r.one == self.name else r.one
            for r in relations
            if r.kind == "same" and self.name in (r.one, r.other)
        ]
        below = [r.one for r in relations if r.kind == "nested" and r.other == self.name]
        if below:
            self.why["groups"] = (
                f"rows of a {self.name} also hold effects of {' and '.join(below)} that only these "
                "rows know"
            )
        elif len(same) > 1:
            self.why["groups"] = f"{len(same) + 1} effects per group are not integrated together"
        elif same:
            try:
                self.joint = GroupDensity(self.model, self.hierarchy, [self.name, *same])
            except NotSeparable as reason:
                self.why["groups"] = str(reason)
        else:
            self.joint = self.density
        if len(self.hierarchy.levels[self.name].labels) < 2:
            self.why["groups"] = "there is no other group to predict it from"

    @property
    def can_leave_out(self) -> bool:
        """Whether the program can be fitted again without the rows of a group."""
        if self.engine is None or self.density is None:
            return False
        return not any(name in self.engine.fixed for name in self.density.group)

    def priors(self, pooling: str) -> dict[str, LogDensity] | None:
        """Return the priors that make a pooling, or None where it is not known."""
        if pooling == PARTIAL:
            return {}
        if self.limits is None:
            return None
        found = self.limits.no if pooling == NO else self.limits.complete
        return found if isinstance(found, dict) else None

    def weights(self, pooling: str, group: int | None = None) -> dict[str, np.ndarray]:
        """Return which rows count: not those of a group without estimate, or one left out."""
        assert self.density is not None
        assert self.engine is not None
        found = {}
        for name, groups in self.density.group.items():
            shape = np.shape(self.engine.data[name])
            counts = np.ones(groups.size)
            if pooling == NO:
                lost = ~self.has_estimate
                counts[(groups >= 0) & lost[groups]] = 0.0
            if group is not None:
                counts[groups == group] = 0.0
            found[name] = counts.reshape(shape) if counts.size == np.prod(shape) else counts
        return found

    def take(self, pooling: str, draws: xr.Dataset) -> None:
        """Take the draws of a fit, unless its chains disagree."""
        totals = self.totals.of(draws)
        known = self.has_estimate if pooling == NO else np.ones(len(self.has_estimate), dtype=bool)
        rhat = largest_rhat(totals.isel(group=known).to_dataset(name="estimate"))
        if rhat > _LARGEST_RHAT:
            self.why[pooling] = f"the chains of its fit disagree (R-hat {rhat:.2f}): draw more"
        else:
            self._draws[pooling] = draws

    def _unit(self) -> Array:
        level = self.hierarchy.levels[self.name]
        groups = len(level.labels)
        if level.unit is None:
            return np.ones(groups)
        thin = self.posterior.isel(
            draw=slice(None, None, max(1, self.posterior.sizes["draw"] // 25))
        )
        pieces = [
            by_draw(value, level.unit.ndim, chunk.stop - chunk.start, (groups,))
            for chunk, (value,) in evaluate_on(self.model, [level.unit], thin, width=groups)
        ]
        return np.asarray(np.median(np.abs(np.concatenate(pieces)), axis=0))

    def _finite(self, information: Array, unit: Array) -> tuple[np.ndarray, np.ndarray]:
        """Whether the rows of a group, all or without one, have their peak at a finite effect.

        Returns
        -------
        ndarray of bool, shape (J,)
        ndarray of bool, shape (rows,)
            True for a row without which the others of its group still have one.
        """
        assert self.density is not None
        told = information > 0
        if not told.any():
            return told, np.zeros(self.density.rows, dtype=bool)
        steps = np.geomspace(0.03, 1e4, 40) / np.sqrt(np.median(information[told]))
        grid = np.concatenate([-steps[::-1], [0.0], steps])
        middle = {
            str(rv.name): self.posterior[rv.name].mean(SAMPLE).values for rv in self.model.free_RVs
        }
        points = {n: np.broadcast_to(v, (grid.size, *v.shape)) for n, v in middle.items()}
        start = self.density.entries(points)
        moved = self.density.moved(points, start + (grid[:, None] / unit)[..., None])
        value = np.nan_to_num(self.density.of_rows(moved), nan=-np.inf)
        group = np.concatenate(list(self.density.group.values()))
        with np.errstate(invalid="ignore"):
            others = np.nan_to_num(value[:, group] - self.density.by_row(moved), nan=-np.inf)
        return _has_peak(value), _has_peak(others) & (group >= 0)

    def dataset(self, fit: Callable[[str, list[int]], dict[int, xr.Dataset]]) -> xr.Dataset:
        """Return estimates and predictions under the three poolings.

        Parameters
        ----------
        fit : callable
            Takes a pooling and groups; returns, for as many as are to be fitted again without
            their rows, the draws.
        """
        labels = self.hierarchy.levels[self.name].labels
        found = xr.Dataset(coords={"pooling": list(POOLINGS), "group": list(labels)})
        found = found.merge(self._estimates())
        if self.density is not None:
            groups = np.concatenate(list(self.density.group.values()))
            kept = groups[groups >= 0]
            found["rows"] = ("group", np.bincount(kept, minlength=len(labels)))
            found["has_estimate"] = ("group", self.has_estimate)
            if self.density.rows <= MOST_ROWS:
                found["row_group"] = ("row", groups)
                predicted = self._predictions(fit)
                found = found.merge(predicted).assign_attrs(predicted.attrs)
            else:
                reason = f"there are more than {MOST_ROWS} rows"
                self.why |= {"rows": reason, "groups": reason}
        said: dict[str, Any] = {f"why_no_{what}": reason for what, reason in self.why.items()}
        said["effect"] = self.hierarchy.levels[self.name].effect_name
        said["shares"] = ", ".join(self.totals.shared.terms)
        if self.limits is not None:
            said |= {f"scale_{p}": s for p, s in self.limits.scales.items()}
        return found.assign_attrs(said)

    def _estimates(self) -> xr.Dataset:
        names = ("mean", "mcse", "sd", "low", "high")
        groups = len(self.hierarchy.levels[self.name].labels)
        table = np.full((len(names), len(POOLINGS), groups), np.nan)
        rhat, divergences = np.full(3, np.nan), np.full(3, -1)
        for i, pooling in enumerate(POOLINGS):
            draws = self.posterior if pooling == PARTIAL else self._draws.get(pooling)
            if draws is None:
                continue
            totals = self.totals.of(draws)
            of = summaries(totals.to_dataset(name="estimate"))["estimate"]
            table[:, i] = of.sel(summary=list(names)).transpose("summary", "group").values
            known = self.has_estimate if pooling == NO else np.ones(groups, dtype=bool)
            table[:, i, ~known] = np.nan
            if known.any():
                rhat[i] = largest_rhat(totals.isel(group=known).to_dataset(name="estimate"))
            divergences[i] = int(draws.attrs.get("divergences", -1))
        return xr.Dataset(
            {
                **{f"estimate_{n}": (("pooling", "group"), table[k]) for k, n in enumerate(names)},
                "rhat": ("pooling", rhat),
                "divergences": ("pooling", divergences),
            }
        )

    def _predictions(self, fit: Callable[[str, list[int]], dict[int, xr.Dataset]]) -> xr.Dataset:
        by_row: dict[str, LeftOut] = {}
        by_group: dict[str, LeftOut] = {}
        of_groups: dict[str, Array] = {}
        for pooling in POOLINGS:
            if pooling in self._draws:
                chains = self._draws[pooling].sizes["chain"]
                rows, groups = self._log_densities(pooling, self._draws[pooling])
                by_row[pooling] = leave_out(rows, chains)
                if groups is not None:
                    of_groups[pooling] = groups
                    by_group[pooling] = leave_out(groups, chains)
        again = self._from_other_fits(by_group, of_groups, fit)
        found = _compared(by_row, "row", "loo")
        if by_group:
            found |= _compared(by_group, "group", "logo")
            found["logo_refitted"] = (("pooling", "group"), again)
        return xr.Dataset(found).assign_attrs(largest_k=_limit(by_row[PARTIAL]))

    def _from_other_fits(
        self,
        by_group: Mapping[str, LeftOut],
        of_groups: Mapping[str, Array],
        fit: Callable[[str, list[int]], dict[int, xr.Dataset]],
    ) -> np.ndarray:
        """Predict groups that weights do not reach from fits without their rows, in place."""
        again = np.zeros((len(POOLINGS), len(self.has_estimate)), dtype=bool)
        for pooling, left in by_group.items():
            bad = np.flatnonzero((left.pareto_k > _limit(left)) & np.isfinite(left.elpd))
            worst = [int(j) for j in bad[np.argsort(-left.pareto_k[bad], kind="stable")]]
            for j, draws in fit(pooling, worst).items():
                _, groups = self._log_densities(pooling, draws)
                assert groups is not None
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

    def _log_densities(self, pooling: str, draws: xr.Dataset) -> tuple[Array, Array | None]:
        """Return log densities of rows and of groups, effects of the groups integrated out."""
        assert self.density is not None
        most = int(np.clip(_ROWS_TIMES_DRAWS / self.density.rows, _FEWEST, _MOST))
        thin = self.density.arrays(draws, most)
        groups = None
        if pooling == COMPLETE:
            # The effects repeat their location: there is nothing of a group to integrate out.
            rows = self.density.by_row(thin)
            if "groups" not in self.why:
                groups = self._others_integrated(thin)
        else:
            found = integrated(self.density, thin)
            rows = _without(found.of_rows, found.row_error)
            if pooling == NO:
                group = np.concatenate(list(self.density.group.values()))
                rows[:, (group >= 0) & ~self.has_without] = np.nan
            elif "groups" not in self.why and self.joint is not None:
                joint = found if self.joint is self.density else integrated(self.joint, thin)
                groups = _without(joint.of_groups, joint.group_error)
        if groups is not None:
            groups[:, self._empty()] = np.nan
        return rows, groups

    def _others_integrated(self, draws: dict[str, np.ndarray]) -> Array:
        """Return densities of whole groups with complete pooling of this level alone."""
        assert self.density is not None
        if self.joint is None or self.joint is self.density:
            return self.density.of_rows(draws)
        # A tight scale makes integrating this level's effect too the same as leaving it out.
        found = integrated(self.joint, draws)
        return _without(found.of_groups, found.group_error)

    def _empty(self) -> np.ndarray:
        assert self.density is not None
        group = np.concatenate(list(self.density.group.values()))
        return np.asarray(np.bincount(group[group >= 0], minlength=len(self.has_estimate)) == 0)


def _limit(left: LeftOut) -> float:
    """Return the largest Pareto k that so many draws bear."""
    return largest_k(left.influence.shape[0] * left.influence.shape[1])


def _has_peak(value: Array) -> np.ndarray:
    """Whether log densities along the first axis are higher inside than at both ends."""
    top = value.max(0)
    return np.asarray((value[0] < top - 2) & (value[-1] < top - 2))


def _without(log_density: Array, error: Array) -> Array:
    """Return densities; those that quadrature did not settle have no finite ones."""
    found = np.array(log_density)
    found[:, error > _LARGEST_ERROR] = -np.inf
    return found


def _compared(left: Mapping[str, LeftOut], part: str, name: str) -> dict[str, Any]:
    """Return predictions as variables, with the errors of the sums that are compared."""
    sizes = {len(one.elpd) for one in left.values()}
    (size,) = sizes
    elpd, k = (np.full((len(POOLINGS), size), np.nan) for _ in range(2))
    for i, pooling in enumerate(POOLINGS):
        if pooling in left:
            elpd[i], k[i] = left[pooling].elpd, left[pooling].pareto_k
    mcse, each = np.full(len(POOLINGS), np.nan), np.full((len(POOLINGS), size), np.nan)
    good = np.isfinite(elpd) & ~(k > _limit(left[PARTIAL]))
    for i, pooling in enumerate(POOLINGS):
        if pooling in left:
            each[i] = left[pooling].each
        if pooling != PARTIAL and pooling in left:
            both = np.flatnonzero(good[i] & good[1])
            mcse[i] = np.hypot(left[pooling].mcse(both), left[PARTIAL].mcse(both))
    return {
        f"{name}_elpd": (("pooling", part), elpd),
        f"{name}_mcse": (("pooling", part), each),
        f"{name}_k": (("pooling", part), k),
        f"{name}_difference_mcse": ("pooling", mcse),
    }
