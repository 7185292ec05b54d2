"""Reviews of made-up runs, and a reader of the pages made from them: nothing here samples."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from poolwise.checks import Evidence, run_checks
from poolwise.checks.conclusion import conclude
from poolwise.checks.examples import eight_schools
from poolwise.reports.html import render
from poolwise.reports.record import ReviewRecord, StageRecord

Make = Callable[..., ReviewRecord]

_VOID = {"meta", "link", "br", "img", "hr", "input"}


@dataclass
class Page(HTMLParser):
    """Tags in order, ids, links, loaded addresses and visible text of a page."""

    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    headings: list[int] = field(default_factory=list)
    unnamed_tables: int = 0
    open: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {k: v or "" for k, v in attrs}
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "a":
            self.links.append(found.get("href", ""))
        elif tag == "use" or tag == "image":
            self.loads.append(found.get("href", ""))
        elif "src" in found or "href" in found:
            self.loads.append(found.get("src", found.get("href", "")))
        self.loads += re.findall(r"url\(([^)]*)\)", found.get("style", ""))
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> closes {self.open[-1:]}")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def _read(html: str) -> Page:
    found = Page()
    found.feed(html)
    found.close()
    return found


def _figures(html: str) -> list[ElementTree.Element]:
    """Parse every figure's SVG; malformed ones raise."""
    return [
        ElementTree.fromstring(text)
        for text in re.findall(r'<svg viewBox="[^"]*" role="img".*?</svg>', html, re.S)
    ]


def review(evidence: Evidence, **details: Any) -> ReviewRecord:
    """Judge evidence as a review does."""
    findings = run_checks(evidence, thresholds=details.get("thresholds"))
    stages = ("prior predictive", "fit", "posterior predictive", "hierarchy", "prior sensitivity")
    return ReviewRecord(
        **{
            "name": "schools",
            "path": "models/schools.py",
            "line": 12,
            "source": "def schools():\n    ...\n",
            "created": "2026-11-22T09:07:36Z",
            "seconds": 34.1,
            "unit": "points",
            "settings": {"draws": 1000, "tune": 1000, "chains": 4, "seed": 1},
            "environment": {"python": "3.13.0", "poolwise": "0.1.0"},
            "data": {"rows": {"y": 8}, "sha256": "ab" * 32},
            "stages": [StageRecord(name=s, status="done", seconds=1.0) for s in stages],
            "evidence": evidence,
            "findings": findings,
            "conclusion": conclude(findings),
            "command": "poolwise review models/schools.py::schools --seed 1",
            **details,
        }
    )


@pytest.fixture(scope="session")
def make() -> Make:
    """Make the review of a run made up by ``eight_schools``; ``details`` are the record's."""

    def made(*, details: dict[str, Any] | None = None, **options: Any) -> ReviewRecord:
        return review(eight_schools(**options), **(details or {}))

    return made


@pytest.fixture(scope="session")
def schools(make: Make) -> ReviewRecord:
    """Eight schools with a sweep."""
    return make(sweep_scales=(2.5, 10.0, 25.0))


@pytest.fixture(scope="session")
def page(schools: ReviewRecord) -> str:
    return render(schools)


@pytest.fixture(scope="session")
def read() -> Callable[[str], Page]:
    return _read


@pytest.fixture(scope="session")
def figures() -> Callable[[str], list[ElementTree.Element]]:
    return _figures
