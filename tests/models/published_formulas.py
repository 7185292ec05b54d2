"""Mixed models of lme4, nlme and brms as Bambi formulas, on data of the same design."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm

from poolwise.checks.hierarchy import Role

from .expected import Collection, Likelihood, Term

MODELS = Collection()

RNG = np.random.default_rng(303)
ORDERED = ("Categorical", "Cumulative", "OrderedLogistic", "OrderedMultinomial")


def _built(formula: str, family: str = "gaussian", **columns: Any) -> pm.Model:
    import bambi
    import pandas as pd

    model = bambi.Model(formula, pd.DataFrame(columns), family=family)
    model.build()
    built: pm.Model = model.backend.model
    return built


def _labels(index: np.ndarray, letter: str) -> np.ndarray:
    """Labels that sort like the index."""
    return np.array([f"{letter}{i:03d}" for i in index])


def _normal(name: str) -> tuple[Likelihood, ...]:
    return (Likelihood("Normal", noise=("sigma",), name=name),)


def _term(name: str) -> dict[str, Role]:
    return {f"{name}_sigma": Role.SCALE, f"{name}_offset": Role.OFFSET}


GAUSSIAN = {"Intercept": Role.INTERCEPT, "sigma": Role.NOISE}

SUBJECT, DAYS = np.repeat(np.arange(18), 10), np.tile(np.arange(10.0), 18)
REACTION = 250 + 10 * DAYS + RNG.normal(0, 30, 180)


@MODELS.add(
    roles=GAUSSIAN | {"Days": Role.COEFFICIENT} | _term("1|Subject") | _term("Days|Subject"),
    levels=(
        Term("Subject", "1|Subject_offset", 18, SUBJECT),
        Term("Subject", "Days|Subject_offset", 18, SUBJECT, DAYS),
    ),
    outcomes=_normal("Reaction"),
)
def sleepstudy() -> pm.Model:
    """Reaction times over ten days without sleep."""
    return _built(
        "Reaction ~ Days + (Days|Subject)",
        Reaction=REACTION,
        Days=DAYS,
        Subject=_labels(SUBJECT, "S"),
    )


@MODELS.add(
    roles=GAUSSIAN | {"Days": Role.COEFFICIENT} | _term("Days|Subject"),
    levels=(Term("Subject", "Days|Subject_offset", 18, np.where(DAYS > 0, SUBJECT, -1), DAYS),),
    outcomes=_normal("Reaction"),
)
def sleepstudy_slopes_only() -> pm.Model:
    """The same with slopes alone: on day 0 no subject differs."""
    return _built(
        "Reaction ~ Days + (0 + Days|Subject)",
        Reaction=REACTION,
        Days=DAYS,
        Subject=_labels(SUBJECT, "S"),
    )


HERD, PERIOD = np.repeat(np.arange(15), 4), np.tile(np.arange(4), 15)
HERD_SIZE = RNG.integers(5, 30, 60)


@MODELS.add(
    roles={"Intercept": Role.INTERCEPT, "period": Role.COEFFICIENT} | _term("1|herd"),
    levels=(Term("herd", "1|herd_offset", 15, HERD),),
    outcomes=(Likelihood("Binomial", "logit", name="p(incidence, size)"),),
)
def cbpp() -> pm.Model:
    """Incidence of a disease in herds of cattle over four periods."""
    return _built(
        "p(incidence, size) ~ period + (1|herd)",
        "binomial",
        incidence=np.random.default_rng(1).binomial(HERD_SIZE, 0.2),
        size=HERD_SIZE,
        herd=_labels(HERD, "h"),
        period=PERIOD.astype(str),
    )


BATCH = np.repeat(np.arange(6), 5)


@MODELS.add(
    roles=GAUSSIAN | _term("1|Batch"),
    levels=(Term("Batch", "1|Batch_offset", 6, BATCH),),
    outcomes=_normal("Yield"),
)
def dyestuff() -> pm.Model:
    """Yield of dyestuff from six batches."""
    return _built(
        "Yield ~ 1 + (1|Batch)",
        Yield=1500 + 50 * np.random.default_rng(1).normal(size=30),
        Batch=_labels(BATCH, "B"),
    )


PLATE, SAMPLE = np.repeat(np.arange(24), 6), np.tile(np.arange(6), 24)


@MODELS.add(
    roles=GAUSSIAN | _term("1|plate") | _term("1|sample"),
    levels=(
        Term("plate", "1|plate_offset", 24, PLATE),
        Term("sample", "1|sample_offset", 6, SAMPLE),
    ),
    outcomes=_normal("diameter"),
)
def penicillin() -> pm.Model:
    """Plates crossed with samples."""
    return _built(
        "diameter ~ 1 + (1|plate) + (1|sample)",
        diameter=23 + np.random.default_rng(1).normal(size=144),
        plate=_labels(PLATE, "p"),
        sample=_labels(SAMPLE, "s"),
    )


PASTE_BATCH = np.repeat(np.arange(10), 6)
CASK = np.tile(np.repeat(np.arange(3), 2), 10)


@MODELS.add(
    roles=GAUSSIAN | _term("1|batch") | _term("1|batch:cask"),
    levels=(
        Term("batch", "1|batch_offset", 10, PASTE_BATCH),
        Term("batch:cask", "1|batch:cask_offset", 30, PASTE_BATCH * 3 + CASK),
    ),
    nested={"batch:cask": ("batch",)},
    outcomes=_normal("strength"),
)
def pastes() -> pm.Model:
    """Casks within batches."""
    return _built(
        "strength ~ 1 + (1|batch/cask)",
        strength=60 + np.random.default_rng(1).normal(size=60),
        batch=_labels(PASTE_BATCH, "b"),
        cask=_labels(CASK, "c"),
    )


WORKER, MACHINE = np.repeat(np.arange(6), 9), np.tile(np.repeat(np.arange(3), 3), 6)


@MODELS.add(
    roles=GAUSSIAN | {"machine": Role.COEFFICIENT} | _term("1|worker") | _term("1|worker:machine"),
    levels=(
        Term("worker", "1|worker_offset", 6, WORKER),
        Term("worker:machine", "1|worker:machine_offset", 18, WORKER * 3 + MACHINE),
    ),
    nested={"worker:machine": ("worker",)},
    outcomes=_normal("score"),
)
def machines() -> pm.Model:
    """Workers on machines (Pinheiro and Bates): the interaction lies within workers."""
    return _built(
        "score ~ machine + (1|worker) + (1|worker:machine)",
        score=60 + np.random.default_rng(1).normal(size=54),
        worker=_labels(WORKER, "w"),
        machine=_labels(MACHINE, "m"),
    )


@MODELS.add(
    roles=GAUSSIAN | {"machine": Role.COEFFICIENT} | _term("machine|worker"),
    levels=tuple(
        Term("worker", "machine|worker_offset", 6, np.where(k == MACHINE, WORKER, -1))
        for k in range(3)
    ),
    outcomes=_normal("score"),
)
def machines_by_worker() -> pm.Model:
    """The same with an effect of every worker on each machine, a spread for every machine."""
    return _built(
        "score ~ machine + (0 + machine|worker)",
        score=60 + np.random.default_rng(1).normal(size=54),
        worker=_labels(WORKER, "w"),
        machine=_labels(MACHINE, "m"),
    )


CHILDREN, CAMPER = RNG.integers(0, 4, 250).astype(float), RNG.integers(0, 2, 250).astype(float)
PARTY = RNG.integers(0, 25, 250)


@MODELS.add(
    roles={
        "Intercept": Role.INTERCEPT,
        "child": Role.COEFFICIENT,
        "camper": Role.COEFFICIENT,
        "psi": Role.MIXTURE_WEIGHT,
    }
    | _term("1|party"),
    levels=(Term("party", "1|party_offset", 25, PARTY),),
    outcomes=(
        Likelihood(
            ("ZeroInflatedPoisson", "MarginalMixture", "Mixture"),
            "log",
            perhaps=("psi",),
            name="count",
        ),
    ),
)
def fish() -> pm.Model:
    """Fish caught by parties of campers, many none (brms)."""
    return _built(
        "count ~ child + camper + (1|party)",
        "zero_inflated_poisson",
        count=np.random.default_rng(1).poisson(2, 250)
        * np.random.default_rng(1).integers(0, 2, 250),
        child=CHILDREN,
        camper=CAMPER,
        party=_labels(PARTY, "p"),
    )


INHALED, PERSON = np.tile([0.5, -0.5], 286), np.repeat(np.arange(286), 2)


@MODELS.add(
    roles={"threshold": Role.CUTPOINTS, "treat": Role.COEFFICIENT} | _term("1|person"),
    levels=(Term("person", "1|person_offset", 286, PERSON),),
    outcomes=(Likelihood(ORDERED, "logit", name="rating"),),
)
def inhaler() -> pm.Model:
    """Clarity of the leaflet of an inhaler, four ordered ratings (brms)."""
    import pandas as pd

    rating = pd.Categorical(np.random.default_rng(1).integers(1, 5, 572), ordered=True)
    return _built(
        "rating ~ 0 + treat + (1|person)",
        "cumulative",
        rating=rating,
        treat=INHALED,
        person=_labels(PERSON, "p"),
    )


SCHOOL = np.repeat(np.arange(20), 15)
SES = RNG.normal(size=300)


@MODELS.add(
    roles=GAUSSIAN
    | {"nu": Role.DEGREES_OF_FREEDOM, "ses": Role.COEFFICIENT, "meanses": Role.COEFFICIENT}
    | {"ses:meanses": Role.COEFFICIENT}
    | _term("1|school")
    | _term("ses|school"),
    levels=(
        Term("school", "1|school_offset", 20, SCHOOL),
        Term("school", "ses|school_offset", 20, SCHOOL, SES),
    ),
    outcomes=(Likelihood("StudentT", noise=("sigma", "nu"), name="mathach"),),
)
def high_school_and_beyond() -> pm.Model:
    """Mathematics by social status within and between schools, robust errors."""
    between = np.bincount(SCHOOL, SES)[SCHOOL] / 15
    return _built(
        "mathach ~ ses * meanses + (ses|school)",
        "t",
        mathach=12 + np.random.default_rng(1).normal(size=300),
        ses=SES,
        meanses=between,
        school=_labels(SCHOOL, "s"),
    )
