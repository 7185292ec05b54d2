"""Round numbers on logarithmic axes, few enough that their labels do not touch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..numbers import num

#: Inches that one character of a tick label takes, and between two labels.
_CHARACTER, _GAP = 0.085, 0.12

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def round_values(low: float, high: float, most: int = 6) -> list[float]:
    """Return round numbers between two positive ends.

    Powers of ten where there are three or more, else 1, 2, 5 and 10, else evenly spaced numbers.

    >>> round_values(0.03, 40.0), round_values(0.8, 6.0), round_values(46.0, 50.0)
    ([0.1, 1.0, 10.0], [1.0, 2.0, 5.0], [46.0, 47.0, 48.0, 49.0, 50.0])
    """
    first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
    inside = [k for k in range(first, last + 1) if low <= 10.0**k <= high]
    if len(inside) >= 3:
        step = -(-len(inside) // most)
        return [10.0**k for k in inside if k % step == 0]
    fine = [d * 10.0**k for k in range(first, last + 1) for d in (1, 2, 5)]
    fine = [float(v) for v in fine if low <= v <= high]
    if len(fine) >= 3:
        return fine[:: -(-len(fine) // most)]
    return [float(v) for v in MaxNLocator(min(most, 5)).tick_values(low, high) if low <= v <= high]


def written(value: float) -> str:
    """Write a tick: powers of ten beyond five digits as such.

    >>> written(0.001), written(50.0), written(1e-6)
    ('0.001', '50', '10⁻⁶')
    """
    exponent = round(float(np.log10(value)))
    if not -3 <= exponent <= 4 and np.isclose(value, 10.0**exponent):
        return f"10{str(exponent).translate(_SUPERSCRIPTS)}"
    return num(value, 4)


def apart(places: Sequence[float], labels: Sequence[str], axes: Axes) -> list[int]:
    """Return which ticks to keep, from the left, so that horizontal labels do not touch.

    Places are in the units of an axis whose limits are set.
    """
    low, high = axes.get_xlim()
    inches = axes.bbox.width / axes.figure.dpi / (high - low)
    kept: list[int] = []
    for i, (place, label) in enumerate(zip(places, labels, strict=True)):
        if kept:
            half = 0.5 * _CHARACTER * (len(label) + len(labels[kept[-1]]))
            if (place - places[kept[-1]]) * inches < half + _GAP:
                continue
        kept.append(i)
    return kept
