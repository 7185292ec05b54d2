"""Log densities of rows, in the form whose derivatives by their parameters cost least."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .cheap import value_of
from .distributions import distribution, family_of, is_random

#: Expected information about the location per row, for families that are not log-concave in it:
#: from their parameters.
_EXPECTED: dict[str, tuple[int, Callable[..., Any]]] = {
    "StudentT": (1, lambda nu, mu, sigma: (nu + 1) / ((nu + 3) * sigma**2)),
    "Laplace": (0, lambda mu, b: 1 / b**2),
    "Cauchy": (0, lambda alpha, beta: 1 / (2 * beta**2)),
}


def _poisson(y: Any, rate: Any) -> Any:
    import pytensor.tensor as pt

    return y * pt.log(rate) - rate


def _binomial(y: Any, trials: Any, p: Any) -> Any:
    import pytensor.tensor as pt

    # Spelled log(1 - p), which PyTensor knows to be stable for p = sigmoid(x).
    return y * pt.log(p) + (trials - y) * pt.log(1 - p)


def _negative_binomial(y: Any, successes: Any, p: Any) -> Any:
    import pytensor.tensor as pt

    return successes * pt.log(p) + y * pt.log(1 - p)


#: Log densities of counts less the terms that the given parameter does not enter. PyMC's guards of
#: such terms cost ten times as much to differentiate as what depends on the parameter.
_KERNELS: dict[str, tuple[int, Callable[..., Any]]] = {
    "Poisson": (0, _poisson),
    "Binomial": (1, _binomial),
    "NegativeBinomial": (1, _negative_binomial),
}


def densities(end: Any, values: Any, entry: Any) -> tuple[Any, Any]:
    """Return a log density but for constants, and what has its curvature, observed or expected.

    Parameters
    ----------
    end : TensorVariable
        An outcome, or a potential.
    values : TensorVariable or None
        Data of the outcome; None for a potential.
    entry : TensorVariable
        What is moved: terms that it does not enter are constants.

    Returns
    -------
    TensorVariable, TensorVariable
        Scalars, summed over rows; the same one where the curvature is the observed one.
    """
    import pymc as pm
    import pytensor.tensor as pt
    from pytensor.gradient import disconnected_grad

    if values is None:
        return end.sum(), end.sum()
    end = _with_constants(end)
    if (parameters := _moved_alone(end, entry, _KERNELS)) is not None:
        _, kernel = _KERNELS[family_of(end)]
        density = kernel(pt.as_tensor(values).astype("float64"), *parameters).sum()
        return density, density
    density = pm.logp(end, values).sum()
    if (parameters := _moved_alone(end, entry, _EXPECTED)) is None:
        return density, density
    place, formula = _EXPECTED[family_of(end)]
    mean, precision = parameters[place], formula(*parameters)
    rows = pt.zeros_like(values, dtype="float64")
    squared = disconnected_grad(precision) * (mean - disconnected_grad(mean)) ** 2
    return density, -0.5 * (squared + rows).sum()


def _moved_alone(
    outcome: Any, entry: Any, known: dict[str, tuple[int, Callable[..., Any]]]
) -> list[Any] | None:
    """Return the parameters of a known family of which just the given one is moved, else None."""
    from pytensor.graph.traversal import ancestors

    family, base = family_of(outcome), distribution(outcome)
    if family not in known or base is not outcome:
        return None
    parameters = list(base.owner.op.dist_params(base.owner))
    moved = [k for k, p in enumerate(parameters) if entry in set(ancestors([p]))]
    return parameters if moved == [known[family][0]] else None


def _with_constants(outcome: Any) -> Any:
    """Return an outcome whose fixed parameters are plain constants.

    A bound that is infinite is then known to be, and not differentiated.
    """
    import pytensor.tensor as pt
    from pytensor.graph.basic import Constant
    from pytensor.graph.traversal import graph_inputs

    node = outcome.owner
    if distribution(outcome) is not outcome:
        return outcome
    # Components of mixtures are distributions, and stay so.
    parameters = {v for v in node.op.dist_params(node) if not is_random(v)}
    inputs = [
        pt.constant(value_of(v), dtype=v.dtype)
        if v in parameters and all(isinstance(i, Constant) for i in graph_inputs([v]))
        else v
        for v in node.inputs
    ]
    copy = node.clone_with_new_inputs(inputs, strict=False).outputs[node.outputs.index(outcome)]
    copy.name = outcome.name
    return copy
