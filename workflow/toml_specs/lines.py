"""Where the keys of a TOML file stand: :mod:`tomllib` reads values and keeps no lines."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping

#: A key, and the keys and positions that lead to it: ``("expect", 0, "between")``.
Place = tuple[str | int, ...]

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_KEY = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|[A-Za-z0-9_-]+")
_TEXT = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|' + r"'''.*?'{3,5}|" + r'"(?:[^"\\\n]|\\.)*"|' + r"'[^'\n]*'",
    re.DOTALL,
)
_BARE = re.compile(r"[^\s,\]}#][^,\]}#\n]*")


def key_lines(text: str) -> Mapping[Place, int]:
    """Return the line of every key, table and array element of a TOML text.

    Parameters
    ----------
    text : str
        TOML that :mod:`tomllib` accepts; anything else gives lines up to the fault.
    """
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


class _Scanner:
    """Walks over valid TOML once. What a value is does not matter, only where it ends."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Place, int] = {}
        self._starts = [0, *(m.end() for m in re.finditer("\n", text))]
        self._elements: dict[Place, int] = {}

    def document(self) -> None:
        table: Place = ()
        self._skip(_SPACE)
        while self.at < len(self.text):
            start = self.at
            if self._take("[["):
                table = self._header(self._keys(), is_array=True)
                self._take("]]")
            elif self._take("["):
                table = self._header(self._keys(), is_array=False)
                self._take("]")
            else:
                self._pair(table)
            self._skip(_SPACE)
            if self.at == start:
                return

    def _header(self, keys: list[str], *, is_array: bool) -> Place:
        place: Place = ()
        line = self._line()
        for i, key in enumerate(keys):
            place = (*place, key)
            self.lines.setdefault(place, line)
            if is_array and i == len(keys) - 1:
                self._elements[place] = self._elements.get(place, 0) + 1
            if place in self._elements:
                place = (*place, self._elements[place] - 1)
                self.lines.setdefault(place, line)
        return place

    def _pair(self, table: Place) -> None:
        line = self._line()
        place = table
        for key in self._keys():
            place = (*place, key)
            self.lines.setdefault(place, line)
        self._skip(_BLANK)
        self._take("=")
        self._skip(_BLANK)
        self._value(place)

    def _value(self, place: Place) -> None:
        if self._take("["):
            self._items(place, "]")
        elif self._take("{"):
            self._items(place, "}")
        elif not self._match(_TEXT):
            self._match(_BARE)

    def _items(self, place: Place, end: str) -> None:
        """Walk over an array or an inline table up to its end."""
        count = 0
        self._skip(_SPACE)
        while self.at < len(self.text) and not self._take(end):
            start = self.at
            if end == "]":
                self.lines.setdefault((*place, count), self._line())
                self._value((*place, count))
                count += 1
            else:
                self._pair(place)
            self._skip(_SPACE)
            self._take(",")
            self._skip(_SPACE)
            if self.at == start:
                return

    def _keys(self) -> list[str]:
        keys: list[str] = []
        while True:
            self._skip(_BLANK)
            raw = self._match(_KEY)
            if not raw:
                return keys
            keys.append(_decoded(raw))
            self._skip(_BLANK)
            if not self._take("."):
                return keys

    def _line(self) -> int:
        return bisect_right(self._starts, self.at)

    def _take(self, text: str) -> bool:
        found = self.text.startswith(text, self.at)
        self.at += len(text) if found else 0
        return found

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return found[0] if found else ""

    def _skip(self, pattern: re.Pattern[str]) -> None:
        self._match(pattern)


def _decoded(raw: str) -> str:
    """Return a key as :mod:`tomllib` would name it."""
    return str(tomllib.loads(f"key = {raw}")["key"]) if raw[0] in "\"'" else raw
