"""All models with their truth."""

from __future__ import annotations

from . import awkward, bambi_formulas, counts, nested, processes, shrinkage, slopes, textbook
from .expected import Case

_BASIC = (textbook, nested, slopes, counts, shrinkage, processes, bambi_formulas, awkward)

BASIC: list[Case] = [case for file in _BASIC for case in file.MODELS]
"""54 models, one for each construction that a finder has to know."""

DECLARED: list[Case] = list(awkward.DECLARED)
"""Models that only a declaration settles, with it."""

COLLECTIONS = {
    "54 models, one for each construction": BASIC,
    "3 models that need a declaration, with it": DECLARED,
}
