"""Makes other priors for one variable, and says what each of them means."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ..engine.densities import LogDensity, log_density_of, of_power
from .families import (
    beta_for_uniform,
    copy_of,
    family_of,
    in_words,
    parameters_of,
    shifted,
    widened,
)
from .meanings import meaning, scale_median, spread_becomes
from .replacing import Replacement
from .subjects import NOISE, OTHER, SCALE, Subject

if TYPE_CHECKING:
    import pymc as pm

#: Degrees of freedom of the alternatives with heavier tails; 4 lies between normal and Cauchy.
FREEDOM = 4.0


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes other priors for the variables of a model.

    Attributes
    ----------
    model : pymc.Model
    subjects : mapping of str to Subject
    unit : str
        Of the outcome, where it is known.
    typical : mapping of str to float
        Of variables that set a spread: a median under the posterior, for priors so vague that they
        have no median that could be computed.
    """

    model: pm.Model
    subjects: Mapping[str, Subject]
    unit: str
    typical: Mapping[str, float]

    def subject(self, name: str) -> Subject:
        """What a variable is."""
        return self.subjects.get(name, Subject(name, OTHER, math.nan))

    def instead(
        self,
        name: str,
        make: Callable[[], Any],
        words: str = "",
        *,
        density: LogDensity | None = None,
        means: str = "",
        same_support: bool = False,
    ) -> Replacement:
        """Replace a prior by a distribution; what does not follow from it is given."""
        rv, new = self.model[name], make()
        found = density or log_density_of(new)
        means = means or meaning(log_density_of(rv), found, self.subject(name), self.unit)
        return Replacement(
            parameter=name,
            prior=words or in_words(new),
            base=in_words(rv),
            make=make,
            same_support=same_support,
            means=means,
            densities={} if found is None else {name: found},
        )

    def wider(self, name: str, factor: float) -> Replacement:
        """Make a prior wider: that of a spread, such that the standard deviation is."""
        rv, subject = self.model[name], self.subject(name)
        if subject.is_log:
            make = shifted(rv, math.log(factor))
        elif self.is_proportion(name):
            return self.instead(name, beta_for_uniform(factor))
        else:
            make = widened(rv, factor ** (1 / subject.exponent))
        words = "" if parameters_of(rv) is not None else f"{factor:g} × {in_words(rv)}"
        return self.instead(name, make, words, same_support=True)

    def is_proportion(self, name: str) -> bool:
        """Whether a variable that is no spread has a uniform prior on (0, 1)."""
        rv = self.model[name]
        unit = {"lower": 0.0, "upper": 1.0}
        spread = self.subject(name).kind in (SCALE, NOISE)
        return family_of(rv) == "Uniform" and parameters_of(rv) == unit and not spread

    def can_widen(self, name: str, factor: float = 0.5) -> bool:
        """Whether a prior has one set of parameters that says how wide it is.

        What lies in (-1, 1) is taken for a correlation, which has no wider prior; and a prior so
        vague that it has no median is no other when it is wider.
        """
        rv = self.model[name]
        values = parameters_of(rv)
        if values is None or (factor > 1 and values == {"lower": -1.0, "upper": 1.0}):
            return False
        return not self.is_vague(name)

    def is_vague(self, name: str) -> bool:
        """Whether the prior of a spread, or a noise, has no median that could be computed."""
        subject, own = self.subject(name), log_density_of(self.model[name])
        if subject.kind not in (SCALE, NOISE) or own is None:
            return False
        return not math.isfinite(scale_median(own, subject))

    def median(self, name: str) -> float:
        """Return the median of the spread that a prior implies; NaN where nothing is known."""
        own = log_density_of(self.model[name])
        found = scale_median(own, self.subject(name))
        if math.isfinite(found) and found > 0:
            return found
        return self.typical.get(name, math.nan) if own is not None else math.nan

    def of_spread(self, name: str, of: Callable[[], Any], *, squared: bool = False) -> Replacement:
        """Replace a prior by saying what the standard deviation is, or its square.

        Parameters
        ----------
        name : str
        of : callable
            Returns the distribution of the standard deviation.
        squared : bool
            Whether it is that of the variance.
        """
        power = self.subject(name).everywhere * (2 if squared else 1)
        if power == 1:
            return self.instead(name, of)
        new = log_density_of(of())
        density = of_power(new, power) if new is not None and power != 0 else None
        make = partial(_root, of, power, halved=squared)
        words, means = f"{in_words(of())} on the variance", "almost flat on the log of the spread"
        if not squared:
            subject, own = self.subject(name), log_density_of(self.model[name])
            median = scale_median(new, Subject(name, SCALE))
            words = f"such that the sd is {in_words(of())}"
            means = spread_becomes(own, median, subject, self.unit)
        return self.instead(name, make, words, density=density, means=means, same_support=True)

    def heavier(self, name: str) -> Replacement | None:
        """Replace a normal prior by a Student-t with its quartiles; None for other priors."""
        import pymc as pm
        from scipy import special

        rv = self.model[name]
        values = parameters_of(rv)
        if family_of(rv) != "Normal" or values is None:
            return None
        ratio = float(special.ndtri(0.75) / special.stdtrit(FREEDOM, 0.75))
        scale = rounded(values["sigma"] * ratio)
        return self.instead(
            name, partial(pm.StudentT.dist, nu=FREEDOM, mu=values["mu"], sigma=scale)
        )


def _root(of: Callable[[], Any], power: float, *, halved: bool) -> Any:
    """Return the distribution of v where that of v**power is known, or, for power 0, of exp(v)."""
    import pymc as pm
    import pytensor.tensor as pt
    from pymc.distributions.shape_utils import change_dist_size, rv_size_is_none

    def dist(size: Any) -> Any:
        own = copy_of(of())
        if not rv_size_is_none(size):
            own = change_dist_size(own, size)
        return pt.log(own) / (2 if halved else 1) if power == 0 else own ** (1 / power)

    what = "Variance" if halved else "Sd"
    return pm.CustomDist.dist(dist=dist, class_name=f"{family_of(of())}Of{what}")


def spreads_of_median(median: float) -> list[Callable[[], Any]]:
    """Return half-normal, half-t, half-Cauchy, exponential and uniform priors with one median."""
    import pymc as pm
    from scipy import special

    normal, t = float(special.ndtri(0.75)), float(special.stdtrit(FREEDOM, 0.75))
    return [
        partial(pm.HalfNormal.dist, sigma=rounded(median / normal)),
        partial(pm.HalfStudentT.dist, nu=FREEDOM, sigma=rounded(median / t)),
        partial(pm.HalfCauchy.dist, beta=rounded(median)),
        partial(pm.Exponential.dist, lam=1 / rounded(median / math.log(2))),
        partial(pm.Uniform.dist, lower=0.0, upper=rounded(2 * median)),
    ]


def rounded(value: float) -> float:
    """Round to three digits: priors are read by people."""
    return float(f"{value:.3g}")
