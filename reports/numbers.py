"""Numbers as a report shows them: few digits, a true minus sign, never ``nan``."""

from __future__ import annotations

import math

from ..checks.words import number

#: What stands where a number does not exist.
NONE = "–"


def num(value: float | None, digits: int = 3) -> str:
    """Format to ``digits`` significant digits.

    >>> num(-1234.5), num(0.0123, 2), num(float("nan"))
    ('−1234', '0.012', '–')
    """
    return NONE if value is None else _minus(number(float(value), digits))


def fixed(value: float | None, places: int = 2) -> str:
    """Format to a fixed number of places: for weights, probabilities and R-hat.

    >>> fixed(0.5), fixed(-0.001)
    ('0.50', '0.00')
    """
    if value is None or not math.isfinite(value):
        return NONE
    text = f"{value:.{places}f}"
    return _minus(text.lstrip("-") if float(text) == 0 else text)


def percent(value: float | None) -> str:
    """Format a share, with one decimal below 1% and above 99%.

    >>> percent(0.134), percent(0.004), percent(0.9996), percent(1.0)
    ('13%', '0.4%', '> 99.9%', '100%')
    """
    if value is None or not math.isfinite(value):
        return NONE
    if 0 < value < 0.0005:
        return "< 0.1%"
    if 0.9995 <= value < 1:
        return "> 99.9%"
    places = 1 if 0 < value < 0.01 or 0.99 < value < 1 else 0
    return _minus(f"{value:.{places}%}")


def between(low: float | None, high: float | None, digits: int = 3) -> str:
    """Format an interval: ``−3.1 to 12``."""
    return f"{num(low, digits)} to {num(high, digits)}"


def fixed_between(low: float | None, high: float | None, places: int = 2) -> str:
    """Format an interval of weights or probabilities: ``0.00 to 0.40``."""
    return f"{fixed(low, places)} to {fixed(high, places)}"


def squared(unit: str) -> str:
    """Square a unit.

    >>> squared("SAT points"), squared("log pCi/L"), squared("")
    ('SAT points²', '(log pCi/L)²', '')
    """
    if not unit:
        return ""
    return f"({unit})²" if "/" in unit or "²" in unit else f"{unit}²"


def of_unit(label: str, unit: str) -> str:
    """Label an axis or a column: ``theta (SAT points)``."""
    return f"{label} ({unit})" if unit else label


def seconds(value: float) -> str:
    """Format a duration.

    >>> seconds(0.42), seconds(34.1), seconds(125.0)
    ('0.4 s', '34 s', '2 min 5 s')
    """
    if value < 10:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 100:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s"


def _minus(text: str) -> str:
    return "−" + text[1:] if text.startswith("-") else text
