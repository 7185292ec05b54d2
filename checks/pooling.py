"""How strongly each level pools, and what sets it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from .draws import SAMPLE, Array, Summary, mcse_of_mean, over_groups, summarise
from .evidence import Evidence, fact
from .needs import needs
from .penalty import ridge_of


@dataclass(frozen=True, slots=True)
class PoolingFactor:
    """Gelman and Pardoe's summary of one level: pooling factor and explained variance."""

    factor: float
    mcse: float
    r_squared: float
    r_squared_mcse: float


def pooling_factor(level: xr.Dataset) -> PoolingFactor:
    r"""Pooling factor and R² of one level.

    :math:`\lambda = 1 - \mathrm{Var}_j(E[\epsilon_j|y]) / E[\mathrm{Var}_j(\epsilon_j)|y]` and
    :math:`R^2 = 1 - E[\mathrm{Var}_j(\epsilon_j)|y] / E[\mathrm{Var}_j(\theta_j)|y]` with
    :math:`\epsilon_j = \theta_j - \mu_j`.

    Parameters
    ----------
    level : xarray.Dataset
        ``effect`` (chain, draw, group) and ``location`` (chain, draw[, group]), in the unit of
        the effect.

    Returns
    -------
    PoolingFactor
        ``factor`` near 0: groups keep their own estimates; near 1: they are pooled. Monte Carlo
        errors by linearising the ratios; that of ``factor`` also counts its bias, as errors of the
        group means add to their variance: all there is where groups are pooled completely.

    Raises
    ------
    ValueError
        If the level has fewer than two groups, or no effect or location.

    References
    ----------
    Gelman and Pardoe (2006), doi:10.1198/004017005000000517.
    """
    needs(level, "effect", "location")
    if level.sizes["group"] < 2:
        raise ValueError("a pooling factor needs at least two groups")
    deviation = level["effect"] - level["location"]
    mean = deviation.mean(SAMPLE)
    between = float(mean.var("group", ddof=1))
    per_draw = deviation.var("group", ddof=1)
    expected = float(per_draw.mean())
    spread = mean - mean.mean()
    slope = 2 * (spread * (deviation - mean)).sum("group") / (mean.size - 1)
    linear = -slope / expected + between / expected**2 * (per_draw - expected)
    return PoolingFactor(
        1 - between / expected,
        float(np.hypot(mcse_of_mean(linear), _variance_of_errors(deviation) / expected)),
        *_explained(per_draw, level["effect"].var("group", ddof=1)),
    )


def _variance_of_errors(draws: xr.DataArray) -> float:
    """Return what Monte Carlo errors of group means add to their variance over groups.

    From the means of halves of chains, which share no draws.
    """
    half = draws.sizes["draw"] // 2
    if half == 0:
        return 0.0
    halves = [draws.isel(draw=at).mean("draw") for at in (slice(half), slice(half, 2 * half))]
    pieces = xr.concat(halves, "chain")
    apart = float(pieces.var("group", ddof=1).mean()) - float(
        pieces.mean("chain").var("group", ddof=1)
    )
    return max(apart, 0.0) / (pieces.sizes["chain"] - 1)


def data_level_factor(level: xr.Dataset) -> PoolingFactor:
    """Return the pooling factor and R² of the data level: rows around their fitted means.

    Parameters
    ----------
    level : xarray.Dataset
        ``residual_variance`` (chain, draw), the variance over rows of y minus its mean;
        ``mean_residual_variance``, the variance over rows of its posterior mean; and
        ``outcome_variance``, in the squared unit of the outcome.

    Returns
    -------
    PoolingFactor
        Near 0 when every draw leaves the same residuals; the Monte Carlo error of ``factor`` counts
        that of its denominator only.

    References
    ----------
    Gelman and Pardoe (2006), doi:10.1198/004017005000000517.
    """
    needs(level, "residual_variance", "mean_residual_variance", "outcome_variance")
    per_draw = level["residual_variance"]
    expected, between = float(per_draw.mean()), float(level["mean_residual_variance"])
    total = xr.full_like(per_draw, float(level["outcome_variance"]))
    return PoolingFactor(
        1 - between / expected,
        mcse_of_mean(per_draw) * between / expected**2,
        *_explained(per_draw, total),
    )


