"""Test quantities: what is ranked of every fit, and the value it has at the truth.

Every named parameter is one. Others depend on the data as well: a fit that ignores its data has
uniform ranks of every parameter, but not of its log-likelihood (Modrák et al. 2023,
doi:10.1214/23-BA1404).
"""

from __future__ import annotations

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
from ...checks.hierarchy.information import mean_and_sd
from ...checks.hierarchy.spread import NORMAL
from ...checks.hierarchy.variables import family_of
from ...checks.words import counted
from ..conclusions import evaluate
from ..errors import one_line
from ..execution.programs import Program

if TYPE_CHECKING:
    import pymc as pm

Data = Mapping[str, np.ndarray]

#: Elements of one variable that are ranked, evenly spaced.
MOST = 10

LIKELIHOOD, POSTERIOR = "log-likelihood", "log posterior"


@dataclass(frozen=True, slots=True)
class Quantity:
    """Values of one test quantity.

    Attributes
    ----------
    draws : ndarray of shape (chain, draw)
    of_data : bool
        Whether it depends on the data, and not on the parameters alone.
    """

    draws: Array
    of_data: bool = False


class TestQuantities:
    """Evaluates the test quantities of one model on draws; its graph is made ready once.

    Parameters
    ----------
    program : Program
        With spec, hierarchy and roles.

    Attributes
    ----------
    notes : list of str
        What is not ranked, and why.
    """

    __test__ = False

    def __init__(self, program: Program) -> None:
        self._program = program
        self._model = plain_model(program.model)
        self._names = self._named()
        self.notes: list[str] = []
        self._lock = threading.Lock()
        self._labels, self._evaluate = self._make()

    def _named(self) -> list[str]:
        levels = self._program.hierarchy.levels if self._program.hierarchy else {}
        effects = [str(level.effect.name) for level in levels.values()]
        known = self._model.named_vars
        return list(dict.fromkeys([*self._program.top_level, *(n for n in effects if n in known)]))

    def dataset(self, values: Data) -> xr.Dataset:
        """Return the values of named variables as a dataset of one draw."""
        found, coords = {}, {}
        for name, value in values.items():
            dims = self._model.named_vars_to_dims.get(name) or [
                f"{name}_dim_{i}" for i in range(np.ndim(value))
            ]
            for dim, size in zip(dims, np.shape(value), strict=True):
                labels = self._model.coords.get(str(dim))
                coords[str(dim)] = [str(v) for v in labels] if labels else list(range(size))
            found[name] = ((*SAMPLE, *map(str, dims)), np.asarray(value)[None, None])
        return xr.Dataset(found, coords=coords)

    def __call__(self, draws: xr.Dataset, *data: Data) -> dict[str, Quantity]:
        """Return every test quantity on draws.

        Parameters
        ----------
        draws : xarray.Dataset
            Free variables and deterministics.
        *data : mapping
            All data that the draws are conditioned on; likelihoods multiply.
        """
        found = {
            label: Quantity(chains_first(values))
            for name in self._names
            if name in draws
            for label, values in _some(draws[name])
        }
        spec = self._program.spec
        if spec is not None:
            declared = evaluate(spec, spec.quantities, draws, boolean=False)
            for variable in declared.data_vars.values():
                for label, values in _some(variable):
                    found.setdefault(label, Quantity(chains_first(values)))
        return found | self._computed(draws, data)

    def not_all(self, draws: xr.Dataset) -> list[str]:
        """Say of which variables only some elements are ranked."""
        return [
            f"Of {counted(int(draws[n].isel(chain=0, draw=0).size), 'element')} of {n}, {MOST}, "
            "evenly spaced, are ranked"
            for n in self._names
            if n in draws and draws[n].isel(chain=0, draw=0).size > MOST
        ]

    def _computed(self, draws: xr.Dataset, data: tuple[Data, ...]) -> dict[str, Quantity]:
        if not self._labels or any(str(rv.name) not in draws for rv in self._model.free_RVs):
            return {}
        sizes = (draws.sizes["chain"], draws.sizes["draw"])
        inputs = [
            np.asarray(draws[str(rv.name)].transpose(*SAMPLE, ...).values)
            .reshape(-1, *draws[str(rv.name)].shape[2:])
            .astype(rv.dtype)
            for rv in self._model.free_RVs
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
        values = dict(zip(self._labels, every[0], strict=True))
        found = {}
        for label, value in values.items():
            if label == "log prior":
                continue
            of_data = label == LIKELIHOOD
            if of_data:
                value = sum(one[self._labels.index(label)] for one in every)
            wide = np.broadcast_to(np.asarray(value, dtype=float), sizes[0] * sizes[1])
            found[label] = Quantity(wide.reshape(sizes), of_data)
        if LIKELIHOOD in found:
            prior = np.broadcast_to(values["log prior"], sizes[0] * sizes[1]).reshape(sizes)
            found[POSTERIOR] = Quantity(found[LIKELIHOOD].draws + prior, of_data=True)
        return found

    def _make(self) -> tuple[list[str], Callable[..., Any]]:
        """Return labels, and a function of draws of all free variables and of data."""
        import pytensor
        from pytensor.graph.replace import graph_replace, vectorize_graph
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
            evaluate = pytensor.function(
                [*(batched[v] for v in values.values()), *data.values()],
                vectorize_graph(list(outputs.values()), replace=batched) if outputs else [],
                mode="FAST_COMPILE",
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
        "log prior": pt.add(
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
