"""Which files hold specs, told from their text: nothing is imported."""

from __future__ import annotations

import ast
import tokenize
import tomllib
from pathlib import Path
from typing import Any

#: Names that make a spec, or a function one.
_MAKES = {"spec", "ModelSpec"}


def specs_below(folder: Path) -> list[Path]:
    """Return the files of a folder that hold specs, in the order of their names.

    Hidden folders, tests and what pytest reads for itself are left out.
    """
    return [
        path
        for path in sorted(folder.rglob("*"))
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and not path.name.startswith("test_")
        and path.is_file()
        and may_hold_specs(path)
    ]


def may_hold_specs(path: Path) -> bool:
    """Return whether loading a file can be expected to find specs in it.

    A file that does not parse counts when it speaks of what specs hold: then whoever loads it
    hears why.
    """
    if path.name in ("conftest.py", "pyproject.toml"):
        return False
    return {".py": _python, ".toml": _toml}.get(path.suffix, _neither)(path)


def _neither(path: Path) -> bool:
    return False


def _toml(path: Path) -> bool:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return b"formula" in path.read_bytes()
    except OSError:
        return False
    models: Any = table.get("models")
    tables = [table, *(models.values() if isinstance(models, dict) else ())]
    return any(isinstance(this, dict) and ("formula" in this or "fit" in this) for this in tables)


def _python(path: Path) -> bool:
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
