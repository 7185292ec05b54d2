"""Height of seedlings in eight plots: a warning, because a prior is far wider than the data."""

import numpy as np
import pymc as pm

import poolwise

PLOTS, PLANTS = 8, 12
rng = np.random.default_rng(3)
PLOT = np.repeat(np.arange(PLOTS), PLANTS)
HEIGHT = (20 + rng.normal(0, 2, PLOTS))[PLOT] + rng.normal(0, 3, PLOT.size)


@poolwise.spec(unit="cm")
def seedlings() -> pm.Model:
    with pm.Model(coords={"plot": range(PLOTS)}) as model:
        mu = pm.Normal("mu", 20, 10)
        tau = pm.HalfNormal("tau", 5)
        sigma = pm.HalfNormal("sigma", 500)
        z = pm.Normal("z", 0, 1, dims="plot")
        pm.Normal("height", mu + tau * z[PLOT], sigma, observed=HEIGHT)
    return model
