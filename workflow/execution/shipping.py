"""What is sent to another process: functions and data by cloudpickle, nothing from a file."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import SpecError, one_line

#: Registering modules with cloudpickle is global to the process.
_LOCK = threading.RLock()


def pack(*parts: Any) -> bytes:
    """Pack what another process needs, code of spec files included.

    Raises
    ------
    SpecError
        Naming the smallest part that cannot be packed.
    """
    import cloudpickle

    with _LOCK, _by_value():
        try:
            return bytes(cloudpickle.dumps(parts))
        except SpecError:
            raise
        except Exception as error:
            where, reason = _culprit(parts, error)
            raise SpecError(
                f"{where} cannot be sent to another process: {one_line(reason)}",
                expected="functions and data that cloudpickle takes; no open files, locks or "
                "connections",
                do="make it inside the function that uses it, or work in threads: --workers",
            ) from error


def unpack(packed: bytes) -> Any:
    """Return what :func:`pack` was given, as a tuple.

    Only for what this session, or the session that uses this process as a worker, has packed.
    """
    import cloudpickle

    return cloudpickle.loads(packed)


@contextmanager
def _by_value() -> Iterator[None]:
    """Send the code of spec files, and of modules beside them, which workers cannot import."""
    import cloudpickle

    files = {n: (m, str(m.__file__)) for n, m in _with_file()}
    folders = {Path(f).parent for n, (_, f) in files.items() if n.startswith("poolwise_spec_")}
    starts = tuple(map(str, folders))
    modules = [m for m, f in files.values() if f.startswith(starts) and Path(f).parent in folders]
    registered = cloudpickle.list_registry_pickle_by_value()
    ours = [m for m in modules if m.__name__ not in registered]
    for module in ours:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in ours:
            cloudpickle.unregister_pickle_by_value(module)


def _with_file() -> list[tuple[str, ModuleType]]:
    return [
        (n, m)
        for n, m in list(sys.modules.items())
        if getattr(m, "__file__", None) and not n.startswith("poolwise.") and m.__name__ == n
    ]


def _culprit(part: Any, error: Exception, name: str = "") -> tuple[str, Exception]:
    """Return name and error of the smallest part that cannot be packed."""
    import cloudpickle

    for label, inner in _parts(part):
        here = f"{name}.{label}" if name else label
        try:
            cloudpickle.dumps(inner)
        except Exception as reason:
            return _culprit(inner, reason, here)
    return name or type(part).__name__, error


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if is_dataclass(value) and not isinstance(value, type):
        yield from ((f.name, getattr(value, f.name)) for f in fields(value))
    elif isinstance(value, Mapping):
        yield from ((str(key), inner) for key, inner in value.items())
    elif isinstance(value, tuple | list):
        yield from ((type(v).__name__, v) for v in value)
    elif hasattr(value, "shipped"):
        yield from value.shipped().items()
