"""The report's pages in a real browser: lists are searched, sorted and paged, links lead to entries, the 3-D view turns."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pytest

from sfm_gt.datasets.frames import open_dataset
from sfm_gt.report.page import render
from sfm_gt.report.scene_view import scene_page
from sfm_gt.report.tables import table
from tests.exporters.small_dataset import write_dataset
from tests.report.browser import opened

N_CLIPS, N_REFUSED = 60, 30
PHONE = {"width_px": 390, "height_px": 800}


def _clip(number: int) -> dict:
    return {
        "clip_id": f"clip-{number:03d}", "metric": number % 2 == 0, "sigma_percent": 1.5, "thumbnail": "000000_image.jpg",
        "worst_sigma_percent": float((7 * number) % N_CLIPS), "valid_share": 0.5, "n_frames": 9, "width": 64, "height": 36,
        "license": None,
    }  # fmt: skip


def _refusal(number: int) -> dict:
    reason = "static_camera" if number % 3 else "zoom"
    return {"what": "clip", "name": f"bad-{number:03d}", "stage": "sfm", "reason": reason, "message": f"tripod {number}",
            "measured": 0.1, "threshold": 0.4, "remedy": "lock `zoom`"}  # fmt: skip


@pytest.fixture
def index(tmp_path):
    """The first page of 60 clips, every other metric, and 30 refused ones, every third for its zoom."""
    nothing = table({"model": "model"}, [], [])
    path = tmp_path / "index.html"
    path.write_text(render({
        "version": "0", "levels": [], "drops": [], "thumbnails": {}, "mask_sheets": {}, "reasons": [], "notes": [],
        "unscored": [], "protocol_line": "", "table": nothing, "sensitivity": nothing, "n_metric": N_CLIPS // 2,
        "clips": [_clip(number) for number in range(N_CLIPS)],
        "choices": [("static_camera", "static_camera"), ("zoom", "zoom")],
        "refusals": [_refusal(number) for number in range(N_REFUSED)],
    }), encoding="utf-8")  # fmt: skip
    for number in range(N_CLIPS):
        picture = tmp_path / "clips" / f"clip-{number:03d}" / "000000_image.jpg"
        picture.parent.mkdir(parents=True)
        assert cv2.imwrite(str(picture), np.zeros((36, 64, 3), np.uint8))
    return path


def _seen(page, selector: str) -> list[str]:
    return page.locator(selector).evaluate_all("all => all.filter((e) => e.checkVisibility()).map((e) => e.id)")


def test_clips_are_shown_a_page_at_a_time(index):
    with opened(index) as page:
        assert _seen(page, ".clips tbody tr") == [f"clip-{number:03d}" for number in range(25)]
        loaded = "all => all.filter((image) => image.complete && image.naturalWidth).length"
        assert page.locator(".clips img").evaluate_all(loaded) <= 25, "pictures of other pages wait"
        page.get_by_label("next page").first.click()
        page.get_by_label("next page").first.click()
        assert _seen(page, ".clips tbody tr") == [f"clip-{number:03d}" for number in range(50, 60)]
        assert page.locator("output").first.text_content() == "51–60 of 60"
        assert page.get_by_label("next page").first.is_disabled()


def test_clips_are_found_by_name_and_scale_and_sorted_by_sigma(index):
    with opened(index) as page:
        page.get_by_label("Search").first.fill("CLIP 01")
        assert _seen(page, ".clips tbody tr") == ["clip-001", *(f"clip-{number:03d}" for number in range(10, 20))]
        page.get_by_label("Metric or not").select_option("sfm")
        assert _seen(page, ".clips tbody tr") == [f"clip-{number:03d}" for number in (1, 11, 13, 15, 17, 19)]
        page.get_by_label("Search").first.fill("nothing like it")
        assert page.locator("output").first.text_content() == "none"
        page.get_by_label("Search").first.fill("")
        page.get_by_label("Metric or not").select_option("")
        title = page.locator("th", has_text="worst σ")
        title.focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        worst = sorted(range(N_CLIPS), key=lambda number: -((7 * number) % N_CLIPS))
        assert _seen(page, ".clips tbody tr") == [f"clip-{number:03d}" for number in worst[:25]]


def test_refusals_are_found_by_reason_and_words(index):
    with opened(index) as page:
        page.get_by_label("Reason").select_option("zoom")
        assert _seen(page, ".refusal") == [f"refused-bad-{number:03d}" for number in range(0, 30, 3)]
        page.get_by_label("Search").last.fill("tripod 27")
        assert _seen(page, ".refusal") == ["refused-bad-027"]
        assert "What to change: lock zoom" in page.locator("#refused-bad-027").text_content()


def test_a_link_to_a_clip_opens_the_page_of_the_list_that_it_is_on(index):
    with opened(index) as page:
        page.goto(f"{index.as_uri()}#clip-055")
        assert "clip-055" in _seen(page, ".clips tbody tr")
        assert page.locator("#clip-055").evaluate("e => e.getBoundingClientRect().top < innerHeight")


def test_nothing_is_wider_than_a_phone(index):
    with opened(index, **PHONE) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width_px"]


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    """The 3-D view of a small clip."""
    folder = tmp_path_factory.mktemp("view")
    path = folder / "view.html"
    path.write_text(scene_page("a clip", open_dataset(write_dataset(folder)).frames_of("near-000")), encoding="utf-8")
    return path


def test_the_view_shows_points_in_both_colours_cameras_and_turns(view):
    with opened(view, color_scheme="dark") as page:
        page.wait_for_function("document.querySelector('output').value === '3, 0.62 s'")
        said, canvas = page.locator("output"), page.locator("canvas")

        def picture():
            # Neither the controls nor the outline of what has the focus.
            return page.screenshot(clip={"x": 100, "y": 50, "width": 1000, "height": 700})

        pictures = [picture()]
        assert len(np.unique(cv2.imdecode(np.frombuffer(pictures[0], np.uint8), 1).reshape(-1, 3), axis=0)) > 100
        assert not page.locator(".colours").is_visible()
        page.get_by_label("Colour").select_option("sigma")
        assert page.locator(".colours").is_visible()
        pictures.append(picture())
        page.get_by_label("Frame").focus()
        page.keyboard.press("End")
        assert said.text_content() == "9, 0.86 s"
        pictures.append(picture())
        canvas.focus()
        page.keyboard.press("ArrowLeft")
        page.wait_for_timeout(200)
        pictures.append(picture())
        page.mouse.move(600, 300)
        page.mouse.down()
        page.mouse.move(700, 340)
        page.mouse.up()
        page.wait_for_timeout(200)
        pictures.append(picture())
        assert len(set(pictures)) == len(pictures), "each step changes the picture"


def test_the_view_stays_small(view):
    # Nearly all of a page is 80,000 points of 19 bytes in base64 and 0.7 MB of viewer; this one has 15,000.
    assert view.stat().st_size < 1_200_000
    assert re.findall(r'(?:src|href)="(?!data:)', view.read_text()) == []
