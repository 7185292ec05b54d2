"""The model of a TOML spec: a data file, a formula and priors, built with Bambi."""

from __future__ import annotations

import itertools
import json
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import SpecError, one_line
from .data import read_data
from .priors import bambi_priors
from .table import Table, closest

if TYPE_CHECKING:
    import pandas as pd

#: Options of a spec that make its model.
MODEL_OPTIONS = (
    "data",
    "formula",
    "family",
    "link",
    "priors",
    "noncentered",
    "center_predictors",
)


@dataclass(frozen=True, slots=True)
class BambiModel:
    """Builds a Bambi model from a table of a TOML file.

    Attributes
    ----------
    table : Table
        With ``data``, ``formula`` and other ``MODEL_OPTIONS``.
    name : str
    """

    table: Table
    name: str

    def __call__(self) -> Any:
        """Read the data and build the model.

        Returns
        -------
        bambi.Model

        Raises
        ------
        SpecError
            If Bambi is not installed, the data cannot be read, or data, formula, family, links and
            priors do not go together.
        """
        try:
            import bambi
        except ImportError as error:
            raise self.table.error(
                "a formula needs Bambi, which is not installed",
                "formula",
                do="pip install 'poolwise[bambi]'",
            ) from error
        formulas = self._formulas()
        data = read_data(self.table)
        self._family()
        for i, formula in enumerate(formulas):
            self._variables(formula, i, data)
        priors = bambi_priors(self.table.table("priors"), self._parameters())
        arguments = {
            "family": self.table.get("family", "text", "gaussian"),
            "link": self._links(),
            "noncentered": self.table.get("noncentered", "true or false", True),
            # Bambi's default moves the prior of the intercept to centred predictors.
            "center_predictors": self.table.get("center_predictors", "true or false", False),
        }
        try:
            with warnings.catch_warnings():
                # Bambi warns of priors for terms that are not there, and goes on without them.
                warnings.filterwarnings("error", message="Unused name", category=UserWarning)
                model = bambi.Model(bambi.Formula(*formulas), data, priors=priors, **arguments)
                model.build()
        except UserWarning as error:
            raise self._unused_priors(priors, formulas, data, arguments) from error
        except Exception as error:
            raise self.table.error(
                f"Bambi cannot build {self.name}: {one_line(error)}", "formula"
            ) from error
        return model

    @property
    def text(self) -> str:
        """What the model depends on besides its data, whatever the layout of the file."""
        options = {k: self.table.values[k] for k in MODEL_OPTIONS if k in self.table}
        return json.dumps(options, sort_keys=True, default=str)

    def _formulas(self) -> list[str]:
        example = 'formula = "y ~ 1 + x + (1|group)"'
        if "formula" not in self.table:
            raise self.table.error(f"{self.name} has no formula", expected=example)
        formulas = self.table.list_of("formula", "text")
        if not formulas:
            raise self.table.error("the formula is empty", "formula", expected=example)
        return formulas

    def _family(self) -> None:
        from bambi.defaults.families import BUILTIN_FAMILIES

        family = self.table.get("family", "text", "gaussian")
        if family not in BUILTIN_FAMILIES:
            raise self.table.error(
                f"there is no family {family!r}",
                "family",
                expected=f"one of {', '.join(BUILTIN_FAMILIES)}",
                do=closest(family, BUILTIN_FAMILIES),
            )

    def _parameters(self) -> list[str]:
        """Return the parameters of the family besides its mean."""
        from bambi.defaults import get_builtin_family

        likelihood = get_builtin_family(self.table.get("family", "text", "gaussian")).likelihood
        return [p for p in likelihood.params if p != likelihood.parent]

    def _links(self) -> dict[str, str]:
        """Return the declared links by parameter; one name stands for that of the mean."""
        from bambi.defaults import get_builtin_family

        family = get_builtin_family(self.table.get("family", "text", "gaussian"))
        names = {parameter: link.name for parameter, link in family.link.items()}
        if "link" not in self.table:
            return names
        if isinstance(self.table.values["link"], dict):
            links = self.table.table("link")
            declared = {key: str(links.get(key, "text")) for key in links}
        else:
            links = self.table
            declared = {family.likelihood.parent: self.table.get("link", "text")}
        for parameter, name in declared.items():
            at = parameter if links is not self.table else "link"
            choices = family.SUPPORTED_LINKS
            if isinstance(choices, dict) and parameter not in choices:
                raise links.error(
                    f"the family links {' and '.join(choices)}, not {parameter}",
                    at,
                    do=closest(parameter, choices),
                )
            known = choices[parameter] if isinstance(choices, dict) else choices
            if name not in known:
                raise links.error(
                    f"there is no link {name!r} for {parameter}",
                    at,
                    expected=f"one of {', '.join(known)}",
                    do=closest(name, known),
                )
        return names | declared

    def _variables(self, formula: str, position: int, data: pd.DataFrame) -> None:
        """Refuse a formula that does not parse, calls what is unknown, or names no column."""
        from formulae import model_description
        from formulae.scanner import Scanner

        at = (
            ("formula", position)
            if isinstance(self.table.values["formula"], list)
            else ("formula",)
        )
        if position:
            # sigma ~ x: what stands on the left is a parameter, not a column.
            formula = formula.partition("~")[2]
        try:
            tokens = Scanner(formula).scan()
            names = set(model_description(formula).var_names)
        except Exception as error:
            raise self.table.error(
                f"the formula does not parse: {one_line(error)}",
                *at,
                expected='"y ~ 1 + x + (1|group)"',
            ) from error
        allowed = _functions()
        for token, after in itertools.pairwise(tokens):
            if token.kind == "IDENTIFIER" and after.kind == "LEFT_PAREN":
                _known(token.lexeme, allowed, "function", self.table, *at)
            elif token.kind == "IDENTIFIER" and "." in token.lexeme:
                names.add(token.lexeme)
        columns = [str(c) for c in data.columns]
        for name in sorted(names):
            _known(name, columns, "column", self.table, *at)
        self._no_holes(data[sorted(names)])

    def _no_holes(self, data: pd.DataFrame) -> None:
        for column in data.columns:
            missing = data[column].isna()
            if missing.any():
                row = int(missing.to_numpy().argmax())
                raise self.table.error(
                    f"column {column} has {int(missing.sum())} missing values (the first in row "
                    f"{row + 1} of the data)",
                    "data",
                    expected="no missing values in what the formula uses",
                    do="drop or mend these rows in the file",
                )

    def _unused_priors(
        self, priors: dict[str, Any], formulas: list[str], data: Any, arguments: dict[str, Any]
    ) -> SpecError:
        """Return an error that names the prior of a term that is not there."""
        import bambi

        model = bambi.Model(bambi.Formula(*formulas), data, **arguments)
        parent = model.family.likelihood.parent
        terms = {
            name: [*component.terms, "common", "group_specific"]
            for name, component in model.conditional_parameters.items()
        }
        known = {*model.parameters, *terms[parent]}
        for key in priors:
            if key not in known:
                return self._no_term(key, known, "priors", key)
            if isinstance(priors[key], dict):
                for term in priors[key]:
                    if term not in terms.get(key, ()):
                        return self._no_term(term, terms.get(key, ()), "priors", key, term)
        return self.table.error("a prior belongs to no term", "priors")

    def _no_term(self, name: str, known: Collection[str], *at: str) -> SpecError:
        return self.table.error(
            f"the prior of {name} belongs to no term of {self.name}",
            *at,
            expected=f"one of {', '.join(sorted(known))}",
            do=closest(name, known),
        )


def _known(name: str, known: Collection[str], what: str, table: Table, *at: str | int) -> None:
    if name not in known:
        raise table.error(
            f"the formula names {what} {name}, which is not there",
            *at,
            expected=f"one of {', '.join(known)}",
            do=closest(name, known),
        )


def _functions() -> list[str]:
    """Return what a formula may call: transforms of formulae and Bambi, and nothing else."""
    from bambi.transformations import transformations_namespace
    from formulae.transforms import TRANSFORMS

    return sorted({*TRANSFORMS, *transformations_namespace})
