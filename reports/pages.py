"""The templates of the report, with the few functions they use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..checks import SEVERITY, Verdict
from ..checks.words import listed
from .drawing import bars
from .hierarchy import LINKS

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

#: What the status column says.
STATUS = {v: v.value for v in SEVERITY} | {Verdict.WARN: "warning", Verdict.FAIL: "failed"}


def environment() -> Environment:
    """Return Jinja with the templates of this package; everything is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader(__package__, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"prose": prose, "bars": bars, "listed": listed}
    made.globals |= {"STATUS": STATUS, "LINKS": LINKS}
    return made


def prose(text: str) -> Markup:
    """Escape a text, and set what stands in double backticks as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"``(.+?)``", r"<code>\1</code>", str(escape(text))))
