"""Readmissions to 300 clinics: a logistic model whose groups have few rows, some of them very few.

Simulated from a fixed seed: no such clinics exist, and the truth is known. Clinics differ in their
log odds of readmission with standard deviation 0.4; older patients return more often. Half of the
clinics saw fewer than 40 patients: their own rates say little, and ranking clinics by them finds
the smallest ones. This is what pooling on the logit scale corrects.
"""

import numpy as np
import pymc as pm

import poolwise
from poolwise import Expect

#: What the simulation holds: log odds of a younger patient, of an older one less that, and the
#: standard deviation of the log odds between clinics.
INTERCEPT, OLDER, SPREAD = -1.7, 0.5, 0.4

CLINICS = [f"clinic {j:03d}" for j in range(1, 301)]


def admissions(seed: int = 300) -> dict[str, np.ndarray]:
    """Return two rows per clinic, of younger and older patients.

    Returns
    -------
    dict of ndarray
        ``clinic`` and ``older`` (0 or 1), ``patients`` and ``readmitted`` (counts), each of shape
        (600,); ``log_odds`` of shape (300,), the true deviations of the clinics.
    """
    rng = np.random.default_rng(seed)
    clinic, older = np.repeat(np.arange(300), 2), np.tile([0, 1], 300)
    patients = 1 + rng.negative_binomial(1, 1 / 20, size=600)
    log_odds = SPREAD * rng.normal(size=300)
    chance = 1 / (1 + np.exp(-(INTERCEPT + OLDER * older + log_odds[clinic])))
    return {
        "clinic": clinic,
        "older": older,
        "patients": patients,
        "readmitted": rng.binomial(patients, chance),
        "log_odds": log_odds,
    }


SEEN = admissions()


@poolwise.spec(
    unit="patients",
    expect=[
        Expect(of="readmitted", stat="mean", between=(0.2, 15), prob=0.9, why="of about 20 a row"),
    ],
    quantities={
        "odds ratio of older patients": lambda post: np.exp(post["older"]),
        "highest log odds": lambda post: post["clinic_effect"].max("clinic"),
    },
    decisions={
        "older patients return more often": lambda post: post["older"] > 0,
        "clinics differ": lambda post: post["spread"] > 0.1,
    },
)
def clinics() -> pm.Model:
    """Varying intercepts of 300 clinics on the logit scale."""
    coords = {"clinic": CLINICS, "row": np.arange(len(SEEN["clinic"]))}
    with pm.Model(coords=coords) as model:
        clinic = pm.Data("clinic_index", SEEN["clinic"], dims="row")
        is_older = pm.Data("is_older", SEEN["older"].astype(float), dims="row")
        patients = pm.Data("patients", SEEN["patients"], dims="row")

        intercept = pm.Normal("intercept", -1.5, 1)
        older = pm.Normal("older", 0, 1)
        spread = pm.HalfNormal("spread", 1)
        offset = pm.Normal("offset", 0, 1, dims="clinic")
        effect = pm.Deterministic("clinic_effect", intercept + spread * offset, dims="clinic")
        pm.Binomial(
            "readmitted",
            n=patients,
            logit_p=effect[clinic] + older * is_older,
            observed=SEEN["readmitted"],
            dims="row",
        )
    return model
