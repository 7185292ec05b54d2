"""From ``models.py::eight_schools`` to specs."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import SpecError, line_in, one_line
from ..toml_specs.spec import load_fit, load_toml
from .files import specs_below
from .options import check_options, takes_nothing
from .spec import ModelSpec


def load_specs(target: str, levels: str = "") -> list[ModelSpec]:
    """Return the specs that a command-line argument names.

    Parameters
    ----------
    target : str
        ``models.py`` or ``models.toml`` for every spec in the file, ``models.py::name`` for one,
        a folder for every spec below it, or ``fit.nc`` for draws that were made elsewhere.
    levels : str, optional
        TOML file that declares the levels of a fit.

    Raises
    ------
    SpecError
        If there is no such file, it cannot be imported, or it holds no such spec.
    """
    file, _, name = target.partition("::")
    path = Path(file)
    if levels and path.suffix != ".nc":
        raise SpecError(
            "levels are declared for a fit, not for a spec",
            path=file,
            expected="a netCDF file, such as fit.nc",
            do="declare them in the spec",
        )
    if path.is_dir() and not name:
        return _below(path)
    if path.suffix == ".toml" and path.is_file():
        return _chosen(load_toml(file), name, file)
    if path.suffix == ".nc":
        return [load_fit(file, levels)]
    module = _import(path)
    if name:
        return [_named(module, path, name)]
    found = _specs_in(module, path)
    if not found:
        raise SpecError(
            "no spec in this file",
            path=str(path),
            expected="a function decorated with @poolwise.spec, or annotated to return pm.Model",
            do="add '-> pm.Model' to the function, or name it: "
            f"poolwise review {path}::function_name",
        )
    return found


def _below(folder: Path) -> list[ModelSpec]:
    files = specs_below(folder)
    if not files:
        raise SpecError(
            "no spec below this folder",
            path=str(folder),
            expected="Python files with a function decorated with @poolwise.spec, or annotated to "
            "return pm.Model, or TOML specs",
        )
    return [spec for file in files for spec in load_specs(str(file))]


def _import(path: Path) -> ModuleType:
    if not path.exists():
        raise SpecError(
            "no such file",
            path=str(path),
            expected="a Python file with a function that returns a pm.Model, or a TOML spec",
            do="check the path, or write a first spec with: poolwise init",
        )
    if path.is_dir():
        raise SpecError(
            "is a folder", path=str(path), expected="a Python or TOML file", do="name the file"
        )
    if path.suffix != ".py":
        raise SpecError(
            f"is not a Python file ({path.suffix or 'no suffix'})",
            path=str(path),
            expected="a file that ends in .py, .toml or .nc",
        )
    resolved = path.resolve()
    # A name of its own: a spec file called arviz.py must not replace a library.
    name = f"poolwise_spec_{sha256(str(resolved).encode()).hexdigest()[:12]}_{path.stem}"
    found = importlib.util.spec_from_file_location(name, resolved)
    if found is None or found.loader is None:
        raise SpecError("cannot be imported", path=str(path))
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    # Specs import helpers that lie beside them, as scripts do.
    sys.path.insert(0, str(resolved.parent))
    try:
        found.loader.exec_module(module)
    except SpecError:
        raise
    except SyntaxError as error:
        raise SpecError(
            f"does not parse: {error.msg}", path=str(path), line=error.lineno
        ) from error
    except ModuleNotFoundError as error:
        raise SpecError(
            f"imports {error.name}, which is not installed",
            path=str(path),
            line=line_in(resolved, error.__traceback__),
            do=f"install it into this environment: pip install {error.name}",
        ) from error
    except (Exception, SystemExit) as error:
        raise SpecError(
            f"fails on import: {one_line(error)}",
            path=str(path),
            line=line_in(resolved, error.__traceback__),
            do="run it with python to see the whole traceback",
        ) from error
    finally:
        sys.path.remove(str(resolved.parent))
    return module


def _chosen(specs: list[ModelSpec], name: str, path: str) -> list[ModelSpec]:
    found = [s for s in specs if s.name == name] if name else specs
    if not found:
        others = ", ".join(s.name for s in specs)
        raise SpecError(f"holds no {name}", path=path, expected=f"one of its specs: {others}")
    return found


def _specs_in(module: ModuleType, path: Path) -> list[ModelSpec]:
    declared = [v for v in vars(module).values() if isinstance(v, ModelSpec)]
    wrapped = {id(s.build) for s in declared}
    plain = [
        ModelSpec(build=v)
        for v in vars(module).values()
        if inspect.isfunction(v)
        and v.__module__ == module.__name__
        and id(v) not in wrapped
        and _returns_model(v)
    ]
    specs = sorted([*declared, *plain], key=lambda s: s.line or 0)
    names = [s.name for s in specs]
    for name in names:
        if names.count(name) > 1:
            raise SpecError(
                f"two specs are called {name}", path=str(path), do="give one of them name='...'"
            )
    return specs


def _returns_model(function: Any) -> bool:
    annotation = function.__annotations__.get("return", "")
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return text.split(".")[-1].strip("'\"") == "Model" and takes_nothing(function)


def _named(module: ModuleType, path: Path, name: str) -> ModelSpec:
    found = vars(module).get(name)
    if found is None:
        by_name = [s for s in _specs_in(module, path) if s.name == name]
        if by_name:
            return by_name[0]
        others = ", ".join(s.name for s in _specs_in(module, path)) or "none"
        raise SpecError(f"holds no {name}", path=str(path), expected=f"one of its specs: {others}")
    if isinstance(found, ModelSpec):
        return found
    return as_spec(found, str(path))


def as_spec(found: Any, path: str = "") -> ModelSpec:
    """Return what a user hands over as a spec: a spec, a function or a model.

    Raises
    ------
    SpecError
        If it is none of them, or its options have not the form they must have.
    """
    if isinstance(found, ModelSpec):
        check_options(found)
        return found
    if type(found).__name__ == "Model" and hasattr(found, "free_RVs"):
        return ModelSpec(build=lambda: found, name=found.name or "model")
    if not callable(found):
        raise SpecError(
            f"{type(found).__name__} is not a spec",
            path=path,
            expected="a function that returns a pm.Model, a ModelSpec or a pm.Model",
        )
    made = ModelSpec(build=found)
    check_options(made)
    return made
