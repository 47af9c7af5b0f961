"""The report: every number of the funnel by hand, nothing refused goes unnamed, and a page that needs no network."""

from __future__ import annotations

import hashlib
import re
from html.parser import HTMLParser

import av
import cv2
import numpy as np
import pandas as pd
import pytest

from sfm_gt.config import EvaluateConfig, ModelConfig, ReportConfig
from sfm_gt.dense.shared.cleaning import Rule
from sfm_gt.errors import InputError
from sfm_gt.formats import dataset_layout as layout
from sfm_gt.formats.frame_folder import write_thumbnail
from sfm_gt.formats.manifest import Manifest, write_json, write_manifest
from sfm_gt.formats.verdict import gather
from sfm_gt.report.datasheet import limits
from sfm_gt.report.pictures import INVALID_RGB, save_picture
from sfm_gt.stages import evaluate, report, summary

CLIPS = ("far", "lost", "near")


@pytest.fixture
def page(workspace, predict_by_hand, tiny):
    """Path of the report's first page, with one model that misses frame 30."""
    gt = np.nan_to_num(tiny.gt, nan=1.0)
    for clip in ("near", "far"):
        predict_by_hand("net", clip, "metric_depth", lambda i: None if i == 30 else gt * 1.1)
    evaluate.run(
        workspace,
        EvaluateConfig(min_pixels=20, protocols=("sfm_gt", "moge")),
        [ModelConfig(name="net", method="constant")],
        CLIPS,
    )
    report.run(workspace, ReportConfig(), CLIPS)
    return workspace.report / "index.html"


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found: list[str] = []
        self.open_tags: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in ("src", "href") and value]
        if tag not in ("meta", "link", "img", "br", "input", "path", "use", "rect"):
            self.open_tags.append(tag)

    def handle_endtag(self, tag):
        if tag not in ("path", "use", "rect"):
            assert self.open_tags.pop() == tag


def test_every_link_leads_to_a_file_beside_the_page(page):
    pages = [page, *sorted(page.parent.glob("clips/*/*.html"))]
    assert len(pages) == 5
    for each in pages:
        links = _Links()
        links.feed(each.read_text())
        assert links.open_tags == []
        local = [link.partition("#")[0] for link in links.found if not link.startswith(("#", "data:"))]
        for link in local:
            assert not re.match(r"[a-z]+:|/", link)
            assert (each.parent / link).is_file()
        assert each.name == "view.html" or any(link.endswith("_image.jpg") for link in local)


def test_funnel_by_hand(page):
    text = re.sub(r"<[^>]+>", "", page.read_text())
    text = re.sub(r"\s+", " ", text)
    assert "videos 3 of 4 · 75 %" in text
    assert "shots 3 of 4 · 75 %" in text
    assert "frames in clips 75 of 85" in text
    assert "the rest: too_short 3, transition 7" in page.read_text()
    assert "clips 2 of 3 · 67 %" in text
    assert "frames registered 8 of 75" in text
    assert "frames with ground truth 6 of 75" in text
    assert f"pixels of these frames {6 * 176:,} of {6 * 192:,}".replace(",", " ") in text


def test_frames_that_an_accepted_clip_leaves_out_are_named(workspace, page):
    measures = {"registered_frames": 4.0, "frames_not_at_rest": 2, "frames_not_registered": 19}
    write_manifest(workspace.clip_stage("near", "sfm"), Manifest("sfm", 1, measures=measures))
    gather(workspace, "near", workspace.verdict("near"))
    write_json(workspace.dataset / layout.DATASET_JSON, {"format_version": 2, "clips": ["far", "near"], "frames": 6})
    report.run(workspace, ReportConfig(), CLIPS)
    assert "the rest: not_at_rest 2, not_registered 19, of rejected clips" in page.read_text()
    said = summary.run(workspace)
    assert "left out: near: 2 of 25 frames lie outside of the frozen interval [not_at_rest]" in said
    assert "left out: near: 19 of 25 frames fit no model with the others (another take, blur) [not_registered]" in said
    assert "left out: far" not in said


