"""What pooling bought: no, partial and complete pooling compared by what they predict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from . import examples
from .check import SAMPLED, check
from .draws import Array
from .evidence import fact
from .finding import Finding, Verdict, inconclusive, judge, skipped
from .words import counted, number

#: Order along the dimension ``pooling``.
NO, PARTIAL, COMPLETE = POOLINGS = ("no", "partial", "complete")

#: Fits whose chains disagree by more are not used (Gelman et al. 2013, section 11.5, asks 1.1).
LARGEST_RHAT = 1.05

#: What is left out, and how predictions of it are called in a dataset.
PARTS = {"row": "loo", "group": "logo"}

#: Standard errors that a difference must reach to be called one.
_ERRORS = 2.0

#: Differences whose standard error is not to be taken at face value.
_SMALL = 4.0


@dataclass(frozen=True, slots=True)
class Contrast:
    """Partial pooling against another one, by log predictive density of what was left out.

    Attributes
    ----------
    other : str
        ``no`` or ``complete``.
    part : str
        What is left out and predicted from the rest: a ``row``, or all rows of a ``group``.
    difference : float
        Sum of log densities with partial pooling less that with the other; above 0, partial
        pooling predicts better.
    se : float
        Its standard error over rows or groups (Vehtari, Gelman and Gabry 2017, section 5.2).
    mcse : float
        Its Monte Carlo standard error.
    compared : int
        Rows or groups that both predict.
    undefined : int
        Those of which the other pooling can say nothing: without its only row, a group that is not
        pooled has no estimate.
    unreliable : int
        Those that importance weights do not reach (Pareto k too high, or quadrature not settled).
    """

    other: str
    part: str
    difference: float
    se: float
    mcse: float
    compared: int
    undefined: int
    unreliable: int

    @property
    def clear(self) -> bool:
        """Whether the difference is more than noise.

        Two standard errors, Monte Carlo included, and not ``small``.
        """
        return not self.small and abs(self.difference) > _ERRORS * float(
            np.hypot(self.se, self.mcse)
        )

    @property
    def small(self) -> bool:
        """Whether predictions are so alike that the standard error cannot be relied on.

        Source: Sivula et al. (2020), arXiv:2008.10296, section 6.
        """
        return abs(self.difference) < _SMALL


@dataclass(frozen=True, slots=True)
class Compared:
    """One level under no, partial and complete pooling.

    Attributes
    ----------
    level, effect : str
    shares : str
        What the estimates hold besides the effect, by name, separated by commas: what all rows of
        a group share with it.
    groups : list of str
    rows : ndarray of shape (J,)
    mean, sd, low, high, mcse : dict of str to ndarray of shape (J,)
        Of the effect of every group, by pooling; NaN where it has no finite estimate.
    contrasts : list of Contrast
    why : dict of str to str
        Why a pooling (``no``, ``complete``) or a prediction (``rows``, ``groups``) is not there.
    scales : dict of str to float
        The value of the level's scale that stands for each of the limits.
    trusted : dict of str to bool
        Whether the chains of each fit agree (R-hat at most 1.05).
    """

    level: str
    effect: str
    shares: str
    groups: list[str]
    rows: Array
    mean: dict[str, Array]
    sd: dict[str, Array]
    low: dict[str, Array]
    high: dict[str, Array]
    mcse: dict[str, Array]
    contrasts: list[Contrast]
    why: dict[str, str]
    scales: dict[str, float]
    trusted: dict[str, bool]

    @property
    def unestimated(self) -> int:
        """Groups whose rows alone give no finite estimate."""
        return 0 if "no" in self.why else int(np.isnan(self.mean["no"]).sum())

    def contrast(self, other: str, part: str) -> Contrast | None:
        """Return one comparison, or None."""
        return next((c for c in self.contrasts if (c.other, c.part) == (other, part)), None)


def compare_poolings(level: xr.Dataset, name: str = "level") -> Compared:
    """Compare the three poolings of one level.

    Parameters
    ----------
    level : xarray.Dataset
        ``estimate_mean``, ``_sd``, ``_low``, ``_high``, ``_mcse`` (pooling, group), ``rows``
        (group), ``rhat`` (pooling); and, where rows or groups are predicted, ``loo_elpd`` and
        ``loo_k`` (pooling, row), ``logo_elpd`` and ``logo_k`` (pooling, group), each with
        ``_difference_mcse`` (pooling). The dimension ``pooling`` is in the order of ``POOLINGS``.
    name : str

    Returns
    -------
    Compared

    References
    ----------
    Vehtari, Gelman and Gabry (2017), doi:10.1007/s11222-016-9696-4.
    """
    attrs = level.attrs
    by = {
        statistic: dict(zip(POOLINGS, level[f"estimate_{statistic}"].values, strict=True))
        for statistic in ("mean", "sd", "low", "high", "mcse")
    }
    limit = float(attrs.get("largest_k", 0.7))
    contrasts = [
        _contrast(level, other, part, limit)
        for part, prefix in PARTS.items()
        if f"{prefix}_elpd" in level
        for other in ("no", "complete")
        if np.isfinite(level[f"{prefix}_difference_mcse"].values[POOLINGS.index(other)])
    ]
    rhat = dict(zip(POOLINGS, level["rhat"].values, strict=True))
    return Compared(
        level=name,
        effect=str(attrs.get("effect", "effect")),
        shares=str(attrs.get("shares", "")),
        groups=[str(g) for g in level["group"].values],
        rows=level["rows"].values if "rows" in level else np.full(level.sizes["group"], np.nan),
        **by,
        contrasts=[c for c in contrasts if c.compared > 1],
        why={k.removeprefix("why_no_"): str(v) for k, v in attrs.items() if "why_no_" in k},
        scales={p: float(attrs[f"scale_{p}"]) for p in POOLINGS if f"scale_{p}" in attrs},
        trusted={p: not rhat[p] > LARGEST_RHAT for p in POOLINGS},
    )


def _contrast(level: xr.Dataset, other: str, part: str, limit: float) -> Contrast:
    prefix, i = PARTS[part], POOLINGS.index(other)
    elpd, k = level[f"{prefix}_elpd"].values, level[f"{prefix}_k"].values
    nothing = np.isnan(elpd) & ~np.isinf(k)
    undefined = nothing[i] & ~nothing[1]
    good = np.isfinite(elpd) & ~(k > limit)
    both = good[i] & good[1]
    difference = elpd[1, both] - elpd[i, both]
    count = int(both.sum())
    return Contrast(
        other=other,
        part=part,
        difference=float(difference.sum()),
        se=float(np.sqrt(count) * difference.std(ddof=1)) if count > 1 else float("nan"),
        mcse=float(level[f"{prefix}_difference_mcse"].values[i]),
        compared=count,
        undefined=int(undefined.sum()),
        unreliable=int((~both & ~nothing[i] & ~nothing[1]).sum()),
    )


@fact
def compared_poolings(poolings: dict[str, xr.Dataset]) -> dict[str, Compared]:
    """Compare the three poolings of every level."""
    return {name: compare_poolings(level, name) for name, level in poolings.items()}


def what_pooling_bought(found: Compared) -> list[str]:
    """Say in sentences what partial pooling predicts better or worse, and what is not known."""
    said = []
    for part, what in (("row", "new rows of the observed groups"), ("group", "rows of new groups")):
        contrasts = [c for other in ("no", "complete") if (c := found.contrast(other, part))]
        if contrasts:
            clauses = [_clause(c, what if i == 0 else "them") for i, c in enumerate(contrasts)]
            said.append(f"Partial pooling predicts {'; it predicts '.join(clauses)}.")
        said += [_left_over(c) for c in contrasts if c.undefined or c.unreliable]
    if "no" not in found.why and found.contrast("no", "row") is None and "rows" not in found.why:
        said.append(
            "Without pooling nothing predicts a new row of a group that has one row, so that no "
            "pooling is not compared."
        )
    if found.contrast("complete", "group") is not None:
        said.append("Without pooling nothing is predicted of a new group.")
    return said


def _clause(c: Contrast, what: str) -> str:
    other = f"{c.other} pooling"
    size = f"{number(abs(c.difference))} ± {number(float(np.hypot(c.se, c.mcse)))} elpd"
    if not c.clear:
        return f"{what} as well as {other} as far as can be told (difference {_signed(c)})"
    return f"{what} {'better' if c.difference > 0 else 'worse'} than {other} by {size}"


def _signed(c: Contrast) -> str:
    sign = "−" if c.difference < 0 else ""
    size = number(abs(c.difference))
    return f"{sign}{size} ± {number(float(np.hypot(c.se, c.mcse)))} elpd"


def _left_over(c: Contrast) -> str:
    reasons = []
    if c.undefined:
        reasons.append(f"{counted(c.undefined, c.part)} of which {c.other} pooling says nothing")
    if c.unreliable:
        reasons.append(f"{counted(c.unreliable, c.part)} whose predictions are not reliable")
    return f"Not in the comparison with {c.other} pooling: {' and '.join(reasons)}."


@check("REG606", after=(*SAMPLED, "REG605"))
def another_pooling_predicts_better(
    compared_poolings: dict[str, Compared],
    *,
    errors: float = 2.0,
    small: float = 4.0,
    lost: float = 0.2,
) -> list[Finding]:
    """No pooling or complete pooling predicts what was left out better than the model does.

    **Asks**: is the log predictive density of left-out rows, or of left-out groups, with the
    model's pooling more than ``errors`` standard errors, and more than ``small``, below that
    without pooling or with complete pooling of the same level?
    **Why it matters**: partial pooling holds both as limits. Where a limit predicts clearly better,
    the prior on the scale or the normal shape of the effects is what the data speak against.
    **What to do**: widen the prior of the scale, or give the effects heavier tails where a few
    groups are far from all others; where complete pooling is better, report the common mean.
    **Thresholds**: ``errors`` 2, where the standard error of a difference covers rows and Monte
    Carlo; ``small`` 4, below which that error is known to be too small; not decided where a share
    of more than ``lost`` 0.2 of what could be predicted is not reliable. The first and the last are
    conventions of poolwise.
    **Source**: Vehtari, Gelman and Gabry (2017), doi:10.1007/s11222-016-9696-4; Sivula et al.
    (2020), arXiv:2008.10296.
    """
    findings = []
    for name, found in compared_poolings.items():
        if not found.contrasts:
            findings.append(skipped(_why_not(found), where=name))
        for c in found.contrasts:
            least = max(small, errors * float(np.hypot(c.se, c.mcse)))
            what = f"left-out {c.part}s of {name}, {c.other} pooling"
            message = (
                f"Partial less {c.other} pooling, {counted(c.compared, c.part)} of {name} left "
                f"out: {_signed(c)}"
            )
            if c.unreliable > lost * (c.compared + c.unreliable):
                said = f"{message}; {counted(c.unreliable, c.part)} could not be predicted reliably"
                findings.append(inconclusive(said, value=c.difference, mcse=c.mcse, where=what))
                continue
            findings.append(
                judge(
                    c.difference < -least,
                    message,
                    otherwise=Verdict.WARN,
                    value=c.difference,
                    mcse=c.mcse,
                    threshold=-least,
                    result=number(c.difference, 3),
                    needs=f"≥ {number(-least)}",
                    where=what,
                )
            )
    return findings


def _why_not(found: Compared) -> str:
    why: Mapping[str, str] = found.why
    reasons = [why[k] for k in ("rows", "no", "complete", "groups") if k in why]
    return f"nothing was compared: {reasons[0] if reasons else 'every group has one row'}"


another_pooling_predicts_better.passes(lambda: examples.with_poolings(between=10.0, believed=10.0))
another_pooling_predicts_better.fails(
    lambda: examples.with_poolings(between=40.0, believed=1.0), Verdict.WARN
)
# Complete pooling is right, and the model loses by it no more than noise.
another_pooling_predicts_better.false_alarm(
    lambda: examples.with_poolings(between=0.0, believed=3.0)
)