def _explained(left: xr.DataArray, total: xr.DataArray) -> tuple[float, float]:
    """Return 1 - E[left] / E[total] and its Monte Carlo error."""
    a, b = float(left.mean()), float(total.mean())
    if b == 0:
        return float("nan"), float("nan")
    linear = -(left - a) / b + a / b**2 * (total - b)
    return 1 - a / b, mcse_of_mean(linear)


def own_data_weight(level: xr.Dataset) -> xr.DataArray:
    r"""Weight of each group's own data in its estimate, at every draw.

    :math:`w_j = \tau^2 / (\tau^2 + 1/I_j)`, the weight in
    :math:`E[\theta_j|y] = w_j \bar y_j + (1 - w_j)\mu`.

    Parameters
    ----------
    level : xarray.Dataset
        ``scale`` (chain, draw[, group]) and ``information`` (chain, draw, group), the Fisher
        information that the group's rows carry on its effect, the other parameters as they are:
        n/σ² for a normal likelihood, the curvature of the log-likelihood for any other, where the
        weight is that of the normal approximation. What reaches a level through the effects of
        another (sites through their plots) has these averaged out.

    Returns
    -------
    xarray.DataArray of shape (chain, draw, group)
        Between 0 (complete pooling) and 1 (no pooling). Shrinkage is one minus this.

    Raises
    ------
    ValueError
        If the information of rows is not known; the message says why.

    References
    ----------
    Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., section 5.4.
    """
    needs(level, "scale", "information")
    with np.errstate(divide="ignore"):
        # Information may be zero or, at draws from a wide prior, infinite.
        noise = 1 / (level["scale"] ** 2 * level["information"])
    weight: xr.DataArray = 1 / (1 + noise)
    return weight.transpose(..., "group")


def mean_weight(level: xr.Dataset) -> xr.DataArray:
    """Return the mean over groups with rows of the weight on own data, at every draw."""
    weight = own_data_weight(level)
    if "rows" in level:
        weight = weight.isel(group=np.asarray(level["rows"].values) > 0)
    return weight.mean("group")


def equivalent_penalty(level: xr.Dataset) -> xr.DataArray:
    r"""Ridge penalty that pools as the prior does, at every draw.

    :math:`\lambda = \sigma^2/\tau^2`: the posterior mode of the deviations minimises
    :math:`\lVert y - X\epsilon\rVert^2 + \lambda\lVert\epsilon\rVert^2`. Where the noise differs
    between groups, σ² is the harmonic mean over rows; where the outcome is not normal, the working
    variance of a row (:func:`row_variance`) at that draw.

    Parameters
    ----------
    level : xarray.Dataset
        ``scale``, ``information`` and ``design_squared`` (group), the sum of squares of the design
        column over the group's rows (the number of rows for an intercept). Where rows depend on
        several effects at once, ``row_variance`` (chain, draw), σ², in place of the last two.

    Returns
    -------
    xarray.DataArray of shape (chain, draw)
        In the squared unit of the design column, so without unit for an intercept.

    Raises
    ------
    ValueError
        If the information of rows is not known; the message says why.

    References
    ----------
    Hoerl and Kennard (1970), doi:10.1080/00401706.1970.10488634.
    """
    needs(level, "scale")
    with np.errstate(divide="ignore"):
        return row_variance(level) / over_groups(level["scale"] ** 2)


