"""The L-curve and its corner."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tests.checks.penalty.ridge_problems import Array, direct, phillips, shaw

from poolwise.checks.penalty import (
    LCurve,
    Outcome,
    classical_markers,
    corner,
    dense,
    l_curve,
    one_way,
)
from poolwise.checks.penalty.l_curve import WIDEST


def noisy(problem: tuple[Array, Array], level: float, seed: int = 0) -> tuple[Array, Array, Array]:
    matrix, solution = problem
    clean = matrix @ solution
    noise = np.random.default_rng(seed).normal(size=clean.size)
    size = level * np.linalg.norm(clean) / np.sqrt(clean.size)
    return clean + size * noise, np.zeros((clean.size, 0)), matrix


def log_norms(y: Array, x: Array, z: Array, log_penalty: float) -> Array:
    """Return the point of the L-curve from the normal equations."""
    beta, effect, _ = direct(y, x, z, float(np.exp(log_penalty)))
    left = y - x @ beta - z @ effect
    return 0.5 * np.log([left @ left, effect @ effect])


def curvature(y: Array, x: Array, z: Array, log_penalty: float, h: float = 0.02) -> float:
    """Curvature of the L-curve by differences of order h^4."""
    p = np.array([log_norms(y, x, z, log_penalty + k * h) for k in range(-2, 3)])
    x1, y1 = (p[0] - 8 * p[1] + 8 * p[3] - p[4]) / (12 * h)
    x2, y2 = (-p[0] + 16 * p[1] - 30 * p[2] + 16 * p[3] - p[4]) / (12 * h**2)
    return float((x1 * y2 - x2 * y1) / (x1**2 + y1**2) ** 1.5)


@pytest.mark.parametrize("problem", [phillips(), shaw()], ids=["phillips", "shaw"])
def test_curvature_is_that_of_the_curve(problem: tuple[Array, Array]) -> None:
    rows = noisy(problem, 1e-3)
    penalty = np.logspace(-6, 1, 15)
    found = l_curve(dense(*rows), penalty)
    points = np.array([log_norms(*rows, np.log(p)) for p in penalty])
    assert_allclose(np.log(found.residual), points[:, 0], atol=1e-7)
    assert_allclose(np.log(found.size), points[:, 1], atol=1e-7)
    reference = [curvature(*rows, np.log(p)) for p in penalty]
    assert_allclose(found.curvature, reference, rtol=2e-3, atol=2e-4)


def test_curvature_with_unpenalised_columns() -> None:
    rng = np.random.default_rng(1)
    z, x = rng.normal(size=(20, 6)), np.column_stack([np.ones(20), rng.normal(size=20)])
    y = 3 + z @ rng.normal(size=6) + 0.1 * rng.normal(size=20)
    penalty = np.logspace(-2, 3, 11)
    reference = [curvature(y, x, z, np.log(p)) for p in penalty]
    assert_allclose(l_curve(dense(y, x, z), penalty).curvature, reference, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("problem", [phillips(), shaw()], ids=["phillips", "shaw"])
@pytest.mark.parametrize("level", [1e-2, 1e-3])
def test_the_corner_of_a_textbook_problem(problem: tuple[Array, Array], level: float) -> None:
    """It is clear, is the largest curvature of a fine grid, and costs little more than the best."""
    rows = noisy(problem, level)
    ridge = dense(*rows)
    found = corner(ridge)
    assert not found.unclear
    assert found.angle < np.radians(120)
    grid = np.linspace(np.log(found.penalty) - 3, np.log(found.penalty) + 3, 241)
    brute = [curvature(*rows, u, h=0.01) for u in grid]
    assert abs(grid[int(np.argmax(brute))] - np.log(found.penalty)) <= grid[1] - grid[0]

    def error(penalty: float) -> float:
        return float(np.linalg.norm(ridge.effect(1 / penalty) - problem[1]))

    unpooled, pooled = error(1e-14), float(np.linalg.norm(problem[1]))
    assert error(found.penalty) < 0.5 * min(unpooled, pooled)


def test_a_balanced_layout_has_no_clear_corner() -> None:
    rng = np.random.default_rng(2)
    group = np.repeat(np.arange(8), 5)
    y = rng.normal(size=8)[group] + rng.normal(size=40)
    marker = classical_markers(one_way(y, np.ones((40, 1)), group))[4]
    assert marker.method == "L-curve corner"
    assert marker.outcome is Outcome.NO_CORNER
    assert marker.why
    assert np.isnan(marker.penalty)


def test_a_blunt_corner_is_none() -> None:
    """Two directions of like strength: the curve hardly bends."""
    z = np.diag([3.0, 1.0])
    found = corner(dense(np.array([1.0, 1.0]), np.zeros((2, 0)), z))
    assert found.unclear
    assert not found.angle < WIDEST


@pytest.mark.parametrize("degrees", [60.0, 90.0, 120.0, 150.0])
def test_the_angle_is_that_of_two_straight_arms(degrees: float) -> None:
    from poolwise.checks.penalty.l_curve import _sharpest

    turn = np.radians(degrees)
    arm = np.linspace(0.1, 2, 30)
    # One arm goes straight up, the other leaves at the given angle, clockwise.
    up = np.column_stack([0 * arm, arm])[::-1]
    tilt = np.pi / 2 - turn
    away = np.column_stack([arm * np.cos(tilt), arm * np.sin(tilt)])
    if degrees <= 90:  # both arms must fall, as those of an L-curve do
        rotation = tilt + 0.05
        spin = np.array(
            [[np.cos(rotation), -np.sin(rotation)], [np.sin(rotation), np.cos(rotation)]]
        )
        up, away = up @ spin, away @ spin
    points = np.exp(np.vstack([up, [[0, 0]], away]))
    curve = LCurve(np.arange(61.0), points[:, 0], points[:, 1], np.zeros(61))
    here = LCurve(np.zeros(1), np.ones(1), np.ones(1), np.zeros(1))
    assert_allclose(_sharpest(curve, here), turn, atol=1e-9)
