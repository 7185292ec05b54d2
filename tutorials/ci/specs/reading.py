"""Reading speed in forty schools: enough groups and pupils to decide how strongly to pool."""

import numpy as np
import pymc as pm

import poolwise
from poolwise import Expect

SCHOOLS, PUPILS = 40, 15
rng = np.random.default_rng(20)
SCHOOL = np.repeat(np.arange(SCHOOLS), PUPILS)
SPEED = (90 + rng.normal(0, 8, SCHOOLS))[SCHOOL] + rng.normal(0, 12, SCHOOL.size)


@poolwise.spec(
    unit="words per minute",
    expect=[Expect(of="speed", stat="sd", between=(5, 80), prob=0.9, why="adults read at 200")],
    decisions={"faster than the norm": lambda post: post["mu"] > 80},
)
def reading() -> pm.Model:
    with pm.Model(coords={"school": range(SCHOOLS)}) as model:
        mu = pm.Normal("mu", 100, 20)
        tau = pm.HalfNormal("tau", 15)
        sigma = pm.HalfNormal("sigma", 20)
        theta = pm.Normal("theta", mu, tau, dims="school")
        pm.Normal("speed", theta[SCHOOL], sigma, observed=SPEED)
    return model
