"""Eight schools in three parametrisations, reviewed without declarations: the same answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytest

import poolwise
from poolwise.checks import Verdict, decompose
from poolwise.checks.draws import mcse_of_mean
from poolwise.checks.own_data import own_data_weight
from poolwise.checks.pooling_factors import pooling_factor
from poolwise.checks.powers import PowerScaling
from poolwise.workflow.review import Review
from poolwise.workflow.stages import sweep

pytestmark = pytest.mark.slow

ERRORS = 4.5
EFFECTS = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
SE = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])


def _schools(effects: Callable[[Any, Any], Any]) -> pm.Model:
    with pm.Model(coords={"school": list("ABCDEFGH")}) as model:
        mu, tau = pm.Normal("mu", 0, 5), pm.HalfCauchy("tau", 5)
        pm.Normal("y", effects(mu, tau), SE, observed=EFFECTS, dims="school")
    return model


def centred() -> pm.Model:
    return _schools(lambda mu, tau: pm.Normal("theta", mu, tau, dims="school"))


def named() -> pm.Model:
    def theta(mu: Any, tau: Any) -> Any:
        z = pm.Normal("z", 0, 1, dims="school")
        return pm.Deterministic("theta", mu + tau * z, dims="school")

    return _schools(theta)


def inline() -> pm.Model:
    return _schools(lambda mu, tau: mu + tau * pm.Normal("z", 0, 1, dims="school"))


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Review]:
    patch = pytest.MonkeyPatch()
    # What the sweep fits again does not depend on how the effects are written.
    patch.setattr(sweep, "planned", lambda context: [])
    try:
        return {
            build.__name__: poolwise.review(build, output=tmp_path_factory.mktemp(build.__name__))
            for build in (centred, named, inline)
        }
    finally:
        patch.undo()


def level(review: Review) -> Any:
    (only,) = review.record.evidence.get("levels").values()
    return only


def test_all_forms_are_the_same_level(reviews: dict[str, Review]) -> None:
    for form, review in reviews.items():
        assert list(review.record.evidence.get("levels")) == ["school"], form
        found = level(review)
        np.testing.assert_allclose(found["location"], review.data["posterior"]["mu"])
        np.testing.assert_allclose(found["scale"], review.data["posterior"]["tau"])
        np.testing.assert_allclose(found["other"], 0, atol=1e-9)


def test_a_name_changes_nothing(reviews: dict[str, Review]) -> None:
    one, other = level(reviews["named"]), level(reviews["inline"])
    for name in one.data_vars:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-9, atol=1e-9)


def _numbers(review: Review) -> dict[str, tuple[float, float]]:
    """Return what is answered for the level, with Monte Carlo errors."""
    found = level(review)
    factor = pooling_factor(found)
    numbers = {"pooling factor": (factor.factor, factor.mcse)}
    for school in "ABCDEFGH":
        for what, draws in (("weight", own_data_weight(found)), ("effect", found["effect"])):
            one = draws.sel(group=school)
            numbers[f"{what} of {school}"] = float(one.mean()), mcse_of_mean(one)
    for target in decompose(found):
        for part in target.parts:
            if np.isfinite(part.mcse):
                numbers[f"{part.name}, {target.target}"] = part.value, part.mcse
    scaling: PowerScaling = review.record.evidence.get("power_scaling")
    for scaled in scaling.parts:
        for i, label in enumerate(scaling.labels):
            if "[" not in label:
                # Squares less those of the floor have no bias.
                value, error, floor = (
                    v[i] for v in (scaled.sensitivity, scaled.mcse, scaled.floor)
                )
                numbers[f"{label} under {scaled.name}"] = value**2 - floor**2, 2 * value * error
    return numbers


def test_centred_and_non_centred_agree_within_monte_carlo_error(
    reviews: dict[str, Review],
) -> None:
    one, other = _numbers(reviews["centred"]), _numbers(reviews["named"])
    assert one.keys() == other.keys()
    for what, (value, mcse) in one.items():
        second, error = other[what]
        assert abs(value - second) <= ERRORS * np.hypot(mcse, error) + 1e-9, what


def test_pooling_uncertainty_and_sensitivity_are_judged_alike(reviews: dict[str, Review]) -> None:
    # A finding of power-scaling stands where it is largest, which may be at another quantity in
    # another fit: its numbers are compared above.
    power_scaling = ("SEN501", "SEN502")
    judged = {
        form: {
            (f.code, f.where, f.verdict)
            for f in review.findings
            if f.code[:3] in ("REG", "UNC")
            or (f.code.startswith("SEN") and "[" not in f.where and f.code not in power_scaling)
        }
        for form, review in reviews.items()
    }
    assert judged["centred"] == judged["named"] == judged["inline"]
    assert {code for code, _, _ in judged["centred"]} >= {"REG601", "UNC701"}
    for form, review in reviews.items():
        assert "SEN501" in {f.code for f in review.findings if f.verdict is Verdict.WARN}, form
