"""A review as reports see it: a saved run, judged. Nothing here samples or renders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..checks import Evidence, ExpectedFailure, Finding, Tier
from ..checks.conclusion import Conclusion
from .hierarchy import HierarchySketch


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRecord:
    """How one stage of a run ended.

    Attributes
    ----------
    name : str
    status : str
        ``done``, ``cached``, ``skipped`` or ``failed``.
    seconds : float
        What the stage took when it ran, also for a cached one.
    message : str
        Why it was skipped or failed.
    key : str
        Hash of everything its result depends on.
    """

    name: str
    status: str
    seconds: float = 0.0
    message: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRecord:
    """Everything a report shows.

    Attributes
    ----------
    name, path, line, source
        Of the spec; ``path`` as the user wrote it.
    created : str
        ISO 8601, UTC.
    seconds : float
        What the review took.
    unit : str
        Unit of the outcome.
    settings, environment : mapping
        Sizes and seed; versions.
    data : mapping
        Per outcome: rows; and the hash of all data.
    stages : sequence of StageRecord
    evidence : Evidence
    findings : sequence of Finding
    conclusion : Conclusion
    command : str
        Reproduces the review.
    thresholds : mapping
        Thresholds that the spec changed.
    tier : Tier
        How deep the review looked.
    expected : sequence of ExpectedFailure
        What the spec and its project announced.
    select, ignore : sequence of str
        Codes of the checks that were asked for, and left out.
    variables : sequence of mapping
        Every variable of the model in words, with its key.
    keys : mapping
        A key of every part of the spec and its data.
    hierarchy : HierarchySketch or None
        The model's hierarchy in words; None in a run that did not keep it.
    """

    name: str
    path: str
    line: int | None
    source: str
    created: str
    seconds: float
    unit: str
    settings: Mapping[str, Any]
    environment: Mapping[str, str]
    data: Mapping[str, Any]
    stages: Sequence[StageRecord]
    evidence: Evidence
    findings: Sequence[Finding]
    conclusion: Conclusion
    command: str
    thresholds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    select: Sequence[str] = ()
    ignore: Sequence[str] = ()
    variables: Sequence[Mapping[str, Any]] = ()
    keys: Mapping[str, Any] = field(default_factory=dict)
    tier: Tier = Tier.FULL
    expected: Sequence[ExpectedFailure] = ()
    hierarchy: HierarchySketch | None = None
