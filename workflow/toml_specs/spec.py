"""Specs without Python: a TOML file with a data file, a formula, priors and the same options."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ...checks import ExpectedFailure
from ...checks.expect import Expect
from ...checks.hierarchy.level import Level
from ..expressions.expression import Expression
from ..fitted.spec import FIT_OPTIONS, FittedSpec
from ..specs.spec import ModelSpec
from .model import MODEL_OPTIONS, BambiModel
from .priors import pymc_prior
from .table import Table, read_toml

#: Options of a spec that say what the model cannot.
REVIEW_OPTIONS = (
    "levels",
    "scales",
    "noise",
    "expect",
    "alternatives",
    "quantities",
    "decisions",
    "thresholds",
    "expected_failures",
    "ignore",
    "seed",
    "unit",
)
OPTIONS = ("name", *MODEL_OPTIONS, *REVIEW_OPTIONS)
#: Options that a fit has no model for.
_OF_MODELS = ("scales", "noise", "alternatives", "seed")
_OF_FITS = (
    "name",
    *FIT_OPTIONS,
    *(option for option in REVIEW_OPTIONS if option not in _OF_MODELS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TomlSpec(ModelSpec):
    """A spec read from a TOML file.

    Parameters
    ----------
    table : Table
        What the file says about this model.
    """

    build: BambiModel
    table: Table

    @property
    def path(self) -> str:
        """The TOML file."""
        return str(Path(self.table.file.path).resolve())

    @property
    def line(self) -> int | None:
        """Line of the formula."""
        return self.table.line("formula")

    @property
    def source(self) -> str:
        """The whole file: models may share what stands above them."""
        return self.table.file.text

    @property
    def body(self) -> str:
        """What makes the model, without layout."""
        return self.build.text

    def line_of(self, variable: str) -> int | None:
        """Return the line of the prior of a variable, or of the formula that brings it in."""
        terms = [t for t in self.table.table("priors") if t == variable or t in _terms(variable)]
        if terms:
            return self.table.line("priors", max(terms, key=len))
        return self.line

    def line_with(self, text: str) -> int | None:
        """Return the line of the key or the value that says something."""
        return self.table.line_with(text)

    def spans(self) -> Mapping[str, range]:
        """Return the lines of every variable with a prior, for comments that silence a rule."""
        priors = self.table.table("priors")
        return {
            f"{term}{ending}": range(priors.line(term), priors.line(term) + 1)
            for term in priors
            for ending in ("", *_ENDINGS)
        }


#: What Bambi adds to the name of a term for the variables that it makes of it.
_ENDINGS = ("_sigma", "_mu", "_offset", "_alpha", "_beta", "_nu")


def _terms(variable: str) -> Iterator[str]:
    """Yield the terms that may have brought a variable in: ``1|county`` for ``1|county_sigma``."""
    for ending in _ENDINGS:
        if variable.endswith(ending):
            yield variable.removesuffix(ending)


def load_toml(path: str) -> list[ModelSpec]:
    """Read every spec of a TOML file: the one of the file itself, or those of ``[models.NAME]``.

    What stands outside ``[models]`` holds for all of them.

    Raises
    ------
    SpecError
        If the file is malformed, or an option is unknown, missing or of the wrong type.
    """
    whole = read_toml(path)
    if "models" not in whole:
        return [_spec(whole, whole.get("name", "text", Path(path).stem))]
    models = whole.table("models")
    if not list(models):
        raise whole.error("holds no model", "models", expected="[models.NAME]")
    shared = {k: v for k, v in whole.values.items() if k != "models"}
    if "name" in shared:
        raise whole.error(
            "the name of a model stands in its header", "name", expected="[models.NAME]"
        )
    found = []
    for name in models:
        own = models.table(name)
        elsewhere: dict[str, tuple[str | int, ...]] = {k: (k,) for k in shared if k not in own}
        table = Table(own.file, {**shared, **own.values}, own.at, elsewhere)
        found.append(_spec(table, table.get("name", "text", name)))
    return found


def _spec(table: Table, name: str) -> ModelSpec:
    if "fit" in table:
        return fitted_spec(table, name, table.get("fit", "text"))
    table.only(OPTIONS, "a spec")
    return TomlSpec(
        build=BambiModel(table, name),
        name=name,
        table=table,
        scales=_scales(table),
        noise=_noise(table),
        priors=_alternatives(table),
        seed=table.get("seed", "a whole number"),
        **_of_both(table),
    )


def fitted_spec(table: Table, name: str, fit: str | Path) -> FittedSpec:
    """Return the spec of a fit that a table declares.

    Raises
    ------
    SpecError
        If an option is unknown, belongs to models, or is of the wrong type.
    """
    for option in (*MODEL_OPTIONS, *_OF_MODELS):
        if option in table:
            raise table.error(
                f"a fit has no option {option!r}: its model is not here",
                option,
                expected=f"one of {', '.join(_OF_FITS)}",
            )
    table.only(_OF_FITS, "a fit")
    return FittedSpec(
        fit=fit,
        name=name,
        table=table,
        outcome=table.get("outcome", "text", ""),
        mean=table.get("mean", "text", ""),
        top_level=table.list_of("top_level", "text"),
        sample_dims=_sample_dims(table),
        **_of_both(table),
    )


def _of_both(table: Table) -> dict[str, Any]:
    """Return the options that models and fits share."""
    return {
        "levels": _levels(table),
        "expect": _expectations(table),
        "quantities": _expressions(table, "quantities"),
        "decisions": _expressions(table, "decisions"),
        "thresholds": _thresholds(table),
        "expected_failures": _expected_failures(table),
        "ignore": table.list_of("ignore", "text"),
        "unit": table.get("unit", "text", ""),
    }


def _sample_dims(table: Table) -> Sequence[str]:
    dims = table.list_of("sample_dims", "text")
    if len(dims) not in (0, 2):
        raise table.error("sample_dims names two dims", "sample_dims", expected='["chain", "draw"]')
    return dims


def load_fit(path: str, declaration: str = "") -> FittedSpec:
    """Return the spec of a netCDF file, with the levels that a TOML file declares.

    Raises
    ------
    SpecError
        If the declaration is malformed, or names a fit of its own.
    """
    if not declaration:
        return FittedSpec(fit=path, name=Path(path).stem)
    table = read_toml(declaration)
    if "fit" in table:
        raise table.error(
            "the file names a fit of its own",
            "fit",
            do=f"review it as it is: poolwise review {declaration}",
        )
    return fitted_spec(table, table.get("name", "text", Path(path).stem), Path(path).resolve())


def _levels(table: Table) -> Mapping[str, Level]:
    levels = table.table("levels")
    return {name: _filled(Level, levels.table(name), f"level {name!r}") for name in levels}


def _scales(table: Table) -> Mapping[str, str | None]:
    """Return ``scales``; false says what None says in Python: the variable is no scale."""
    scales = table.table("scales")
    found: dict[str, str | None] = {}
    for name in scales:
        no_scale = scales.values[name] is False
        found[name] = None if no_scale else str(scales.get(name, "text"))
    return found


def _noise(table: Table) -> Mapping[str, Sequence[str]] | Sequence[str]:
    if not isinstance(table.values.get("noise"), dict):
        return table.list_of("noise", "text")
    noise = table.table("noise")
    return {outcome: noise.list_of(outcome, "text") for outcome in noise}


def _expectations(table: Table) -> Sequence[Expect]:
    found = []
    for this in table.tables("expect"):
        between = this.list_of("between", "a number")
        if len(between) != 2:
            raise this.error(
                "an expectation lies between two numbers", "between", expected="between = [1, 40]"
            )
        found.append(_filled(Expect, this, "an expectation", between=tuple(map(float, between))))
    return found


def _expected_failures(table: Table) -> Sequence[ExpectedFailure]:
    return [
        _filled(ExpectedFailure, this, "an expected failure")
        for this in table.tables("expected_failures")
    ]


def _filled(record: Callable[..., Any], table: Table, what: str, **converted: Any) -> Any:
    """Return a record of the values of a table, whose keys are the record's fields."""
    named = fields(record)  # type: ignore[arg-type]
    known = [f.name for f in named]
    table.only(known, what)
    values = {key: _plain(table, key) for key in table} | converted
    missing = [f.name for f in named if f.name not in values and _required(f)]
    if missing:
        raise table.error(
            f"{what} has no {missing[0]!r}", expected=f"{', '.join(known)}; at least {missing[0]}"
        )
    try:
        return record(**values)
    except (TypeError, ValueError) as error:
        raise table.error(f"{what}: {error}") from error


def _required(field: Any) -> bool:
    from dataclasses import MISSING

    return field.default is MISSING and field.default_factory is MISSING


#: Values of records that are not text; the others are.
_NUMBERS = ("prob",)
_EITHER = ("location", "noise")
_ANY = ("between", "until")


def _plain(table: Table, key: str) -> Any:
    if key in _ANY:
        return table.values[key]
    if key in _EITHER and not isinstance(table.values[key], str):
        return table.get(key, "a number")
    return table.get(key, "a number" if key in _NUMBERS else "text")


def _alternatives(table: Table) -> Mapping[str, Sequence[Any]]:
    alternatives = table.table("alternatives")
    return {
        variable: [pymc_prior(prior) for prior in alternatives.tables(variable)]
        for variable in alternatives
    }


def _expressions(table: Table, option: str) -> Mapping[str, Expression]:
    texts = table.table(option)
    return {
        name: Expression(
            texts.get(name, "text"), f"{option}: {name!r}", table.file.path, texts.line(name)
        )
        for name in texts
    }


def _thresholds(table: Table) -> Mapping[str, Mapping[str, Any]]:
    codes = table.table("thresholds")
    return {
        code: {name: codes.table(code).get(name, "a number") for name in codes.table(code)}
        for code in codes
    }
