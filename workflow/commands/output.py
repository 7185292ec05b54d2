"""Where machine formats go: files of a run folder, stdout, and the summary of a GitHub step."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ...reports.machine import Result
    from ...reports.terminal import Judged
    from ..errors import SpecError
    from ..specs.spec import ModelSpec

#: Every format of a result, the default first.
FORMATS = ("html", "json", "junit", "sarif", "github", "markdown")

#: How each format that is a file ends.
ENDINGS = {
    "json": "json",
    "junit": "junit.xml",
    "sarif": "sarif",
    "markdown": "md",
    "html": "html",
}

#: Of these, the ones that are views of a result.
_VIEWS = ("json", "junit", "sarif", "markdown")


@dataclass(frozen=True, slots=True)
class Formats:
    """The formats that were asked for.

    Attributes
    ----------
    asked : tuple of str
    noticed : bool
        Whether ``github`` was not asked for but is there because GitHub Actions runs the command:
        its annotations then go to stderr, which Actions reads too, and stdout stays as it is
        elsewhere.
    """

    asked: tuple[str, ...]
    noticed: bool = False

    @property
    def files(self) -> list[str]:
        """Views of a result that are files."""
        return [name for name in _VIEWS if name in self.asked]

    @property
    def printed(self) -> str:
        """The format that has stdout to itself, or an empty string.

        Annotations must be printed; else it is the only file format that was asked for.
        """
        if "github" in self.asked and not self.noticed:
            return "github"
        return self.files[0] if len(self.files) == 1 else ""


def formats_option(*names: str, text: str) -> Callable[[Any], Any]:
    """Return the option ``--format``: a list of formats, of which ``names[0]`` is the default."""

    def parse(context: click.Context, parameter: click.Parameter, value: str | None) -> Formats:
        if value is None:
            noticed = os.environ.get("GITHUB_ACTIONS") == "true"
            return Formats((names[0], "github") if noticed else (names[0],), noticed)
        asked = [name.strip() for name in value.split(",") if name.strip()]
        unknown = [name for name in asked if name not in names]
        if unknown or not asked:
            said = f"{', '.join(unknown)} is" if unknown else "that is"
            raise click.BadParameter(f"{said} none of {', '.join(names)}.")
        return Formats(tuple(dict.fromkeys(asked)))

    return click.option(
        "--format",
        "formats",
        callback=parse,
        metavar="FORMATS",
        help=f"{text} One or several of {','.join(names)}.",
    )


def file_views(results: Sequence[Result], formats: Formats) -> dict[str, str]:
    """Return results in every file format that was asked for, by format."""
    return {name: view(name, results) for name in formats.files}


def write_files(folder: Path, stem: str, views: Mapping[str, str]) -> list[Path]:
    """Write texts by format into a folder; return the files.

    Raises
    ------
    SpecError
        If the folder cannot be made or written.
    """
    from ..errors import SpecError
    from ..runs.store import write_text

    written = [folder / f"{stem}.{ENDINGS[name]}" for name in views]
    try:
        for text, file in zip(views.values(), written, strict=True):
            folder.mkdir(parents=True, exist_ok=True)
            write_text(file, text)
    except OSError as error:
        why = error.strerror or error
        raise SpecError(f"cannot be written: {why}", path=str(folder)) from error
    return written


def print_result(
    record: Judged, report: Path, formats: Formats, *, quiet: bool, verbose: bool
) -> None:
    """Print what was judged for people: aside, where stdout belongs to a machine format."""
    from rich.console import Console

    from ...reports.terminal import print_review

    aside = bool(formats.printed)
    if quiet:
        click.echo(f"{record.name}: {record.conclusion.headline}", err=aside)
    else:
        print_review(record, Console(stderr=aside), verbose=verbose)
    # The path stands alone on the last line, for scripts that read it.
    click.echo(report, err=aside)


def emit(results: Sequence[Result], formats: Formats) -> None:
    """Print the format that goes to stdout, and tell GitHub when it is told."""
    if formats.printed:
        print_text(view(formats.printed, results))
    elif formats.noticed:
        print_text(view("github", results), sys.stderr)
    if "github" in formats.asked:
        append_to_step(view("markdown", results))


def view(name: str, results: Sequence[Result]) -> str:
    """Return results in one format."""
    from ...reports import machine

    views: Mapping[str, Callable[[Sequence[Result]], str]] = {
        "json": machine.json_text,
        "junit": machine.junit,
        "sarif": machine.sarif,
        "github": machine.commands,
        "markdown": machine.summary,
    }
    return views[name](results)


def append_to_step(markdown: str) -> None:
    """Append to the summary of a GitHub step, if there is one, as far as it has room."""
    from ...reports.machine.markdown import MOST_BYTES, cut

    target = os.environ.get("GITHUB_STEP_SUMMARY")
    if not target:
        return
    file = Path(target)
    used = file.stat().st_size if file.exists() else 0
    with file.open("a", encoding="utf-8", newline="\n") as open_file:
        open_file.write(cut(markdown, MOST_BYTES - used))


def print_text(text: str, stream: Any = None) -> None:
    """Write UTF-8 to stdout (or another stream) whatever the locale: a machine reads it."""
    stream = stream or sys.stdout
    stream.flush()
    stream.buffer.write(text.encode())
    stream.buffer.flush()


def stopped_result(spec: ModelSpec, error: SpecError) -> dict[str, Any]:
    """Return the result of a spec that could not be reviewed: an error, and nothing else."""
    from dataclasses import replace

    from poolwise import __version__

    from ...checks import REGISTRY
    from ...checks.run import stopped
    from ...reports.machine import lint_result

    check = REGISTRY["RUN001"]
    found = stopped(str(error).replace("\n  ", "; "), where="", line=error.line or spec.line)
    finding = replace(found, code=check.code, name=check.name, stage=check.stage)
    result = lint_result(
        [finding],
        name=spec.name,
        path=spec.path,
        line=spec.line,
        source=spec.source,
        tool=__version__,
    )
    return result | {"kind": "stopped"}
