"""Parameters and data from a model, one simulation at a time, each with a seed of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ...checks.hierarchy import plain_model
from ...checks.hierarchy.cheap import uncompiled
from ..errors import one_line

if TYPE_CHECKING:
    import pymc as pm

Values = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Simulated:
    """One simulated data set and what it was simulated from.

    Attributes
    ----------
    truth : dict of str to ndarray
        Every free variable and deterministic of the simulating model.
    data : dict of str to ndarray
        Every outcome.
    lost : str
        Why these data cannot be fitted; empty where they can.
    constant : bool
        Whether an outcome has the same value in every row.
    """

    truth: Values = field(default_factory=dict)
    data: Values = field(default_factory=dict)
    lost: str = ""
    constant: bool = False


class Simulator:
    """Simulates from a model; the graph is made ready once.

    Does what ``pymc.sample_prior_predictive`` does, but a draw at a time: a draw that overflows
    costs no other, and the first simulations are the same however many are asked for.

    Parameters
    ----------
    model : pymc.Model
    """

    def __init__(self, model: pm.Model) -> None:
        self._model = plain_model(model)
        self._prior: Callable[..., Any] | None = None
        self._given: Callable[..., Any] | None = None

    def from_prior(self, seed: int) -> Simulated:
        """Draw parameters from the prior, and data given these."""
        model = self._model
        outputs = [*model.free_RVs, *model.deterministics, *model.observed_RVs]
        if self._prior is None:
            self._prior = _ready([], outputs)
        return self._simulated(self._prior, [], outputs, seed, {})

    def given(self, truth: Values, seed: int) -> Simulated:
        """Draw data given parameters: ``truth`` holds every free variable."""
        model = self._model
        if self._given is None:
            self._given = _ready(model.free_RVs, model.observed_RVs)
        inputs = [np.asarray(truth[str(rv.name)]).astype(rv.dtype) for rv in model.free_RVs]
        return self._simulated(self._given, inputs, model.observed_RVs, seed, truth)

    def _simulated(
        self,
        draw: Callable[..., Any],
        inputs: Sequence[np.ndarray],
        outputs: Sequence[Any],
        seed: int,
        known: Values,
    ) -> Simulated:
        from pymc.pytensorf import find_rng_nodes, reseed_rngs

        reseed_rngs(find_rng_nodes(outputs), seed)
        try:
            with np.errstate(all="ignore"):
                values = draw(*inputs)
        except (ValueError, FloatingPointError, OverflowError, np.linalg.LinAlgError) as error:
            return Simulated(dict(known), lost=f"simulating stopped: {one_line(error, 80)}")
        found = {str(v.name): np.asarray(x) for v, x in zip(outputs, values, strict=True)}
        outcomes = {str(rv.name) for rv in self._model.observed_RVs}
        data = {name: value for name, value in found.items() if name in outcomes}
        truth = {**known, **{n: v for n, v in found.items() if n not in outcomes}}
        return Simulated(truth, data, _why_lost(truth, data), _is_constant(data))


def _ready(inputs: Sequence[Any], outputs: Sequence[Any]) -> Callable[..., Any]:
    from pymc.pytensorf import compile as compile_pymc

    with uncompiled():
        ready: Callable[..., Any] = compile_pymc(
            list(inputs), list(outputs), mode="FAST_COMPILE", on_unused_input="ignore"
        )
    return ready


def _why_lost(truth: Values, data: Values) -> str:
    for what, values in (("data", data), ("parameters", truth)):
        for name, value in values.items():
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                return f"{what} ({name}) that are not finite"
    return ""


def _is_constant(data: Values) -> bool:
    return any(v.size > 1 and np.ptp(v.astype(float)) == 0 for v in data.values())
