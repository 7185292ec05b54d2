"""Quantities and decisions written as text, evaluated on draws; the grammar is its own module."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ...checks.draws import SAMPLE
from ..errors import SpecError, one_line
from .grammar import (
    ELEMENTWISE,
    FUNCTIONS,
    NotInGrammar,
    Parsed,
    label_of,
    labels_of,
    parse,
)

if TYPE_CHECKING:
    import pymc as pm

Value = xr.DataArray | np.float64


def _expit(x: Any) -> Any:
    return np.exp(-np.logaddexp(0, -x))


def _logit(x: Any) -> Any:
    return np.log(x) - np.log1p(-x)


_ELEMENTWISE: Mapping[str, Callable[[Any], Any]] = dict(
    zip(ELEMENTWISE, (np.abs, np.exp, np.log, np.sqrt, _expit, _logit), strict=True)
)
_OVER_DIMS: Mapping[str, Callable[[xr.DataArray, list[str]], xr.DataArray]] = {
    "mean": lambda x, dims: x.mean(dims),
    "min": lambda x, dims: x.min(dims),
    "max": lambda x, dims: x.max(dims),
    "sum": lambda x, dims: x.sum(dims),
    "sd": lambda x, dims: x.std(dims, ddof=1),
}
_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
}


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression; called with the posterior, it returns its value at every draw.

    Attributes
    ----------
    text : str
        In the grammar of :mod:`poolwise.workflow.expressions.grammar`.
    label : str
        How messages name it: ``decisions: 'coaching helps'``.
    path, line
        Where it was written.
    """

    text: str
    label: str = ""
    path: str = ""
    line: int | None = None
    parsed: Parsed = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "parsed", parse(self.text))
        except NotInGrammar as why:
            raise self.error(why.problem, expected=why.expected, do=why.do) from why

    def __call__(self, posterior: xr.Dataset) -> xr.DataArray:
        """Evaluate the expression.

        Parameters
        ----------
        posterior : xarray.Dataset
            Variables with dims ``chain`` and ``draw``.

        Returns
        -------
        xarray.DataArray
            Per draw; boolean for a comparison.

        Raises
        ------
        SpecError
            If a variable, dim or label is not there, or the parts do not go together.
        """
        evaluation = _Evaluation(self, posterior)
        try:
            with np.errstate(all="ignore"):
                found = evaluation.value(self.parsed.tree)
        except SpecError:
            raise
        except Exception as error:
            raise self.error(f"cannot be computed: {one_line(error)}") from error
        if not isinstance(found, xr.DataArray):
            raise self.error(
                "is the same number at every draw", expected="a variable of the posterior in it"
            )
        return found

    def error(self, problem: str, *, expected: str = "", do: str = "") -> SpecError:
        """Return an error that names the expression and where it was written."""
        named = f"{self.label} " if self.label else ""
        text = " ".join(self.text.split())
        shown = text if len(text) <= 80 else f"{text[:79]}…"
        return SpecError(
            f"{named}{problem} (in: {shown})",
            path=self.path,
            line=self.line,
            expected=expected,
            do=do,
        )


