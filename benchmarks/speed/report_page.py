"""What a report of a thousand clips costs a browser: the first page of copies of one clip, in headless Chromium.

    python benchmarks/speed/report_page.py OUT [--clips 1000] [--json benchmarks/results/report_page.json]

OUT is a finished run. Of its first clip, three copies in five become clips with ground truth, two refused clips with a strip
of nine frames. Every load is of a fresh profile of the browser, from file://. Needs playwright and the program ``chromium``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from sfm_gt.datasets.frames import open_dataset
from sfm_gt.report.contact_sheet import mask_strip
from sfm_gt.report.page import render
from sfm_gt.report.reasons import remedy
from sfm_gt.report.tables import table

GOOD_SHARE, STRIP, ROUNDS = 0.6, 9, 5
LIMIT_S = 3.0
REFUSALS = ("small_parallax", "scene_not_frozen", "focal_uncertain", "static_camera")
TIMES = """() => {
  const entry = performance.getEntriesByType("navigation")[0];
  return [entry.domContentLoadedEventEnd / 1000, entry.loadEventEnd / 1000];
}"""
SEARCH = """() => {
  const field = document.querySelector("input[type=search]"), start = performance.now();
  field.value = "copy-05";
  field.dispatchEvent(new Event("input", { bubbles: true }));
  document.body.getBoundingClientRect();
  return (performance.now() - start) / 1000;
}"""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_copies(arguments.out, folder, arguments.clips)
        result = {
            "clips": arguments.clips,
            "limit_s": LIMIT_S,
            "index_mb": (folder / "index.html").stat().st_size / 1e6,
        }
        result |= measure(folder / "index.html")
    view = next((arguments.out / "report" / "clips").glob("*/view.html"))
    result |= {"view_mb": view.stat().st_size / 1e6, **measure_view(view)}
    print(json.dumps(result, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


def write_copies(out: Path, folder: Path, n_clips: int) -> None:
    """A report's first page and the pictures that it shows."""
    frames = open_dataset(out).frames_of(open_dataset(out).clip_ids[0])
    pictures = sorted((out / "report" / "clips" / frames[0].clip_id).glob("*_image.jpg"))
    n_good = round(GOOD_SHARE * n_clips)
    nothing = table({"model": "model"}, [], [])
    refused = [_refusal(number) for number in range(n_clips - n_good)]
    page = render({
        "version": "copies", "levels": [], "drops": [], "thumbnails": {}, "reasons": [], "notes": [], "unscored": [],
        "protocol_line": "", "table": nothing, "sensitivity": nothing, "n_metric": n_good, "refusals": refused,
        "choices": [(reason, reason) for reason in REFUSALS],
        "mask_sheets": {refusal["name"]: _strip(folder, refusal["name"], pictures) for refusal in refused},
        "clips": [_clip(folder, number, frames[0], pictures[0]) for number in range(n_good)],
    })  # fmt: skip
    (folder / "index.html").write_text(page, encoding="utf-8")


def _clip(folder: Path, number: int, frame: Any, picture: Path) -> dict[str, Any]:
    name = f"copy-{number:04d}"
    (folder / "clips" / name).mkdir(parents=True)
    shutil.copyfile(picture, folder / "clips" / name / picture.name)
    return {"clip_id": name, "metric": True, "sigma_percent": 1.0, "worst_sigma_percent": 0.2 + number / 1000,
            "valid_share": 0.8, "n_frames": 60, "width": frame.camera.width, "height": frame.camera.height,
            "thumbnail": picture.name, "license": "CC0-1.0"}  # fmt: skip


def _refusal(number: int) -> dict[str, Any]:
    reason = REFUSALS[number % len(REFUSALS)]
    return {"what": "clip", "name": f"refused-{number:04d}", "stage": "sfm", "reason": reason, "measured": 0.31,
            "threshold": 0.05, "message": "a message of the length that messages have, with the setting and the remedy",
            "remedy": remedy(reason, "sfm")}  # fmt: skip


def _strip(folder: Path, name: str, pictures: list[Path]) -> dict[str, Any]:
    (folder / "refused" / name).mkdir(parents=True)
    for number in range(STRIP):
        shutil.copyfile(pictures[number % len(pictures)], folder / "refused" / name / f"{number:06d}.jpg")
    strip, width, height = mask_strip(folder, f"refused/{name}")
    return {"strips": [strip], "width": width, "height": height}


def measure(page_path: Path) -> dict[str, float]:
    """Medians of some loads, of one search, and what was loaded."""
    ready, loaded, searched = [], [], []
    with sync_playwright() as playwright:
        for _ in range(ROUNDS):
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
            page = browser.new_page(viewport={"width": 1200, "height": 900})
            page.goto(page_path.as_uri(), wait_until="load")
            at = page.evaluate(TIMES)
            ready.append(at[0])
            loaded.append(at[1])
            searched.append(page.evaluate(SEARCH))
            pictures = page.evaluate("[...document.images].filter((one) => one.complete && one.naturalWidth).length")
            browser.close()
    return {"ready_s": round(statistics.median(ready), 3), "loaded_s": round(statistics.median(loaded), 3),
            "loaded_worst_s": round(max(loaded), 3), "search_s": round(statistics.median(searched), 3),
            "pictures_loaded": pictures}  # fmt: skip


def measure_view(path: Path) -> dict[str, float]:
    """Seconds until the 3-D view shows its first frame, and frames a second while it is turned, in software rendering."""
    with sync_playwright() as playwright:
        arguments = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        page = browser.new_page(viewport={"width": 900, "height": 600})
        page.goto(path.as_uri())
        page.wait_for_function("document.querySelector('output').value")
        shown_s = page.evaluate("performance.now() / 1000")
        rate = page.evaluate("""() => new Promise((done) => {
          const key = new KeyboardEvent("keydown", { key: "ArrowLeft" }), start = performance.now();
          let frames = 0;
          const turn = () => {
            renderer.domElement.dispatchEvent(key);
            frames += 1;
            const passed = (performance.now() - start) / 1000;
            if (passed > 5) done(frames / passed);
            else requestAnimationFrame(turn);
          };
          requestAnimationFrame(turn);
        })""")
        browser.close()
    return {"view_shown_s": round(shown_s, 2), "view_frames_a_second": round(rate, 1)}


if __name__ == "__main__":
    main()
