"""Write a report as images: ``python tests/browser/screenshots.py REPORT.html FOLDER``."""

import sys
from pathlib import Path

from page_audit import VIEWS, open_browser, screenshot


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print("usage: screenshots.py REPORT.html FOLDER", file=sys.stderr)
        return 2
    report, folder = map(Path, arguments)
    if not report.is_file():
        print(f"{report} is not a file", file=sys.stderr)
        return 2
    with open_browser() as browser:
        for view in VIEWS:
            print(screenshot(browser, report, view, folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
