r"""Power-scaled posteriors by sampling: :math:`p(y \mid \theta)^{b}\, p(\theta)^{a}`.

Importance weights from the base fit do the same for powers near 1, as long as their tail is light.
Where it is not, the program is sampled under the power itself.

References
----------
Kallioinen et al. (2024), doi:10.1007/s11222-023-10366-5 (power-scaling sensitivity).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from .densities import LogDensity
from .program import Engine
from .switches import NotSwitchable

#: Every coefficient of the log density.
_COEFFICIENTS = (
    "constant",
    "log",
    "log_squared",
    "linear",
    "squared",
    "tail",
    "power",
    "complement",
)


def raised(prior: LogDensity, power: float) -> LogDensity:
    """Return a prior to a power, not normalised, between the same bounds."""
    return replace(prior, **{name: power * getattr(prior, name) for name in _COEFFICIENTS})


def power_scaled(
    engine: Engine, *, priors: Iterable[str] = (), prior: float = 1.0, likelihood: float = 1.0
) -> dict[str, Any]:
    """Return the switches of a power-scaled posterior, as :meth:`.Engine.sample` takes them.

    Parameters
    ----------
    engine : Engine
    priors : iterable of str
        Variables whose priors are scaled, together.
    prior, likelihood : float
        Powers; positive.

    Raises
    ------
    NotSwitchable
        If a prior or an outcome is fixed, or a potential may belong to the likelihood.
    """
    for power in (prior, likelihood):
        if not (np.isfinite(power) and power > 0):
            raise ValueError(f"a power is positive, not {power}")
    switches: dict[str, Any] = {}
    scaled = list(priors)
    for name in scaled:
        if name not in engine.priors:
            reason = engine.fixed.get(name, "it is no top-level variable")
            raise NotSwitchable(f"the prior of {name} is fixed: {reason}")
    if scaled and prior != 1:
        switches["priors"] = [{name: raised(engine.priors[name], prior) for name in scaled}]
    if likelihood != 1:
        outcomes = {n: why for n, why in engine.fixed.items() if n not in engine.top_level}
        for name, reason in outcomes.items():
            raise NotSwitchable(f"the likelihood of {name} is fixed: {reason}")
        if engine.potentials:
            names = ", ".join(engine.potentials)
            raise NotSwitchable(f"{names} may be a part of the likelihood, or of the prior")
        switches["weights"] = {n: np.full(shape, likelihood) for n, shape in engine.rows.items()}
    return switches
