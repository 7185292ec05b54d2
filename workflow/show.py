"""What a model's hierarchy is, without sampling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..checks.hierarchy import GroupLevel, NotUnderstood, discover, roles, rows_of
from ..reports.hierarchy import HierarchySketch, LevelSketch
from .preflight import build_model, observed_values
from .priors import in_words
from .spec import ModelSpec

if TYPE_CHECKING:
    import pymc as pm


def sketch(spec: ModelSpec) -> HierarchySketch:
    """Return levels, rows and roles of a spec's model.

    Raises
    ------
    SpecError
        If the spec cannot be reviewed as it is.
    """
    model = build_model(spec)
    hierarchy = discover(model, spec.levels)
    role = roles(model, hierarchy)
    points = _points(model, list(hierarchy.levels.values()))
    return HierarchySketch(
        name=spec.name,
        levels=[_level(model, level, points) for level in hierarchy.levels.values()],
        priors={name: in_words(model[name]) for name in role.top_level},
        scales=role.scales,
        outcomes={
            name: f"{in_words(model[name])}, {values.size} rows"
            for name, values in observed_values(model).items()
        },
        unclear=list(hierarchy.unclear.values()),
    )


def _points(model: pm.Model, levels: list[GroupLevel]) -> list[dict[str, np.ndarray]] | None:
    """Return two draws from the prior, or None where it cannot be drawn from."""
    import pymc as pm

    wanted = {str(rv.name): rv for rv in model.free_RVs}
    wanted |= {str(level.entry.name): level.entry for level in levels}
    try:
        drawn = pm.draw(list(wanted.values()), draws=2, random_seed=1, mode="FAST_COMPILE")
    except NotImplementedError:
        return None
    return [{n: v[i] for n, v in zip(wanted, drawn, strict=True)} for i in range(2)]


def _level(
    model: pm.Model, level: GroupLevel, points: list[dict[str, np.ndarray]] | None
) -> LevelSketch:
    rows, why = None, "the prior is improper, so the model cannot be probed"
    if points is not None:
        try:
            group = rows_of(model, level, points).group
            rows, why = np.bincount(group[group >= 0], minlength=len(level.labels)), ""
        except NotUnderstood as reason:
            why = str(reason)
    return LevelSketch(
        name=level.name,
        groups=len(level.labels),
        form=level.form,
        effect=level.effect_name,
        scale=str(level.scale.name or "an expression"),
        rows=None if rows is None else (int(rows.min()), float(np.median(rows)), int(rows.max())),
        why_no_rows=why,
    )
