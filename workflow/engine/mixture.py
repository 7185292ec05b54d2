r"""The log density of a mixture of hyperpriors as one operation with its gradient.

Written as one loop, because a graph of a dozen broadcast inputs takes numba many times longer to
compile. With the numbers of :mod:`.densities` it returns
:math:`\log\sum_k \pi_k \exp\sum_i [\log p_k(v_i) - \log p_0(v_i)]` and its derivative by
:math:`v`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key

from ...checks.draws import Array
from .densities import ROWS

_AT = {name: i for i, name in enumerate(ROWS)}
_CONSTANT, _LOG, _LOG_SQUARED = _AT["constant"], _AT["log"], _AT["log_squared"]
_LINEAR, _SQUARED, _TAIL = _AT["linear"], _AT["squared"], _AT["tail"]
_POWER, _COMPLEMENT = _AT["power"], _AT["complement"]
_CENTRE, _SCALE, _FREEDOM = _AT["centre"], _AT["scale"], _AT["freedom"]
_BEND, _EXPONENT, _LOWER, _UPPER = _AT["bend"], _AT["exponent"], _AT["lower"], _AT["upper"]


def log_density(numbers: Array, v: float) -> tuple[float, float]:
    """Return the formula of :mod:`.densities` and its derivative at one value."""
    if v < numbers[_LOWER] or v > numbers[_UPPER]:
        return -np.inf, 0.0
    scale = numbers[_SCALE]
    x = (v - numbers[_CENTRE]) / scale
    size = abs(x)
    sign = 1.0 if x >= 0 else -1.0
    value = numbers[_CONSTANT] + numbers[_LINEAR] * size + numbers[_SQUARED] * x * x
    slope = numbers[_LINEAR] * sign + 2 * numbers[_SQUARED] * x
    if numbers[_TAIL] != 0.0:
        bend = numbers[_BEND]
        if bend == 2.0:
            grown, growth = x * x, 2 * x
        else:
            grown, growth = size**bend, sign * bend * size ** (bend - 1)
        bent = 1.0 + grown / numbers[_FREEDOM]
        value += numbers[_TAIL] * math.log(bent)
        slope += numbers[_TAIL] * growth / numbers[_FREEDOM] / bent
    if numbers[_LOG] != 0.0 or numbers[_LOG_SQUARED] != 0.0:
        log = math.log(size)
        value += numbers[_LOG] * log + numbers[_LOG_SQUARED] * log * log
        slope += (numbers[_LOG] + 2 * numbers[_LOG_SQUARED] * log) / x
    if numbers[_POWER] != 0.0:
        exponent = numbers[_EXPONENT]
        value += numbers[_POWER] * size**exponent
        slope += numbers[_POWER] * sign * exponent * size ** (exponent - 1)
    if numbers[_COMPLEMENT] != 0.0:
        value += numbers[_COMPLEMENT] * math.log(1 - x)
        slope -= numbers[_COMPLEMENT] / (1 - x)
    return value, slope / scale


def _mixture(density: Any) -> Any:
    """Return the mixture's value and gradient as a function of plain loops."""

    def mixture(
        numbers: Array, log_weights: Array, values: Array, owner: np.ndarray
    ) -> tuple[Any, Array]:
        priors, size = log_weights.shape[0], values.shape[0]
        terms = log_weights.copy()
        slopes = np.zeros((priors, size))
        for i in range(size):
            own, own_slope = density(numbers[:, owner[i], 0], values[i])
            for k in range(priors):
                there, slope = density(numbers[:, owner[i], k + 1], values[i])
                terms[k] += there - own
                slopes[k, i] = slope - own_slope
        largest = terms.max()
        gradient = np.zeros(size)
        if not np.isfinite(largest):
            return np.asarray(-np.inf), gradient
        total = 0.0
        for k in range(priors):
            total += math.exp(terms[k] - largest)
        for k in range(priors):
            share = math.exp(terms[k] - largest) / total
            for i in range(size):
                gradient[i] += share * slopes[k, i]
        return np.asarray(largest + math.log(total)), gradient

    return mixture


class PriorMixture(Op):
    """Log of a mixture of priors relative to a model's own, with its gradient.

    Inputs are the numbers of the priors, shape (rows, variables, 1 + alternatives) with the model's
    own first; the log weights of the alternatives; the values; and the variable that each value
    belongs to.
    """

    __props__ = ()

    def make_node(self, *inputs: Any) -> Apply[Any]:
        """Return the node."""
        return Apply(self, [pt.as_tensor(v) for v in inputs], [pt.dscalar(), pt.dvector()])

    def perform(self, node: Apply[Any], inputs: Any, outputs: Any) -> None:
        """Evaluate in plain Python."""
        value, gradient = _mixture(log_density)(*inputs)
        outputs[0][0], outputs[1][0] = np.asarray(value), gradient

    def pullback(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:
        """Return the derivative by the values; everything else is data."""
        none = disconnected_type()
        return [none, none, output_grads[0] * outputs[1], none]

    def connection_pattern(self, node: Apply[Any]) -> list[list[bool]]:
        """Only the values, and only the first output, are differentiable."""
        return [[False, False], [False, False], [True, False], [False, False]]


@register_funcify_default_op_cache_key(PriorMixture)  # type: ignore[untyped-decorator]
def _compiled(op: PriorMixture, node: Apply[Any], **options: Any) -> Any:
    density = numba_njit(log_density)
    mixture = numba_njit(_mixture(density))
    return mixture, 2
