"""CAL9xx: does the program recover what the data were simulated from?

The evidence is a calibration: parameters drawn from the prior (or the posterior), data simulated
from each, a fit to each of them, and the rank of every true value among the draws of its fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from . import calibration_examples as examples
from .check import check
from .draws import Array
from .evidence import Evidence, fact
from .finding import Finding, Verdict, inconclusive, judge
from .uniformity import (
    Band,
    band,
    chance,
    smallest_bias_seen,
    smallest_narrowing_seen,
    smallest_tail,
    words,
)
from .words import counted, listed

#: Fewer ranks than these are not judged.
FEWEST = 20

#: Share of calibrations of a right program in which any of the quantities leaves its band.
FAMILYWISE = 0.05


@dataclass(frozen=True, slots=True)
class Calibrated:
    """How the ranks of one quantity are distributed.

    Attributes
    ----------
    label : str
    pit : ndarray of shape (n,)
        Ranks as numbers between 0 and 1, of the fits that have one.
    chance, adjusted : float
        How likely a right program is to give ranks as uneven: of this quantity, and of any of
        them (Bonferroni's correction).
    band : Band
        At the level that the correction asks for.
    z, contraction : float
        Root mean square of (posterior mean - truth) / posterior sd, near 1 if the fits are right,
        and median of the posterior contraction.
    ess : float
        Median effective number of draws.
    how : str
        In which way the ranks are uneven.
    """

    label: str
    pit: Array
    chance: float
    adjusted: float
    band: Band
    z: float
    contraction: float
    ess: float
    how: str


@fact
def calibrated(calibration: xr.Dataset) -> list[Calibrated]:
    """Return every quantity that has enough ranks, the worst first."""
    labels = [str(v) for v in calibration["quantity"].values]
    found = []
    ranks = np.asarray(calibration["pit"].transpose("quantity", "simulation").values, dtype=float)
    enough = [i for i, row in enumerate(ranks) if np.isfinite(row).sum() >= FEWEST]
    for i in enough:
        this = calibration.isel(quantity=i)
        pit = ranks[i][np.isfinite(ranks[i])]
        alone = chance(float(smallest_tail(pit)) * (1 + 1e-9), pit.size)
        found.append(
            Calibrated(
                label=labels[i],
                pit=pit,
                chance=alone,
                adjusted=min(1.0, alone * len(enough)),
                band=band(pit.size, FAMILYWISE / len(enough)),
                z=_root_mean_square(z_scores(this)),
                contraction=_median(contractions(this)),
                ess=_median(np.asarray(this["ess"].values, dtype=float)),
                how=words(pit),
            )
        )
    return sorted(found, key=lambda c: (c.chance, c.label))


def z_scores(calibration: xr.Dataset) -> Array:
    """Return (posterior mean - truth) / posterior sd, NaN where the sd is zero.

    References
    ----------
    Schad, Betancourt and Vasishth (2021), doi:10.1037/met0000275.
    """
    with np.errstate(all="ignore"):
        found = (calibration["mean"] - calibration["truth"]) / calibration["sd"]
    values = np.asarray(found.values, dtype=float)
    return np.where(np.isfinite(values), values, np.nan)


def contractions(calibration: xr.Dataset) -> Array:
    """Return 1 - (IQR of the posterior / IQR of the true values)², for one quantity.

    For normal shapes that is the posterior contraction, 1 - variance ratio; unlike variances,
    interquartile ranges exist for a half-Cauchy prior too. NaN for quantities that depend on the
    data, whose true values are not draws from one prior.
    """
    truths = np.asarray(calibration["truth"].values, dtype=float)
    if bool(calibration["of_data"]) or not np.isfinite(truths).any():
        return np.full(truths.shape, np.nan)
    before = float(np.subtract(*np.nanquantile(truths, [0.75, 0.25])))
    if before <= 0:
        return np.full(truths.shape, np.nan)
    return np.asarray(1 - (calibration["iqr"].values / before) ** 2, dtype=float)


def _root_mean_square(values: Array) -> float:
    return float(np.sqrt(np.nanmean(values**2))) if np.isfinite(values).any() else float("nan")


def _median(values: Array) -> float:
    return float(np.nanmedian(values)) if np.isfinite(values).any() else float("nan")


@check("CAL901")
def ranks_uneven(
    calibrated: list[Calibrated],
    calibration: xr.Dataset,
    *,
    limit: float = 0.05,
    unusable: float = 0.01,
) -> list[Finding]:
    """Fits do not recover the true values that data were simulated from.

    **Asks**: does the distribution of the ranks of any quantity leave its simultaneous band around
    the uniform distribution?
    **Why it matters**: a true value drawn from the prior and the draws of a fit to its data have
    one distribution if the fit is right. Uneven ranks mean that the program fits another model
    than the one that data are simulated from, or that the sampler misses part of the posterior:
    its intervals are off whatever the diagnostics say.
    **What to do**: look at the worst quantity. Ranks piled up at one end: biased; at both ends:
    too narrow; in the middle: too wide. Compare the log density with the simulator, term by term
    (standard deviation or variance? a factor on a scale? a Potential that is not simulated?), and
    look at CAL902. ``log-likelihood`` and ``log posterior`` depend on the data: they show faults
    that leave every single parameter alone, such as data that are not used.
    **Thresholds**: chance of ranks as uneven in any of the quantities of a right program
    (Bonferroni's correction) below ``limit`` 0.05, a warning: of twenty right programs, up to one
    gets it, and more simulations settle it; below ``unusable`` 0.01 it fails. Conventions.
    **Source**: Talts et al. (2018), arXiv:1804.06788; Modrák et al. (2023),
    doi:10.1214/23-BA1404; Säilynoja, Bürkner and Vehtari (2022), doi:10.1007/s11222-022-10090-6;
    posterior: Säilynoja et al. (2025), arXiv:2502.03279.
    """
    if not calibrated:
        most = int(np.isfinite(calibration["pit"].values).sum(axis=0).max(initial=0))
        return [
            inconclusive(
                f"{counted(most, 'fit')} cannot show whether ranks are even",
                value=most,
                threshold=FEWEST,
                result=counted(most, "fit"),
                needs=f">= {FEWEST} fits",
            )
        ]
    needs = f">= {limit:g}"
    bad = [c for c in calibrated if c.adjusted < limit]
    if not bad:
        worst = calibrated[0]
        of = counted(len(calibrated), "quantity", "quantities")
        return [
            judge(
                False,
                f"The ranks of {of} over {worst.pit.size} fits are as even as those of a right "
                f"program (the worst: {worst.label})",
                value=worst.adjusted,
                threshold=limit,
                result=f"p = {worst.adjusted:.2g}",
                needs=needs,
            )
        ]
    return [
        judge(
            True,
            f"The ranks of {c.label} over {c.pit.size} fits are uneven: {c.how}",
            otherwise=Verdict.FAIL if c.adjusted < unusable else Verdict.WARN,
            value=c.adjusted,
            threshold=unusable if c.adjusted < unusable else limit,
            result=f"p = {c.adjusted:.2g}",
            needs=needs,
            where=c.label,
        )
        for c in bad
    ]


ranks_uneven.passes(examples.calibration)
ranks_uneven.fails(lambda: examples.calibration(sd_claimed=0.6))
ranks_uneven.fails(lambda: examples.calibration(bias=1.0))
ranks_uneven.fails(lambda: examples.calibration(simulations=10), Verdict.INCONCLUSIVE)
ranks_uneven.false_alarm(lambda: examples.calibration(sticky=0.7, simulations=60))
ranks_uneven.false_alarm(lambda: examples.calibration(rounded=True))


@check("CAL902")
def single_fits_failed(
    calibration: xr.Dataset,
    *,
    rhat: float = 1.05,
    ess: float = 20.0,
    limit: float = 0.05,
    unusable: float = 0.2,
) -> list[Finding]:
    """Single fits did not converge.

    **Asks**: in what share of the fits is an R-hat above ``rhat``, an effective number of draws
    below ``ess``, or any transition divergent?
    **Why it matters**: a program that samples the real data well may not sample others that the
    model considers as likely. Such fits are kept: leaving them out would hide the very faults that
    calibration looks for, so they are part of the ranks that CAL901 judges.
    **What to do**: run longer (--tune, --draws); look at which true values these fits have in
    common (calibration.nc); reparameterise.
    **Thresholds**: a share above ``limit`` 0.05 is a warning, above ``unusable`` 0.2 a failure;
    ``rhat`` 1.05 and ``ess`` 20 are looser than for one long fit, because hundreds of short ones
    are looked at. Conventions.
    **Source**: Modrák et al. (2023), doi:10.1214/23-BA1404, section 4; Vehtari et al. (2021),
    doi:10.1214/20-BA1221.
    """
    fitted = calibration.isel(simulation=calibration["status"].values == "fitted")
    found = []
    base = float(calibration.attrs.get("base_rhat", float("nan")))
    if np.isfinite(base):
        found.append(
            judge(
                base > rhat,
                f"The fit that true values were drawn from has an R-hat of {base:.3f}",
                value=base,
                threshold=rhat,
                result=f"{base:.3f}",
                needs=f"<= {rhat:g}",
                where="fit to the observed data",
            )
        )
    if not fitted.sizes["simulation"]:
        return [*found, inconclusive("No simulated data set was fitted", result="0 fits")]
    problems = {
        "R-hat": fitted["largest_rhat"].values > rhat,
        "few effective draws": fitted["smallest_ess"].values < ess,
        "divergences": fitted["divergences"].values > 0,
    }
    any_of_them = np.any(list(problems.values()), axis=0)
    share = float(any_of_them.mean())
    said = listed([f"{int(v.sum())} {k}" for k, v in problems.items() if v.any()])
    message = f"{int(any_of_them.sum())} of {any_of_them.size} fits have a problem"
    found.append(
        judge(
            share > limit,
            f"{message} ({said})" if said else message,
            otherwise=Verdict.FAIL if share > unusable else Verdict.WARN,
            value=share,
            mcse=np.sqrt(share * (1 - share) / any_of_them.size),
            threshold=unusable if share > unusable else limit,
            result=f"{share:.1%}",
            needs=f"<= {limit:.0%}",
        )
    )
    return found


single_fits_failed.passes(examples.calibration)
single_fits_failed.fails(lambda: examples.calibration(divergent=20), Verdict.WARN)
single_fits_failed.fails(lambda: examples.calibration(divergent=90))
single_fits_failed.fails(lambda: examples.calibration(base_rhat=1.3))
single_fits_failed.false_alarm(lambda: examples.calibration(divergent=2))


@check("CAL903")
def simulations_lost(
    calibration: xr.Dataset, *, limit: float = 0.05, unusable: float = 0.5
) -> list[Finding]:
    """Some simulated data sets could not be fitted.

    **Asks**: what share of the simulations gave numbers that are not finite, or data that the
    sampler could not start on?
    **Why it matters**: the others are still a valid test, as long as it is the data that decide
    what is left out; but a prior under which many data sets overflow is not one that anybody
    holds, and where it has its mass the program stays untested.
    **What to do**: look at the reasons; give scales and coefficients on a log or logit scale
    tighter priors, and see PRI2xx. Or start from the posterior: --posterior.
    **Thresholds**: any loss is a note, a share above ``limit`` 0.05 a warning, above ``unusable``
    0.5 a failure. Conventions.
    **Source**: Modrák et al. (2023), doi:10.1214/23-BA1404, section 3.4 (rejection by data).
    """
    status = calibration["status"].values
    lost = status != "fitted"
    share = float(lost.mean())
    constant = int(calibration["constant"].values.sum())
    message = f"{int(lost.sum())} of {status.size} simulated data sets could not be fitted"
    if lost.any():
        why, often = np.unique(calibration["reason"].values[lost].astype(str), return_counts=True)
        order = np.argsort(-often)[:3]
        message += ": " + "; ".join(f"{why[i]} ({often[i]})" for i in order)
    if constant:
        message += f"; {constant} that were fitted hold the same value in every row"
    return [
        judge(
            lost.any(),
            message,
            otherwise=Verdict.FAIL
            if share > unusable
            else Verdict.WARN
            if share > limit
            else Verdict.NOTE,
            value=share,
            threshold=unusable if share > unusable else limit,
            result=f"{share:.1%}",
            needs=f"<= {limit:.0%}",
        )
    ]


simulations_lost.passes(examples.calibration)
simulations_lost.fails(lambda: examples.calibration(lost=30), Verdict.WARN)
simulations_lost.fails(lambda: examples.calibration(lost=110))
simulations_lost.fails(lambda: examples.calibration(lost=2), Verdict.NOTE)
simulations_lost.false_alarm(lambda: examples.calibration(constant=5))


@check("CAL904")
def too_few_simulations(
    calibrated: list[Calibrated], *, bias: float = 0.5, power: float = 0.8
) -> Finding:
    """So few simulations would not show a fault that matters.

    **Asks**: what is the smallest bias of a quantity, in posterior standard deviations, that as
    many fits show with probability ``power``?
    **Why it matters**: that nothing was found means little where little could have been found.
    **What to do**: ask for more --simulations: the finished ones are kept. Four times as many see
    half the bias.
    **Thresholds**: inconclusive where only a bias above ``bias`` 0.5 posterior standard deviation
    shows with probability ``power`` 0.8. Conventions.
    **Source**: poolwise: 400 simulated sets of ranks of normal posteriors that are all off by the
    same number of standard deviations, against the corrected band of CAL901.
    """
    if not calibrated:
        return inconclusive("Too few fits have ranks to say what they would show")
    fewest = min(c.pit.size for c in calibrated)
    probability = FAMILYWISE / len(calibrated)
    seen = smallest_bias_seen(fewest, probability, power)
    narrow = smallest_narrowing_seen(fewest, probability, power)
    said = f"{seen:.2f} posterior sd" if np.isfinite(seen) else "more than 4 posterior sd"
    too = f" or intervals too narrow by {narrow - 1:.0%}" if np.isfinite(narrow) else ""
    message = f"{fewest} fits show a bias of {said}{too} in one quantity with probability {power:g}"
    details = {"value": seen, "threshold": bias, "result": said, "needs": f"<= {bias:g} sd"}
    if seen > bias:
        return inconclusive(f"{message}; nothing smaller", **details)
    return judge(False, message, **details)  # type: ignore[arg-type]


too_few_simulations.passes(examples.calibration)
too_few_simulations.fails(lambda: examples.calibration(simulations=30), Verdict.INCONCLUSIVE)
too_few_simulations.false_alarm(lambda: examples.calibration(simulations=100))


def power_of(evidence: Evidence) -> tuple[int, float, float]:
    """Return fits, and the smallest bias and the smallest narrowing seen with probability 0.8."""
    found: Sequence[Calibrated] = evidence.get("calibrated")
    fewest = min(c.pit.size for c in found)
    probability = FAMILYWISE / len(found)
    return (
        fewest,
        smallest_bias_seen(fewest, probability),
        smallest_narrowing_seen(fewest, probability),
    )
