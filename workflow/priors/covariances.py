"""Other priors for covariance and correlation matrices with an LKJ prior."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ...checks.hierarchy import constant_value
from ...checks.words import number
from ..engine.densities import LogDensity, log_density_of
from ..engine.parts import CHOLESKY, correlations, of_correlations, spreads
from .families import family_of, in_words, widened
from .making import Maker, spreads_of_median
from .meanings import meaning, scale_median
from .replacing import Replacement
from .subjects import SCALE, Subject

#: Concentrations of correlations around zero; at 1 every correlation matrix is as likely.
_ETAS = (0.5, 1.0, 2.0, 4.0)

#: The standard deviations of a Cholesky factor, each of which is what its prior says.
_SPREADS = Subject("", SCALE, exact=True)


class Cholesky:
    """Other priors for one Cholesky factor of a covariance matrix.

    Parameters
    ----------
    make : Maker
    name : str
    """

    def __init__(self, make: Maker, name: str) -> None:
        self.name, self.rv = name, make.model[name]
        n, self.eta, self.sd = self.rv.owner.op.dist_params(self.rv.owner)
        self.size = int(constant_value(n) or 0)
        self.concentration = constant_value(self.eta)

    @staticmethod
    def can(make: Maker, name: str) -> bool:
        """Whether a variable is one."""
        return family_of(make.model[name]) == CHOLESKY

    def wider(self, factor: float) -> Replacement:
        """Make all standard deviations wider."""
        words = f"spreads {factor:g} × as wide"
        return self._with_spreads(words, widened(self.sd, factor))

    def families(self) -> Iterator[Replacement]:
        """Yield priors of other families for the standard deviations, with the same median."""
        median = scale_median(log_density_of(self.sd), _SPREADS)
        if math.isfinite(median) and median > 0:
            own = family_of(self.sd)
            for spread in (f for f in spreads_of_median(median) if family_of(f()) != own):
                yield self._with_spreads(f"spreads {in_words(spread())}", spread)

    def concentrations(self) -> Iterator[Replacement]:
        """Yield other concentrations of the correlations around zero."""
        for eta in _ETAS:
            if eta != self.concentration:
                yield self._replaced(
                    f"LKJ eta {eta:g}",
                    partial(_cholesky, self.size, eta, lambda: self.sd),
                    means=_sd_of_correlations(self.size, eta),
                    densities={correlations(self.name): of_correlations(self.size, eta)},
                )

    def _with_spreads(self, words: str, sd: Callable[[], Any]) -> Replacement:
        new = log_density_of(sd())
        return self._replaced(
            words,
            partial(_cholesky, self.size, self.eta, sd),
            means=meaning(log_density_of(self.sd), new, _SPREADS, ""),
            densities={} if new is None else {spreads(self.name): new},
        )

    def _replaced(
        self,
        words: str,
        make: Callable[[], Any],
        *,
        means: str,
        densities: dict[str, LogDensity],
    ) -> Replacement:
        base = f"LKJ eta {number(self.concentration)}, sd {in_words(self.sd)}"
        return Replacement(
            self.name, words, base, make, same_support=True, means=means, densities=densities
        )


def of_correlation_matrix(make: Maker, name: str) -> Iterator[Replacement]:
    """Yield other concentrations of a correlation matrix with an LKJ prior."""
    import pymc as pm

    rv = make.model[name]
    if family_of(rv) != "LKJCorr":
        return
    size, own = (constant_value(p) for p in rv.owner.op.dist_params(rv.owner))
    for eta in _ETAS:
        if size is not None and eta != own:
            yield Replacement(
                name,
                f"LKJ eta {eta:g}",
                f"LKJ eta {number(own)}",
                partial(pm.LKJCorr.dist, n=int(size), eta=eta),
                same_support=True,
                means=_sd_of_correlations(int(size), eta),
            )


def _sd_of_correlations(size: int, eta: float) -> str:
    # A correlation is a beta variable on (-1, 1); Lewandowski et al. (2009), section 3.
    return f"each correlation has prior sd {1 / math.sqrt(2 * eta + size - 1):.2f}"


def _cholesky(size: int, eta: Any, sd: Callable[[], Any]) -> Any:
    import pymc as pm

    return pm.LKJCholeskyCov.dist(n=size, eta=eta, sd_dist=sd(), compute_corr=False)
