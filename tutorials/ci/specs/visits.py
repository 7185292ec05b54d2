"""Visits to clinics: a failure, because the prior expects more visitors than there are people."""

import numpy as np
import pymc as pm

import poolwise
from poolwise import Expect

CLINICS, WEEKS = 8, 12
rng = np.random.default_rng(5)
CLINIC = np.repeat(np.arange(CLINICS), WEEKS)
VISITS = rng.poisson(np.exp(3 + rng.normal(0, 0.3, CLINICS))[CLINIC])


@poolwise.spec(
    unit="visits",
    expect=[Expect(of="visits", stat="max", between=(1, 2000), prob=0.9, why="2,000 live here")],
)
def visits() -> pm.Model:
    with pm.Model(coords={"clinic": range(CLINICS)}) as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfNormal("tau", 1)
        z = pm.Normal("z", 0, 1, dims="clinic")
        pm.Poisson("visits", pm.math.exp(mu + tau * z[CLINIC]), observed=VISITS)
    return model
