"""SPC: what is wrong with a model before anything is sampled. Importing it registers the rules."""

from . import comments as _comments
from . import predictor as _predictor
from . import response as _response
from . import scales as _scales
from . import spreads as _spreads
from .rule import OPT_IN, Fault, rule

#: Modules whose import registers rules and the facts they ask for.
RULES = (_response, _predictor, _spreads, _comments, _scales)

__all__ = ["OPT_IN", "RULES", "Fault", "rule"]
