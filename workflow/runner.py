"""Run the stages of a review in order: cached by content, resumed where they stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import xarray as xr

from ..checks import Finding, Tier
from ..checks.evidence import FAMILIES, GROUPS
from ..checks.run import stopped
from ..reports.record import StageRecord
from .errors import SpecError, line_in, one_line
from .runs.fingerprint import key_of, versions
from .runs.store import read_groups, read_notes, write_groups
from .stages.fit import Fit
from .stages.hierarchy import Levels
from .stages.poolings import Poolings
from .stages.power_scaling import PowerScaling
from .stages.predictive import PosteriorPredictive
from .stages.prior import PriorPredictive
from .stages.stage import Context, Stage, Unavailable
from .stages.sweep import PriorSweep

#: The stages of a review, in the order they run.
STAGES: tuple[Stage, ...] = (
    PriorPredictive(),
    Fit(),
    PosteriorPredictive(),
    Levels(),
    Poolings(),
    PowerScaling(),
    PriorSweep(),
)


class Watcher(Protocol):
    """Is told how a run goes on; a terminal shows it, a test counts it."""

    def begins(self, stage: str) -> None:
        """A stage starts to work."""

    def reports(self, label: str, done: int, total: int) -> None:
        """The stage has come so far."""

    def ends(self, record: StageRecord) -> None:
        """The stage has ended."""


class Silent:
    """A watcher that shows nothing."""

    def begins(self, stage: str) -> None:
        """Show nothing."""

    def reports(self, label: str, done: int, total: int) -> None:
        """Show nothing."""

    def ends(self, record: StageRecord) -> None:
        """Show nothing."""


@dataclass(slots=True)
class Outcome:
    """What the stages of a run left.

    Attributes
    ----------
    groups : dict of str to Dataset
    stages : list of StageRecord
    errors : list of Finding
        One per stage that failed.
    fallbacks, gaps : list of str
        Other ways taken, and parts that could not be computed.
    reasons : dict of str to str
        Why a group is not there.
    """

    groups: dict[str, xr.Dataset] = field(default_factory=dict)
    stages: list[StageRecord] = field(default_factory=list)
    errors: list[Finding] = field(default_factory=list)
    fallbacks: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)


def run_stages(
    context: Context,
    watcher: Watcher | None = None,
    stages: Sequence[Stage] = STAGES,
    tier: Tier = Tier.FULL,
) -> Outcome:
    """Run every stage of a tier whose needs are there.

    A stage whose inputs are those of a saved result is not run. A stage that raises becomes an
    error finding that names the user's line; later stages that do not need it still run.
    """
    watcher = watcher or Silent()
    outcome = Outcome(groups=context.groups)
    for stage in stages:
        if tier is Tier.FULL or stage.name in tier.stages:
            record = _run_one(stage, context, outcome, watcher)
            watcher.ends(record)
        else:
            _explain(stage, outcome, tier.why_skipped)
            record = StageRecord(name=stage.name, status="skipped", message=tier.why_skipped)
        outcome.stages.append(record)
    return outcome


def _run_one(stage: Stage, context: Context, outcome: Outcome, watcher: Watcher) -> StageRecord:
    absent = [name for name in stage.needs if name not in context.groups]
    if absent:
        why = outcome.reasons.get(absent[0], f"there is no {absent[0]}")
        _explain(stage, outcome, why)
        return StageRecord(name=stage.name, status="skipped", message=why)
    watcher.begins(stage.name)
    started = time.perf_counter()
    context.report = watcher.reports
    context.fallbacks, context.gaps = [], []
    key = ""
    try:
        key = _key(stage, context)
        file = context.folder / f"{stage.name.replace(' ', '-')}-{key}.nc"
        saved = read_groups(file)
        notes = {} if saved is None else read_notes(file)
        # Without its notes it was not written here.
        if saved is not None and {"seconds", "fallbacks"} <= set(notes):
            _take(saved, json.loads(notes["fallbacks"]), outcome)
            seconds = float(notes["seconds"])
            return StageRecord(name=stage.name, status="cached", seconds=seconds, key=key)
        groups = stage.run(context)
        seconds = time.perf_counter() - started
        if not context.gaps:
            # A stage with a gap is tried again: what it finished is kept by itself.
            notes = {"fallbacks": json.dumps(context.fallbacks), "seconds": f"{seconds:.3f}"}
            write_groups(file, groups, notes)
            _forget_older(file, stage)
        outcome.gaps.extend(context.gaps)
        _take(groups, context.fallbacks, outcome)
        return StageRecord(name=stage.name, status="done", seconds=seconds, key=key)
    except Unavailable as reason:
        _explain(stage, outcome, str(reason))
        return StageRecord(name=stage.name, status="skipped", message=str(reason), key=key)
    except Exception as error:
        finding = _error_finding(stage, context, error)
        outcome.errors.append(finding)
        _explain(stage, outcome, finding.message)
        seconds = time.perf_counter() - started
        return StageRecord(
            name=stage.name, status="failed", seconds=seconds, message=finding.message, key=key
        )


def _key(stage: Stage, context: Context) -> str:
    return key_of(stage.name, stage.depends_on(context), context.spec.body, versions())


def _take(groups: Mapping[str, xr.Dataset], fallbacks: Sequence[str], outcome: Outcome) -> None:
    outcome.groups.update(groups)
    outcome.fallbacks.extend(f for f in fallbacks if f not in outcome.fallbacks)


def _explain(stage: Stage, outcome: Outcome, why: str) -> None:
    for name in stage.provides:
        outcome.reasons.setdefault(name.split("/")[0], why)


def _forget_older(file: Path, stage: Stage) -> None:
    for other in file.parent.glob(f"{stage.name.replace(' ', '-')}-*.nc"):
        if other != file:
            other.unlink(missing_ok=True)


def _error_finding(stage: Stage, context: Context, error: Exception) -> Finding:
    if isinstance(error, SpecError):
        message, line = str(error).replace("\n  ", "; "), error.line
    else:
        path = context.spec.path
        line = line_in(path, error.__traceback__) if path else None
        message = f"{stage.name}: {one_line(error)}"
    return stopped(message, where=stage.name, line=line or context.spec.line)


def whole_tree(groups: Mapping[str, xr.Dataset]) -> xr.DataTree:
    """Return the groups of a run as one ArviZ-readable tree."""
    known = [*GROUPS, *FAMILIES]
    order = sorted(groups, key=lambda g: (known.index(g.split("/")[0]), g))
    return xr.DataTree.from_dict({name: groups[name] for name in order})


__all__ = ["STAGES", "Outcome", "Silent", "Watcher", "run_stages", "whole_tree"]
