"""Evaluating small graphs without compiling them.

The default mode compiles with numba, which takes seconds for what plain Python does in
milliseconds.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def python_mode() -> Any:
    """Return the mode in which a graph is evaluated node by node in Python, unoptimised."""
    from pytensor.compile.mode import Mode

    return Mode(linker="py", optimizer=None)  # type: ignore[arg-type]


def value_of(variable: Any) -> np.ndarray:
    """Return the value of a variable that depends on constants and data only."""
    return np.asarray(variable.eval(mode=python_mode()))
