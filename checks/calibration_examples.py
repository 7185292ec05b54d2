"""A made-up calibration whose fits are exact: a normal mean with a normal prior.

mu ~ N(0, 1), five rows y ~ N(mu, 1): the posterior is N(5/6 * mean(y), 1/6). A keyword then breaks
one thing at a time.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from .evidence import Evidence
from .ranks import Ranks, ranks

_ROWS, _KEPT = 5, 200


def calibration(
    *,
    simulations: int = 200,
    bias: float = 0.0,
    sd_claimed: float = 1.0,
    sticky: float = 0.0,
    rounded: bool = False,
    divergent: int = 0,
    lost: int = 0,
    constant: int = 0,
    base_rhat: float = float("nan"),
    seed: int = 1,
) -> Evidence:
    """Return a calibration of a normal mean, with one thing broken.

    Parameters
    ----------
    simulations
        How many data sets.
    bias, sd_claimed
        Of the fits, in posterior standard deviations, and as a factor.
    sticky
        Autocorrelation of the draws.
    rounded
        Whether true values and draws are rounded, so that many are equal.
    divergent, lost, constant
        How many fits have divergences, could not be made, hold constant data.
    base_rhat
        Of the fit that true values were drawn from.
    """
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=simulations)
    seen = truth + rng.normal(size=simulations) / np.sqrt(_ROWS)
    centre, sd = seen * _ROWS / (_ROWS + 1), np.sqrt(1 / (_ROWS + 1))
    draws = _draws(rng, simulations, sticky)
    mu = centre[:, None] + sd * (bias + sd_claimed * draws)
    if rounded:
        truth, mu = np.round(truth, 1), np.round(mu, 1)
    # The sum of squared residuals, but for a constant: it depends on the data.
    fit, true_fit = (-0.5 * _ROWS * (seen[:, None] - v) ** 2 for v in (mu, truth[:, None]))
    quantities = ["mu", "log-likelihood"]
    truths, drawn = np.stack([truth, true_fit[:, 0]], axis=1), np.stack([mu, fit], axis=1)
    names = ("truth", "mean", "sd", "iqr", "pit", "ess", "below", "ties", "kept")
    values = {name: np.full((simulations, len(quantities)), np.nan) for name in names}
    for i in range(lost, simulations):
        found = _ranks(truths[i], drawn[i], sticky)
        numbers = (
            truths[i],
            drawn[i].mean(axis=1),
            drawn[i].std(axis=1, ddof=1),
            np.subtract(*np.quantile(drawn[i], [0.75, 0.25], axis=1)),
            found.pit(rng.uniform(size=len(quantities))),
            found.ess,
            found.below,
            found.ties,
            found.kept,
        )
        for name, value in zip(names, numbers, strict=True):
            values[name][i] = value
    index = np.arange(simulations)
    dims = ("simulation", "quantity")
    one = {
        "status": np.where(index < lost, "lost", "fitted"),
        "reason": np.where(index < lost, "values that are not finite", ""),
        "constant": index >= simulations - constant,
        "divergences": np.where(index >= simulations - divergent, 3, 0),
        "largest_rhat": np.full(simulations, 1.003),
        "smallest_ess": np.full(simulations, float(_KEPT)),
    }
    dataset = xr.Dataset(
        {
            **{name: (dims, value) for name, value in values.items()},
            **{name: ("simulation", value) for name, value in one.items()},
            "of_data": ("quantity", [False, True]),
        },
        coords={"simulation": index, "quantity": quantities},
        attrs={"kind": "prior", "base_rhat": base_rhat},
    )
    return Evidence(xr.DataTree.from_dict({"calibration": dataset}))


def _draws(rng: np.random.Generator, simulations: int, sticky: float) -> np.ndarray:
    if not sticky:
        return rng.normal(size=(simulations, _KEPT))
    noise = rng.normal(size=(simulations, 3 * _KEPT))
    walk = noise.copy()
    for t in range(1, walk.shape[1]):
        walk[:, t] = sticky * walk[:, t - 1] + np.sqrt(1 - sticky**2) * noise[:, t]
    return walk


def _ranks(truths: np.ndarray, draws: np.ndarray, sticky: float) -> Ranks:
    if sticky:
        return ranks(truths, draws[:, None])
    # Independent draws need no thinning.
    below, ties = ((f(draws, truths[:, None])).sum(axis=1) for f in (np.less, np.equal))
    every = np.full(len(truths), _KEPT)
    return Ranks(below, ties, every, every.astype(float))
