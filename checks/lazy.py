"""ArviZ's and SciPy's statistics, imported when first used.

Listing, explaining and linting need none of them, and they take longer to import than a lint takes.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


class _Lazy:
    """Stands for a module or an object in one until something of it is asked for."""

    def __init__(self, module: str, name: str = "") -> None:
        self._module, self._name = module, name

    def __getattr__(self, attribute: str) -> Any:
        found = import_module(self._module)
        return getattr(getattr(found, self._name) if self._name else found, attribute)


#: Functions of arrays (R-hat, ESS, PSIS, ...).
array_stats: Any = _Lazy("arviz_stats.base", "array_stats")
#: Functions of whole runs (LOO, LOO-PIT).
azs: Any = _Lazy("arviz_stats")
#: Distributions and tests.
stats: Any = _Lazy("scipy.stats")
