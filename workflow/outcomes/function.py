"""An outcome as a function of the linear predictor that the effects of a level enter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ...checks.draws import Array
from ...checks.hierarchy import Hierarchy, Membership
from ...checks.hierarchy.distributions import distribution
from .fresh_groups import drawn_again
from .moments import Moments, moments_of
from .new_groups import NotKnown
from .on_draws import OnDraws, OneByOne, replaced

if TYPE_CHECKING:
    import pymc as pm


class OutcomeFunction:
    """The outcome that a level enters, as a function of the linear predictor."""

    def __init__(self, model: pm.Model, hierarchy: Hierarchy, name: str) -> None:
        member, self.group = _rows_of(hierarchy, name)
        self.model, self.name = model, member.enters
        rv = next((v for v in model.observed_RVs if v.name == self.name), None)
        if rv is None:
            raise NotKnown(f"{self.name} is a potential, from which no data can be predicted")
        if member.predictor is None:
            raise NotKnown(member.why_no_design or f"the predictor of {self.name} is not known")
        moments = moments_of(rv)
        self.predictor: Any = member.predictor
        #: None for families whose moments are not known: what is predicted is then simulated.
        self.moments = None if moments is None else _with_noise(model, hierarchy, name, moments)
        self.rows = self.group.size
        used = self.group >= 0
        sizes = np.bincount(self.group[used], minlength=1)
        weights = np.where(used, 1 / np.maximum(sizes[np.maximum(self.group, 0)], 1), 0.0)
        self.weights: Array = weights / weights.sum()
        #: Averages rows within groups that have some.
        self.by_group: Any = _averages(self.group)
        self.counts = 0
        self._linear: bool | None = None
        self._exponential = False
        self._functions: dict[int, Any] = {}

        import pytensor.tensor as pt

        self.eta = pt.tensor("eta", dtype=self.predictor.dtype, shape=(None,) * self.predictor.ndim)
        outputs = []
        if self.moments is not None:
            outputs = [self.moments.mean, self.moments.variance]
            if self.moments.probabilities is not None:
                outputs.append(self.moments.probabilities)
                self.counts = 2
        self.outputs = replaced(outputs, [(self.predictor, self.eta)])
        (self._data,) = replaced([distribution(rv)], [(self.predictor, self.eta)])

    def drawn(self, draws: xr.Dataset, seed: int) -> Any:
        """Return data simulated at a predictor, as a function of numbers of draws and of it."""
        import pytensor.tensor as pt

        zero = pt.scalar("zero", dtype="float64")
        rv = distribution(self.model[self.name])
        inputs, swap = [self.eta, zero], [(self.predictor, self.eta)]
        outputs = replaced([drawn_again(rv, zero, "data")], swap)
        try:
            on: OnDraws | OneByOne = OnDraws(
                self.model, outputs, draws, batched=inputs, random_seed=seed
            )
        except NotImplementedError:  # distributions that know no batches, as mixtures
            on = OneByOne(self.model, outputs, draws, inputs, seed)
        return lambda at, eta: on(at, batched=[eta, np.zeros(len(at))])[0].reshape(len(at), -1)

    def refuse_elsewhere(self, entries: Sequence[Any]) -> None:
        """Refuse effects that enter the outcome otherwise than through its predictor."""
        from pytensor.graph.traversal import ancestors

        above = set(ancestors(self.outputs or [self._data]))
        also = [str(rv.name) for rv in entries if rv in above]
        if also:
            raise NotKnown(f"{', '.join(also)} enters {self.name} not only through its mean")

    def function(self, draws: xr.Dataset) -> Any:
        """Return moments as a function of numbers of draws and of the predictor."""
        if id(draws) not in self._functions:
            self._functions[id(draws)] = (
                OnDraws(self.model, self.outputs, draws, batched=[self.eta]),
                draws,
            )
        on = self._functions[id(draws)][0]

        def moments(at: np.ndarray, eta: Array) -> tuple[Array, Array, Array | None]:
            mean, variance, *p = on(at, batched=[eta])
            size = len(at)
            probabilities = p[0].reshape(size, -1, p[0].shape[-1]) if p else None
            return mean.reshape(size, -1), variance.reshape(size, -1), probabilities

        return moments

    def is_linear(self, draws: xr.Dataset) -> bool:
        """Whether the mean is linear in the predictor, and the variance does not depend on it."""
        if self.moments is None:
            return False
        if self._linear is None:
            few = draws.isel(draw=slice(0, 3), chain=slice(0, 1))
            at = np.arange(few.sizes["draw"])
            # Around zero: where a curve has become flat it cannot be told from a line.
            eta = np.zeros_like(OnDraws(self.model, [self.predictor], few)(at)[0])
            function = self.function(few)
            (m0, v0, _), (m1, v1, _), (m2, v2, _) = (
                function(at, eta + step) for step in (0.0, 1.0, -2.0)
            )
            self._linear = bool(
                np.allclose(m2 - m0, -2 * (m1 - m0), rtol=1e-9, atol=1e-12)
                and np.allclose(v0, v1, rtol=1e-12)
                and np.allclose(v0, v2, rtol=1e-12)
            )
            with np.errstate(all="ignore"):
                self._exponential = not self._linear and bool(
                    np.allclose((m1 - m0) * (1 - np.exp(-2)), (m0 - m2) * np.expm1(1), rtol=1e-9)
                )
        return self._linear

    def grows_exponentially(self, draws: xr.Dataset) -> bool:
        """Whether the mean is an exponential function of the predictor."""
        self.is_linear(draws)
        return self._exponential


def _averages(group: np.ndarray) -> Any:
    """Return a sparse matrix of shape (rows, groups with rows) that averages rows within groups."""
    from scipy import sparse

    used = np.flatnonzero(group >= 0)
    _, place, sizes = np.unique(group[used], return_inverse=True, return_counts=True)
    return sparse.csr_matrix((1 / sizes[place], (used, place)), shape=(group.size, sizes.size))


def _rows_of(hierarchy: Hierarchy, name: str) -> tuple[Membership, np.ndarray]:
    """Return the membership in an outcome that a level leads to, and the group of every row."""
    if name not in hierarchy.members:
        raise NotKnown(hierarchy.why_no_rows.get(name, f"the rows of {name} are not known"))
    member = hierarchy.members[name]
    group = np.asarray(member.group)
    while member.enters in hierarchy.levels:
        below = member.enters
        if below not in hierarchy.members:
            raise NotKnown(hierarchy.why_no_rows.get(below, f"the rows of {below} are not known"))
        member = hierarchy.members[below]
        inner = np.asarray(member.group)
        group = np.where(inner >= 0, group[np.maximum(inner, 0)], -1)
    return member, group


def _with_noise(model: pm.Model, hierarchy: Hierarchy, name: str, moments: Moments) -> Moments:
    """Use the noise that a level declares."""
    declared = hierarchy.levels[name].declared
    noise = declared.noise if declared is not None else None
    if noise is None:
        return moments
    import pytensor.tensor as pt

    sd = model[noise] if isinstance(noise, str) else pt.constant(float(noise))
    return Moments(moments.mean, sd**2 + pt.zeros_like(moments.mean), moments.probabilities)
