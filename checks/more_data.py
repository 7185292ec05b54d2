r"""SEN508: how much more data it would take for the data to decide, whatever the prior.

A level of J groups whose estimates have variances :math:`s_j^2 = 1/I_j` says of its spread

.. math:: \ell(\tau) = -\tfrac12\sum_j \left[\log(\tau^2 + s_j^2)
    + \frac{\tau_*^2 + s_j^2}{\tau^2 + s_j^2}\right]

on average, if the true spread is :math:`\tau_*`; its curvature at :math:`\tau_*` is the Fisher
information :math:`2\sum_j w_j^2` of :math:`\log\tau`. More groups like the present ones multiply
it, more rows divide every :math:`s_j^2`. With the densities of the priors on a grid this gives the
posterior that such data would be expected to lead to under every prior.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from . import examples
from .check import SAMPLED, check
from .draws import SAMPLE, Array, over_groups
from .evidence import Evidence, fact
from .finding import Finding, Verdict, judge, skipped
from .words import number

#: Shift in posterior standard deviations under which the data decide.
LIMIT = 0.3

#: Quantiles of the spread for which the answer is given: nobody knows the true one.
SPREADS = (0.25, 0.5, 0.75)

#: Information of the log spread from which on its posterior is taken to be normal.
_SURE = 100.0

#: Log ratio of a prior that is zero there to one that is not.
_NOWHERE = -500.0

_GROUPS = np.geomspace(2, 1e6, 160)
_ROWS = np.geomspace(1, 1e4, 100)


@dataclass(frozen=True, slots=True)
class DataNeeded:
    """Data with which no alternative prior of a spread would move it.

    Attributes
    ----------
    level, title : str
        The level, and the alternative that takes the most data to overrule.
    groups : int
        Now, with rows.
    needed : tuple of float
        Groups like the present ones, if the spread is at its lower quartile, median and upper
        quartile; infinite beyond a million.
    rows : float
        How many times the rows of every group, if the spread is at its median; infinite when no
        number of rows would do.
    """

    level: str
    title: str
    groups: int
    needed: tuple[float, float, float]
    rows: float


def expected_shift(
    log_spread: Array,
    base: Array,
    ratio: Array,
    truth: float,
    variances: Array,
    groups: Array,
    rows: Array,
) -> Array:
    """Return how far another prior would move a spread, for data of several sizes.

    Parameters
    ----------
    log_spread : ndarray of shape (grid,)
        Log of the spread, evenly spaced.
    base, ratio : ndarray of shape (grid,)
        Log density of the log spread under the prior, and log ratio of the other prior to it.
    truth : float
        True spread.
    variances : ndarray of shape (J,)
        Of the estimate of each group from its own rows.
    groups, rows : ndarray of shape (sizes,)
        Numbers of groups, and how many times the present rows each of them has.

    Returns
    -------
    ndarray of shape (sizes,)
        Absolute shift of the posterior mean in posterior standard deviations.
    """
    spread = np.exp(log_spread)
    found = np.empty(len(groups))
    at_truth = (
        float(np.interp(np.log(truth), log_spread, v))
        for v in (ratio, np.gradient(ratio, log_spread))
    )
    height, slope = at_truth
    for i, (count, times) in enumerate(zip(groups, rows, strict=True)):
        noise = variances / times
        weight = truth**2 / (truth**2 + noise)
        information = 2 * count * float((weight**2).mean())
        if information > _SURE:
            # Narrower than the grid can show, and as good as normal.
            found[i] = abs(slope) / np.sqrt(information) if height > _NOWHERE else np.inf
            continue
        total = spread[:, None] ** 2 + noise
        log_likelihood = -0.5 * (np.log(total) + (truth**2 + noise) / total).mean(axis=1)
        mean, sd = _moments(spread, base + count * log_likelihood)
        other, _ = _moments(spread, base + ratio + count * log_likelihood)
        found[i] = abs(other - mean) / sd
    return found


def _moments(values: Array, log_weights: Array) -> tuple[float, float]:
    weights = np.exp(log_weights - log_weights.max())
    weights /= weights.sum()
    mean = float(weights @ values)
    return mean, float(np.sqrt(weights @ (values - mean) ** 2))


def smallest(sizes: Array, shifts: Array, limit: float) -> float:
    """Return the size from which on no shift is above a limit; infinite when there is none."""
    above = np.flatnonzero(~(shifts <= limit))
    if not above.size:
        return float(sizes[0])
    return float(sizes[above[-1] + 1]) if above[-1] + 1 < len(sizes) else float("inf")


@fact
def data_needed(evidence: Evidence, sweep_in_order: dict[str, xr.Dataset]) -> dict[str, DataNeeded]:
    """Data with which no alternative prior of a spread would move it, by level."""
    levels: dict[str, xr.Dataset] = evidence.get("levels") if evidence.has("levels") else {}
    found: dict[str, DataNeeded] = {}
    for fit in sweep_in_order.values():
        name = str(fit.attrs.get("level", ""))
        if "prior_ratio" not in fit or name not in levels or "information" not in levels[name]:
            continue
        one = _needed(name, levels[name], fit)
        if one is not None and (name not in found or one.needed[1] > found[name].needed[1]):
            found[name] = one
    return found


def _needed(name: str, level: xr.Dataset, fit: xr.Dataset) -> DataNeeded | None:
    information = level["information"].mean(SAMPLE).values
    if "rows" in level:
        information = information[np.asarray(level["rows"].values) > 0]
    if not (len(information) > 1 and np.all(information > 0)):
        return None
    spreads = np.quantile(over_groups(level["scale"]).values, SPREADS)
    grid = np.log(spreads[1]) + fit["log_spread_at"].values
    priors = fit["base_prior"].values, fit["prior_ratio"].values
    variances, same = 1 / information, np.ones_like(_GROUPS)
    low, middle, high = (
        smallest(
            _GROUPS,
            expected_shift(grid, *priors, float(truth), variances, _GROUPS, same),
            LIMIT,
        )
        for truth in spreads
    )
    now = np.full_like(_ROWS, len(information))
    shifts = expected_shift(grid, *priors, float(spreads[1]), variances, now, _ROWS)
    return DataNeeded(
        level=name,
        title=str(fit.attrs["title"]),
        groups=len(information),
        needed=(low, middle, high),
        rows=smallest(_ROWS, shifts, LIMIT),
    )


@check("SEN508", after=SAMPLED)
def too_little_data(data_needed: dict[str, DataNeeded]) -> list[Finding]:
    """The data of a level are too few to overrule the prior of its spread.

    **Asks**: with how many groups like the present ones would no alternative prior be expected to
    move the spread by more than 0.3 of its posterior standard deviations, and are there so many?
    **Why it matters**: where there are not, the prior has a say in how strongly the level pools,
    and only more data, not a better analysis, would take it away.
    **What to do**: plan for that many groups, or keep the prior, defend it, and report the sweep.
    **Thresholds**: 0.3 posterior standard deviations, as SEN503. Rough: it takes the data to be
    what they are on average if the spread is at its posterior median (the range: its quartiles),
    and is right within a factor of about two. A note.
    **Source**: the expected log-likelihood of the normal hierarchical model; Gelman et al. (2013),
    Bayesian Data Analysis, 3rd ed., section 5.4.
    """
    findings = []
    for name, found in data_needed.items():
        low, middle, high = found.needed
        ends = f"{about(min(low, high))} to {about(max(low, high))}"
        said = (
            f"About {about(middle)} groups of {name} like the present {found.groups} would be "
            f"needed for no alternative prior to move its spread by more than {LIMIT:g} posterior "
            f"sd ({ends} over the middle half of its posterior; hardest to overrule: "
            f"{found.title}); "
            + (
                f"or {about(found.rows)} times the rows in each"
                if np.isfinite(found.rows)
                else "no number of rows in each would do"
            )
        )
        enough = middle <= found.groups
        if enough:
            said = f"The {found.groups} groups of {name} are enough: about {about(middle)} are"
        findings.append(
            judge(
                not enough,
                said,
                otherwise=Verdict.NOTE,
                value=min(middle, 1e6),
                threshold=found.groups,
                result=f"about {about(middle)} groups",
                needs=f"≤ {found.groups}",
                where=name,
            )
        )
    return findings or [
        skipped("no level has both a prior of its spread that was replaced and known information")
    ]


def about(value: float) -> str:
    """Format a rough count to two digits."""
    if not value < 1e6:
        return "over a million"
    return number(float(f"{value:.2g}"), 2)


too_little_data.passes(
    lambda: examples.forty_groups(mu_scale=100.0, tau_scale=20.0, sweep_scales=(15.0, 25.0))
)
too_little_data.fails(lambda: examples.eight_schools(sweep_scales=(2.5, 25.0)), Verdict.NOTE)
too_little_data.false_alarm(
    lambda: examples.forty_groups(mu_scale=100.0, tau_scale=40.0, sweep_scales=(30.0,))
)
