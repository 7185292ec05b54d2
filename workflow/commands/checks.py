"""The commands that say what is asked of a model: ``poolwise list`` and ``poolwise explain``."""

from __future__ import annotations

import click

from .errors import friendly


@click.command("list")
@friendly
def list_checks() -> None:
    """List every check: code, stage and the fault it looks for."""
    from ...checks import REGISTRY, selected

    stage = ""
    for check in selected():
        if check.stage != stage:
            stage = check.stage
            click.secho(f"\n{stage.capitalize()}", bold=True)
        click.echo(f"  {check.code}  {REGISTRY[check.code].title}")


@click.command()
@click.argument("code")
@friendly
def explain(code: str) -> None:
    """Say what the check CODE asks, why it matters and what to do."""
    from ...checks import REGISTRY
    from ..errors import SpecError

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
