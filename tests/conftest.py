"""Reference values computed outside poolwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Reference = Callable[[str, str], Any]


@pytest.fixture(autouse=True)
def no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as on a desk: the command line notices GitHub Actions, and writes to its summary."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def expected() -> Reference:
    """Look a published or independently computed value up: ``expected(case, quantity)``.

    A quantity may be given by how it begins, as long as that is unambiguous.
    """
    rows = json.loads((Path(__file__).parent / "data" / "expected.json").read_text())

    def find(case: str, quantity: str) -> Any:
        exact = [r for r in rows if r["case"] == case and r["quantity"] == quantity]
        found = exact or [
            r for r in rows if r["case"] == case and r["quantity"].startswith(quantity)
        ]
        assert len(found) == 1, f"{len(found)} values for {case}: {quantity}"
        return found[0]["value"]

    return find
