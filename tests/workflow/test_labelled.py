"""A model written with pymc.dims, reviewed from beginning to end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pymc as pm
import pytest

import poolwise
from poolwise.checks import Verdict

GROUP = np.repeat(np.arange(6), 8)
Y = np.random.default_rng(3).normal(size=GROUP.size) + np.linspace(-2, 2, 6)[GROUP]


def labelled() -> pm.Model:
    import pymc.dims as pmd

    with pm.Model(coords={"site": range(6), "row": range(GROUP.size)}) as model:
        group = pmd.Data("group", GROUP, dims="row")
        mu, tau = pmd.Normal("mu", 0, 1), pmd.HalfNormal("tau", 1)
        theta = pmd.Normal("theta", mu, tau, dims="site")
        sigma = pmd.HalfNormal("sigma", 1)
        data = pmd.as_xtensor(Y, dims=("row",))
        pmd.Normal("y", theta.isel(site=group), sigma, observed=data)
    return model


@pytest.mark.slow
def test_a_labelled_model_is_reviewed_and_its_sweep_says_why_it_is_not_there(
    tmp_path: Path,
) -> None:
    review = poolwise.review(labelled, output=tmp_path, draws=200, tune=300, chains=2)
    status = {s.name: s.status for s in review.record.stages}
    assert status.pop("prior sensitivity") == "skipped"
    assert set(status.values()) == {"done"}
    assert not [f for f in review.findings if f.verdict is Verdict.ERROR]
    assert "pymc.dims" in review.record.evidence.why_missing("sweep")
    pooling = review.record.evidence.get("pooling")["site"]
    assert pooling.mean_weight is not None
    assert list(pooling.rows) == [8] * 6
