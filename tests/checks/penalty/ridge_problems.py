"""Problems and brute-force answers that the tests of penalties share."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.integer[Any]]
ROOT = Path(__file__).parents[3]


def table(path: str) -> list[dict[str, str]]:
    """Read a CSV file of the repository."""
    with (ROOT / path).open() as file:
        return list(csv.DictReader(file))


def column(rows: list[dict[str, str]], name: str) -> Array:
    return np.array([float(row[name]) for row in rows])


def codes(rows: list[dict[str, str]], name: str) -> Codes:
    return np.unique([row[name] for row in rows], return_inverse=True)[1]


def indicator(group: Codes, design: Array, groups: int) -> Array:
    """Return Z of a level whose rows belong to one group each, or to none (-1)."""
    z = np.zeros((group.size, groups))
    inside = group >= 0
    z[np.flatnonzero(inside), group[inside]] = design[inside]
    return z


def direct(y: Array, x: Array, z: Array, penalty: float) -> tuple[Array, Array, Array]:
    """Solve by least squares with rows √λ I added; return beta, epsilon and the hat matrix."""
    p, q = x.shape[1], z.shape[1]
    added = np.hstack([np.zeros((q, p)), np.sqrt(penalty) * np.eye(q)])
    left, right = np.linalg.qr(np.vstack([np.hstack([x, z]), added]))
    solution = np.linalg.solve(right, left[: y.size].T @ y)
    return solution[:p], solution[p:], left[: y.size] @ left[: y.size].T


def contrasts(x: Array) -> Array:
    """Return an orthonormal basis of what is orthogonal to the columns of x."""
    left, values, _ = np.linalg.svd(x, full_matrices=True)
    return np.asarray(left[:, int((values > 1e-10).sum()) :])


def phillips(n: int = 64) -> tuple[Array, Array]:
    """Return matrix and solution of the integral equation of Phillips (1962)."""
    h = 12 / n
    t = -6 + h * (np.arange(n, dtype=float) + 0.5)

    def bump(u: NDArray[Any]) -> Array:
        return np.where(np.abs(u) < 3, 1 + np.cos(np.pi * u / 3), 0.0)

    return np.asarray(h * bump(t[:, None] - t)), bump(t)


def shaw(n: int = 32) -> tuple[Array, Array]:
    """Return matrix and solution of the image restoration problem of Shaw (1972)."""
    t = (np.arange(n) + 0.5) * np.pi / n - np.pi / 2
    u = np.pi * (np.sin(t)[:, None] + np.sin(t))
    kernel = ((np.cos(t)[:, None] + np.cos(t)) * np.sinc(u / np.pi)) ** 2
    solution = 2 * np.exp(-6 * (t - 0.8) ** 2) + np.exp(-2 * (t + 0.5) ** 2)
    return kernel * np.pi / n, solution
