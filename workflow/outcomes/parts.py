"""What makes a prediction uncertain: its variance by part, for every target of every level."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
import xarray as xr

from ...checks.decomposition import LOCATION, OBSERVED, SPREAD, TARGETS
from ...checks.draws import Array
from ...checks.hierarchy import Hierarchy, plain_model
from ...checks.hierarchy.rows import in_one_line
from ...checks.hierarchy.spread import NORMAL
from ...checks.splitting import Split, split
from .fresh_groups import Fresh
from .function import OutcomeFunction
from .new_group_draws import predictions
from .new_groups import (
    InNewGroups,
    NewGroups,
    NotKnown,
    Standardised,
    all_normal,
    kinds_of_new_group,
    links_in,
)
from .on_draws import OnDraws
from .pairs import Predictors, in_pairs, partners
from .targets import Target, of_pairs, of_split, stored
from .unbounded import no_mean_of_exponentials

if TYPE_CHECKING:
    import pymc as pm

#: Rows times draws times nodes that one target may take; fewer draws are used where it is less.
WORK = 30_000_000
#: Draws that are used at least.
FEWEST = 200
#: Rows times draws that are held at once.
MOST_NUMBERS = 10_000_000


def with_parts(
    level: xr.Dataset, model: pm.Model, hierarchy: Hierarchy, name: str, draws: xr.Dataset
) -> xr.Dataset:
    """Add to a level what :func:`outcome_parts` computes, where there is no closed form for it.

    The closed form holds for normal effects of one level with groups of its own in the mean of a
    normal outcome. Where nothing can be computed, ``attrs["why_no_outcome"]`` says why.
    """
    related = any(
        r.kind in ("nested", "same") and name in (r.one, r.other) for r in hierarchy.relations
    )
    outcome = str(level.attrs.get("outcome", ""))
    normal = any(o.name == outcome and o.family == "Normal" for o in hierarchy.outcomes)
    is_normal = normal and hierarchy.levels[name].family in NORMAL
    if "noise_variance" in level and is_normal and not related:
        return level
    try:
        parts = outcome_parts(model, hierarchy, name, draws)
    except Exception as error:
        return level.assign_attrs(why_no_outcome=f"it cannot be evaluated ({in_one_line(error)})")
    return level.merge(parts).assign_attrs(parts.attrs)


def outcome_parts(
    model: pm.Model, hierarchy: Hierarchy, name: str, draws: xr.Dataset
) -> xr.Dataset:
    """Split the variance of every target of one level, on the scale of the outcome.

    Parameters
    ----------
    model : pymc.Model
    hierarchy : Hierarchy
    name : str
        Of the level.
    draws : xarray.Dataset
        Every free variable, dims ``chain`` and ``draw`` first.

    Returns
    -------
    xarray.Dataset
        ``variance_parts`` (target, part, chain, used_draw), ``mean_of_target`` (target, chain,
        used_draw), the average over rows of what is predicted, and for categories
        ``entropy_parts`` in nats. A mean over draws is the part. Targets whose variance does not
        exist have the reason in ``why_no_variance`` (target); ``squared_range`` (target) stands for
        the variance over the parameters there: the interquartile range over 1.349, squared.
        ``new_group_draws`` (predicted, chain, predicted_draw) are draws of effects, means and
        observations in groups without data; ``split_group`` (outcome_row) is the group of every
        row. For outcomes that cannot be split, the targets that are effects are there, and
        ``attrs["why_no_outcome"]``.
    """
    model = plain_model(model)
    return _Level(model, hierarchy, name, draws).dataset()


class _Level:
    """One level of a model, on draws."""

    def __init__(self, model: pm.Model, hierarchy: Hierarchy, name: str, draws: xr.Dataset) -> None:
        self.model, self.hierarchy, self.name = model, hierarchy, name
        self.level = hierarchy.levels[name]
        self.whole = draws
        self.draws = draws

    def dataset(self) -> xr.Dataset:
        """Return everything that is stored."""
        why, outcome = "", None
        try:
            outcome = OutcomeFunction(self.model, self.hierarchy, self.name)
        except NotKnown as reason:
            why = str(reason)
        self._thin(outcome)
        found: list[Target] = []
        try:
            found += self._effects()
        except NotKnown as reason:
            why = why or str(reason)
        if outcome is not None:
            try:
                found += self._observations(outcome)
            except NotKnown as reason:
                why = str(reason)
        data = stored(found, self._shape)
        if outcome is not None:
            same = int(outcome.is_linear(self.draws))
            data.attrs |= {"split_of": outcome.name, "same_scale": same}
            data["split_group"] = ("outcome_row", outcome.group)
            data["link_deviations"] = self._on_the_link(outcome)
            try:
                data = data.merge(predictions(outcome, self.hierarchy, self.name, self.whole))
            except NotKnown as reason:
                why = why or str(reason)
        if why:
            data.attrs["why_no_outcome"] = why
        return data

    def _thin(self, outcome: OutcomeFunction | None) -> None:
        """Use as many draws as the work allows."""
        chains, each = self.whole.sizes["chain"], self.whole.sizes["draw"]
        most = 4_000
        if outcome is not None:
            if not outcome.is_linear(self.whole):
                nodes = 40 * max(1, outcome.counts)
                most = max(FEWEST, WORK // (nodes * outcome.rows))
            most = min(most, MOST_NUMBERS // outcome.rows)
        keep = max(2, min(each, most // chains))
        places = np.linspace(0, each - 1, keep).astype(int)
        self.draws = self.whole.isel(draw=places)

    @property
    def at(self) -> np.ndarray:
        """Numbers of all draws in use."""
        return np.arange(np.prod(self._shape))

    @property
    def _shape(self) -> tuple[int, int]:
        return self.draws.sizes["chain"], self.draws.sizes["draw"]

    def _effects(self) -> Iterator[Target]:
        effect = self.level.effect
        groups = len(self.level.labels)
        weights = np.full(groups, 1 / groups)
        same = OnDraws(self.model, [effect], self.draws)
        yield self._target(
            TARGETS[0], NewGroups(), lambda at, eta: (eta, None, None), weights,
            same(self.at)[0].reshape(len(self.at), -1), [],
        )  # fmt: skip
        before: set[str] = set()
        for kind, new in kinds_of_new_group(self.hierarchy, self.name):
            part = links_in(self.hierarchy, self.name, new, effect)
            if before and set(part.levels) == before:
                continue  # the effect is measured from its parent, so a new parent changes nothing
            before = set(part.levels)
            yield self._predicted(f"effect of {kind}", part, effect, None, weights)

    def _observations(self, outcome: OutcomeFunction) -> Iterator[Target]:
        on = OnDraws(self.model, [outcome.predictor], self.draws)
        eta = on(self.at)[0]
        weights = outcome.weights
        if outcome.moments is None:
            yield self._replicated(TARGETS[1], NewGroups(), outcome, lambda: [eta])
        else:
            function = outcome.function(self.draws)
            yield self._target(TARGETS[1], NewGroups(), function, weights, eta, [])
        for kind, new in kinds_of_new_group(self.hierarchy, self.name):
            yield self._predicted(
                f"new observation in {kind}", new, outcome.predictor, outcome, weights
            )

    def _on_the_link(self, outcome: OutcomeFunction) -> xr.DataArray:
        """Return squared deviations of the linear predictor: of observed groups, and of new ones.

        Averaged over the rows of a group before they are squared, so that covariates are those of
        the average row.
        """
        of = outcome.predictor
        _, new = kinds_of_new_group(self.hierarchy, self.name)[-1]
        values = [OnDraws(self.model, [of], self.draws)(self.at)[0]]
        there = self._in(new, of)
        if there.is_normal():
            values.append(Standardised(there).centre_and_spreads(self.at)[0])
        found = np.full((2, *self._shape), np.nan)
        for i, eta in enumerate(values):
            if eta[0].size != outcome.rows:
                continue
            by_group = eta.reshape(len(eta), -1) @ outcome.by_group
            squared = (by_group - by_group.mean(0)) ** 2
            found[i] = squared.mean(1).reshape(self._shape)
        dims = ("link_of", "chain", "used_draw")
        return xr.DataArray(found, dims=dims, coords={"link_of": ["observed", "new"]})

    def _predicted(
        self,
        name: str,
        new: NewGroups,
        expression: Any,
        outcome: OutcomeFunction | None,
        weights: Array,
    ) -> Target:
        there = self._in(new, expression)
        entries = there.entries()
        function: Any
        if outcome is None:
            function = lambda at, eta: (eta, None, None)  # noqa: E731
        else:
            outcome.refuse_elsewhere(entries)
            if outcome.moments is None:
                return self._replicated(name, new, outcome, partners(there, self._seed(name)))
            function = outcome.function(self.draws)
        linear = outcome is None or outcome.is_linear(self.draws)
        if not all_normal(entries):
            return self._simulated(name, there, function, weights)
        centre, spreads = Standardised(there).centre_and_spreads(self.at)
        found = self._target(name, new, function, weights, centre, spreads, linear=linear)
        if outcome is not None and outcome.grows_exponentially(self.draws):
            scales = [self.hierarchy.levels[n].scale for n in new.levels]
            found.why = no_mean_of_exponentials(self.model, scales)
        return found

    def _target(
        self,
        name: str,
        new: NewGroups,
        function: Any,
        weights: Array,
        centre: Array,
        spreads: Sequence[Array],
        *,
        linear: bool = False,
    ) -> Target:
        if linear and spreads:
            found = _linear(function, self.at, centre, spreads, weights)
        else:
            found = split(_with_zeros(function), centre, spreads, weights)
        return of_split(name, found, self._middle(new), self._names(new), weights)

    def _middle(self, new: NewGroups) -> str:
        """Return the part that what varies with the parameters belongs to."""
        return LOCATION if new.links else OBSERVED

    def _names(self, new: NewGroups) -> list[str]:
        return [SPREAD if self.name in link else f"spread between {link[0]}" for link in new.links]

    def _in(self, new: NewGroups, expression: Any) -> InNewGroups:
        return InNewGroups(self.model, self.hierarchy, new, expression, self.draws)

    def _simulated(self, name: str, there: InNewGroups, function: Any, weights: Array) -> Target:
        """Use pairs of new groups that are drawn from the model."""
        fresh, new = Fresh(there, self._seed(name)), there.new
        evaluate = _with_zeros(function)

        def values() -> tuple[list[Array], Array]:
            found = [evaluate(self.at, eta) for eta in fresh.draw(self.at)]
            return [mean for mean, _, _ in found], found[0][1]

        found = in_pairs(values, weights)
        return of_pairs(name, found, self._middle(new), self._names(new), weights)

    def _replicated(
        self, name: str, new: NewGroups, outcome: OutcomeFunction, predictors: Predictors
    ) -> Target:
        """Use pairs of simulated data, where mean and variance are not known."""
        draw = outcome.drawn(self.draws, self._seed(f"{name}/data"))

        def values() -> tuple[list[Array], None]:
            etas = predictors()
            return [draw(self.at, eta) for eta in (etas[0], *etas)], None

        found = in_pairs(values, outcome.weights)
        return of_pairs(name, found, self._middle(new), self._names(new), outcome.weights)

    def _seed(self, what: str) -> int:
        return crc32(f"{self.name}/{what}".encode())


def _with_zeros(function: Any) -> Any:
    """Return moments in which a variance that is not there is zero."""

    def moments(at: np.ndarray, eta: Array) -> tuple[Array, Array, Array | None]:
        mean, variance, p = function(at, eta)
        mean = np.asarray(mean).reshape(len(at), -1)
        return mean, np.zeros_like(mean) if variance is None else variance, p

    return moments


def _linear(
    function: Any, at: np.ndarray, centre: Array, spreads: Sequence[Array], weights: Array
) -> Split:
    """Split where the mean is linear in the predictor: nothing has to be integrated."""
    evaluate = _with_zeros(function)
    mean, variance, _ = evaluate(at, centre)
    squares = [((evaluate(at, centre + s)[0] - mean) ** 2) @ weights for s in spreads]
    return Split(variance @ weights, squares, mean)
