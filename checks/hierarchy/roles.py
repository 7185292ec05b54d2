"""Which free variables carry a prior that a reader may replace, and which are part of the model.

Top-level priors are the priors of every free variable that is neither a group effect (it has random
parents) nor an offset (the standardised part of a non-centred effect).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .discovery import free_names, is_standardised
from .hierarchy import Hierarchy
from .support import is_positive

if TYPE_CHECKING:
    import pymc as pm


@dataclass(frozen=True, slots=True)
class Roles:
    """Roles of the free variables of a model, by name.

    Attributes
    ----------
    top_level : list of str
        Variables whose priors power-scaling and sweeps act on.
    scales : list of str
        Those of them that set the spread between groups.
    assumed_offsets : list of str
        Variables taken to be offsets although the model does not show it clearly.
    """

    top_level: list[str]
    scales: list[str]
    assumed_offsets: list[str]


def roles(model: pm.Model, hierarchy: Hierarchy) -> Roles:
    """Sort the free variables of a model into roles.

    Parameters
    ----------
    model : pymc.Model
    hierarchy : Hierarchy
        Without levels, every positive top-level variable counts as a scale.
    """
    free = {str(rv.name): rv for rv in model.free_RVs}
    roots = [name for name, rv in free.items() if not free_names(list(rv.owner.inputs), model)]
    unclear = [n for n in roots if n in hierarchy.unclear and is_standardised(free[n])]
    top = [n for n in roots if n not in hierarchy.offsets and n not in unclear]
    scales = [level.scale for level in hierarchy.levels.values()]
    behind = free_names(scales, model) if scales else set(top)
    return Roles(top, [n for n in top if n in behind and is_positive(model, n)], unclear)
