"""What a project says once for all its specs: ``[tool.poolwise]`` of its ``pyproject.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...checks import REGISTRY, ExpectedFailure
from ..errors import SpecError
from .spec import ModelSpec

_CODES = ("select", "ignore")
_EXPECTED = "expected_failures"


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """``[tool.poolwise]``.

    Attributes
    ----------
    select : tuple of str
        Codes of the linter's rules, or how they begin: the only ones that are asked.
    ignore : tuple of str
        Codes of checks, or how they begin: they are not asked, neither by the linter nor in a
        review.
    expected_failures : tuple of (str, ExpectedFailure)
        Each with the name of its spec; an empty name stands for every spec.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    expected_failures: tuple[tuple[str, ExpectedFailure], ...] = ()

    def ignored_in(self, spec: ModelSpec, ignore: Sequence[str] = ()) -> list[str]:
        """Return the codes that nobody asks of a spec: given, its own and the project's."""
        return [*ignore, *spec.ignore, *self.ignore]

    def expected_of(self, spec: ModelSpec) -> list[ExpectedFailure]:
        """Return the failures expected of a spec: its own, then the project's.

        Raises
        ------
        SpecError
            If one of them names no check, or a review that breaks off.
        """
        shared = [this for name, this in self.expected_failures if name in ("", spec.name)]
        expected = [*spec.expected_failures, *shared]
        for this in expected:
            _can_be_expected(this, spec)
        return expected


def _can_be_expected(this: Any, spec: ModelSpec) -> None:
    code = getattr(this, "code", "")
    where: dict[str, Any] = {"path": spec.path, "line": spec.line_with(code) or spec.line}
    if not isinstance(this, ExpectedFailure):
        raise SpecError(
            f"expected_failures: {this!r} is no expected failure",
            **where,
            expected='ExpectedFailure(code="PPC401", reason="...", until="2027-03-01")',
        )
    if code not in REGISTRY:
        raise SpecError(
            f"expected_failures: there is no check {code}",
            **where,
            do="poolwise list shows the codes",
        )
    if code == "RUN001":
        raise SpecError(
            "expected_failures: a review that breaks off (RUN001) cannot be expected",
            **where,
            do="mend the stage that stops, or leave it out with --tier",
        )


def project_settings(path: str) -> ProjectSettings:
    """Return the settings of the nearest ``pyproject.toml`` above a spec.

    Raises
    ------
    SpecError
        If the file cannot be read, or an option is unknown or has another form.
    """
    if not path:
        return ProjectSettings()
    folders = Path(path).resolve().parents
    file = next((f / "pyproject.toml" for f in folders if (f / "pyproject.toml").is_file()), None)
    if file is None:
        return ProjectSettings()
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("poolwise", {})
    except (OSError, ValueError) as error:
        raise SpecError(f"cannot be read: {error}", path=str(file)) from error
    known = (*_CODES, _EXPECTED)
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise SpecError(
            f"[tool.poolwise] has no option {', '.join(unknown)}",
            path=str(file),
            expected=f"one of {', '.join(known)}",
        )
    select, ignore = (_codes(table, name, file) for name in _CODES)
    return ProjectSettings(select, ignore, _expected(table, file))


def _codes(table: Mapping[str, Any], name: str, file: Path) -> tuple[str, ...]:
    codes = table.get(name, [])
    if not isinstance(codes, list) or not all(isinstance(c, str) for c in codes):
        raise SpecError(
            f"[tool.poolwise] {name} is no list of codes",
            path=str(file),
            expected=f'{name} = ["SPC104"]',
        )
    for code in codes:
        if not any(known.startswith(code) for known in REGISTRY):
            raise SpecError(
                f"[tool.poolwise] {name}: no check has a code starting with {code!r}",
                path=str(file),
                expected="codes such as SMP301, or how they begin: SMP",
            )
    return tuple(codes)


def _expected(table: Mapping[str, Any], file: Path) -> tuple[tuple[str, ExpectedFailure], ...]:
    entries = table.get(_EXPECTED, [])
    try:
        if not isinstance(entries, list):
            raise TypeError("it is no list of tables")
        return tuple(
            (
                entry.get("spec", ""),
                ExpectedFailure(**{k: v for k, v in entry.items() if k != "spec"}),
            )
            for entry in entries
        )
    except (AttributeError, TypeError, ValueError) as error:
        raise SpecError(
            f"[[tool.poolwise.{_EXPECTED}]]: {_plainly(error)}",
            path=str(file),
            expected='code = "PPC401", reason = "...", until = 2027-03-01, and at will where = '
            '"theta" and spec = "eight_schools"',
        ) from error


def _plainly(error: Exception) -> str:
    return str(error).replace("ExpectedFailure.__init__()", "an entry")
