"""Exit codes, and errors a user can act on as one screen."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

EXIT_CHECKS_FAILED = 1
EXIT_COULD_NOT_RUN = 2


def friendly(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn errors a user can act on into one screen and exit code 2."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        from ..errors import SpecError

        try:
            return command(*args, **kwargs)
        except SpecError as error:
            click.echo(f"poolwise: {error}", err=True)
            sys.exit(EXIT_COULD_NOT_RUN)
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            where = f"{error.filename}: " if error.filename else ""
            click.echo(f"poolwise: {where}{error.strerror or error}", err=True)
            click.echo("  to do:    finished stages are kept: mend it and run again", err=True)
            sys.exit(EXIT_COULD_NOT_RUN)
        except KeyboardInterrupt:
            click.echo(
                "poolwise: interrupted; finished stages are kept, run again to go on", err=True
            )
            sys.exit(EXIT_COULD_NOT_RUN)

    return run
