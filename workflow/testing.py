"""Reviews in ordinary tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .review import Review

__all__ = ["assert_review"]


def assert_review(spec: Any, *, fail_on: str = "fail", **options: Any) -> Review:
    """Review a model and fail with what its checks found.

    Parameters
    ----------
    spec : str, ModelSpec, callable, pymc.Model or Review
        What to review: ``"specs/models.py::eight_schools"``, anything :func:`poolwise.review`
        takes, or a finished review.
    fail_on : {"fail", "warn"}
        ``warn`` does not let warnings and undecided questions pass either.
    **options
        Those of :func:`poolwise.review`: ``tier``, ``select``, ``ignore``, ``draws``, ``tune``,
        ``chains``, ``seed``, ``output``.

    Returns
    -------
    Review
        For assertions of your own.

    Raises
    ------
    AssertionError
        If the review does not stand. The text names each check with its value and threshold.
    SpecError
        If the spec cannot be reviewed as it is.

    Examples
    --------
    >>> def test_eight_schools():
    ...     done = assert_review("specs/schools.py::eight_schools", fail_on="warn")
    ...     assert done.data["posterior"]["tau"].mean() < 20
    """
    __tracebackhide__ = True
    from ..reports.failures import FAILING, failing, failure_lines
    from .review import Review, review

    if fail_on not in FAILING:
        raise ValueError(f"fail_on is one of {', '.join(FAILING)}, not {fail_on!r}")
    if isinstance(spec, Review):
        if options:
            raise TypeError(f"a finished review takes no {', '.join(sorted(options))}")
        done = spec
    else:
        done = review(spec_of(spec), **options)
    bad = failing(done.findings, fail_on)
    if bad:
        lines = [f"{done.record.name}: {done.verdict}"]
        for finding in bad:
            lines += ["", *failure_lines(finding, done.record.path, done.record.line)]
        raise AssertionError("\n".join([*lines, "", f"report: {done.report}"]))
    return done


def spec_of(spec: Any, root: Path | None = None) -> Any:
    """Return what ``"models.py::name"`` names; anything but text is made a spec as it is.

    Parameters
    ----------
    spec : str, ModelSpec, callable or pymc.Model
    root : Path, optional
        Where relative files lie; the working folder when left out.

    Raises
    ------
    SpecError
        If a file holds several specs and none is named.
    """
    from .errors import SpecError
    from .specs.loading import as_spec, load_specs

    if not isinstance(spec, str):
        return as_spec(spec)
    target = spec if root is None else str(root / spec)
    specs = load_specs(target)
    if len(specs) > 1:
        raise SpecError(
            f"holds {len(specs)} specs",
            path=target,
            expected=f"the name of one: {spec}::{specs[0].name}",
        )
    return specs[0]
