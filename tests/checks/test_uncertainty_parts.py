"""Checks of predictions whose variance was split by integration, on a made-up binary outcome."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.testing import assert_allclose

from poolwise.checks import REGISTRY, Evidence, Verdict, examples
from poolwise.checks.decomposition import TARGETS, decompose
from poolwise.checks.draws import SAMPLE
from poolwise.checks.new_group import predict_new_group

CHAINS, DRAWS, ROWS = 4, 500, 60


def made_up(claimed: float = 1.0, *, infinite: bool = False) -> Evidence:
    """Return a level whose noise is ``claimed`` times what data were simulated with."""
    rng = np.random.default_rng(1)
    p = rng.beta(40, 60, size=(CHAINS, DRAWS, 3))
    group = np.arange(ROWS) % 3
    simulated = rng.random((CHAINS, DRAWS, ROWS)) < p[..., group]
    noise = claimed * (p * (1 - p)).mean(-1)
    if infinite:
        noise[0, 0] = np.inf
    deviation = ((p - p.mean((0, 1))) ** 2).mean(-1)
    parts = np.stack([np.stack([deviation, noise])])
    level = xr.Dataset(
        {
            "effect": ((*SAMPLE, "group"), p),
            "variance_parts": (("target", "part", "chain", "used_draw"), parts),
            "mean_of_target": (("target", "chain", "used_draw"), p.mean(-1)[None]),
            "squared_range": ("target", [0.01]),
            "why_no_variance": ("target", [""]),
            "split_group": ("outcome_row", group),
        },
        coords={
            "target": [TARGETS[1]],
            "part": ["group effect", "noise within groups"],
            "group": list("abc"),
        },
        attrs={"split_of": "y"},
    )
    sampler = examples.eight_schools()
    tree = xr.DataTree.from_dict(
        {
            "posterior": sampler.get("posterior"),
            "sample_stats": sampler.get("sample_stats"),
            "levels/clinic": level,
            "posterior_predictive": xr.Dataset({"y": ((*SAMPLE, "row"), simulated.astype(float))}),
        }
    )
    return Evidence(tree, {"top_level_priors": ["mu", "tau"], "outcomes": ["y"]})


def verdicts(code: str, evidence: Evidence) -> set[Verdict]:
    return {f.verdict for f in REGISTRY[code].run(evidence)}


def test_parts_are_compared_with_simulated_data() -> None:
    assert verdicts("UNC702", made_up()) == {Verdict.PASS}
    assert verdicts("UNC702", made_up(1.2)) == {Verdict.FAIL}


def test_an_infinite_variance_is_not_compared_and_not_passed() -> None:
    evidence = made_up(infinite=True)
    assert verdicts("UNC702", evidence) == {Verdict.INCONCLUSIVE}
    assert verdicts("UNC701", evidence) == {Verdict.INCONCLUSIVE}


def test_parts_are_summed_up() -> None:
    (found,) = decompose(made_up().get("levels")["clinic"], "clinic")
    assert found.target == TARGETS[1]
    assert [p.epistemic for p in found.parts] == [True, False]
    assert_allclose(found.total, sum(p.value for p in found.parts))
    assert all(p.mcse > 0 for p in found.parts)


def test_what_cannot_be_predicted_is_said() -> None:
    evidence = made_up()
    level = evidence.get("levels")["clinic"]
    said = xr.Dataset({"effect": level["effect"]}, attrs={"why_no_outcome": "y is a potential"})
    tree: Any = evidence.tree.assign({"levels": xr.DataTree.from_dict({"clinic": said})})
    other = Evidence(tree, evidence.declared)
    (finding,) = REGISTRY["UNC701"].run(other)
    assert finding.verdict is Verdict.SKIPPED
    assert "y is a potential" in finding.message


def test_draws_of_new_groups_are_summarised() -> None:
    rng = np.random.default_rng(2)
    values = np.stack([rng.normal(size=(4, 1000)), rng.poisson(3, size=(4, 1000))])
    level = xr.Dataset(
        {
            "location": (SAMPLE, np.zeros((4, 1000))),
            "scale": (SAMPLE, np.ones((4, 1000))),
            "new_group_draws": (("predicted", "chain", "predicted_draw"), values),
        },
        coords={"predicted": ["effect of a new group", "new observation in a new group"]},
    )
    effect, observation = predict_new_group(level, probability=0.8)
    assert abs(effect.low + 1.2816) <= 4 * effect.low_mcse
    assert (observation.low, observation.median, observation.high) == (1, 3, 5)
    assert abs(observation.mean - 3) <= 4 * observation.mcse
