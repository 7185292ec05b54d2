"""How free variables enter the expected value of each outcome: link, columns and groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..draws import Array
from ..evidence import Missing, fact
from .location import PROBABILITIES, base_family
from .probe import LINKS, Probe, finite_probe
from .response import EXPECTED, Response, Values, step_of
from .variables import Support, Variable, Variables

#: Columns of a design matrix that are read one by one; wider ones are left alone.
MOST_COLUMNS = 300

#: One ordinary step on the scale of the linear predictor, where the data do not say.
_ORDINARY_STEP = {"log": 0.5, "logit": 0.5, "probit": 0.3, "cloglog": 0.5}


@dataclass(frozen=True, slots=True)
class Column:
    """A variable that enters the linear predictor through fixed numbers.

    Attributes
    ----------
    variable : str
    design : ndarray of shape (rows, elements)
        What each element is multiplied with in each row.
    """

    variable: str
    design: Array

    @property
    def is_intercept(self) -> bool:
        """Whether it is one number that shifts every row alike."""
        return self.design.shape[1] == 1 and is_constant(self.design[:, 0])


@dataclass(frozen=True, slots=True)
class Grouped:
    """A vector of which each row of the outcome uses one element.

    Attributes
    ----------
    variable : str
    outcome : str
    group : ndarray of int, shape (rows,)
        The element used by each row; -1 where it does not enter.
    design : ndarray of shape (rows,)
        What the element is multiplied with: constant for an intercept.
    groups : int
        Number of elements, used or not.
    fixed : bool
        Whether ``design`` does not depend on other variables.
    """

    variable: str
    outcome: str
    group: np.ndarray
    design: Array
    groups: int
    fixed: bool

    @property
    def rows(self) -> np.ndarray:
        """Rows per group."""
        return np.bincount(self.group[self.group >= 0], minlength=self.groups)

    @property
    def is_intercept(self) -> bool:
        """Whether it shifts all rows of a group alike, and every row belongs to one."""
        return bool((self.group >= 0).all()) and is_constant(self.design)


@dataclass(frozen=True, slots=True)
class Predictor:
    """The linear predictor of one outcome.

    Attributes
    ----------
    outcome : Variable
    link : str
        ``identity``, ``log``, ``logit``, ``probit`` or ``cloglog``.
    columns : list of Column
    grouped : list of Grouped
    others : list of str
        Variables that enter otherwise: scales of effects, nonlinear parameters, wide designs.
    """

    outcome: Variable
    link: str
    probe: Probe
    columns: list[Column] = field(default_factory=list)
    grouped: list[Grouped] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    @property
    def values(self) -> Array:
        """The data, one row after the other."""
        return np.asarray(self.outcome.values, dtype=float).ravel()

    @property
    def unit(self) -> float:
        """An ordinary difference on the scale of the predictor: sd(y) for an identity link."""
        return _ORDINARY_STEP.get(self.link) or float(np.nanstd(self.values))

    @property
    def intercepts(self) -> list[str]:
        """Single variables that shift every row alike."""
        return [c.variable for c in self.columns if c.is_intercept]

    def effect_of(self, variable: Variable, moved: Values) -> Array:
        """Return what moving a variable does to each row, with others moved as given."""
        base = np.asarray(self.probe.points[0][variable.name], dtype=float)
        step = np.random.default_rng(3).uniform(0.5, 1.5, base.shape) * 0.1 * step_of(variable)
        return np.asarray(
            self.probe.at({**moved, variable.name: base + step}) - self.probe.at(moved)
        )

    def centre_of_data(self) -> float | None:
        """Return the mean of the data on the scale of the predictor, None where it is infinite."""
        mean = np.nanmean(self.values)
        if self.outcome.family in ("Binomial", "BetaBinomial"):
            trials = self.outcome.parameters["n"].value
            if trials is None:
                return None
            mean = np.nanmean(self.values / np.broadcast_to(trials, self.outcome.shape).ravel())
        with np.errstate(all="ignore"):
            centre = float(LINKS[self.link](np.asarray(mean)))
        return centre if np.isfinite(centre) else None


@fact
def predictors(variables: Variables, response: Response) -> list[Predictor]:
    """Read the linear predictor of every outcome that has one."""
    found, reasons = [], []
    for outcome in variables.observed:
        key = (outcome.name, EXPECTED)
        if "Minibatch" in type(outcome.rv.owner.op).__name__:
            reasons.append(f"{outcome.name} holds one batch of the data")
        elif key not in response.keys:
            reasons.append(f"the mean of {outcome.name} ({outcome.family}) is not known")
        elif (predictor := _predictor_of(response, outcome)) is None:
            reasons.append(f"the mean of {outcome.name} is not linear behind a known link")
        else:
            found.append(predictor)
    if not found:
        why = "; ".join(reasons) or "no outcome is declared"
        raise Missing(f"not understood, because {why}")
    return found


def _predictor_of(response: Response, outcome: Variable) -> Predictor | None:
    return read_predictor(response, outcome, response.expression((outcome.name, EXPECTED)))


def is_constant(values: Array) -> bool:
    """Whether all entries are the same number, up to rounding."""
    scale = max(float(np.abs(values).max(initial=0)), 1e-300)
    return bool(np.ptp(values) <= 1e-6 * scale)


def slopes_of(predictors: Sequence[Predictor]) -> Iterator[tuple[Predictor, Column]]:
    """Yield what is multiplied with a predictor: columns that are no intercept."""
    for predictor in predictors:
        for column in predictor.columns:
            if not column.is_intercept:
                yield predictor, column


def element_of(variable: Variable, k: int) -> str:
    """Return the name of one element: ``b[2]``, or ``b`` where there is one only."""
    return variable.name if variable.size == 1 else f"{variable.name}[{k}]"


def read_predictor(response: Response, outcome: Variable, location: Any) -> Predictor | None:
    """Read the linear predictor behind the location of an outcome.

    Parameters
    ----------
    response : Response
    outcome : Variable
    location : TensorVariable

    Returns
    -------
    Predictor or None
        None where the location is not linear behind a known link.
    """
    mean, link = _without_link(location)
    probe = finite_probe(response, mean, outcome)
    if probe is None:
        return None
    moving = moving_variables(probe)
    if link is None:
        link = _best_link(probe, moving, base_family(outcome.rv))
        if link is None:
            return None
        probe = probe.through(LINKS[link])
    predictor = Predictor(outcome, link, probe)
    sort_variables(predictor)
    return predictor


def moving_variables(probe: Probe) -> list[Variable]:
    """Return the continuous variables that really move what a probe looks at."""
    variables = probe.response.variables
    above = [
        variables[name]
        for name in variables.parents_of(probe.mean)
        if name != probe.outcome.name and variables[name].support is not Support.DISCRETE
    ]
    probe.prepare(above)
    return [v for v in above if probe.responds_to(v)]


def sort_variables(predictor: Predictor) -> None:
    """Sort what moves a predictor into columns, groups and others."""
    for variable in moving_variables(predictor.probe):
        _classify(predictor, variable, predictor.probe)


def _without_link(mean: Any) -> tuple[Any, str | None]:
    """Strip an inverse link off the graph of a mean, where one is its last step."""
    from pytensor.tensor.elemwise import Elemwise

    names = {"sigmoid": "logit", "exp": "log"}
    inner = mean
    while inner.owner is not None and isinstance(inner.owner.op, Elemwise):
        name = str(getattr(inner.owner.op.scalar_op, "name", None) or inner.owner.op.scalar_op)
        if name.lower() in names:
            return inner.owner.inputs[0], names[name.lower()]
        if name.lower() != "identity":
            break
        inner = inner.owner.inputs[0]
    return mean, None


def _best_link(probe: Probe, moving: list[Variable], family: str) -> str | None:
    """Return the link under which most variables act linearly, the simplest one of equals."""
    best, most = None, 0
    for name, link in LINKS.items():
        if name in ("logit", "probit", "cloglog") and family not in PROBABILITIES:
            continue
        linear = sum(probe.through(link).is_linear_in(v) for v in moving[:20])
        if linear > most:
            best, most = name, linear
    return best


def _classify(predictor: Predictor, variable: Variable, probe: Probe) -> None:
    """Sort a variable into columns, groups or others."""
    if not probe.is_linear_in(variable):
        predictor.others.append(variable.name)
        return
    grouped = list(_grouped(variable, probe)) if variable.size > 1 else []
    if grouped:
        predictor.grouped.extend(grouped)
        return
    if variable.size <= MOST_COLUMNS:
        first, second = (_columns(variable, probe, point) for point in (0, 1))
        if np.allclose(first, second, rtol=1e-6, atol=1e-7):
            predictor.columns.append(Column(variable.name, first))
            return
    predictor.others.append(variable.name)


def _columns(variable: Variable, probe: Probe, point: int) -> Array:
    """Return what each element of a variable is multiplied with, row by row."""
    if variable.size == 1:
        return probe.slope(variable, point)[:, None]
    columns = []
    for element in range(variable.size):
        step = np.zeros(variable.size)
        step[element] = 1.0
        columns.append(probe.by(variable, step.reshape(variable.shape), point))
    return np.stack(columns, axis=1)


def _grouped(variable: Variable, probe: Probe) -> Iterator[Grouped]:
    """Yield the axis of a variable along which each row uses one element, slice by slice."""
    for axis, groups in enumerate(variable.shape):
        if groups < 2 or (group := _groups_along(variable, axis, probe)) is None:
            continue
        across = [(slice(None),)]
        if len(variable.shape) == 2:
            across = [_slice(axis, k) for k in range(min(variable.shape[1 - axis], 20))]
        for where in across:
            step = np.zeros(variable.shape)
            step[where] = 1.0
            first, second = (probe.by(variable, step, point) for point in (0, 1))
            if np.abs(first).max(initial=0) > 1e-9:
                fixed = bool(np.allclose(first, second, rtol=1e-6, atol=1e-7))
                outcome = probe.outcome.name
                yield Grouped(variable.name, outcome, group, first, groups, fixed)
        return


def _slice(axis: int, k: int) -> tuple[Any, ...]:
    return (slice(None), k) if axis == 0 else (k, slice(None))


def _groups_along(variable: Variable, axis: int, probe: Probe) -> np.ndarray | None:
    """Return the element of an axis that each row uses, or None where rows use several.

    Steps of 1, 2, ..., J along the axis, divided by a step of 1 everywhere, show the element;
    random steps then confirm it.
    """
    groups = variable.shape[axis]
    along = [-1 if k == axis else 1 for k in range(len(variable.shape))]

    def change(step: Array) -> Array:
        return probe.by(variable, np.broadcast_to(step.reshape(along), variable.shape))

    chance: Array = np.random.default_rng(1).uniform(0.5, 1.5, size=groups)
    by_one, by_index = change(np.ones(groups)), change(np.arange(1.0, groups + 1))
    largest = float(np.abs(by_one).max(initial=0))
    if not np.isfinite(largest) or largest == 0:
        return None
    enters = np.abs(by_one) > 1e-7 * largest
    with np.errstate(all="ignore"):
        code = np.where(enters, by_index / by_one - 1, 0.0)
    if not np.isfinite(code).all():
        return None
    group = np.rint(code).astype(int)
    expected = np.where(enters, by_one * chance[np.clip(group, 0, groups - 1)], 0.0)
    if not np.allclose(change(chance), expected, rtol=1e-5, atol=1e-6 * largest):
        return None
    valid = (group >= 0) & (group < groups)
    if not valid.all() or np.unique(group[enters]).size < 2:
        return None
    return np.where(enters, group, -1)