def row_variance(level: xr.Dataset) -> xr.DataArray:
    r"""Noise variance of a row on the scale of the predictor, at every draw.

    The harmonic mean over rows of σ². For an outcome that is not normal, the inverse of the mean
    information of a row, :math:`\sum_i z_i^2 / \sum_j I_j`: the working variance of iteratively
    reweighted least squares, with which an effect is found as in a normal model.

    Parameters
    ----------
    level : xarray.Dataset
        ``row_variance`` (chain, draw), or ``information`` and ``design_squared``.

    Returns
    -------
    xarray.DataArray of shape (chain, draw)

    Raises
    ------
    ValueError
        If the information of rows is not known; the message says why.

    References
    ----------
    Breslow and Clayton (1993), doi:10.1080/01621459.1993.10594284.
    """
    if "row_variance" in level:
        return level["row_variance"]
    needs(level, "information", "design_squared")
    with np.errstate(divide="ignore"):
        noise: xr.DataArray = float(level["design_squared"].sum()) / level["information"].sum(
            "group"
        )
    return noise


def row_noise(level: xr.Dataset) -> Array:
    r"""Noise of a row of every group: its standard deviation, as the data hold it.

    Of a normal outcome the root of the mean noise variance. Of any other the standard deviation of
    a normal observation with the same information, :math:`\sqrt{\sum_i z_i^2/I_j}`, on the scale
    of the predictor, at the mean information.

    Parameters
    ----------
    level : xarray.Dataset
        ``noise_variance`` (chain, draw, group), or ``information`` and ``design_squared``.

    Returns
    -------
    ndarray of shape (group,)
        NaN for groups whose rows say nothing.
    """
    if "noise_variance" in level:
        return np.asarray(np.sqrt(level["noise_variance"].mean(SAMPLE).values))
    needs(level, "information", "design_squared")
    information = level["information"].mean(SAMPLE).values
    with np.errstate(divide="ignore", invalid="ignore"):
        noise = np.sqrt(level["design_squared"].values / information)
    return np.where(np.isfinite(noise), noise, np.nan)


def standard_error(level: xr.Dataset) -> Array:
    r"""Standard error of the estimate from every group's own rows.

    Parameters
    ----------
    level : xarray.Dataset
        ``information`` (chain, draw, group).

    Returns
    -------
    ndarray of shape (J,)
        :math:`1/\sqrt{I_j}`, in the unit of the effect; NaN for groups without information.
    """
    information = level["information"].mean(SAMPLE).values
    with np.errstate(divide="ignore"):
        return np.where(information > 0, 1 / np.sqrt(information), np.nan)


def has_penalty(level: xr.Dataset) -> bool:
    """Whether a level holds what :func:`equivalent_penalty` reads."""
    return "information" in level or "row_variance" in level


def effective_groups(level: xr.Dataset) -> xr.DataArray:
    r"""Effective degrees of freedom of the effects, at every draw.

    :math:`\sum_j w_j`, the trace of the map from own estimates to effects given the location. Where
    rows depend on several effects at once, the trace of the smoother at that draw's λ,
    :math:`\mathrm{tr}(I - P)` less the number of population columns.

    Parameters
    ----------
    level : xarray.Dataset
        What :func:`own_data_weight` takes; or ``scale`` and ``row_variance`` (chain, draw) with the
        rows that :func:`poolwise.checks.penalty.ridge_of` reads.

    Returns
    -------
    xarray.DataArray of shape (chain, draw)
        From 0 (complete pooling) to the number of groups with rows, or of effects that the rows can
        tell apart.

    Raises
    ------
    ValueError
        If the information of rows is not known; the message says why.
    poolwise.checks.penalty.NotLinear
        If rows depend on several effects and were not saved.

    References
    ----------
    Ruppert, Wand and Carroll (2003), Semiparametric Regression, section 3.13.
    """
    needs(level, "scale")
    if "information" in level or "row_variance" not in level:
        return own_data_weight(level).sum("group")
    penalty = equivalent_penalty(level)
    return penalty.copy(
        data=ridge_of(level).at(1 / penalty.values.ravel()).effective.reshape(penalty.shape)
    )


