"""A review from beginning to end, and what it leaves."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ..checks import ASKABLE, Evidence, Finding, Met, Tier, Verdict, selected
from ..checks.expect import meet
from ..checks.hierarchy import read_hierarchy, roles
from ..checks.prior import flat
from ..checks.run import stopped
from ..reports.hierarchy import HierarchySketch
from ..reports.machine.results import shown
from ..reports.record import ReviewRecord
from .conclusions import evaluate
from .errors import SpecError, line_in, one_line
from .execution.cluster import crew
from .execution.programs import Program
from .finished import Finished, address, moment, written
from .fitted.spec import FittedSpec
from .lint import lint
from .runner import Outcome, Watcher, run_stages, whole_tree
from .runs.calibrations import calibration_in
from .runs.fingerprint import data_key, model_key, versions
from .runs.parts import keys_of, variables_of
from .runs.record import STATIC, as_json, judged
from .runs.store import prepare, write_groups, write_json, write_text
from .sampler import Sampler
from .settings import Settings, settings_of
from .show import sketch_of
from .specs.loading import as_spec
from .specs.preflight import build_model, observed_values
from .specs.project import project_settings
from .specs.spec import ModelSpec
from .stages.data import data_groups
from .stages.stage import Context, plain

if TYPE_CHECKING:
    import pymc as pm


class Review(Finished[ReviewRecord]):
    """A finished review; its folder holds ``run.nc``, ``run.json`` and ``report.html``.

    ``run.nc`` is every draw, readable with ArviZ. In a notebook it shows itself.
    """

    __slots__ = ()

    @property
    def data(self) -> xr.DataTree:
        """Every draw of the run, with ArviZ's group names."""
        return self.record.evidence.tree

    def _repr_html_(self) -> str:
        from ..reports.notebook import summary_html

        return summary_html(self.record, self.report)


def review(
    spec: Any,
    *,
    output: str | Path | None = None,
    seed: int | None = None,
    draws: int = Settings.draws,
    tune: int = Settings.tune,
    chains: int = Settings.chains,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    tier: str = Tier.FULL,
    watcher: Watcher | None = None,
    today: date | None = None,
    executor: Any = None,
    workers: int | None = None,
) -> Review:
    """Review a model: simulate from its prior, fit it, check the fit, sweep its priors.

    Parameters
    ----------
    spec : ModelSpec, callable or pymc.Model
        What to review. Of a fit that was made elsewhere only the draws are: sizes, seed and tier
        do not matter then.
    output : path, optional
        Run folder; ``poolwise_runs/<name>`` when left out. Finished stages found there are used.
    seed : int, optional
        The only source of randomness; the spec's own, or 20261122, when left out.
    draws, tune, chains : int
        Of every fit.
    select, ignore : sequence of str
        Codes of checks, or how they begin.
    tier : {"full", "prior", "lint"}
        How deep to look: ``lint`` samples nothing, ``prior`` only simulates from the prior. What a
        tier leaves out is skipped, never passed.
    watcher : Watcher, optional
        Is told how the run goes on.
    today : date, optional
        Decides which expected failures have expired; the day it is (UTC) when left out.
    executor : concurrent.futures.Executor or distributed.Client, optional
        Runs refits: threads, processes or a Dask cluster. Whoever runs them, the same seed gives
        the same numbers.
    workers : int, optional
        Runs so many refits at the same time in threads here, instead of an executor; one for every
        four processors when neither is given.

    Returns
    -------
    Review
        Shows itself in a notebook.

    Raises
    ------
    SpecError
        If the spec cannot be reviewed as it is; nothing is written then.
    """
    started = time.perf_counter()
    this = as_spec(spec)
    if isinstance(this, FittedSpec):
        from .fitted.review import review_fitted

        return review_fitted(this, output=output, select=select, ignore=ignore, today=today)
    project = project_settings(this.path)
    ignore, expected = project.ignored_in(this, ignore), project.expected_of(this)
    check_codes(this, select, ignore)
    depth = _tier(tier)
    settings = settings_of(this, seed=seed, draws=draws, tune=tune, chains=chains)
    model = build_model(this)
    folder = prepare(Path(output) if output is not None else Path("poolwise_runs") / this.name)
    context = _context(this, model, settings, folder / "stages")
    with crew(executor, workers) as context.executor:
        outcome = run_stages(context, watcher, tier=depth)
    add_conclusions(this, outcome)
    if depth is Tier.FULL:
        add_calibration(outcome, *calibration_in(folder, this, context.model_key))
    if context.roles.assumed_offsets:
        names = ", ".join(context.roles.assumed_offsets)
        outcome.fallbacks.append(
            f"{names} was taken to be a standardised offset, so its prior is not varied; "
            "declare its level to settle that"
        )
    now = moment(today)
    record = judged_run(
        this,
        outcome,
        top_level=context.roles.top_level,
        data=observed_values(model),
        now=now,
        started=started,
        settings=asdict(settings),
        hierarchy=_in_words(context, outcome),
        command=_command(this, settings, depth),
        variables=variables_of(model),
        keys=keys_of(this, model),
        tier=depth,
        expected=expected,
        select=select,
        ignore=ignore,
        static=_linted(this, outcome, select, ignore, depth, now.date()),
        lines={n: this.line_of(n) for n in model.named_vars},
    )
    return write_review(record, outcome, folder)


