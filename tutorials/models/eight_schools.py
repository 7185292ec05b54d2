"""Eight schools (Rubin 1981): does coaching help, and in which school?"""

import csv
from pathlib import Path

import numpy as np
import pymc as pm

import poolwise
from poolwise import Expect, Level

with (Path(__file__).parent / "data" / "eight_schools.csv").open() as file:
    ROWS = list(csv.DictReader(file))


@poolwise.spec(
    unit="SAT points",
    levels={"school": Level(effect="theta", location="mu", scale="tau")},
    expect=[
        Expect(of="y", stat="sd", between=(1, 60), prob=0.9, why="SAT scores have sd 100"),
        Expect(of="theta", stat="max", between=(-60, 60), prob=0.9, why="coaching is no miracle"),
    ],
    priors={
        "tau": [pm.HalfNormal.dist(5), pm.Exponential.dist(1 / 5), pm.HalfCauchy.dist(25)],
    },
    quantities={"best school": lambda post: post["theta"].max("school")},
    decisions={
        "coaching helps on average": lambda post: post["mu"] > 0,
        "school A beats the average": lambda post: post["theta"].sel(school="A") > post["mu"],
        "school A gains over 10 points": lambda post: post["theta"].sel(school="A") > 10,
    },
)
def eight_schools() -> pm.Model:
    """Known standard errors, non-centred effects."""
    with pm.Model(coords={"school": [row["school"] for row in ROWS]}) as model:
        sigma = pm.Data("sigma", np.array([float(row["sigma"]) for row in ROWS]), dims="school")
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfCauchy("tau", 5)
        z = pm.Normal("z", 0, 1, dims="school")
        theta = pm.Deterministic("theta", mu + tau * z, dims="school")
        pm.Normal("y", theta, sigma, observed=[float(row["y"]) for row in ROWS], dims="school")
    return model
