"""Opens a page in headless Chromium and measures what a reader would meet."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

type Scheme = Literal["light", "dark"]

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_ARGS = (
    "--no-sandbox",  # containers run as root, where Chromium's sandbox refuses to start
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
INLINE_SCHEMES = ("data:", "blob:", "about:")

VISIBLE_LINES = """() => {
    document.querySelectorAll('button').forEach(button => button.remove());
    return document.body.innerText.split('\\n').map(line => line.trim()).filter(Boolean);
}"""
OPEN_DETAILS = "document.querySelectorAll('details').forEach(details => { details.open = true; })"
WIDTH_BEYOND_WINDOW = "document.scrollingElement.scrollWidth - window.innerWidth"


@dataclass(frozen=True)
class View:
    """A window the report is read in."""

    width: int
    scheme: Scheme

    def __str__(self) -> str:
        return f"{self.width}-{self.scheme}"


SCHEMES: tuple[Scheme, ...] = ("light", "dark")
VIEWS = tuple(View(width, scheme) for width, scheme in product((1400, 400), SCHEMES))


@dataclass(frozen=True)
class Audit:
    """What one page did in one view."""

    violations: tuple[str, ...]
    requests: tuple[str, ...]
    overflow: int
    """Pixels by which the page is wider than its window; details are open."""


def find_chromium() -> str:
    """Return the browser named by ``CHROMIUM``, or the first one installed."""
    named = os.environ.get("CHROMIUM")
    found = named or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if found is None:
        raise FileNotFoundError(
            f"no Chromium found: install one of {', '.join(CHROMIUM_NAMES)}, or set CHROMIUM"
        )
    return found


@contextmanager
def open_browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=list(CHROMIUM_ARGS)
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_page(
    browser: Browser, html: Path, view: View, *, javascript: bool = True
) -> Iterator[tuple[Page, list[str]]]:
    """Open ``html`` and yield the page with the list of requests it makes."""
    address = html.resolve().as_uri()
    requests: list[str] = []

    def record(url: str) -> None:
        if url.partition("#")[0] != address and not url.startswith(INLINE_SCHEMES):
            requests.append(url)

    context = browser.new_context(
        viewport={"width": view.width, "height": 900},
        color_scheme=view.scheme,
        reduced_motion="reduce",
        java_script_enabled=javascript,
        offline=True,
    )
    try:
        page = context.new_page()
        page.on("request", lambda request: record(request.url))
        page.on("websocket", lambda socket: record(socket.url))
        page.goto(address, wait_until="load")
        yield page, requests
    finally:
        context.close()


def audit(browser: Browser, html: Path, view: View) -> Audit:
    with open_page(browser, html, view) as (page, requests):
        # What sits in a closed <details> is skipped by axe and has no width.
        page.evaluate(OPEN_DETAILS)
        overflow = page.evaluate(WIDTH_BEYOND_WINDOW)
        # A copy, because axe itself may load what the page refers to.
        made = tuple(requests)
        found = Axe().run(page).response["violations"]
    violations = tuple(
        f"{violation['id']} ({violation['impact']}): {violation['help']}: {node['html'][:200]}"
        for violation in found
        for node in violation["nodes"]
    )
    return Audit(violations=violations, requests=made, overflow=max(0, overflow))


def visible_lines(browser: Browser, html: Path, *, javascript: bool) -> list[str]:
    """The lines of text a reader sees; the labels of buttons, which need JavaScript, left out."""
    with open_page(browser, html, VIEWS[0], javascript=javascript) as (page, _):
        lines: list[str] = page.evaluate(VISIBLE_LINES)
    return lines


def screenshot(browser: Browser, html: Path, view: View, folder: Path) -> Path:
    """Write the whole page as it opens and return the image's path."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{html.stem}-{view}.png"
    with open_page(browser, html, view) as (page, _):
        page.screenshot(path=target, full_page=True)
    return target
