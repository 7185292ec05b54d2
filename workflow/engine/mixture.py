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


def log_density(numbers: Array, v: float) -> tuple[float, float]:
    """Return the formula of :mod:`.densities` and its derivative at one value."""
    if v < numbers[10] or v > numbers[11]:
        return -np.inf, 0.0
    scale = numbers[8]
    x = (v - numbers[7]) / scale
    size = abs(x)
    sign = 1.0 if x >= 0 else -1.0
    bent = 1.0 + x * x / numbers[9]
    value = numbers[0] + numbers[3] * size + numbers[4] * x * x + numbers[5] * math.log(bent)
    slope = numbers[3] * sign + 2 * numbers[4] * x + numbers[5] * 2 * x / numbers[9] / bent
    if numbers[1] != 0.0 or numbers[2] != 0.0:
        log = math.log(size)
        value += numbers[1] * log + numbers[2] * log * log
        slope += (numbers[1] + 2 * numbers[2] * log) / x
    if numbers[6] != 0.0:
        value += numbers[6] / x
        slope -= numbers[6] / (x * x)
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
    return mixture, 1
