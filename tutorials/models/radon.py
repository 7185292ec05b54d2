"""Radon in 919 houses of 85 Minnesota counties (Gelman and Hill 2006, chapter 12)."""

import csv
from pathlib import Path

import numpy as np
import pymc as pm

import poolwise
from poolwise import Expect

with (Path(__file__).parent / "data" / "radon_mn.csv").open() as file:
    ROWS = list(csv.DictReader(file))

COUNTIES = list(dict.fromkeys(row["county"].strip() for row in ROWS))
COUNTY = np.array([COUNTIES.index(row["county"].strip()) for row in ROWS])
FLOOR = np.array([float(row["floor"]) for row in ROWS])
LOG_RADON = np.array([float(row["log_radon"]) for row in ROWS])
URANIUM = np.zeros(len(COUNTIES))
URANIUM[COUNTY] = [float(row["log_uranium"]) for row in ROWS]


@poolwise.spec(
    unit="log pCi/L",
    expect=[
        Expect(of="log_radon", stat="q95", between=(-1, 8), prob=0.9, why="houses over 3000 pCi/L"),
        Expect(of="log_radon", stat="sd", between=(0.2, 3), prob=0.9, why="within a factor of 20"),
    ],
    quantities={
        "highest county": lambda post: post["alpha"].max("county"),
        "ratio ground floor to basement": lambda post: np.exp(post["floor_effect"]),
    },
    decisions={
        "less radon on the ground floor": lambda post: post["floor_effect"] < 0,
        "uranium matters": lambda post: post["uranium_effect"] > 0.3,
    },
)
def radon() -> pm.Model:
    """Varying intercepts by county, with floor by house and uranium by county."""
    with pm.Model(coords={"county": COUNTIES, "house": np.arange(len(ROWS))}) as model:
        county = pm.Data("county_index", COUNTY, dims="house")
        floor = pm.Data("floor", FLOOR, dims="house")
        uranium = pm.Data("log_uranium", URANIUM, dims="county")

        intercept = pm.Normal("intercept", 1, 2)
        uranium_effect = pm.Normal("uranium_effect", 0, 1)
        floor_effect = pm.Normal("floor_effect", 0, 1)
        tau = pm.HalfNormal("tau", 1)
        sigma = pm.HalfNormal("sigma", 1)

        county_mean = pm.Deterministic(
            "county_mean", intercept + uranium_effect * uranium, dims="county"
        )
        offset = pm.Normal("offset", 0, 1, dims="county")
        alpha = pm.Deterministic("alpha", county_mean + tau * offset, dims="county")
        mean = alpha[county] + floor_effect * floor
        pm.Normal("log_radon", mean, sigma, observed=LOG_RADON, dims="house")
    return model
