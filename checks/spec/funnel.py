"""How much groups tell before anything is sampled: noise of their means, and its funnel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..draws import Array
from ..hierarchy.location import PROBABILITIES
from ..hierarchy.predictor import Predictor
from .spreads import GroupEffect, Spread

#: Columns of a design that are taken out of the data before group means are compared.
_MOST_COLUMNS = 20

#: Prior probabilities at which a scale is looked at: many near zero, where a funnel is narrow.
_PROBABILITIES = np.unique(np.r_[np.geomspace(1e-6, 0.5, 200), np.linspace(0.005, 0.999, 200)])


@dataclass(frozen=True, slots=True)
class GroupMeans:
    """Means of groups on the scale of the predictor, with their standard errors.

    Attributes
    ----------
    centre, error : ndarray of shape (groups with rows,)
    """

    centre: Array
    error: Array

    @property
    def noise_to_spread(self) -> float:
        """Median standard error over the sd between groups that is left without the noise.

        Above about 1 the non-centred form samples better, below about 0.5 the centred one. The
        estimate is noisy itself: it shows a risk.
        """
        between = max(float(np.var(self.centre, ddof=1) - np.mean(self.error**2)), 0.0)
        typical = float(np.median(self.error))
        return float(typical / max(np.sqrt(between), 1e-3 * typical))

    def log_likelihood(self, scale: Array) -> Array:
        """Return the log-likelihood of sds between groups, the common mean integrated out.

        Source: Gelman et al. (2013), Bayesian Data Analysis, section 5.4.
        """
        variance = scale[:, None] ** 2 + self.error**2
        weight = 1 / variance
        total = weight.sum(1)
        mean = (weight * self.centre).sum(1) / total
        squares = (weight * (self.centre - mean[:, None]) ** 2).sum(1)
        return np.asarray(-0.5 * (np.log(variance).sum(1) + np.log(total) + squares))

    def width_range(self, spread: Spread | None) -> float | None:
        """Return how many times wider a centred effect is where the scale is large than small.

        Given the scale t, an effect with standard error s has the posterior sd
        ``1 / sqrt(1 / t**2 + 1 / s**2)``. This is its ratio between the 99% and the 1% quantile of
        what prior and data leave for the scale. Near 1, all effects are as wide everywhere; a
        sampler with one step size fails where it is large: in the neck of a funnel.

        Parameters
        ----------
        spread : Spread or None
            Whose prior is used; one that is flat in the sd stands in for a prior without quantiles.
        """
        scale, mass = _prior_grid(spread, 20 * float(np.std(self.centre) + self.error.max()))
        with np.errstate(all="ignore"):
            likelihood = self.log_likelihood(scale)
        weight = mass * np.exp(likelihood - likelihood.max())
        cumulative = np.cumsum(weight) / weight.sum()
        if not np.isfinite(cumulative).all():
            return None
        low, high = (scale[np.searchsorted(cumulative, p)] for p in (0.01, 0.99))
        typical = float(np.median(self.error))
        widths = [1 / np.sqrt(1 / t**2 + 1 / typical**2) for t in (low, high)]
        return float(widths[1] / widths[0])


def _prior_grid(spread: Spread | None, reach: float) -> tuple[Array, Array]:
    """Return positive sds in ascending order, and their prior mass."""
    if spread is not None:
        found = [spread.sd_quantile(float(p)) for p in _PROBABILITIES]
        if None not in found and min(q for q in found if q is not None) > 0:
            scale = np.sort(np.asarray(found, dtype=float))
            edges = np.r_[0.0, (_PROBABILITIES[1:] + _PROBABILITIES[:-1]) / 2, 1.0]
            return scale, np.diff(edges)
    scale = np.geomspace(1e-4 * reach, reach, _PROBABILITIES.size)
    return scale, scale  # flat in the sd: mass in proportion to the width of each cell


def group_means(effect: GroupEffect) -> GroupMeans | None:
    """Return the means of the groups of an effect that shifts their rows.

    Moments on the scale of the predictor; what fixed columns explain is taken out first where the
    link is the identity.

    Returns
    -------
    GroupMeans or None
        None where it cannot be computed: another link, too few rows.
    """
    grouped, predictor = effect.grouped, effect.predictor
    y, group = predictor.values, grouped.group
    if group.size != y.size or not np.isfinite(y).all() or not grouped.is_intercept:
        return None
    used = grouped.rows > 0
    rows = grouped.rows[used].astype(float)
    spent = 0
    if predictor.link == "identity":
        y, spent = _without_columns(predictor, y, group)
    means = _group_sums(y, group, used) / rows
    moments = _moments(predictor, y, group, used, rows, means, spent)
    if moments is None or moments[0].size < 2:
        return None
    return GroupMeans(*moments)


def noise_to_spread(effect: GroupEffect) -> float | None:
    """Return how noisy group means are, relative to how much groups differ; None if unknown."""
    found = group_means(effect)
    return None if found is None else found.noise_to_spread


def _without_columns(predictor: Predictor, y: Array, group: np.ndarray) -> tuple[Array, int]:
    """Take out of the data what columns explain within groups; return also how many there are."""
    slopes = [c.design for c in predictor.columns if not c.is_intercept]
    if not slopes:
        return y, 0
    design = np.concatenate(slopes, axis=1)
    size = np.bincount(group, minlength=group.max() + 1)[group]

    def within(values: Array) -> Array:
        return np.asarray(values - np.bincount(group, values)[group] / size)

    inside = np.apply_along_axis(within, 0, design)
    moving = np.abs(inside).max(0) > 1e-9 * np.abs(design).max()
    count = int(moving.sum())
    if not 0 < count <= _MOST_COLUMNS or count >= y.size - np.unique(group).size:
        return y, 0
    slope, *_ = np.linalg.lstsq(inside[:, moving], within(y), rcond=None)
    moved = design[:, moving]
    return np.asarray(y - (moved - moved.mean(0)) @ slope), count


def _group_sums(values: Array, group: np.ndarray, used: np.ndarray) -> Array:
    return np.asarray(np.bincount(group, values, minlength=used.size)[used])


def _moments(
    predictor: Predictor,
    y: Array,
    group: np.ndarray,
    used: np.ndarray,
    rows: Array,
    means: Array,
    spent: int,
) -> tuple[Array, Array] | None:
    """Return the mean of each group on the scale of the predictor, and its standard error."""
    outcome = predictor.outcome
    if predictor.link == "logit" and outcome.family in PROBABILITIES and outcome.family != "Beta":
        trials = rows
        if "n" in outcome.parameters:
            value = outcome.parameters["n"].value
            if value is None:
                return None
            trials = _group_sums(np.broadcast_to(value, outcome.shape).ravel() + 0.0, group, used)
        share = (means * rows + 0.5) / (trials + 1)
        return np.log(share / (1 - share)), 1 / np.sqrt(trials * share * (1 - share))
    known = outcome.parameters.get("scale")
    if predictor.link == "identity" and known is not None and known.value is not None:
        precision = 1 / np.broadcast_to(known.value, outcome.shape).ravel() ** 2
        return means, 1 / np.sqrt(_group_sums(precision, group, used))
    left = (rows - 1).sum() - spent
    if predictor.link not in ("identity", "log") or left < 3:
        return None
    all_means = np.zeros(used.size)
    all_means[used] = means
    within = float(((y - all_means[group]) ** 2).sum() / left)
    if predictor.link == "identity":
        return means, np.sqrt(within / rows)
    level = np.maximum(means, 0.5 / rows)
    dispersion = max(within / max(float(means.mean()), 1e-9), 1.0)
    return np.log(level), np.sqrt(dispersion / (rows * level))
