"""Options that several commands share, as decorators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

Option = Callable[[Any], Any]


def sizes_options(*, draws: int, tune: int, chains: int) -> Option:
    """Return ``--draws``, ``--tune``, ``--chains`` with their defaults, and ``--seed``."""
    return _together(
        click.option("--seed", type=click.IntRange(min=0), help="The only source of randomness."),
        _size("--draws", 100, draws),
        _size("--tune", 100, tune),
        _size("--chains", 1, chains),
    )


def _size(name: str, least: int, default: int) -> Option:
    return click.option(name, type=click.IntRange(min=least), default=default, show_default=True)


def codes_options(*, what: str, example: str) -> Option:
    """Return ``--select`` and ``--ignore``: lists of codes.

    Parameters
    ----------
    what : str
        ``checks`` or ``rules``.
    example : str
        Of codes to select.
    """
    return _together(
        click.option(
            "--select", callback=_codes, metavar="CODES", help=f"Only these {what}: {example}."
        ),
        click.option("--ignore", callback=_codes, metavar="CODES", help=f"All but these {what}."),
    )


def _codes(context: click.Context, parameter: click.Parameter, value: str | None) -> list[str]:
    return [code.strip() for code in (value or "").split(",") if code.strip()]


def fail_on_option(also: str = "warnings and undecided questions") -> Option:
    """Return ``--fail-on``: how serious a verdict makes the command exit with 1."""
    return click.option(
        "--fail-on",
        type=click.Choice(["fail", "warn"]),
        default="fail",
        show_default=True,
        help=f"'warn' also exits with 1 on {also}.",
    )


def verbose_option(what: str = "Print every finding.") -> Option:
    """Return ``--verbose``."""
    return click.option("--verbose", "-v", is_flag=True, help=what)


def quiet_option() -> Option:
    """Return ``--quiet``."""
    return click.option("--quiet", "-q", is_flag=True, help="Print the verdict and the path only.")


def workers_options(default: str = "one for every four processors") -> Option:
    """Return ``--workers``, with its default in words, and ``--scheduler``: for :func:`.crew`."""
    return _together(
        click.option(
            "--workers",
            type=click.IntRange(min=1),
            help=f"Fits that run at the same time here, in threads ({default}).",
        ),
        click.option(
            "--scheduler",
            metavar="ADDRESS",
            default="",
            help="Dask scheduler that runs refits, tcp://host:8786 (poolwise[distributed]).",
        ),
    )


def _together(*options: Option) -> Option:
    """Return a decorator that adds options, in the order in which ``--help`` lists them."""

    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add
