"""The hierarchy of a spec, printed without sampling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from poolwise.workflow.cli import main

MODELS = Path(__file__).parents[2] / "tutorials" / "models"


@pytest.fixture(autouse=True)
def no_sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    import nutpie
    import pymc as pm

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("something was sampled")

    monkeypatch.setattr(nutpie, "compile_pymc_model", refuse)
    monkeypatch.setattr(pm, "sample", refuse)


def show(target: Path) -> str:
    result = CliRunner().invoke(main, ["show", str(target)])
    assert result.exit_code == 0, result.output
    return result.output


def test_radon_is_read_without_a_declaration() -> None:
    shown = show(MODELS / "radon.py")
    assert "level county: 85 groups" in shown
    assert "effect alpha (non-centred), scale tau" in shown
    assert "rows per group: 1 to 116, median 5" in shown
    assert "tau ~ HalfNormal(1)  spread between groups" in shown
    assert "offset" not in shown


def test_flat_priors_are_shown_without_rows(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text(
        """
import pymc as pm

def flat() -> pm.Model:
    with pm.Model() as model:
        theta = pm.Normal("theta", pm.Flat("mu"), pm.HalfNormal("tau", 1), shape=3)
        pm.Normal("y", theta, 1, observed=[1.0, 2.0, 4.0])
    return model
"""
    )
    shown = show(tmp_path / "models.py")
    assert "level theta: 3 groups" in shown
    assert "the prior is improper" in shown


def test_bad_specs_are_one_message(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["show", str(tmp_path / "nowhere.py")])
    assert result.exit_code == 2
    assert "no such file" in result.output
