"""A level, evaluated on draws: what pooling and uncertainty are computed from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ...checks.draws import SAMPLE, Array
from ...checks.hierarchy import GroupLevel, Hierarchy, Membership, plain_model
from ...checks.hierarchy.information import (
    NoInformation,
    mean_and_sd,
    why_no_weights,
    why_not_linear,
)
from ...checks.hierarchy.spread import NORMAL
from ...checks.ridge_equivalent import row_variance
from ..outcomes.parts import with_parts
from ..priors.families import parameters_of
from ..specs.preflight import observed_values
from .curvature import information_of
from .dense_rows import dense_rows
from .evaluate import by_draw, evaluate_on, one_axis
from .linear_sums import linear_sums
from .nested import below, through
from .ridge_rows import GroupReader, NoRows, row_arrays
from .row_sums import Rows, by_group, group_sums, membership

if TYPE_CHECKING:
    import pymc as pm


#: Rows times draws from which on sums over rows are worth finding, and coefficients up to which.
MANY, FEW = 2_000_000, 60


def level_dataset(
    model: pm.Model, hierarchy: Hierarchy, name: str, draws: xr.Dataset, *, rows: bool = True
) -> xr.Dataset:
    """Evaluate one level on posterior or prior draws.

    Parameters
    ----------
    model : pymc.Model
    hierarchy : Hierarchy
        Of that model.
    name : str
        Of the level.
    draws : xarray.Dataset
        Every free variable, dims ``chain`` and ``draw`` first.
    rows : bool, default True
        Whether to add the rows that a penalty is searched on
        (:mod:`poolwise.workflow.levels.ridge_rows`), which no draws enter; where there are none,
        ``attrs["why_no_rows"]`` says why.

    Returns
    -------
    xarray.Dataset
        ``effect``, ``location``, ``scale``. Where the rows of the level are known, their
        ``rows``, ``row_group``, ``design`` and ``design_squared``; for normal effects and any
        likelihood their ``information`` (:mod:`poolwise.checks.hierarchy.information`), where it
        reaches the level through one below (:mod:`poolwise.workflow.levels.nested`) also
        ``row_variance``, and the estimates ``raw`` without pooling, on the scale of the effect.
        For normal effects in the mean of one normal outcome besides ``noise_variance``,
        ``other``, ``row_mean_variance``, ``row_location_variance``, ``residual_variance``,
        ``mean_residual_variance`` and ``outcome_variance``; see
        :mod:`poolwise.checks.ridge_equivalent` and :mod:`poolwise.checks.decomposition` for
        their meaning.

        Where there is no information ``attrs["why_no_information"]`` says why, and where there is
        no noise variance ``attrs["why_no_noise"]``. ``attrs["negative_information"]`` is the share
        of draws and groups at which the curvature was negative. The family of the effects is in
        ``attrs["family"]``, the standard deviation of a normal prior of the location (infinite for
        a flat one) in ``attrs["location_sd"]``.
    """
    return _Levels(plain_model(model), hierarchy, draws, rows).of(name)


@dataclass(slots=True)
class _Levels:
    """Evaluates levels, each once: one may need those below it."""

    model: pm.Model
    hierarchy: Hierarchy
    draws: xr.Dataset
    rows: bool
    _known: dict[str, xr.Dataset] = field(default_factory=dict)
    _given_others: dict[str, Array] = field(default_factory=dict)

    def of(self, name: str) -> xr.Dataset:
        if name not in self._known:
            self._known[name] = self._evaluated(name)
        return self._known[name]

    def _evaluated(self, name: str) -> xr.Dataset:
        level = self.hierarchy.levels[name]
        found = _by_group(self.model, level, self.draws).assign_attrs(
            effect=level.effect_name,
            form=level.form,
            family=level.family,
            scale=str(level.scale.name or "scale"),
        )
        width = _prior_sd(self.model, level.location)
        if width is not None:
            found = found.assign_attrs(location_sd=width)
        if name in self.hierarchy.why_no_rows:
            return self._with_shared_rows(found, name)
        no_weights = why_no_weights(self.hierarchy, name)
        why_no_noise = no_weights or why_not_linear(self.model, self.hierarchy, name)
        if not why_no_noise:
            return self._through_below(self._normal(found, name), name)
        found = self._with_groups(found, name)
        found = found.assign_attrs(why_no_noise=why_no_noise, why_no_rows=why_no_noise)
        if no_weights:
            return found.assign_attrs(why_no_information=no_weights)
        try:
            return self._through_below(self._with_information(found, name), name)
        except NoInformation as why:
            return found.assign_attrs(why_no_information=str(why))

    def _normal(self, found: xr.Dataset, name: str) -> xr.Dataset:
        """Add the sums over rows of a normal outcome."""
        level, member = self.hierarchy.levels[name], self.hierarchy.members[name]
        y = observed_values(self.model)[member.enters]
        mean, sd = _mean_and_sd(self.model, level, member)
        sums = self._from_few_sums(found, name, mean, sd, y)
        if sums is None:
            chunks = _mean_and_sd_on(self.model, mean, sd, self.draws, y.shape)
            sums = by_group(found, member.group, member.design, y.ravel(), chunks)
        found = found.merge(sums).assign_attrs(outcome=member.enters)
        if not self.rows:
            return found
        try:
            return found.merge(row_arrays(self.model, self.hierarchy, name, mean, sd))
        except NoRows as why:
            return found.assign_attrs(why_no_rows=str(why))

    def _from_few_sums(
        self, found: xr.Dataset, name: str, mean: Any, sd: Any, y: Array
    ) -> xr.Dataset | None:
        """Return the sums over many rows where few coefficients set their means, or None."""
        total = self.draws.sizes["chain"] * self.draws.sizes["draw"]
        if any(n != 1 for n in sd.type.shape) or y.size * total < MANY:
            return None
        reader = GroupReader(self.model, self.hierarchy, name, mean, sd)
        movers = reader.movers()
        if set(movers) & reader.own:
            return None
        try:
            rest = reader.affine(movers, most=FEW)
        except NoRows:
            return None
        member = self.hierarchy.members[name]
        flat = [one_axis(self.draws[v]).reshape(total, -1) for v in rest.movers]
        coefficients = np.concatenate([np.zeros((total, 0)), *flat], axis=1)
        pieces = [
            by_draw(values, sd.ndim, at.stop - at.start, (1,) * sd.ndim)[:, 0]
            for at, (values,) in evaluate_on(self.model, [sd], self.draws, width=1)
        ]
        noise = np.concatenate(pieces)
        return linear_sums(found, member.group, member.design, y.ravel(), rest, coefficients, noise)

    def _with_groups(self, found: xr.Dataset, name: str) -> xr.Dataset:
        """Add which rows belong to which group, through the levels below."""
        member = self.hierarchy.members[name]
        group, design = member.group, np.asarray(member.design, dtype=float)
        while member.enters in self.hierarchy.members:
            member = self.hierarchy.members[member.enters]
            inside = member.group >= 0
            design = np.where(inside, member.design * design[member.group], 0.0)
            group = np.where(inside, group[member.group], -1)
        sums = group_sums(group, design, found["group"])
        return found.merge(sums).assign_attrs(outcome=member.enters)

    def _with_information(self, found: xr.Dataset, name: str) -> xr.Dataset:
        """Add the information of the rows that a level enters itself, and its own estimates."""
        level, member = self.hierarchy.levels[name], self.hierarchy.members[name]
        members = [member, *self.hierarchy.also.get(name, ())]
        direct = [m for m in members if m.enters not in self.hierarchy.levels]
        if not direct:
            zero = xr.zeros_like(found["effect"])
            return found.assign(information=zero, raw=("group", np.full(len(level.labels), np.nan)))
        rows = sum(m.group.size for m in direct)
        enters = [m.enters for m in direct]
        said = information_of(self.model, level, enters, self.draws, rows, tops=self.rows)
        shape = found["effect"].shape
        found = found.assign(
            information=((*SAMPLE, "group"), said.information.reshape(shape)),
            raw=("group", np.where(found["rows"] > 0, said.raw, np.nan)),
        )
        return found.assign_attrs(negative_information=said.negative) if said.negative else found

    def _through_below(self, found: xr.Dataset, name: str) -> xr.Dataset:
        """Let information reach a level through the levels whose groups lie in its own."""
        direct = found["information"].values
        self._given_others[name] = direct
        links = below(self.hierarchy, name)
        for link in links:
            lower = self.of(link.name)
            if "information" not in lower:
                if link.added:
                    continue
                said = lower.attrs.get("why_no_information", "its information is not known")
                raise NoInformation(f"it reaches the data through {link.name}: {said}")
            if self.hierarchy.levels[link.name].family not in NORMAL:
                raise NoInformation(f"the effects of {link.name} are not normal")
            if not np.isfinite(link.design[link.group >= 0]).all():
                raise NoInformation(self.hierarchy.members[name].why_no_design)
            passed, raw = through(found, lower, link)
            if link.added:
                inside = membership(link.group, np.ones(link.group.size), direct.shape[-1])
                given = self._given_others[link.name]
                direct = direct - (given.reshape(-1, given.shape[-1]) @ inside).reshape(
                    direct.shape
                )
                direct = np.where(direct > 1e-9 * passed, direct, 0.0)
                noise = found["design_squared"].sum() / found["information"].sum("group")
            else:
                noise = row_variance(lower)
            direct = direct + passed
            found = found.assign(
                information=((*SAMPLE, "group"), direct), raw=("group", raw), row_variance=noise
            ).assign_attrs(through=link.name)
        return found

    def _with_shared_rows(self, found: xr.Dataset, name: str) -> xr.Dataset:
        """Add the rows of effects that share them, or the reason why there are none."""
        said = self.hierarchy.why_no_rows[name]
        found = found.assign_attrs(why_no_information=said)
        try:
            shared = dense_rows(self.model, self.hierarchy, name, self.draws, rows=self.rows)
            return found.merge(shared)
        except NoRows as why:
            return found.assign_attrs(why_no_rows=f"{said}; and {why}")


def _prior_sd(model: pm.Model, location: Any) -> float | None:
    """Return the sd of the prior of a location that is a parameter: infinite for a flat one."""
    if location.ndim or location not in model.free_RVs:
        return None
    family = str(location.owner.op._print_name[0])
    if family == "Flat":
        return float("inf")
    values = parameters_of(location)
    return values["sigma"] if family == "Normal" and values is not None else None


def level_datasets(
    model: pm.Model, hierarchy: Hierarchy, draws: xr.Dataset, *, rows: bool = True
) -> dict[str, xr.Dataset]:
    """Evaluate every level on draws; see :func:`level_dataset`.

    With ``rows`` also what predictions are uncertain by, where there is no closed form for it: see
    :func:`poolwise.workflow.outcomes.parts.with_parts`.
    """
    found, levels = {}, _Levels(plain_model(model), hierarchy, draws, rows)
    for name in hierarchy.levels:
        level = levels.of(name)
        found[name] = with_parts(level, model, hierarchy, name, draws) if rows else level
    return found


def _by_group(model: pm.Model, level: GroupLevel, draws: xr.Dataset) -> xr.Dataset:
    """Evaluate effect, location and scale; what is the same for every group has no such axis."""
    parts = {"effect": level.effect, "location": level.location, "scale": level.scale}
    sizes, groups = (draws.sizes["chain"], draws.sizes["draw"]), len(level.labels)
    chunks: dict[str, list[np.ndarray]] = {name: [] for name in parts}
    for chunk, values in evaluate_on(model, list(parts.values()), draws, width=groups):
        for (name, expression), value in zip(parts.items(), values, strict=True):
            per_draw = value if value.ndim > expression.ndim else value[None]
            per_draw = per_draw.reshape(per_draw.shape[0], -1)
            size = chunk.stop - chunk.start
            chunks[name].append(np.broadcast_to(per_draw, (size, per_draw.shape[1])))
    found: dict[str, tuple[tuple[str, ...], np.ndarray]] = {}
    for name, pieces in chunks.items():
        whole = np.concatenate(pieces)
        if name == "effect" or (whole.shape[1] == groups and not _same_across(whole)):
            found[name] = ((*SAMPLE, "group"), whole.reshape(*sizes, groups))
        else:
            found[name] = (SAMPLE, whole[:, 0].reshape(sizes))
    coords = {d: draws[d].values for d in SAMPLE}
    return xr.Dataset(found, coords={**coords, "group": list(level.labels)})


def _same_across(values: np.ndarray) -> bool:
    """Whether every draw has one value for all groups, but for rounding."""
    reach = np.ptp(values, axis=1).max()
    return bool(reach <= 1e-9 * max(float(np.abs(values).max()), 1e-300))


def _mean_and_sd(model: pm.Model, level: GroupLevel, rows: Membership) -> tuple[Any, Any]:
    """Return the mean and the standard deviation of a normal outcome; declared noise counts."""
    import pytensor.tensor as pt

    mean, sd = mean_and_sd(model[rows.enters])
    noise = level.declared.noise if level.declared is not None else None
    if noise is not None:
        sd = model[noise] if isinstance(noise, str) else pt.constant(float(noise))
    return mean, sd


def _mean_and_sd_on(
    model: pm.Model, mean: Any, sd: Any, draws: xr.Dataset, shape: tuple[int, ...]
) -> Iterator[Rows]:
    """Yield slices of the draws with the mean and standard deviation of every row."""
    for chunk, (means, sds) in evaluate_on(model, [mean, sd], draws, width=int(np.prod(shape))):
        size = chunk.stop - chunk.start
        yield (
            chunk,
            by_draw(means, mean.ndim, size, shape),
            by_draw(sds, sd.ndim, size, shape),
        )
