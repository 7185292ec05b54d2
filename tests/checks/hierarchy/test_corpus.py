"""The hierarchy of every model in ``tests/models``, against what its author wrote down."""

from __future__ import annotations

import numpy as np
import pytest
from tests.models.corpus import BASIC, DECLARED
from tests.models.expected import Case

from poolwise.checks.hierarchy.cheap import shape_of

pytestmark = pytest.mark.filterwarnings("ignore::pymc.exceptions.ImputationWarning")

EVERY = [*BASIC, *DECLARED]


def _named(cases: list[Case]) -> list[object]:
    return [pytest.param(case, id=case.name) for case in cases]


@pytest.mark.parametrize("case", _named(EVERY))
def test_the_truth_is_complete(case: Case) -> None:
    """A role for every free variable, every outcome, and groups that exist."""
    model, truth = case.build(), case.expected
    assert {rv.name for rv in model.free_RVs} == set(truth.roles)
    assert {rv.name for rv in model.observed_RVs} == {o.name for o in truth.outcomes}
    noise = {name for o in truth.outcomes for name in (*o.noise, *o.perhaps)}
    named = noise | {term.variable for term in truth.levels} | set(truth.unclear)
    assert named <= set(truth.roles)
    names = {term.level for term in truth.levels}
    assert {n for k, v in truth.nested.items() for n in (k, *v)} <= names
    sizes = {rv.name: int(np.prod(shape_of(model, rv))) for rv in model.observed_RVs}
    sizes |= {term.level: term.size for term in truth.levels}
    for term in truth.levels:
        if term.group is not None and model.observed_RVs:
            assert term.group.shape == (sizes[term.enters or truth.outcomes[0].name],)
            assert term.group.min() >= -1
            assert term.group.max() < term.size
