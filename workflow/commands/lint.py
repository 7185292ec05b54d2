"""The command ``poolwise lint``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .errors import friendly
from .options import codes_options, fail_on_option, verbose_option
from .output import FORMATS, Formats, emit, file_views, formats_option, write_files


@click.command()
@click.argument("targets", nargs=-1, required=True, metavar="SPEC...")
@codes_options(what="rules", example="SPC1,SPC605")
@fail_on_option("warnings")
@formats_option("text", *FORMATS[1:], text="What to print; files with --output.")
@click.option("--output", "-o", type=click.Path(), help="Folder for the files of --format.")
@click.option("--only-specs", is_flag=True, help="Pass over files that hold no spec.")
@verbose_option("Also say what was ignored or not understood.")
@friendly
def lint(
    targets: tuple[str, ...],
    select: list[str],
    ignore: list[str],
    fail_on: str,
    formats: Formats,
    output: str | None,
    only_specs: bool,
    verbose: bool,
) -> None:
    """Find faults in SPEC without sampling: a file, a function in it, or a folder.

    Prints "file:line: CODE message". A comment on the line of a variable silences a rule there:
    "# poolwise: ignore[SPC104] reason".
    """
    from ...reports.lint import exit_code, lint_lines, summary
    from ..errors import SpecError
    from ..lint import lint_all, lint_results
    from ..specs.files import may_hold_specs
    from ..specs.loading import load_specs

    wanted = [t for t in targets if not only_specs or may_hold_specs(Path(t.partition("::")[0]))]
    specs = [spec for target in wanted for spec in load_specs(target)]
    found = lint_all(specs, select=select, ignore=ignore)
    results = lint_results(specs, [findings for _, findings in found])
    if output is not None:
        write_files(Path(output), "lint", file_views(results, formats))
    elif len(formats.files) > 1 or (formats.files and formats.printed not in formats.files):
        raise SpecError(
            f"--format {','.join(formats.asked)} makes several files",
            do="name a folder for them with --output, or ask for one format at a time",
        )
    if not formats.printed or "text" in formats.asked:
        for line in lint_lines(found, verbose=verbose):
            click.echo(line, err=bool(formats.printed))
    emit(results, formats)
    click.echo(summary(found), err=True)
    sys.exit(exit_code(found, fail_on))
