"""Plots within sites."""

from __future__ import annotations

import pymc as pm

from poolwise.checks.hierarchy import Role

from .data import COORDS, PLOT, SITE, SITE_OF_PLOT, Y
from .expected import Collection, Likelihood, Term

MODELS = Collection()

NORMAL = (Likelihood("Normal", noise=("sigma",)),)
NESTED = {"plot": ("site",)}


@MODELS.add(
    roles={
        "mu": Role.LOCATION,
        "s_site": Role.SCALE,
        "s_plot": Role.SCALE,
        "site_mean": Role.GROUP_EFFECT,
        "plot_mean": Role.GROUP_EFFECT,
        "sigma": Role.NOISE,
    },
    levels=(
        Term("site", "site_mean", 4, SITE_OF_PLOT, form="centred", enters="plot"),
        Term("plot", "plot_mean", 12, PLOT, form="centred"),
    ),
    nested=NESTED,
    outcomes=NORMAL,
)
def nested_centred() -> pm.Model:
    """Plot means around site means around a common mean."""
    with pm.Model(coords=COORDS) as model:
        mu = pm.Normal("mu", 0, 5)
        s_site, s_plot = pm.HalfNormal("s_site", 1), pm.HalfNormal("s_plot", 1)
        site = pm.Normal("site_mean", mu, s_site, dims="site")
        plot = pm.Normal("plot_mean", site[SITE_OF_PLOT], s_plot, dims="plot")
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", plot[PLOT], sigma, observed=Y)
    return model


@MODELS.add(
    roles={
        "mu": (Role.LOCATION, Role.INTERCEPT),
        "s_site": Role.SCALE,
        "s_plot": Role.SCALE,
        "z_site": Role.OFFSET,
        "z_plot": Role.OFFSET,
        "sigma": Role.NOISE,
    },
    levels=(
        Term("site", "z_site", 4, SITE, via=("plot", SITE_OF_PLOT)),
        Term("plot", "z_plot", 12, PLOT),
    ),
    nested=NESTED,
    outcomes=NORMAL,
)
def nested_noncentred() -> pm.Model:
    """The same with offsets for both."""
    with pm.Model(coords=COORDS) as model:
        mu = pm.Normal("mu", 0, 5)
        s_site, s_plot = pm.HalfNormal("s_site", 1), pm.HalfNormal("s_plot", 1)
        z_site = pm.Normal("z_site", 0, 1, dims="site")
        z_plot = pm.Normal("z_plot", 0, 1, dims="plot")
        plot = mu + (s_site * z_site)[SITE_OF_PLOT] + s_plot * z_plot
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", plot[PLOT], sigma, observed=Y)
    return model
