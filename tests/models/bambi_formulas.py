"""Models that Bambi writes."""

from __future__ import annotations

from typing import Any

import pymc as pm

from poolwise.checks.hierarchy import Role

from .data import COUNTS, GROUP, ITEM, J, X, Y
from .expected import Collection, Likelihood, Term

MODELS = Collection()

NORMAL = (Likelihood("Normal", noise=("sigma",)),)
POPULATION = {"Intercept": Role.INTERCEPT, "x": Role.COEFFICIENT}
BY_GROUP = {"1|g_sigma": Role.SCALE, "1|g_offset": Role.OFFSET}


def _built(formula: str, family: str = "gaussian", **options: Any) -> pm.Model:
    import bambi
    import pandas as pd

    columns = {"y": Y, "x": X, "g": GROUP.astype(str), "h": ITEM.astype(str), "c": COUNTS}
    model = bambi.Model(formula, pd.DataFrame(columns), family=family, **options)
    model.build()
    built: pm.Model = model.backend.model
    return built


@MODELS.add(
    roles=POPULATION | BY_GROUP | {"sigma": Role.NOISE},
    levels=(Term("g", "1|g_offset", J, GROUP),),
    outcomes=NORMAL,
)
def formula_intercepts() -> pm.Model:
    """Varying intercepts."""
    return _built("y ~ x + (1|g)")


@MODELS.add(
    roles=POPULATION
    | BY_GROUP
    | {"x|g_sigma": Role.SCALE, "x|g_offset": Role.OFFSET, "sigma": Role.NOISE},
    levels=(
        Term("g", "1|g_offset", J, GROUP),
        Term("g", "x|g_offset", J, GROUP, X),
    ),
    outcomes=NORMAL,
)
def formula_slopes() -> pm.Model:
    """Varying intercepts and slopes, without a correlation."""
    return _built("y ~ x + (x|g)")


@MODELS.add(
    roles=POPULATION
    | BY_GROUP
    | {"1|h_sigma": Role.SCALE, "1|h_offset": Role.OFFSET, "alpha": Role.NOISE},
    levels=(
        Term("g", "1|g_offset", J, GROUP),
        Term("h", "1|h_offset", 5, ITEM),
    ),
    outcomes=(Likelihood("NegativeBinomial", "log", noise=("alpha",), name="c"),),
)
def formula_crossed_counts() -> pm.Model:
    """Crossed groups and overdispersed counts."""
    return _built("c ~ x + (1|g) + (1|h)", "negativebinomial")


@MODELS.add(
    roles=POPULATION | {"1|g_sigma": Role.SCALE, "1|g": Role.GROUP_EFFECT, "sigma": Role.NOISE},
    levels=(Term("g", "1|g", J, GROUP, form="centred"),),
    outcomes=NORMAL,
)
def formula_centred() -> pm.Model:
    """Varying intercepts, centred."""
    return _built("y ~ x + (1|g)", noncentered=False)


@MODELS.add(
    roles={"g": Role.UNPOOLED, "x": Role.COEFFICIENT},
    outcomes=(Likelihood("Poisson", "log", name="c"),),
)
def formula_without_pooling() -> pm.Model:
    """An intercept for every group, with a fixed prior."""
    return _built("c ~ 0 + g + x", "poisson")
