"""The levels of a fit without its model: declared variables, evaluated on the draws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from ...checks.draws import SAMPLE, Array
from ...checks.hierarchy.level import Level
from ..errors import SpecError
from .evaluate import CHUNK
from .row_sums import Rows, by_group

#: Largest difference of a log density, in single precision, that still is the same density.
_SAME_DENSITY = 1e-3


class _Unknown(Exception):
    """A part of a level is not known; the message says why."""


@dataclass(slots=True)
class FittedLevels:
    """The levels of a fit.

    Attributes
    ----------
    posterior, prior : dict of str to Dataset
        By level, in the layout of :mod:`poolwise.workflow.levels.datasets`.
    notes : list of str
        What was taken for what.
    """

    posterior: dict[str, xr.Dataset]
    prior: dict[str, xr.Dataset]
    notes: list[str]


def fitted_levels(
    groups: Mapping[str, xr.Dataset],
    levels: Mapping[str, Level],
    *,
    outcome: str = "",
    mean: str = "",
) -> FittedLevels:
    r"""Evaluate declared levels on draws, without a model.

    Effect, location and scale are variables of the posterior. Weights and penalties need the noise
    of every row and its group, and a normal outcome :math:`y_i \sim N(m_i, \sigma_i)` in which the
    effect of the group is one of the terms of :math:`m_i`, with the factor 1. The mean is the
    effect itself, or the variable ``mean``. Both are checked against the pointwise log-likelihood;
    without one, only a declared mean is believed.

    Parameters
    ----------
    groups : mapping of str to Dataset
        Of the fit, by ArviZ's names.
    levels : mapping of str to Level
        ``rows`` and ``noise`` may name variables of ``constant_data``; without ``rows``, an outcome
        with the dim of the effect has one row per group.
    outcome : str, optional
        Of ``observed_data``; may be left out when there is only one.
    mean : str, optional
        Variable of the posterior with the mean of every row.

    Raises
    ------
    SpecError
        If a level names a variable that is not there or has other dims.
    """
    found = FittedLevels({}, {}, [])
    for name, level in levels.items():
        reader = _Reader(groups, name, level, outcome, mean, found.notes)
        found.posterior[name] = reader.dataset("posterior")
        if "prior" in groups and all(v in groups["prior"] for v in _drawn(level)):
            found.prior[name] = reader.dataset("prior")
    return found


def _drawn(level: Level) -> list[str]:
    return [v for v in (level.effect, level.location, level.scale) if isinstance(v, str)]


@dataclass(slots=True)
class _Reader:
    """Reads one level."""

    groups: Mapping[str, xr.Dataset]
    name: str
    level: Level
    outcome: str
    mean: str
    notes: list[str]

    def dataset(self, group: str) -> xr.Dataset:
        draws = self.groups[group]
        effect = self._variable(draws, "effect", self.level.effect)
        dims = [str(d) for d in effect.dims if d not in SAMPLE]
        if len(dims) != 1:
            raise self._error(
                f"effect={self.level.effect!r} has the dims {', '.join(dims) or 'of a scalar'}",
                "a vector with one value per group",
            )
        (dim,) = dims
        labels = _labels(effect, dim)
        parts = {"effect": effect}
        location = self.level.location
        parts["location"] = (
            self._variable(draws, "location", location)
            if isinstance(location, str)
            else xr.full_like(effect.isel({dim: 0}, drop=True), float(location))
        )
        parts["scale"] = self._variable(draws, "scale", self.level.scale)
        for role in ("location", "scale"):
            others = [str(d) for d in parts[role].dims if d not in SAMPLE]
            if others not in ([], dims):
                raise self._error(
                    f"{role} has the dims {', '.join(others)}",
                    f"one value per draw, or one per group ({dim})",
                )
        found = xr.Dataset(
            {
                role: v.astype(float)
                .rename({dim: "group"} if dim in v.dims else {})
                .reset_coords(drop=True)
                for role, v in parts.items()
            }
        ).assign_coords(group=labels)
        found = found.transpose(*SAMPLE, ...).assign_attrs(
            effect=self.level.effect, form="declared", scale=self.level.scale
        )
        try:
            sums = self._from_rows(found, dim, draws, group)
            return found.merge(sums).assign_attrs(sums.attrs).assign_attrs(outcome=self._outcome())
        except _Unknown as why:
            said = f"{self.name}: {why}"
            return found.assign_attrs(why_no_information=said, why_no_noise=said, why_no_rows=said)

    def _variable(self, draws: xr.Dataset, role: str, name: str) -> xr.DataArray:
        if name not in draws:
            raise self._error(
                f"{role}={name!r} names no variable of the posterior",
                f"one of {', '.join(str(v) for v in draws.data_vars)}",
            )
        return draws[name]

    def _error(self, problem: str, expected: str) -> SpecError:
        return SpecError(f"level {self.name!r}: {problem}", expected=expected)

    def _outcome(self) -> str:
        observed = self.groups.get("observed_data", xr.Dataset())
        names = [str(v) for v in observed.data_vars]
        if self.outcome:
            if self.outcome not in names:
                raise SpecError(
                    f"outcome {self.outcome!r} is not among the observed data",
                    expected=f"one of {', '.join(names) or 'none: the fit holds none'}",
                )
            return self.outcome
        if len(names) != 1:
            raise _Unknown(
                "the fit holds no observed data"
                if not names
                else f"it is not known which of {', '.join(names)} it is about: declare outcome="
            )
        return names[0]

    def _from_rows(self, found: xr.Dataset, dim: str, draws: xr.Dataset, group: str) -> xr.Dataset:
        if self.level.noise is None:
            raise _Unknown(
                "the noise of a row is not known; for a normal outcome declare noise= (a variable "
                "of the posterior or the constant data, or a number)"
            )
        y = self.groups["observed_data"][self._outcome()]
        from_draws = [v for v in (self.mean, self.level.noise) if isinstance(v, str) and v]
        absent = [v for v in from_draws if v in self.groups["posterior"] and v not in draws]
        if absent:
            raise _Unknown(f"the draws from the prior hold no {absent[0]}")
        codes = self._codes(found, dim, y)
        noise = self._noise(draws, y)
        mean = self._mean(found, codes, draws, y)
        if group == "posterior":
            self._check_density(y, mean, noise)
        # Every row has the effect of its group with factor 1.
        values = np.ravel(y.values).astype(float)
        sums = by_group(found, codes, np.ones(y.size), values, _chunks(mean, noise))
        if group != "posterior":
            return sums
        try:
            return sums.merge(self._ridge(values, noise))
        except _Unknown as why:
            return sums.assign_attrs(why_no_rows=f"{self.name}: {why}")

    def _ridge(self, y: Array, noise: Array) -> xr.Dataset:
        """Return the rows that a penalty is searched on (:mod:`.ridge_rows`)."""
        location = self.level.location
        if self.mean:
            raise _Unknown("which covariates enter the mean is not known without the model")
        if isinstance(location, str) and self.groups["posterior"][location].ndim > len(SAMPLE):
            raise _Unknown("which covariates set the location is not known without the model")
        if len(noise) > 1 and (np.ptp(noise, axis=1) > 0).any():
            raise _Unknown("the noise is estimated and differs between rows")
        known = 0.0 if isinstance(location, str) else float(location)
        columns = np.ones((y.size, 1 if isinstance(location, str) else 0))
        found = {
            "row_outcome": ("row", y - known),
            "row_design": ("row", np.ones(y.size)),
            "row_population": (("row", "column"), columns),
        }
        if len(noise) == 1:
            found["row_noise"] = ("row", noise[0])
        return xr.Dataset(found)

    def _codes(self, found: xr.Dataset, dim: str, y: xr.DataArray) -> np.ndarray:
        """Return the zero-based group of every row."""
        groups = found.sizes["group"]
        if self.level.rows is None:
            if y.dims == (dim,) and y.size == groups:
                self._note(f"each row of {y.name} was taken for the group of its {dim}")
                return np.arange(groups)
            raise _Unknown(
                "it is not known which group each row belongs to; declare rows= (a variable of "
                "the constant data)"
            )
        constant = self.groups.get("constant_data", xr.Dataset())
        if self.level.rows not in constant:
            raise self._error(
                f"rows={self.level.rows!r} is not among the constant data",
                f"one of {', '.join(str(v) for v in constant.data_vars) or 'none'}",
            )
        values = np.ravel(constant[self.level.rows].values)
        if values.size != y.size:
            raise self._error(
                f"rows={self.level.rows!r} has {values.size} values, {y.name} has {y.size} rows",
                "one group per row",
            )
        if values.dtype.kind in "US":
            return self._by_label(values, list(found["group"].values))
        codes = values.astype(int)
        if not np.array_equal(codes, values):
            raise self._error(f"rows={self.level.rows!r} are no whole numbers", "zero-based groups")
        if codes.min() >= 1 and codes.max() == groups:
            self._note(f"{self.level.rows} runs to {groups}, so groups are counted from 1")
            codes = codes - 1
        elif codes.min() >= 1 and codes.max() < groups:
            raise self._error(
                f"rows={self.level.rows!r} runs from {codes.min()} to {codes.max()} for {groups} "
                "groups: it may count from 0 or from 1",
                "the names of the groups instead of numbers, or a group 0",
            )
        if codes.min() < 0 or codes.max() >= groups:
            raise self._error(
                f"rows={self.level.rows!r} runs from {codes.min()} to {codes.max()}",
                f"groups from 0 to {groups - 1}, or from 1 to {groups}",
            )
        return codes

    def _by_label(self, values: np.ndarray, labels: list[str]) -> np.ndarray:
        places = {label: i for i, label in enumerate(labels)}
        unknown = sorted({str(v) for v in values} - set(places))
        if unknown:
            raise self._error(
                f"rows={self.level.rows!r} names no group {unknown[0]}",
                f"one of {', '.join(labels[:10])}",
            )
        return np.array([places[str(v)] for v in values])

    def _noise(self, draws: xr.Dataset, y: xr.DataArray) -> Array:
        """Return the standard deviation of rows: shape (draws or 1, rows)."""
        noise = self.level.noise
        if not isinstance(noise, str):
            return np.full((1, y.size), float(noise or 0.0))
        constant = self.groups.get("constant_data", xr.Dataset())
        if noise in draws:
            values = draws[noise].transpose(*SAMPLE, ...).values
            flat = values.reshape(values.shape[0] * values.shape[1], -1)
        elif noise in constant:
            flat = np.ravel(constant[noise].values)[None]
        else:
            known = [str(v) for v in (*draws.data_vars, *constant.data_vars)]
            raise self._error(
                f"noise={noise!r} names no variable of the posterior or the constant data",
                f"one of {', '.join(known)}",
            )
        if flat.shape[1] not in (1, y.size):
            raise self._error(
                f"noise={noise!r} has {flat.shape[1]} values, {y.name} has {y.size} rows",
                "one value, or one per row",
            )
        return np.broadcast_to(flat.astype(float), (len(flat), y.size))

    def _mean(
        self, found: xr.Dataset, codes: np.ndarray, draws: xr.Dataset, y: xr.DataArray
    ) -> Array:
        """Return the mean of every row: shape (draws, rows)."""
        if not self.mean:
            return _flat(found["effect"])[:, codes]
        values = _flat(self._variable(draws, "mean", self.mean))
        if values.shape[1] != y.size:
            raise self._error(
                f"mean={self.mean!r} has {values.shape[1]} values, {y.name} has {y.size} rows",
                "one value per row",
            )
        return values

    def _check_density(self, y: xr.DataArray, mean: Array, noise: Array) -> None:
        """Refuse a mean and a noise that do not give the log-likelihood of the fit."""
        likelihood = self.groups.get("log_likelihood", xr.Dataset())
        if y.name not in likelihood:
            if not self.mean:
                raise _Unknown(
                    f"the fit holds no log-likelihood of {y.name} that could show whether other "
                    f"terms enter its mean; declare mean= ({self.level.effect!r} itself, if it has "
                    "one value per row and nothing else enters)"
                )
            self._note(
                f"mean {self.mean} and noise {self.level.noise} are as declared: without a "
                "log-likelihood they could not be checked"
            )
            return
        said = _flat(likelihood[y.name])
        some = np.linspace(0, len(said) - 1, 20).astype(int)
        z = (np.ravel(y.values) - mean[some]) / noise[some % len(noise)]
        normal = -0.5 * z**2 - np.log(noise[some % len(noise)]) - 0.5 * np.log(2 * np.pi)
        wrong = ~(np.abs(normal - said[some]) <= _SAME_DENSITY * (1 + np.abs(normal)))
        if wrong.any():
            row = int(np.argmax(wrong.any(0)))
            what = f"mean {self.mean or self.level.effect} and noise {self.level.noise}"
            raise _Unknown(
                f"the log-likelihood of {y.name} is not that of a normal outcome with {what} "
                f"(row {row}: {said[some][0, row]:.4g}, not {normal[0, row]:.4g}); "
                + ("check both" if self.mean else "declare mean= if other terms enter it")
            )

    def _note(self, text: str) -> None:
        note = f"Level {self.name}: {text}"
        if note not in self.notes:
            self.notes.append(note)


def _labels(effect: xr.DataArray, dim: str) -> list[str]:
    values: Any = effect[dim].values if dim in effect.coords else range(effect.sizes[dim])
    return [str(v) for v in values]


def _flat(draws: xr.DataArray) -> Array:
    values = np.asarray(draws.transpose(*SAMPLE, ...).values, dtype=float)
    return values.reshape(values.shape[0] * values.shape[1], -1)


def _chunks(mean: Array, noise: Array) -> Iterator[Rows]:
    """Yield slices of the draws with the mean and standard deviation of every row."""
    total, rows = mean.shape
    step = max(1, CHUNK // rows)
    for start in range(0, total, step):
        at = slice(start, min(start + step, total))
        here = noise[at if len(noise) > 1 else slice(0, 1)]
        yield at, mean[at], np.broadcast_to(here, mean[at].shape)
