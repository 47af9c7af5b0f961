"""Pages in headless Chromium, without a network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

# Software rendering: machines that run tests have no graphics card.
ARGUMENTS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


@contextmanager
def opened(path: Path, width_px: int = 1200, height_px: int = 900, **options: Any) -> Iterator[Any]:
    """A playwright page that shows the file; fails at the end where the console had errors or a network was asked."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium on this machine: page not tried in a browser")
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: page not tried in a browser")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=browser, args=ARGUMENTS)
        page = chromium.new_page(viewport={"width": width_px, "height": height_px}, **options)
        wrong: list[str] = []
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda asked: wrong.append(asked.url) if asked.url.startswith(("http", "ws")) else None)
        page.goto(path.as_uri())
        yield page
        chromium.close()
    assert wrong == []
