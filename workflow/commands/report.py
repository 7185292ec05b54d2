"""The command ``poolwise report``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .errors import friendly
from .options import verbose_option
from .output import FORMATS, Formats, emit, file_views, formats_option, print_result, write_files


@click.command()
@click.argument("run", type=click.Path())
@formats_option(*FORMATS, text="Files of the run folder; a single one is printed too.")
@verbose_option()
@friendly
def report(run: str, formats: Formats, verbose: bool) -> None:
    """Judge a saved RUN again and write its report, without sampling."""
    from ...reports.html import render
    from ..runs.record import as_json, load_run
    from ..runs.store import write_text

    record = load_run(run)
    file = Path(run) / "report.html"
    write_text(file, render(record))
    results = [as_json(record)]
    write_files(Path(run), "run", file_views(results, formats))
    print_result(record, file, formats, quiet=False, verbose=verbose)
    emit(results, formats)
    sys.exit(record.conclusion.exit_code())
