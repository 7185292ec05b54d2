"""Specs as pytest sees them: files of specs, specs of checks, and one test per check."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..errors import SpecError
from ..specs.files import may_hold_specs
from . import MARKERS
from .runs import Runs, usual_warnings

if TYPE_CHECKING:
    from ...checks import Check, Finding
    from ..review import Review
    from ..specs.spec import ModelSpec

#: Name of the item that asks every rule of the linter.
LINT = "lint"


class ChecksFailed(Exception):
    """Checks of a spec found something that must not be."""


class SpecPlugin:
    """Collects specs and sums their reviews up at the end of the session."""

    def __init__(self, config: pytest.Config) -> None:
        self._everywhere = bool(config.getoption("poolwise"))
        self._specs: list[Path] = config.getini("poolwise_specs")
        self._python_files: list[str] = config.getini("python_files")
        self._told: dict[str, dict[str, Any]] = {}
        absent = [str(path) for path in self._specs if not path.exists()]
        if absent:
            raise pytest.UsageError(f"poolwise_specs: there is no {', '.join(absent)}")
        _one_worker_per_spec(config)
        if config.args_source is not pytest.Config.ArgsSource.ARGS:
            _add_arguments(config, self._specs)

    def pytest_report_header(self, config: pytest.Config) -> str:
        """Say how deep reviews look."""
        runs = Runs.of(config)
        return f"poolwise: tier {runs.tier}, runs in {os.path.relpath(runs.output)}"

    @pytest.hookimpl(wrapper=True)
    def pytest_collect_file(
        self, file_path: Path, parent: pytest.Collector
    ) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
        """Collect a file of specs as specs, and as tests only where it is named as a test file."""
        found = yield
        if not self._wanted(file_path):
            return found
        is_test = any(fnmatch(file_path.name, pattern) for pattern in self._python_files)
        others = [c for c in found if is_test or not isinstance(c, pytest.Module)]
        return [SpecFile.from_parent(parent, path=file_path), *others]

    def _wanted(self, path: Path) -> bool:
        listed = any(path.is_relative_to(folder) for folder in self._specs)
        return (listed or self._everywhere) and may_hold_specs(path)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Mark what passes unexpectedly, and send what the summary tells with the report."""
        report = yield
        if isinstance(item, CheckItem) and report.when == "call":
            if report.passed and item.unexpected:
                report.wasxfail = item.unexpected
            report.poolwise = item.told  # type: ignore[attr-defined]
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what the summary tells; a worker sends it with its report."""
        told = getattr(report, "poolwise", None)
        if told:
            kept = self._told.setdefault(told["spec"], {"lines": []})
            kept |= {k: v for k, v in told.items() if k != "lines"}
            kept["lines"] += told["lines"]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say of each spec what its review concluded, with its warnings and its report."""
        if not self._told:
            return
        terminalreporter.section("poolwise")
        for spec, told in self._told.items():
            headline = told.get("headline") or "the linter only"
            terminalreporter.write_line(f"{spec}: {headline}")
            for line in told["lines"]:
                terminalreporter.write_line(f"  {line}")
            if told.get("report"):
                terminalreporter.write_line(f"  report: {told['report']}")


def _one_worker_per_spec(config: pytest.Config) -> None:
    """Refuse a distribution by which several workers would run the same review."""
    if hasattr(config, "workerinput"):
        return
    how = config.getoption("dist", "no")
    if how not in ("no", "loadfile", "loadscope", "loadgroup"):
        raise pytest.UsageError(
            f"poolwise runs one review per spec, and --dist {how} hands its checks to several "
            "workers: add --dist loadfile"
        )


def _add_arguments(config: pytest.Config, paths: Sequence[Path]) -> None:
    """Let a bare ``pytest`` visit the specs too, wherever its test paths are."""
    visited = [(config.invocation_params.dir / arg).resolve() for arg in config.args]
    config.args += [
        str(path) for path in paths if not any(path.is_relative_to(seen) for seen in visited)
    ]


class SpecFile(pytest.File):
    """A file of specs."""

    def collect(self) -> Iterable[SpecNode]:
        """Load the file; nothing is sampled.

        Raises
        ------
        CollectError
            With the message of the error, when the file cannot be loaded.
        """
        from ..specs.loading import load_specs

        try:
            with usual_warnings():
                specs = load_specs(os.path.relpath(self.path))
        except SpecError as error:
            raise self.CollectError(str(error)) from error
        for spec in specs:
            yield SpecNode.from_parent(self, name=spec.name, spec=spec)


class SpecNode(pytest.Collector):
    """A spec."""

    def __init__(self, *, spec: ModelSpec, **options: Any) -> None:
        super().__init__(**options)
        self.spec = spec

    def collect(self) -> Iterable[CheckItem]:
        """List the checks that will be asked; they are known before anything is run.

        Raises
        ------
        CollectError
            If an option names no check, or ``[tool.poolwise]`` cannot be read.
        """
        from ...checks import selected
        from ..specs.project import project_settings

        runs = Runs.of(self.config)
        try:
            project = project_settings(self.spec.path)
            asked = selected(runs.select, project.ignored_in(self.spec, runs.ignore))
        except ValueError as error:
            raise self.CollectError(f"{error}; poolwise list shows the codes") from error
        except SpecError as error:
            raise self.CollectError(str(error)) from error
        # What a calibration shows is asked by ``poolwise calibrate``.
        checks = [check for check in asked if check.stage in MARKERS]
        rules = [check for check in checks if check.code.startswith("SPC")]
        if rules:
            yield CheckItem.from_parent(self, name=LINT, checks=rules)
        for check in checks:
            if check not in rules:
                yield CheckItem.from_parent(self, name=check.code, checks=[check])


