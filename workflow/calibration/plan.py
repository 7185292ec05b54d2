"""What a calibration is going to do: programs, true values, simulated data, seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...checks.draws import SAMPLE
from ...checks.hierarchy import plain_model, read_hierarchy, roles
from ...checks.weighted import largest_rhat
from ...checks.words import listed
from ..engine import NotSwitchable
from ..errors import SpecError, one_line
from ..execution.programs import Program
from ..fitted.spec import FittedSpec
from ..runs.fingerprint import code_key, key_of, model_key, versions
from ..sampler import sample, why_not_nutpie
from ..settings import Settings
from ..specs.preflight import build_model, observed_values
from ..specs.spec import ModelSpec
from ..stages.stage import Report
from .asked import quantities_of
from .datasets import again, doubled
from .fits import Task
from .simulating import Simulated, Simulator

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

#: Part of every key: changes when results of an older version would mean something else.
_LAYOUT = 2

#: Chains of the fit that true values are drawn from, and draws of each; more for more true values.
_BASE_CHAINS, _BASE_DRAWS = 4, 2500


@dataclass(slots=True)
class Plan:
    """A calibration that is ready to run.

    Attributes
    ----------
    spec, settings
    kind : str
        ``prior`` or ``posterior``.
    about : Program
        The spec's own model, whose quantities are ranked.
    program : Program
        What is fitted: that model, or, from the posterior, that model with its data twice, once
        tasks were made.
    simulating : pymc.Model
    switched : bool
        Whether the program takes other data as it runs; known once tasks were made.
    model : str
        Hash of the spec's model and of its data.
    key : str
        Of everything that the result of a simulation depends on, but for its index.
    fallbacks : list of str
        Ways other than the usual ones that are taken.
    notes : list of str
        What is left out of the ranking, and why.
    base_draws : int
        Per chain of the fit to the observed data that true values are drawn from.
    base_rhat : float
        Of that fit; NaN without one.
    """

    spec: ModelSpec
    settings: Settings
    kind: str
    about: Program
    program: Program
    simulating: pm.Model
    switched: bool
    model: str
    key: str
    fallbacks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    base_draws: int = _BASE_DRAWS
    base_rhat: float = float("nan")

    @property
    def outcomes(self) -> list[str]:
        """Names of the outcomes."""
        return [str(rv.name) for rv in self.about.model.observed_RVs]

    def tasks(self, wanted: Sequence[int], report: Report) -> list[Task]:
        """Simulate: return the tasks of some of the simulations.

        Raises
        ------
        SpecError
            If the simulator draws other things than the model has, or the model's data cannot be
            replaced.
        """
        posterior = self.kind == "posterior"
        if posterior:
            # True values come from a fit on the program itself.
            self._make_ready(report)
        simulated = self._simulated(wanted, report)
        usable = next((s for s in simulated if not s.lost), None)
        if usable is not None:
            self._check(usable)
        if not posterior:
            self._make_ready(report)
        observed = _data_of(self.about.model) if posterior else {}
        return [
            Task(
                index=index,
                seed=self.settings.seed_for(f"calibration fit {index}"),
                program=self.program,
                about=self.about,
                switched=self.switched,
                settings=self.settings,
                simulated=this,
                outcomes={n: again(n) if posterior else n for n in self.outcomes},
                observed=observed,
            )
            for index, this in zip(wanted, simulated, strict=True)
        ]

    def _make_ready(self, report: Report) -> None:
        """Make and compile the program, or find out that it takes no other data as it runs."""
        report("compiling", 0, 1)
        try:
            if self.kind == "posterior":
                self.program = Program(doubled(self.about.model), [])
            self.switched, why = _is_switched(self.program)
        except NotSwitchable as error:
            raise SpecError(
                f"the data of {self.spec.name} cannot be replaced: {one_line(error)}",
                path=self.spec.path,
                line=self.spec.line,
                expected="a model that PyMC can copy",
            ) from error
        if not self.switched:
            self.fallbacks.append(f"Every simulated data set is compiled by itself, because {why}")

    def _simulated(self, wanted: Sequence[int], report: Report) -> list[Simulated]:
        simulator = Simulator(self.simulating)
        seeds = [self.settings.seed_for(f"calibration data {i}") for i in wanted]
        if self.kind == "prior":
            return [simulator.from_prior(seed) for seed in seeds]
        report("fitting the observed data", 0, 1)
        truths = self._truths(max(wanted) + 1)
        return [simulator.given(truths[i], seed) for i, seed in zip(wanted, seeds, strict=True)]

    def _truths(self, count: int) -> list[dict[str, np.ndarray]]:
        """Draw true values from the posterior given the observed data.

        A random order of its draws, so that the first ones do not depend on how many are used.
        """
        tree = self._base_fit()
        posterior = tree["posterior"].to_dataset()
        free = [str(rv.name) for rv in self.about.model.free_RVs]
        self.base_rhat = largest_rhat(posterior[free])
        flat = posterior.stack(sample=SAMPLE, create_index=False).transpose("sample", ...)
        seed = self.settings.seed_for("calibration truths")
        order = np.random.default_rng(seed).permutation(flat.sizes["sample"])[:count]
        return [
            {str(name): np.asarray(v.values[i]) for name, v in flat.data_vars.items()}
            for i in order
        ]

    def _base_fit(self) -> xr.DataTree:
        """Fit the observed data: on the program whose second data then have no weight."""
        sizes = replace(
            self.settings,
            draws=self.base_draws,
            chains=_BASE_CHAINS,
            tune=max(self.settings.tune, 1000),
        )
        seed = self.settings.seed_for("calibration base fit")
        if not self.switched:
            return sample(self.about.model, sizes, seed, lambda *_: None)[0]
        engine = self.program.engine
        weights = {}
        for name in self.outcomes:
            outcome = plain_model(self.about.model)[name]
            shape = engine.data[again(name)].shape
            weights[again(name)] = np.zeros(shape[: len(shape) - outcome.owner.op.ndim_supp])
        return engine.sample(
            draws=sizes.draws,
            tune=sizes.tune,
            chains=sizes.chains,
            target_accept=sizes.target_accept,
            seed=seed,
            weights=weights,
        )

    def _check(self, simulated: Simulated) -> None:
        """Compare what was simulated with the model; evaluate once what will be ranked."""
        for name, values in _data_of(self.about.model).items():
            if name not in simulated.data or simulated.data[name].shape != values.shape:
                got = simulated.data.get(name)
                raise SpecError(
                    f"the simulator gives {'no ' + name if got is None else _shape(name, got)}",
                    path=self.spec.path,
                    line=self.spec.line,
                    expected=_shape(name, values),
                )
        asked = quantities_of(self.about)
        asked.at(simulated.truth, simulated.data)
        missing = [
            str(rv.name) for rv in self.about.model.free_RVs if rv.name not in simulated.truth
        ]
        self.notes += [*asked.notes, *asked.not_all(simulated.truth)]
        if missing:
            self.notes.append(
                f"Log-likelihood, log posterior and levels are not ranked, because the simulator "
                f"draws no {listed(missing)}"
            )


def _shape(name: str, values: np.ndarray) -> str:
    return f"{name} of shape {values.shape}"


def _base_draws(simulations: int) -> int:
    """Return the draws per chain that true values are taken from: five for each of them.

    In powers of two, so that a few more simulations go on from those that are finished.
    """
    return _BASE_DRAWS * (1 << max(5 * simulations // (_BASE_CHAINS * _BASE_DRAWS), 0).bit_length())


def _data_of(model: pm.Model) -> dict[str, np.ndarray]:
    return {name: np.asarray(v) for name, v in observed_values(model).items()}


def planned(
    spec: ModelSpec,
    settings: Settings,
    simulations: int,
    kind: str,
    simulator: ModelSpec | FittedSpec | None,
) -> Plan:
    """Make a calibration ready.

    Raises
    ------
    SpecError
        If nothing can be simulated.
    """
    if isinstance(simulator, FittedSpec):
        raise SpecError(f"{simulator.name} simulates nothing: it is a fit", path=simulator.path)
    if simulator is not None and kind == "posterior":
        raise SpecError(
            "true values from the posterior are those of the model itself",
            expected="either a simulator or the posterior",
        )
    model = build_model(spec)
    simulating = model if simulator is None else build_model(simulator)
    if kind == "prior":
        _refuse_improper(simulator or spec, simulating)
    hierarchy = read_hierarchy(model, **spec.declared)
    role = roles(model, hierarchy)
    about = Program(
        # Data of labelled tensors are not switched; the same model of plain ones is.
        plain_model(model),
        # No prior is switched.
        [],
        spec=spec,
        hierarchy=hierarchy,
        roles=role,
    )
    base_draws = _base_draws(simulations)
    hashed = model_key(model)
    key = key_of(
        _LAYOUT,
        (kind, base_draws if kind == "posterior" else 0),
        hashed,
        hashed if simulating is model else model_key(simulating),
        spec.body,
        settings.sampling(),
        code_key(spec.quantities),
        versions(),
    )
    return Plan(
        spec=spec,
        settings=settings,
        kind=kind,
        about=about,
        program=about,
        simulating=simulating,
        switched=False,
        model=hashed,
        key=key,
        base_draws=base_draws,
    )


def _is_switched(program: Program) -> tuple[bool, str]:
    """Say whether a program takes other data as it runs, or why not."""
    if why := why_not_nutpie(program.model):
        return False, why
    try:
        fixed: dict[str, Any] = program.engine.fixed
    except NotSwitchable as error:
        return False, f"the model cannot be rewritten: {one_line(error)}"
    outcomes = [str(rv.name) for rv in program.model.observed_RVs if rv.name in fixed]
    if outcomes:
        return False, "; ".join(f"{n} cannot be switched: {fixed[n]}" for n in outcomes)
    try:
        program.engine.compile()
    except NotImplementedError as error:
        return False, one_line(error)
    return True, ""


def _refuse_improper(spec: ModelSpec, model: pm.Model) -> None:
    improper = [str(v.name) for v in model.free_RVs if _family(v) in ("Flat", "HalfFlat")]
    if improper:
        raise SpecError(
            f"the prior of {listed(improper)} is improper (flat): nothing can be simulated from it",
            path=spec.path,
            line=spec.line_of(improper[0]) or spec.line,
            expected="a prior that can be drawn from",
            do="draw true values from the posterior instead: --posterior (posterior=True)",
        )
    if model.potentials:
        names = [str(p.name) for p in model.potentials]
        raise SpecError(
            f"the Potential {listed(names)} has no distribution to simulate from: data would come "
            "from another model than is fitted",
            path=spec.path,
            line=spec.line_of(names[0]) or spec.line,
            expected="a model without Potential terms, or a simulator",
            do="draw true values from the posterior instead: --posterior (posterior=True); or name "
            "a model that simulates the same: --simulator (simulator=...)",
        )


def _family(rv: Any) -> str:
    return str(getattr(rv.owner.op, "_print_name", ("",))[0])
