"""A spec of draws that were made elsewhere: a fit and its declared hierarchy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import xarray as xr

from ..errors import SpecError
from ..specs.spec import ModelSpec
from ..toml_specs.table import Table

#: Options of a spec that say what a fit is.
FIT_OPTIONS = ("fit", "outcome", "mean", "top_level", "sample_dims")

#: Why a stage that needs a model does not run.
NO_MODEL = "needs the model, which is not here: fitted elsewhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedSpec(ModelSpec):
    """A fit to review: draws of a model that is not here.

    Parameters
    ----------
    fit : path or xarray.DataTree
        With ArviZ's groups.
    outcome : str, optional
        Of the observed data; may be left out when there is only one.
    mean : str, optional
        Variable of the posterior with the mean of every row; the effect of its group when left
        out.
    top_level : sequence of str, optional
        Variables of ``log_prior`` whose priors power-scaling acts on; all that are no effect of a
        level when left out.
    sample_dims : sequence of str, optional
        What chains and draws are called in the file.
    table : Table, optional
        The TOML table that declares it.
    """

    build: Any = None
    fit: str | Path | xr.DataTree
    outcome: str = ""
    mean: str = ""
    top_level: Sequence[str] = ()
    sample_dims: Sequence[str] = ()
    table: Table | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "build", self._no_model)

    def _no_model(self) -> NoReturn:
        raise SpecError(
            f"{self.name} is a fit: there is no model to build",
            path=self.path,
            line=self.line,
            expected="a spec with a model: a Python function or a TOML spec with a formula",
            do="review it: the checks that need draws only are asked",
        )

    @property
    def path(self) -> str:
        """The TOML file, or the file of the draws."""
        if self.table is not None:
            return str(Path(self.table.file.path).resolve())
        return "" if isinstance(self.fit, xr.DataTree) else str(Path(self.fit).resolve())

    @property
    def line(self) -> int | None:
        """Line that names the fit."""
        return None if self.table is None else self.table.line("fit")

    @property
    def source(self) -> str:
        """The TOML file; empty for options given in Python."""
        return "" if self.table is None else self.table.file.text

    @property
    def body(self) -> str:
        """Nothing: no model is built."""
        return ""

    def line_of(self, variable: str) -> int | None:
        """Return the line that names a variable."""
        return self.line_with(variable)

    def line_with(self, text: str) -> int | None:
        """Return the line of the key or the value that says something."""
        return None if self.table is None else self.table.line_with(text)
