"""Numbers as a report shows them: few digits, a true minus sign, never ``nan``."""

from __future__ import annotations

import math

from ..checks.words import number

#: Significant digits of a number whose interval is very narrow.
_MOST_DIGITS = 7

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
    """Format an interval; more digits where it is narrow beside its ends.

    >>> between(-3.14, 12.4), between(0.26, 9.78, 2), between(10.79, 11.21, 2)
    ('−3.14 to 12.4', '0.26 to 9.8', '10.79 to 11.21')
    """
    return f"{beside(low, low, high, digits)} to {beside(high, low, high, digits)}"


def beside(value: float | None, low: float | None, high: float | None, digits: int = 3) -> str:
    """Format an estimate that stands beside its interval: rounded to a part of its width.

    >>> beside(11.02, 10.79, 11.21, 2), beside(4.36, -0.88, 9.57, 2)
    ('11.02', '4.4')
    """
    width = math.nan if low is None or high is None else abs(high - low)
    if value and width > 0 and math.isfinite(value) and math.isfinite(width):
        unit = math.floor(math.log10(width / 10))
        digits = max(digits, math.floor(math.log10(abs(value))) - unit + 1)
    return num(value, min(digits, _MOST_DIGITS))


def estimate(middle: float, low: float, high: float, digits: int = 2) -> str:
    """Format an estimate with its interval.

    >>> estimate(4.36, -0.88, 9.57), estimate(11.02, 10.79, 11.21)
    ('4.4 (−0.88 to 9.6)', '11.02 (10.79 to 11.21)')
    """
    return f"{beside(middle, low, high, digits)} ({between(low, high, digits)})"


def fixed_between(low: float | None, high: float | None, places: int = 2) -> str:
    """Format an interval of weights or probabilities: ``0.00 to 0.40``."""
    return f"{fixed(low, places)} to {fixed(high, places)}"


def fixed_estimate(middle: float, low: float, high: float, places: int = 2) -> str:
    """Format an estimate of a weight or probability with its interval: ``0.05 (0.00 to 0.40)``."""
    return f"{fixed(middle, places)} ({fixed_between(low, high, places)})"


def fixed_error(value: float, mcse: float, places: int = 2) -> str:
    """Format a weight, probability or sensitivity with its Monte Carlo error, where it has one.

    >>> fixed_error(0.237, 0.0109), fixed_error(0.0, 2e-7)
    ('0.24 ± 0.01', '0.00 ± < 0.0001')
    >>> fixed_error(1.0, 0.0), fixed_error(float("nan"), 0.1)
    ('1.00', '–')
    """
    if not (math.isfinite(value) and mcse > 0):
        return fixed(value, places)
    return f"{fixed(value, places)} ± {num(mcse, 1) if mcse >= 1e-4 else '< 0.0001'}"


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
