"""Finding faults in a spec without sampling: what rules see, and what the spec silences."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from poolwise import __version__

from ..checks import REGISTRY, Evidence, Finding, Verdict, expect_failures, run_checks, selected
from ..checks.hierarchy.plain import plain_model
from ..checks.hierarchy.variables import read_variables
from ..checks.spec import OPT_IN
from ..checks.spec.comments import Ignore
from ..reports.machine import lint_result
from .errors import SpecError
from .fitted.spec import NO_MODEL, FittedSpec
from .specs.options import check_options
from .specs.preflight import check_roles, model_of
from .specs.project import project_settings
from .specs.spec import ModelSpec
from .toml_specs.spec import TomlSpec

if TYPE_CHECKING:
    import pymc as pm

_COMMENT = re.compile(r"#\s*poolwise:\s*ignore\[([^\]]*)\]\s*(.*)")


def lint(
    spec: ModelSpec,
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    today: date | None = None,
) -> list[Finding]:
    """Ask every rule about a spec, without sampling.

    Parameters
    ----------
    spec : ModelSpec
    select, ignore : sequence of str, optional
        Codes or their beginnings, as on the command line. Added to what ``[tool.poolwise]`` of the
        nearest ``pyproject.toml`` above the spec says, except that ``select`` replaces it.
    today : date, optional
        Decides which expected failures have expired; the day it is (UTC) when left out.

    Returns
    -------
    list of Finding
        In the order of the file. A finding that a comment of the spec silences is ``skipped`` with
        the reason of the comment; of a fit without a model every rule is.

    Raises
    ------
    SpecError
        If the model cannot be built, or a code is unknown.
    """
    import xarray as xr

    check_options(spec)
    settings = project_settings(spec.path)
    codes = _codes(select or settings.select, settings.ignored_in(spec, ignore), spec)
    if isinstance(spec, FittedSpec):
        without = Evidence(
            xr.DataTree(), reasons=dict.fromkeys(("variables", "spec_ignores"), NO_MODEL)
        )
        return _in_order(spec, [f for code in codes for f in REGISTRY[code].run(without)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rules say what PyMC warns of, with line and remedy
        model = model_of(spec)
        check_roles(spec, model)
        evidence = Evidence(xr.DataTree(), declared=static_evidence(spec, model))
        findings = run_checks(evidence, thresholds=spec.thresholds, select=codes)
    expected = settings.expected_of(spec)
    known = expect_failures(_silenced(findings, spec), expected, today or datetime.now(UTC).date())
    return _in_order(spec, known)


def lint_all(
    specs: Sequence[ModelSpec], *, select: Sequence[str] = (), ignore: Sequence[str] = ()
) -> list[tuple[str, list[Finding]]]:
    """Lint several specs; return the file and the findings of each."""
    return [(s.path or s.name, lint(s, select=select, ignore=ignore)) for s in specs]


def lint_results(
    specs: Sequence[ModelSpec], found: Sequence[Sequence[Finding]]
) -> list[dict[str, Any]]:
    """Return what was found in each spec as plain data, for every machine format."""
    return [
        lint_result(
            findings,
            name=spec.name,
            path=spec.path,
            line=spec.line,
            source=spec.source,
            tool=__version__,
        )
        for spec, findings in zip(specs, found, strict=True)
    ]


def static_evidence(spec: ModelSpec, model: pm.Model) -> dict[str, Any]:
    """Return what the rules need to know: everything that is known without draws.

    Parameters
    ----------
    spec : ModelSpec
    model : pymc.Model
        The model the spec builds.
    """
    places = _places(spec)
    return {
        "variables": read_variables(plain_model(model), lambda name: places.line_of(name)),
        "spec_ignores": places.ignores,
        "declared_hierarchy": spec.declared,
    }


def _codes(select: Sequence[str], ignore: Sequence[str], spec: ModelSpec) -> list[str]:
    try:
        wanted = selected(select or ["SPC"], ignore)
    except ValueError as error:
        raise SpecError(str(error), path=spec.path, do="poolwise list shows the codes") from error
    codes = [
        c.code
        for c in wanted
        if c.code.startswith("SPC") and (c.code not in OPT_IN or c.code in select)
    ]
    if not codes:
        raise SpecError(
            "no rule is left to ask", path=spec.path, expected="codes that start with SPC"
        )
    return codes


@dataclass(frozen=True, slots=True)
class _Places:
    """Where a spec creates its variables, and the comments in it."""

    head: range
    spans: Mapping[str, range] = field(default_factory=dict)
    ignores: Sequence[Ignore] = ()

    def line_of(self, variable: str) -> int | None:
        span = self.spans.get(variable)
        return span.start if span else None

    def span_of(self, variable: str) -> range:
        return self.spans.get(variable, self.head)


def _places(spec: ModelSpec) -> _Places:
    first = spec.line or 1
    if isinstance(spec, TomlSpec):
        return _Places(range(first, first + 1), spec.spans(), tuple(_toml_comments(spec.source)))
    try:
        tree = ast.parse(spec.source)
    except SyntaxError:  # a lambda in the middle of an expression
        return _Places(range(first, first + 1))
    head = range(first, first + 1)
    spans: dict[str, range] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node in tree.body and node.body:
            head = range(first, first + node.body[0].lineno - 1)
        name = _first_argument(node)
        if name is not None and isinstance(node, ast.Call):
            last = node.end_lineno or node.lineno
            spans.setdefault(name, range(first + node.lineno - 1, first + last))
    return _Places(head, spans, tuple(_comments(spec.source, first)))


def _first_argument(node: ast.AST) -> Any:
    if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        value = node.args[0].value
        return value if isinstance(value, str) else None
    return None


def _comments(source: str, first: int) -> Iterable[Ignore]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        found = _COMMENT.match(token.string) if token.type == tokenize.COMMENT else None
        if found:
            codes = tuple(code.strip() for code in found[1].split(",") if code.strip())
            yield Ignore(first + token.start[0] - 1, codes, found[2].strip())


def _toml_comments(source: str) -> Iterable[Ignore]:
    for number, line in enumerate(source.splitlines(), 1):
        found = _COMMENT.search(line)
        if found:
            codes = tuple(code.strip() for code in found[1].split(",") if code.strip())
            yield Ignore(number, codes, found[2].strip())


def _silenced(findings: Sequence[Finding], spec: ModelSpec) -> list[Finding]:
    places = _places(spec)
    return [_silence(finding, places) for finding in findings]


def _silence(finding: Finding, places: _Places) -> Finding:
    if finding.verdict not in (Verdict.FAIL, Verdict.WARN, Verdict.NOTE):
        return finding
    span = places.span_of(finding.where)
    for ignore in places.ignores:
        if ignore.line in span and finding.code in ignore.codes:
            reason = ignore.reason or "no reason given"
            return replace(
                finding,
                verdict=Verdict.SKIPPED,
                message=f"ignored in the spec ({reason}): {finding.message}",
                value=None,
                threshold=None,
            )
    return finding


def _in_order(spec: ModelSpec, findings: Sequence[Finding]) -> list[Finding]:
    placed = [f if f.line else replace(f, line=spec.line) for f in findings]
    return sorted(placed, key=lambda f: (f.line or 0, f.code))
