"""Whole reviews of models of other kinds: flat, discrete, counts, Bambi, the first spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from tests.workflow.judged import SMALL, of_code, statuses

import poolwise
from poolwise.checks import Verdict
from poolwise.workflow.cli import main
from poolwise.workflow.review import Review
from poolwise.workflow.specs.loading import load_specs

pytestmark = pytest.mark.slow


MODELS_OF_OTHER_KINDS = """
import numpy as np, pymc as pm, poolwise
from poolwise import Level

rng = np.random.default_rng(1)
GROUP = np.repeat(np.arange(8), 10)

def flat() -> pm.Model:
    with pm.Model() as model:
        mu = pm.Flat("mu")
        pm.Normal("y", mu, pm.HalfNormal("sigma", 5), observed=rng.normal(3, 2, size=30))
    return model

def switching() -> pm.Model:
    with pm.Model() as model:
        late = pm.Bernoulli("late", 0.5)
        mu = pm.Normal("mu", 0, 5)
        pm.Normal("y", mu + 3 * late, 1, observed=rng.normal(3, 1, size=30))
    return model

@poolwise.spec(levels={"site": Level(effect="log_rate", location="mu", scale="tau")})
def counts():
    with pm.Model(coords={"site": np.arange(8)}) as model:
        mu = pm.Normal("mu", 1, 1)
        tau = pm.HalfNormal("tau", 1)
        log_rate = pm.Normal("log_rate", mu, tau, dims="site")
        rate = np.exp(rng.normal(1, 0.5, size=8))[GROUP]
        pm.Poisson("y", pm.math.exp(log_rate[GROUP]), observed=rng.poisson(rate))
    return model
"""


@pytest.fixture(scope="session")
def others(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Review]:
    folder = tmp_path_factory.mktemp("others")
    (folder / "others.py").write_text(MODELS_OF_OTHER_KINDS)
    return {
        spec.name: poolwise.review(spec, output=folder / spec.name, draws=500, tune=1000)
        for spec in load_specs(str(folder / "others.py"))
    }


def test_a_flat_prior_is_skipped_with_its_reason(others: dict[str, Review]) -> None:
    review = others["flat"]
    assert statuses(review)["prior predictive"] == "skipped"
    assert review.exit_code() < 2
    prior = [f for f in review.findings if f.code.startswith("PRI2") and f.code != "PRI201"]
    assert {f.verdict for f in prior} == {Verdict.SKIPPED}
    assert any("improper" in f.message for f in prior)
    assert of_code(review, "SMP301")[0].verdict is Verdict.PASS


def test_a_discrete_latent_falls_back_and_says_so(others: dict[str, Review]) -> None:
    review = others["switching"]
    taken = of_code(review, "RUN002")
    assert taken[0].verdict is Verdict.NOTE
    assert "late is discrete" in taken[0].message
    assert set(review.data["posterior"].data_vars) >= {"late", "mu"}


def test_undeclared_levels_are_skipped_with_the_line_to_add(others: dict[str, Review]) -> None:
    review = others["switching"]
    for finding in review.findings:
        if finding.code[:3] in ("REG", "UNC"):
            assert finding.verdict is Verdict.SKIPPED
            assert "levels=" in finding.message


def test_another_likelihood_is_asked_the_same(others: dict[str, Review]) -> None:
    review = others["counts"]
    assert of_code(review, "REG604")[0].verdict is Verdict.PASS
    for code in ("REG602", "REG606", "UNC701", "UNC702", "UNC703"):
        found = of_code(review, code)
        assert found
        assert {f.verdict for f in found}.isdisjoint({Verdict.SKIPPED, Verdict.ERROR}), code
    swept = review.record.evidence.get("sweep")
    assert {f.attrs["parameter"] for f in swept.values()} >= {"tau"}


def test_first_spec_of_init_runs(tmp_path: Path) -> None:
    runner = CliRunner()
    file = tmp_path / "first.py"
    assert runner.invoke(main, ["init", str(file)]).exit_code == 0
    assert runner.invoke(main, ["init", str(file)]).exit_code == 2
    result = runner.invoke(main, ["review", str(file), "-q", "-o", str(tmp_path / "run"), *SMALL])
    assert result.exit_code in (0, 1), result.output
    assert result.output.splitlines()[-1] == str(tmp_path / "run" / "report.html")


def test_a_bambi_model_is_reviewed_as_it_is(tmp_path: Path) -> None:
    bmb = pytest.importorskip("bambi")
    import pandas as pd

    rng = np.random.default_rng(3)
    group = np.repeat(np.arange(8), 12)
    y = 5 + rng.normal(size=8)[group] + rng.normal(size=96)
    data = pd.DataFrame({"y": y, "g": group.astype(str)})

    def varying() -> Any:
        return bmb.Model("y ~ 1 + (1|g)", data)

    review = poolwise.review(varying, output=tmp_path, draws=500, tune=500)
    assert set(statuses(review).values()) == {"done"}
    pooling = review.record.evidence.get("pooling")["g"]
    assert pooling.weight_mean is not None
    np.testing.assert_array_equal(pooling.rows, np.full(8, 12))
    assert of_code(review, "UNC702")[0].verdict is Verdict.PASS
