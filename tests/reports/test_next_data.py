"""What a report says about collecting more, and about a group without data."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from poolwise.checks import examples, predict_new_group, what_to_collect
from poolwise.checks.draws import SAMPLE
from poolwise.reports.blocks import Block, Note, Table
from poolwise.reports.next_data import collecting, new_group
from poolwise.reports.numbers import num


def parts(blocks: list[Block]) -> tuple[str, Table]:
    note, table = blocks
    assert isinstance(note, Note)
    assert not note.gap
    assert isinstance(table, Table)
    for row in table.rows:
        assert len(row) == len(table.columns)
        assert not any("nan" in str(cell) for cell in row)
    return note.text, table


def schools() -> xr.Dataset:
    level: xr.Dataset = examples.eight_schools().get("levels")["school"]
    return level


def normal_level(tau: float, rows: int, groups: int) -> xr.Dataset:
    rng = np.random.default_rng(0)
    size = (4, 500)
    scale = tau * np.exp(0.1 * rng.normal(size=size))
    return xr.Dataset(
        {
            "effect": ((*SAMPLE, "group"), rng.normal(size=(*size, groups))),
            "location": (SAMPLE, rng.normal(size=size)),
            "scale": (SAMPLE, scale),
            "information": ((*SAMPLE, "group"), np.full((*size, groups), float(rows))),
        }
    )


def test_rows_for_the_observed_and_groups_for_the_new() -> None:
    text, table = parts(collecting("school", normal_level(1.0, 20, 6), unit="points"))
    assert "To know the observed groups better, collect more rows per group" in text
    assert "to predict new ones better, collect more groups" in text
    assert "50%" in text  # twice the groups halve what is not known of their mean
    assert "(points²)" in table.caption
    assert [row[0] for row in table.rows][2] == "effect of a new group"


def test_numbers_are_those_of_the_check() -> None:
    _, table = parts(collecting("school", schools(), location_sd=5.0))
    found = what_to_collect(schools(), location_sd=5.0)
    for row, one in zip(table.rows, found, strict=True):
        assert str(row[2]).startswith(num(one.more_rows.mean))
        assert str(row[5]).startswith(num(one.total))


def test_no_advice_where_both_are_worth_the_same() -> None:
    text, _ = parts(collecting("school", normal_level(0.0, 5, 4)))
    assert "Rows and groups are worth the same here." in text


def test_medians_are_called_so() -> None:
    level = normal_level(1.0, 5, 4)
    wild = np.random.default_rng(1).pareto(0.8, size=(4, 500)) + 1
    _, table = parts(collecting("school", level.assign(scale=(SAMPLE, wild))))
    assert table.rows[2][6] == "medians"
    assert "±" not in str(table.rows[2][1])
    assert table.note


def test_without_a_closed_form_the_reason_is_given() -> None:
    level = normal_level(1.0, 5, 4)
    level["location"] = level["location"] * xr.DataArray([1.0, 2, 3, 4], dims="group")
    (note,) = collecting("school", level)
    assert isinstance(note, Note)
    assert note.gap
    assert "one common location" in note.text


@pytest.mark.parametrize("unit", ["", "SAT points"])
def test_effect_and_observation_stand_together(unit: str) -> None:
    text, table = parts(new_group("school", schools(), unit=unit))
    effect, observation = predict_new_group(schools())
    assert f"between {num(effect.low)} and {num(effect.high)}" in text
    assert f"observation in it between {num(observation.low)} and {num(observation.high)}" in text
    assert len(table.rows) == 2
    assert ("(SAT points)" in table.caption) == bool(unit)


def test_an_observation_without_noise_is_not_predicted() -> None:
    text, table = parts(new_group("school", normal_level(1.0, 5, 4)))
    assert "not predicted" in text
    assert len(table.rows) == 1
