"""Variances from pairs of simulated values that share what is held fixed.

With replicates y and y' that share what is conditioned on, E Var = E[y (y - y')] and
Var E = Cov(y, y'): unbiased from two replicates, without an average over many of them inside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ...checks.draws import Array
from .fresh_groups import Fresh
from .new_groups import InNewGroups, Standardised

#: Times that pairs are simulated at every draw.
REPEATS = 10

#: Predictors with new groups, and partners that share ever fewer links of the chain with the first.
Predictors = Callable[[], list[Array]]
#: A value, partners that share ever less with it, and the variance around it where that is known.
Values = Callable[[], tuple[list[Array], Array | None]]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Parts of a variance at every draw, averaged over rows.

    Attributes
    ----------
    gaps : list of ndarray of shape (draws,)
        What every step away from the first value adds, innermost first.
    between : ndarray of shape (draws,)
        What varies with the draws.
    noise : ndarray of shape (draws,) or None
        Known variance around the values.
    fitted : ndarray of shape (draws, rows)
        Average of the values.
    """

    gaps: list[Array]
    between: Array
    noise: Array | None
    fitted: Array


def in_pairs(values: Values, weights: Array, *, repeats: int = REPEATS) -> Pairs:
    """Split a variance along a chain of partners.

    Parameters
    ----------
    values : callable
        Returns values of shape (draws, rows), drawn anew at every call.
    weights : ndarray of shape (rows,)
        Of rows in averages; they sum to 1.
    repeats : int
    """
    middle = values()[0][0].mean(0)
    gaps: list[Array] = []
    noises: list[Array] = []
    between, fitted = np.zeros(()), np.zeros(())
    for _ in range(repeats):
        drawn, noise = values()
        chain = [value - middle for value in drawn]
        steps = [(chain[0] * (a - b)) @ weights / repeats for a, b in pairwise(chain)]
        gaps = [g + s for g, s in zip(gaps, steps, strict=True)] if gaps else steps
        between = between + (chain[0] * chain[-1]) @ weights / repeats
        fitted = fitted + drawn[0] / repeats
        if noise is not None:
            noises.append(noise @ weights)
    size = len(between)
    # The middle is the mean of as many draws, and adds its own variance.
    known: Array | None = np.mean(noises, axis=0) if noises else None
    return Pairs(gaps, between * size / (size + 1), known, fitted)


def partners(of: InNewGroups, seed: int) -> Predictors:
    """Return a source of an expression with new groups and its partners."""
    at = np.arange(of.draws.sizes["chain"] * of.draws.sizes["draw"])
    if not of.is_normal():
        fresh = Fresh(of, seed)
        return lambda: fresh.draw(at)
    centre, spreads = Standardised(of).centre_and_spreads(at)
    rng = np.random.default_rng(seed)

    def draw() -> list[Array]:
        one, other = ([s * rng.normal(size=s.shape) for s in spreads] for _ in range(2))
        return [sum(other[:k], sum(one[k:], centre)) for k in range(len(spreads) + 1)]

    return draw
