"""SPC4xx: parts of a model that the data cannot tell apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..draws import Array
from ..evidence import Evidence
from ..finding import Verdict
from ..hierarchy.predictor import Predictor
from ..hierarchy.variables import Variables
from ..words import listed
from . import examples
from .quantiles import centre_and_sd
from .rule import Fault, rule
from .spreads import GroupEffect, Spread

_X, _GROUP = examples.DATA["x"], examples.DATA["group"]


def only_in(variables: Variables, name: str, predictor: Predictor) -> bool:
    """Whether nothing but one outcome depends on a variable: no other data can tell it apart."""
    return variables.children_of(name) <= {predictor.outcome.name}


@rule("SPC401", Verdict.WARN)
def intercept_and_unpooled_groups(
    variables: Variables,
    predictors: Sequence[Predictor],
    group_effects: Sequence[GroupEffect],
    *,
    units: float = 2.0,
    far: float = 10.0,
) -> Iterator[Fault]:
    """An intercept stands beside a full set of unpooled group effects.

    **Asks**: does a model with an intercept hold one effect per group with a fixed prior wider
    than ``units`` ordinary sizes? Wider than ``far``, or flat, is an error.
    **Why it matters**: adding a number to the intercept and taking it from every group changes
    nothing: only the sums are known. The sampler walks along that line as far as the priors let it.
    **What to do**: ``pm.ZeroSumNormal("group", sigma=tau, dims="group")``, drop the intercept, or
    pool: ``tau = pm.HalfNormal("tau", 1)``.
    **Thresholds**: ``units`` 2 and ``far`` 10 are conventions of poolwise. Effects with a narrow
    prior of mean zero are identified by it.
    **Source**: Gelman and Hill (2007), Data Analysis Using Regression and
    Multilevel/Hierarchical Models, chapter 12.
    """
    for predictor in predictors:
        for effect in intercepts_of(group_effects, predictor):
            variable = effect.variable
            if effect.pooled or variable.family == "ZeroSumNormal" or not predictor.intercepts:
                continue
            if not only_in(variables, variable.name, predictor):
                continue
            flat = variable.family == "Flat"
            prior = centre_and_sd(variable)
            if prior is None and not flat:
                continue
            width = np.inf if prior is None else float(np.max(prior[1])) / predictor.unit
            if width > units:
                yield Fault(
                    variable,
                    f"Only the sums of {predictor.intercepts[0]} and the {variable.size} effects "
                    f"{variable.name} are known",
                    f'use pm.ZeroSumNormal("{variable.name}", ...) or drop the intercept',
                    value=width,
                    threshold=units,
                    verdict=Verdict.FAIL if width > far else None,
                )


def intercepts_of(effects: Sequence[GroupEffect], predictor: Predictor) -> Iterator[GroupEffect]:
    """Yield the effects that shift all rows of their groups alike."""
    for effect in effects:
        if effect.predictor is predictor and effect.grouped.is_intercept:
            yield effect


def _unpooled(effect: Any) -> Evidence:
    def body(pm: Any) -> None:
        mean = pm.Normal("a", 0, 5) + effect(pm)[_GROUP]
        pm.Normal("y", mean, pm.HalfNormal("sigma", 2), observed=examples.DATA["y"])

    return examples.model(body)


intercept_and_unpooled_groups.passes(
    lambda: _unpooled(lambda pm: pm.ZeroSumNormal("u", 5, dims="group"))
)
intercept_and_unpooled_groups.fails(
    lambda: _unpooled(lambda pm: pm.Normal("u", 0, 5, dims="group")), Verdict.WARN
)
intercept_and_unpooled_groups.fails(lambda: _unpooled(lambda pm: pm.Flat("u", dims="group")))
intercept_and_unpooled_groups.false_alarm(
    lambda: _unpooled(lambda pm: pm.Normal("u", 0, 1, dims="group"))
)


@rule("SPC402", Verdict.WARN)
def two_intercepts(
    variables: Variables,
    predictors: Sequence[Predictor],
    group_effects: Sequence[GroupEffect],
) -> Iterator[Fault]:
    """Two variables shift every row alike.

    **Asks**: is there more than one intercept, counting the random mean of centred group effects?
    **Why it matters**: only their sum is known; each alone is its prior, and the sampler walks
    along the line where the sum is constant.
    **What to do**: centre the group effects at zero, ``pm.Normal("u", 0, tau, dims="group")``, or
    drop the intercept.
    **Thresholds**: none.
    **Source**: Gelman and Hill (2007), Data Analysis Using Regression and
    Multilevel/Hierarchical Models, chapter 12.
    """
    for predictor in predictors:
        names = [n for n in predictor.intercepts if only_in(variables, n, predictor)]
        names += _means_of_groups(variables, predictor, group_effects)
        names = list(dict.fromkeys(names))
        if len(names) > 1:
            yield Fault(
                predictor.outcome,
                f"{listed(names)} all shift every row of {predictor.outcome.name}: only their sum "
                "is known",
                "keep one of them",
                value=len(names),
                threshold=1,
            )


def _means_of_groups(
    variables: Variables, predictor: Predictor, group_effects: Sequence[GroupEffect]
) -> Iterator[str]:
    for effect in intercepts_of(group_effects, predictor):
        location = effect.variable.parameters.get("loc")
        if not only_in(variables, effect.variable.name, predictor):
            continue
        if effect.style == "centred" and location is not None and len(location.parents) == 1:
            parent = location.parents[0]
            scalar = location.expression.type.shape
            if all(size == 1 for size in scalar):
                yield parent


two_intercepts.passes(lambda: examples.grouped(centred=True))
two_intercepts.fails(
    lambda: examples.grouped(centred=True, more=lambda pm: pm.Normal("a", 0, 5)), Verdict.WARN
)
two_intercepts.false_alarm(
    lambda: examples.grouped(centred=True, more=lambda pm: pm.Normal("b", 0, 5) * _X)
)


def _home_and_away() -> Evidence:
    """Playing at home shifts every row of one outcome and no row of the other."""

    def body(pm: Any) -> None:
        level, home = pm.Normal("level", 0, 2), pm.Normal("home", 0, 1)
        pm.Poisson("at_home", pm.math.exp(level + home), observed=examples.DATA["counts"])
        pm.Poisson("away", pm.math.exp(level), observed=examples.DATA["counts"])

    return examples.model(body)


two_intercepts.false_alarm(_home_and_away)


@rule("SPC403", Verdict.FAIL)
def columns_collinear(
    variables: Variables, predictors: Sequence[Predictor], *, tolerance: float = 1e-12
) -> Iterator[Fault]:
    """Predictors are copies of each other.

    **Asks**: is the smallest eigenvalue of the design's correlations below ``tolerance`` times the
    largest? Designs with more columns than rows, and coefficients that share a random scale, are
    left alone: they are regularised on purpose.
    **Why it matters**: only a combination of the coefficients is known; each alone is its prior.
    An indicator for every category beside an intercept does this.
    **What to do**: drop one of the columns: ``pandas.get_dummies(column, drop_first=True)``.
    **Thresholds**: ``tolerance`` 1e-12, near the precision of the computation.
    **Source**: Gelman and Hill (2007), Data Analysis Using Regression and
    Multilevel/Hierarchical Models, chapter 4.
    """
    for predictor in predictors:
        labels: list[str] = []
        blocks = []
        intercept = predictor.intercepts[:1]
        for column in predictor.columns:
            if column.is_intercept and column.variable not in intercept:
                continue  # SPC402
            if variables[column.variable].parents:
                continue
            if not only_in(variables, column.variable, predictor):
                continue
            labels += [column.variable] * column.design.shape[1]
            blocks.append(column.design)
        if not blocks:
            continue
        found = _null_direction(np.concatenate(blocks, axis=1), tolerance)
        if found is not None:
            names = list(dict.fromkeys(np.array(labels)[found].tolist()))
            yield Fault(
                variables[names[-1]],
                f"The columns of {listed(names)} add up to nothing: their coefficients cannot be "
                "told apart",
                "drop one of the columns",
            )


def _null_direction(design: Array, tolerance: float) -> np.ndarray | None:
    """Return which columns take part in a combination that is zero in every row."""
    rows, columns = design.shape
    size = np.linalg.norm(design, axis=0)
    if not 1 < columns <= rows or not np.isfinite(design).all() or (size == 0).any():
        return None
    unit = design / size
    values, vectors = np.linalg.eigh(unit.T @ unit)
    if values[0] > tolerance * values[-1]:
        return None
    return np.abs(vectors[:, 0]) > 1e-3


columns_collinear.passes(lambda: examples.regression(np.c_[_X, _X**2]))
columns_collinear.fails(lambda: examples.regression(np.c_[_X, 2 * _X]))
columns_collinear.false_alarm(
    lambda: examples.regression(np.c_[_X, _X + 0.01 * np.sin(np.arange(_X.size))])
)


@rule("SPC404", Verdict.FAIL)
def effect_per_row_and_noise(
    group_effects: Sequence[GroupEffect], spreads: Sequence[Spread]
) -> Iterator[Fault]:
    """Every row has its own effect, and noise besides.

    **Asks**: does each group have one row at most, while the outcome is normal with an unknown
    noise scale, or binary?
    **Why it matters**: one deviation per row cannot be split into effect and noise: only the sum
    of the two variances is known (for a binary outcome, none). The split is the prior's, and the
    sampler runs into a funnel where one of them is zero.
    **What to do**: give the outcome its known standard errors,
    ``pm.Normal("y", theta, se, observed=y)``, or drop the effect.
    **Thresholds**: none.
    **Source**: Gelman and Hill (2007), Data Analysis Using Regression and
    Multilevel/Hierarchical Models, chapter 12.
    """
    noisy = {s.of.name for s in spreads if s.noise}
    for effect in group_effects:
        outcome = effect.predictor.outcome
        if not effect.pooled or effect.grouped.rows.max() > 1 or not effect.grouped.is_intercept:
            continue
        if outcome.family == "Bernoulli" or (outcome.family == "Normal" and outcome.name in noisy):
            yield Fault(
                effect.variable,
                f"Each row of {outcome.name} has its own effect {effect.variable.name} besides its "
                "noise: the two cannot be told apart",
                "give known standard errors, or drop the effect",
            )


def _one_row(known: bool) -> Evidence:
    y = 3 + examples.DATA["effect"]
    return examples.grouped(
        group=np.arange(8), y=y, sigma=lambda pm: 0.5 if known else pm.HalfNormal("sigma", 2)
    )


effect_per_row_and_noise.passes(examples.grouped)
effect_per_row_and_noise.fails(lambda: _one_row(known=False))
effect_per_row_and_noise.false_alarm(lambda: _one_row(known=True))


@rule("SPC405", Verdict.FAIL)
def effects_split_rows_alike(
    variables: Variables, group_effects: Sequence[GroupEffect]
) -> Iterator[Fault]:
    """Two effects split the rows in the same way.

    **Asks**: do two effects of the same outcome group the rows identically, up to the order of
    the groups?
    **Why it matters**: only the sum of the two effects of each group is known.
    **What to do**: keep one of them. Two columns that name the same thing are the usual cause:
    ``pandas.crosstab(a, b)`` shows it.
    **Thresholds**: none.
    **Source**: Gelman and Hill (2007), Data Analysis Using Regression and
    Multilevel/Hierarchical Models, chapter 12.
    """
    for k, one in enumerate(group_effects):
        for other in group_effects[k + 1 :]:
            if one.predictor is not other.predictor or one.variable is other.variable:
                continue
            if not (one.grouped.is_intercept and other.grouped.is_intercept):
                continue
            if not all(only_in(variables, e.variable.name, e.predictor) for e in (one, other)):
                continue
            if _same_partition(one.grouped.group, other.grouped.group):
                names = sorted([one.variable.name, other.variable.name])
                yield Fault(
                    one.variable,
                    f"{listed(names)} split the rows in the same way: only their sum is known",
                    "keep one of them",
                )


def _same_partition(one: np.ndarray, other: np.ndarray) -> bool:
    pairs = np.unique(np.stack([one, other], axis=1), axis=0)
    return len(pairs) == len(np.unique(one)) == len(np.unique(other))


def _two_factors(second: np.ndarray) -> Evidence:
    def body(pm: Any) -> None:
        u = pm.Normal("u", 0, pm.HalfNormal("tau_u", 2), dims="group")
        v = pm.Normal("v", 0, pm.HalfNormal("tau_v", 2), shape=8)
        mean = pm.Normal("a", 0, 5) + u[_GROUP] + v[second]
        pm.Normal("y", mean, pm.HalfNormal("sigma", 2), observed=examples.DATA["y"])

    return examples.model(body)


effects_split_rows_alike.passes(lambda: _two_factors(np.arange(_GROUP.size) % 8))
effects_split_rows_alike.fails(lambda: _two_factors((_GROUP + 3) % 8))
effects_split_rows_alike.false_alarm(
    lambda: _two_factors(np.where(np.arange(_GROUP.size) == 0, 7, _GROUP))
)
