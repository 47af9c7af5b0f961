"""README's picture of a report: the page of a clip of a finished run, as headless Chromium shows it.

    python benchmarks/figures/report_picture.py OUT

OUT is a run on the embedded clip (``make demo``); needs the program ``chromium``. Writes docs/pictures/report.webp.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "pictures" / "report.webp"
CLIP = "mannequin-000"
SIZE_PX = (1000, 950)
QUALITY = 80


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="output folder of the run")
    report = parser.parse_args().out.resolve() / "report" / "clips" / CLIP / "index.html"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
        page = browser.new_page(viewport={"width": SIZE_PX[0], "height": SIZE_PX[1]})
        page.goto(report.as_uri(), wait_until="networkidle")
        Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(PICTURE, quality=QUALITY, method=6)
        browser.close()


if __name__ == "__main__":
    main()
