"""Moving variables and watching the linear predictor of an outcome."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import special

from ..draws import Array
from .response import Response, Values, base_point, step_of
from .variables import Variable

Link = Callable[[Array], Array]

LINKS: dict[str, Link] = {
    "identity": lambda mean: mean,
    "log": lambda mean: np.asarray(np.log(mean)),
    "logit": lambda mean: np.asarray(np.log(mean) - np.log1p(-mean)),
    "probit": lambda mean: np.asarray(special.ndtri(mean)),
    "cloglog": lambda mean: np.asarray(np.log(-np.log1p(-mean))),
}


class Probe:
    """The linear predictor of an outcome, at two points that share nothing but the data.

    Parameters
    ----------
    response : Response
    mean : TensorVariable
        The mean of the outcome, or what an inverse link is applied to.
    outcome : Variable
    points : tuple of mapping
        Two values for every random variable of the model.
    """

    def __init__(
        self, response: Response, mean: Any, outcome: Variable, points: tuple[Values, Values]
    ) -> None:
        self.response = response
        self.mean = mean
        self.outcome = outcome
        self.points = points
        self.link = LINKS["identity"]
        self._means: dict[tuple[str, int, int], Array] = {}

    def through(self, link: Link) -> Probe:
        """Return the same probe behind a link; what was evaluated is shared."""
        other = Probe(self.response, self.mean, self.outcome, self.points)
        other.link, other._means = link, self._means
        return other

    def at(self, moved: Values, point: int = 0) -> Array:
        """Return the predictor of every row with some variables moved."""
        if not moved:
            return self._linked(self._stepped(None, 0, point))
        return self._linked(self._mean(moved, point))

    def by(self, variable: Variable, step: Array, point: int = 0) -> Array:
        """Return the change of the predictor per unit of a step of a variable."""
        base = np.asarray(self.points[point][variable.name], dtype=float)
        size = 0.5 * step_of(variable) / max(float(np.abs(step).max()), 1e-300)
        moved = self.at({variable.name: base + size * step}, point)
        return np.asarray((moved - self.at({}, point)) / size)

    def responds_to(self, variable: Variable) -> bool:
        """Whether moving a variable changes the mean at all (and not only its shape)."""
        return not np.allclose(
            self._stepped(None, 0, 0), self._stepped(variable, 1, 0), rtol=1e-9, atol=0
        )

    def is_linear_in(self, variable: Variable) -> bool:
        """Whether twice the step gives twice the change."""
        none, once, twice = (self._linked(self._stepped(variable, k, 0)) for k in (0, 1, 2))
        change = np.abs(once - none).max(initial=0)
        bend = np.abs(twice - 2 * once + none).max(initial=0)
        return bool(np.isfinite(change) and change > 1e-9 and bend < 1e-6 * change)

    def prepare(self, variables: Sequence[Variable]) -> None:
        """Evaluate side by side what :meth:`responds_to` and its like will ask for."""
        single = [v for v in variables if v.size == 1]
        steps = {0: [(v.name, k) for v in variables for k in (1, 2)]}
        steps[1] = [(v.name, 1) for v in single]
        for point, asked in steps.items():
            keys = [(name, k, point) for name, k in [("", 0), *asked]]
            keys = [key for key in keys if key not in self._means]
            moves = [self._moved(*key) for key in keys]
            values = self.response.evaluate_many(self.mean, moves, self.points[point])
            self._means |= {k: self._by_row(value) for k, value in zip(keys, values, strict=True)}

    def slope(self, variable: Variable, point: int = 0) -> Array:
        """Return what a single number is multiplied with in every row."""
        none, once = (self._linked(self._stepped(variable, k, point)) for k in (0, 1))
        return np.asarray((once - none) / float(self._step(variable).ravel()[0]))

    def _step(self, variable: Variable) -> Array:
        shape = np.shape(self.points[0][variable.name])
        return 0.2 * step_of(variable) * np.random.default_rng(5).uniform(0.5, 1.5, shape)

    def _stepped(self, variable: Variable | None, steps: int, point: int) -> Array:
        """Return the mean after some standard steps of a variable; evaluated once."""
        key = (variable.name if variable is not None and steps else "", steps, point)
        if key not in self._means:
            self._means[key] = self._mean(self._moved(*key), point)
        return self._means[key]

    def _moved(self, name: str, steps: int, point: int) -> dict[str, Any]:
        if not name:
            return {}
        base = np.asarray(self.points[point][name], dtype=float)
        return {name: base + steps * self._step(self.response.variables[name])}

    def _mean(self, moved: Values, point: int) -> Array:
        return self._by_row(self.response.evaluate(self.mean, {**self.points[point], **moved}))

    def _by_row(self, value: Array) -> Array:
        shape = self.outcome.shape
        try:
            return np.broadcast_to(value, shape).ravel()
        except ValueError:  # several numbers for every row
            return value.ravel()

    def _linked(self, mean: Array) -> Array:
        with np.errstate(all="ignore"):
            return self.link(mean)


def finite_probe(response: Response, mean: Any, outcome: Variable) -> Probe | None:
    """Choose two points at which the mean is finite: nearer to zero where predictors are large."""
    variables = response.variables
    for size in (0.3, 1e-2, 1e-4):
        points = (
            base_point(variables, seed=7, size=size),
            base_point(variables, seed=8, size=size),
        )
        probe = Probe(response, mean, outcome, points)
        if all(np.isfinite(probe.at({}, point)).all() for point in (0, 1)):
            return probe
    return None