class CheckItem(pytest.Item):
    """One check of a spec, or all rules of the linter."""

    parent: SpecNode

    def __init__(self, *, checks: Sequence[Check], **options: Any) -> None:
        super().__init__(**options)
        self.checks = checks
        self.runs = Runs.of(self.config)
        #: Why a failure was expected that does not happen.
        self.unexpected = ""
        self.told: dict[str, Any] = {"spec": self.parent.nodeid, "lines": []}
        self.add_marker("poolwise")
        self.add_marker(MARKERS[checks[0].stage])
        if self.config.getoption("dist", "no") == "loadgroup":
            self.add_marker(pytest.mark.xdist_group(str(self.path)))
        self.extra_keyword_matches.update(c.code for c in checks)
        self.extra_keyword_matches.update(c.name for c in checks)

    def runtest(self) -> None:
        """Judge: run the review if no other check of the spec has, and look at the answer."""
        findings = self._lint() if self.name == LINT else self._reviewed()
        self._record(findings)
        self._settle(findings)

    def _lint(self) -> list[Finding]:
        from ...checks import skipped
        from ..fitted.spec import NO_MODEL, FittedSpec

        if isinstance(self.parent.spec, FittedSpec):
            return [skipped(NO_MODEL)]
        return self.runs.lint(self.parent.spec)

    def _reviewed(self) -> list[Finding]:
        from ...checks import Verdict

        done = self.runs.ask(self.parent.spec)
        self._sum_up(done)
        mine = [f for f in done.findings if f.code == self.name]
        # A check that could not be asked because a stage stopped must not look like a skipped one.
        errors = {f.message: f for f in done.findings if f.verdict is Verdict.ERROR}
        stopped = [errors[f.message] for f in mine if f.message in errors]
        return stopped or mine

    def _sum_up(self, done: Review) -> None:
        self.told |= {"headline": done.verdict, "report": os.path.relpath(done.report)}

    def _record(self, findings: Sequence[Finding]) -> None:
        """Keep verdict, value and threshold of the most serious finding with the report."""
        from ...checks import SEVERITY

        worst = min(findings, key=lambda f: SEVERITY.index(f.verdict))
        self.user_properties += [
            (name, value)
            for name, value in (
                ("verdict", worst.verdict.value),
                ("value", worst.value),
                ("mcse", worst.mcse),
                ("threshold", worst.threshold),
                ("target", worst.where or None),
                ("check", worst.name if self.name != LINT else None),
            )
            if value is not None
        ]

    def _settle(self, findings: Sequence[Finding]) -> None:
        from ...checks import Verdict
        from ...reports.failures import failing, failure_lines

        bad = failing(findings, self.runs.fail_on)
        if bad:
            raise ChecksFailed(self._text(bad))
        by_verdict = {v: [f for f in findings if f.verdict is v] for v in Verdict}
        for finding in by_verdict[Verdict.WARN]:
            self.told["lines"].append(f"warning {finding.code}: {finding.message}")
            self.add_report_section("call", "poolwise", "\n".join(failure_lines(finding)))
        if by_verdict[Verdict.INCONCLUSIVE]:
            _skip("undecided: " + _joined(by_verdict[Verdict.INCONCLUSIVE]))
        if by_verdict[Verdict.EXPECTED]:
            pytest.xfail(_joined(by_verdict[Verdict.EXPECTED]))
        if len(by_verdict[Verdict.SKIPPED]) == len(findings):
            _skip(_joined(findings))
        self.unexpected = _joined([f for f in by_verdict[Verdict.NOTE] if f.expected])

    def _text(self, bad: Sequence[Finding]) -> str:
        from ...reports.failures import failure_lines

        path = os.path.relpath(self.path)
        if self.name == LINT:
            return "\n".join(
                f"{path}:{f.line}: {f.code} {f.message}" if f.line else f"{path}: {f.message}"
                for f in bad
            )
        lines = [line for f in bad for line in failure_lines(f, path, self.parent.spec.line)]
        return "\n".join([*lines, f"  report {self.told['report']}"])

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Say what was found; a traceback through poolwise helps nobody."""
        if isinstance(excinfo.value, ChecksFailed | SpecError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return file, line and name; pytest takes dots in the name for attributes."""
        spec = self.parent.spec
        name = self.checks[0].name if self.name != LINT else ""
        words = f"{spec.name} {self.name} {name}".strip()
        return self.path, (spec.line or 1) - 1, words.replace(".", "_")


def _joined(findings: Sequence[Finding]) -> str:
    return "; ".join(dict.fromkeys(f.message for f in findings))


def _skip(reason: str) -> None:
    raise pytest.skip.Exception(reason, _use_item_location=True)
