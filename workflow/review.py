"""A review from beginning to end, and what it leaves."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import xarray as xr

from ..checks import Evidence, Finding, Met, Verdict, run_checks, selected
from ..checks.conclusion import conclude
from ..checks.expect import meet
from ..checks.hierarchy import roles
from ..checks.prior import flat
from ..reports.record import ReviewRecord, StageRecord
from .conclusions import evaluate
from .errors import SpecError, line_in, one_line
from .fingerprint import data_key, model_key, versions
from .loading import as_spec
from .preflight import build_model, observed_values
from .runner import Outcome, Watcher, run_stages, whole_tree
from .settings import Settings
from .spec import ModelSpec
from .stages.stage import Context, plain
from .store import prepare, read_groups, read_json, write_groups, write_json, write_text

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Review:
    """A finished review.

    Attributes
    ----------
    record : ReviewRecord
        Evidence, findings and conclusion.
    folder : Path
        Holds ``run.nc`` (every draw, readable with ArviZ), ``run.json`` and ``report.html``.
    """

    record: ReviewRecord
    folder: Path

    @property
    def findings(self) -> Sequence[Finding]:
        """What every check found."""
        return self.record.findings

    @property
    def data(self) -> xr.DataTree:
        """Every draw of the run, with ArviZ's group names."""
        return self.record.evidence.tree

    @property
    def verdict(self) -> str:
        """The headline: ``"Usable, with 2 warnings"``."""
        return self.record.conclusion.headline

    @property
    def report(self) -> Path:
        """The HTML report."""
        return self.folder / "report.html"

    def exit_code(self, fail_on: str = "fail") -> int:
        """Return 0, 1 or 2 as the command line would."""
        return self.record.conclusion.exit_code(fail_on)

    def __repr__(self) -> str:
        counts = self.record.conclusion.counts
        said = ", ".join(f"{n} {v}" for v, n in counts.items() if n)
        return f"<Review of {self.record.name}: {self.verdict} ({said}); {self.report}>"

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
    watcher: Watcher | None = None,
) -> Review:
    """Review a model: simulate from its prior, fit it, check the fit, sweep its priors.

    Parameters
    ----------
    spec : ModelSpec, callable or pymc.Model
        What to review.
    output : path, optional
        Run folder; ``poolwise_runs/<name>`` when left out. Finished stages found there are used.
    seed : int, optional
        The only source of randomness; the spec's own, or 20261122, when left out.
    draws, tune, chains : int
        Of every fit.
    select, ignore : sequence of str
        Codes of checks, or how they begin.
    watcher : Watcher, optional
        Is told how the run goes on.

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
    _check_codes(select, ignore)
    settings = _settings(this, seed=seed, draws=draws, tune=tune, chains=chains)
    model = build_model(this)
    folder = prepare(Path(output) if output is not None else Path("poolwise_runs") / this.name)
    context = Context(
        spec=this,
        model=model,
        settings=settings,
        roles=roles(model, this.levels),
        model_key=model_key(model),
        folder=folder / "stages",
    )
    outcome = run_stages(context, watcher)
    _add_conclusions(this, outcome)
    if context.roles.assumed_offsets:
        names = ", ".join(context.roles.assumed_offsets)
        outcome.fallbacks.append(
            f"{names} was taken to be a standardised offset, so its prior is not varied; "
            "declare its level to settle that"
        )
    record = _record(context, outcome, select, ignore, time.perf_counter() - started)
    return _write(record, outcome, folder, (select, ignore))


def _check_codes(select: Sequence[str], ignore: Sequence[str]) -> None:
    try:
        selected(select, ignore)
    except ValueError as error:
        raise SpecError(
            str(error), expected="codes such as SMP301, or how they begin: SMP"
        ) from error


def _settings(spec: ModelSpec, seed: int | None, **sizes: int) -> Settings:
    chosen = seed if seed is not None else spec.seed
    try:
        return Settings(**sizes, **({} if chosen is None else {"seed": chosen}))
    except ValueError as error:
        raise SpecError(str(error), path=spec.path, line=spec.line) from error


def _add_conclusions(spec: ModelSpec, outcome: Outcome) -> None:
    """Evaluate declared quantities and decisions; a function that raises costs only itself."""
    if "posterior" not in outcome.groups:
        return
    for group, functions, boolean in (
        ("quantities", spec.quantities, False),
        ("decisions", spec.decisions, True),
    ):
        try:
            values = evaluate(spec, functions, outcome.groups["posterior"], boolean=boolean)
        except SpecError as error:
            message = str(error).replace("\n  ", "; ")
            outcome.errors.append(
                Finding(
                    verdict=Verdict.ERROR,
                    message=message,
                    where=group,
                    line=error.line,
                    result="stopped",
                    needs="ran to its end",
                )
            )
            outcome.reasons[group] = message
            continue
        if values.data_vars:
            outcome.groups[group] = plain(values)


def _expectations(spec: ModelSpec, outcome: Outcome) -> list[Met]:
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
            outcome.errors.append(
                Finding(
                    verdict=Verdict.ERROR,
                    message=message,
                    where=expectation.label,
                    line=line or spec.line,
                    result="stopped",
                    needs="ran to its end",
                )
            )
    return met


def _record(
    context: Context,
    outcome: Outcome,
    select: Sequence[str],
    ignore: Sequence[str],
    seconds: float,
) -> ReviewRecord:
    spec = context.spec
    declared: dict[str, Any] = {
        "top_level_priors": context.roles.top_level,
        "stage_errors": outcome.errors,
        "fallbacks": outcome.fallbacks,
        "gaps": outcome.gaps,
    }
    met = _expectations(spec, outcome)
    if met:
        declared["expectations"] = met
    elif spec.expect:
        outcome.reasons.setdefault(
            "expectations", outcome.reasons.get("prior", "nothing was simulated from the prior")
        )
    else:
        outcome.reasons["expectations"] = "the spec declares no expectations; add expect=[...]"
    data = observed_values(context.model)
    return judged(
        name=spec.name,
        path=_shown_path(spec.path),
        line=spec.line,
        source=spec.source,
        created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        seconds=seconds,
        unit=spec.unit,
        settings=asdict(context.settings),
        environment=versions(),
        data={
            "rows": {name: int(values.size) for name, values in data.items()},
            "sha256": data_key(data),
        },
        stages=outcome.stages,
        evidence=Evidence(whole_tree(outcome.groups), declared, outcome.reasons),
        command=_command(spec, context.settings),
        thresholds=spec.thresholds,
        select=select,
        ignore=ignore,
        lines={n: spec.line_of(n) for n in context.model.named_vars},
    )


def judged(
    *,
    evidence: Evidence,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    lines: Mapping[str, int | None],
    thresholds: Mapping[str, Mapping[str, Any]],
    **details: Any,
) -> ReviewRecord:
    """Ask every check of a run and sum up: a pure function of what was saved."""
    findings = run_checks(evidence, thresholds=thresholds, select=select, ignore=ignore)
    placed = [_with_line(f, lines) for f in findings]
    return ReviewRecord(
        evidence=evidence,
        findings=placed,
        conclusion=conclude(placed),
        thresholds=thresholds,
        **details,
    )


def _with_line(finding: Finding, lines: Mapping[str, int | None]) -> Finding:
    from dataclasses import replace

    name = finding.where.partition("[")[0]
    if finding.line is None and lines.get(name):
        return replace(finding, line=lines[name])
    return finding


def _shown_path(path: str) -> str:
    if not path:
        return ""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return Path(path).name


def _command(spec: ModelSpec, settings: Settings) -> str:
    target = f"{_shown_path(spec.path) or 'models.py'}::{spec.name}"
    words = ["poolwise", "review", target, "--seed", str(settings.seed)]
    default = Settings()
    for name in ("draws", "tune", "chains"):
        if getattr(settings, name) != getattr(default, name):
            words += [f"--{name}", str(getattr(settings, name))]
    return shlex.join(words)


def _write(
    record: ReviewRecord,
    outcome: Outcome,
    folder: Path,
    selection: tuple[Sequence[str], Sequence[str]],
) -> Review:
    from ..reports.html import render

    write_groups(folder / "run.nc", outcome.groups)
    write_json(folder / "run.json", as_json(record, selection))
    write_text(folder / "report.html", render(record))
    return Review(record, folder)


def as_json(record: ReviewRecord, selection: tuple[Sequence[str], Sequence[str]]) -> dict[str, Any]:
    """Return the record of a run as plain data: the one result object of every machine format."""
    from ..reports.plain import regularization, sensitivity, uncertainty

    evidence, conclusion = record.evidence, record.conclusion
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "poolwise", "version": record.environment["poolwise"]},
        "spec": {
            "name": record.name,
            "path": record.path,
            "line": record.line,
            "source": record.source,
        },
        "verdict": conclusion.verdict.value,
        "headline": conclusion.headline,
        "sentence": conclusion.sentence,
        "exit_code": conclusion.exit_code(),
        "seed": record.settings["seed"],
        "duration_s": round(record.seconds, 3),
        "created": record.created,
        "unit": record.unit,
        "settings": dict(record.settings),
        "environment": dict(record.environment),
        "data": dict(record.data),
        "stages": [asdict(s) for s in record.stages],
        "counts": conclusion.counts,
        "findings": [f.as_dict() for f in record.findings],
        "regularization": regularization(evidence),
        "uncertainty": uncertainty(evidence),
        "sensitivity": sensitivity(evidence),
        "declared": {
            "top_level_priors": list(evidence.declared["top_level_priors"]),
            "fallbacks": list(evidence.declared["fallbacks"]),
            "gaps": list(evidence.declared["gaps"]),
            "stage_errors": [f.as_dict() for f in evidence.declared["stage_errors"]],
            "expectations": [_finite(asdict(m)) for m in evidence.declared.get("expectations", [])],
            "thresholds": {k: dict(v) for k, v in record.thresholds.items()},
            "select": list(selection[0]),
            "ignore": list(selection[1]),
        },
        "reasons": dict(evidence.reasons),
        "command": record.command,
        "artifacts": {"draws": "run.nc", "report": "report.html"},
    }


def _finite(values: Mapping[str, Any]) -> dict[str, Any]:
    import math

    return {
        k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()
    }


def _numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: float("nan") if v is None else v for k, v in values.items()}


def load_run(folder: str | Path) -> ReviewRecord:
    """Read a saved run and judge it again, without sampling.

    Raises
    ------
    SpecError
        If the folder holds no run, or one written by another schema.
    """
    here = Path(folder)
    saved = read_json(here / "run.json")
    if saved.get("schema_version") != SCHEMA_VERSION:
        raise SpecError(
            f"the run was written with schema version {saved.get('schema_version')}",
            path=str(here / "run.json"),
            expected=f"schema version {SCHEMA_VERSION}",
            do="review the spec again with this version of poolwise",
        )
    groups = read_groups(here / "run.nc")
    if groups is None:
        raise SpecError(
            "the draws of the run are missing or cut short",
            path=str(here / "run.nc"),
            do="review the spec again: finished stages are not repeated",
        )
    declared = saved["declared"]
    evidence_declared = {
        "top_level_priors": declared["top_level_priors"],
        "fallbacks": declared["fallbacks"],
        "gaps": declared["gaps"],
        "stage_errors": [Finding.from_dict(f) for f in declared["stage_errors"]],
    }
    if declared["expectations"]:
        evidence_declared["expectations"] = [Met(**_numbers(m)) for m in declared["expectations"]]
    spec = saved["spec"]
    lines = {f["where"].partition("[")[0]: f["line"] for f in saved["findings"]}
    return judged(
        name=spec["name"],
        path=spec["path"],
        line=spec["line"],
        source=spec["source"],
        created=saved["created"],
        seconds=saved["duration_s"],
        unit=saved["unit"],
        settings=saved["settings"],
        environment=saved["environment"],
        data=saved["data"],
        stages=[StageRecord(**s) for s in saved["stages"]],
        evidence=Evidence(whole_tree(groups), evidence_declared, saved["reasons"]),
        command=saved["command"],
        thresholds=declared["thresholds"],
        select=declared["select"],
        ignore=declared["ignore"],
        lines=lines,
    )


__all__ = ["Review", "as_json", "load_run", "review"]
