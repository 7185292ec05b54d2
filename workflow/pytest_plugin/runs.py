"""The reviews of one pytest session: each spec is run once, when the first of its checks asks."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ...checks import Finding
    from ..review import Review
    from ..specs.spec import ModelSpec


@dataclass(slots=True)
class Runs:
    """What was reviewed in this session, and how reviews are run in it.

    Attributes
    ----------
    root, output : Path
        Of the project, and of its runs.
    tier, fail_on : str
    select, ignore : sequence of str
    sizes : dict of str to int
        Draws, tune, chains and seed, where the command line names them.
    """

    root: Path
    output: Path
    tier: str
    fail_on: str
    select: Sequence[str]
    ignore: Sequence[str]
    sizes: dict[str, int]
    _done: dict[str, Review | Exception] = field(default_factory=dict)

    @classmethod
    def of(cls, config: pytest.Config) -> Runs:
        """Return the runs of the session."""
        if _RUNS not in config.stash:
            given = {n: config.getoption(f"poolwise_{n}") for n in _SIZES}
            config.stash[_RUNS] = cls(
                root=config.rootpath,
                output=config.rootpath / config.getoption("poolwise_output"),
                tier=config.getoption("poolwise_tier"),
                fail_on=config.getoption("poolwise_fail_on"),
                select=config.getoption("poolwise_select"),
                ignore=config.getoption("poolwise_ignore"),
                sizes={name: value for name, value in given.items() if value is not None},
            )
        return config.stash[_RUNS]

    def ask(self, spec: Any, **options: Any) -> Review:
        """Return the review of a spec, running it the first time.

        Raises
        ------
        Exception
            What the run raised, again for everyone who asks.
        """
        from ..review import review
        from ..testing import spec_of

        with usual_warnings():
            this = spec_of(spec, self.root)
            usual = {
                "tier": self.tier,
                "select": self.select,
                "ignore": self.ignore,
                **self.sizes,
            }
            own = {k: v for k, v in options.items() if k not in usual or usual[k] != v}
            asked: dict[str, Any] = {"output": self.folder(this, own), **usual, **own}
            key = repr((this.path, this.name, this.line, sorted(asked.items())))
            if key not in self._done:
                try:
                    self._done[key] = review(this, **asked)
                except Exception as error:
                    self._done[key] = error
        found = self._done[key]
        if isinstance(found, Exception):
            raise found
        return found

    def lint(self, spec: ModelSpec) -> list[Finding]:
        """Return what the linter finds; nothing is run."""
        from ..lint import lint

        rules = [code for code in self.select if code.startswith("SPC")]
        with usual_warnings():
            return lint(spec, select=rules, ignore=self.ignore)

    def folder(self, spec: ModelSpec, own: Mapping[str, Any]) -> Path:
        """Return where the run of a spec is kept.

        No two specs of a project share a folder, and a test that asks for a review with options of
        its own does not replace the report of the usual one.
        """
        words = "-".join(f"{name}-{value}" for name, value in sorted(own.items()))
        name = "-".join([spec.name, *([re.sub(r"[^\w.-]+", "_", words)] if words else [])])
        if not spec.path:
            return self.output / name
        inside = Path(os.path.relpath(spec.path, self.root)).with_suffix("")
        parts = [part for part in inside.parts if part != os.pardir]
        return self.output.joinpath(*parts, name)


@contextmanager
def usual_warnings() -> Iterator[None]:
    """Run with Python's usual filters: a project that turns warnings into errors means its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        yield


_SIZES = ("draws", "tune", "chains", "seed")
_RUNS: pytest.StashKey[Runs] = pytest.StashKey()
