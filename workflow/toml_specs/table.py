"""A table of a TOML file that knows where it stands: values by type, errors with file and line."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import SpecError
from .lines import Place, key_lines

_KINDS: Mapping[str, tuple[type, ...]] = {
    "text": (str,),
    "a number": (int, float),
    "a whole number": (int,),
    "true or false": (bool,),
    "a table": (dict,),
    "a list": (list,),
}


def closest(name: str, known: Collection[str]) -> str:
    """Return a question for the name that was meant, or nothing."""
    close = difflib.get_close_matches(name, list(known), 1)
    return f"did you mean {close[0]}?" if close else ""


@dataclass(frozen=True, slots=True)
class TomlFile:
    """A TOML file, read once.

    Attributes
    ----------
    path : str
        As the user wrote it.
    text : str
    lines : mapping
        Line of every key.
    """

    path: str
    text: str
    lines: Mapping[Place, int]


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a file.

    Attributes
    ----------
    file : TomlFile
    values : mapping
        What :mod:`tomllib` read.
    at : tuple
        The keys that lead to it.
    elsewhere : mapping of str to tuple
        The keys that lead to values which stand in another table.
    """

    file: TomlFile
    values: Mapping[str, Any]
    at: Place = ()
    elsewhere: Mapping[str, Place] = field(default_factory=dict)

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def place(self, *keys: str | int) -> Place:
        """Return the keys that lead from the file to a value."""
        head = self.elsewhere.get(str(keys[0])) if keys else None
        return (*self.at, *keys) if head is None else (*head, *keys[1:])

    def line(self, *keys: str | int) -> int:
        """Return the line of a value, or of the closest table around it."""
        place = self.place(*keys)
        while place and place not in self.file.lines:
            place = place[:-1]
        return self.file.lines.get(place, 1)

    def line_with(self, text: str) -> int | None:
        """Return the line of the key of this table, or of the value, that says something."""
        for place, line in self.file.lines.items():
            if place[: len(self.at)] == self.at and place[-1] == text:
                return line
        lines = self.file.text.splitlines()
        return next(
            (i for i, said in enumerate(lines, 1) if i >= self.line() and f'"{text}"' in said), None
        )

    def error(self, problem: str, *keys: str | int, expected: str = "", do: str = "") -> SpecError:
        """Return an error at the line of a value."""
        return SpecError(
            problem, path=self.file.path, line=self.line(*keys), expected=expected, do=do
        )

    def only(self, known: Collection[str], what: str) -> None:
        """Refuse keys that nobody reads.

        Raises
        ------
        SpecError
            With the key that was probably meant.
        """
        for key in self.values:
            if key not in known:
                raise self.error(
                    f"{what} has no option {key!r}",
                    key,
                    expected=f"one of {', '.join(known)}",
                    do=closest(key, known),
                )

    def get(self, key: str, kind: str, default: Any = None) -> Any:
        """Return a value of a kind (a key of ``_KINDS``), or the default when it is not there.

        Raises
        ------
        SpecError
            If it is of another kind.
        """
        if key not in self.values:
            return default
        return self._of_kind(self.values[key], kind, key)

    def need(self, key: str, kind: str, what: str, example: str) -> Any:
        """Return a value that must be there."""
        if key not in self.values:
            raise self.error(f"{what} has no {key!r}", expected=example)
        return self.get(key, kind)

    def table(self, key: str) -> Table:
        """Return the table under a key; an empty one when it is not there."""
        return Table(self.file, self.get(key, "a table", {}), self.place(key))

    def tables(self, key: str) -> list[Table]:
        """Return the tables of a list: ``[[key]]`` or ``key = [{...}]``."""
        values = self.get(key, "a list", [])
        return [
            Table(self.file, self._of_kind(v, "a table", key, i), self.place(key, i))
            for i, v in enumerate(values)
        ]

    def list_of(self, key: str, kind: str) -> list[Any]:
        """Return a list of values of one kind; one such value stands for a list of it."""
        value = self.values.get(key, [])
        if not isinstance(value, list):
            return [self._of_kind(value, kind, key)]
        return [self._of_kind(v, kind, key, i) for i, v in enumerate(value)]

    def _of_kind(self, value: Any, kind: str, *keys: str | int) -> Any:
        is_flag = isinstance(value, bool) and kind != "true or false"
        if is_flag or not isinstance(value, _KINDS[kind]):
            raise self.error(
                f"{keys[0]} is {kind_of(value)}", *keys, expected=f"{kind} for {keys[0]}"
            )
        return value


def kind_of(value: Any) -> str:
    """Return what a TOML value is, in words."""
    found = [k for k, types in _KINDS.items() if type(value) in types]
    return found[-1] if found else f"a {type(value).__name__}"


def read_toml(path: str) -> Table:
    """Read a TOML file.

    Raises
    ------
    SpecError
        If it is not there or malformed; with the line.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or error
        raise SpecError(f"cannot be read: {said}", path=path, expected="a TOML file") from error
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        last = len(text.rstrip().split("\n"))
        raise SpecError(
            f"is no TOML: {error}",
            path=path,
            line=int(found[1]) if found else last,
            expected='key = value, with text in quotes: formula = "y ~ 1 + (1|group)"',
        ) from error
    return Table(TomlFile(path, text, key_lines(text.replace("\r\n", "\n"))), values)
