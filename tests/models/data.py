"""Data the models share: 120 rows in 8 groups, crossed with 5 items, and 12 plots of 4 sites."""

import numpy as np

RNG = np.random.default_rng(42)
J, N = 8, 120
GROUP = np.sort(RNG.integers(0, J, N))
ITEM = RNG.integers(0, 5, N)
PLOT = RNG.integers(0, 12, N)
SITE_OF_PLOT = np.repeat(np.arange(4), 3)
SITE = SITE_OF_PLOT[PLOT]
X = RNG.normal(size=N)
Y = RNG.normal(size=N) + X
COUNTS = RNG.poisson(3, N)
BINARY = RNG.integers(0, 2, N)
COORDS = {
    "group": range(J),
    "item": range(5),
    "plot": range(12),
    "site": range(4),
    "term": ["intercept", "slope"],
}