def _has_room(level: LevelPooling, room: float = 0.05) -> bool:
    """Whether the weight is uncertain enough for a pull on it to matter.

    Power-scaling sensitivity does not depend on scale: a weight known to three digits can follow
    its prior in the fourth.
    """
    weight = level.mean_weight
    return weight is None or weight.high - weight.low >= room


def contraction(posterior: xr.DataArray, prior: xr.DataArray) -> float:
    """Return the share of a prior variance that the data removed: ``1 - Var(x | y) / Var(x)``.

    Near 1 the data decided, near 0 the prior did; negative when the posterior is wider than the
    prior, NaN when the quantity is fixed. It says nothing when the prior was absurdly wide: almost
    any posterior is narrow beside that.

    References
    ----------
    Betancourt (2018), arXiv:1803.08393; Schad et al. (2021), doi:10.1037/met0000275.
    """

    before = float(prior.var(ddof=1))
    if not before > 1e-20 * max(float(abs(prior).max()) ** 2, 1e-300):
        return float("nan")
    return 1 - float(posterior.var(ddof=1)) / before


def who_set_it(level: LevelPooling, *, limit: float = 0.5, pull: float = 0.05) -> tuple[str, str]:
    """Say whether the data or the prior set how strongly a level pools.

    The data did if they removed at least ``limit`` of the prior variance of the mean weight on own
    data (of the log scale, where weights are not known) *and* the weight does not follow a power of
    the top-level priors (sensitivity of ``pull`` or more) at least as much as one of the
    likelihood; a weight whose 89% interval is narrower than 0.05 is taken as known. The first alone
    would credit the data with narrowing a prior that was absurdly wide, the second alone ignores
    what was learned.

    Returns
    -------
    who : str
        ``data``, ``prior``, ``model`` (the scale is fixed) or an empty string (not known).
    why : str
    """
    if level.scale.sd == 0:
        return "model", f"the scale of {level.name} is fixed by the model"
    what = "the log scale" if level.weight_contraction is None else "the mean weight on own data"
    learned = level.contraction if level.weight_contraction is None else level.weight_contraction
    if learned is None or not np.isfinite(learned):
        return "", f"the prior variance of {what} of {level.name} is not known"
    said = f"the data removed {max(learned, 0):.0%} of the prior variance of {what}"
    if learned < limit:
        return "prior", said
    mine, theirs = level.prior_pull, level.data_pull
    if mine is not None and theirs is not None and mine >= max(pull, theirs) and _has_room(level):
        return "prior", (
            f"{said}, but it follows its priors more than the data (power-scaling sensitivity "
            f"{mine:.2f} against {theirs:.2f})"
        )
    return "data", said


@dataclass(frozen=True, slots=True)
class LevelPooling:
    """How strongly one level pools.

    Attributes
    ----------
    groups : list of str
    rows : ndarray of shape (J,)
    factor : PoolingFactor or None
        None with fewer than two groups.
    data_level : PoolingFactor or None
        Of the rows around their fitted means.
    weight_mean, weight_low, weight_high : ndarray of shape (J,) or None
        Weight on own data: posterior mean and 89% interval. None where the information of a
        group's rows is not known; ``why_no_weights`` says why.
    mean_weight, effective_groups, penalty, prior_penalty, prior_weight : Summary or None
        Mean over groups of the weights; their sum (effective degrees of freedom); σ²/τ².
    scale, prior_scale : Summary
    contraction : float or None
        Of the log scale.
    weight_contraction : float or None
        Of the mean weight on own data.
    prior_pull, data_pull : float or None
        Power-scaling sensitivity of the mean weight to the top-level priors and the likelihood.
    why_no_weights : str
    negative : float
        Share of draws and groups at which the log-likelihood of a group's rows was not concave, so
        that they were taken to hold no information.
    """

    name: str
    groups: list[str]
    rows: Array
    factor: PoolingFactor | None
    data_level: PoolingFactor | None
    weight_mean: Array | None
    weight_low: Array | None
    weight_high: Array | None
    mean_weight: Summary | None
    effective_groups: Summary | None
    penalty: Summary | None
    prior_penalty: Summary | None
    prior_weight: Summary | None
    scale: Summary
    prior_scale: Summary | None
    contraction: float | None
    weight_contraction: float | None
    prior_pull: float | None
    data_pull: float | None
    why_no_weights: str
    negative: float = 0.0


