"""Real runs to compare: one spec, reviewed again with one thing changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import poolwise
from poolwise.workflow.review import Review
from poolwise.workflow.specs.loading import load_specs

SPEC = """
import pymc as pm, poolwise

@poolwise.spec(
    decisions={"positive": lambda post: post["mu"] > 0},
    quantities={"best site": lambda post: post["theta"].max("site")},
)
def sites():
    with pm.Model(coords={"site": list("abcdef")}) as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfNormal("tau", 5)
        z = pm.Normal("z", 0, 1, dims="site")
        theta = pm.Deterministic("theta", mu + tau * z, dims="site")
        pm.Normal("y", theta, 3.0, observed=[1.0, 9.0, 4.0, -2.0, 5.0, 12.0], dims="site")
    return model
"""

Run = Callable[..., Review]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Review the spec in a folder of its own, with pieces of its text replaced.

    ``cached`` is a run whose finished stages may be used.
    """
    made: dict[str, Review] = {}

    def once(
        name: str, seed: int = 1, cached: Path | None = None, **replaced: tuple[str, str]
    ) -> Review:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            text = SPEC
            for old, new in replaced.values():
                assert old in text
                text = text.replace(old, new)
            file = folder / "models.py"
            file.write_text(text)
            if cached is not None:
                shutil.copytree(cached / "stages", folder / "run" / "stages")
            spec = load_specs(str(file))[0]
            made[name] = poolwise.review(
                spec, output=folder / "run", seed=seed, draws=500, tune=500, chains=2
            )
        return made[name]

    return once


@pytest.fixture(scope="session")
def base(run: Run) -> Path:
    return run("base").folder
