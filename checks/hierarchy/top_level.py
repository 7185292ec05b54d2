"""Which free variables carry a prior that a reader may replace, and which are part of the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .discovery import free_names, is_standardised
from .hierarchy import Hierarchy, Role
from .support import is_positive

if TYPE_CHECKING:
    import pymc as pm


@dataclass(frozen=True, slots=True)
class Roles:
    """Which free variables carry a prior that a reader may replace.

    Attributes
    ----------
    top_level : list of str
        Variables whose priors power-scaling and sweeps act on: those with a prior of their own
        that are neither group effects nor standardised parts of anything.
    scales : list of str
        Those of them that set the spread between groups.
    assumed_offsets : list of str
        Variables taken to be offsets although the model does not show it clearly.
    """

    top_level: list[str]
    scales: list[str]
    assumed_offsets: list[str]


#: Roles whose prior is part of the model, not of what is assumed about it.
_INNER = (Role.GROUP_EFFECT, Role.OFFSET, Role.IMPUTED, Role.PROCESS)


def roles(model: pm.Model, hierarchy: Hierarchy) -> Roles:
    """Say which priors are top-level.

    Parameters
    ----------
    model : pymc.Model
    hierarchy : Hierarchy
        With roles. Without scales between groups, every positive top-level variable counts as one.
    """
    free = {str(rv.name): rv for rv in model.free_RVs}
    roots = [name for name, rv in free.items() if not free_names(list(rv.owner.inputs), model)]
    standard = {n for n in roots if is_standardised(free[n])}
    role = hierarchy.roles
    assumed = [n for n in roots if role.get(n) is Role.UNCLEAR and n in standard]
    scaled = [n for n in standard if role.get(n) is Role.SHRUNKEN]
    top = [n for n in roots if role.get(n) not in _INNER and n not in (*assumed, *scaled)]
    between = [n for n in top if role.get(n) in (Role.SCALE, Role.GLOBAL_SCALE)]
    has_levels = any(r in (Role.SCALE, Role.GLOBAL_SCALE) for r in role.values())
    candidates = between if has_levels else top
    return Roles(top, [n for n in candidates if is_positive(model, n)], assumed)
