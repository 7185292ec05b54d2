"""The command ``poolwise init``."""

from __future__ import annotations

from pathlib import Path

import click

from .errors import friendly


@click.command()
@click.argument("path", type=click.Path(), default="models.py")
@friendly
def init(path: str) -> None:
    """Write a commented first spec to PATH (models.py).

    A PATH that ends in .toml becomes a spec without Python, with a data file beside it.
    """
    from ..errors import SpecError
    from ..specs.template import FIRST_SPEC, FIRST_TOML, first_data

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