@dataclass(slots=True)
class _Evaluation:
    """One expression on one posterior."""

    this: Expression
    posterior: xr.Dataset

    def value(self, node: ast.AST) -> Value:
        match node:
            case ast.Name():
                return self._variable(self.this.parsed.name(node))
            case ast.Constant(value=value):
                # A float, so that 9**9**9 is infinite instead of never finished.
                return np.float64(value)  # type: ignore[arg-type]
            case ast.BinOp(left=left, op=op, right=right):
                return _value(_ARITHMETIC[type(op)](self._number(left), self._number(right)))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return _value(~self._truth(operand))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _value(-self._number(operand))
            case ast.UnaryOp(operand=operand):
                return self._number(operand)
            case ast.BoolOp(op=op, values=values):
                truths = [self._truth(v) for v in values]
                found = truths[0]
                for truth in truths[1:]:
                    found = found & truth if isinstance(op, ast.And) else found | truth
                return found
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._compare([left, *others], ops)
            case ast.Subscript(value=value, slice=labels):
                return self._labelled(value, labels_of(labels))
            case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
                return self._call(name, args, keywords)
        raise self.this.error("cannot be evaluated", expected=f"one of {FUNCTIONS}")

    def _variable(self, name: str) -> xr.DataArray:
        if name not in self.posterior.data_vars:
            known = [str(v) for v in self.posterior.data_vars]
            close = difflib.get_close_matches(name, known, 1)
            raise self.this.error(
                f"names {name}, which the posterior does not hold",
                expected=f"one of {', '.join(known)}",
                do=f"did you mean {_written(close[0])}?" if close else "",
            )
        return self.posterior[name]

    def _number(self, node: ast.AST) -> Value:
        found = self.value(node)
        # The sum of two booleans would be a boolean.
        return found.astype(float) if found.dtype == bool else found

    def _truth(self, node: ast.AST) -> xr.DataArray:
        found = self.value(node)
        if not isinstance(found, xr.DataArray) or found.dtype != bool:
            raise self.this.error(
                f"asks whether {self.this.parsed.shown(node)} is true, which is a number",
                expected="a comparison on both sides of and/or, and after not",
            )
        return found

    def _compare(self, nodes: list[ast.expr], ops: list[ast.cmpop]) -> Value:
        values = [self.value(n) for n in nodes]
        found: Any = True
        for op, left, right in zip(ops, values[:-1], values[1:], strict=True):
            found = found & _COMPARISONS[type(op)](left, right)
        return _value(found)

    def _labelled(self, node: ast.AST, labels: list[str]) -> xr.DataArray:
        value = self._array(node)
        dims = _free_dims(value)
        if len(dims) != len(labels):
            shown = self.this.parsed.shown(node)
            raise self.this.error(
                f"selects {len(labels)} labels of {shown}, which has "
                f"{f'the dims {", ".join(dims)}' if dims else 'one value per draw'}",
                expected=f"{shown}[{', '.join(f'<{d}>' for d in dims)}]" if dims else shown,
                do=f'name the dim to select along some of them: at({shown}, {dims[0]}="...")'
                if dims
                else "",
            )
        for dim, label in zip(dims, labels, strict=True):
            value = self._select(value, dim, label)
        return value

    def _select(self, value: xr.DataArray, dim: str, label: str) -> xr.DataArray:
        if dim not in _free_dims(value):
            raise self.this.error(
                f"selects along {dim}",
                expected=f"one of {', '.join(_free_dims(value)) or 'no dim: one value per draw'}",
            )
        held = [str(v) for v in value[dim].values]
        at = [i for i, v in enumerate(held) if v == label]
        if len(at) != 1:
            close = difflib.get_close_matches(label, held, 1)
            more = f" and {len(held) - 10} more" if len(held) > 10 else ""
            raise self.this.error(
                f"selects {dim} {label!r}, which occurs {len(at)} times",
                expected=f"one of {', '.join(held[:10])}{more}",
                do=f"did you mean {close[0]!r}?" if close and not at else "",
            )
        return value.isel({dim: at[0]}, drop=True)

    def _array(self, node: ast.AST) -> xr.DataArray:
        value = self.value(node)
        if not isinstance(value, xr.DataArray):
            raise self.this.error(f"takes {self.this.parsed.shown(node)} for a variable")
        return value

    def _call(self, name: str, args: list[ast.expr], keywords: list[ast.keyword]) -> Value:
        if name in _ELEMENTWISE:
            return _value(_ELEMENTWISE[name](self._number(args[0])))
        value = self._array(args[0])
        if name == "at":
            for keyword in keywords:
                value = self._select(value, str(keyword.arg), label_of(keyword.value))
            return value
        wanted = [*args[1:], *(k.value for k in keywords)]
        dims = [str(n.value) for n in wanted if isinstance(n, ast.Constant)] or _free_dims(value)
        unknown = [d for d in dims if d not in _free_dims(value)]
        if unknown or not dims:
            raise self.this.error(
                f"takes the {name} of {self.this.parsed.shown(args[0])}"
                + (f" over {unknown[0]}" if unknown else ", which has one value per draw"),
                expected=f"one of its dims: {', '.join(_free_dims(value)) or 'none'}; "
                "chain and draw are summed up by the review",
            )
        return _OVER_DIMS[name](value, dims)


def _value(found: Any) -> Value:
    return found if isinstance(found, xr.DataArray) else np.float64(found)


def _free_dims(value: xr.DataArray) -> list[str]:
    return [str(d) for d in value.dims if d not in SAMPLE]


def _written(name: str) -> str:
    return name if name.isidentifier() else f"`{name}`"


def check_expressions(
    functions: Mapping[str, Callable[..., Any]], model: pm.Model, *, boolean: bool
) -> None:
    """Evaluate expressions on a posterior of zeros: wrong names show before anything is sampled.

    Raises
    ------
    SpecError
        If an expression cannot be evaluated on draws of this model, or is (not) a comparison.
    """
    expressions = [f for f in functions.values() if isinstance(f, Expression)]
    blank = _blank_posterior(model) if expressions else xr.Dataset()
    for expression in expressions:
        found = expression(blank)
        if boolean and found.dtype != bool:
            raise expression.error(
                "is a number, not true or false", expected="a comparison, such as theta > 0"
            )


def _blank_posterior(model: pm.Model) -> xr.Dataset:
    from ...checks.hierarchy.cheap import shape_of

    found = {}
    for variable in [*model.free_RVs, *model.deterministics]:
        name = str(variable.name)
        unnamed = [f"{name}_dim_{i}" for i in range(variable.ndim)]
        dims = [str(d) for d in model.named_vars_to_dims.get(name) or unnamed]
        shape = shape_of(model, variable)
        coords = {
            d: range(n) if model.coords.get(d) is None else [str(v) for v in model.coords[d] or ()]
            for d, n in zip(dims, shape, strict=True)
        }
        found[name] = xr.DataArray(np.zeros((1, 2, *shape)), dims=(*SAMPLE, *dims), coords=coords)
    return xr.Dataset(found)
