"""SPC: what is wrong with a model before anything is sampled. Importing it registers the rules."""

from . import comments as _comments
from . import data as _data
from . import domains as _domains
from . import likelihood as _likelihood
from . import locations as _locations
from . import predictor as _predictor
from . import response as _response
from . import scales as _scales
from . import spreads as _spreads
from .rule import OPT_IN, Fault, rule

#: Modules whose import registers rules and the facts they ask for.
RULES = (
    _response,
    _predictor,
    _spreads,
    _comments,
    _scales,
    _locations,
    _domains,
    _data,
    _likelihood,
)

__all__ = ["OPT_IN", "RULES", "Fault", "rule"]