def _context(spec: ModelSpec, model: pm.Model, settings: Settings, folder: Path) -> Context:
    hierarchy = read_hierarchy(model, **spec.declared)
    role = roles(model, hierarchy)
    return Context(
        spec=spec,
        model=model,
        settings=settings,
        hierarchy=hierarchy,
        roles=role,
        sampler=Sampler(Program(model, role.top_level, spec=spec, hierarchy=hierarchy, roles=role)),
        model_key=model_key(model),
        groups=data_groups(model),
        folder=folder,
    )


def _tier(name: str) -> Tier:
    if name not in ASKABLE:
        raise SpecError(f"there is no tier {name!r}", expected=f"one of {', '.join(ASKABLE)}")
    return Tier(name)


def check_codes(spec: ModelSpec, select: Sequence[str], ignore: Sequence[str]) -> None:
    """Refuse codes that no check has; those that the spec ignores, at their line."""
    for mine, codes in ((True, spec.ignore), (False, [*select, *ignore])):
        for code in codes:
            try:
                selected([code])
            except ValueError as error:
                raise SpecError(
                    str(error),
                    path=spec.path if mine else "",
                    line=spec.line_with(code) if mine else None,
                    expected="codes such as SMP301, or how they begin: SMP",
                ) from error


def _linted(
    spec: ModelSpec,
    outcome: Outcome,
    select: Sequence[str],
    ignore: Sequence[str],
    tier: Tier,
    today: date,
) -> Sequence[Finding]:
    """Lint the spec; a linter that stops costs only its own findings.

    Rules that found nothing are left out of a review that has more to say than the linter, unless
    they were asked for: fifty passes would drown what the draws say.
    """
    if not any(check.code.startswith(STATIC) for check in selected(select, ignore)):
        return []
    rules = [code for code in select if code.startswith(STATIC)]
    try:
        found = lint(spec, select=rules, ignore=ignore, today=today)
    except Exception as error:
        message = f"The spec could not be linted: {one_line(error)}"
        if tier is Tier.LINT:
            outcome.errors.append(stopped(message, where="lint", line=spec.line))
        else:
            outcome.gaps.append(message)
        return []
    listed = bool(rules) or tier is Tier.LINT
    return [f for f in found if listed or f.verdict is not Verdict.PASS]


def add_conclusions(spec: ModelSpec, outcome: Outcome) -> None:
    """Evaluate declared quantities and decisions; a function that raises costs only itself."""
    for group, functions, boolean in (
        ("quantities", spec.quantities, False),
        ("decisions", spec.decisions, True),
    ):
        if "posterior" not in outcome.groups:
            if functions:
                outcome.reasons[group] = outcome.reasons["posterior"]
            continue
        try:
            values = evaluate(spec, functions, outcome.groups["posterior"], boolean=boolean)
        except SpecError as error:
            message = str(error).replace("\n  ", "; ")
            outcome.errors.append(stopped(message, where=group, line=error.line))
            outcome.reasons[group] = message
            continue
        if values.data_vars:
            outcome.groups[group] = plain(values)


