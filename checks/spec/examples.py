"""Small models on which the rules prove themselves: one thing is changed at a time.

Parts of a model are functions of the ``pymc`` module, so that importing this file does not import
PyMC.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from ..evidence import Evidence
from ..hierarchy.variables import read_variables

Part = Callable[[Any], Any]

GROUPS, ROWS = 8, 160


def _data() -> Mapping[str, Any]:
    rng = np.random.default_rng(20261122)
    group = np.repeat(np.arange(GROUPS), ROWS // GROUPS)
    effect = rng.normal(size=GROUPS)
    x = rng.normal(size=ROWS)
    return {
        "group": group,
        "effect": effect,
        "x": x,
        "y": 3 + effect[group] + 0.5 * x + rng.normal(size=ROWS),
        "counts": rng.poisson(np.exp(1 + 0.3 * effect[group])),
        "binary": rng.integers(0, 2, size=ROWS),
        "other group": rng.integers(0, 5, size=ROWS),
    }


DATA = _data()


def evidence_of(model: Any) -> Evidence:
    """Return what rules see of a model."""
    return Evidence(xr.DataTree(), declared={"variables": read_variables(model)})


def model(body: Part, **coords: Any) -> Evidence:
    """Return the evidence of a model whose variables ``body(pm)`` creates."""
    import pymc as pm

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyMC warns about some of the faults, too
        with pm.Model(coords={"group": range(GROUPS), **coords}) as built:
            body(pm)
        return evidence_of(built)


def grouped(
    *,
    mu: Part = lambda pm: pm.Normal("mu", 0, 5),
    tau: Part = lambda pm: pm.HalfNormal("tau", 2),
    sigma: Part = lambda pm: pm.HalfNormal("sigma", 2),
    offset: Part = lambda pm: pm.Normal("z", 0, 1, dims="group"),
    more: Part = lambda pm: 0.0,
    centred: bool = False,
    group: Any = None,
    groups: int = GROUPS,
    y: Any = None,
) -> Evidence:
    """Return normal groups that share a location and a scale, with replaceable parts."""
    index = DATA["group"] if group is None else np.asarray(group)
    data = _simulated(index, groups) if y is None else np.asarray(y)

    def body(pm: Any) -> None:
        location, scale = mu(pm), tau(pm)
        if centred:
            effect = pm.Normal("theta", location, scale, dims="group")
        else:
            effect = location + scale * offset(pm)
        pm.Normal("y", effect[pm.Data("index", index)] + more(pm), sigma(pm), observed=data)

    return model(body, group=range(groups))


def _simulated(index: np.ndarray, groups: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    if index is DATA["group"]:
        return np.asarray(DATA["y"])
    return np.asarray(3 + rng.normal(size=groups)[index] + rng.normal(size=index.size))


def regression(
    x: Any,
    *,
    prior: Part | None = None,
    intercept: Part = lambda pm: pm.Normal("a", 0, 5),
    y: Any = None,
) -> Evidence:
    """Return a normal regression on the columns of ``x``."""
    design = np.asarray(x, dtype=float).reshape(len(x), -1)

    def body(pm: Any) -> None:
        slopes = prior(pm) if prior else pm.Normal("b", 0, 1, shape=design.shape[1])
        mean = intercept(pm) + pm.math.dot(design, slopes)
        pm.Normal("y", mean, pm.HalfNormal("sigma", 2), observed=DATA["y"] if y is None else y)

    return model(body)


def logistic(x: Any, y: Any = None, *, prior: Part = lambda pm: pm.Normal("b", 0, 1)) -> Evidence:
    """Return a logistic regression on one predictor."""

    def body(pm: Any) -> None:
        predictor = pm.Normal("a", 0, 1.5) + prior(pm) * np.asarray(x)
        pm.Bernoulli("y", logit_p=predictor, observed=DATA["binary"] if y is None else y)

    return model(body)


def outcome(likelihood: Callable[[Any, Any, Any], Any]) -> Evidence:
    """Return a model of an outcome with one location and one scale.

    Parameters
    ----------
    likelihood : callable
        Takes ``pm``, a real location ``a`` and a positive scale ``s``.
    """
    return model(lambda pm: likelihood(pm, pm.Normal("a", 0, 1), pm.HalfNormal("sigma", 1)))


def correlated(
    eta: float = 2.0, *, prior: str = "LKJCholeskyCov", labelled: bool = False
) -> Evidence:
    """Return intercepts and slopes by group that are correlated."""
    shape = {"dims": ("group", "effect")} if labelled else {"shape": (GROUPS, 2)}

    def body(pm: Any) -> None:
        if prior == "LKJCholeskyCov":
            sd = pm.Exponential.dist(1)
            chol, _, _ = pm.LKJCholeskyCov("chol", n=2, eta=eta, sd_dist=sd)
            spread = {"chol": chol}
        elif prior == "LKJCorr":
            sd = pm.HalfNormal("sd", 1, shape=2)
            spread = {"cov": sd[:, None] * pm.LKJCorr("correlation", n=2, eta=eta) * sd[None, :]}
        else:
            spread = {"cov": pm.Wishart("covariance", nu=4, V=np.eye(2))}
        mean = pm.math.stack([pm.Normal("a", 0, 5), pm.Normal("b", 0, 1)])
        effects = pm.MvNormal("effects", mean, **shape, **spread)
        group, x = DATA["group"], DATA["x"]
        predictor = effects[group, 0] + effects[group, 1] * x
        pm.Normal("y", predictor, pm.HalfNormal("sigma", 2), observed=DATA["y"])

    return model(body, effect=["a", "b"])
