"""The specs that ``poolwise init`` writes: they run as they are."""

from __future__ import annotations

import random

FIRST_SPEC = '''"""A first spec. Review it with: poolwise review models.py"""

import numpy as np
import pymc as pm

import poolwise
from poolwise import Expect, Level

# Your data: one row per observation. These are made up: 10 sites with 8 rows each.
rng = np.random.default_rng(1)
SITES = [f"site {i}" for i in range(10)]
SITE = np.repeat(np.arange(10), 8)
Y = rng.normal(50, 5, size=10)[SITE] + rng.normal(0, 8, size=80)


# Every option is optional: without them the review uses defaults, and says so.
@poolwise.spec(
    unit="points",
    # Levels of the hierarchy: which variables are its effects, their location and their scale.
    levels={"site": Level(effect="site_mean", location="mu", scale="tau")},
    # What data should look like before you have seen them.
    expect=[Expect(of="y", stat="sd", between=(2, 40), prob=0.9, why="the scale ends at 100")],
    # Other priors that a reader might have chosen.
    priors={"tau": [pm.Exponential.dist(1 / 5), pm.HalfNormal.dist(20)]},
    # What you will report, and what you will decide. 'post' is the posterior, an xarray Dataset.
    quantities={"best site": lambda post: post["site_mean"].max("site")},
    decisions={"the average is above 45": lambda post: post["mu"] > 45},
)
def sites() -> pm.Model:
    with pm.Model(coords={"site": SITES}) as model:
        mu = pm.Normal("mu", 50, 15)
        tau = pm.HalfNormal("tau", 10)
        sigma = pm.HalfNormal("sigma", 15)
        z = pm.Normal("z", 0, 1, dims="site")
        site_mean = pm.Deterministic("site_mean", mu + tau * z, dims="site")
        pm.Normal("y", site_mean[SITE], sigma, observed=Y)
    return model
'''

FIRST_TOML = """# A first spec without Python. Review it with: poolwise review {path}

# Your data, beside this file: CSV, Parquet or NetCDF. These are made up: 10 sites with 8 rows each.
data = {{file = "{data}", categorical = ["site"]}}

# Formula and families are those of Bambi (pip install 'poolwise[bambi]').
formula = "y ~ 1 + (1|site)"
family = "gaussian"

# Everything below is optional: without it the review uses defaults, and says so.
unit = "points"

[priors]
Intercept = {{dist = "Normal", mu = 50, sigma = 15}}
"1|site" = {{dist = "Normal", mu = 0, sigma = {{dist = "HalfNormal", sigma = 10}}}}
sigma = {{dist = "HalfNormal", sigma = 15}}

# What data should look like before you have seen them.
[[expect]]
of = "y"
stat = "sd"
between = [2, 40]
prob = 0.9
why = "the scale ends at 100"

# Other priors that a reader might have chosen.
[alternatives]
"1|site_sigma" = [{{dist = "Exponential", scale = 5}}, {{dist = "HalfNormal", sigma = 20}}]

# What you will report, and what you will decide, per draw of the posterior.
[quantities]
"best site" = "Intercept + max(`1|site`)"

[decisions]
"the average is above 45" = "Intercept > 45"
"""


def first_data() -> str:
    """Return the made-up data of the first TOML spec, as CSV."""
    made = random.Random(1)
    rows = ["site,y"]
    for site in range(10):
        mean = made.gauss(50, 5)
        rows += [f"site {site},{made.gauss(mean, 8):.1f}" for _ in range(8)]
    return "\n".join(rows) + "\n"
