"""Reaction times of 18 subjects over days of little sleep (Belenky et al. 2003).

Every subject has an own intercept and an own slope over days: two levels over the same groups,
each with its own strength of pooling. The published analysis lets the two correlate; by REML that
correlation is 0.07, and here they are independent.
"""

import csv
from pathlib import Path

import numpy as np
import pymc as pm

import poolwise
from poolwise import Expect

with (Path(__file__).parent / "data" / "sleepstudy.csv").open() as file:
    ROWS = list(csv.DictReader(file))

SUBJECTS = list(dict.fromkeys(row["Subject"] for row in ROWS))
SUBJECT = np.array([SUBJECTS.index(row["Subject"]) for row in ROWS])
DAYS = np.array([float(row["Days"]) for row in ROWS])


@poolwise.spec(
    unit="ms",
    expect=[
        Expect(of="reaction", stat="mean", between=(100, 600), prob=0.9, why="human reactions"),
        Expect(of="reaction", stat="min", between=(0, 400), prob=0.5, why="none is negative"),
    ],
    quantities={"slowest decline": lambda post: post["slope"].min("subject")},
    decisions={
        "little sleep slows the average subject": lambda post: post["slope_mean"] > 0,
        "it slows every one of these subjects": lambda post: post["slope"].min("subject") > 0,
    },
)
def sleepstudy() -> pm.Model:
    """Varying intercepts and slopes by subject."""
    coords = {"subject": SUBJECTS, "row": np.arange(len(ROWS))}
    with pm.Model(coords=coords) as model:
        subject = pm.Data("subject_index", SUBJECT, dims="row")
        days = pm.Data("days", DAYS, dims="row")

        start_mean = pm.Normal("start_mean", 300, 100)
        slope_mean = pm.Normal("slope_mean", 0, 20)
        start_sd = pm.HalfNormal("start_sd", 50)
        slope_sd = pm.HalfNormal("slope_sd", 10)
        sigma = pm.HalfNormal("sigma", 50)

        start = pm.Normal("start", start_mean, start_sd, dims="subject")
        slope = pm.Normal("slope", slope_mean, slope_sd, dims="subject")
        mean = start[subject] + slope[subject] * days
        times = [float(row["Reaction"]) for row in ROWS]
        pm.Normal("reaction", mean, sigma, observed=times, dims="row")
    return model
