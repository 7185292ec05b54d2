"""Options of every command that runs many independent fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def workers_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--workers`` and ``--scheduler``: keywords of :func:`.crew`."""
    for option in (
        click.option(
            "--scheduler",
            metavar="ADDRESS",
            default="",
            help="Dask scheduler that runs refits, tcp://host:8786 (poolwise[distributed]).",
        ),
        click.option(
            "--workers",
            type=click.IntRange(min=1),
            help="Fits that run at the same time here, in threads (one for every four processors).",
        ),
    ):
        command = option(command)
    return command
