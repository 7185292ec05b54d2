"""Monte Carlo errors say how far runs differ when nothing changed, and moves are more than that."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from poolwise.checks import examples
from poolwise.checks.estimates import Estimate
from poolwise.reports.plain import estimates
from poolwise.workflow.comparing.baseline import _estimate
from poolwise.workflow.comparing.moves import find_moves, holm, smallest_noticed

Run = list[dict[str, Any]]

PAIRS = 20


def as_baseline(evidence: Any) -> Run:
    return [_estimate(e) for e in estimates(evidence)["quantities"]]


@pytest.fixture(scope="module")
def replicates() -> list[Run]:
    """The same eight schools, drawn exactly, with another seed each time; mu autocorrelated."""
    return [as_baseline(examples.eight_schools(seed=s, sticky=0.6)) for s in range(2 * PAIRS)]


def test_holm_is_holm() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        p = rng.uniform(size=rng.integers(1, 12)) ** rng.integers(1, 6)
        order = np.argsort(p)
        factors = len(p) - np.arange(len(p))
        adjusted = np.maximum.accumulate(np.minimum(1, factors * p[order]))
        expected = np.empty(len(p), dtype=bool)
        expected[order] = adjusted <= 0.05
        assert holm(list(p), 0.05) == list(expected)


@pytest.mark.slow
def test_errors_are_the_spread_over_replicates(replicates: list[Run]) -> None:
    checked = 0
    low, high = np.sqrt(stats.chi2.ppf([1e-5, 1 - 1e-5], len(replicates) - 1)) / np.sqrt(
        len(replicates) - 1
    )
    for i, estimate in enumerate(replicates[0]):
        for name in ("mean", "sd", "median", "low", "high", "value"):
            drawn = [r[i][name] for r in replicates if name in r[i]]
            # The lower end of a weight is pressed against 0, where no error is symmetric.
            if len(drawn) < len(replicates) or (estimate["kind"] == "weight" and name == "low"):
                continue
            values, errors = np.array(drawn).T
            ratio = values.std(ddof=1) / np.sqrt(np.mean(errors**2))
            # Errors are estimates themselves: allow them a tenth more.
            assert low / 1.1 < ratio < high * 1.1, (estimate["name"], name, ratio)
            checked += 1
    assert checked > 80


@pytest.mark.slow
@pytest.mark.parametrize("level", [0.01, 0.3])
def test_false_alarms_keep_to_their_rate(replicates: list[Run], level: float) -> None:
    pairs = zip(replicates[::2], replicates[1::2], strict=True)
    alarms = sum(bool(find_moves(a, b, level)[0]) for a, b in pairs)
    assert alarms <= stats.binom.ppf(0.999, PAIRS, level)


def test_a_run_has_not_moved_from_itself() -> None:
    one = as_baseline(examples.eight_schools())
    moves, tests = find_moves(one, one)
    assert moves == []
    assert tests > 80


def test_what_moved_is_named_with_its_size() -> None:
    """A wider prior on tau: exact draws of both posteriors, so the true difference is known."""
    old = as_baseline(examples.eight_schools(seed=1))
    new = as_baseline(examples.eight_schools(seed=2, tau_scale=25.0))
    moves, _ = find_moves(old, new)
    names = [m.name for m in moves]
    assert "tau" in names
    assert "school: mean weight" in names
    assert "mu" not in names, "the mean between groups hardly depends on the prior of tau"
    tau = moves[names.index("tau")]
    before = next(e for e in old if e["name"] == "tau")
    assert tau.shown.statistic == "mean"
    assert tau.sds == pytest.approx((tau.shown.new - tau.shown.old) / before["sd"][0])
    assert [m.sds or 0 for m in moves] == sorted((m.sds or 0 for m in moves), reverse=True)


def test_moves_as_small_as_promised_are_noticed() -> None:
    old = as_baseline(examples.eight_schools())
    _, tests = find_moves(old, old)
    smallest = smallest_noticed(old, old, tests)
    assert smallest is not None
    new = [dict(e) for e in old]
    mu = next(e for e in new if e["name"] == "mu")
    for factor, noticed in ((0.5, False), (1.5, True)):
        mu["mean"] = [old[0]["mean"][0] + factor * smallest * old[0]["sd"][0], old[0]["mean"][1]]
        assert bool(find_moves(old, new)[0]) is noticed


def decision(p: float, mcse: float = 0.001) -> Run:
    return [{"name": "open it", "kind": "decision", "mean": [p, mcse]}]


def test_a_decision_that_flips_comes_first() -> None:
    old = [*decision(0.55), {"name": "a", "kind": "parameter", "mean": [0.0, 0.01], "sd": [1, 0.1]}]
    new = [*decision(0.45), {"name": "a", "kind": "parameter", "mean": [9.0, 0.01], "sd": [1, 0.1]}]
    moves, _ = find_moves(old, new)
    assert [(m.name, m.flips) for m in moves] == [("open it", True), ("a", False)]
    assert not find_moves(decision(0.51, 0.02), decision(0.49, 0.02))[0]


@pytest.mark.parametrize(("new", "moved"), [(2.0, False), (2.0 + 1e-12, False), (2.1, True)])
def test_a_constant_moves_only_when_it_changes(new: float, moved: bool) -> None:
    def of(value: float) -> Run:
        return [{"name": "fixed", "kind": "level", "mean": [value, 0.0]}]

    assert bool(find_moves(of(2.0), of(new))[0]) is moved


def found(evidence: Any) -> dict[str, Estimate]:
    return {e.name: e for e in evidence.get("estimates")}


def test_estimates_are_what_numpy_says() -> None:
    evidence = examples.eight_schools()
    mu = evidence.get("posterior")["mu"].values
    mine = found(evidence)["mu"].statistics
    for name, value in (
        ("mean", mu.mean()),
        ("sd", mu.std(ddof=1)),
        ("median", np.median(mu)),
        ("low", np.quantile(mu, 0.055)),
        ("high", np.quantile(mu, 0.945)),
    ):
        assert mine[name].value == pytest.approx(value)
    assert set(found(evidence)["A gains over 10"].statistics) == {"mean"}


def test_a_mean_that_does_not_describe_is_left_out() -> None:
    """The penalty is 1/tau², and tau can be nearly 0: its mean is set by single draws."""
    penalty = found(examples.eight_schools())["school: equivalent penalty"].statistics
    assert set(penalty) == {"median", "low", "high"}


def test_a_scale_that_is_a_parameter_is_listed_once() -> None:
    names = set(found(examples.eight_schools()))
    assert "tau" in names
    assert "school: scale" not in names
