"""A blurred signal, restored: ridge regression whose penalty tunes itself.

The integral equation of Phillips (1962, doi:10.1145/321105.321114), a standard test problem for
regularization: what is seen is the signal smeared out by a bell-shaped kernel, plus noise. To
restore it, Tikhonov penalises the second derivative of the signal, with a weight λ that has to be
chosen. Here the second derivatives are related effects, Normal(0, tau): λ = sigma²/tau² then has a
posterior, and the restored signal takes into account how uncertain it is. Everything is made up
from a fixed seed: nothing is downloaded, and the true signal is known.
"""

import numpy as np
import pymc as pm

import poolwise
from poolwise import Expect, Level

#: Places where the signal is wanted, and where the blurred one is seen.
POINTS = 48

WIDTH = 12 / POINTS
PLACES = -6 + WIDTH * (np.arange(POINTS) + 0.5)


def bell(distance: np.ndarray) -> np.ndarray:
    """Return the kernel, which is also the true signal: a cosine bell of half-width 3."""
    return np.where(np.abs(distance) < 3, 1 + np.cos(np.pi * distance / 3), 0.0)


#: Blurs a signal: the midpoint rule for the integral.
BLUR = WIDTH * bell(PLACES[:, None] - PLACES)
SIGNAL = bell(PLACES)

#: Second derivatives of a signal, and the smallest signal that has them.
SECOND_DERIVATIVE = np.diff(np.eye(POINTS), 2, axis=0) / WIDTH**2
INTEGRATE = np.linalg.pinv(SECOND_DERIVATIVE)

#: Patterns of second derivatives, from the one that blurring weakens least. Equal and independent
#: normal priors stay so when rotated; in this basis the rows, too, inform each effect on its own,
#: which is what makes it fast to sample.
PATTERNS = np.linalg.svd(BLUR @ INTEGRATE)[2].T

#: Patterns the rows say much about, which are sampled as they are; the others relative to tau.
CLEAR = 8

#: Standard deviation of the noise, about 2% of what is seen.
NOISE = 0.1

#: Readings that a faulty instrument gets wrong in the second spec, and by how much.
FAULTY = {9: 2.0, 21: -3.0, 30: 2.5, 38: -2.0}


def readings(seed: int = 1962, noise: float = NOISE) -> np.ndarray:
    """Return the blurred signal with noise."""
    return BLUR @ SIGNAL + noise * np.random.default_rng(seed).normal(size=POINTS)


def _restored() -> tuple[pm.Model, np.ndarray]:
    """Build the part both specs share: the signal and its blurred image."""
    coords = {
        "place": PLACES.round(3),
        "pattern": np.arange(POINTS - 2),
        "faint": np.arange(CLEAR, POINTS - 2),
    }
    with pm.Model(coords=coords) as model:
        level = pm.Normal("level", 0, 5)
        slope = pm.Normal("slope", 0, 2)
        tau = pm.HalfStudentT("tau", nu=3, sigma=1)
        clear = pm.Normal("clear", 0, tau, shape=CLEAR)
        faint = tau * pm.Normal("faint_z", 0, 1, dims="faint")
        curvature = pm.Deterministic(
            "curvature", pm.math.concatenate([clear, faint]), dims="pattern"
        )
        signal = pm.Deterministic(
            "signal", level + slope * PLACES + INTEGRATE @ PATTERNS @ curvature, dims="place"
        )
    return model, BLUR @ signal


@poolwise.spec(
    unit="V",
    levels={"curvature": Level(effect="curvature", scale="tau")},
    expect=[Expect(of="seen", stat="sd", between=(0.05, 100), prob=0.9, why="a 100 V instrument")],
    quantities={
        "peak": lambda post: post["signal"].max("place"),
        "log10 penalty": lambda post: 2 * np.log10(post["sigma"] / post["tau"]),
    },
    decisions={"peak above 1.8 V": lambda post: post["signal"].max("place") > 1.8},
)
def deconvolution() -> pm.Model:
    """Normal noise: given sigma and tau the signal is the Tikhonov solution."""
    model, blurred = _restored()
    with model:
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("seen", blurred, sigma, observed=readings(), dims="place")
    return model


@poolwise.spec(
    unit="V",
    levels={"curvature": Level(effect="curvature", scale="tau")},
    quantities={"peak": lambda post: post["signal"].max("place")},
    decisions={"peak above 1.8 V": lambda post: post["signal"].max("place") > 1.8},
)
def deconvolution_with_faults() -> pm.Model:
    """Four faulty readings, and Student-t noise that need not follow them.

    They are too wrong for that noise: a review says that the model does not reproduce the data, and
    names the four places (PPC404). The signal is restored all the same.
    """
    seen = readings()
    for place, error in FAULTY.items():
        seen[place] += error
    model, blurred = _restored()
    with model:
        sigma = pm.HalfNormal("sigma", 1)
        pm.StudentT("seen", nu=4, mu=blurred, sigma=sigma, observed=seen, dims="place")
    return model
