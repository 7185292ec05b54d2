"""The command ``poolwise review``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .errors import EXIT_COULD_NOT_RUN, friendly
from .options import (
    codes_options,
    fail_on_option,
    quiet_option,
    sizes_options,
    verbose_option,
    workers_options,
)
from .output import (
    FORMATS,
    Formats,
    emit,
    file_views,
    formats_option,
    print_result,
    stopped_result,
    write_files,
)

if TYPE_CHECKING:
    from rich.console import Console

    from ..review import Review
    from ..specs.spec import ModelSpec


@click.command()
@click.argument("targets", nargs=-1, required=True, metavar="SPEC...")
@click.option(
    "--levels",
    type=click.Path(),
    default="",
    help="TOML file with the [levels.NAME] of a fit (SPEC is a netCDF file).",
)
@click.option("--output", "-o", type=click.Path(), help="Run folder (poolwise_runs/NAME).")
@sizes_options(draws=1000, tune=1000, chains=4)
@codes_options(what="checks", example="SMP,PPC401")
@fail_on_option()
@click.option(
    "--tier",
    type=click.Choice(["lint", "prior", "full"]),
    default="full",
    show_default=True,
    help="How deep to look: 'lint' samples nothing, 'prior' only simulates from the prior.",
)
@workers_options()
@formats_option(*FORMATS, text="Files of the run folder; a single one is printed too.")
@quiet_option()
@verbose_option()
@friendly
def review(
    targets: tuple[str, ...],
    levels: str,
    output: str | None,
    fail_on: str,
    workers: int | None,
    scheduler: str,
    formats: Formats,
    quiet: bool,
    verbose: bool,
    **asked: Any,
) -> None:
    """Review SPEC: a file, one spec in it (models.py::eight_schools), or a folder.

    A file of Python functions, a TOML spec (data file, formula, priors), or fit.nc: the draws of a
    model that was fitted elsewhere, whose hierarchy a TOML file declares (--levels).
    """
    from rich.console import Console

    from ..errors import SpecError
    from ..execution.cluster import crew
    from ..runs.record import as_json
    from ..specs.loading import load_specs

    stderr = Console(stderr=True)
    if not quiet and stderr.is_terminal:
        with stderr.status("loading"):
            specs = [spec for target in targets for spec in load_specs(target, levels)]
    else:
        specs = [spec for target in targets for spec in load_specs(target, levels)]
    _distinct(specs)
    results: list[Any] = []
    worst = 0
    with crew(workers=workers, scheduler=scheduler) as asked["executor"]:
        for spec in specs:
            folder = None if output is None else Path(output)
            if folder is not None and len(specs) > 1:
                folder = folder / spec.name
            try:
                this = _review_one(spec, folder, asked, stderr, quiet)
            except SpecError as error:
                # The other specs, and machines that read the result, must not lose by it.
                results.append(stopped_result(spec, error))
                click.echo(f"poolwise: {error}", err=True)
                worst = EXIT_COULD_NOT_RUN
                continue
            results.append(as_json(this.record))
            write_files(this.folder, "run", file_views(results[-1:], formats))
            worst = max(worst, this.exit_code(fail_on))
            print_result(this.record, this.report, formats, quiet=quiet, verbose=verbose)
    emit(results, formats)
    sys.exit(worst)


def _review_one(
    spec: ModelSpec, folder: Path | None, asked: Mapping[str, Any], stderr: Console, quiet: bool
) -> Review:
    from ..review import review as run_review
    from .progress import TerminalWatcher

    if not quiet:
        stderr.print(f"Reviewing [bold]{spec.name}[/]", highlight=False)
    with TerminalWatcher(stderr, quiet=quiet) as watcher:
        return run_review(spec, output=folder, watcher=watcher, **asked)


def _distinct(specs: list[ModelSpec]) -> None:
    from ..errors import SpecError

    names = [s.name for s in specs]
    for spec in specs:
        if names.count(spec.name) > 1:
            raise SpecError(
                f"two specs are called {spec.name}",
                path=spec.path,
                line=spec.line,
                do="review them one at a time, or give one of them name='...'",
            )
