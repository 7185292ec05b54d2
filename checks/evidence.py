"""What checks look at: a run's draws, what the spec declared, and facts computed once from both.

This is the one place that knows ArviZ's group names. A check or a fact asks for a piece of evidence
by the name of a parameter; a piece that is not there raises :class:`Missing` with the reason, which
becomes "skipped, because ...".
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import xarray as xr

#: Groups of a run that are datasets of draws or data, and why one may be absent.
GROUPS = {
    "prior": "no draws from the prior",
    "prior_predictive": "no data were simulated from the prior",
    "posterior": "no posterior draws",
    "sample_stats": "the sampler reported no statistics",
    "log_likelihood": "no pointwise log-likelihood",
    "log_prior": "no log-prior per draw",
    "posterior_predictive": "no data were simulated from the posterior",
    "observed_data": "no observed data",
    "constant_data": "the model holds no constant data",
    "quantities": "the spec declares no quantities",
    "decisions": "the spec declares no decisions",
    "calibration": "no calibration was run; run 'poolwise calibrate' on the spec",
}

#: Groups that hold one dataset per level, alternative prior, ...
FAMILIES = {
    "levels": "no level of the hierarchy is known; declare it with levels={...} on the spec",
    "prior_levels": "no draws of the levels from the prior",
    "sweep": "no alternative prior was fitted",
    "powers": "no part of the model was fitted under other powers",
    "poolings": "no level was fitted without pooling and with complete pooling",
}


class Missing(Exception):
    """A piece of evidence is not there; the message says why."""


Fact = Callable[..., Any]
_FACTS: dict[str, Fact] = {}


def fact(compute: Fact) -> Fact:
    """Register a function whose name is a piece of evidence and whose parameters are others.

    Facts are computed at most once per review and shared by the checks, figures and tables.
    """
    name = compute.__name__
    if name in _FACTS or name in GROUPS or name in FAMILIES:
        raise ValueError(f"evidence {name!r} is already defined")
    _FACTS[name] = compute
    return compute


def needs_of(function: Callable[..., Any]) -> list[str]:
    """Return the evidence a check or fact asks for: its positional parameters."""
    return [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is not parameter.KEYWORD_ONLY
    ]


@dataclass(slots=True)
class Evidence:
    """A saved run, as the checks see it.

    Parameters
    ----------
    tree : xarray.DataTree
        ArviZ groups (``posterior``, ``prior_predictive``, ...) and poolwise's own: ``quantities``,
        ``decisions``, ``levels/<name>``, ``prior_levels/<name>``, ``sweep/<alternative>``.
    declared : mapping
        What the spec says that no draw can: ``expectations``, ``top_level_priors``, ``unit``, ...
    reasons : mapping
        Why a group is absent, where the run knows better than the general sentence.
    """

    tree: xr.DataTree
    declared: Mapping[str, Any] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    _facts: dict[str, Any] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        """Return one piece of evidence.

        Raises
        ------
        Missing
            With the reason, in words a reader of the report understands.
        """
        if name in self._facts:
            found = self._facts[name]
            if isinstance(found, Missing):
                raise found
            return found
        try:
            self._facts[name] = self._find(name)
        except Missing as missing:
            self._facts[name] = missing
            raise
        return self._facts[name]

    def has(self, name: str) -> bool:
        """Return whether a piece of evidence is there."""
        try:
            self.get(name)
        except Missing:
            return False
        return True

    def why_missing(self, name: str) -> str:
        """Return the reason a piece of evidence is absent, or an empty string."""
        try:
            self.get(name)
        except Missing as missing:
            return str(missing)
        return ""

    def ask(self, function: Callable[..., Any], **options: Any) -> Any:
        """Call ``function`` with the evidence its parameters name."""
        return function(**{name: self.get(name) for name in needs_of(function)}, **options)

    def _find(self, name: str) -> Any:
        if name == "evidence":
            return self
        if name in GROUPS:
            return self._group(name, GROUPS[name])
        if name in FAMILIES:
            return self._family(name, FAMILIES[name])
        if name in self.declared:
            return self.declared[name]
        if name in _FACTS:
            return self.ask(_FACTS[name])
        raise Missing(self.reasons.get(name, f"no {name.replace('_', ' ')}"))

    def _group(self, name: str, why: str) -> xr.Dataset:
        node = self.tree.children.get(name)
        if node is None or not node.data_vars:
            raise Missing(self.reasons.get(name, why))
        return node.to_dataset()

    def _family(self, name: str, why: str) -> dict[str, xr.Dataset]:
        node = self.tree.children.get(name)
        if node is None or not node.children:
            raise Missing(self.reasons.get(name, why))
        return {str(k): child.to_dataset() for k, child in node.children.items()}
