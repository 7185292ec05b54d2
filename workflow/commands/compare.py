"""The commands that compare runs: ``poolwise baseline`` and ``poolwise compare``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .errors import EXIT_CHECKS_FAILED, friendly
from .output import Formats, append_to_step, formats_option, print_text, write_files


def _matters(context: click.Context, parameter: click.Parameter, value: str) -> list[str]:
    from ..comparing.compare import MATTERS

    named = [name.strip() for name in value.split(",") if name.strip()]
    unknown = [name for name in named if name not in MATTERS]
    if unknown or not named:
        raise click.BadParameter(f"expected some of {', '.join(MATTERS)}.")
    return named


@click.command()
@click.argument("run", type=click.Path())
@click.option("--output", "-o", type=click.Path(), help="File to write (NAME.baseline.json).")
@friendly
def baseline(run: str, output: str | None) -> None:
    """Write the part of RUN that later runs are compared with, as a small file to commit."""
    from ..comparing.baseline import load_baseline, write_baseline
    from ..errors import SpecError

    found = load_baseline(run)
    file = Path(output or f"{found['spec']['name']}.baseline.json")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_baseline(file, found)
    except OSError as error:
        raise SpecError(f"cannot be written: {error.strerror or error}", path=str(file)) from error
    click.echo(file)


@click.command()
@click.argument("old", type=click.Path())
@click.argument("new", type=click.Path())
@formats_option(
    "text", "html", "markdown", "github", text="Files in --output; Markdown alone is printed."
)
@click.option("--output", "-o", type=click.Path(), help="Folder for the files (that of NEW).")
@click.option(
    "--fail-on",
    default="worse,moved",
    show_default=True,
    callback=_matters,
    metavar="CHANGES",
    help="What exits with 1: worse (findings), moved (conclusions), findings (any), flips "
    "(decisions), nothing.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    metavar="SD",
    help="Let moves of up to so many posterior standard deviations pass.",
)
@friendly
def compare(
    old: str, new: str, formats: Formats, output: str | None, fail_on: list[str], tolerance: float
) -> None:
    """Say what changed from OLD to NEW, and why: run folders or files of 'poolwise baseline'.

    Exit codes: 0 nothing that matters changed, 1 something did, 2 they cannot be compared.
    """
    from rich.console import Console

    from ...reports.compare_html import render_comparison
    from ...reports.compare_markdown import markdown
    from ...reports.compare_terminal import print_comparison
    from ..comparing.compare import compare as run_comparison
    from ..comparing.compare import matters

    found = run_comparison(old, new)
    views = {"html": render_comparison, "markdown": markdown}
    alone = "markdown" in formats.asked and "text" not in formats.asked
    print_comparison(found, Console(stderr=alone))
    folder = Path(output) if output else Path(new) if Path(new).is_dir() else Path()
    wanted = {name: make(found) for name, make in views.items() if name in formats.asked}
    for file in write_files(folder, "compare", wanted):
        click.echo(file, err=alone)
    if alone:
        print_text(wanted["markdown"])
    if "github" in formats.asked:
        append_to_step(markdown(found))
    sys.exit(EXIT_CHECKS_FAILED if matters(found, fail_on, tolerance) else 0)
