"""Power-scaling where the weights cannot be smoothed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import xarray as xr

from poolwise.checks import Evidence, Finding, Verdict, examples, run_checks
from poolwise.checks.conclusion import conclude


def stuck(evidence: Evidence, share: float) -> Evidence:
    """Let the chains stand still at the smallest log prior for a share of their draws."""
    tree = evidence.tree.copy(deep=True)
    prior = tree["log_prior"].to_dataset()
    still = int(share * prior.sizes["draw"])
    for variable in prior.data_vars.values():
        variable[:, :still] = float(variable.min())
    tree["log_prior"] = xr.DataTree(prior)
    return Evidence(tree, evidence.declared)


def test_weights_with_one_value_in_their_tail_are_undecided() -> None:
    found = run_checks(stuck(examples.eight_schools(), 0.4), select=["SEN501"])
    assert {f.verdict for f in found} == {Verdict.INCONCLUSIVE}
    assert all("a chain is stuck" in f.message for f in found)
    assert all(f.value is None or np.isfinite(f.value) for f in found)


def finding(code: str, verdict: Verdict, where: str) -> Finding:
    return Finding(verdict=verdict, message="", code=code, where=where)


def test_the_verdict_says_where_the_priors_are_followed() -> None:
    """Once: where the prior sets the pooling of a level, that has been said already."""
    held = finding("SEN503", Verdict.PASS, "tau")
    strong = finding("SEN501", Verdict.WARN, "best school")
    said = conclude([held, strong]).sentence
    assert "The data say too little to overrule the priors: best school follows them." in said
    pooled = finding("REG601", Verdict.WARN, "school")
    amount = replace(finding("SEN508", Verdict.NOTE, "school"), result="about 6000 groups")
    moved = finding("SEN503", Verdict.WARN, "tau")
    said = conclude([moved, strong, pooled, amount]).sentence
    assert "too little to overrule" not in said
    assert "For the data to decide, about 6000 groups of school would be needed." in said
    unclear = finding("SEN501", Verdict.INCONCLUSIVE, "best school")
    assert "too little to overrule" not in conclude([held, unclear]).sentence