def test_frames_without_depth_are_named_with_why(workspace, page):
    for stage, measures in (
        ("sfm", {"registered_frames": 20}),
        ("dense", {"frames": 5}),
        ("dataset", {"dropped_frames": 2}),
    ):
        write_manifest(workspace.clip_stage("near", stage), Manifest(stage, 1, measures=measures))
    gather(workspace, "near", workspace.verdict("near"))
    write_json(workspace.dataset / layout.DATASET_JSON, {"format_version": 2, "clips": ["far", "near"], "frames": 6})
    report.run(workspace, ReportConfig(), CLIPS)
    lost = "the rest: too_little_depth 2, between steps of dense.frame_step 15, of rejected clips, without a pose"
    assert lost in page.read_text()
    too_little = "2 of 25 frames have valid depth at less than dataset.min_valid of the picture [too_little_depth]"
    assert f"left out: near: {too_little}" in summary.run(workspace)


def test_the_summary_says_how_many_clips_are_metric(workspace, page):
    write_json(workspace.dataset / layout.DATASET_JSON, {"clips": ["far", "near"], "frames": 6})
    write_manifest(workspace.clip_stage("near", "dataset"), Manifest("dataset", 1, measures={"metric": True}))
    gather(workspace, "near", workspace.verdict("near"))
    assert "2 with ground truth (1 of them metric), 6 frames" in summary.run(workspace)


def test_the_summary_fails_with_the_names_of_what_collect_found_stale(workspace, page):
    write_json(workspace.dataset / layout.DATASET_JSON, {"clips": ["far", "near"], "frames": 6})
    write_json(workspace.collected, {"key": "k", "stale": ["videos/near", "predictions/net/far"]})
    with pytest.raises(
        InputError, match="not of the present inputs and settings: videos/near, predictions/net/far; run again"
    ):
        summary.run(workspace)


def test_what_cleaning_dropped_by_hand(workspace, page):
    counts = {f"{verb}_{rule.label}": 0 for rule in Rule for verb in ("dropped", "found")}
    counts |= {"pixels_with_depth": 1000, "dropped_uncertain": 30, "found_uncertain": 30, "found_sky": 5}
    for clip in ("far", "near"):
        write_manifest(workspace.clip_stage(clip, "clean"), Manifest("clean", 1, measures=counts))
        gather(workspace, clip, workspace.verdict(clip))
    report.run(workspace, ReportConfig(), CLIPS)
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.read_text()))
    assert "uncertain 60 3.00 % 3.00 %" in text
    assert "sky 0 0.00 % 0.50 %" in text


def test_a_refused_clip_is_shown(workspace, page):
    write_thumbnail(workspace.verdict("lost") / "thumbnails" / "lost.jpg", np.zeros((90, 160, 3), np.uint8))
    report.run(workspace, ReportConfig(), CLIPS)
    assert 'src="refused/lost.jpg"' in page.read_text()
    assert (page.parent / "refused" / "lost.jpg").is_file()


def test_masks_of_a_refused_clip_are_shown_and_those_of_a_good_one_are_not(workspace, page):
    for clip in ("lost", "near"):
        for index in (7, 31):
            save_picture(
                workspace.verdict(clip) / "mask_sheets" / clip / f"{index:06d}.jpg", np.zeros((90, 160, 3), np.uint8)
            )
    report.run(workspace, ReportConfig(), CLIPS)
    (shown,) = re.findall(r'<article class="refusal" id="refused-lost".*?</article>', page.read_text(), re.DOTALL)
    assert 'src="refused/lost/000031.jpg" alt="Masks before SfM, frame 31" width="160" height="90"' in shown
    assert sorted(p.name for p in (page.parent / "refused" / "lost").iterdir()) == ["000007.jpg", "000031.jpg"]
    assert "refused/near" not in page.read_text()


