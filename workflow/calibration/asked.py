"""Test quantities: what is ranked of every fit, and the value it has at the truth.

Every named parameter is one. Others depend on the data as well: a fit that ignores its data has
uniform ranks of every parameter, but not of its log-likelihood (Modrák et al. 2023,
doi:10.1214/23-BA1404).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import xarray as xr

from ...checks.draws import SAMPLE, Array, chains_first, scalars
from ...checks.hierarchy import GroupLevel, plain_model
from ...checks.hierarchy.cheap import uncompiled
from ...checks.hierarchy.distributions import family_of
from ...checks.hierarchy.information import mean_and_sd
from ...checks.hierarchy.spread import NORMAL
from ...checks.words import counted
from ..conclusions import evaluate
from ..errors import one_line
from ..execution.programs import Program

if TYPE_CHECKING:
    import pymc as pm

Data = Mapping[str, np.ndarray]
#: Of named variables, shape (chain, draw, ...).
Draws = Mapping[str, np.ndarray]

#: Elements of one variable that are ranked, evenly spaced.
MOST = 10

LIKELIHOOD, PRIOR, POSTERIOR = "log-likelihood", "log prior", "log posterior"
OF_DATA = (LIKELIHOOD, POSTERIOR)


@dataclass(frozen=True, slots=True)
class Quantities:
    """Values of all test quantities of one fit, or at one true value.

    Attributes
    ----------
    labels : list of str
    values : ndarray of shape (quantity, chain, draw)
    of_data : ndarray of bool, shape (quantity,)
        Whether a quantity depends on the data, and not on the parameters alone.
    """

    labels: list[str]
    values: Array
    of_data: np.ndarray


class TestQuantities:
    """Evaluates the test quantities of one model on draws; its graph is made ready once.

    Parameters
    ----------
    program : Program
        With spec, hierarchy and roles.

    Attributes
    ----------
    names : list of str
        Of the variables that are ranked.
    notes : list of str
        What is not ranked, and why.
    """

    __test__ = False

    def __init__(self, program: Program) -> None:
        self._program = program
        self._model = plain_model(program.model)
        self.names = self._named()
        self.notes: list[str] = []
        self._elements: dict[str, tuple[list[str], list[int]]] = {}
        self._lock = threading.Lock()
        self._labels, self._evaluate = self._make()

    def _named(self) -> list[str]:
        levels = self._program.hierarchy.levels if self._program.hierarchy else {}
        effects = [str(level.effect.name) for level in levels.values()]
        tops = self._program.roles.top_level if self._program.roles else []
        known = self._model.named_vars
        return list(dict.fromkeys([*tops, *(n for n in effects if n in known)]))

    def dataset(self, draws: Draws) -> xr.Dataset:
        """Return draws of named variables, shape (chain, draw, ...), as a dataset."""
        found, coords = {}, {}
        for name, values in draws.items():
            shape = values.shape[2:]
            dims = self._model.named_vars_to_dims.get(name) or [
                f"{name}_dim_{i}" for i in range(len(shape))
            ]
            for dim, size in zip(dims, shape, strict=True):
                labels = self._model.coords.get(str(dim))
                known = np.asarray(range(size) if labels is None else labels)
                coords[str(dim)] = known.astype(str) if known.dtype.kind in "OU" else known
            found[name] = ((*SAMPLE, *map(str, dims)), values)
        return xr.Dataset(found, coords=coords)

    def __call__(self, draws: Draws, *data: Data) -> Quantities:
        """Return every test quantity on draws.

        Parameters
        ----------
        draws : mapping of str to ndarray of shape (chain, draw, ...)
            Free variables and deterministics.
        *data : mapping
            All data that the draws are conditioned on; likelihoods multiply.
        """
        found: dict[str, Array] = {}
        for name in self.names:
            if name in draws:
                labels, positions = self._elements_of(name, draws[name])
                flat = draws[name].reshape(*draws[name].shape[:2], -1)
                found |= {n: flat[..., i] for n, i in zip(labels, positions, strict=True)}
        spec = self._program.spec
        if spec is not None and spec.quantities:
            declared = evaluate(spec, spec.quantities, self.dataset(draws), boolean=False)
            for variable in declared.data_vars.values():
                for label, values in _some(variable):
                    found.setdefault(label, chains_first(values))
        computed = self._computed(draws, data)
        found |= computed
        return Quantities(
            list(found),
            np.array(list(found.values()), dtype=float),
            np.array([n in computed and n in OF_DATA for n in found], dtype=bool),
        )

    def at(self, truth: Data, *data: Data) -> Quantities:
        """Return every test quantity at true values."""
        return self({n: np.asarray(v)[None, None] for n, v in truth.items()}, *data)

    def not_all(self, truth: Data) -> list[str]:
        """Say of which variables only some elements are ranked."""
        return [
            f"Of {counted(np.size(truth[n]), 'element')} of {n}, {MOST}, evenly spaced, are ranked"
            for n in self.names
            if n in truth and np.size(truth[n]) > MOST
        ]

    def _elements_of(self, name: str, values: np.ndarray) -> tuple[list[str], list[int]]:
        """Return labels and flat positions of the elements of a variable that are ranked."""
        if name not in self._elements:
            shape = values.shape[2:]
            positions = np.arange(math.prod(shape)).reshape(1, 1, *shape)
            some = _some(self.dataset({name: positions})[name])
            self._elements[name] = [n for n, _ in some], [int(v.item()) for _, v in some]
        return self._elements[name]

    def _computed(self, draws: Draws, data: tuple[Data, ...]) -> dict[str, Array]:
        free = self._model.free_RVs
        if not self._labels or any(str(rv.name) not in draws for rv in free):
            return {}
        sizes = draws[str(free[0].name)].shape[:2]
        inputs = [
            draws[str(rv.name)].reshape(-1, *draws[str(rv.name)].shape[2:]).astype(rv.dtype)
            for rv in free
        ]
        with self._lock, np.errstate(all="ignore"):
            # A PyTensor function is not safe to call from two threads.
            every = [
                self._evaluate(
                    *inputs,
                    *(d[str(o.name)].astype(o.dtype) for o in self._model.observed_RVs),
                )
                for d in data
            ]
        found = {
            label: np.broadcast_to(np.asarray(value, dtype=float), math.prod(sizes)).reshape(sizes)
            for label, value in zip(self._labels, every[0], strict=True)
        }
        prior = found.pop(PRIOR, None)
        if LIKELIHOOD in found:
            at = self._labels.index(LIKELIHOOD)
            found[LIKELIHOOD] = found[LIKELIHOOD] + sum(one[at].reshape(sizes) for one in every[1:])
            found[POSTERIOR] = found[LIKELIHOOD] + prior
        return found

    def _make(self) -> tuple[list[str], Callable[..., Any]]:
        """Return labels, and a function of draws of all free variables and of data."""
        import pytensor
        from pytensor.compile.mode import Mode
        from pytensor.graph.replace import graph_replace, vectorize_graph
        from pytensor.graph.rewriting.utils import rewrite_graph
        from pytensor.tensor.type import TensorType

        model = self._model
        values = {rv: rv.type(f"{rv.name}_value") for rv in model.free_RVs}
        data = {rv: rv.type(f"{rv.name}_data") for rv in model.observed_RVs}
        outputs: dict[str, Any] = {}
        with uncompiled():
            try:
                outputs |= _densities(model, values, data)
            except Exception as error:
                self.notes.append(
                    f"The log-likelihood is not ranked: its density cannot be written as a "
                    f"function of parameters and data ({one_line(error)})"
                )
            outputs |= {
                label: graph_replace(expression, values, strict=False)
                for label, expression in self._of_levels()
            }
            batched = {
                v: TensorType(v.dtype, (None, *v.type.shape))(f"{v.name}_draws")
                for v in values.values()
            }
            # What is left of names and views would be evaluated draw by draw.
            plain: Any = rewrite_graph(list(outputs.values()), include=("canonicalize",))
            evaluate = pytensor.function(
                [*(batched[v] for v in values.values()), *data.values()],
                vectorize_graph(plain, replace=batched) if outputs else [],
                mode=Mode("vm", "fast_run").excluding("fusion", "inplace"),
                on_unused_input="ignore",
            )
        return list(outputs), evaluate

    def _of_levels(self) -> Iterator[tuple[str, Any]]:
        import pytensor.tensor as pt

        hierarchy = self._program.hierarchy
        for name, level in (hierarchy.levels if hierarchy else {}).items():
            deviations = level.effect - level.location
            if len(level.labels) > 1:
                yield f"{name}: sd of effects", pt.std(deviations, ddof=1)
            weight = self._mean_weight(name, level)
            if weight is not None:
                yield f"{name}: mean weight", weight

    def _mean_weight(self, name: str, level: GroupLevel) -> Any | None:
        """Return the mean over groups of the weight on own data, for normal outcomes."""
        import pytensor.tensor as pt

        hierarchy = self._program.hierarchy
        member = hierarchy.members.get(name) if hierarchy else None
        outcome = next(
            (rv for rv in self._model.observed_RVs if member and rv.name == member.enters), None
        )
        if (
            member is None
            or outcome is None
            or member.why_no_design
            or (hierarchy and hierarchy.also.get(name))
            or family_of(outcome) != "Normal"
            or level.family not in NORMAL
        ):
            return None
        mean, sd = mean_and_sd(outcome)
        if member.predictor is not mean:
            return None
        inside = member.group[None] == np.arange(len(level.labels))[:, None]
        squared = np.where(inside, np.nan_to_num(member.design) ** 2, 0.0)
        rows = inside.any(axis=1)
        noise = (sd + pt.zeros(outcome.shape)).ravel()
        information = pt.dot(pt.constant(squared[rows]), noise**-2)
        scale = level.scale[np.flatnonzero(rows)] if level.scale.ndim else level.scale
        signal = scale**2 * information
        return pt.mean(signal / (1 + signal))


def _densities(model: pm.Model, values: dict[Any, Any], data: dict[Any, Any]) -> dict[str, Any]:
    """Return the joint log-likelihood and the log prior, with Potentials, of parameters as named.

    Without the Jacobians of transforms, which belong to a sampler and not to the model.
    """
    import pytensor.tensor as pt
    from pymc.logprob.basic import conditional_logp
    from pytensor.graph.replace import graph_replace

    terms = conditional_logp({**values, **data}, warn_rvs=False)
    potentials = [graph_replace(p, values, strict=False) for p in model.potentials]
    return {
        LIKELIHOOD: pt.add(pt.constant(0.0), *(pt.sum(terms[v]) for v in data.values())),
        PRIOR: pt.add(
            pt.constant(0.0),
            *(pt.sum(terms[v]) for v in values.values()),
            *(pt.sum(p) for p in potentials),
        ),
    }


def _some(variable: xr.DataArray) -> list[tuple[str, xr.DataArray]]:
    """Return up to ``MOST`` scalars of a variable, evenly spaced."""
    every = scalars(variable)
    if len(every) <= MOST:
        return every
    return [every[i] for i in np.linspace(0, len(every) - 1, MOST).round().astype(int)]


_READY: WeakKeyDictionary[Program, TestQuantities] = WeakKeyDictionary()
_LOCK = threading.Lock()


def quantities_of(program: Program) -> TestQuantities:
    """Return the test quantities of a program: made once per process."""
    with _LOCK:
        if program not in _READY:
            _READY[program] = TestQuantities(program)
        return _READY[program]
