"""What a scientist expects of data before seeing them, declared on a spec."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .draws import Array

Statistic = Callable[[Array], Array]

#: Statistics of one data set, over the last axis of an array of data sets.
STATISTICS: dict[str, Statistic] = {
    "mean": lambda y: y.mean(-1),
    "sd": lambda y: y.std(-1, ddof=1) if y.shape[-1] > 1 else np.full(y.shape[:-1], np.nan),
    "min": lambda y: y.min(-1),
    "max": lambda y: y.max(-1),
    "median": lambda y: np.median(y, axis=-1),
    "q05": lambda y: np.quantile(y, 0.05, axis=-1),
    "q95": lambda y: np.quantile(y, 0.95, axis=-1),
    "share_zero": lambda y: (y == 0).mean(-1),
    "each": lambda y: y,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """An expectation on data simulated from the prior.

    Parameters
    ----------
    of : str
        An outcome, or any variable of the model.
    between : tuple of float
        Values outside are implausible before seeing data.
    stat : str or callable, default "mean"
        One of ``mean``, ``sd``, ``min``, ``max``, ``median``, ``q05``, ``q95``, ``share_zero``,
        ``each`` (every single value), or a function of one data set (a one-dimensional array) that
        returns a number.
    prob : float, default 0.9
        At least this share of simulated data sets must be inside.
    why : str, optional
        Where the expectation comes from, for the reader of the review.

    Raises
    ------
    ValueError
        If the statistic is not known, the bounds are not in order or ``prob`` is not between 0
        and 1.
    """

    of: str
    between: tuple[float, float]
    stat: str | Callable[[Array], float] = "mean"
    prob: float = 0.9
    why: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.stat, str) and self.stat not in STATISTICS:
            raise ValueError(
                f"Expect(of={self.of!r}): stat={self.stat!r} is not one of "
                f"{', '.join(STATISTICS)}, nor a function"
            )
        low, high = self.between
        if not low < high:
            raise ValueError(f"Expect(of={self.of!r}): between={self.between} is not in order")
        if not 0 < self.prob < 1:
            raise ValueError(
                f"Expect(of={self.of!r}): prob={self.prob} is not between 0 and 1; no number of "
                "simulations shows that something never happens, so use 0.99 for nearly always"
            )

    @property
    def label(self) -> str:
        """How the review names it: ``sd of y``."""
        if not isinstance(self.stat, str):
            return f"{getattr(self.stat, '__name__', 'statistic')} of {self.of}"
        return f"each {self.of}" if self.stat == "each" else f"{self.stat} of {self.of}"

    def values(self, draws: Array) -> Array:
        """Return the statistic of each simulated data set.

        Parameters
        ----------
        draws : ndarray of shape (draws, values)

        Returns
        -------
        ndarray of shape (draws,), or (draws, values) for ``each``
        """
        if isinstance(self.stat, str):
            return STATISTICS[self.stat](draws)
        return np.array([float(self.stat(row)) for row in draws])


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """How often an expectation was met by data simulated from the prior.

    Attributes
    ----------
    label, why : str
    low, high, prob : float
        What was expected.
    share, mcse : float
        Share of simulated data sets (or values, for ``each``) inside, and its Monte Carlo error.
    lower, upper : float
        99% interval of that share (Clopper and Pearson 1934; normal for ``each``).
    draws : int
        Simulated data sets.
    q05, median, q95 : float
        Quantiles of the statistic over the finite simulations.
    """

    label: str
    why: str
    low: float
    high: float
    prob: float
    share: float
    mcse: float
    lower: float
    upper: float
    draws: int
    q05: float
    median: float
    q95: float


def meet(expectation: Expect, draws: Array, confidence: float = 0.99) -> Met:
    """Compare an expectation with simulated data sets.

    Parameters
    ----------
    expectation : Expect
    draws : ndarray of shape (draws, values)
        A value that is not finite counts as outside.
    confidence : float
        Of the interval of the share.
    """
    from scipy import stats

    with np.errstate(all="ignore"):
        values = np.asarray(expectation.values(draws), dtype=float)
    low, high = expectation.between
    inside = np.where(np.isfinite(values), (values >= low) & (values <= high), False)
    per_draw = inside.reshape(len(draws), -1).mean(axis=1)
    n, share = len(draws), float(per_draw.mean())
    mcse = float(per_draw.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
    if values.ndim == 1:
        interval = stats.binomtest(int(inside.sum()), n).proportion_ci(confidence, method="exact")
        lower, upper = float(interval.low), float(interval.high)
    else:
        reach = float(stats.norm.ppf(0.5 + confidence / 2)) * mcse
        lower, upper = share - reach, share + reach
    finite = values[np.isfinite(values)]
    quantiles = np.quantile(finite, [0.05, 0.5, 0.95]) if finite.size else np.full(3, np.nan)
    return Met(
        label=expectation.label,
        why=expectation.why,
        low=float(low),
        high=float(high),
        prob=expectation.prob,
        share=share,
        mcse=mcse,
        lower=lower,
        upper=upper,
        draws=n,
        q05=float(quantiles[0]),
        median=float(quantiles[1]),
        q95=float(quantiles[2]),
    )
