"""The command line. Importing it imports neither PyMC nor ArviZ; commands do when they run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poolwise import __version__

from .commands.calibrate import calibrate
from .commands.compare import baseline, compare
from .commands.errors import EXIT_COULD_NOT_RUN, friendly
from .commands.options import workers_options
from .commands.output import Formats, emit, file_views, formats_option, stopped_result, write_files

if TYPE_CHECKING:
    from rich.console import Console

    from ..reports.record import ReviewRecord
    from .review import Review
    from .specs.spec import ModelSpec

FORMATS = ("html", "json", "junit", "sarif", "github", "markdown")


def _codes(context: click.Context, parameter: click.Parameter, value: str | None) -> list[str]:
    return [code.strip() for code in (value or "").split(",") if code.strip()]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="poolwise")
def main() -> None:
    """Review hierarchical Bayesian models.

    Give it a PyMC model with its data; it simulates from the prior, fits, checks the fit against
    the data, sweeps the priors, and writes one HTML review.

    Exit codes: 0 the review stands, 1 checks failed, 2 it could not run.
    """


@main.command()
@click.argument("targets", nargs=-1, required=True, metavar="SPEC...")
@click.option(
    "--levels",
    type=click.Path(),
    default="",
    help="TOML file with the [levels.NAME] of a fit (SPEC is a netCDF file).",
)
@click.option("--output", "-o", type=click.Path(), help="Run folder (poolwise_runs/NAME).")
@click.option("--seed", type=click.IntRange(min=0), help="The only source of randomness.")
@click.option("--draws", type=click.IntRange(min=100), default=1000, show_default=True)
@click.option("--tune", type=click.IntRange(min=100), default=1000, show_default=True)
@click.option("--chains", type=click.IntRange(min=1), default=4, show_default=True)
@click.option("--select", callback=_codes, metavar="CODES", help="Only these checks: SMP,PPC401.")
@click.option("--ignore", callback=_codes, metavar="CODES", help="All but these checks.")
@click.option(
    "--fail-on",
    type=click.Choice(["fail", "warn"]),
    default="fail",
    show_default=True,
    help="'warn' also exits with 1 on warnings and undecided questions.",
)
@click.option(
    "--tier",
    type=click.Choice(["lint", "prior", "full"]),
    default="full",
    show_default=True,
    help="How deep to look: 'lint' samples nothing, 'prior' only simulates from the prior.",
)
@workers_options
@formats_option(*FORMATS, text="Files of the run folder; a single one is printed too.")
@click.option("--quiet", "-q", is_flag=True, help="Print the verdict and the path only.")
@click.option("--verbose", "-v", is_flag=True, help="Print every finding.")
@friendly
def review(
    targets: tuple[str, ...],
    levels: str,
    output: str | None,
    seed: int | None,
    draws: int,
    tune: int,
    chains: int,
    select: list[str],
    ignore: list[str],
    fail_on: str,
    tier: str,
    workers: int | None,
    scheduler: str,
    formats: Formats,
    quiet: bool,
    verbose: bool,
) -> None:
    """Review SPEC: a file, one spec in it (models.py::eight_schools), or a folder.

    A file of Python functions, a TOML spec (data file, formula, priors), or fit.nc: the draws of a
    model that was fitted elsewhere, whose hierarchy a TOML file declares (--levels).
    """
    from .errors import SpecError
    from .execution.cluster import crew
    from .runs.record import as_json
    from .specs.loading import load_specs

    stderr = _console(stderr=True)
    if not quiet and stderr.is_terminal:
        with stderr.status("loading"):
            specs = [spec for target in targets for spec in load_specs(target, levels)]
    else:
        specs = [spec for target in targets for spec in load_specs(target, levels)]
    _distinct(specs)
    options: dict[str, Any] = {
        "seed": seed,
        "draws": draws,
        "tune": tune,
        "chains": chains,
        "select": select,
        "ignore": ignore,
        "tier": tier,
    }
    results: list[Any] = []
    worst = 0
    with crew(workers=workers, scheduler=scheduler) as options["executor"]:
        for spec in specs:
            folder = None if output is None else Path(output)
            if folder is not None and len(specs) > 1:
                folder = folder / spec.name
            try:
                this = _review_one(spec, folder, options, stderr, quiet)
            except SpecError as error:
                # The other specs, and machines that read the result, must not lose by it.
                results.append(stopped_result(spec, error))
                click.echo(f"poolwise: {error}", err=True)
                worst = EXIT_COULD_NOT_RUN
                continue
            results.append(as_json(this.record))
            write_files(this.folder, "run", file_views(results[-1:], formats))
            worst = max(worst, this.exit_code(fail_on))
            _show(this.record, this.report, formats, quiet=quiet, verbose=verbose)
    emit(results, formats)
    sys.exit(worst)


def _review_one(
    spec: ModelSpec, folder: Path | None, options: dict[str, Any], stderr: Console, quiet: bool
) -> Review:
    from .commands.progress import TerminalWatcher
    from .review import review as run_review

    if not quiet:
        stderr.print(f"Reviewing [bold]{spec.name}[/]", highlight=False)
    with TerminalWatcher(stderr, quiet=quiet) as watcher:
        return run_review(spec, output=folder, watcher=watcher, **options)


def _show(
    record: ReviewRecord, report: Path, formats: Formats, *, quiet: bool, verbose: bool
) -> None:
    from ..reports.terminal import print_review

    aside = bool(formats.printed)
    console = _console(stderr=aside)
    if quiet:
        console.print(f"{record.name}: {record.conclusion.headline}", highlight=False, markup=False)
    else:
        print_review(record, console, verbose=verbose)
    # The path stands alone on the last line, for scripts that read it.
    click.echo(report, err=aside)


def _distinct(specs: list[ModelSpec]) -> None:
    from .errors import SpecError

    names = [s.name for s in specs]
    for spec in specs:
        if names.count(spec.name) > 1:
            raise SpecError(
                f"two specs are called {spec.name}",
                path=spec.path,
                line=spec.line,
                do="review them one at a time, or give one of them name='...'",
            )


@main.command()
@click.argument("run", type=click.Path())
@formats_option(*FORMATS, text="Files of the run folder; a single one is printed too.")
@click.option("--verbose", "-v", is_flag=True, help="Print every finding.")
@friendly
def report(run: str, formats: Formats, verbose: bool) -> None:
    """Judge a saved RUN again and write its report, without sampling."""
    from ..reports.html import render
    from .runs.record import as_json, load_run
    from .runs.store import write_text

    record = load_run(run)
    file = Path(run) / "report.html"
    write_text(file, render(record))
    results = [as_json(record)]
    write_files(Path(run), "run", file_views(results, formats))
    _show(record, file, formats, quiet=False, verbose=verbose)
    emit(results, formats)
    sys.exit(record.conclusion.exit_code())


@main.command()
@click.argument("targets", nargs=-1, required=True, metavar="SPEC...")
@click.option("--select", callback=_codes, metavar="CODES", help="Only these rules: SPC1,SPC605.")
@click.option("--ignore", callback=_codes, metavar="CODES", help="All but these rules.")
@click.option(
    "--fail-on",
    type=click.Choice(["fail", "warn"]),
    default="fail",
    show_default=True,
    help="'warn' also exits with 1 on warnings.",
)
@formats_option("text", *FORMATS[1:], text="What to print; files with --output.")
@click.option("--output", "-o", type=click.Path(), help="Folder for the files of --format.")
@click.option("--only-specs", is_flag=True, help="Pass over files that hold no spec.")
@click.option("--verbose", "-v", is_flag=True, help="Also say what was ignored or not understood.")
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
    from ..reports.lint import exit_code, lint_lines, summary
    from .errors import SpecError
    from .lint import lint_all, lint_results
    from .specs.files import may_hold_specs
    from .specs.loading import load_specs

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


@main.command()
@click.argument("targets", nargs=-1, required=True, metavar="SPEC...")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="'json' prints what the tree shows as data.",
)
@friendly
def show(targets: tuple[str, ...], format_: str) -> None:
    """Print the hierarchy of SPEC: levels, rows per group, priors; without sampling."""
    import json

    from ..reports.tree import print_hierarchy
    from .show import sketch
    from .specs.loading import load_specs

    found = [sketch(spec) for target in targets for spec in load_specs(target)]
    if format_ == "json":
        data = [this.as_dict() for this in found]
        click.echo(json.dumps(data[0] if len(data) == 1 else data, indent=1))
        return
    for this in found:
        print_hierarchy(this, _console())


@main.command("list")
@friendly
def list_checks() -> None:
    """List every check: code, stage and the fault it looks for."""
    from ..checks import REGISTRY, selected

    stage = ""
    for check in selected():
        if check.stage != stage:
            stage = check.stage
            click.secho(f"\n{stage.capitalize()}", bold=True)
        click.echo(f"  {check.code}  {REGISTRY[check.code].title}")


@main.command()
@click.argument("code")
@friendly
def explain(code: str) -> None:
    """Say what the check CODE asks, why it matters and what to do."""
    from ..checks import REGISTRY
    from .errors import SpecError

    check = REGISTRY.get(code.upper())
    if check is None:
        alike = [c for c in REGISTRY if c.startswith(code.upper()[:3])] or list(REGISTRY)
        raise SpecError(f"there is no check {code}", expected=f"one of {', '.join(alike)}")
    click.secho(f"{check.code} {check.name}", bold=True)
    click.echo(f"{check.title}\n")
    for heading in ("Asks", "Why it matters", "What to do", "Thresholds", "Source"):
        click.secho(heading, bold=True)
        click.echo(f"{_wrapped(check.section(heading))}\n")
    if check.after:
        click.echo(f"Not judged when {', '.join(check.after)} failed.")
    for name, default in check.thresholds.items():
        click.echo(f'thresholds={{"{check.code}": {{"{name}": {default!r}}}}}')


def _wrapped(text: str) -> str:
    import textwrap

    return textwrap.fill(
        text.replace("``", "`"), width=88, initial_indent="  ", subsequent_indent="  "
    )


@main.command()
@click.argument("path", type=click.Path(), default="models.py")
@friendly
def init(path: str) -> None:
    """Write a commented first spec to PATH (models.py).

    A PATH that ends in .toml becomes a spec without Python, with a data file beside it.
    """
    from .errors import SpecError
    from .specs.template import FIRST_SPEC, FIRST_TOML, first_data

    file = Path(path)
    files = {file: FIRST_SPEC}
    if file.suffix == ".toml":
        data = file.with_suffix(".csv")
        files = {file: FIRST_TOML.format(path=path, data=data.name), data: first_data()}
    for this in files:
        if this.exists():
            raise SpecError(
                "exists already",
                path=str(this),
                do=f"name another file: poolwise init {_other(file)}",
            )
    try:
        for this, text in files.items():
            this.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SpecError(f"cannot be written: {error.strerror or error}", path=path) from error
    click.echo(f"Wrote {path}. Review it with: poolwise review {path}")


def _other(file: Path) -> str:
    return f"NAME{file.suffix or '.py'}"


main.add_command(baseline)
main.add_command(compare)
main.add_command(calibrate)


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, soft_wrap=False)


if __name__ == "__main__":
    main()
