"""What JSON says of a run is described by the schema, finite, and what the checks found."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import resources
from typing import Any

import jsonschema
import numpy as np
import pytest

from poolwise.checks import Evidence
from poolwise.checks.examples import eight_schools, with_poolings
from poolwise.checks.poolings import compare_poolings
from poolwise.reports.plain import levels, regularization, sensitivity
from poolwise.reports.record import ReviewRecord

Make = Callable[..., ReviewRecord]

PARTS = ("power_scaling", "alternatives", "sweep", "signs", "shares", "data_needed", "few_groups")


def described(*path: str) -> dict[str, Any]:
    """Return one place of the schema."""
    text = resources.files("poolwise.reports").joinpath("schema/run.schema.json").read_text()
    place: dict[str, Any] = json.loads(text)
    for key in path:
        place = place[key]
    return place


def faults(content: Any, *path: str) -> list[str]:
    """Return where content departs from one place of the schema."""
    validator = jsonschema.Draft202012Validator({**described(*path), "$defs": described()["$defs"]})
    # NaN is a number to Python and no JSON.
    json.dumps(content, allow_nan=False)
    return [f"{list(e.absolute_path)}: {e.message}" for e in validator.iter_errors(content)]


SENSITIVITY = ("then", "properties", "sensitivity")


@pytest.fixture(scope="module")
def three(make: Make) -> ReviewRecord:
    """Three groups, so that the common priors of their spread are compared."""
    return make(y=(28.0, 0.0, -10.0), sigma=(10.0, 10.0, 10.0), sweep_scales=(0.5, 60.0))


def test_every_part_of_the_sensitivity_is_there(three: ReviewRecord) -> None:
    found = sensitivity(three)
    assert faults(found, *SENSITIVITY) == []
    assert set(found) == {*PARTS, "why_not"}
    assert found["why_not"] == {}
    keys = [a["key"] for a in found["alternatives"]]
    assert keys == ["tau_0.5", "tau_60"]
    assert {c["alternative"] for c in found["sweep"]} == set(keys)
    events = {s["event"] for s in found["signs"]}
    assert events == {"mu > 0", *(f"school: above location[{g}]" for g in "ABC")}


def test_the_sensitivity_is_what_the_checks_found(three: ReviewRecord) -> None:
    found, evidence = sensitivity(three), three.evidence
    for sign in found["signs"]:
        mine = [c for c in evidence.get("sign_changes") if c.label == sign["event"]]
        assert sign["lowest"]["value"] == min(c.other.value for c in mine)
        assert sign["highest"]["value"] == max(c.other.value for c in mine)
        assert sign["base"]["mcse"] == mine[0].base.mcse > 0
    for share in found["shares"]:
        mine = [c for c in evidence.get("share_changes") if c.label == share["number"]]
        worst = max(mine, key=lambda c: abs(c.difference))
        assert share["furthest"] == {
            "alternative": worst.alternative,
            "value": worst.other.value,
            "mcse": worst.other.mcse,
        }
        sure = abs(abs(worst.difference) - 0.2) > 2 * worst.mcse
        assert share["moves"] == (abs(worst.difference) > 0.2 if sure else None)
    own, *others = found["few_groups"]["school"]["priors"]
    assert own["alternative"] == ""
    assert [p["alternative"] for p in others] == ["tau_0.5", "tau_60"]
    assert own["pooling_factor"]["value"] > others[1]["pooling_factor"]["value"]
    assert set(own["effects"]) == {"theta[A]", "theta[B]", "theta[C]"}


def test_a_fit_that_did_not_converge_decides_nothing(make: Make) -> None:
    found = sensitivity(make(sweep_scales=(10.0, 40.0), sweep_stuck=True))
    assert faults(found, *SENSITIVITY) == []
    assert {a["key"]: a["converged"] for a in found["alternatives"]} == {
        "tau_10": True,
        "tau_40": False,
    }
    for row in (*found["signs"], *found["shares"]):
        assert {row[k]["alternative"] for k in ("lowest", "highest", "furthest")} == {"tau_10"}
    assert "few_groups" in found["why_not"]


def test_more_data_than_can_be_counted_is_null_with_a_reason(make: Make) -> None:
    # Under a prior that stops far below the spread no data would do.
    evidence = eight_schools(sweep_scales=(2.5,))
    fit = evidence.tree["sweep/tau_2.5"]
    fit["prior_ratio"] = -1e6 * (fit["log_spread_at"] > -3)
    found = sensitivity(replace(make(), evidence=evidence))["data_needed"]["school"]
    assert found["times_rows"] is None
    assert found["groups_needed"]["median"] is None
    assert set(found["why_no_number"]) >= {"times_rows", "groups_needed: median"}


def test_what_is_missing_has_its_reason(make: Make) -> None:
    found = sensitivity(make(drop=["log_prior"]))
    assert faults(found, *SENSITIVITY) == []
    assert set(found) == {"why_not"}
    assert set(found["why_not"]) == set(PARTS)
    assert found["why_not"]["alternatives"] == "no alternative prior was fitted"
    assert found["why_not"]["power_scaling"] == "no log-prior per draw"


def test_a_part_that_cannot_be_computed_costs_only_itself(three: ReviewRecord) -> None:
    class Broken(Evidence):
        def why_missing(self, name: str) -> str:
            if name == "data_needed":
                raise ZeroDivisionError("no groups")
            return super().why_missing(name)

    broken = Broken(three.evidence.tree, three.evidence.declared)
    found = sensitivity(replace(three, evidence=broken))
    assert found["why_not"] == {
        "data_needed": "it could not be computed: ZeroDivisionError: no groups"
    }
    assert set(found) == {*PARTS, "why_not"} - {"data_needed"}


def numbers(content: Any) -> Iterator[float]:
    if isinstance(content, dict):
        for value in content.values():
            yield from numbers(value)
    elif isinstance(content, list):
        for value in content:
            yield from numbers(value)
    elif isinstance(content, float):
        yield content


def test_poolings_say_how_each_predicts() -> None:
    data = with_poolings(between=40.0, believed=1.0).tree["poolings/school"].to_dataset()
    compared = compare_poolings(data, "school")
    found = levels._poolings(compared)
    assert faults(found, "$defs", "poolings") == []
    assert [(c["left_out"], c["compared_with"]) for c in found["contrasts"]] == [
        ("row", "no"),
        ("row", "complete"),
    ]
    against = found["contrasts"][0]
    elpd = data["loo_elpd"].values
    assert against["difference"] == pytest.approx((elpd[1] - elpd[0]).sum())
    assert against["clear"]
    assert [e["no"]["mean"] for e in found["estimates"]] == list(data["estimate_mean"].values[0])
    assert all(np.isfinite(v) for v in numbers(found))


def test_a_group_without_an_estimate_is_null() -> None:
    data = with_poolings(between=10.0, believed=10.0).tree["poolings/school"].to_dataset()
    data = data.copy(deep=True)
    for statistic in ("mean", "sd", "low", "high", "mcse"):
        data[f"estimate_{statistic}"].values[0, 3] = np.nan
    data.attrs["why_no_complete"] = "it has no common mean"
    found = levels._poolings(compare_poolings(data, "school"))
    assert faults(found, "$defs", "poolings") == []
    assert found["unestimated"] == 1
    assert [e["group"] for e in found["estimates"] if e["no"] is None] == ["D"]
    assert all(e["complete"] is None for e in found["estimates"])
    assert found["why_not"] == {"complete": "it has no common mean"}
    assert set(found["converged"]) == {"no", "partial"}


def test_levels_are_described_and_say_why_they_were_not_compared() -> None:
    (level,) = regularization(eight_schools()).values()
    assert faults(level, "$defs", "level") == []
    assert set(level) == set(described("$defs", "level")["properties"])
    assert level["poolings"] is None
    assert level["why_no_poolings"] == (
        "no level was fitted without pooling and with complete pooling"
    )
