"""The command ``poolwise calibrate``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from .errors import friendly
from .options import fail_on_option, quiet_option, sizes_options, verbose_option, workers_options
from .output import FORMATS, Formats, emit, file_views, formats_option, print_result, write_files


@click.command()
@click.argument("target", metavar="SPEC")
@click.option(
    "--simulations",
    "-n",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="Data sets that are simulated and fitted; more add to those that are finished.",
)
@click.option(
    "--posterior",
    is_flag=True,
    help="Draw true values from the posterior, and fit observed and simulated data together.",
)
@click.option(
    "--simulator",
    default="",
    metavar="SPEC",
    help="Model that parameters and data are simulated from, when not SPEC itself.",
)
@click.option("--output", "-o", type=click.Path(), help="Folder (poolwise_runs/NAME/calibration).")
@sizes_options(draws=500, tune=500, chains=2)
@fail_on_option()
@workers_options("one for every processor")
@formats_option(*FORMATS, text="Files of the folder; a single one is printed too.")
@quiet_option()
@verbose_option()
@friendly
def calibrate(
    target: str,
    simulations: int,
    posterior: bool,
    simulator: str,
    output: str | None,
    fail_on: str,
    workers: int | None,
    scheduler: str,
    formats: Formats,
    quiet: bool,
    verbose: bool,
    **sizes: Any,
) -> None:
    """Fit data simulated from SPEC itself: are true values recovered?

    SPEC is one model (models.py::eight_schools). An interrupted calibration goes on where it
    stopped. Exit codes: 0 calibrated as far as the fits show, 1 not, 2 it could not run.
    """
    from rich.console import Console

    from ...reports.calibration import as_json
    from ..calibration import calibrate as run_calibration
    from ..specs.loading import load_specs
    from .progress import TerminalWatcher

    spec = _single(target, load_specs(target))
    other = _single(simulator, load_specs(simulator)) if simulator else None
    with TerminalWatcher(Console(stderr=True), quiet=quiet) as watcher:
        found = run_calibration(
            spec,
            simulations=simulations,
            posterior=posterior,
            simulator=other,
            output=None if output is None else Path(output),
            workers=workers,
            scheduler=scheduler,
            watcher=watcher,
            **sizes,
        )
    result = as_json(found.record)
    write_files(found.folder, "calibration", file_views([result], formats))
    print_result(found.record, found.report, formats, quiet=quiet, verbose=verbose)
    emit([result], formats)
    sys.exit(found.exit_code(fail_on))


def _single[T](target: str, specs: list[T]) -> T:
    from ..errors import SpecError

    if len(specs) != 1:
        names = ", ".join(str(getattr(s, "name", "?")) for s in specs)
        raise SpecError(
            f"{target} holds {len(specs)} specs: {names}",
            expected="one model",
            do="name it after the file: models.py::NAME",
        )
    return specs[0]
