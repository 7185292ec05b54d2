"""The run and the appendix: what is needed to repeat, read and question a review."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..checks import REGISTRY, STAGES, Finding
from ..checks.words import counted
from .blocks import Cell, Column, Table
from .numbers import NONE, seconds
from .record import ReviewRecord
from .trust import sentence

_SECTIONS = ("Asks", "Why it matters", "What to do", "Thresholds", "Source")

#: Terms every review uses, and what is meant.
DEFINITIONS = {
    "Interval": "Equal-tailed, 89%, the default of ArviZ.",
    "MCSE": "Monte Carlo standard error: how much a number would vary if the sampler ran again.",
    "Weight on own data": "w = τ²/(τ² + 1/I) per group, with I the Fisher information of the "
    "group’s rows (n/σ² for a normal likelihood); posterior mean. Pooling is 1 − w.",
    "Pooling factor": "1 − Var(E[ε|y]) / E[Var(ε)|y] over the groups of a level, ε = θ − μ "
    "(Gelman and Pardoe 2006). Not the same number as 1 − w.",
    "Penalty λ": "σ²/τ², the ridge penalty on deviations that pools as the prior does; posterior "
    "median.",
    "Effective groups": "The sum of w over groups: effective degrees of freedom of the level.",
    "Contraction": "1 − Var(log τ|y) / Var(log τ): the share of prior variance the data removed.",
    "Epistemic, aleatory": "Lack of knowledge, which more data would remove; variation in the "
    "world, which they would not. The split depends on what is predicted.",
    "Power-scaling": "Change of the posterior when prior or likelihood is raised to a power near "
    "1, of the top-level priors only.",
    "Shift": "Difference of the posterior means under another prior, in posterior standard "
    "deviations of the fit as specified.",
}


@dataclass(frozen=True, slots=True)
class Documentation:
    """What a check asks, as its own documentation says it."""

    code: str
    name: str
    title: str
    stage: str
    sections: Mapping[str, str]


def documentation(findings: Sequence[Finding]) -> list[Documentation]:
    """Return the documentation of every check that was asked, in the order of the stages."""
    order = list(STAGES)
    codes = {f.code for f in findings if f.code in REGISTRY}
    return [
        Documentation(
            code=code,
            name=REGISTRY[code].name,
            title=REGISTRY[code].title,
            stage=REGISTRY[code].stage,
            sections={s: text for s in _SECTIONS if (text := REGISTRY[code].section(s))},
        )
        for code in sorted(codes, key=lambda c: (order.index(c[:3]), c))
    ]


def stage_table(record: ReviewRecord) -> Table | None:
    """Return how every stage ended and what it took."""
    if not record.stages:
        return None
    rows: list[list[str | Cell]] = [
        [
            s.name,
            s.status,
            seconds(s.seconds) if s.status in ("done", "cached") else NONE,
            sentence(s.message) or ("result of an earlier run" if s.status == "cached" else NONE),
        ]
        for s in record.stages
    ]
    columns = [
        Column("Stage", number=False),
        Column("Status", number=False),
        Column("Took"),
        Column("Remark", number=False, prose=True),
    ]
    return Table("Stages of this run", columns, rows, caption="How every stage ended")


def facts(record: ReviewRecord) -> list[tuple[str, str]]:
    """Return seed, sampler and data as terms and descriptions."""
    s: Mapping[str, Any] = record.settings
    rows = ", ".join(
        f"{name}: {counted(int(n), 'row')}" for name, n in dict(record.data.get("rows", {})).items()
    )
    found = [
        ("Tier", record.tier.not_known or "full: every stage was asked for"),
        ("Seed", str(s.get("seed", NONE))),
        ("Sampler", _sampler(s)),
        ("Prior draws", str(s.get("prior_draws", NONE))),
        ("Data", rows or NONE),
        ("Data sha256", str(record.data.get("sha256", NONE))),
    ]
    return [(term, said) for term, said in found if said != NONE]


def _sampler(settings: Mapping[str, Any]) -> str:
    drawn = f"{settings.get('chains', NONE)} chains × {settings.get('draws', NONE)} draws"
    if "fitted_with" in settings:
        return f"{drawn}, made with {settings['fitted_with']}"
    return (
        f"{drawn} after {settings.get('tune', NONE)} of warm-up, target acceptance "
        f"{settings.get('target_accept', NONE)}"
    )


def changed_thresholds(record: ReviewRecord) -> list[tuple[str, str]]:
    """Return every threshold the spec changed, with the default."""
    found = []
    for code, values in sorted(record.thresholds.items()):
        defaults = REGISTRY[code].thresholds if code in REGISTRY else {}
        for name, value in values.items():
            found.append((f"{code} {name}", f"{value} (default {defaults.get(name, NONE)})"))
    return found
