"""SEN501 and SEN502: do quantities follow a power of the prior, or of the likelihood?"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np

from . import examples
from .check import SAMPLED, check
from .draws import Array
from .evidence import Evidence
from .finding import Finding, Verdict, inconclusive, judge
from .powers import PowerScaling, Scaled
from .words import counted, listed, number


class Diagnosis(StrEnum):
    """What prior and likelihood together say of a quantity."""

    NONE = "the prior does not move it"
    STRONG_PRIOR = "strong prior, weak likelihood"
    COMPROMISE = "a compromise of prior and data"
    MOVED = "the prior moves it; likelihood too close to tell"
    CLOSE = "too close to tell"
    UNDEFINED = "undefined"


def diagnoses(scaling: PowerScaling, limit: float) -> list[Diagnosis]:
    """Diagnose every quantity; none within two Monte Carlo errors of the limit."""
    found = []
    prior, data = (sides(part, limit) for part in (scaling.prior, scaling.likelihood))
    for prior_side, data_side in zip(prior, data, strict=True):
        if np.isnan(prior_side) or np.isnan(data_side):
            found.append(Diagnosis.UNDEFINED)
        elif prior_side < 0:
            found.append(Diagnosis.NONE)
        elif prior_side == 0:
            found.append(Diagnosis.CLOSE)
        elif data_side == 0:
            found.append(Diagnosis.MOVED)
        else:
            found.append(Diagnosis.COMPROMISE if data_side > 0 else Diagnosis.STRONG_PRIOR)
    return found


def sides(part: Scaled, limit: float) -> Array:
    """Return 1 where a sensitivity is above a limit, -1 below, 0 within its error, or NaN.

    Chance lifts a sensitivity and never lowers it. The square less that of the floor is unbiased,
    with the error 2 * sensitivity * mcse.
    """
    value = part.sensitivity
    beyond = value**2 - part.floor**2 - limit**2
    error = 2 * value * part.mcse
    sides = np.where(np.abs(beyond) < 2 * error, 0.0, np.where(beyond >= 0, 1.0, -1.0))
    return np.where(np.isfinite(value), sides, np.nan)


@check("SEN501", after=SAMPLED)
def prior_moves_the_answer(power_scaling: PowerScaling, *, limit: float = 0.05) -> Finding:
    """A quantity follows its prior, and the likelihood says little.

    **Asks**: is any quantity sensitive to a power of the top-level priors (at or above ``limit``)
    and not to a power of the likelihood (below ``limit``)?
    **Why it matters**: the data are not strong enough to overwhelm the prior: another reasonable
    prior gives another answer.
    **What to do**: state the prior next to the estimate, quote the range over the sweep, or justify
    the prior from earlier data.
    **Thresholds**: ``limit`` 0.05, the value of the source; undecided within two Monte Carlo
    errors of it. Where the Pareto k of the weights is above min(1 - 1/log10(S), 0.7), the model is
    fitted again under both powers; undecided where it cannot be.
    **Source**: Kallioinen et al. (2023), doi:10.1007/s11222-023-10366-5.
    """
    return _judge(power_scaling, limit, Diagnosis.STRONG_PRIOR, Verdict.WARN)


@check("SEN502", after=SAMPLED)
def prior_and_data_compromise(power_scaling: PowerScaling, *, limit: float = 0.05) -> Finding:
    """Prior and data both move a quantity.

    **Asks**: is any quantity sensitive to a power of the top-level priors and of the likelihood
    (both at or above ``limit``)?
    **Why it matters**: the posterior is then a compromise. Either the prior is informative, as it
    may be meant to be, or prior and data disagree; then the place of the compromise depends on how
    sure each of them was made to sound.
    **What to do**: look at prior and posterior of that quantity together. If the prior was meant to
    inform, say so; if they disagree (PRI203), find out which of the two is wrong.
    **Thresholds**: ``limit`` 0.05, the value of the source, which calls it a possible prior-data
    conflict; a note, because an informative prior does the same. Undecided within two Monte Carlo
    errors of it. Where the Pareto k of the weights is above min(1 - 1/log10(S), 0.7), the model is
    fitted again under both powers; undecided where it cannot be.
    **Source**: Kallioinen et al. (2023), doi:10.1007/s11222-023-10366-5.
    """
    return _judge(power_scaling, limit, Diagnosis.COMPROMISE, Verdict.NOTE)


def _judge(
    scaling: PowerScaling, limit: float, diagnosis: Diagnosis, otherwise: Verdict
) -> Finding:
    needs = f"< {limit:g}"
    for part in (scaling.prior, scaling.likelihood):
        if part.why_open:
            k = part.pareto_k if np.isfinite(part.pareto_k) else None
            return inconclusive(f"{part.name}: {part.why_open}", value=k, needs=needs)
    found = np.array(diagnoses(scaling, limit))
    if (found == Diagnosis.UNDEFINED).any():
        return inconclusive("the sensitivity of some quantity is undefined", needs=needs)
    bad, close = found == diagnosis, _could_be(diagnosis, scaling, limit)
    of_interest = bad if bad.any() else close if close.any() else np.full(len(found), True)
    pool = np.flatnonzero(of_interest)
    worst = int(pool[np.argmax(scaling.prior.sensitivity[pool])])
    value = float(scaling.prior.sensitivity[worst])
    details: dict[str, Any] = {
        "value": value,
        "mcse": float(scaling.prior.mcse[worst]),
        "threshold": limit,
        "result": f"{value:.2f}",
        "needs": needs,
        "where": scaling.labels[worst],
    }
    message = _in_words(scaling, worst)
    if close.any() and not bad.any():
        return inconclusive(f"{message}: too close to {limit:g} to tell", **details)
    if bad.any():
        others = int(bad.sum()) - 1
        more = f"; so for {counted(others, 'other quantity', 'other quantities')}" if others else ""
        message = f"{message}: {diagnosis}{more}"
    return judge(bad.any(), message, otherwise=otherwise, **details)


def _could_be(diagnosis: Diagnosis, scaling: PowerScaling, limit: float) -> np.ndarray:
    """Return which quantities have a diagnosis or are within Monte Carlo error of it."""
    prior, data = (sides(part, limit) for part in (scaling.prior, scaling.likelihood))
    allowed = data >= 0 if diagnosis is Diagnosis.COMPROMISE else data <= 0
    return np.asarray((prior >= 0) & allowed)


def _in_words(scaling: PowerScaling, quantity: int) -> str:
    """State the sensitivities of one quantity, and how each was obtained."""
    message = (
        f"{scaling.labels[quantity]} has sensitivity {_number(scaling.prior, quantity)} to "
        f"{'the prior' if len(scaling.scaled) == 1 else 'the priors'} of {listed(scaling.scaled)}"
    )
    alone = {n: s for n, s in scaling.each_prior.items() if not s.why_open}
    if len(scaling.scaled) > 1 and alone:
        most = max(alone, key=lambda n: alone[n].sensitivity[quantity])
        message += f", most to that of {most} ({_number(alone[most], quantity)})"
    return f"{message}, and {_number(scaling.likelihood, quantity)} to the likelihood"


def _number(part: Scaled, quantity: int) -> str:
    value, error = part.sensitivity[quantity], number(part.mcse[quantity], 1)
    k = number(part.pareto_k)
    how = f"fitted again, as Pareto k is {k}" if part.refitted else f"Pareto k {k}"
    return f"{value:.2f} ± {error} [{how}]"


def _informative(mu_scale: float, tau_scale: float, j: int = 40, shift: float = 0.0) -> Evidence:
    rng = np.random.default_rng(8)
    y = shift + 10 * rng.normal(size=j) + 5 * rng.normal(size=j)
    return examples.eight_schools(
        y=tuple(y), sigma=(5.0,) * j, mu_scale=mu_scale, tau_scale=tau_scale
    )


prior_moves_the_answer.passes(lambda: _informative(100, 20))
prior_moves_the_answer.fails(examples.eight_schools, Verdict.WARN)
prior_moves_the_answer.false_alarm(lambda: _informative(20, 100))
prior_and_data_compromise.passes(lambda: _informative(100, 20))
prior_and_data_compromise.fails(lambda: _informative(5, 20, shift=60), Verdict.NOTE)
prior_and_data_compromise.false_alarm(lambda: _informative(5, 20))
