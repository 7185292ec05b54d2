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


def terms_in_one(design: Array) -> int:
    """Return how many elements every row takes, where they are one each of as many groupings.

    A vector that holds the effects of several terms one after the other enters like that: every row
    takes one intercept and one slope. It is 0 for other designs, as of measured predictors.
    """
    taken = np.abs(design) > 1e-9 * np.abs(design).max(initial=0)
    if not taken.size:
        return 0
    terms = int(taken[0].sum())
    if not 1 < terms < design.shape[1] or (taken.sum(1) != terms).any():
        return 0
    together = taken.T.astype(int) @ taken > 0
    groupings: list[list[int]] = []
    for column in range(design.shape[1]):
        apart = (g for g in groupings if not together[column, g].any())
        into = next(apart, None)
        if into is None:
            groupings.append([column])
        else:
            into.append(column)
    return terms if len(groupings) == terms else 0


def uses_matrix(predictor: Predictor, variable: Variable) -> bool:
    """Whether a variable reaches a predictor through a product with a matrix, not by an index."""
    from pytensor.graph.traversal import ancestors

    rv = variable.rv
    for node in {v.owner for v in ancestors([predictor.probe.mean]) if v.owner is not None}:
        name = f"{type(node.op).__name__} {node.op}"
        if ("Dot" in name or "MatMul" in name) and rv in set(ancestors(node.inputs)):
            return True
    return False