def test_everything_refused_is_named_with_reason_figures_and_what_to_change(page):
    refusals = dict(
        re.findall(r'<article class="refusal" id="refused-(.*?)".*?>(.*?)</article>', page.read_text(), re.DOTALL)
    )
    assert list(refusals) == ["b.mp4", "far-001", "near-transition-000", "lost"]
    assert "not_a_video" in refusals["b.mp4"]
    assert "b.mp4: &lt;text&gt;" in refusals["b.mp4"]
    assert "measured" not in refusals["b.mp4"], "there is no figure"
    assert "copy or remux the file, as the message says" in refusals["b.mp4"]
    for words in ("too_short", "measured 3 ", "needed 15", "nothing, or film longer takes"):
        assert words in refusals["far-001"]
    for words in ("no_parallax", "measured 0.4 ", "needed 1<", "lost.mp4: the camera only turns"):
        assert words in refusals["lost"]


def test_clip_without_metres_says_so(page):
    far, near = ((page.parent / "clips" / clip / "index.html").read_text() for clip in ("far", "near"))
    assert "metric: false" in far
    assert "SfM units" in far
    assert "metric: false" not in near
    assert "1 SfM unit = 2 m ± 1 %" in near
    assert "z-depth in m" in near
    assert "net, aligned by median" in far
    assert "net, unaligned" in near
    assert "no prediction" in near


def test_a_clip_states_its_focal_length_and_warns_where_it_is_hardly_known(page, workspace):
    index = workspace.dataset / layout.INDEX_NAME
    rows = pd.read_parquet(index)
    rows.loc[rows.clip_id == "far", "focal_sigma_rel"] = 0.22
    rows.to_parquet(index, index=False)
    report.run(workspace, ReportConfig(), CLIPS)
    far, near = ((page.parent / "clips" / clip / "index.html").read_text() for clip in ("far", "near"))
    assert "Focal length 20 px ± 22 %" in far
    assert "points, normals and angles do" in far
    assert "Focal length 20 px ± 0.4 %" in near
    assert "points, normals and angles do" not in near
    stated = limits(rows.to_dict("records"), [{}, {}])
    assert any("In 1 of 2 clips the focal length has a sigma above 12 %" in line for line in stated)


def test_first_page_lists_clips_with_scale_and_worst_sigma(page, workspace):
    path = layout.layer_path(workspace.dataset, "far", "sigma", 30)
    assert cv2.imwrite(str(path), 3 * cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
    report.run(workspace, ReportConfig(), CLIPS)
    far, near = re.findall(r'<tr id="(?:far|near)".*?</tr>', page.read_text(), re.DOTALL)
    assert 'data-kind="sfm"' in far
    assert 'href="clips/far/index.html"' in far
    assert ">3.00</td>" in far, "of the worst frame"
    assert 'data-kind="metric"' in near
    assert near.count(">1.00</td>") == 2, "of depth, and of the scale"


def test_video_shows_every_frame_with_image_ground_truth_and_prediction(page, tiny):
    with av.open(str(page.parent / "clips" / "near" / "side_by_side.mp4")) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(pictures) == len(tiny.frames)
    below = [picture[-tiny.height :].astype(float) for picture in pictures]
    image, gt, prediction = (below[0][:, n * tiny.width : (n + 1) * tiny.width] for n in range(3))
    assert below[0].shape[1] == 3 * tiny.width
    # A tenth too far is nearly the colour of the ground truth, and no colour of the image.
    assert np.abs(gt - prediction).mean() < np.abs(gt - image).mean()
    # Frame 30 has no prediction: grey, to the precision of the video.
    missing = below[-1][:, 2 * tiny.width :]
    np.testing.assert_allclose(missing.mean(axis=(0, 1)), INVALID_RGB, atol=10)


def test_unfinished_clip_is_named(workspace, page):
    report.run(workspace, ReportConfig(), (*CLIPS, "torn"))
    assert "unfinished" in page.read_text()


def test_the_same_bytes_when_run_again(workspace, page):
    def digest():
        return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in page.parent.rglob("*") if p.is_file()}

    first = digest()
    report.run(workspace, ReportConfig(), CLIPS)
    assert digest() == first


def test_empty_dataset_gives_a_page(workspace):
    index = workspace.dataset / layout.INDEX_NAME
    pd.read_parquet(index).iloc[:0].to_parquet(index, index=False)
    evaluate.run(workspace, EvaluateConfig(), [], CLIPS)
    report.run(workspace, ReportConfig(), CLIPS)
    assert "No frame was scored." in (workspace.report / "index.html").read_text()
