"""What is true of a model: evidence in, findings out. Never samples, never renders."""

from . import calibration as _calibration
from . import few_groups as _few_groups
from . import more_data as _more_data
from . import poolings as _poolings
from . import power_scaling as _power_scaling
from . import predictive as _predictive
from . import prior as _prior
from . import regularization as _regularization
from . import run as _run
from . import sampling as _sampling
from . import share_shifts as _share_shifts
from . import sign_flips as _sign_flips
from . import spec as _spec
from . import sweep as _sweep
from . import uncertainty as _uncertainty
from .check import REGISTRY, STAGES, Check, check, run_checks, selected
from .collecting import what_to_collect
from .collecting_nested import what_to_collect_in
from .decomposition import decompose
from .draws import contraction
from .evidence import Evidence, Missing, fact
from .expect import Expect, Met
from .expected import ExpectedFailure, expect_failures
from .finding import SEVERITY, Finding, Verdict, inconclusive, judge, skipped
from .hierarchy import Level
from .new_group import predict_new_group
from .own_data import own_data_weight
from .penalty import choices_of, classical_markers, ridge_of
from .pooling_factors import data_level_factor, pooling_factor
from .poolings import compare_poolings, what_pooling_bought
from .ridge_equivalent import effective_groups, equivalent_penalty
from .tier import ASKABLE, Tier

#: Modules whose import registers checks and facts.
FAMILIES = (
    _spec,
    _prior,
    _sampling,
    _predictive,
    _power_scaling,
    _sweep,
    _sign_flips,
    _share_shifts,
    _few_groups,
    _more_data,
    _regularization,
    _poolings,
    _uncertainty,
    _calibration,
    _run,
)

__all__ = [
    "ASKABLE",
    "FAMILIES",
    "REGISTRY",
    "SEVERITY",
    "STAGES",
    "Check",
    "Evidence",
    "Expect",
    "ExpectedFailure",
    "Finding",
    "Level",
    "Met",
    "Missing",
    "Tier",
    "Verdict",
    "check",
    "choices_of",
    "classical_markers",
    "compare_poolings",
    "contraction",
    "data_level_factor",
    "decompose",
    "effective_groups",
    "equivalent_penalty",
    "expect_failures",
    "fact",
    "inconclusive",
    "judge",
    "own_data_weight",
    "pooling_factor",
    "predict_new_group",
    "ridge_of",
    "run_checks",
    "selected",
    "skipped",
    "what_pooling_bought",
    "what_to_collect",
    "what_to_collect_in",
]
