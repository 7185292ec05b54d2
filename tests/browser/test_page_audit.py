"""The audit sees the faults it is there for: one page per fault, and one without any."""

from pathlib import Path

import pytest
from page_audit import VIEWS, View, audit, screenshot, visible_lines
from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

PHONE = View(400, "light")


def write_page(folder: Path, body: str, style: str = "") -> Path:
    page = folder / "page.html"
    page.write_text(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{style}</style></head><body><main><h1>A page</h1>{body}</main></body></html>",
        encoding="utf-8",
    )
    return page


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_a_sound_page_has_no_faults(browser: Browser, tmp_path: Path, view: View) -> None:
    found = audit(browser, write_page(tmp_path, "<p>Sound.</p>"), view)
    assert (found.violations, found.requests, found.overflow) == ((), (), 0)


def test_a_missing_alternative_text_is_a_violation(browser: Browser, tmp_path: Path) -> None:
    image = '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=">'
    found = audit(browser, write_page(tmp_path, image), PHONE)
    assert [violation.split()[0] for violation in found.violations] == ["image-alt"]


def test_low_contrast_in_one_scheme_only_is_a_violation_there(
    browser: Browser, tmp_path: Path
) -> None:
    style = "@media (prefers-color-scheme: dark) { body { background: #111; color: #333; } }"
    page = write_page(tmp_path, "<p>Hard to read at night.</p>", style)
    assert not audit(browser, page, View(400, "light")).violations
    assert "color-contrast" in audit(browser, page, View(400, "dark")).violations[0]


def test_a_fault_inside_closed_details_is_seen(browser: Browser, tmp_path: Path) -> None:
    body = '<details><summary>More</summary><p style="color: #eee">Pale.</p></details>'
    assert audit(browser, write_page(tmp_path, body), PHONE).violations


@pytest.mark.parametrize(
    "body",
    [
        '<img alt="" src="https://example.org/a.png">',
        '<img alt="" src="neighbour.png">',
        '<link rel="stylesheet" href="https://example.org/a.css">',
        '<script>fetch("https://example.org/").catch(() => {})</script>',
    ],
    ids=["image", "neighbouring-file", "stylesheet", "script"],
)
def test_a_request_is_recorded(browser: Browser, tmp_path: Path, body: str) -> None:
    assert len(audit(browser, write_page(tmp_path, body), PHONE).requests) == 1


def test_a_page_wider_than_its_window_overflows(browser: Browser, tmp_path: Path) -> None:
    page = write_page(tmp_path, '<div style="width: 700px">Wide.</div>')
    assert audit(browser, page, PHONE).overflow > 300
    assert audit(browser, page, View(1400, "light")).overflow == 0


def test_text_written_by_javascript_is_missing_without_it(browser: Browser, tmp_path: Path) -> None:
    page = write_page(
        tmp_path, "<p>Kept.</p><script>document.write('<p>Lost.</p><button>Copy</button>')</script>"
    )
    assert visible_lines(browser, page, javascript=True) == ["A page", "Kept.", "Lost."]
    assert visible_lines(browser, page, javascript=False) == ["A page", "Kept."]


def test_a_screenshot_is_written(browser: Browser, tmp_path: Path) -> None:
    image = screenshot(browser, write_page(tmp_path, "<p>Seen.</p>"), PHONE, tmp_path / "images")
    assert image.name == "page-400-light.png"
    assert image.read_bytes().startswith(b"\x89PNG")
