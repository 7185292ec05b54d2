"""Numbers as readers see them."""

from __future__ import annotations

import math

#: What an alternative is called that changes every hyperprior at once.
ALL_HYPERPRIORS = "all hyperpriors"


def number(value: float | None, digits: int = 2) -> str:
    """Format a number to ``digits`` significant digits, never in exponents up to a million.

    >>> number(0.01234), number(1234.5), number(-3.0), number(16.58)
    ('0.012', '1235', '-3', '17')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if size >= 6 or size < -4:
        return f"{value:.{digits - 1}e}"
    places = max(digits - 1 - size, 0)
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def counted(n: int, noun: str, plural: str = "") -> str:
    """Return ``"1 warning"`` or ``"2 warnings"``."""
    return f"{n} {noun if n == 1 else plural or noun + 's'}"


def listed(items: list[str]) -> str:
    """Join with commas and a final *and*."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"