@fact
def pooling(evidence: Evidence) -> dict[str, LevelPooling]:
    """Return the pooling of every level."""
    priors = evidence.get("prior_levels") if evidence.has("prior_levels") else {}
    pulls: dict[str, tuple[float, float]] = {}
    if evidence.has("power_scaling"):
        scaling = evidence.get("power_scaling")
        pairs = zip(scaling.prior, scaling.likelihood, strict=True)
        pulls = dict(zip(scaling.labels, ((float(p), float(d)) for p, d in pairs), strict=True))
    return {
        name: _level_pooling(name, level, priors.get(name), pulls.get(weight_label(name)))
        for name, level in evidence.get("levels").items()
    }


def weight_label(level: str) -> str:
    """How the mean weight of a level is called among the quantities that are followed."""
    return f"{level}: mean weight"


def _level_pooling(
    name: str, level: xr.Dataset, prior: xr.Dataset | None, pulls: tuple[float, float] | None
) -> LevelPooling:
    groups = [str(g) for g in level["group"].values]
    weights = own_data_weight(level) if "information" in level else None
    before = None if prior is None or "information" not in prior else _finite(mean_weight(prior))
    ends = None
    if weights is not None:
        ends = weights.quantile([0.055, 0.945], SAMPLE).values
    return LevelPooling(
        name=name,
        groups=groups,
        rows=np.asarray(level["rows"].values) if "rows" in level else np.full(len(groups), np.nan),
        factor=pooling_factor(level) if len(groups) > 1 else None,
        data_level=data_level_factor(level) if "residual_variance" in level else None,
        weight_mean=None if weights is None else weights.mean(SAMPLE).values,
        weight_low=None if ends is None else ends[0],
        weight_high=None if ends is None else ends[1],
        mean_weight=None if weights is None else summarise(mean_weight(level)),
        effective_groups=summarise(effective_groups(level)) if has_penalty(level) else None,
        penalty=summarise(equivalent_penalty(level)) if has_penalty(level) else None,
        prior_penalty=_summary_of_prior(prior),
        prior_weight=None if before is None else summarise(before),
        scale=summarise(over_groups(level["scale"])),
        prior_scale=None if prior is None else summarise(over_groups(prior["scale"])),
        contraction=None
        if prior is None
        else contraction(_log(level["scale"]), _log(prior["scale"])),
        weight_contraction=None if before is None else contraction(mean_weight(level), before),
        prior_pull=None if pulls is None else pulls[0],
        data_pull=None if pulls is None else pulls[1],
        why_no_weights=str(level.attrs.get("why_no_information", "")),
        negative=float(level.attrs.get("negative_information", 0.0)),
    )


def _summary_of_prior(prior: xr.Dataset | None) -> Summary | None:
    if prior is None or not has_penalty(prior):
        return None
    found = _finite(equivalent_penalty(prior))
    return None if found is None else summarise(found)


def _finite(draws: xr.DataArray, share: float = 0.9) -> xr.DataArray | None:
    """Return the finite draws as one chain, or None if more than a tenth are not finite.

    Under a wide prior the density of counts or shares can be beyond floating point.
    """
    values = np.asarray(draws.values, dtype=float)
    kept = np.isfinite(values)
    if kept.all():
        return draws
    if kept.mean() < share:
        return None
    return xr.DataArray(values[kept][None], dims=SAMPLE)


def _log(scale: xr.DataArray) -> xr.DataArray:
    with np.errstate(divide="ignore"):
        logarithm: xr.DataArray = xr.apply_ufunc(np.log, over_groups(scale))
    return logarithm
