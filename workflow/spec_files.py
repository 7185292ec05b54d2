"""Which files hold specs, told from their text: nothing is imported."""

from __future__ import annotations

import ast
import tokenize
from pathlib import Path

#: Names that make a spec, or a function one.
_MAKES = {"spec", "ModelSpec"}


def may_hold_specs(path: Path) -> bool:
    """Return whether loading a file can be expected to find specs in it.

    A file that does not parse counts when it speaks of poolwise: then whoever loads it hears why.
    """
    if path.suffix != ".py" or path.name == "conftest.py":
        return False
    try:
        with tokenize.open(path) as file:
            source = file.read()
        tree = ast.parse(source)
    except (SyntaxError, UnicodeDecodeError):
        return b"poolwise" in path.read_bytes()
    except OSError:
        return False
    return any(_makes_spec(node) for node in ast.walk(tree))


def _makes_spec(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return _name(node.func) == "ModelSpec"
    if not isinstance(node, ast.FunctionDef):
        return False
    if any(_name(decorator) in _MAKES for decorator in node.decorator_list):
        return True
    return _annotation(node) == "Model" and _takes_nothing(node.args)


def _name(node: ast.AST) -> str:
    """Return the last part of a name: ``spec`` of ``poolwise.spec(...)``."""
    if isinstance(node, ast.Call):
        return _name(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _annotation(node: ast.FunctionDef) -> str:
    returns = node.returns
    if isinstance(returns, ast.Constant) and isinstance(returns.value, str):
        return returns.value.split(".")[-1]
    return "" if returns is None else _name(returns)


def _takes_nothing(arguments: ast.arguments) -> bool:
    positional = len(arguments.posonlyargs) + len(arguments.args)
    return positional == len(arguments.defaults) and None not in arguments.kw_defaults
