"""Values along time or a curve."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt

from poolwise.checks.hierarchy import Role

from .data import N, Y
from .expected import Collection, Likelihood

MODELS = Collection()

TIME = np.random.default_rng(8).integers(0, 15, N)
GRID = np.linspace(0, 1, 20)[:, None]
GRID_COUNTS = np.random.default_rng(9).poisson(3, 20)
POISSON = (Likelihood("Poisson", "log"),)


@MODELS.add(
    roles={
        "innovation": Role.PROCESS_PARAMETER,
        "rho": Role.PROCESS_PARAMETER,
        "ar": Role.PROCESS,
        "a": Role.INTERCEPT,
        "sigma": Role.NOISE,
    },
    outcomes=(Likelihood("Normal", noise=("sigma",)),),
)
def autoregression() -> pm.Model:
    """An effect of time that remembers."""
    with pm.Model(coords={"time": range(15)}) as model:
        innovation = pm.HalfNormal("innovation", 1)
        rho = pm.Uniform("rho", -1, 1)
        start = pm.Normal.dist(0, 1)
        ar = pm.AR("ar", rho=pt.stack([rho]), sigma=innovation, init_dist=start, dims="time")
        a = pm.Normal("a", 0, 1)
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", a + ar[TIME], sigma, observed=Y)
    return model


@MODELS.add(
    roles={
        "length": Role.PROCESS_PARAMETER,
        "amplitude": Role.PROCESS_PARAMETER,
        "f_rotated_": Role.PROCESS,
        "a": Role.INTERCEPT,
    },
    outcomes=POISSON,
)
def gaussian_process() -> pm.Model:
    """Log rates along a curve."""
    with pm.Model() as model:
        length = pm.InverseGamma("length", 5, 5)
        amplitude = pm.HalfNormal("amplitude", 1)
        covariance = amplitude**2 * pm.gp.cov.ExpQuad(1, ls=length)
        f = pm.gp.Latent(cov_func=covariance).prior("f", X=GRID)
        pm.Poisson("y", pm.math.exp(pm.Normal("a", 0, 1) + f), observed=GRID_COUNTS)
    return model


@MODELS.add(
    roles={
        "length": Role.PROCESS_PARAMETER,
        "amplitude": Role.PROCESS_PARAMETER,
        "f_hsgp_coeffs": Role.PROCESS,
        "a": Role.INTERCEPT,
    },
    outcomes=POISSON,
)
def gaussian_process_by_basis() -> pm.Model:
    """The same, approximated by eight basis functions."""
    with pm.Model() as model:
        length = pm.InverseGamma("length", 5, 5)
        amplitude = pm.HalfNormal("amplitude", 1)
        covariance = amplitude**2 * pm.gp.cov.ExpQuad(1, ls=length)
        f = pm.gp.HSGP(m=[8], c=1.5, cov_func=covariance).prior("f", X=GRID)
        pm.Poisson("y", pm.math.exp(pm.Normal("a", 0, 1) + f), observed=GRID_COUNTS)
    return model


@MODELS.add(
    roles={
        "scale": Role.PROCESS_PARAMETER,
        "rho": Role.PROCESS_PARAMETER,
        "innovations": Role.PROCESS,
        "sigma": Role.NOISE,
    },
    outcomes=(Likelihood("Normal", noise=("sigma",)),),
)
def autoregression_in_a_loop() -> pm.Model:
    """An autoregressive state whose innovations enter inside ``scan``."""
    steps = 12
    with pm.Model() as model:
        scale = pm.HalfNormal("scale", 1)
        innovations = pm.Normal("innovations", 0, 1, shape=steps)
        rho = pm.Uniform("rho", 0, 1)
        sigma = pm.HalfNormal("sigma", 1)
        state = pytensor.scan(
            lambda e, previous, r, s: r * previous + s * e,
            sequences=[innovations],
            outputs_info=[pt.zeros(())],
            non_sequences=[rho, scale],
            return_updates=False,
        )
        pm.Normal("y", state, sigma, observed=np.random.default_rng(10).normal(size=steps))
    return model
