"""The pytest plugin: ``pytest --poolwise specs/``.

Every pytest run of every project that installs poolwise imports this module, so it imports nothing
but pytest. What collects and reviews specs is loaded when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ..review import Review

#: Marker of the checks of each stage: ``-m poolwise_sampling``.
MARKERS = {
    "specification": "poolwise_lint",
    "prior predictive": "poolwise_prior",
    "fit": "poolwise_sampling",
    "posterior predictive": "poolwise_posterior",
    "prior sensitivity": "poolwise_sensitivity",
    "regularization": "poolwise_pooling",
    "uncertainty": "poolwise_uncertainty",
    "run": "poolwise_run",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of ``poolwise review``, and the switch that makes pytest collect specs."""
    group = parser.getgroup("poolwise", "reviews of hierarchical Bayesian models")
    group.addoption(
        "--poolwise", action="store_true", help="collect model specs: one test per check"
    )
    group.addoption(
        "--poolwise-tier",
        choices=["lint", "prior", "full"],
        default="full",
        help="how deep to look: lint samples nothing, prior only simulates from the prior",
    )
    group.addoption(
        "--poolwise-fail-on",
        choices=["fail", "warn"],
        default="fail",
        help="warn: warnings and undecided questions fail too",
    )
    for name in ("select", "ignore"):
        group.addoption(
            f"--poolwise-{name}",
            type=_codes,
            default=[],
            metavar="CODES",
            help="only these checks: SMP,PPC401" if name == "select" else "all but these checks",
        )
    for name in ("draws", "tune", "chains", "seed"):
        group.addoption(f"--poolwise-{name}", type=int, metavar="N", help=f"{name} of every review")
    group.addoption(
        "--poolwise-output",
        default="poolwise_runs",
        metavar="DIR",
        help="where runs are kept, below the root of the project (poolwise_runs)",
    )
    parser.addini("poolwise_specs", "files and folders of model specs", type="paths", default=[])


def _codes(text: str) -> list[str]:
    return [code.strip() for code in text.split(",") if code.strip()]


def pytest_configure(config: pytest.Config) -> None:
    """Name the markers; start to collect specs when that is asked for."""
    config.addinivalue_line("markers", "poolwise: a check of a model spec")
    for stage, marker in MARKERS.items():
        config.addinivalue_line("markers", f"{marker}: a check of a model spec ({stage})")
    if config.getoption("poolwise") or config.getini("poolwise_specs"):
        from .specs import SpecPlugin

        config.pluginmanager.register(SpecPlugin(config), "poolwise-specs")


@pytest.fixture(scope="session", name="review")
def review_fixture(pytestconfig: pytest.Config) -> Callable[..., Review]:
    """Review a spec, once per session: ``review("specs/models.py::eight_schools", draws=500)``.

    Takes what ``poolwise.review`` takes. Sizes, seed, tier, selection and the folder of runs are
    those of the ``--poolwise-...`` options where the call does not say otherwise.
    """
    from .runs import Runs

    runs = Runs.of(pytestconfig)

    def review(spec: Any, **options: Any) -> Review:
        return runs.ask(spec, **options)

    return review
