"""The grammar of expressions: what a quantity or decision written as text may hold.

The text is parsed with :mod:`ast`, never evaluated by Python, and only what is listed here is
understood:

- variables of the posterior by name, in backticks where the name is no word: ```1|county```;
- numbers, ``+ - * / **``, comparisons (also chained), ``and``, ``or``, ``not``, per draw;
- one value by label: ``theta["A"]``, ``slope["A", "math"]`` in the order of the dims, or
  ``at(theta, school="A")`` by the name of the dim;
- ``abs exp log sqrt expit logit`` of every value; ``mean min max sum sd`` over all dims but chain
  and draw, or over one: ``max(theta, "school")``.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

#: Functions of every value, and functions over dims.
ELEMENTWISE = ("abs", "exp", "log", "sqrt", "expit", "logit")
OVER_DIMS = ("mean", "min", "max", "sum", "sd")
FUNCTIONS = (*ELEMENTWISE, *OVER_DIMS, "at")
ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)
COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)

#: Longer texts are refused before they are parsed.
MAX_LENGTH = 2000
#: And parts within parts within parts, this deep.
MAX_DEPTH = 60

#: What else can be written in Python, in words, for the message that it cannot be written here.
_REFUSED: Mapping[type[ast.AST], str] = {
    ast.Attribute: "an attribute (a dot)",
    ast.Lambda: "a lambda",
    ast.IfExp: "if ... else",
    ast.NamedExpr: "an assignment (:=)",
    ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
    ast.JoinedStr: "an f-string",
    ast.Slice: "a slice",
    ast.Starred: "a star",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.YieldFrom: "yield",
    ast.List: "a list",
    ast.Tuple: "a tuple",
    ast.Set: "a set",
    ast.Dict: "a dictionary",
}

GRAMMAR = (
    'variables, numbers, + - * / **, comparisons, and/or/not, theta["A"], and '
    f"{', '.join(FUNCTIONS)}"
)
_TOKENS = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|`([^`\n]+)`")


@dataclass(slots=True)
class NotInGrammar(Exception):
    """A text is no expression; see :class:`poolwise.workflow.errors.SpecError` for the parts."""

    problem: str
    expected: str = GRAMMAR
    do: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A checked expression and the names that stood in backticks in it."""

    tree: ast.expr
    quoted: Mapping[str, str]

    def name(self, node: ast.Name) -> str:
        """Return the variable that a name stands for."""
        return self.quoted.get(node.id, node.id)

    def shown(self, node: ast.AST) -> str:
        """Return a part of the expression as it was written, but for layout."""
        text = ast.unparse(node)
        for placeholder, name in self.quoted.items():
            text = text.replace(placeholder, f"`{name}`")
        return text


def parse(text: str) -> Parsed:
    """Parse a text and refuse everything that the grammar does not list.

    Raises
    ------
    NotInGrammar
    """
    if len(text) > MAX_LENGTH:
        raise NotInGrammar(f"is longer than {MAX_LENGTH} characters")
    quoted: dict[str, str] = {}

    def placeholder(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0]
        name = f"quoted_{len(quoted)}_"
        while name in text:
            name += "_"
        quoted[name] = found[1]
        return name

    source = _TOKENS.sub(placeholder, text.strip().replace("\n", " "))
    try:
        parsed = Parsed(ast.parse(source, mode="eval").body, quoted)
        _refuse(parsed.tree, parsed)
    except SyntaxError as error:
        raise NotInGrammar(
            f"does not parse: {error.msg}",
            do="put names that are no words into backticks: `1|county`",
        ) from error
    except (RecursionError, MemoryError, ValueError) as error:
        raise NotInGrammar("does not parse") from error
    return parsed


def _refuse(node: ast.AST, this: Parsed, depth: int = 0) -> None:
    """Refuse everything that the grammar does not list."""
    if depth > MAX_DEPTH:
        raise NotInGrammar(f"holds parts within parts more than {MAX_DEPTH} deep")
    depth += 1
    match node:
        case ast.Name():
            return
        case ast.Constant(value=value):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise NotInGrammar(f"holds {value!r}")
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            _refuse(left, this, depth)
            _refuse(right, this, depth)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Not(), operand=operand):
            _refuse(operand, this, depth)
        case ast.BoolOp(values=values):
            for value in values:
                _refuse(value, this, depth)
        case ast.Compare(left=left, ops=ops, comparators=others):
            if any(type(op) not in COMPARISONS for op in ops):
                raise NotInGrammar("compares with in or is", expected="< <= > >= == !=")
            for value in (left, *others):
                _refuse(value, this, depth)
        case ast.Subscript(value=value, slice=labels):
            _refuse(value, this, depth)
            labels_of(labels)
        case ast.Call():
            _refuse_call(node, this, depth)
        case _:
            kind = node.op if isinstance(node, ast.BinOp | ast.UnaryOp) else node
            said = _REFUSED.get(type(kind), f"an operation ({type(kind).__name__})")
            raise NotInGrammar(f"holds {said}, which is not allowed")


def _refuse_call(node: ast.Call, this: Parsed, depth: int) -> None:
    name = node.func.id if isinstance(node.func, ast.Name) else this.shown(node.func)
    if name not in FUNCTIONS:
        close = difflib.get_close_matches(name, FUNCTIONS, 1)
        raise NotInGrammar(
            f"calls {name}(), which is not allowed",
            expected=f"one of {', '.join(FUNCTIONS)}",
            do=f"did you mean {close[0]}()?" if close else "",
        )
    if not node.args or (name in ELEMENTWISE and (len(node.args) > 1 or node.keywords)):
        raise NotInGrammar(f"{name}() takes one value", expected=f"{name}(theta)")
    _refuse(node.args[0], this, depth)
    if name in OVER_DIMS:
        rest = [*node.args[1:], *(k.value for k in node.keywords if k.arg == "dim")]
        wrong = [k.arg for k in node.keywords if k.arg != "dim"]
        if wrong or len(rest) > 1 or any(not _is_text(r) for r in rest):
            raise NotInGrammar(
                f"{name}() takes a value and the name of a dimension",
                expected=f'{name}(theta) or {name}(theta, "school")',
            )
    if name == "at":
        if len(node.args) > 1 or not node.keywords or any(k.arg is None for k in node.keywords):
            raise NotInGrammar("at() takes a value and labels", expected='at(theta, school="A")')
        for keyword in node.keywords:
            label_of(keyword.value)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def labels_of(node: ast.AST) -> list[str]:
    """Return the labels between square brackets."""
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    return [label_of(part) for part in parts]


def label_of(node: ast.AST) -> str:
    """Return one label, a text or a number, as text."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return f"-{label_of(node.operand)}"
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float):
        return str(node.value)
    raise NotInGrammar("selects by something else than a label", expected='theta["A"]')
