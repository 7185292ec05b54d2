"""Lines of TOML keys: every key that tomllib reads has one, and it is the right one."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwise.workflow.toml_specs.lines import Place, key_lines

TEXT = r"""# a comment with key = 1 and [table]
name = "a # no comment, no [table]"
"quoted key" = 'its'
dotted . "with space" = 1

[priors]      # after a header
Intercept = {dist = "Normal", mu = 1.5e3, sigma = {dist = "HalfNormal", sigma = 2}}
"1|county" = { dist = "Normal", "sig\u006da" = 1 }
text = '''
key = "inside a text"
[inside]
'''
more = QQQ
a "quoted" \QQQ end = 3""QQQ
date = 1979-05-27T07:32:00Z

[[expect]]
of = "y"
between = [ # a comment ]
  1,
  2.5, # and , another
]

[[expect]]
of = "z"

[[expect.deep]]
x = true
[expect.deep.table]
w = 1

[alternatives]
tau = [
  {dist = "HalfNormal", sigma = 1},
  {dist = "Exponential", lam = 2},
]
""".replace("QQQ", '"' * 3)


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    if place:
        yield place
    children = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        children = enumerate(value)  # type: ignore[assignment]
    for key, child in children:
        yield from places(child, (*place, key))


def line_with(text: str) -> int:
    return next(i for i, line in enumerate(TEXT.splitlines(), 1) if text in line)


def test_every_key_has_the_line_it_stands_on() -> None:
    found = key_lines(TEXT)

    assert set(found) == set(places(tomllib.loads(TEXT)))
    for place, text in {
        ("name",): "name =",
        ("quoted key",): '"quoted key"',
        ("dotted", "with space"): "dotted .",
        ("priors",): "[priors]",
        ("priors", "Intercept", "sigma", "sigma"): "Intercept",
        ("priors", "1|county", "sigma"): "1|county",
        ("priors", "more"): "more =",
        ("priors", "date"): "date =",
        ("expect", 0): "[[expect]]",
        ("expect", 0, "between", 1): "2.5,",
        ("expect", 1, "of"): 'of = "z"',
        ("expect", 1, "deep", 0, "x"): "x = true",
        ("expect", 1, "deep", 0, "table", "w"): "w = 1",
        ("alternatives", "tau", 0, "dist"): 'HalfNormal", sigma = 1}',
        ("alternatives", "tau", 1, "lam"): "lam = 2},",
    }.items():
        assert found[place] == line_with(text), place


KEYS = st.text(min_size=1, max_size=8)
LEAVES = st.one_of(
    st.integers(-10, 10),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
)
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        LEAVES,
        lambda v: st.lists(v, max_size=3) | st.dictionaries(KEYS, v, max_size=3),
        max_leaves=8,
    ),
    min_size=1,
    max_size=5,
)


def quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(c):08x}" if not c.isalnum() else c for c in text) + '"'


def written(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return quoted(value)
        case dict():
            return "{" + ", ".join(f"{quoted(k)} = {written(v)}" for k, v in value.items()) + "}"
        case list():
            return "[\n" + ",\n".join(written(v) for v in value) + "\n]"
    return repr(float(value)) if isinstance(value, float) else str(value)


@settings(max_examples=60, deadline=None)
@given(TREES, st.sampled_from(["values", "tables", "array"]))
def test_any_document_is_walked_over_whole(tree: dict[str, Any], form: str) -> None:
    if form == "values":
        text = "\n".join(f"{quoted(k)} = {written(v)} # = [x" for k, v in tree.items())
    else:
        marks = ("[", "]") if form == "tables" else ("[[", "]]")
        text = "\n".join(
            f"{marks[0]}{quoted(k)}{marks[1]}\nvalue = {written(v)}\n" for k, v in tree.items()
        )
    found = key_lines(text)

    lines = text.split("\n")
    assert set(found) == set(places(tomllib.loads(text)))
    for place, line in found.items():
        if isinstance(place[-1], str):
            assert place[-1] in lines[line - 1] or quoted(place[-1]) in lines[line - 1]


@pytest.mark.parametrize("text", ["a = [1, 2", "[a\nb = 1", "a = = 1", "=", "a = {b = ", '"a'])
def test_a_broken_document_ends(text: str) -> None:
    assert all(line >= 1 for line in key_lines(text).values())
