"""How the linear predictor, scales and group effects are read, on models whose truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytest

from poolwise.checks.spec import examples

GROUP, X = examples.DATA["group"], examples.DATA["x"]


def _links() -> dict[str, Any]:
    counts, binary, y = (examples.DATA[n] for n in ("counts", "binary", "y"))
    return {
        "identity": lambda e: pm.Normal("y", e, 1.0, observed=y),
        "log": lambda e: pm.Poisson("y", pm.math.exp(e), observed=counts),
        "logit": lambda e: pm.Bernoulli("y", logit_p=e, observed=binary),
        "probit": lambda e: pm.Bernoulli("y", p=pm.math.invprobit(e), observed=binary),
    }


@pytest.mark.parametrize("link", ["identity", "log", "logit", "probit"])
def test_links_columns_and_groups(link: str) -> None:
    def body(pm: Any) -> None:
        a, b = pm.Normal("a", 0, 1), pm.Normal("b", 0, 1)
        u = pm.Normal("u", 0, pm.HalfNormal("tau", 1), dims="group")
        _links()[link](a + b * X + u[GROUP])

    (predictor,) = examples.model(body).get("predictors")
    assert predictor.link == link
    assert predictor.intercepts == ["a"]
    (slope,) = [c for c in predictor.columns if c.variable == "b"]
    np.testing.assert_allclose(slope.design[:, 0], X, rtol=1e-5, atol=1e-8)
    (grouped,) = predictor.grouped
    assert grouped.variable == "u"
    assert grouped.is_intercept
    np.testing.assert_array_equal(grouped.group, GROUP)


def test_slopes_by_group_and_their_design() -> None:
    def body(pm: Any) -> None:
        u = pm.Normal("u", 0, pm.HalfNormal("tau", 1), dims="group")
        pm.Normal("y", u[GROUP] * X, 1.0, observed=examples.DATA["y"])

    (predictor,) = examples.model(body).get("predictors")
    (grouped,) = predictor.grouped
    assert not grouped.is_intercept
    np.testing.assert_allclose(grouped.design, X, rtol=1e-6)


def test_effects_in_a_matrix_product_are_groups_too() -> None:
    def body(pm: Any) -> None:
        u = pm.Normal("u", 0, pm.HalfNormal("tau", 1), dims="group")
        pm.Normal("y", pm.math.dot(np.eye(8)[GROUP], u), 1.0, observed=examples.DATA["y"])

    (predictor,) = examples.model(body).get("predictors")
    np.testing.assert_array_equal(predictor.grouped[0].group, GROUP)


#: How a spread may be written, and what it then is.
KINDS: dict[str, Any] = {
    "sd": lambda pm: pm.HalfNormal("t", 1),
    "variance": lambda pm: pm.math.sqrt(pm.HalfNormal("t", 1)),
    "precision": lambda pm: 1 / pm.math.sqrt(pm.Gamma("t", 2, 2)),
    "log sd": lambda pm: pm.math.exp(pm.Normal("t", 0, 1)),
}


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_spread_is(kind: str, centred: bool) -> None:
    evidence = examples.grouped(tau=KINDS[kind], centred=centred)
    (spread,) = [s for s in evidence.get("spreads") if not s.noise]
    assert spread.variable.name == "t"
    assert spread.kind == kind
    assert spread.groups == 8
    (effect,) = evidence.get("group_effects")
    assert effect.style == ("centred" if centred else "non-centred")


def test_the_noise_is_no_spread_between_groups() -> None:
    noise = [s for s in examples.grouped().get("spreads") if s.noise]
    assert [s.variable.name for s in noise] == ["sigma"]


def test_horseshoe_scales_are_local_and_global() -> None:
    def body(pm: Any) -> None:
        tau, local = pm.HalfCauchy("tau", 0.1), pm.HalfCauchy("local", 1, shape=3)
        b = pm.Normal("z", 0, 1, shape=3) * tau * local
        design = np.c_[X, X**2, X**3]
        pm.Normal("y", pm.math.dot(design, b), 1.0, observed=examples.DATA["y"])

    spreads = {s.variable.name: s for s in examples.model(body).get("spreads")}
    assert spreads["local"].local
    assert not spreads["tau"].local
    assert all(s.shrinkage for s in spreads.values())


def test_an_amplitude_in_front_of_everything_is_no_spread() -> None:
    def body(pm: Any) -> None:
        tau, top = pm.HalfNormal("tau", 1), pm.HalfNormal("top", 1)
        inner = pm.Normal("mu", 0, 1) + tau * pm.Normal("z", 0, 1, dims="group")
        pm.Normal("y", top * inner[GROUP], 1.0, observed=examples.DATA["y"])

    spreads = [s.variable.name for s in examples.model(body).get("spreads") if not s.noise]
    assert spreads == ["tau"]
