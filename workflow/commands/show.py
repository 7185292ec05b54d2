"""The command ``poolwise show``."""

from __future__ import annotations

import click

from .errors import friendly


@click.command()
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

    from rich.console import Console

    from ...reports.tree import print_hierarchy
    from ..show import sketch
    from ..specs.loading import load_specs

    found = [sketch(spec) for target in targets for spec in load_specs(target)]
    if format_ == "json":
        data = [this.as_dict() for this in found]
        click.echo(json.dumps(data[0] if len(data) == 1 else data, indent=1))
        return
    for this in found:
        print_hierarchy(this, Console())
