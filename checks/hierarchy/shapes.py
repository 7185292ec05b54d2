"""What the design matrix of a vector looks like: running sums, mixed effects, plain predictors."""

from __future__ import annotations

import numpy as np

from ..draws import Array
from .predictor import Predictor
from .variables import Variable


def is_cumulative(design: Array) -> bool:
    """Whether every row adds up the first elements of the vector, as a random walk does."""
    size = float(np.abs(design).max(initial=0))
    if size == 0 or design.shape[1] < 3:
        return False
    steps = design / size
    ones = np.isclose(steps, 1)
    if not (ones | np.isclose(steps, 0)).all():
        return False
    lengths = ones.sum(1)
    first = np.arange(design.shape[1]) < lengths[:, None]
    return bool((ones == first).all() and np.unique(lengths).size > 2)


def is_disguised(design: Array) -> bool:
    """Whether there are about as many different rows as columns.

    Rows of groups look like that when the effects of the groups are combinations of fewer numbers.
    Measured predictors differ from row to row.
    """
    different = np.unique(np.round(design, 9), axis=0)
    return bool(len(different) <= design.shape[1] + 2)


def uses_matrix(predictor: Predictor, variable: Variable) -> bool:
    """Whether a variable reaches a predictor through a product with a matrix, not by an index."""
    from pytensor.graph.traversal import ancestors

    rv = variable.rv
    for node in {v.owner for v in ancestors([predictor.probe.mean]) if v.owner is not None}:
        name = f"{type(node.op).__name__} {node.op}"
        if ("Dot" in name or "MatMul" in name) and rv in set(ancestors(node.inputs)):
            return True
    return False