def add_calibration(outcome: Outcome, calibration: xr.Dataset | None, reason: str) -> None:
    """Let a calibration of the same model be judged with the review, or say why there is none."""
    if calibration is None:
        outcome.reasons["calibration"] = reason
    else:
        outcome.groups["calibration"] = calibration


def judged_run(
    spec: ModelSpec,
    outcome: Outcome,
    *,
    top_level: Sequence[str],
    data: Mapping[str, np.ndarray],
    now: datetime,
    started: float,
    **details: Any,
) -> ReviewRecord:
    """Judge a run: what any review records of its spec and its stages, and the details of one.

    Parameters
    ----------
    spec : ModelSpec
    outcome : Outcome
        Is told why there are no expectations, if there are none.
    top_level : sequence of str
        Variables with priors of their own.
    data : mapping of str to ndarray
        Observed values, by outcome.
    now : datetime
    started : float
        When the review began, on the clock of :func:`time.perf_counter`.
    **details
        The rest of what :func:`.judged` takes.
    """
    declared: dict[str, Any] = {
        "top_level_priors": list(top_level),
        "stage_errors": outcome.errors,
        "fallbacks": outcome.fallbacks,
        "gaps": outcome.gaps,
    }
    met = _expectations(spec, outcome)
    if met:
        declared["expectations"] = met
    else:
        outcome.reasons["expectations"] = _why_no_expectations(spec, outcome)
    return judged(
        name=spec.name,
        path=shown(spec.path),
        line=spec.line,
        source=spec.source,
        created=written(now),
        seconds=time.perf_counter() - started,
        unit=spec.unit,
        environment=versions(),
        data={"rows": {n: int(v.size) for n, v in data.items()}, "sha256": data_key(data)},
        stages=outcome.stages,
        evidence=Evidence(whole_tree(outcome.groups), declared, outcome.reasons),
        thresholds=spec.thresholds,
        **details,
    )


def _expectations(spec: ModelSpec, outcome: Outcome) -> list[Met]:
    """Compare what the spec expects with what was simulated from the prior."""
    met = []
    for expectation in spec.expect:
        draws = next(
            (
                outcome.groups[g][expectation.of]
                for g in ("prior_predictive", "prior")
                if g in outcome.groups and expectation.of in outcome.groups[g]
            ),
            None,
        )
        if draws is None:
            continue
        try:
            met.append(meet(expectation, flat(draws)))
        except Exception as error:
            line = line_in(spec.path, error.__traceback__) if spec.path else None
            message = f"{expectation.label} raises {one_line(error)}"
            outcome.errors.append(stopped(message, where=expectation.label, line=line or spec.line))
    return met


def _why_no_expectations(spec: ModelSpec, outcome: Outcome) -> str:
    if not spec.expect:
        return "the spec declares no expectations; add expect=[...]"
    for group in ("prior_predictive", "prior"):
        if group in outcome.reasons:
            return outcome.reasons[group]
    return "nothing that was simulated from the prior has that name"


def _in_words(context: Context, outcome: Outcome) -> HierarchySketch | None:
    """Put the hierarchy into words; a model for which that fails is reviewed all the same."""
    try:
        return sketch_of(context.spec.name, context.model, context.hierarchy)
    except Exception as error:
        outcome.gaps.append(f"The hierarchy could not be put into words: {one_line(error)}")
        return None


def _command(spec: ModelSpec, settings: Settings, tier: Tier) -> str:
    words = ["poolwise", "review", address(spec), "--seed", str(settings.seed)]
    default = Settings()
    for name in ("draws", "tune", "chains"):
        if getattr(settings, name) != getattr(default, name):
            words += [f"--{name}", str(getattr(settings, name))]
    if tier is not Tier.FULL:
        words += ["--tier", tier.value]
    return shlex.join(words)


def write_review(record: ReviewRecord, outcome: Outcome, folder: Path) -> Review:
    """Write draws, record and report of a review into its folder."""
    from ..reports.html import render

    write_groups(folder / "run.nc", outcome.groups)
    write_json(folder / "run.json", as_json(record))
    write_text(folder / "report.html", render(record))
    return Review(record, folder)
