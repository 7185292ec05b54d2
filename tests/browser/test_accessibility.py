"""A report as its readers meet it: on paper-wide and phone-wide windows, by day and by night.

``POOLWISE_REPORTS`` names the reports to open (separated like ``PATH``); without it the eight
schools report is made first. With ``POOLWISE_SCREENSHOTS`` set, images are kept in that folder.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from page_audit import VIEWS, View, audit, screenshot, visible_lines
from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
EIGHT_SCHOOLS = Path("tutorials/models/eight_schools.py")
NAMED = [Path(name) for name in os.environ.get("POOLWISE_REPORTS", "").split(os.pathsep) if name]


def label(path: Path) -> str:
    """Reports are often all called the same, and sit in folders that are not."""
    return "/".join(path.parts[-2:])


@pytest.fixture(scope="session")
def eight_schools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("review")
    program = Path(sys.executable).with_name("poolwise")
    done = subprocess.run(
        [program, "review", EIGHT_SCHOOLS, "--output", output],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    # A review that ran and found fault exits with 1, and has a report all the same.
    assert done.returncode in (0, 1), done.stderr
    reports = list(output.rglob("*.html"))
    assert len(reports) == 1, f"expected one report in {output}, found {reports}\n{done.stdout}"
    return reports[0]


@pytest.fixture(scope="session", params=NAMED or [EIGHT_SCHOOLS], ids=label)
def report(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    if path != EIGHT_SCHOOLS:
        assert path.is_file(), f"{path} is named in POOLWISE_REPORTS and is not a file"
        return path
    made: Path = request.getfixturevalue("eight_schools")
    return made


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_a_report_is_accessible_offline_and_fits_its_window(
    browser: Browser, report: Path, view: View
) -> None:
    if folder := os.environ.get("POOLWISE_SCREENSHOTS"):
        screenshot(browser, report, view, Path(folder) / report.parent.name)
    found = audit(browser, report, view)
    assert not found.violations, "\n".join(found.violations)
    assert not found.requests
    assert found.overflow == 0


def test_a_report_is_readable_without_javascript(browser: Browser, report: Path) -> None:
    without = visible_lines(browser, report, javascript=False)
    lost = [
        line for line in visible_lines(browser, report, javascript=True) if line not in set(without)
    ]
    assert len(without) > 20
    assert not lost
