"""A review of draws that were made elsewhere: everything that needs no model."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ...checks import ExpectedFailure, Tier
from ...checks.draws import SAMPLE
from ...checks.expect import Expect
from ...checks.hierarchy.level import Level
from ...reports.machine.results import shown
from ...reports.record import StageRecord
from ..conclusions import evaluate
from ..errors import SpecError
from ..expressions.expression import Expression
from ..finished import address, moment
from ..levels.of_draws import FittedLevels, fitted_levels
from ..review import Review, add_conclusions, check_codes, judged_run, write_review
from ..runner import STAGES, Outcome
from ..runs.fingerprint import array_key, key_of, text_key
from ..runs.parts import options_of
from ..runs.store import prepare
from ..specs.options import check_options
from ..specs.project import project_settings
from .fit import Fit, read_fit
from .spec import NO_MODEL, FittedSpec


def review_fit(
    fit: str | Path | xr.DataTree,
    *,
    levels: Mapping[str, Level] | None = None,
    name: str = "",
    outcome: str = "",
    mean: str = "",
    top_level: Sequence[str] = (),
    sample_dims: Sequence[str] = (),
    expect: Sequence[Expect] = (),
    quantities: Mapping[str, Callable[[xr.Dataset], xr.DataArray] | str] | None = None,
    decisions: Mapping[str, Callable[[xr.Dataset], xr.DataArray] | str] | None = None,
    thresholds: Mapping[str, Mapping[str, Any]] | None = None,
    expected_failures: Sequence[ExpectedFailure] = (),
    unit: str = "",
    output: str | Path | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
) -> Review:
    """Review a fit that was made elsewhere, in Stan, NumPyro or another program.

    Whatever needs draws only is asked; what needs the model (simulating from the prior, fitting
    alternative priors) is skipped with that reason, unless the file holds the draws.

    Parameters
    ----------
    fit : path or xarray.DataTree
        ArviZ's groups: ``posterior`` (required), ``sample_stats``, ``posterior_predictive``,
        ``observed_data``, ``log_likelihood``, ``log_prior``, ``constant_data``, ``prior``,
        ``prior_predictive``.
    levels : mapping of str to Level, optional
        The hierarchy, in names of variables of the posterior; ``rows`` and ``noise`` may also name
        variables of ``constant_data``. Without it nothing is said about pooling.
    name : str, optional
        Name of the file when left out.
    outcome : str, optional
        Of ``observed_data``; may be left out when there is only one.
    mean : str, optional
        Variable of the posterior with the mean of every row; the effect of its group when left
        out.
    top_level : sequence of str, optional
        Variables of ``log_prior`` whose priors power-scaling acts on: hyperpriors, and not the
        effects of groups. All that are no effect of a level when left out.
    sample_dims : sequence of str, optional
        What chains and draws are called; found from usual names when left out.
    expect, thresholds, expected_failures, unit
        As in :class:`poolwise.ModelSpec`.
    quantities, decisions : mapping of str to callable or str, optional
        Functions of the posterior, or expressions such as ``"max(theta) > 10"``.
    output : path, optional
        Run folder; ``poolwise_runs/<name>`` when left out.
    select, ignore : sequence of str
        Codes of checks, or how they begin.

    Returns
    -------
    Review

    Raises
    ------
    SpecError
        If there is no posterior with chains and draws, or a name does not fit it.
    """
    spec = FittedSpec(
        fit=fit,
        name=name or ("fit" if isinstance(fit, xr.DataTree) else Path(fit).stem),
        levels=levels or {},
        outcome=outcome,
        mean=mean,
        top_level=top_level,
        sample_dims=sample_dims,
        expect=expect,
        quantities=_functions(quantities, "quantities"),
        decisions=_functions(decisions, "decisions"),
        thresholds=thresholds or {},
        expected_failures=expected_failures,
        unit=unit,
    )
    return review_fitted(spec, output=output, select=select, ignore=ignore)


def _functions(
    given: Mapping[str, Callable[[xr.Dataset], xr.DataArray] | str] | None, option: str
) -> dict[str, Callable[[xr.Dataset], xr.DataArray]]:
    return {
        name: Expression(f, f"{option}: {name!r}") if isinstance(f, str) else f
        for name, f in (given or {}).items()
    }


def review_fitted(
    spec: FittedSpec,
    *,
    output: str | Path | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    today: date | None = None,
) -> Review:
    """Review a fit, as :func:`review_fit` does for its options."""
    started = time.perf_counter()
    check_options(spec)
    project = project_settings(spec.path)
    ignore, expected = project.ignored_in(spec, ignore), project.expected_of(spec)
    check_codes(spec, select, ignore)
    fit = _read(spec)
    levels = _levels(spec, fit)
    top_level = _top_level(spec, fit)
    posterior = fit.groups["posterior"]
    # A name that the posterior does not hold is refused before anything is written.
    evaluate(spec, spec.quantities, posterior, boolean=False)
    evaluate(spec, spec.decisions, posterior, boolean=True)
    folder = prepare(Path(output) if output is not None else Path("poolwise_runs") / spec.name)
    outcome = _outcome(spec, fit, levels)
    add_conclusions(spec, outcome)
    observed = fit.groups.get("observed_data", xr.Dataset())
    record = judged_run(
        spec,
        outcome,
        top_level=top_level,
        data={str(n): np.asarray(v.values) for n, v in observed.data_vars.items()},
        now=moment(today),
        started=started,
        settings={
            "chains": posterior.sizes["chain"],
            "draws": posterior.sizes["draw"],
            "fitted_with": fit.made_by or "another program",
        },
        command=_command(spec),
        keys=_keys(spec, fit),
        tier=Tier.DRAWS,
        expected=expected,
        select=select,
        ignore=ignore,
        static=(),
        lines={str(n): spec.line_of(str(n)) for n in posterior.data_vars},
    )
    return write_review(record, outcome, folder)


def _read(spec: FittedSpec) -> Fit:
    source = spec.fit
    if spec.table is not None and not isinstance(source, xr.DataTree):
        source = Path(spec.table.file.path).parent / source
    try:
        return read_fit(source, spec.sample_dims)
    except SpecError as error:
        if spec.table is not None and spec.line is not None and spec.table.get("fit", "text"):
            error.problem = f"{error.path or source}: {error.problem}"
            error.path, error.line = spec.path, spec.line
        raise


def _levels(spec: FittedSpec, fit: Fit) -> FittedLevels:
    try:
        return fitted_levels(fit.groups, spec.levels, outcome=spec.outcome, mean=spec.mean)
    except SpecError as error:
        error.path = error.path or spec.path
        # The last name in quotes is the one that does not fit.
        quoted = reversed(error.problem.split("'")[1::2])
        named = next((line for word in quoted if (line := spec.line_with(word))), None)
        error.line = error.line or named or spec.line
        raise


def _top_level(spec: FittedSpec, fit: Fit) -> list[str]:
    """Return the variables whose priors are scaled; group effects are part of the model."""
    there = [str(n) for n in fit.groups.get("log_prior", xr.Dataset()).data_vars]
    absent = [n for n in spec.top_level if n not in there]
    if absent and "log_prior" not in fit.reasons:
        raise SpecError(
            f"top_level: {absent[0]!r} is not in the group log_prior",
            path=spec.path,
            line=spec.line_with(absent[0]) or spec.line,
            expected=f"one of {', '.join(there) or 'none: the fit holds no log_prior'}",
        )
    if spec.top_level or not there:
        return list(spec.top_level)
    effects = {level.effect for level in spec.levels.values()}
    dims = {d for e in effects for d in fit.groups["posterior"][e].dims} - set(SAMPLE)
    by_group = [n for n in there if n in effects or dims & set(fit.groups["log_prior"][n].dims)]
    found = [n for n in there if n not in by_group]
    if by_group:
        fit.notes.append(
            f"{', '.join(by_group)} of log_prior belong to groups and were not power-scaled; "
            "declare top_level to settle that"
        )
    unknown = [n for n in found if n not in fit.groups["posterior"]]
    if unknown:
        fit.notes.append(
            f"{', '.join(unknown)} of log_prior was taken for the log density of top-level priors "
            "only; declare top_level to settle that"
        )
    return found


def _outcome(spec: FittedSpec, fit: Fit, levels: FittedLevels) -> Outcome:
    """Return the run of a fit: what it holds, and why the rest is not there."""
    outcome = Outcome(groups=dict(fit.groups))
    outcome.groups |= {f"levels/{n}": d for n, d in levels.posterior.items()}
    outcome.groups |= {f"prior_levels/{n}": d for n, d in levels.prior.items()}
    outcome.fallbacks = [*fit.notes, *levels.notes]
    outcome.reasons = dict(fit.reasons)
    for group in ("sample_stats", "observed_data", "constant_data", "log_likelihood", "log_prior"):
        if group not in fit.groups:
            outcome.reasons.setdefault(group, f"the fit holds no group {group}")
    for group in ("prior", "prior_predictive", "posterior_predictive"):
        if group not in fit.groups:
            outcome.reasons.setdefault(
                group, f"the fit holds no group {group}, and simulating it {NO_MODEL}"
            )
    outcome.reasons["sweep"] = f"fitting another prior {NO_MODEL}"
    outcome.reasons["powers"] = f"fitting under other powers {NO_MODEL}"
    if not levels.posterior:
        outcome.reasons["levels"] = "the levels of the fit are not declared: levels={...}"
    outcome.reasons.setdefault(
        "prior_levels", outcome.reasons.get("prior", "the prior draws hold no such level")
    )
    held = {"prior predictive": "prior_predictive", "posterior predictive": "posterior_predictive"}
    for stage in STAGES:
        if stage.name == "fit":
            made = f"fitted elsewhere, with {fit.made_by}" if fit.made_by else "fitted elsewhere"
            record = StageRecord(name=stage.name, status="done", message=made)
        elif stage.name == "hierarchy" and levels.posterior:
            record = StageRecord(name=stage.name, status="done", message="as declared")
        elif held.get(stage.name, "-") in fit.groups:
            record = StageRecord(name=stage.name, status="done", message="draws of the fit")
        else:
            why = outcome.reasons["levels"] if stage.name == "hierarchy" else NO_MODEL
            record = StageRecord(name=stage.name, status="skipped", message=why)
        outcome.stages.append(record)
    return outcome


def _command(spec: FittedSpec) -> str:
    if isinstance(spec.fit, xr.DataTree):
        return "poolwise.review_fit(tree, ...)"
    if spec.table is None:
        return shlex.join(["poolwise", "review", shown(spec.path)])
    if "fit" in spec.table:
        return shlex.join(["poolwise", "review", address(spec)])
    fit, levels = shown(str(spec.fit)), shown(spec.path)
    return shlex.join(["poolwise", "review", fit, "--levels", levels])


def _keys(spec: FittedSpec, fit: Fit) -> dict[str, Any]:
    """Return a key of what was declared, and of every variable of the fit."""
    groups = {n: fit.groups[n] for n in ("posterior", "observed_data", "constant_data")
              if n in fit.groups}  # fmt: skip
    arrays = {
        name: {str(v): array_key(np.asarray(a.values)) for v, a in group.data_vars.items()}
        for name, group in groups.items()
    }
    return {
        "source": text_key(spec.source),
        "code": text_key(spec.body),
        "options": dict(options_of(spec)),
        "observed": arrays.get("observed_data", {}),
        "data": {**arrays.get("constant_data", {}), "posterior": key_of(arrays["posterior"])},
        "coords": {},
    }
