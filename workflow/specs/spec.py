"""What a user writes: a function that returns a model, and what no model can say."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from ...checks.expect import Expect
from ...checks.expected import ExpectedFailure
from ...checks.hierarchy.level import Level, Noise

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

Build = Callable[[], "pm.Model"]
Quantity = Callable[["xr.Dataset"], "xr.DataArray"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """A model to review.

    Parameters
    ----------
    build : callable
        Takes nothing, returns a ``pymc.Model`` with its data.
    name : str, optional
        The function's name when left out.
    levels : mapping of str to Level
        Levels of the hierarchy, by name.
    scales : mapping of str to str or None
        For a free variable that multiplies others: the variable whose scale it is,
        ``{"tau": "z"}``, or None for one that is no scale, ``{"discrimination": None}``.
    noise : str, sequence of str, or mapping
        Free variables that set the noise of the outcome, ``"sigma"``; by outcome or potential
        where there are several, ``{"y": "sigma"}``.
    expect : sequence of Expect
        What data simulated from the prior should look like.
    priors : mapping of str to sequence
        Alternative priors by variable, each as ``pm.HalfNormal.dist(5)``.
    quantities : mapping of str to callable
        What will be reported: posterior dataset in, DataArray over the draws out.
    decisions : mapping of str to callable
        What will be decided: posterior dataset in, boolean DataArray over the draws out.
    thresholds : mapping of str to mapping
        Thresholds of checks by code, ``{"SMP301": {"limit": 1.05}}``.
    expected_failures : sequence of ExpectedFailure
        Findings that are known and accepted for a while, each with a reason and a last day.
    ignore : sequence of str
        Codes of checks that are not asked, or how they begin.
    seed : int, optional
        Used when none is given on the command line.
    unit : str, optional
        Unit of the outcome, for figures and tables.
    """

    build: Build
    name: str = ""
    levels: Mapping[str, Level] = field(default_factory=dict)
    scales: Mapping[str, str | None] = field(default_factory=dict)
    noise: Noise = field(default_factory=dict)
    expect: Sequence[Expect] = ()
    priors: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    quantities: Mapping[str, Quantity] = field(default_factory=dict)
    decisions: Mapping[str, Quantity] = field(default_factory=dict)
    thresholds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    expected_failures: Sequence[ExpectedFailure] = ()
    ignore: Sequence[str] = ()
    seed: int | None = None
    unit: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", getattr(self.build, "__name__", "model"))

    def __call__(self) -> pm.Model:
        """Build the model."""
        return self.build()

    @property
    def declared(self) -> dict[str, Any]:
        """What the spec says of the hierarchy: keyword arguments of ``read_hierarchy``."""
        return {"levels": self.levels, "scales": self.scales, "noise": self.noise}

    @property
    def path(self) -> str:
        """File of the function, or an empty string for one typed into a session."""
        code = getattr(inspect.unwrap(self.build), "__code__", None)
        name = code.co_filename if code else ""
        return name if name and Path(name).is_file() else ""

    @property
    def line(self) -> int | None:
        """First line of the function (of its first decorator)."""
        code = getattr(inspect.unwrap(self.build), "__code__", None)
        return code.co_firstlineno if code else None

    @property
    def source(self) -> str:
        """Source of the function with its decorators, or an empty string."""
        return source_of(self.build)

    @property
    def body(self) -> str:
        """Source of the function without decorators, comments and layout."""
        return normalised(self.source)

    def line_of(self, variable: str) -> int | None:
        """Return the line of the spec that names a model variable, if one does."""
        for offset, text in enumerate(self.source.splitlines()):
            if re.search(rf"\(\s*['\"]{re.escape(variable)}['\"]", text):
                return (self.line or 1) + offset
        return None

    def line_with(self, text: str) -> int | None:
        """Return the line of the spec that holds a text in quotes, if one does."""
        for offset, line in enumerate(self.source.splitlines()):
            if f'"{text}"' in line or f"'{text}'" in line:
                return (self.line or 1) + offset
        return None


def source_of(function: Callable[..., Any]) -> str:
    """Return the source of a function, or an empty string where there is none."""
    try:
        return textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
    except (OSError, TypeError):
        return ""


def normalised(source: str) -> str:
    """Return code without decorators, comments and layout; the text itself if it does not parse."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = []
    return ast.unparse(tree)


@overload
def spec(build: Build, /) -> ModelSpec: ...
@overload
def spec(**options: Any) -> Callable[[Build], ModelSpec]: ...
def spec(build: Build | None = None, /, **options: Any) -> ModelSpec | Callable[[Build], ModelSpec]:
    """Turn a function that returns a model into a spec.

    Used bare or with the options of :class:`ModelSpec`.

    Examples
    --------
    >>> @spec(unit="points")
    ... def schools(): ...
    >>> schools.name, schools.unit
    ('schools', 'points')
    """
    unknown = set(options) - {f for f in ModelSpec.__dataclass_fields__ if f != "build"}
    if unknown:
        known = ", ".join(sorted(set(ModelSpec.__dataclass_fields__) - {"build"}))
        raise TypeError(f"spec() has no option {', '.join(sorted(unknown))}; it has {known}")
    if build is not None:
        return ModelSpec(build=build)
    return lambda function: ModelSpec(build=function, **options)
