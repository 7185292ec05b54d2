"""The hierarchy of every model in ``tests/models``, against what its author wrote down."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pymc as pm
import pytensor
import pytest
from tests.models.compare import Answer, Grade, compare
from tests.models.corpus import BASIC, COLLECTIONS
from tests.models.expected import Case, Term

from poolwise.checks.hierarchy import Hierarchy, Role, read_hierarchy
from poolwise.checks.hierarchy.cheap import python_mode, shape_of

pytestmark = pytest.mark.filterwarnings("ignore::pymc.exceptions.ImputationWarning")

EVERY = [case for cases in COLLECTIONS.values() for case in cases]

#: Effects that move the rows of every group, because their mean is taken away.
SUMMING_TO_ZERO = ("centred_by_hand", "zero_sum", "rugby", "football")


def _named(cases: list[Case]) -> list[object]:
    return [pytest.param(case, id=case.name) for case in cases]


def _faults(answers: list[Answer]) -> list[str]:
    faulty = (Grade.WRONG, Grade.UNANSWERED)
    return [f"{a.grade} {a.kind}: {a.text}" for a in answers if a.grade in faulty]


def _has_rows(case: Case) -> bool:
    """Whether the model holds all rows, and variables with one element for every group."""
    terms = [term for term in case.expected.levels if term.group is not None]
    declared = any(term.form == "declared" for term in terms)
    one_size = len({t.variable for t in terms}) == len({(t.variable, t.size) for t in terms})
    return bool(terms) and not declared and one_size


@pytest.mark.parametrize("case", _named(EVERY))
def test_every_answer_is_right_or_reported_ambiguous(case: Case) -> None:
    model = case.build()
    found = read_hierarchy(model, levels=case.expected.declared)
    answers = compare(found, case.expected, tuple(str(p.name) for p in model.potentials))
    faults = _faults(answers)
    summary = f"{len(faults)} of {len(answers)} answers about {case.name} are wrong"
    assert not faults, "\n".join([summary, *faults, "", repr(found)])


def test_a_loading_that_is_a_level_itself_is_settled_by_declaring_it() -> None:
    model = next(case for case in EVERY if case.name == "two_parameter_logistic").build()
    assert read_hierarchy(model).roles["alpha"] is Role.UNCLEAR
    declared = read_hierarchy(model, scales={"log_gamma": None})
    assert declared.roles["alpha"] is Role.UNPOOLED
    assert "alpha" not in declared.unclear


def test_the_names_of_models_are_unique() -> None:
    assert len({case.name for case in EVERY}) == len(EVERY)
    assert len(BASIC) == 54


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


@pytest.mark.slow
@pytest.mark.parametrize("case", _named([case for case in EVERY if _has_rows(case)]))
def test_the_true_rows_are_those_whose_likelihood_moves(case: Case) -> None:
    """The truth about rows, against the likelihood: what moves when one group does."""
    truth = case.expected
    with pytensor.config.change_flags(mode="FAST_COMPILE", cxx=""):
        likelihood = _Likelihood(case.build())
        for term in truth.levels:
            outcome = term.enters or (truth.outcomes[0].name if truth.outcomes else "")
            same = [
                t for t in truth.levels if (t.variable, t.enters) == (term.variable, term.enters)
            ]
            if term.group is None or outcome not in likelihood.outcomes:
                continue
            for group in np.random.default_rng(1).choice(term.size, min(term.size, 3), False):
                moved = likelihood.moved(term, int(group), outcome)
                expected = np.any([_belongs(t, int(group)) for t in same], axis=0)
                if moved.size != expected.size:  # one density for a vector of outcomes
                    expected = expected.reshape(moved.size, -1).any(axis=1)
                if case.name in SUMMING_TO_ZERO:
                    moved &= expected
                np.testing.assert_array_equal(moved, expected)


def _belongs(term: Term, group: int) -> np.ndarray:
    assert term.group is not None
    design = 1.0 if term.design is None else term.design
    return np.asarray((term.group == group) & (np.broadcast_to(design, term.group.shape) != 0))


class _Likelihood:
    """Log densities of the outcomes of a model, row by row."""

    def __init__(self, model: pm.Model) -> None:
        rng = np.random.default_rng(2)
        self._model = model
        self._point = {
            name: value + 0.1 * rng.normal(size=value.shape) if value.dtype.kind == "f" else value
            for name, value in model.initial_point(random_seed=2).items()
        }
        self.outcomes = [str(rv.name) for rv in model.observed_RVs]
        densities = model.logp(vars=model.observed_RVs, sum=False, jacobian=False)
        self._densities = pytensor.function(
            model.value_vars, densities, mode=python_mode(), on_unused_input="ignore"
        )
        self._base = self._at({})

    def moved(self, term: Term, group: int, outcome: str) -> np.ndarray:
        """Return the rows whose density changes when the effects of a group do."""
        name = self._model.rvs_to_values[self._model[term.variable]].name
        value = np.array(self._point[name])
        axes = [axis for axis, size in enumerate(value.shape) if size >= term.size - 1]
        step = np.zeros(value.shape)
        if axes:
            np.moveaxis(step, axes[0], 0)[min(group, value.shape[axes[0]] - 1)] = 0.37
        else:
            step.ravel()[group] = 0.37
        k = self.outcomes.index(outcome)
        moved = self._at({name: value + step})[k]
        return np.asarray(~np.isclose(moved, self._base[k], rtol=1e-12, atol=1e-13))

    def _at(self, moved: dict[str, np.ndarray]) -> list[np.ndarray]:
        point = {**self._point, **moved}
        values = [np.asarray(point[v.name], dtype=v.dtype) for v in self._model.value_vars]
        return [np.ravel(density) for density in self._densities(*values)]


def _crossed() -> tuple[Case, Hierarchy]:
    case = next(case for case in BASIC if case.name == "crossed")
    return case, read_hierarchy(case.build())


def _grades(case: Case, found: Hierarchy) -> dict[str, Grade]:
    """Worst grade of every kind of answer."""
    order = list(Grade)
    grades: dict[str, Grade] = {}
    for answer in compare(found, case.expected):
        before = grades.get(answer.kind, Grade.RIGHT)
        grades[answer.kind] = max(before, answer.grade, key=order.index)
    return grades


def test_a_right_hierarchy_is_right() -> None:
    assert set(_grades(*_crossed()).values()) == {Grade.RIGHT}


def test_a_wrong_role_is_wrong_and_an_unclear_one_needs_a_reason() -> None:
    case, found = _crossed()
    found.roles["a"] = Role.SCALE
    assert _grades(case, found)["role"] is Grade.WRONG
    found.roles["a"] = Role.UNCLEAR
    assert _grades(case, found)["role"] is Grade.WRONG
    found.unclear["a"] = "it may be anything"
    assert _grades(case, found)["role"] is Grade.REPORTED


def test_a_missing_level_must_be_reported() -> None:
    case, found = _crossed()
    name = next(name for name, level in found.levels.items() if level.variables == ("u",))
    del found.levels[name]
    assert _grades(case, found)["level"] is Grade.WRONG
    found.unclear["u"] = "it may be a level"
    grades = _grades(case, found)
    assert [grades[kind] for kind in ("level", "rows", "relation")] == [Grade.REPORTED] * 3


def test_a_level_too_many_is_wrong() -> None:
    case, found = _crossed()
    truth = replace(case.expected, levels=case.expected.levels[:1])
    assert _grades(Case(case.build, truth), found)["level"] is Grade.WRONG


def test_one_row_in_another_group_is_wrong() -> None:
    case, found = _crossed()
    member = next(iter(found.members.values()))
    member.group[0] = (member.group[0] + 1) % 5
    assert _grades(case, found)["rows"] is Grade.WRONG


def test_another_design_relation_link_family_or_noise_is_wrong() -> None:
    case, found = _crossed()
    name, member = next(iter(found.members.items()))
    found.members[name] = replace(member, design=2 * member.design)
    found.relations = [replace(found.relations[0], kind="nested")]
    found.outcomes = [replace(found.outcomes[0], link="log", family="StudentT", noise=())]
    grades = _grades(case, found)
    assert {kind for kind, grade in grades.items() if grade is Grade.WRONG} == {
        "rows",
        "relation",
        "link",
        "family",
        "noise",
    }
