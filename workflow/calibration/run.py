"""A calibration from beginning to end, and what it leaves."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import xarray as xr

from ...checks import Evidence, expect_failures, run_checks
from ...checks.calibration_words import conclude_calibration
from ...reports.calibration import CalibrationRecord, as_json
from ...reports.machine.results import shown
from ...reports.record import StageRecord
from ..errors import SpecError
from ..execution.cluster import crew
from ..execution.tasks import each
from ..execution.threads import processors
from ..finished import Finished, address, moment, written
from ..fitted.spec import FittedSpec
from ..review import check_codes
from ..runner import Silent, Watcher
from ..runs.calibrations import FOLDERS
from ..runs.fingerprint import versions
from ..runs.store import prepare, write_groups, write_json, write_text
from ..settings import Settings, settings_of
from ..specs.loading import as_spec
from ..specs.project import project_settings
from ..specs.spec import ModelSpec
from .fits import fit
from .plan import Plan, planned
from .results import assembled, read_result, remember, write_result

#: Simulations when nothing else is asked for.
SIMULATIONS = 200

#: Of one fit, unless asked for otherwise: many short fits see more than few long ones.
DRAWS, TUNE, CHAINS = 500, 500, 2


class Calibration(Finished[CalibrationRecord]):
    """A finished calibration.

    Its folder holds ``calibration.nc`` (a row per simulation), ``calibration.json`` and
    ``report.html``.
    """

    __slots__ = ()

    @property
    def data(self) -> xr.Dataset:
        """True values, ranks and diagnostics of every simulation; dims simulation and quantity."""
        found: xr.Dataset = self.record.evidence.get("calibration")
        return found


def calibrate(
    spec: Any,
    *,
    simulations: int = SIMULATIONS,
    posterior: bool = False,
    simulator: Any = None,
    output: str | Path | None = None,
    seed: int | None = None,
    draws: int = DRAWS,
    tune: int = TUNE,
    chains: int = CHAINS,
    executor: Any = None,
    workers: int | None = None,
    scheduler: str = "",
    watcher: Watcher | None = None,
    today: date | None = None,
) -> Calibration:
    """Fit data simulated from known parameters, and judge whether the fits recover them.

    Parameters
    ----------
    spec : ModelSpec, callable or pymc.Model
        Whose program is calibrated.
    simulations : int
        How many data sets are simulated and fitted. More of them add to those that are finished.
    posterior : bool
        Draw true values from the posterior given the observed data, and condition every fit on the
        observed *and* the simulated data: calibration where the data say parameters are, and for
        improper priors. From the prior when left out.
    simulator : ModelSpec, callable or pymc.Model, optional
        Simulates parameters and data instead of ``spec``: the same names, written independently.
        Faults in ``spec`` that also shape the data simulated from it would not show otherwise.
    output : path, optional
        Folder; ``poolwise_runs/<name>/calibration`` (``posterior-calibration``) when left out.
        Simulations that are finished there are not repeated.
    seed : int, optional
        The only source of randomness; the spec's own, or 20261122, when left out.
    draws, tune, chains : int
        Of every fit.
    executor : concurrent.futures.Executor or distributed.Client, optional
        Runs the fits. The numbers are the same whoever does.
    workers : int, optional
        Fits that run at the same time here, in threads: as many as there are processors when left
        out.
    scheduler : str, optional
        Address of a Dask scheduler that runs the fits, ``tcp://host:8786``.
    watcher : Watcher, optional
        Is told how the run goes on.
    today : date, optional
        Decides which expected failures have expired; the day it is (UTC) when left out.

    Returns
    -------
    Calibration

    Raises
    ------
    SpecError
        If nothing can be simulated (an improper prior, a Potential), or the model's data cannot be
        replaced.

    References
    ----------
    Talts et al. (2018), arXiv:1804.06788; Modrák et al. (2023), doi:10.1214/23-BA1404; Säilynoja
    et al. (2025), arXiv:2502.03279.
    """
    started = time.perf_counter()
    this = _model_spec(spec)
    other = None if simulator is None else as_spec(simulator)
    watcher = watcher or Silent()
    project = project_settings(this.path)
    ignore, expected = project.ignored_in(this, ()), project.expected_of(this)
    check_codes(this, (), ignore)
    if simulations < 1:
        raise SpecError(
            f"simulations must be at least 1, not {simulations}", path=this.path, line=this.line
        )
    settings = settings_of(this, seed=seed, draws=draws, tune=tune, chains=chains)
    kind = "posterior" if posterior else "prior"
    title = FOLDERS[kind].replace("-", " ")
    watcher.begins(title)
    # Fits are short, and each is ranked on one processor: as many at a time as there are.
    with crew(executor, workers, scheduler, otherwise=processors()) as pool:
        plan = planned(this, settings, simulations, kind, other)
        here = Path("poolwise_runs") / this.name / FOLDERS[kind] if output is None else Path(output)
        folder = prepare(here)
        finished = _run(plan, simulations, folder, pool, watcher)
    seconds = time.perf_counter() - started
    watcher.ends(StageRecord(name=f"{title}: {simulations} fits", status="done", seconds=seconds))
    evidence = _evidence(plan, finished)
    now = moment(today)
    found = run_checks(
        evidence, thresholds=this.thresholds, select=["CAL", "RUN"], ignore=_asked(ignore)
    )
    findings = expect_failures(found, expected, now.date())
    record = CalibrationRecord(
        name=this.name,
        path=shown(this.path),
        line=this.line,
        source=this.source,
        model=plan.model,
        created=written(now),
        seconds=seconds,
        settings={**asdict(settings), "simulations": simulations, "kind": kind},
        environment=versions(),
        evidence=evidence,
        findings=findings,
        conclusion=conclude_calibration(findings, evidence),
        notes=plan.notes,
        command=_command(this, settings, simulations, posterior),
        simulator="" if other is None else other.name,
    )
    return _write(record, folder)


def _model_spec(spec: Any) -> ModelSpec:
    this = as_spec(spec)
    if isinstance(this, FittedSpec):
        raise SpecError(
            f"{this.name} is a fit that was made elsewhere",
            path=this.path,
            expected="a model: data are simulated from it and fitted with it",
        )
    return this


def _evidence(plan: Plan, finished: Sequence[Mapping[str, Any]]) -> Evidence:
    about = {"kind": plan.kind, "base_rhat": plan.base_rhat, "model": plan.model}
    return Evidence(
        xr.DataTree.from_dict({"calibration": assembled(finished).assign_attrs(about)}),
        {"fallbacks": plan.fallbacks, "gaps": [], "stage_errors": []},
    )


def _asked(ignore: Sequence[str]) -> list[str]:
    """Return the codes to leave out that are those of a calibration."""
    return [code for code in ignore if code.startswith(("CAL", "RUN"))]


def _run(
    plan: Plan, simulations: int, folder: Path, executor: Executor | None, watcher: Watcher
) -> list[dict[str, Any]]:
    """Fit what is not finished; write every result as it comes."""
    place = folder / "stages" / f"simulations-{plan.key}"
    place.mkdir(exist_ok=True)
    found = {i: read_result(place, i) for i in range(simulations)}
    missing = [i for i, result in found.items() if result is None]
    watcher.reports("simulating", 0, 1)
    tasks = plan.tasks(missing, watcher.reports) if missing else []
    remember(place, plan, learned=bool(missing))
    done = simulations - len(missing)
    watcher.reports(f"fit {done + 1} of {simulations}", done, simulations)
    for at, result in each(executor, fit, tasks):
        found[missing[at]] = result
        write_result(place, missing[at], result)
        done += 1
        watcher.reports(f"{done} of {simulations} fits", done, simulations)
    return [result for result in found.values() if result is not None]


def _command(spec: ModelSpec, settings: Settings, simulations: int, posterior: bool) -> str:
    words = ["poolwise", "calibrate", address(spec), "--simulations", str(simulations)]
    words += ["--posterior"] if posterior else []
    for name in ("seed", "draws", "tune", "chains"):
        words += [f"--{name}", str(getattr(settings, name))]
    return shlex.join(words)


def _write(record: CalibrationRecord, folder: Path) -> Calibration:
    from ...reports.calibration_html import render_calibration

    calibration = record.evidence.get("calibration")
    write_groups(folder / "calibration.nc", {"calibration": calibration})
    write_json(folder / "calibration.json", as_json(record))
    write_text(folder / "report.html", render_calibration(record))
    return Calibration(record, folder)
