"""One result object, every machine format a view of it.

A *result* is what ``run.json`` holds (or what a linter found, in the same shape). Every function
here takes results and returns text: the same bytes for the same results.
"""

from .github import commands
from .junit import junit
from .markdown import summary
from .results import Result, json_text, lint_result
from .sarif import sarif

__all__ = ["Result", "commands", "json_text", "junit", "lint_result", "sarif", "summary"]
