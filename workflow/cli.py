"""The command line. Importing it imports neither PyMC nor ArviZ; commands do when they run."""

from __future__ import annotations

import click

from poolwise import __version__

from .commands.calibrate import calibrate
from .commands.checks import explain, list_checks
from .commands.compare import baseline, compare
from .commands.init import init
from .commands.lint import lint
from .commands.report import report
from .commands.review import review
from .commands.show import show


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="poolwise")
def main() -> None:
    """Review hierarchical Bayesian models.

    Give it a PyMC model with its data; it simulates from the prior, fits, checks the fit against
    the data, sweeps the priors, and writes one HTML review.

    Exit codes: 0 the review stands, 1 checks failed, 2 it could not run.
    """


for command in (
    review,
    report,
    lint,
    show,
    list_checks,
    explain,
    init,
    baseline,
    compare,
    calibrate,
):
    main.add_command(command)


if __name__ == "__main__":
    main()
