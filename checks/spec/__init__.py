"""SPC: what is wrong with a model before anything is sampled. Importing it registers the rules."""

from ..hierarchy import predictor, response
from . import (
    comments,
    correlations,
    data,
    domains,
    identification,
    indexing,
    likelihood,
    locations,
    parametrisation,
    redundancy,
    scales,
    separation,
    slopes,
    spreads,
    structure,
)
from .rule import OPT_IN, Fault, rule

#: Modules whose import registers the facts that rules ask for.
FACTS = (response, predictor, spreads)

#: Modules whose import registers rules, by topic.
RULES = (
    comments,
    scales,
    correlations,
    domains,
    locations,
    separation,
    parametrisation,
    identification,
    slopes,
    redundancy,
    data,
    likelihood,
    indexing,
    structure,
)

__all__ = ["FACTS", "OPT_IN", "RULES", "Fault", "rule"]
