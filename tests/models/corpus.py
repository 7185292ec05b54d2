"""All models with their truth."""

from __future__ import annotations

from . import (
    awkward,
    bambi_formulas,
    counts,
    nested,
    processes,
    published_bugs,
    published_formulas,
    published_gelman,
    published_mcelreath,
    published_sciences,
    published_stan,
    shrinkage,
    slopes,
    textbook,
    uncommon,
    uncommon_rows,
)
from .expected import Case

_BASIC = (textbook, nested, slopes, counts, shrinkage, processes, bambi_formulas, awkward)
_PUBLISHED = (
    published_gelman,
    published_mcelreath,
    published_bugs,
    published_stan,
    published_formulas,
    published_sciences,
)

BASIC: list[Case] = [case for file in _BASIC for case in file.MODELS]
"""54 models, one for each construction that a finder has to know."""

PUBLISHED: list[Case] = [case for file in _PUBLISHED for case in file.MODELS]
"""Models after well-known published ones, in the style of their authors."""

UNCOMMON: list[Case] = [*uncommon.MODELS, *uncommon_rows.MODELS]
"""Models in uncommon forms."""

DECLARED: list[Case] = list(awkward.DECLARED)
"""Models that only a declaration settles, with it."""

COLLECTIONS = {
    "54 models, one for each construction": BASIC,
    "53 models after published ones": PUBLISHED,
    "21 models in uncommon forms": UNCOMMON,
    "3 models that need a declaration, with it": DECLARED,
}
