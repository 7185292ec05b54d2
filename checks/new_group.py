"""What to expect of a group without data, from the population of groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from .draws import INTERVAL, Array, chains_first, interval_ends, mcse_of_mean, over_groups
from .lazy import array_stats
from .needs import needs


@dataclass(frozen=True, slots=True)
class Prediction:
    """Predictive distribution of one target, a mixture over the draws.

    Attributes
    ----------
    target : str
        ``effect of a new group``, ``mean of a row in a new group`` or ``new observation in a new
        group``; for a level inside another one, of an observed or of a new parent.
    mean, mcse : float
        In the unit of the effect or of the outcome, with the Monte Carlo standard error.
    median, median_mcse : float
    low, low_mcse, high, high_mcse : float
        Ends of the equal-tailed interval.
    probability : float
        Of the interval.
    """

    target: str
    mean: float
    mcse: float
    median: float
    median_mcse: float
    low: float
    low_mcse: float
    high: float
    high_mcse: float
    probability: float


def predict_new_group(level: xr.Dataset, *, probability: float = INTERVAL) -> list[Prediction]:
    r"""Predict the effect of a group without data, and one observation in it.

    The effect is :math:`N(\mu, \tau^2)` and the observation
    :math:`N(x\mu + o, x^2\tau^2 + \sigma^2)` given the parameters, mixed over the draws. Ends of
    intervals solve for quantiles of that mixture, so that no simulation adds to the Monte Carlo
    error of the draws.

    Parameters
    ----------
    level : xarray.Dataset
        ``location`` and ``scale`` (chain, draw[, group]); for the observation also
        ``noise_variance`` and ``other`` (chain, draw, group) and ``design`` (group). A new group is
        one with the average covariates of the observed groups and the average variance of their
        noise. Effects must be normal given location and scale. Where the level holds
        ``new_group_draws`` (predicted, chain, predicted_draw) these are summarised instead,
        whatever likelihood and effects: at the covariates of a row that is chosen at random.
    probability : float, default 0.89

    Returns
    -------
    list of Prediction
        The effect, and the observation where noise is known; from draws also the mean of a row, on
        the scale of the outcome. Readers who see only the first
        overestimate how much groups differ from each other in single observations (Hofman,
        Goldstein and Hullman 2020, doi:10.1145/3313831.3376454).

    Raises
    ------
    ValueError
        If the level has no location or scale, or the probability is not between 0 and 1.

    References
    ----------
    Higgins, Thompson and Spiegelhalter (2009), doi:10.1111/j.1467-985X.2008.00552.x.
    """
    needs(level, "location", "scale")
    if not 0 < probability < 1:
        raise ValueError(f"probability={probability} is not between 0 and 1")
    if "new_group_draws" in level:
        return [
            _from_draws(str(name), level["new_group_draws"].sel(predicted=name), probability)
            for name in level["predicted"].values
        ]
    location, variance = over_groups(level["location"]), over_groups(level["scale"] ** 2)
    found = [_predict("effect of a new group", location, variance, probability)]
    if "noise_variance" not in level:
        return found
    known = level
    if "rows" in level:
        known = level.isel(group=np.asarray(level["rows"].values) > 0)
    design = known["design"]
    squared = known["design_squared"] / known["rows"] if "rows" in known else design**2
    mean = over_groups(known["location"] * design + known["other"])
    spread = over_groups(known["scale"] ** 2 * squared + known["noise_variance"])
    if not bool(np.allclose(squared, float(design.mean()) ** 2)):
        return found  # rows of one group differ in how much of its effect they hold
    found.append(_predict("new observation in a new group", mean, spread, probability))
    return found


def _from_draws(target: str, draws: xr.DataArray, probability: float) -> Prediction:
    draws = draws.rename(predicted_draw="draw")
    low, high = interval_ends(probability)
    ends = [_quantile_of_draws(draws, q) for q in (0.5, low, high)]
    return Prediction(
        target,
        float(draws.mean()),
        mcse_of_mean(draws),
        *ends[0],
        *ends[1],
        *ends[2],
        probability,
    )


def _predict(
    target: str, mean: xr.DataArray, variance: xr.DataArray, probability: float
) -> Prediction:
    mean, variance = xr.broadcast(mean, variance)
    low, high = interval_ends(probability)
    ends = [_quantile(mean, variance**0.5, q) for q in (low, 0.5, high)]
    return Prediction(
        target,
        float(mean.mean()),
        mcse_of_mean(mean),
        *ends[1],
        *ends[0],
        *ends[2],
        probability,
    )


def _quantile(mean: xr.DataArray, sd: xr.DataArray, q: float) -> tuple[float, float]:
    """Return a quantile of a mixture of normals and its Monte Carlo standard error."""
    from scipy.optimize import brentq
    from scipy.special import ndtr

    centre = np.asarray(mean.values, dtype=float)
    width = np.asarray(sd.values, dtype=float)
    if width.max() == 0:  # no spread at any draw: quantiles of the location
        return _quantile_of_draws(mean, q)
    width = np.maximum(width, 1e-300)

    def below(x: float) -> Array:
        with np.errstate(over="ignore"):
            return np.asarray(ndtr((x - centre) / width))

    reach = 40 * float(width.max())
    low, high = float(centre.min()) - reach, float(centre.max()) + reach
    share: Callable[[float], float] = lambda x: float(below(x).mean()) - q  # noqa: E731
    x = float(brentq(share, low, high, xtol=1e-13 * (high - low)))
    per_draw = mean.copy(data=below(x))
    with np.errstate(under="ignore", over="ignore"):
        heights = np.exp(-0.5 * ((x - centre) / width) ** 2) / (width * np.sqrt(2 * np.pi))
    density = float(heights.mean())
    mcse = mcse_of_mean(per_draw) / density if density > 0 else float("nan")
    return x, mcse


def _quantile_of_draws(draws: xr.DataArray, q: float) -> tuple[float, float]:
    values = chains_first(draws)
    if np.ptp(values) == 0:
        return float(values.flat[0]), 0.0
    mcse = float(array_stats.mcse(values, method="quantile", prob=q))
    return float(np.quantile(values, q)), mcse
