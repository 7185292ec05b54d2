"""Power-scaling where the weights cannot be smoothed."""

from __future__ import annotations

import numpy as np
import xarray as xr

from poolwise.checks import Evidence, Verdict, examples, run_checks


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
